//! The protocol by which deployments are taken in and carried out, as a model that is small enough to be looked at whole.
//!
//! A crate of its own so that it is compiled with optimisation wherever it is used: a search looks at millions of steps.
//! `tests/it/protocol.rs` runs it. A change of the real protocol changes [`steps`] with it.

pub mod search;
pub mod state;
pub mod steps;
