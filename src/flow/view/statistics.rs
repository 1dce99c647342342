//! How deployments go, in numbers: how often, how fast, how often they go wrong, and how long that lasts. From what was counted as
//! runs ended; definitions in the guide of the dashboard.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::histogram::Histogram;
use crate::flow::view::Look;
use crate::store::daily::{Counted, Measure, Of, day_of};
use crate::store::error::StoreError;

/// The ranges there are, in days.
pub const RANGES: [u32; 3] = [30, 90, 365];
const DAY_SECONDS: i64 = 86_400;

/// How deployments went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// How many days are looked at, today among them.
    pub days: u32,
    /// All that was asked for together.
    pub all: Figures,
    /// By environment.
    pub environments: Vec<PlaceFigures>,
    /// By day, week or month, the oldest first.
    pub periods: Vec<Period>,
}

/// Numbers of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceFigures {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// The numbers.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Numbers of one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// When it begins.
    pub from: Timestamp,
    /// How many days it has.
    pub days: u32,
    /// The numbers.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Numbers. What is unknown is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Deployments that ended well.
    pub deployments: u64,
    /// Deployments that began and went wrong.
    pub failures: u64,
    /// Deployments that ended well, and that a rollback undid before anything newer was deployed there.
    #[serde(default)]
    pub rolled_back: u64,
    /// Deployment frequency: those that ended well, for each week.
    pub per_week: f64,
    /// Change failure rate: the share of those that went wrong or were rolled back, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// Lead time: from commit to deployed, half of them no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_seconds: Option<i64>,
    /// Time to restore: from the first failure to the next success, half of them no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds: Option<i64>,
    /// How often that happened.
    pub restored: u64,
    /// From begin to end, half of them no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<i64>,
    /// Nine of ten no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_long_seconds: Option<i64>,
    /// From when it was taken in to its begin, half of them no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_seconds: Option<i64>,
    /// Nine of ten no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_long_seconds: Option<i64>,
}

/// What is counted of one thing.
#[derive(Debug, Clone, Default)]
struct Sum {
    succeeded: u64,
    failed: u64,
    rolled_back: u64,
    took: Histogram,
    waited: Histogram,
    lead: Histogram,
    restored: Histogram,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which<'a> {
    /// How many days, today among them.
    pub days: u32,
    /// Of this app.
    pub app: Option<&'a str>,
    /// In this environment.
    pub environment: Option<&'a str>,
}

/// How deployments went.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn statistics(look: &Look<'_>, which: Which<'_>) -> Result<Statistics, StoreError> {
    let today = day_of(look.now);
    let seen = look.seen_apps();
    let of = Of {
        since: today - i64::from(which.days) + 1,
        app: which.app,
        environment: which.environment,
        seen: seen.as_deref(),
    };
    let length = period_of(which.days);
    let by_place = look.store.counted_by_place(of).await?;
    let by_period = look.store.counted_by_period(of, i64::from(length)).await?;
    let mut all = Sum::default();
    let mut places: BTreeMap<(&str, &str), Sum> = BTreeMap::new();
    for one in &by_place {
        all.add(one);
        places.entry((&one.app, &one.environment)).or_default().add(one);
    }
    let mut periods: BTreeMap<i64, Sum> = BTreeMap::new();
    let mut first = of.since;
    while first <= today {
        periods.insert(first, Sum::default());
        first += i64::from(length);
    }
    for one in &by_period {
        periods.entry(one.day).or_default().add(one);
    }
    let environments = places.iter().map(|((app, environment), sum)| PlaceFigures {
        app: (*app).to_owned(),
        environment: (*environment).to_owned(),
        figures: sum.figures(which.days),
    });
    let periods = periods.iter().filter_map(|(first, sum)| {
        let left = u32::try_from(today - first + 1).unwrap_or(length);
        Some(Period {
            from: Timestamp::from_timestamp(first * DAY_SECONDS, 0)?,
            days: length.min(left),
            figures: sum.figures(length.min(left)),
        })
    });
    Ok(Statistics {
        days: which.days,
        all: all.figures(which.days),
        environments: environments.collect(),
        periods: periods.collect(),
    })
}

