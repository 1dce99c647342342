//! Requests to stop a run: the transaction that ends one that waits, or writes down that somebody wants one to stop.

use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::command::Cancellation;
use crate::domain::ids::RunId;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::runs::append_event;
use crate::store::{Store, commit};

/// What a request to stop a run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It waited, and has ended. Where it stood in the way of another one, that one counts as not rung for.
    Ended,
    /// A worker has it: the request stands in the ledger until the run has ended.
    Requested(Box<Run>),
    /// Somebody asked before; that request stays, and nothing was written.
    RequestedBefore(Box<Run>),
    /// It has ended; nothing was written.
    Over(Box<Run>),
    /// It is not what the caller took it for; nothing was written. Ask again about this.
    Moved(Box<Run>),
}

impl Store {
    /// Asks to stop a run. One that is held or queued ends here, with what is sent about that; `outgoing` was made from
    /// `run`, so it must still be what it was then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn cancel(
        &self,
        run: &Run,
        cancellation: &Cancellation,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let doing = "cancel a run";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
            .bind(run.id.to_string())
            .fetch_one(&mut *tx)
            .await
            .map_err(&failed)?;
        let current = Reader::new(&row, doing).run()?;
        let waits = matches!(current.state, RunState::Held | RunState::Queued);
        if current.state.is_terminal() {
            return Ok(Recorded::Over(Box::new(current)));
        }
        if current.cancel.is_some() {
            return Ok(Recorded::RequestedBefore(Box::new(current)));
        }
        if waits && (current.state, current.attempts) != (run.state, run.attempts) {
            return Ok(Recorded::Moved(Box::new(current)));
        }
        note(&mut tx, run.id, cancellation, now).await?;
        if waits {
            end(&mut tx, run.id, cancellation, now).await?;
            outbox::put(&mut tx, outgoing, now).await?;
            unring_next(&mut tx, &current).await?;
        }
        commit(tx, doing).await?;
        Ok(if waits {
            Recorded::Ended
        } else {
            Recorded::Requested(Box::new(current))
        })
    }
}

async fn note(
    connection: &mut SqliteConnection,
    run: RunId,
    cancellation: &Cancellation,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE runs SET cancel_by = ?, cancel_reason = ? WHERE id = ?")
        .bind(&cancellation.by)
        .bind(&cancellation.reason)
        .bind(run.to_string())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::while_doing("record a request to stop a run"))?;
    let event = RunEvent::CancelRequested(cancellation.clone());
    append_event(connection, run, now, &event).await
}

async fn end(
    connection: &mut SqliteConnection,
    run: RunId,
    cancellation: &Cancellation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = Reason::Cancelled {
        by: cancellation.by.clone(),
        remote: false,
    };
    sqlx::query("UPDATE runs SET state = 'cancelled', reason = ?, finished_at = ? WHERE id = ?")
        .bind(json(&reason))
        .bind(millis(now))
        .bind(run.to_string())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::while_doing("end a waiting run"))?;
    let event = RunEvent::Finished {
        state: RunState::Cancelled,
        reason: Some(reason),
    };
    append_event(connection, run, now, &event).await
}

/// The bell of a run that was next may be lost with it: the one that is next now counts as not rung for, and the sweep rings.
async fn unring_next(connection: &mut SqliteConnection, ended: &Run) -> Result<(), StoreError> {
    let Some(lane) = ended.lane.as_ref().filter(|_| ended.state == RunState::Queued) else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE runs SET rung_at = NULL WHERE id = (SELECT id FROM runs WHERE lane = ?1 AND state = 'queued' \
         ORDER BY requested_at, deployment_id LIMIT 1) AND (requested_at, deployment_id) > (?2, ?3) \
         AND NOT EXISTS (SELECT 1 FROM runs WHERE lane = ?1 AND state = 'running')",
    )
    .bind(lane.as_str())
    .bind(millis(ended.requested_at))
    .bind(number(ended.deployment.0))
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("find the next of a lane"))?;
    Ok(())
}
