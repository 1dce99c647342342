//! Runs as rows: their timeline, their steps, and what lanes hold.

use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RepositoryId, RunId};
use crate::domain::lock::{Lock, Place};
use crate::domain::run::{LaneKey, Run};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::locks;
use crate::store::row::{Reader, json, millis, number};
use crate::store::tallies;
use crate::store::{Store, audit, commit};

/// How a step of a run ended, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Its name in the plan.
    pub name: String,
    /// How it ended, as JSON of the runner's record.
    pub outcome: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// So many of the runs that wait in a lane are given way to by one decision; of more, the rest by the next look.
pub const LISTED: usize = 200;

/// Age of a deployment: GitHub's time and number of it.
pub type Age = (Timestamp, DeploymentId);

/// Which of the runs that wait in a lane matter. A lane may hold any number of them, and no decision looks at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The last queued one before this deployment: everybody waits for their turn.
    Before(Age),
    /// The last queued one.
    Last,
    /// The oldest, held ones too: they give way.
    Oldest,
}

/// What a lane holds, as far as a decision needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneContents {
    /// The run that has been claimed.
    pub active: Option<RunId>,
    /// Those queued runs that matter, in their order, with GitHub's number and time of their deployment.
    pub queued: Vec<(RunId, DeploymentId, Timestamp)>,
    /// Held runs, likewise.
    pub held: Vec<(RunId, DeploymentId, Timestamp)>,
    /// The newest deployment ever accepted here.
    pub newest: Option<(DeploymentId, Timestamp)>,
    /// The lock of its environment, which may have expired. A plan's lane has none.
    pub lock: Option<Lock>,
}

/// A lane as a decision saw it. What was decided from it is written only while it still looks like this: others may decide
/// about the same lane at the same time, also in other processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLane {
    /// Which.
    pub lane: LaneKey,
    /// The environment that would be changed; a plan changes none.
    pub place: Option<Place>,
    /// What matters of it.
    pub part: Part,
    /// What it held.
    pub contents: LaneContents,
}

impl SeenLane {
    pub(crate) async fn has_moved(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        Ok(lane_contents(connection, &self.lane, self.place.as_ref(), self.part).await? != self.contents)
    }
}

/// The one that works, and the newest that was ever accepted: one row of each.
const ENDS: &str = "SELECT 'active' AS part, id, deployment_id, requested_at FROM runs WHERE lane = ?1 AND state = 'running' \
    UNION ALL SELECT * FROM (SELECT 'newest', id, deployment_id, requested_at FROM runs \
    WHERE lane = ?1 AND state NOT IN ('rejected', 'superseded') ORDER BY requested_at DESC, deployment_id DESC LIMIT 1) ";
const BEFORE: &str = "UNION ALL SELECT * FROM (SELECT 'queued', id, deployment_id, requested_at FROM runs \
    WHERE lane = ?1 AND state = 'queued' AND (requested_at, deployment_id) < (?2, ?3) \
    ORDER BY requested_at DESC, deployment_id DESC LIMIT 1)";
const OLDEST: &str = "UNION ALL SELECT * FROM (SELECT 'queued', id, deployment_id, requested_at FROM runs \
    WHERE lane = ?1 AND state = 'queued' ORDER BY requested_at, deployment_id LIMIT ?2) \
    UNION ALL SELECT * FROM (SELECT 'held', id, deployment_id, requested_at FROM runs \
    WHERE lane = ?1 AND state = 'held' ORDER BY requested_at, deployment_id LIMIT ?2)";

async fn lane_contents(
    connection: &mut SqliteConnection,
    lane: &LaneKey,
    place: Option<&Place>,
    part: Part,
) -> Result<LaneContents, StoreError> {
    let doing = "read a lane";
    let query = match part {
        Part::Before((at, id)) => sqlx::query(sqlx::AssertSqlSafe(format!("{ENDS}{BEFORE}")))
            .bind(lane.as_str())
            .bind(millis(at))
            .bind(number(id.0)),
        Part::Last => sqlx::query(sqlx::AssertSqlSafe(format!("{ENDS}{BEFORE}")))
            .bind(lane.as_str())
            .bind(i64::MAX)
            .bind(i64::MAX),
        Part::Oldest => sqlx::query(sqlx::AssertSqlSafe(format!("{ENDS}{OLDEST}")))
            .bind(lane.as_str())
            .bind(number(LISTED as u64)),
    };
    let rows = query
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let mut contents = LaneContents::default();
    if let Some(place) = place {
        contents.lock = locks::active(connection, place).await?;
    }
    for row in &rows {
        let row = Reader::new(row, doing);
        let entry = (
            row.parsed("id")?,
            DeploymentId(row.number("deployment_id")?),
            row.time("requested_at")?,
        );
        match row.text("part")?.as_str() {
            "active" => contents.active = Some(entry.0),
            "newest" => contents.newest = Some((entry.1, entry.2)),
            "queued" => contents.queued.push(entry),
            _ => contents.held.push(entry),
        }
    }
    Ok(contents)
}

/// Adds an entry to a run's timeline, and to the audit log where somebody decided it; the run is in the state that the entry tells
/// of. One that ends it is counted.
pub(crate) async fn append_event(
    connection: &mut SqliteConnection,
    run: RunId,
    at: Timestamp,
    event: &RunEvent,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO run_events (run_id, position, at, event) \
         VALUES (?1, (SELECT COALESCE(MAX(position), 0) + 1 FROM run_events WHERE run_id = ?1), ?2, ?3)",
    )
    .bind(run.to_string())
    .bind(millis(at))
    .bind(json(event))
    .execute(&mut *connection)
    .await
    .map_err(StoreError::while_doing("record an event of a run"))?;
    audit::noted(connection, run, at, event).await?;
    tallies::count(connection, run, event).await
}