/// So many days are shown together.
fn period_of(days: u32) -> u32 {
    match days {
        0..=45 => 1,
        46..=180 => 7,
        _ => 28,
    }
}

impl Sum {
    fn add(&mut self, one: &Counted) {
        match one.measure {
            Measure::Succeeded => self.succeeded += one.count,
            Measure::Failed => self.failed += one.count,
            Measure::RolledBack => self.rolled_back += one.count,
            Measure::Took => self.took.add(one.class, one.count),
            Measure::Waited => self.waited.add(one.class, one.count),
            Measure::Lead => self.lead.add(one.class, one.count),
            Measure::Restored => self.restored.add(one.class, one.count),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody deploys so often")]
    fn figures(&self, days: u32) -> Figures {
        let tried = self.succeeded + self.failed;
        // what was rolled back had ended well: it is one of those that were tried already
        let failed = self.failed + self.rolled_back;
        let seconds = |all: &Histogram, percent| all.quantile(percent).map(|length| length.num_seconds());
        Figures {
            deployments: self.succeeded,
            failures: self.failed,
            rolled_back: self.rolled_back,
            per_week: self.succeeded as f64 * 7.0 / f64::from(days.max(1)),
            failure_rate: (tried > 0).then(|| failed as f64 / tried as f64),
            lead_seconds: seconds(&self.lead, 50),
            restore_seconds: seconds(&self.restored, 50),
            restored: self.restored.of(),
            took_seconds: seconds(&self.took, 50),
            took_long_seconds: seconds(&self.took, 90),
            waited_seconds: seconds(&self.waited, 50),
            waited_long_seconds: seconds(&self.waited, 90),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_and_what_was_rolled_back_failed() {
        for (succeeded, failed, rolled_back, expected) in [
            (0, 0, 0, None),
            (4, 0, 0, Some(0.0)),
            // a change, its rollback, and two more
            (4, 0, 1, Some(0.25)),
            (3, 1, 0, Some(0.25)),
            (3, 1, 1, Some(0.5)),
            (0, 3, 0, Some(1.0)),
            // every change was rolled back, and every rollback, too
            (2, 0, 2, Some(1.0)),
        ] {
            let sum = Sum {
                succeeded,
                failed,
                rolled_back,
                ..Sum::default()
            };
            let found = sum.figures(30);
            assert_eq!(found.failure_rate, expected, "{succeeded} {failed} {rolled_back}");
            assert_eq!(
                (found.deployments, found.failures, found.rolled_back),
                (succeeded, failed, rolled_back)
            );
        }
    }

    #[test]
    fn figures_of_nothing_are_absent_and_of_some_are_shares() {
        let none = Sum::default().figures(30);
        assert_eq!(
            (none.deployments, none.failure_rate, none.lead_seconds),
            (0, None, None)
        );
        let mut sum = Sum::default();
        let counted = |measure, class, count| Counted {
            app: "site".to_owned(),
            environment: "live".to_owned(),
            day: 0,
            measure,
            class,
            count,
        };
        for one in [
            counted(Measure::Succeeded, 0, 6),
            counted(Measure::Failed, 0, 2),
            counted(Measure::Took, 60, 6),
            counted(Measure::Lead, 3600, 4),
        ] {
            sum.add(&one);
        }
        let found = sum.figures(14);
        assert!((found.per_week - 3.0).abs() < f64::EPSILON, "{found:?}");
        assert!((found.failure_rate.unwrap() - 0.25).abs() < f64::EPSILON, "{found:?}");
        assert!(
            found.took_seconds.unwrap() <= 60 && found.took_long_seconds.unwrap() > 45,
            "{found:?}"
        );
        assert!(
            found.lead_seconds.unwrap() > 2700 && found.restore_seconds.is_none(),
            "{found:?}"
        );
    }
}
