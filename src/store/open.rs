//! What has not ended, as far as lists need it: tens of thousands of runs may wait, and few of them are shown whole.

use sqlx::{QueryBuilder, Row, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::run::RunState;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::history::{Listed, listed};
use crate::store::row::Reader;

/// As the index has it, letter by letter: only then it is used.
const OPEN: &str = "state IN ('held', 'queued', 'running')";

/// A run that has not ended, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Ours.
    pub id: RunId,
    /// Its app.
    pub app: Option<String>,
    /// Host name of its GitHub.
    pub host: String,
    /// `owner/name`, as configured.
    pub repository: String,
    /// The environment.
    pub environment: String,
    /// The task.
    pub task: String,
    /// Its lane.
    pub lane: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// GitHub's number of the deployment.
    pub deployment: DeploymentId,
    /// When that was made.
    pub requested_at: Timestamp,
    /// When a worker claimed it.
    pub started_at: Option<Timestamp>,
}

/// How many have not ended in an environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenCounts {
    /// Before the door.
    pub held: u64,
    /// In the lane.
    pub queued: u64,
    /// Claimed; a plan may be one beside the lane's own.
    pub running: u64,
}

impl Store {
    /// Every run that has not ended, in short, in the order in which they were asked for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_in_short(&self) -> Result<Vec<Open>, StoreError> {
        let doing = "list what has not ended";
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT id, app, host, repository, environment, task, lane, state, deployment_id, requested_at, started_at \
             FROM runs WHERE {OPEN} ORDER BY requested_at, deployment_id"
        )))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(Open {
                    id: row.parsed("id")?,
                    app: row.maybe_text("app")?,
                    host: row.text("host")?,
                    repository: row.text("repository")?,
                    environment: row.text("environment")?,
                    task: row.text("task")?,
                    lane: row.maybe_text("lane")?,
                    state: row.word("state", RunState::from_name)?,
                    deployment: DeploymentId(row.number("deployment_id")?),
                    requested_at: row.time("requested_at")?,
                    started_at: row.maybe_time("started_at")?,
                })
            })
            .collect()
    }

    /// These runs, whole, in no order.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn listed_among_runs(&self, ids: &[RunId]) -> Result<Vec<Listed>, StoreError> {
        let doing = "read runs";
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(500) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM runs WHERE id IN (");
            let mut list = query.separated(", ");
            for id in some {
                list.push_bind(id.to_string());
            }
            query.push(")");
            let rows = query
                .build()
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
            for row in &rows {
                found.push(listed(row, doing)?);
            }
        }
        Ok(found)
    }

    /// How many have not ended in an environment of an app.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_counts(&self, app: &str, environment: &str) -> Result<OpenCounts, StoreError> {
        let doing = "count what has not ended";
        let rows = sqlx::query(sqlx::AssertSqlSafe(counts()))
            .bind(app)
            .bind(environment)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let mut all = OpenCounts::default();
        for row in &rows {
            let runs: i64 = row.try_get("runs").map_err(StoreError::while_doing(doing))?;
            let runs = u64::try_from(runs).unwrap_or(0);
            match Reader::new(row, doing).text("state")?.as_str() {
                "held" => all.held = runs,
                "queued" => all.queued = runs,
                _ => all.running = runs,
            }
        }
        Ok(all)
    }

    /// The first in a state of those that have not ended in an environment: of the queued ones, the one that is next.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn first_open(
        &self,
        app: &str,
        environment: &str,
        state: RunState,
    ) -> Result<Option<Listed>, StoreError> {
        let doing = "read what comes first";
        let row = sqlx::query(sqlx::AssertSqlSafe(first()))
            .bind(app)
            .bind(environment)
            .bind(state.as_str())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| listed(&row, doing)).transpose()
    }
}

fn counts() -> String {
    format!(
        "SELECT state, COUNT(*) AS runs FROM runs WHERE {OPEN} AND app = ? AND environment = ? COLLATE NOCASE \
         GROUP BY state"
    )
}

/// A plan runs beside the lane: what the lane itself does is meant.
fn first() -> String {
    format!(
        "SELECT * FROM runs WHERE {OPEN} AND app = ? AND environment = ? COLLATE NOCASE AND state = ? \
         AND lane NOT LIKE 'plan:%' ORDER BY requested_at, deployment_id LIMIT 1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[tokio::test]
    async fn both_looks_at_an_environment_read_one_index_in_its_order() {
        for sql in [counts(), first()] {
            let plan = plan_of(&sql).await;
            assert!(
                plan.contains("runs_open_of_app (app=? AND environment=?"),
                "{sql}: {plan}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}
