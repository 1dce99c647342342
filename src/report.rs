//! What people read: run events and reasons to statuses and notifications. Pure.
//!
//! All wording lives here, so that a fact is called the same everywhere. Text from outside passes through
//! [`crate::domain::names::shown`] on its way into a sentence.

pub mod audit;
pub mod auto_deploy;
pub mod backup;
pub mod cancel;
pub mod card;
pub mod catalogue;
pub mod chat;
pub mod comment;
pub mod creation;
pub mod csv;
pub mod drift;
pub mod duration;
pub mod escapes;
pub mod estimate;
pub mod event;
pub mod force;
pub mod foreign;
pub mod health;
pub mod lock;
pub mod log_text;
pub mod mail;
pub mod markdown;
pub mod needs;
pub mod news;
pub mod outlook;
pub mod painted;
pub mod plot;
pub mod protection;
pub mod queue;
pub mod reference;
pub mod repositories;
pub mod sentence;
pub mod slack;
pub mod stages;
pub mod status;
mod terminal;
pub mod trace;
pub mod watch;
mod words;

#[cfg(test)]
mod tests;