impl Store {
    /// Adds an entry to a run's timeline.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn append_event(&self, run: RunId, at: Timestamp, event: &RunEvent) -> Result<(), StoreError> {
        let doing = "record an event of a run";
        let mut tx = self.begin(doing).await?;
        append_event(&mut tx, run, at, event).await?;
        commit(tx, doing).await
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn find_run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let doing = "read a run";
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.as_ref().map(|row| Reader::new(row, doing).run()).transpose()
    }

    /// The deployment a run carries out, as the delivery told it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn find_deployment(&self, run: &Run) -> Result<Option<Deployment>, StoreError> {
        self.accepted_deployment(&run.host, run.repository_id, run.deployment)
            .await
    }

    /// A deployment that has a run, as the decision saw it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn accepted_deployment(
        &self,
        host: &str,
        repository: RepositoryId,
        deployment: DeploymentId,
    ) -> Result<Option<Deployment>, StoreError> {
        let doing = "read a deployment";
        let row =
            sqlx::query("SELECT record FROM deployments WHERE host = ? AND repository_id = ? AND deployment_id = ?")
                .bind(host)
                .bind(number(repository.0))
                .bind(number(deployment.0))
                .fetch_optional(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
        row.as_ref()
            .map(|row| Reader::new(row, doing).json("record"))
            .transpose()
    }

    /// A run's timeline, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn events(&self, run: RunId) -> Result<Vec<(Timestamp, RunEvent)>, StoreError> {
        let doing = "read the events of a run";
        let rows = sqlx::query("SELECT at, event FROM run_events WHERE run_id = ? ORDER BY position")
            .bind(run.to_string())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok((row.time("at")?, row.json("event")?))
            })
            .collect()
    }

    /// A run's steps.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn steps(&self, run: RunId) -> Result<Vec<StepRecord>, StoreError> {
        let doing = "read the steps of a run";
        let rows = sqlx::query("SELECT * FROM steps WHERE run_id = ? ORDER BY position")
            .bind(run.to_string())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(StepRecord {
                    name: row.text("name")?,
                    outcome: row.text("outcome")?,
                    started_at: row.maybe_time("started_at")?,
                    finished_at: row.maybe_time("finished_at")?,
                })
            })
            .collect()
    }

    /// What a lane holds, as far as it matters, and who has locked its environment.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn lane(&self, lane: &LaneKey, place: Option<&Place>, part: Part) -> Result<LaneContents, StoreError> {
        let mut connection = self
            .read
            .acquire()
            .await
            .map_err(StoreError::while_doing("read a lane"))?;
        lane_contents(&mut connection, lane, place, part).await
    }

    /// How many queued runs of a lane come before a deployment, or are there at all.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn queued_before(&self, lane: &LaneKey, before: Option<Age>) -> Result<u64, StoreError> {
        let doing = "count what waits in a lane";
        let (at, id) = before.map_or((i64::MAX, i64::MAX), |(at, id)| (millis(at), number(id.0)));
        let row = sqlx::query(
            "SELECT COUNT(*) AS ahead FROM runs WHERE lane = ? AND state = 'queued' AND (requested_at, deployment_id) < (?, ?)",
        )
        .bind(lane.as_str())
        .bind(at)
        .bind(id)
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        Reader::new(&row, doing).number("ahead")
    }

    /// The newest runs of a lane, by GitHub's time of their deployment, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn newest_of_lane(&self, lane: &LaneKey, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list the runs of a lane";
        let rows =
            sqlx::query("SELECT * FROM runs WHERE lane = ? ORDER BY requested_at DESC, deployment_id DESC LIMIT ?")
                .bind(lane.as_str())
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// Held runs that are due for another look: `limit` of those that became due last, because somebody has just said that
    /// something about them has changed, and as many of those that have been due for longest.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn held_runs_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list held runs";
        let mut runs: Vec<Run> = Vec::new();
        for query in [
            "SELECT * FROM runs WHERE state = 'held' AND check_after <= ? AND NOT EXISTS (SELECT 1 FROM copied) \
             ORDER BY check_after DESC LIMIT ?",
            "SELECT * FROM runs WHERE state = 'held' AND check_after <= ? AND NOT EXISTS (SELECT 1 FROM copied) \
             ORDER BY check_after LIMIT ?",
        ] {
            let rows = sqlx::query(query)
                .bind(millis(now))
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
            for row in &rows {
                let run = Reader::new(row, doing).run()?;
                if runs.iter().all(|one| one.id != run.id) {
                    runs.push(run);
                }
            }
            if rows.len() < limit as usize {
                break;
            }
        }
        Ok(runs)
    }

    /// Makes every held run of a commit due for another look now. Returns how many there are.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn recheck_commit(&self, repository_id: u64, sha: &str, now: Timestamp) -> Result<u64, StoreError> {
        let changed =
            sqlx::query("UPDATE runs SET check_after = ? WHERE state = 'held' AND repository_id = ? AND sha = ?")
                .bind(millis(now))
                .bind(number(repository_id))
                .bind(sha)
                .execute(&self.write)
                .await
                .map_err(StoreError::while_doing("mark held runs for another look"))?;
        Ok(changed.rows_affected())
    }
}
