//! What each environment runs, and what was last tried there.

use crate::domain::clock::Timestamp;
use crate::domain::run::Run;
use crate::store::Store;
use crate::store::dead_letters::LOST;
use crate::store::error::StoreError;
use crate::store::history::{Listed, first_of, listed};
use crate::store::reading::At;
use crate::store::row::Reader;

const CURRENT: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
     AND environment = ? COLLATE NOCASE AND state = 'succeeded' AND lane NOT LIKE 'plan:%' AND command IS NULL \
     ORDER BY finished_at DESC, id DESC LIMIT 1";
const LAST: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
     AND environment = ? COLLATE NOCASE AND lane NOT LIKE 'plan:%' AND command IS NULL \
     AND state NOT IN ('held', 'queued', 'running') ORDER BY requested_at DESC, deployment_id DESC LIMIT 1";
/// What was refused, stopped before it began, or overtaken was not tried.
const TRIED: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
     AND environment = ? COLLATE NOCASE AND lane NOT LIKE 'plan:%' AND command IS NULL \
     AND state IN ('succeeded', 'failed', 'errored', 'interrupted') AND started_at IS NOT NULL \
     ORDER BY requested_at DESC, deployment_id DESC LIMIT 1";
/// Sorted afterwards: by the index of ids SQLite would read every run that ever was.
const INSTRUCTED: &str = "SELECT * FROM runs WHERE state = 'running' AND instructions IS NOT NULL";
/// More of what went wrong is not counted.
const COUNTED: u32 = 1000;

/// What went wrong with what comes in and goes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Statuses and messages that were given up.
    pub dead: u64,
    /// Deliveries that could not be worked on.
    pub parked: u64,
    /// Deliveries that could not be read.
    pub malformed: u64,
}

impl Store {
    /// What an environment runs.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn current_at(&self, at: At<'_>) -> Result<Option<Listed>, StoreError> {
        self.one_at(CURRENT, at, "read what an environment runs").await
    }

    /// What was last tried there and has ended.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn last_at(&self, at: At<'_>) -> Result<Option<Listed>, StoreError> {
        self.one_at(LAST, at, "read what was last tried").await
    }

    /// What was last begun there and has ended by itself.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn last_tried_at(&self, at: At<'_>) -> Result<Option<Listed>, StoreError> {
        self.one_at(TRIED, at, "read what was last begun").await
    }

    /// What runs and has instructions for a person.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn with_instructions(&self) -> Result<Vec<Run>, StoreError> {
        let doing = "list what waits for a person";
        let rows = sqlx::query(INSTRUCTED)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let runs: Result<Vec<Run>, StoreError> = rows.iter().map(|row| Reader::new(row, doing).run()).collect();
        let mut runs = runs?;
        runs.sort_by_key(|run| run.id);
        Ok(runs)
    }

    /// The first that are held, the oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn first_held(&self, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list what is held";
        let rows = sqlx::query("SELECT * FROM runs WHERE state = 'held' ORDER BY id LIMIT ?")
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// What went wrong with what comes in, since then, and with what goes out.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn faults(&self, since: Timestamp) -> Result<Faults, StoreError> {
        let doing = "count what went wrong";
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM outbox o WHERE {LOST} LIMIT {COUNTED}) AS d) AS dead, \
             (SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE disposition = 'parked' LIMIT {COUNTED}) AS p) AS parked, \
             (SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE disposition = 'malformed' AND id >= ? LIMIT {COUNTED}) AS m) \
             AS malformed"
        )))
        .bind(first_of(since))
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let row = Reader::new(&row, doing);
        Ok(Faults {
            dead: row.number("dead")?,
            parked: row.number("parked")?,
            malformed: row.number("malformed")?,
        })
    }

    async fn one_at(&self, sql: &'static str, at: At<'_>, doing: &'static str) -> Result<Option<Listed>, StoreError> {
        let row = sqlx::query(sql)
            .bind(at.host)
            .bind(at.repository)
            .bind(at.environment)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| listed(&row, doing)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[tokio::test]
    async fn no_look_sorts_what_an_environment_ever_ran() {
        for (sql, index) in [
            (CURRENT, "runs_good"),
            (LAST, "runs_environment"),
            (TRIED, "runs_environment"),
        ] {
            let plan = plan_of(sql).await;
            assert!(plan.contains(index), "{sql}: {plan}");
            // GitHub's time of two deployments may be one: those few are sorted
            assert!(!plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{sql}: {plan}");
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_person_is_looked_for_among_what_runs() {
        let plan = plan_of(INSTRUCTED).await;
        assert!(plan.contains("runs_one_running"), "{plan}");
    }
}
