//! Lists and counts for pages, commands and health checks.

use std::collections::HashSet;

use sqlx::{QueryBuilder, Row, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::Source;
use crate::domain::ids::{DeliveryId, DeploymentId, RepositoryId};
use crate::domain::run::{LaneKey, Run, RunState};
use crate::store::Store;
use crate::store::dead_letters::LOST;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};
use crate::store::runs::Age;

/// What waits, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries not worked on yet.
    pub deliveries: u64,
    /// Runs by state.
    pub held: u64,
    /// Runs in lanes.
    pub queued: u64,
    /// Claimed runs.
    pub running: u64,
    /// Statuses and notifications not sent yet.
    pub outbox: u64,
    /// Those that were given up.
    pub dead: u64,
}

/// An environment by its names. Case does not matter in the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'a> {
    /// Host name of its GitHub.
    pub host: &'a str,
    /// `owner/name`, as configured.
    pub repository: &'a str,
    /// The environment.
    pub environment: &'a str,
}

impl Store {
    /// The newest runs, newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn recent_runs(&self, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list runs";
        let rows = sqlx::query("SELECT * FROM runs ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// The run of a deployment.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn run_of_deployment(
        &self,
        host: &str,
        repository: RepositoryId,
        deployment: DeploymentId,
    ) -> Result<Option<Run>, StoreError> {
        let doing = "find the run of a deployment";
        let row = sqlx::query("SELECT * FROM runs WHERE host = ? AND repository_id = ? AND deployment_id = ?")
            .bind(host)
            .bind(number(repository.0))
            .bind(number(deployment.0))
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).run()).transpose()
    }

    /// The newest runs of an environment, plans among them, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn runs_of(&self, at: At<'_>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list the runs of an environment";
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE AND environment = ? COLLATE NOCASE \
             ORDER BY requested_at DESC, deployment_id DESC LIMIT ?",
        )
        .bind(at.host)
        .bind(at.repository)
        .bind(at.environment)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// The runs that put something on an environment, the newest first: the first is what it runs now.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn successes_of(&self, at: At<'_>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list what an environment ran";
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE AND environment = ? COLLATE NOCASE \
             AND state = 'succeeded' AND lane NOT LIKE 'plan:%' ORDER BY finished_at DESC, id DESC LIMIT ?",
        )
        .bind(at.host)
        .bind(at.repository)
        .bind(at.environment)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// The runs of an environment that have not ended, in the order in which they were asked for: at most so many of
    /// them, and how many there are.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_runs_of(&self, at: At<'_>, limit: u32) -> Result<(Vec<Run>, u64), StoreError> {
        let doing = "list runs of an environment that have not ended";
        let failed = StoreError::while_doing(doing);
        let there = "host = ? AND repository = ? COLLATE NOCASE AND environment = ? COLLATE NOCASE \
                     AND state IN ('running', 'queued', 'held')";
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT * FROM runs WHERE {there} ORDER BY requested_at, deployment_id LIMIT ?"
        )))
        .bind(at.host)
        .bind(at.repository)
        .bind(at.environment)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(&failed)?;
        let runs: Vec<Run> = rows
            .iter()
            .map(|row| Reader::new(row, doing).run())
            .collect::<Result<_, _>>()?;
        if runs.len() < limit as usize {
            let count = runs.len() as u64;
            return Ok((runs, count));
        }
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) AS open FROM runs WHERE {there}"
        )))
        .bind(at.host)
        .bind(at.repository)
        .bind(at.environment)
        .fetch_one(&self.read)
        .await
        .map_err(&failed)?;
        Ok((runs, Reader::new(&row, doing).number("open")?))
    }

    /// How many queued runs of a lane come before a deployment, or are there at all, by what they are to do; and the one that
    /// works there.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn line_before(
        &self,
        lane: &LaneKey,
        before: Option<Age>,
    ) -> Result<(Vec<(Run, u64)>, Option<Run>), StoreError> {
        let doing = "look who comes before in a lane";
        let failed = StoreError::while_doing(doing);
        let (at, id) = before.map_or((i64::MAX, i64::MAX), |(at, id)| (millis(at), number(id.0)));
        let rows = sqlx::query(
            "SELECT runs.*, alike.count FROM (SELECT MIN(id) AS first, COUNT(*) AS count FROM runs WHERE lane = ?1 \
             AND state = 'queued' AND (requested_at, deployment_id) < (?2, ?3) GROUP BY repository, environment, task) AS alike \
             JOIN runs ON runs.id = alike.first",
        )
        .bind(lane.as_str())
        .bind(at)
        .bind(id)
        .fetch_all(&self.read)
        .await
        .map_err(&failed)?;
        let queued = rows
            .iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok((row.run()?, row.number("count")?))
            })
            .collect::<Result<_, StoreError>>()?;
        let row = sqlx::query("SELECT * FROM runs WHERE lane = ? AND state = 'running'")
            .bind(lane.as_str())
            .fetch_optional(&self.read)
            .await
            .map_err(&failed)?;
        let works = row.map(|row| Reader::new(&row, doing).run()).transpose()?;
        Ok((queued, works))
    }

    /// Every run that has not ended, in the order in which they were asked for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_runs(&self) -> Result<Vec<Run>, StoreError> {
        let doing = "list runs that have not ended";
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE state = 'running' OR state = 'queued' OR state = 'held' \
             ORDER BY requested_at, deployment_id",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// The deployments of a repository that have a run, as far as they were made since then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn deployments_since(
        &self,
        host: &str,
        repository: RepositoryId,
        since: Timestamp,
    ) -> Result<HashSet<DeploymentId>, StoreError> {
        let doing = "list deployments that have a run";
        let rows =
            sqlx::query("SELECT deployment_id FROM runs WHERE host = ? AND repository_id = ? AND requested_at >= ?")
                .bind(host)
                .bind(number(repository.0))
                .bind(millis(since))
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| Reader::new(row, doing).number("deployment_id").map(DeploymentId))
            .collect()
    }

    /// Which of these effects a delivery has been stored for, whatever became of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn known_of(&self, keys: &[String]) -> Result<HashSet<String>, StoreError> {
        let doing = "look for known deployments";
        let mut known = HashSet::new();
        for some in keys.chunks(500) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT DISTINCT effect_key FROM deliveries WHERE effect_key IN (");
            let mut list = query.separated(", ");
            for key in some {
                list.push_bind(key);
            }
            query.push(")");
            let rows = query
                .build()
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
            for row in &rows {
                known.insert(Reader::new(row, doing).text("effect_key")?);
            }
        }
        Ok(known)
    }

    /// Which of these deliveries were found in GitHub's list.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn listed_among(&self, ids: &[DeliveryId]) -> Result<HashSet<DeliveryId>, StoreError> {
        let doing = "tell where deliveries came from";
        let mut listed = HashSet::new();
        for some in ids.chunks(500) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM deliveries WHERE source = ");
            query.push_bind(Source::Listing.as_str()).push(" AND id IN (");
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
                listed.insert(Reader::new(row, doing).parsed("id")?);
            }
        }
        Ok(listed)
    }

    /// Runs whose id starts with `prefix`, newest first, at most two: enough to tell whether it is unique.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn runs_starting_with(&self, prefix: &str) -> Result<Vec<Run>, StoreError> {
        self.first_starting_with(prefix, 2).await
    }

    /// The same, at most so many: of which it is to be told how many somebody sees.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn first_starting_with(&self, prefix: &str, most: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "find a run";
        // ids are of letters and digits, and `~` comes after all of them
        let rows = sqlx::query("SELECT * FROM runs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?")
            .bind(prefix)
            .bind(format!("{prefix}~"))
            .bind(most)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// The place of a queued run in its lane: 1 is next, counted behind the one that runs.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn position(&self, run: &Run) -> Result<Option<u32>, StoreError> {
        let Some(lane) = &run.lane else {
            return Ok(None);
        };
        if run.state != RunState::Queued {
            return Ok(None);
        }
        let before = self
            .queued_before(lane, Some((run.requested_at, run.deployment)))
            .await?;
        Ok(u32::try_from(before + 1).ok())
    }

    /// What waits.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let doing = "count what waits";
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT (SELECT COUNT(*) FROM deliveries WHERE disposition = 'received') AS deliveries, \
             (SELECT COUNT(*) FROM runs WHERE state = 'held') AS held, \
             (SELECT COUNT(*) FROM runs WHERE state = 'queued') AS queued, \
             (SELECT COUNT(*) FROM runs WHERE state = 'running') AS running, \
             (SELECT COUNT(*) FROM outbox WHERE state IN ('pending', 'sending')) AS outbox, \
             (SELECT COUNT(*) FROM outbox o WHERE {LOST}) AS dead",
        )))
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let count = |column: &str| -> Result<u64, StoreError> {
            let found: i64 = row.try_get(column).map_err(StoreError::while_doing(doing))?;
            Ok(u64::try_from(found).unwrap_or(0))
        };
        Ok(Backlog {
            deliveries: count("deliveries")?,
            held: count("held")?,
            queued: count("queued")?,
            running: count("running")?,
            outbox: count("outbox")?,
            dead: count("dead")?,
        })
    }
}
