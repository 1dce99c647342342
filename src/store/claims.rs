//! Who carries out a run: claims with a lease and a growing fence.
//!
//! A claim is one transaction that looks at the lane, takes the next fence and moves the head of the lane to `running`.
//! From then on every write of that run carries the fence and must change exactly one row; a worker that was paused
//! beyond its lease finds its writes refused.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::ids::{Fence, RunId};
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::locks;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, millis, number};
use crate::store::runs::append_event;
use crate::store::{Store, commit};

/// So many runs that a lock stops are put back by one look at their lane.
const HELD_BACK: usize = 50;

/// What a look at a lane came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The head of the lane is the caller's to carry out.
    Taken(Box<Run>),
    /// It took its worker down too often, and was given up instead. The caller reports it.
    GivenUp(Box<Run>),
    /// Another run of the lane is under way; its end rings again.
    Busy,
    /// Nothing waits.
    Empty,
}

/// What giving a claimed run back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBack {
    /// It waits in its lane again.
    Queued,
    /// Somebody has asked to stop it: it is still claimed, and the caller ends it.
    ToStop,
}

impl Store {
    /// Takes the head of the lane of `run`. The bell only says that something may be due there.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim(
        &self,
        run: RunId,
        worker: &str,
        lease: Duration,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        let doing = "claim a run";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let lane: Option<String> = sqlx::query("SELECT lane FROM runs WHERE id = ?")
            .bind(run.to_string())
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?
            .and_then(|row| row.try_get(0).ok());
        let Some(lane) = lane else {
            return Ok(Claim::Empty);
        };
        // in a restored ledger nothing begins before it is known what has happened since
        let active = sqlx::query(
            "SELECT 1 FROM runs WHERE lane = ? AND state = 'running' UNION ALL SELECT 1 FROM copied LIMIT 1",
        )
        .bind(&lane)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        if active.is_some() {
            return Ok(Claim::Busy);
        }
        let (head, held_back) = head(&mut tx, &lane, now).await?;
        let Some(mut run) = head else {
            if held_back {
                commit(tx, doing).await?;
            }
            return Ok(Claim::Empty);
        };
        run.fence = next_fence(&mut tx, &lane).await?;
        run.attempts += 1;
        run.state = RunState::Running;
        // why it waited is over
        run.reason = None;
        // whether a person carries out this attempt too is known once it is prepared
        run.instructions = None;
        run.worker = Some(worker.to_owned());
        run.lease_until = Some(now + lease);
        run.started_at = run.started_at.or(Some(now));
        sqlx::query(
            "UPDATE runs SET state = 'running', fence = ?, attempts = ?, worker = ?, lease_until = ?, started_at = ?, \
             reason = NULL, instructions = NULL, rung_at = NULL WHERE id = ? AND state = 'queued'",
        )
        .bind(number(run.fence.0))
        .bind(run.attempts)
        .bind(worker)
        .bind(run.lease_until.map(millis))
        .bind(run.started_at.map(millis))
        .bind(run.id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let event = RunEvent::Claimed {
            worker: worker.to_owned(),
            attempt: run.attempts,
            fence: run.fence,
        };
        append_event(&mut tx, run.id, now, &event).await?;
        commit(tx, doing).await?;
        if run.attempts > max_attempts {
            return Ok(Claim::GivenUp(Box::new(run)));
        }
        Ok(Claim::Taken(Box::new(run)))
    }

