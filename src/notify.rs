//! Senders of notifications. They leave through the outbox only, so a dead chat never delays a deployment.

pub mod discord;
pub mod email;
pub mod otlp;
pub mod post;
pub mod room;
pub mod signed;
pub mod slack;
