//! The chat grammar and command engine. Pure.
