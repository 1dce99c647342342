//! How much each may ask: an allowance that fills up with time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::clock::Timestamp;

/// Of the API, in the long run.
const PER_SECOND: f64 = 20.0;
/// At once.
const BURST: f64 = 400.0;
/// So many are remembered; those who asked for nothing for longest have their full allowance again anyway.
const REMEMBERED: usize = 1024;

/// What is left for each, by name.
#[derive(Debug)]
pub(in crate::http) struct Limits {
    per_second: f64,
    burst: f64,
    left: Mutex<HashMap<String, (f64, Timestamp)>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(PER_SECOND, BURST)
    }
}

impl Limits {
    /// So many in the long run, and so many at once.
    pub(in crate::http) fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst,
            left: Mutex::default(),
        }
    }

    /// Takes one from somebody's allowance; after how many seconds there is one again where there is none.
    pub(in crate::http) fn take(&self, who: &str, now: Timestamp) -> Result<(), u64> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |(had, at): (f64, Timestamp)| {
            let seconds = (now - at).as_seconds_f64().max(0.0);
            (had + seconds * self.per_second).min(self.burst)
        };
        if left.len() >= REMEMBERED && !left.contains_key(who) {
            left.retain(|_, known| filled(*known) < self.burst);
        }
        let had = left.get(who).map_or(self.burst, |known| filled(*known));
        if had < 1.0 {
            // at least one second, at most what is left of one more
            let seconds = ((1.0 - had) / self.per_second).ceil().max(1.0);
            return Err(seconds as u64);
        }
        left.insert(who.to_owned(), (had - 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let limits = Limits::default();
        let begun: Timestamp = DateTime::UNIX_EPOCH;
        let passed = (0..1000).filter(|_| limits.take("one", begun).is_ok()).count();
        assert_eq!(passed, 400);
        assert!(limits.take("other", begun).is_ok());
        let later = begun + TimeDelta::seconds(2);
        let passed = (0..1000).filter(|_| limits.take("one", later).is_ok()).count();
        assert_eq!(passed, 40);
    }
}
