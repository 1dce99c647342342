//! The pace of writes to another service: below its limits by itself, and silent while it asks for silence.
//!
//! Two allowances that fill up with time, one for the minute and one for the hour. What is full passes at once, so that one
//! deployment is told without delay; a flood is spread. Half of the hour's is kept for last words, so that intermediate states
//! never use up what an end needs.

use crate::domain::clock::Timestamp;

/// How many writes there may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    minute: Allowance,
    hour: Option<Allowance>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Allowance {
    per_second: f64,
    most: f64,
}

impl Allowance {
    fn filled(self, left: f64, seconds: f64) -> f64 {
        (left + seconds * self.per_second).min(self.most)
    }
}

/// What is left of a pace. All processes of an installation share one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Writes left of the minute's allowance.
    pub minute: f64,
    /// Writes left of the hour's.
    pub hour: f64,
    /// When that was so.
    pub at: Timestamp,
    /// Nobody writes before this.
    pub closed_until: Option<Timestamp>,
}

impl Pace {
    /// At most `per_minute` in the long run, and a third of that on top in a burst.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self {
            minute: Allowance {
                per_second: f64::from(per_minute) / 60.0,
                most: (f64::from(per_minute) / 3.0).max(1.0),
            },
            hour: None,
        }
    }

    /// One a second, and none on top.
    #[must_use]
    pub fn steady() -> Self {
        Self {
            minute: Allowance {
                per_second: 1.0,
                most: 1.0,
            },
            hour: None,
        }
    }

    /// And never more than `per_hour` in any hour: a quarter of it at once, the rest spread.
    #[must_use]
    pub fn with_hour(self, per_hour: u32) -> Self {
        let hour = Allowance {
            per_second: f64::from(per_hour) * 0.75 / 3600.0,
            most: (f64::from(per_hour) * 0.25).max(1.0),
        };
        Self {
            hour: Some(hour),
            ..self
        }
    }

    /// What an installation begins with.
    #[must_use]
    pub fn fresh(&self, now: Timestamp) -> Standing {
        Standing {
            minute: self.minute.most,
            hour: self.hour.map_or(0.0, |hour| hour.most),
            at: now,
            closed_until: None,
        }
    }

    /// What is left after one more write; `None` where it has to wait. `last` is a last word.
    #[must_use]
    pub fn take(&self, standing: Standing, now: Timestamp, last: bool) -> Option<Standing> {
        if standing.closed_until.is_some_and(|until| now < until) {
            return None;
        }
        // a clock that was set back fills nothing
        let seconds = (now - standing.at).to_std().unwrap_or_default().as_secs_f64();
        let minute = self.minute.filled(standing.minute, seconds) - 1.0;
        let (hour, enough) = match self.hour {
            Some(allowance) => {
                let left = allowance.filled(standing.hour, seconds) - 1.0;
                let reserve = if last { 0.0 } else { (allowance.most / 2.0).floor() };
                (left, left >= reserve)
            }
            None => (standing.hour, true),
        };
        (minute >= 0.0 && enough).then_some(Standing {
            minute,
            hour,
            at: now,
            closed_until: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    /// How many of `wanted` pass at this moment.
    fn pass(pace: Pace, standing: &mut Standing, now: Timestamp, wanted: u32, last: bool) -> u32 {
        let mut passed = 0;
        while passed < wanted
            && let Some(left) = pace.take(*standing, now, last)
        {
            *standing = left;
            passed += 1;
        }
        passed
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let pace = Pace::new(60);
        let mut standing = pace.fresh(at(0));
        assert_eq!(pass(pace, &mut standing, at(0), 100, true), 20);
        assert_eq!(pass(pace, &mut standing, at(999), 1, true), 0);
        assert_eq!(pass(pace, &mut standing, at(1000), 8, true), 1);
    }

    #[test]
    fn no_minute_sees_more_than_github_allows() {
        let pace = Pace::new(60);
        let mut standing = pace.fresh(at(0));
        let passed: u32 = (0..60_000).map(|ms| pass(pace, &mut standing, at(ms), 8, true)).sum();
        assert!((79..=80).contains(&passed), "{passed}");
    }

    #[test]
    fn no_hour_sees_more_than_github_allows() {
        let pace = Pace::new(60).with_hour(480);
        let mut standing = pace.fresh(at(0));
        let passed: u32 = (0..3600)
            .map(|second| pass(pace, &mut standing, at(second * 1000), 80, true))
            .sum();
        assert!((478..=480).contains(&passed), "{passed}");
    }

    #[test]
    fn half_of_the_hours_allowance_is_kept_for_last_words() {
        let pace = Pace::new(60_000).with_hour(480);
        let mut standing = pace.fresh(at(0));
        assert_eq!(pass(pace, &mut standing, at(0), 500, false), 60);
        assert_eq!(pass(pace, &mut standing, at(0), 500, true), 60);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept() {
        let pace = Pace::new(60);
        let standing = Standing {
            closed_until: Some(at(5000)),
            ..pace.fresh(at(0))
        };
        assert_eq!(pace.take(standing, at(4999), true), None);
        assert!(pace.take(standing, at(5000), true).is_some());
    }

    #[test]
    fn a_clock_that_was_set_back_gives_nothing_away() {
        let pace = Pace::new(60);
        let mut standing = pace.fresh(at(60_000));
        assert_eq!(pass(pace, &mut standing, at(60_000), 100, true), 20);
        assert_eq!(pass(pace, &mut standing, at(0), 1, true), 0);
    }
}
