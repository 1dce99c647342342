//! Runs that a person carries out: what is to be done, and the word about how it went.

use crate::domain::clock::Timestamp;
use crate::domain::command::PersonsVerdict;
use crate::domain::ids::{Fence, RunId};
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, number};
use crate::store::runs::append_event;
use crate::store::{Store, commit};

/// What a person's word came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It stands in the ledger until the run has ended.
    Taken(Box<Run>),
    /// Somebody spoke before; that word stays, and nothing was written.
    SaidBefore(Box<Run>),
    /// Nobody is asked about it: it waits, is carried out by a command, is being stopped, or has ended. Nothing was written.
    NotAsked(Box<Run>),
}

impl Store {
    /// Writes down that a claimed run waits for a person, and what is sent about that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] when the claim is no longer the caller's.
    pub async fn await_person(
        &self,
        run: RunId,
        fence: Fence,
        instructions: &str,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "record that a run waits for a person";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query("UPDATE runs SET instructions = ? WHERE id = ? AND fence = ? AND state = 'running'")
            .bind(instructions)
            .bind(run.to_string())
            .bind(number(fence.0))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        append_event(&mut tx, run, now, &RunEvent::AwaitsPerson).await?;
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await
    }

    /// Takes a person's word about a run that waits for one. The first stays.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn hear(&self, run: RunId, verdict: &PersonsVerdict, now: Timestamp) -> Result<Heard, StoreError> {
        let doing = "record a person's word about a run";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
            .bind(run.to_string())
            .fetch_one(&mut *tx)
            .await
            .map_err(&failed)?;
        let mut current = Reader::new(&row, doing).run()?;
        if current.state == RunState::Running && current.persons_verdict().is_some() {
            return Ok(Heard::SaidBefore(Box::new(current)));
        }
        if current.waits_for_person().is_none() {
            return Ok(Heard::NotAsked(Box::new(current)));
        }
        sqlx::query("UPDATE runs SET verdict = ? WHERE id = ?")
            .bind(json(verdict))
            .bind(run.to_string())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        append_event(&mut tx, run, now, &RunEvent::PersonSaid(verdict.clone())).await?;
        commit(tx, doing).await?;
        current.verdict = Some(verdict.clone());
        Ok(Heard::Taken(Box::new(current)))
    }
}
