//! Time and fresh identifiers as values handed in, so that tests decide both.
//!
//! The real implementations live in `app`; nothing else in the crate may ask the operating system for either.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use ulid::Ulid;

/// A moment, to the millisecond where it is stored.
pub type Timestamp = DateTime<Utc>;

/// Where time and random identifiers come from.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// An identifier that sorts after every identifier of an earlier millisecond.
    fn fresh_ulid(&self) -> Ulid;
}
