//! How deployments went, day by day: counted in the transaction that ends a run, because nobody counts a million runs at a look.
//! Kept when the runs themselves are removed.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::histogram::class_of;
use crate::domain::run::{Run, RunState};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};

const DAY_MS: i64 = 86_400_000;
/// No length: only how many.
const NO_CLASS: i64 = 0;

/// What is counted. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Ended well.
    Succeeded,
    /// Began and went wrong.
    Failed,
    /// From begin to end of what ended well.
    Took,
    /// From when the ledger took it in to its begin.
    Waited,
    /// From the commit to the end of its deployment.
    Lead,
    /// From the first failure to the next success.
    Restored,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 6] = [
        Self::Succeeded,
        Self::Failed,
        Self::Took,
        Self::Waited,
        Self::Lead,
        Self::Restored,
    ];

    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Took => "took",
            Self::Waited => "waited",
            Self::Lead => "lead",
            Self::Restored => "restored",
        }
    }

    /// Reads a stored name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == name)
    }
}

/// So many of one environment, or of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The app; empty where all are counted together.
    pub app: String,
    /// Its environment; empty where all are counted together.
    pub environment: String,
    /// The first day of the period, in days since 1970; 0 where all days are counted together.
    pub day: i64,
    /// What was counted.
    pub measure: Measure,
    /// The class of its length.
    pub class: i64,
    /// How many.
    pub count: u64,
}

/// Of what is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of<'a> {
    /// The first day, in days since 1970.
    pub since: i64,
    /// Of this app.
    pub app: Option<&'a str>,
    /// In this environment.
    pub environment: Option<&'a str>,
    /// Of these apps, where not all may be seen.
    pub seen: Option<&'a [String]>,
}

/// The day of a moment, in days since 1970.
#[must_use]
pub fn day_of(at: Timestamp) -> i64 {
    at.timestamp_millis().div_euclid(DAY_MS)
}

/// Counts a run that has ended.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    run: &Run,
    committed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let (Some(order), Some(started), Some(finished)) = (&run.order, run.started_at, run.finished_at) else {
        return Ok(());
    };
    let waited = (Measure::Waited, class_of(started - run.created_at));
    let mut all = vec![waited];
    match run.state {
        RunState::Succeeded => {
            all.push((Measure::Succeeded, NO_CLASS));
            all.push((Measure::Took, class_of(finished - started)));
            all.extend(committed_at.map(|at| (Measure::Lead, class_of(finished - at))));
            let broken = broken_since(connection, run, finished).await?;
            all.extend(broken.map(|since| (Measure::Restored, class_of(finished - since))));
        }
        RunState::Failed | RunState::Errored | RunState::Interrupted => all.push((Measure::Failed, NO_CLASS)),
        RunState::Held
        | RunState::Queued
        | RunState::Running
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Superseded => return Ok(()),
    }
    for (measure, class) in all {
        sqlx::query(
            "INSERT INTO daily_tallies (day, app, environment, what, up_to, runs) VALUES (?, ?, ?, ?, ?, 1) \
             ON CONFLICT (day, app, environment, what, up_to) DO UPDATE SET runs = daily_tallies.runs + 1",
        )
        .bind(day_of(finished))
        .bind(order.app.as_str())
        .bind(order.environment.as_str())
        .bind(measure.as_str())
        .bind(class)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::while_doing("count how deployments went"))?;
    }
    Ok(())
}

/// When the first since the last success went wrong.
const BROKEN: &str = "SELECT MIN(finished_at) AS since FROM runs WHERE host = ?1 AND repository = ?2 COLLATE NOCASE \
     AND environment = ?3 COLLATE NOCASE AND state IN ('failed', 'errored', 'interrupted') \
     AND lane NOT LIKE 'plan:%' AND command IS NULL AND started_at IS NOT NULL AND finished_at <= ?4 \
     AND finished_at > COALESCE((SELECT finished_at FROM runs WHERE host = ?1 AND repository = ?2 COLLATE NOCASE \
     AND environment = ?3 COLLATE NOCASE AND state = 'succeeded' AND lane NOT LIKE 'plan:%' AND command IS NULL \
     AND id <> ?5 AND finished_at <= ?4 ORDER BY finished_at DESC, id DESC LIMIT 1), 0)";

async fn broken_since(
    connection: &mut SqliteConnection,
    run: &Run,
    finished: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let doing = "look for the failure that a deployment mended";
    let row = sqlx::query(BROKEN)
        .bind(&run.host)
        .bind(run.repository.as_str())
        .bind(&run.environment)
        .bind(millis(finished))
        .bind(run.id.to_string())
        .fetch_one(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    Reader::new(&row, doing).maybe_time("since")
}

impl Store {
    /// By environment, all days together.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn counted_by_place(&self, of: Of<'_>) -> Result<Vec<Counted>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT app, environment, 0 AS first, what, up_to, SUM(runs) AS counted FROM daily_tallies",
        );
        which(&mut query, of);
        query.push(" GROUP BY app, environment, what, up_to ORDER BY app, environment");
        self.counted(&mut query).await
    }

    /// By periods of so many days, all environments together.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn counted_by_period(&self, of: Of<'_>, days: i64) -> Result<Vec<Counted>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT '' AS app, '' AS environment, day - (day - ");
        query.push_bind(of.since).push(") % ").push_bind(days.max(1));
        query.push(" AS first, what, up_to, SUM(runs) AS counted FROM daily_tallies");
        which(&mut query, of);
        query.push(" GROUP BY first, what, up_to ORDER BY first");
        self.counted(&mut query).await
    }

    async fn counted(&self, query: &mut QueryBuilder<Sqlite>) -> Result<Vec<Counted>, StoreError> {
        let doing = "read how deployments went";
        let rows = query
            .build()
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let class = sqlx::Row::try_get(row, "up_to").map_err(StoreError::while_doing(doing))?;
                let row = Reader::new(row, doing);
                Ok(Counted {
                    app: row.text("app")?,
                    environment: row.text("environment")?,
                    day: i64::try_from(row.number("first")?).unwrap_or(i64::MAX),
                    measure: row.word("what", Measure::from_name)?,
                    class,
                    count: row.number("counted")?,
                })
            })
            .collect()
    }
}

fn which(query: &mut QueryBuilder<Sqlite>, of: Of<'_>) {
    query.push(" WHERE day >= ").push_bind(of.since);
    if let Some(app) = of.app {
        query
            .push(" AND app = ")
            .push_bind(app.to_owned())
            .push(" COLLATE NOCASE");
    }
    if let Some(environment) = of.environment {
        query.push(" AND environment = ");
        query.push_bind(environment.to_owned()).push(" COLLATE NOCASE");
    }
    if let Some(seen) = of.seen {
        // nobody is called nothing
        query.push(" AND lower(app) IN ('',");
        let mut list = query.separated(", ");
        for app in seen {
            list.push_bind(app.to_ascii_lowercase());
        }
        if seen.is_empty() {
            query.push("''");
        }
        query.push(")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[test]
    fn names_of_measures_read_back() {
        for measure in Measure::ALL {
            assert_eq!(Measure::from_name(measure.as_str()), Some(measure));
        }
    }

    #[tokio::test]
    async fn the_failure_before_a_success_is_found_by_indexes() {
        let plan = plan_of(BROKEN).await;
        assert!(plan.contains("runs_bad") && plan.contains("runs_good"), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
    }
}
