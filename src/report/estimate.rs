//! How long things take, in words: roughly, because nobody knows better.

use chrono::TimeDelta;

use crate::domain::estimate::{Estimate, Longer};
use crate::report::duration::span;

/// `usually takes 2 min`.
#[must_use]
pub fn usually(estimate: &Estimate) -> String {
    format!("usually takes {}", rough(estimate.usual))
}

/// Beside how long a run has worked: `usually 2 min`, and whether it is slow.
#[must_use]
pub fn beside(worked: TimeDelta, estimate: &Estimate) -> String {
    let slow = match estimate.exceeded_by(worked) {
        Some(Longer::NineOfTen) => ", longer than 9 of 10".to_owned(),
        Some(Longer::Each(few)) => format!(", longer than each of the last {few}"),
        None => String::new(),
    };
    format!("usually {}{slow}", rough(estimate.usual))
}

/// All that history tells of a run that took so long, or has so far.
#[must_use]
pub fn beside_its_like(worked: Option<TimeDelta>, estimate: &Estimate) -> String {
    let slow = worked.and_then(|worked| estimate.slower_than(worked));
    let slow = slow.map(|percent| format!("; slower than {percent} % of runs"));
    format!(
        "half of the last {} took no longer than {}, nine of ten no longer than {}{}",
        estimate.of,
        span(estimate.usual),
        span(estimate.long),
        slow.unwrap_or_default()
    )
}

/// `third in line, about 6 min until it begins`. `position`: 1 is next.
#[must_use]
pub fn in_line(position: u32, wait: Option<TimeDelta>) -> String {
    let place = match position {
        0 | 1 => "next".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        4 => "fourth".to_owned(),
        5 => "fifth".to_owned(),
        many => format!("number {many}"),
    };
    let wait = wait.map(|wait| format!(", {}", begins_in(wait)));
    format!("{place} in line{}", wait.unwrap_or_default())
}

/// `about 6 min until it begins`.
#[must_use]
pub fn begins_in(wait: TimeDelta) -> String {
    format!("about {} until it begins", rough(wait))
}

/// A length of time that nobody knows exactly.
#[must_use]
pub fn rough(length: TimeDelta) -> String {
    let nearest = |step: i64| (length.num_seconds() + step / 2) / step * step;
    let seconds = match length.num_seconds() {
        ..5 => return "a few seconds".to_owned(),
        5..55 => nearest(5),
        55..3_570 => nearest(60),
        _ => nearest(300),
    };
    span(TimeDelta::seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_exact_as_they_are_known() {
        for (seconds, expected) in [
            (-3, "a few seconds"),
            (0, "a few seconds"),
            (4, "a few seconds"),
            (7, "5 s"),
            (42, "40 s"),
            (54, "55 s"),
            (58, "1 min"),
            (119, "2 min"),
            (600, "10 min"),
            (3_569, "59 min"),
            (3_590, "1 h"),
            (4_000, "1 h 5 min"),
        ] {
            assert_eq!(rough(TimeDelta::seconds(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_sentence_for_each_of_them() {
        let estimate = |count: usize| Estimate {
            usual: TimeDelta::seconds(120),
            long: TimeDelta::seconds(180),
            rare: TimeDelta::seconds(200),
            of: count,
        };
        assert_eq!(usually(&estimate(3)), "usually takes 2 min");
        assert_eq!(beside(TimeDelta::seconds(60), &estimate(3)), "usually 2 min");
        assert_eq!(
            beside(TimeDelta::seconds(181), &estimate(3)),
            "usually 2 min, longer than each of the last 3"
        );
        assert_eq!(
            beside(TimeDelta::seconds(181), &estimate(50)),
            "usually 2 min, longer than 9 of 10"
        );
        assert_eq!(in_line(1, None), "next in line");
        assert_eq!(
            in_line(3, Some(TimeDelta::seconds(350))),
            "third in line, about 6 min until it begins"
        );
        assert_eq!(in_line(12, None), "number 12 in line");
    }
}
