//! The real clock, the only place that asks the operating system for time and randomness.

use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use ulid::{Generator, Ulid};

use crate::domain::clock::{Clock, Timestamp};

/// The system's clock. Its ids grow, also within one millisecond.
#[derive(Debug, Default)]
pub struct SystemClock {
    generator: Mutex<Generator>,
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is handed"
    )]
    fn now(&self) -> Timestamp {
        Utc::now()
    }

    fn fresh_ulid(&self) -> Ulid {
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        // the generator refuses only after 2^80 ids in one millisecond
        generator.generate().unwrap_or_else(|_| Ulid::generate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond() {
        let clock = SystemClock::default();
        let ids: Vec<Ulid> = (0..10_000).map(|_| clock.fresh_ulid()).collect();
        assert!(ids.is_sorted());
    }
}
