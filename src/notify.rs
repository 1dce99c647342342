//! Senders of notifications. They leave through the outbox only, so a dead chat never delays a deployment.

pub mod slack;
