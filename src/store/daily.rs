//! How deployments went, day by day: counted in the transaction that ends a run, because nobody counts a million runs at a look.
//! Kept when the runs themselves are removed.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Order;
use crate::domain::histogram::class_of;
use crate::domain::lock::Place;
use crate::domain::run::{Run, RunState};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};

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
    /// Ended well, and was what a rollback undid.
    RolledBack,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 7] = [
        Self::Succeeded,
        Self::Failed,
        Self::Took,
        Self::Waited,
        Self::Lead,
        Self::Restored,
        Self::RolledBack,
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
            Self::RolledBack => "rolled_back",
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
            if let Some((place, at)) = undone_by(connection, run, finished).await? {
                // on the day of the change that failed: it is that day's success
                add(connection, (day_of(at), &place), (Measure::RolledBack, NO_CLASS)).await?;
            }
        }
        RunState::Failed | RunState::Errored | RunState::Interrupted => all.push((Measure::Failed, NO_CLASS)),
        RunState::Held
        | RunState::Queued
        | RunState::Running
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Superseded => return Ok(()),
    }
    for one in all {
        add(connection, (day_of(finished), &order.place()), one).await?;
    }
    Ok(())
}

async fn add(
    connection: &mut SqliteConnection,
    (day, place): (i64, &Place),
    (measure, class): (Measure, i64),
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO daily_tallies (day, app, environment, what, up_to, runs) VALUES (?, ?, ?, ?, ?, 1) \
         ON CONFLICT (day, app, environment, what, up_to) DO UPDATE SET runs = daily_tallies.runs + 1",
    )
    .bind(day)
    .bind(place.app.as_str())
    .bind(place.environment.as_str())
    .bind(measure.as_str())
    .bind(class)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::while_doing("count how deployments went"))?;
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

/// The commit that a rollback was asked for to leave. Chima's own word: the payload is that of a deployment that a warrant proves.
const LEFT: &str = "SELECT CAST(json_extract(d.record, '$.payload.rollback_from') AS TEXT) AS sha FROM deployments d \
     JOIN warrants w ON w.nonce = json_extract(d.record, '$.payload.nonce') AND w.host = d.host COLLATE NOCASE \
     AND w.repository_id = d.repository_id AND w.deployment_id = d.deployment_id \
     WHERE d.host = ? AND d.repository_id = ? AND d.deployment_id = ?";

/// What ran there before.
const BEFORE: &str = "SELECT sha, order_json, started_at, finished_at FROM runs WHERE host = ?1 AND repository = ?2 COLLATE NOCASE \
     AND environment = ?3 COLLATE NOCASE AND state = 'succeeded' AND lane NOT LIKE 'plan:%' AND command IS NULL \
     AND finished_at <= ?4 AND id <> ?5 ORDER BY finished_at DESC, id DESC LIMIT 1";

/// Where and when the deployment ended well that this one undoes: the one before it, if this is a rollback from exactly that.
async fn undone_by(
    connection: &mut SqliteConnection,
    run: &Run,
    finished: Timestamp,
) -> Result<Option<(Place, Timestamp)>, StoreError> {
    let doing = "look for the deployment that a rollback undid";
    let failed = StoreError::while_doing(doing);
    let row = sqlx::query(LEFT)
        .bind(&run.host)
        .bind(number(run.repository_id.0))
        .bind(number(run.deployment.0))
        .fetch_optional(&mut *connection)
        .await
        .map_err(&failed)?;
    let left = match row {
        Some(row) => Reader::new(&row, doing).maybe_text("sha")?,
        None => None,
    };
    let Some(left) = left else {
        return Ok(None);
    };
    let row = sqlx::query(BEFORE)
        .bind(&run.host)
        .bind(run.repository.as_str())
        .bind(&run.environment)
        .bind(millis(finished))
        .bind(run.id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(&failed)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let row = Reader::new(&row, doing);
    let order: Option<Order> = row.maybe_json("order_json")?;
    let before = Before {
        sha: row.text("sha")?,
        place: order.map(|order| order.place()),
        started_at: row.maybe_time("started_at")?,
        finished_at: row.maybe_time("finished_at")?,
    };
    Ok(undone(before, &left))
}

/// A deployment that ended well, and after which nothing else did until a rollback.
struct Before {
    sha: String,
    place: Option<Place>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// Where and when it ended, if it is what the rollback was asked to leave.
fn undone(before: Before, left: &str) -> Option<(Place, Timestamp)> {
    // one that was never begun here is in no count
    let finished = before.started_at.and(before.finished_at)?;
    let place = before.place?;
    before.sha.eq_ignore_ascii_case(left).then_some((place, finished))
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

    #[test]
    fn a_rollback_undoes_what_it_was_asked_to_leave_and_nothing_else() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let ended = Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(1);
        let of = |sha: &str| Before {
            sha: sha.to_owned(),
            place: Some(Place {
                app: "site".parse().unwrap(),
                environment: "live".parse().unwrap(),
            }),
            started_at: Some(Timestamp::UNIX_EPOCH),
            finished_at: Some(ended),
        };
        let never_begun = Before {
            started_at: None,
            ..of(&a)
        };
        let nowhere = Before { place: None, ..of(&a) };
        for (what, before, left, expected) in [
            ("the one before", of(&a), a.as_str(), true),
            ("whatever the case", of(&a), &a.to_uppercase(), true),
            ("something newer came between", of(&b), &a, false),
            ("only the beginning of a commit", of(&a), &a[..8], false),
            ("nothing", of(&a), "", false),
            ("never begun here", never_begun, &a, false),
            ("of no app", nowhere, &a, false),
        ] {
            let found = undone(before, left).map(|(place, at)| (place.key(), at));
            let expected = expected.then(|| ("site/live".to_owned(), ended));
            assert_eq!(found, expected, "{what}");
        }
    }

    #[tokio::test]
    async fn what_a_deployment_mended_or_undid_is_found_by_indexes() {
        let broken = plan_of(BROKEN).await;
        assert!(broken.contains("runs_bad") && broken.contains("runs_good"), "{broken}");
        let before = plan_of(BEFORE).await;
        assert!(
            before.contains("runs_good") && !before.contains("TEMP B-TREE"),
            "{before}"
        );
        let left = plan_of(LEFT).await;
        for found in [broken, before, left] {
            assert!(!found.contains("SCAN"), "{found}");
        }
    }
}
