//! How long to wait before something is tried again.

use std::time::Duration;

/// Between two tries that came to nothing.
const LONGEST: Duration = Duration::from_secs(30);

/// No server may ask for more patience than this at once.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Pauses that grow.
#[derive(Debug)]
pub(super) struct Pace {
    first: Duration,
    next: Duration,
}

impl Pace {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The next pause; at least what the server asked for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(LONGEST.max(self.first));
        pause.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// For people: `0.3 s`, `12 s`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        let tenths = (duration.as_secs_f64() * 10.0).round() / 10.0;
        format!("{tenths} s")
    } else {
        format!("{} s", duration.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_server_may_ask_for_longer_ones() {
        let mut pace = Pace::new(Duration::from_secs(4));
        let mut pauses = |asked: Option<u64>| pace.next(asked.map(Duration::from_secs)).as_secs();
        let asked = [None, None, None, None, Some(90), Some(9999), Some(1)];
        assert_eq!(asked.map(&mut pauses), [4, 8, 16, 30, 90, 300, 30]);
        pace.reset();
        assert_eq!(pace.next(None).as_secs(), 4);
    }

    #[test]
    fn seconds_are_as_exact_as_they_are_of_interest() {
        let shown = [304, 1000, 9940, 12_700].map(|millis| seconds(Duration::from_millis(millis)));
        assert_eq!(shown, ["0.3 s", "1 s", "9.9 s", "12 s"]);
    }
}
