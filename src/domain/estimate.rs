//! How long a deployment takes, as far as earlier ones of its kind tell.

use chrono::TimeDelta;

/// Two runs are no history.
const FEWEST: usize = 3;
/// From so many on there is one in twenty.
const ONE_IN_TWENTY: usize = 20;
/// From so many on there is one in ten.
const ONE_IN_TEN: usize = 10;

/// What earlier runs that succeeded took: of the same app, environment and task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Half of them took no longer.
    pub usual: TimeDelta,
    /// Nine of ten took no longer.
    pub long: TimeDelta,
    /// Nineteen of twenty took no longer.
    pub rare: TimeDelta,
    /// How many they were.
    pub of: usize,
}

/// What a run that takes longer than usual takes longer than.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    /// Nine of ten.
    NineOfTen,
    /// Each of these few.
    Each(usize),
}

impl Estimate {
    /// The estimate; none where there are too few. By rank, so that one that hung for a day changes nothing.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = TimeDelta>) -> Option<Self> {
        // a clock was set back
        let mut all: Vec<TimeDelta> = durations.into_iter().filter(|one| *one >= TimeDelta::zero()).collect();
        if all.len() < FEWEST {
            return None;
        }
        all.sort_unstable();
        let rank = |percent: usize| all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self {
            usual: rank(50)?,
            long: rank(90)?,
            rare: rank(95)?,
            of: all.len(),
        })
    }

    /// What a run is slower than that has worked for so long, where it is slow.
    #[must_use]
    pub fn exceeded_by(&self, worked: TimeDelta) -> Option<Longer> {
        let longer = match self.of {
            ONE_IN_TEN.. => Longer::NineOfTen,
            few => Longer::Each(few),
        };
        (worked > self.long).then_some(longer)
    }

    /// Of a hundred runs, so many were faster than one that took so long, where that is most of them.
    #[must_use]
    pub fn slower_than(&self, worked: TimeDelta) -> Option<u8> {
        if worked > self.rare && self.of >= ONE_IN_TWENTY {
            return Some(95);
        }
        (worked > self.long && self.of >= ONE_IN_TEN).then_some(90)
    }

    /// How long it may still take; nothing where it has outlived what is known.
    #[must_use]
    pub fn left_after(&self, worked: TimeDelta) -> Option<TimeDelta> {
        if worked <= self.usual {
            Some(self.usual - worked)
        } else {
            (worked <= self.long).then(|| self.long - worked)
        }
    }
}

/// What comes before in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// How long its like take.
    pub estimate: Option<Estimate>,
    /// How long it has worked; nothing while it waits itself.
    pub worked: TimeDelta,
}

/// How long it takes until all of these are through; none where that cannot be told of one of them.
#[must_use]
pub fn until_free(before: &[Before]) -> Option<TimeDelta> {
    before.iter().try_fold(TimeDelta::zero(), |sum, one| {
        sum.checked_add(&one.estimate?.left_after(one.worked)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(all: &[i64]) -> Vec<TimeDelta> {
        all.iter().copied().map(TimeDelta::seconds).collect()
    }

    fn told(all: &[i64]) -> Option<(i64, i64, usize)> {
        let estimate = Estimate::of(seconds(all))?;
        Some((estimate.usual.num_seconds(), estimate.long.num_seconds(), estimate.of))
    }

    #[test]
    fn half_and_nine_of_ten_by_rank() {
        for (durations, expected) in [
            (&[][..], None),
            (&[10, 20], None),
            (&[10, 20, -5], None),
            (&[10, 20, 30], Some((20, 30, 3))),
            (&[30, 10, 20, 40], Some((20, 40, 4))),
            (&[7, 7, 7], Some((7, 7, 3))),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], Some((5, 9, 10))),
            // one that hung for a day changes nothing
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 86_400], Some((5, 9, 10))),
            (&[0, 0, 0], Some((0, 0, 3))),
        ] {
            assert_eq!(told(durations), expected, "{durations:?}");
        }
    }

    #[test]
    fn only_what_is_rare_is_called_slow() {
        let few = Estimate::of(seconds(&[60, 120, 180])).unwrap();
        let many = Estimate::of(seconds(&[60; 20])).unwrap();
        for (estimate, worked, expected) in [
            (few, 0, None),
            (few, 180, None),
            (few, 181, Some(Longer::Each(3))),
            (many, 60, None),
            (many, 61, Some(Longer::NineOfTen)),
        ] {
            assert_eq!(estimate.exceeded_by(TimeDelta::seconds(worked)), expected, "{worked}");
        }
    }

    #[test]
    fn what_is_slower_than_most_is_told() {
        let hundred: Vec<i64> = (1..=50).collect();
        let many = Estimate::of(seconds(&hundred)).unwrap();
        let some = Estimate::of(seconds(&hundred[..10])).unwrap();
        let few = Estimate::of(seconds(&hundred[..4])).unwrap();
        for (estimate, worked, expected) in [
            (many, 45, None),
            (many, 46, Some(90)),
            (many, 48, Some(90)),
            (many, 49, Some(95)),
            (some, 60, Some(90)),
            (few, 60, None),
        ] {
            assert_eq!(estimate.slower_than(TimeDelta::seconds(worked)), expected, "{worked}");
        }
    }

    #[test]
    fn the_wait_is_the_sum_of_what_is_left_or_unknown() {
        let known = Estimate::of(seconds(&[60, 120, 180]));
        let before = |estimate, worked: i64| Before {
            estimate,
            worked: TimeDelta::seconds(worked),
        };
        for (line, expected) in [
            (vec![], Some(0)),
            (vec![before(known, 0)], Some(120)),
            (vec![before(known, 100)], Some(20)),
            // late, but not later than any
            (vec![before(known, 150)], Some(30)),
            (vec![before(known, 181)], None),
            (vec![before(known, 60), before(known, 0)], Some(180)),
            (vec![before(known, 0), before(None, 0)], None),
        ] {
            let found = until_free(&line).map(|wait| wait.num_seconds());
            assert_eq!(found, expected, "{line:?}");
        }
    }
}
