//! A clock that stands still until a test moves it. Chima and both stand-ins live by the same one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chima::app::clock::SystemClock;
use chima::domain::clock::{Clock, Timestamp};
use chrono::SubsecRound;
use ulid::Ulid;

/// Clones share the hands. The ids it hands out grow, also while it stands.
#[derive(Debug, Clone)]
pub struct HandClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    now: Timestamp,
    ids: u128,
}

impl HandClock {
    /// Stands at the last whole second of the machine's time: near enough for tokens that the machine's clock judges.
    pub fn new() -> Self {
        let now = SystemClock::default().now().trunc_subsecs(0);
        Self(Arc::new(Mutex::new(Hands { now, ids: 0 })))
    }

    pub fn advance(&self, step: Duration) {
        self.0.lock().unwrap().now += step;
    }

    pub fn simulators(&self) -> chima_simulator::clock::Clock {
        let hands = self.clone();
        chima_simulator::clock::Clock::from_fn(move || hands.now())
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    fn fresh_ulid(&self) -> Ulid {
        let mut hands = self.0.lock().unwrap();
        hands.ids += 1;
        Ulid::from_parts(hands.now.timestamp_millis().unsigned_abs(), hands.ids)
    }
}
