//! How runs end: a claimed one under its fence, with its steps and its last word; one that waits as it is found.

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::lock::Lock;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::locks;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::runs::{StepRecord, append_event};
use crate::store::{Store, commit};

/// How a claimed run ends.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Its last state.
    pub state: RunState,
    /// Why, unless it succeeded.
    pub reason: Option<&'a Reason>,
    /// Its steps, as far as they were begun.
    pub steps: &'a [StepRecord],
    /// What of its output could not be kept, and why.
    pub log_trouble: Option<&'a str>,
    /// Keeps everybody out until somebody has looked.
    pub lock: Option<&'a Lock>,
}

impl Store {
    /// Ends a claimed run, and locks its environment where somebody must look first. Returns the run that is next in its lane,
    /// for which the caller rings.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when the claim is no longer the caller's.
    pub async fn finish(
        &self,
        run: &Run,
        end: &End<'_>,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<Option<RunId>, StoreError> {
        let &End {
            state,
            reason,
            steps,
            log_trouble,
            lock,
        } = end;
        let doing = "finish a run";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE runs SET state = ?, reason = ?, finished_at = ?, lease_until = NULL \
             WHERE id = ? AND fence = ? AND state = 'running'",
        )
        .bind(state.as_str())
        .bind(reason.map(json))
        .bind(millis(now))
        .bind(run.id.to_string())
        .bind(number(run.fence.0))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if changed.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        for (position, step) in steps.iter().enumerate() {
            sqlx::query(
                "INSERT INTO steps (run_id, position, name, outcome, started_at, finished_at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (run_id, position) DO UPDATE SET outcome = excluded.outcome, \
                 started_at = excluded.started_at, finished_at = excluded.finished_at",
            )
            .bind(run.id.to_string())
            .bind(number(position as u64))
            .bind(&step.name)
            .bind(&step.outcome)
            .bind(step.started_at.map(millis))
            .bind(step.finished_at.map(millis))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        if let Some(detail) = log_trouble {
            let detail = detail.to_owned();
            append_event(&mut tx, run.id, now, &RunEvent::LogIncomplete { detail }).await?;
        }
        append_event(
            &mut tx,
            run.id,
            now,
            &RunEvent::Finished {
                state,
                reason: reason.cloned(),
            },
        )
        .await?;
        outbox::put(&mut tx, outgoing, now).await?;
        if let Some(lock) = lock {
            locks::replace(&mut tx, lock, true).await?;
        }
        let next = match &run.lane {
            Some(lane) => sqlx::query(
                "UPDATE runs SET rung_at = ? WHERE id = (SELECT id FROM runs WHERE lane = ? AND state = 'queued' \
                 ORDER BY requested_at, deployment_id LIMIT 1) RETURNING id",
            )
            .bind(millis(now))
            .bind(lane.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?
            .map(|row| Reader::new(&row, doing).parsed("id"))
            .transpose()?,
            None => None,
        };
        commit(tx, doing).await?;
        Ok(next)
    }

    /// Ends a run that nobody has claimed. Returns whether it was still waiting.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn finish_waiting(
        &self,
        run: &Run,
        state: RunState,
        reason: &Reason,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "finish a waiting run";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE runs SET state = ?, reason = ?, finished_at = ? WHERE id = ? AND state = ? AND state IN ('held', 'queued')",
        )
        .bind(state.as_str())
        .bind(json(reason))
        .bind(millis(now))
        .bind(run.id.to_string())
        .bind(run.state.as_str())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        append_event(
            &mut tx,
            run.id,
            now,
            &RunEvent::Finished {
                state,
                reason: Some(reason.clone()),
            },
        )
        .await?;
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }
}
