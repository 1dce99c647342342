//! The chat grammar and command engine. Pure.

pub mod target;
