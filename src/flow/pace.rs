//! The pace of statuses to GitHub and of messages to Slack: below their limits by itself, and silent while they ask for
//! silence.
//!
//! GitHub allows 80 content-creating calls a minute. A short burst passes at once, so that one deployment is told
//! without delay; a flood is spread.

use std::sync::{Mutex, PoisonError};

use crate::domain::clock::Timestamp;

/// A token bucket with a closed sign.
#[derive(Debug)]
pub struct Pace {
    per_minute: f64,
    burst: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled_at: Option<Timestamp>,
    closed_until: Option<Timestamp>,
}

impl Pace {
    /// At most `per_minute` calls a minute in the long run, and a third of that on top in a burst.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let burst = (f64::from(per_minute) / 3.0).max(1.0);
        Self {
            per_minute: f64::from(per_minute),
            burst,
            state: Mutex::new(State {
                tokens: burst,
                filled_at: None,
                closed_until: None,
            }),
        }
    }

    /// Takes up to `wanted` places that are free now.
    pub fn take(&self, wanted: u32, now: Timestamp) -> u32 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed_until.is_some_and(|until| now < until) {
            return 0;
        }
        if let Some(at) = state.filled_at {
            let seconds = (now - at).to_std().unwrap_or_default().as_secs_f64();
            state.tokens = (state.tokens + seconds * self.per_minute / 60.0).min(self.burst);
        }
        state.filled_at = Some(now);
        let mut taken = 0;
        while taken < wanted && state.tokens >= 1.0 {
            state.tokens -= 1.0;
            taken += 1;
        }
        taken
    }

    /// Gives back places that were not needed.
    pub fn give_back(&self, places: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tokens = (state.tokens + f64::from(places)).min(self.burst);
    }

    /// Nobody calls until `until`: GitHub said so.
    pub fn close(&self, until: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed_until = Some(state.closed_until.map_or(until, |earlier| earlier.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let pace = Pace::new(60);
        assert_eq!(pace.take(100, at(0)), 20);
        assert_eq!(pace.take(1, at(999)), 0);
        assert_eq!(pace.take(8, at(1000)), 1);
        pace.give_back(1);
        assert_eq!(pace.take(8, at(1000)), 1);
    }

    #[test]
    fn no_minute_sees_more_than_github_allows() {
        let pace = Pace::new(60);
        let passed: u32 = (0..60_000).map(|ms| pace.take(8, at(ms))).sum();
        assert!(passed <= 80, "{passed}");
    }

    #[test]
    fn a_wait_that_github_asked_for_is_kept() {
        let pace = Pace::new(60);
        pace.close(at(5000));
        pace.close(at(3000));
        assert_eq!(pace.take(1, at(4999)), 0);
        assert_eq!(pace.take(1, at(5000)), 1);
    }
}
