//! What runs brought, as GitHub told it once; and what ran before them.

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};

/// Binds host, repository, environment, the moment and the run itself.
const RAN_BEFORE: &str = "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE AND environment = ? COLLATE NOCASE \
     AND state = 'succeeded' AND lane NOT LIKE 'plan:%' AND finished_at <= ? AND id <> ? \
     ORDER BY finished_at DESC, id DESC LIMIT 1";

impl Store {
    /// What an environment ran when a run began there, or would have.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn ran_before(&self, run: &Run, at: Timestamp) -> Result<Option<Run>, StoreError> {
        let doing = "find what ran before a run";
        let row = sqlx::query(RAN_BEFORE)
            .bind(&run.host)
            .bind(run.repository.as_str())
            .bind(&run.environment)
            .bind(millis(at))
            .bind(run.id.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).run()).transpose()
    }

    /// What is remembered of what a run brought.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn commits_of(&self, run: RunId) -> Result<Option<String>, StoreError> {
        let doing = "read what a run brought";
        let row = sqlx::query("SELECT commits FROM run_commits WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).text("commits")).transpose()
    }

    /// Remembers what a run brought.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_commits(&self, run: RunId, commits: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("INSERT OR REPLACE INTO run_commits (run_id, commits, looked_at) VALUES (?, ?, ?)")
            .bind(run.to_string())
            .bind(commits)
            .bind(millis(now))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("remember what a run brought"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[tokio::test]
    async fn what_ran_before_is_found_by_an_index() {
        let plan = plan_of(RAN_BEFORE).await;
        assert!(
            plan.contains("runs_good (repository=? AND environment=? AND finished_at<?)"),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
