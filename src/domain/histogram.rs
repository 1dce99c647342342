//! Lengths of time that were counted rather than kept: how many were at most so long.

use std::collections::BTreeMap;

use chrono::TimeDelta;

/// Lengths that are told apart, in seconds. The ledger's rows are made with these: add at the end alone.
pub const LENGTHS: [i64; 31] = [
    1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10_800,
    21_600, 43_200, 86_400, 172_800, 259_200, 604_800, 2_592_000,
];
/// Longer than all.
pub const LONGER: i64 = -1;

/// The class of a length.
#[must_use]
pub fn class_of(length: TimeDelta) -> i64 {
    let ms = length.num_milliseconds().max(0);
    LENGTHS.into_iter().find(|up_to| ms <= up_to * 1000).unwrap_or(LONGER)
}

/// How many were how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By the upper end of their class in seconds; what is longer than all stands at the end.
    counts: BTreeMap<i64, u64>,
    of: u64,
}

impl Histogram {
    /// So many more of one class.
    pub fn add(&mut self, class: i64, count: u64) {
        let key = if class == LONGER { i64::MAX } else { class };
        *self.counts.entry(key).or_default() += count;
        self.of += count;
    }

    /// How many there are.
    #[must_use]
    pub fn of(&self) -> u64 {
        self.of
    }

    /// What so many in a hundred do not exceed: as exact as the classes are, evenly spread within one. Of what is longer than all
    /// classes, the longest class.
    #[must_use]
    pub fn quantile(&self, percent: u32) -> Option<TimeDelta> {
        if self.of == 0 {
            return None;
        }
        // at least the first one
        let rank = (self.of * u64::from(percent)).div_ceil(100).max(1);
        let mut before = 0;
        for (up_to, count) in &self.counts {
            if before + count < rank {
                before += count;
                continue;
            }
            let below = LENGTHS.into_iter().rev().find(|length| length < up_to).unwrap_or(0);
            if *up_to == i64::MAX {
                return TimeDelta::try_seconds(below);
            }
            let share = i64::try_from((rank - before) * 1000 / count).unwrap_or(1000);
            return TimeDelta::try_milliseconds(below * 1000 + (up_to - below) * share);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_end_where_they_say() {
        for (ms, expected) in [
            (-5, 1),
            (0, 1),
            (1000, 1),
            (1001, 2),
            (60_000, 60),
            (2_592_000_001, LONGER),
        ] {
            assert_eq!(class_of(TimeDelta::milliseconds(ms)), expected, "{ms}");
        }
    }

    #[test]
    fn quantiles_lie_in_the_class_of_their_rank() {
        let mut all = Histogram::default();
        assert_eq!(all.quantile(50), None);
        all.add(10, 1);
        assert_eq!(all.quantile(50), Some(TimeDelta::seconds(10)));
        // nine of 5 to 10 s, one of a minute and a half
        all.add(10, 8);
        all.add(90, 1);
        assert_eq!(all.of(), 10);
        assert_eq!(all.quantile(90), Some(TimeDelta::seconds(10)));
        let half = all.quantile(50).unwrap();
        assert!(half > TimeDelta::seconds(5) && half < TimeDelta::seconds(10), "{half}");
        assert_eq!(all.quantile(100), Some(TimeDelta::seconds(90)));
        all.add(LONGER, 100);
        assert_eq!(all.quantile(90), Some(TimeDelta::seconds(2_592_000)));
    }
}
