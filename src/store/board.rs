//! What each environment runs, and what was last tried there.

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::history::{Listed, listed};
use crate::store::reading::At;

const CURRENT: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
     AND environment = ? COLLATE NOCASE AND state = 'succeeded' AND lane NOT LIKE 'plan:%' AND command IS NULL \
     ORDER BY finished_at DESC, id DESC LIMIT 1";
const LAST: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
     AND environment = ? COLLATE NOCASE AND lane NOT LIKE 'plan:%' AND command IS NULL \
     AND state NOT IN ('held', 'queued', 'running') ORDER BY requested_at DESC, deployment_id DESC LIMIT 1";

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
    use sqlx::Row;

    use super::*;

    #[tokio::test]
    async fn neither_look_sorts_what_an_environment_ever_ran() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("chima.db")).await.unwrap();
        for (sql, index) in [(CURRENT, "runs_good"), (LAST, "runs_environment")] {
            let explained = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let rows = explained
                .bind("h")
                .bind("r")
                .bind("e")
                .fetch_all(&store.read)
                .await
                .unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            let plan = plan.join("; ");
            assert!(plan.contains(index), "{sql}: {plan}");
            // GitHub's time of two deployments may be one: those few are sorted
            assert!(!plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{sql}: {plan}");
        }
    }
}
