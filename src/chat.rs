//! The chat grammar. Pure: what people type, and what it means.

pub mod command;
pub mod grammar;
pub mod manual;
pub mod offers;
pub mod pull_request;
pub mod slack;
pub mod spoken;
pub mod target;
pub mod vocabulary;
pub mod words;
