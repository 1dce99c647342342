//! Deployments that others carry out, for the history.

use crate::domain::clock::Timestamp;
use crate::domain::foreign::{ForeignDeployment, ReportedStatus};
use crate::domain::ids::{DeploymentId, RepositoryId, RunId};
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, millis, number};
use crate::store::{Store, commit};

/// So many are kept of each repository: a busy workflow must not fill the ledger.
const KEPT: i64 = 500;

impl Store {
    /// Writes down a deployment of somebody else, or the newest word about it, with what is to be sent about that. `false`,
    /// and nothing is sent, where a newer word is known: deliveries come late and twice.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_foreign(
        &self,
        host: &str,
        one: &ForeignDeployment,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "record a deployment of somebody else";
        let failed = StoreError::while_doing(doing);
        let status = one.status.as_ref();
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "INSERT INTO foreign_deployments (host, repository_id, deployment_id, repository, environment, git_ref, sha, task, \
             creator, created_at, status_at, status_id, state, description, reported_by, log_url) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (host, repository_id, deployment_id) DO UPDATE SET environment = excluded.environment, \
             status_at = excluded.status_at, status_id = excluded.status_id, state = excluded.state, \
             description = excluded.description, reported_by = excluded.reported_by, log_url = excluded.log_url \
             WHERE (excluded.status_at, excluded.status_id) > (foreign_deployments.status_at, foreign_deployments.status_id)",
        )
        .bind(host)
        .bind(number(one.repository_id.0))
        .bind(number(one.id.0))
        .bind(&one.repository)
        .bind(&one.environment)
        .bind(&one.git_ref)
        .bind(&one.sha)
        .bind(&one.task)
        .bind(&one.creator)
        .bind(millis(one.created_at))
        .bind(status.map_or(0, |status| millis(status.at)))
        .bind(status.map_or(0, |status| number(status.id)))
        .bind(status.map(|status| &status.state))
        .bind(status.and_then(|status| status.description.as_ref()))
        .bind(status.and_then(|status| status.by.as_ref()))
        .bind(status.and_then(|status| status.log_url.as_ref()))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let news = changed.rows_affected() > 0;
        if news {
            sqlx::query(
                "DELETE FROM foreign_deployments WHERE host = ?1 AND repository_id = ?2 AND deployment_id <= \
                 (SELECT deployment_id FROM foreign_deployments WHERE host = ?1 AND repository_id = ?2 \
                  ORDER BY deployment_id DESC LIMIT 1 OFFSET ?3)",
            )
            .bind(host)
            .bind(number(one.repository_id.0))
            .bind(KEPT)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            outbox::put(&mut tx, outgoing, now).await?;
        }
        commit(tx, doing).await?;
        Ok(news)
    }

    /// The newest deployments of others. What has a run is ours, whatever was thought of it before.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn foreign_deployments(&self, limit: u32) -> Result<Vec<ForeignDeployment>, StoreError> {
        let doing = "list deployments of others";
        let rows = sqlx::query(
            "SELECT * FROM foreign_deployments f WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.host = f.host \
             AND r.repository_id = f.repository_id AND r.deployment_id = f.deployment_id) \
             ORDER BY created_at DESC, deployment_id DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).foreign()).collect()
    }

    /// The newest deployments of others of a repository, or of one environment of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn foreign_of(
        &self,
        (host, repository): (&str, &str),
        environment: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ForeignDeployment>, StoreError> {
        let doing = "list deployments of others";
        let rows = sqlx::query(
            "SELECT * FROM foreign_deployments f WHERE host = ?1 AND repository = ?2 COLLATE NOCASE \
             AND (?3 IS NULL OR environment = ?3 COLLATE NOCASE) AND NOT EXISTS (SELECT 1 FROM runs r \
             WHERE r.host = f.host AND r.repository_id = f.repository_id AND r.deployment_id = f.deployment_id) \
             ORDER BY created_at DESC, deployment_id DESC LIMIT ?4",
        )
        .bind(host)
        .bind(repository)
        .bind(environment)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).foreign()).collect()
    }

    /// Whether we have said this of a run, or are about to: then it is our own word that comes back.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn said_of_run(&self, run: RunId, status: &ReportedStatus) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM outbox WHERE run_id = ? AND kind = 'deployment_status' AND says = ? \
             AND json_extract(body, '$.status.description') = ? LIMIT 1",
        )
        .bind(run.to_string())
        .bind(&status.state)
        .bind(status.description.as_deref().unwrap_or_default())
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::while_doing("find what was said of a run"))?;
        Ok(row.is_some())
    }
}

impl Reader<'_> {
    fn foreign(&self) -> Result<ForeignDeployment, StoreError> {
        let status = match self.maybe_text("state")? {
            Some(state) => Some(ReportedStatus {
                id: self.number("status_id")?,
                state,
                description: self.maybe_text("description")?,
                by: self.maybe_text("reported_by")?,
                log_url: self.maybe_text("log_url")?,
                at: self.time("status_at")?,
            }),
            None => None,
        };
        Ok(ForeignDeployment {
            repository_id: RepositoryId(self.number("repository_id")?),
            repository: self.text("repository")?,
            id: DeploymentId(self.number("deployment_id")?),
            environment: self.text("environment")?,
            git_ref: self.text("git_ref")?,
            sha: self.text("sha")?,
            task: self.text("task")?,
            creator: self.maybe_text("creator")?,
            created_at: self.time("created_at")?,
            status,
        })
    }
}
