//! What is watched: deployments that were asked for and are not heard of, and what was said about runs without being asked.

use std::collections::HashMap;

use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RepositoryId, RunId};
use crate::domain::run::Run;
use crate::domain::watch::{About, AskedDeployment, SaidSilence};
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// What has a run is heard of.
const WITHOUT_RUN: &str = "NOT EXISTS (SELECT 1 FROM runs r WHERE r.host = a.host AND r.repository_id = a.repository_id \
                           AND r.deployment_id = a.deployment_id)";

impl Store {
    /// Writes down that GitHub made a deployment which was asked for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_asked(&self, one: &AskedDeployment) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO asked_deployments (host, repository_id, deployment_id, repository, app, environment, git_ref, sha, \
             asked_by, place, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&one.host)
        .bind(number(one.repository_id.0))
        .bind(number(one.id.0))
        .bind(&one.repository)
        .bind(&one.app)
        .bind(&one.environment)
        .bind(&one.git_ref)
        .bind(&one.sha)
        .bind(&one.by)
        .bind(json(&one.place))
        .bind(millis(one.at))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down which deployment was asked for"))?;
        Ok(())
    }

    /// What was asked for and has no run, the oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn asked_deployments(&self) -> Result<Vec<AskedDeployment>, StoreError> {
        let doing = "list deployments that were asked for";
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT * FROM asked_deployments a WHERE {WITHOUT_RUN} ORDER BY asked_at, deployment_id"
        )))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read(&Reader::new(row, doing))).collect()
    }

    /// Forgets what has a run by now, and what is so old that nobody waits for it. Returns whether anything is left.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used.
    pub async fn forget_heard(&self, asked_before: Timestamp) -> Result<bool, StoreError> {
        let doing = "forget deployments that are heard of";
        let failed = StoreError::while_doing(doing);
        let any = sqlx::query("SELECT 1 FROM asked_deployments LIMIT 1")
            .fetch_optional(&self.read)
            .await
            .map_err(&failed)?;
        if any.is_none() {
            return Ok(false);
        }
        let heard = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT 1 FROM asked_deployments a WHERE asked_at <= ? OR NOT ({WITHOUT_RUN}) LIMIT 1"
        )))
        .bind(millis(asked_before))
        .fetch_optional(&self.read)
        .await
        .map_err(&failed)?;
        if heard.is_some() {
            sqlx::query(sqlx::AssertSqlSafe(format!(
                "DELETE FROM asked_deployments AS a WHERE asked_at <= ? OR NOT ({WITHOUT_RUN})"
            )))
            .bind(millis(asked_before))
            .execute(&self.write)
            .await
            .map_err(&failed)?;
        }
        Ok(true)
    }

    /// Forgets one: it is heard of, and has no run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn forget_asked(&self, one: &AskedDeployment) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM asked_deployments WHERE host = ? AND repository_id = ? AND deployment_id = ?")
            .bind(&one.host)
            .bind(number(one.repository_id.0))
            .bind(number(one.id.0))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("forget a deployment that is heard of"))?;
        Ok(())
    }

    /// What became of the first delivery of an effect; none where there is none.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn delivered_as(&self, effect_key: &str) -> Result<Option<String>, StoreError> {
        let doing = "look whether a deployment was delivered";
        let row = sqlx::query("SELECT disposition FROM deliveries WHERE effect_key = ? ORDER BY id LIMIT 1")
            .bind(effect_key)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).text("disposition")).transpose()
    }

    /// Says that nothing is heard of a deployment. `false`, and nothing is said, where somebody else was first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_unheard(
        &self,
        one: &AskedDeployment,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "tell that nothing is heard of a deployment";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE asked_deployments SET said_at = ? WHERE host = ? AND repository_id = ? AND deployment_id = ? \
             AND said_at IS NULL",
        )
        .bind(millis(now))
        .bind(&one.host)
        .bind(number(one.repository_id.0))
        .bind(number(one.id.0))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }

    /// What was said about the silence of runs that have not ended.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn said_silences(&self) -> Result<HashMap<RunId, SaidSilence>, StoreError> {
        let doing = "list what was said about silent runs";
        let rows = sqlx::query(
            "SELECT w.run_id, w.heard_at, w.over_at FROM runs r JOIN watch_words w ON w.run_id = r.id \
             WHERE r.state = 'running' AND w.about = ? AND w.heard_at IS NOT NULL",
        )
        .bind(About::Silence.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                let said = SaidSilence {
                    heard_at: row.time("heard_at")?,
                    over: row.maybe_time("over_at")?.is_some(),
                };
                Ok((row.parsed("run_id")?, said))
            })
            .collect()
    }

    /// The next held runs after `after` that were taken in by then, and whether something was said about their contexts.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn long_held(
        &self,
        taken_in_by: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(Run, bool)>, StoreError> {
        let doing = "list runs that are held for long";
        // ids begin with the time at which they were made
        let until = Ulid::from_parts(taken_in_by.timestamp_millis().unsigned_abs() + 1, 0).to_string();
        let rows = sqlx::query(
            "SELECT runs.*, EXISTS (SELECT 1 FROM watch_words w WHERE w.run_id = runs.id AND w.about = ?) AS said \
             FROM runs WHERE state = 'held' AND id > ? AND id < ? ORDER BY id LIMIT ?",
        )
        .bind(About::Contexts.as_str())
        .bind(after)
        .bind(until)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok((row.run()?, row.number("said")? != 0))
            })
            .collect()
    }

    /// Says something about a run. `false`, and nothing is said, where somebody else was first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_watched(
        &self,
        run: RunId,
        (about, heard_at): (About, Option<Timestamp>),
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "tell what was noticed about a run";
        let mut tx = self.begin(doing).await?;
        let written = sqlx::query(
            "INSERT INTO watch_words (run_id, about, said_at, heard_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(run.to_string())
        .bind(about.as_str())
        .bind(millis(now))
        .bind(heard_at.map(millis))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if written.rows_affected() != 1 {
            return Ok(false);
        }
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }

    /// Says that a silence is over. `false`, and nothing is said, where somebody else was first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_heard_again(
        &self,
        run: RunId,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "tell that a run goes on";
        let mut tx = self.begin(doing).await?;
        let changed =
            sqlx::query("UPDATE watch_words SET over_at = ? WHERE run_id = ? AND about = ? AND over_at IS NULL")
                .bind(millis(now))
                .bind(run.to_string())
                .bind(About::Silence.as_str())
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }
}

fn read(row: &Reader<'_>) -> Result<AskedDeployment, StoreError> {
    Ok(AskedDeployment {
        host: row.text("host")?,
        repository_id: RepositoryId(row.number("repository_id")?),
        id: DeploymentId(row.number("deployment_id")?),
        repository: row.text("repository")?,
        app: row.text("app")?,
        environment: row.text("environment")?,
        git_ref: row.text("git_ref")?,
        sha: row.text("sha")?,
        by: row.text("asked_by")?,
        place: row.json("place")?,
        at: row.time("asked_at")?,
        said_at: row.maybe_time("said_at")?,
    })
}
