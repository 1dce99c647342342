//! What people read: run events and reasons to statuses and notifications. Pure.
//!
//! All wording lives here, so that a fact is called the same everywhere. Text from outside passes through
//! [`crate::domain::names::shown`] on its way into a sentence.

pub mod auto_deploy;
pub mod backup;
pub mod cancel;
pub mod catalogue;
pub mod chat;
pub mod comment;
pub mod creation;
pub mod duration;
pub mod event;
pub mod foreign;
pub mod lock;
pub mod log_text;
pub mod protection;
pub mod reference;
pub mod repositories;
pub mod sentence;
pub mod slack;
pub mod status;
mod words;

#[cfg(test)]
mod tests;