    /// How often a run that waits in the lane of `run` was claimed at most.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn most_attempts_beside(&self, run: RunId) -> Result<u32, StoreError> {
        let doing = "look at a lane";
        let row = sqlx::query(
            "SELECT COALESCE(MAX(attempts), 0) AS attempts FROM runs WHERE state = 'queued' \
             AND lane = (SELECT lane FROM runs WHERE id = ?)",
        )
        .bind(run.to_string())
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        Reader::new(&row, doing).count("attempts")
    }

    /// Prolongs the claims of this worker on `runs`.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn renew_leases(&self, worker: &str, runs: &[RunId], until: Timestamp) -> Result<(), StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE runs SET lease_until = ");
        query
            .push_bind(millis(until))
            .push(" WHERE state = 'running' AND worker = ")
            .push_bind(worker)
            .push(" AND id IN (");
        let mut list = query.separated(", ");
        for run in runs {
            list.push_bind(run.to_string());
        }
        query.push(")");
        query
            .build()
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("renew leases"))?;
        Ok(())
    }

    /// Every run that some worker has claimed.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn claimed_runs(&self) -> Result<Vec<Run>, StoreError> {
        let doing = "list claimed runs";
        // sorted here: by the index of ids SQLite would read every run that ever was
        let rows = sqlx::query("SELECT * FROM runs WHERE state = 'running'")
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        in_order(&rows, doing)
    }

    /// Claimed runs of which a person has asked something: to stop, or to take a word about how it went.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn claimed_runs_asked_about(&self) -> Result<Vec<Run>, StoreError> {
        let doing = "list claimed runs that a person has asked something of";
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE state = 'running' AND (cancel_by IS NOT NULL OR verdict IS NOT NULL)",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        in_order(&rows, doing)
    }

    /// Takes over a claimed run from a worker that is gone: a new fence, so that the old one's writes are refused.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when somebody else was quicker.
    pub async fn adopt(&self, run: &Run, worker: &str, lease: Duration, now: Timestamp) -> Result<Fence, StoreError> {
        let doing = "adopt a run";
        let mut tx = self.begin(doing).await?;
        let Some(lane) = &run.lane else {
            return Err(StoreError::Stale);
        };
        let fence = next_fence(&mut tx, lane.as_str()).await?;
        let changed = sqlx::query(
            "UPDATE runs SET worker = ?, fence = ?, lease_until = ? WHERE id = ? AND fence = ? AND state = 'running'",
        )
        .bind(worker)
        .bind(number(fence.0))
        .bind(millis(now + lease))
        .bind(run.id.to_string())
        .bind(number(run.fence.0))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        append_event(
            &mut tx,
            run.id,
            now,
            &RunEvent::Adopted {
                worker: worker.to_owned(),
                fence,
            },
        )
        .await?;
        commit(tx, doing).await?;
        Ok(fence)
    }

    /// Puts a claimed run back into its lane, unless somebody has asked to stop it. Only for one whose command is proven
    /// never to have started.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when the claim is no longer the caller's.
    pub async fn requeue(
        &self,
        run: RunId,
        fence: Fence,
        detail: &str,
        now: Timestamp,
    ) -> Result<GivenBack, StoreError> {
        let doing = "requeue a run";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE runs SET state = 'queued', worker = NULL, lease_until = NULL, rung_at = NULL \
             WHERE id = ? AND fence = ? AND state = 'running' AND cancel_by IS NULL",
        )
        .bind(run.to_string())
        .bind(number(fence.0))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if changed.rows_affected() != 1 {
            let owned = sqlx::query("SELECT 1 FROM runs WHERE id = ? AND fence = ? AND state = 'running'")
                .bind(run.to_string())
                .bind(number(fence.0))
                .fetch_optional(&mut *tx)
                .await
                .map_err(&failed)?;
            return owned.map(|_| GivenBack::ToStop).ok_or(StoreError::Stale);
        }
        append_event(
            &mut tx,
            run,
            now,
            &RunEvent::Requeued {
                detail: detail.to_owned(),
            },
        )
        .await?;
        commit(tx, doing).await?;
        Ok(GivenBack::Queued)
    }

    /// Writes an entry of a claimed run's timeline, and what is to be sent with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when the claim is no longer the caller's.
    pub async fn report_progress(
        &self,
        run: RunId,
        fence: Fence,
        events: &[RunEvent],
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "record the progress of a run";
        let mut tx = self.begin(doing).await?;
        let owned = sqlx::query("SELECT 1 FROM runs WHERE id = ? AND fence = ? AND state = 'running'")
            .bind(run.to_string())
            .bind(number(fence.0))
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if owned.is_none() {
            return Err(StoreError::Stale);
        }
        for event in events {
            append_event(&mut tx, run, now, event).await?;
        }
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await
    }
}

fn in_order(rows: &[SqliteRow], doing: &'static str) -> Result<Vec<Run>, StoreError> {
    let runs = rows.iter().map(|row| Reader::new(row, doing).run());
    let mut runs: Vec<Run> = runs.collect::<Result<_, _>>()?;
    runs.sort_by_key(|run| run.id);
    Ok(runs)
}

/// The first of a lane that no lock stops, and whether one was stopped: that one goes back before the door. A decision may have
/// been made before the lock came, and a run may come back from a worker that died.
async fn head(
    connection: &mut SqliteConnection,
    lane: &str,
    now: Timestamp,
) -> Result<(Option<Run>, bool), StoreError> {
    let doing = "find the head of a lane";
    let mut held_back = false;
    // of more, the rest at the next bell: others wait for this transaction
    for _ in 0..HELD_BACK {
        let row = sqlx::query(
            "SELECT * FROM runs WHERE lane = ? AND state = 'queued' ORDER BY requested_at, deployment_id LIMIT 1",
        )
        .bind(lane)
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let Some(run) = row.map(|row| Reader::new(&row, doing).run()).transpose()? else {
            return Ok((None, held_back));
        };
        let lock = match run.place() {
            Some(place) => locks::active(connection, &place).await?,
            None => None,
        };
        match lock.filter(|lock| lock.holds_at(now)) {
            Some(lock) if run.passes_lock != Some(lock.id) => locks::hold_back_one(connection, run.id, now).await?,
            Some(_) | None => return Ok((Some(run), held_back)),
        }
        held_back = true;
    }
    Ok((None, held_back))
}

async fn next_fence(connection: &mut SqliteConnection, lane: &str) -> Result<Fence, StoreError> {
    let doing = "take a fence";
    let row = sqlx::query(
        "INSERT INTO lanes (lane, fence) VALUES (?, 1) ON CONFLICT (lane) DO UPDATE SET fence = lanes.fence + 1 \
         RETURNING fence",
    )
    .bind(lane)
    .fetch_one(connection)
    .await
    .map_err(StoreError::while_doing(doing))?;
    Ok(Fence(Reader::new(&row, doing).number("fence")?))
}
