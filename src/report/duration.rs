//! Lengths of time as people read them: `41 s`, `3 min 20 s`, `2 h 5 min`.

use chrono::TimeDelta;

use crate::domain::run::Run;

/// A length of time in at most two units. A negative one (a clock was set back) is `0 s`.
#[must_use]
pub fn span(length: TimeDelta) -> String {
    let millis = length.num_milliseconds().max(0);
    let (minutes, hours, days) = (millis / 60_000, millis / 3_600_000, millis / 86_400_000);
    match millis {
        0 => "0 s".to_owned(),
        1..1_000 => format!("0.{} s", (millis / 100).max(1)),
        1_000..60_000 => format!("{} s", millis / 1_000),
        60_000..3_600_000 => two(minutes, "min", millis / 1_000 % 60, "s"),
        3_600_000..86_400_000 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// Whole seconds, as the configuration has them.
#[must_use]
pub fn span_of_seconds(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    span(TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX))
}

/// How long a run has worked, once it is over.
#[must_use]
pub fn worked(run: &Run) -> Option<TimeDelta> {
    Some(run.finished_at? - run.started_at?)
}

fn two(many: i64, big: &str, few: i64, small: &str) -> String {
    if few == 0 {
        format!("{many} {big}")
    } else {
        format!("{many} {big} {few} {small}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        for (millis, expected) in [
            (-5_000, "0 s"),
            (0, "0 s"),
            (3, "0.1 s"),
            (420, "0.4 s"),
            (999, "0.9 s"),
            (1_000, "1 s"),
            (41_700, "41 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (3_599_999, "59 min 59 s"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 5 min"),
            (86_400_000, "1 d"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(TimeDelta::milliseconds(millis)), expected);
        }
    }

    #[test]
    fn no_number_of_seconds_is_too_large() {
        assert!(span_of_seconds(u64::MAX).ends_with(" h"));
        assert_eq!(span_of_seconds(1_800), "30 min");
    }
}
