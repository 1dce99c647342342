//! Takes a person's word about how a run went that a person carries out.
//!
//! The ledger takes it, and [`crate::flow::command`] passes it on to the runner, which ends with it.

use crate::domain::command::PersonsVerdict;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::command::Desk;
use crate::flow::engine::Engine;
use crate::flow::outcome::Ending;
use crate::store::error::StoreError;
use crate::store::verdict::Heard;

/// Writes a person's word down.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn finish(desk: &Desk<'_>, run: &Run, verdict: &PersonsVerdict) -> Result<Heard, StoreError> {
    desk.store.hear(run.id, verdict, desk.now()).await
}

/// As [`finish`], from inside a server: nobody in this process waits for the next sweep.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn finish_here(engine: &Engine, run: &Run, verdict: &PersonsVerdict) -> Result<Heard, StoreError> {
    let heard = finish(&engine.desk(), run, verdict).await?;
    engine.sweeps.notify_one();
    Ok(heard)
}

/// The end that a person's word is.
#[must_use]
pub fn of_verdict(verdict: &PersonsVerdict) -> Ending {
    let reason = Reason::NotDone {
        by: verdict.by.clone(),
        note: verdict.note.clone(),
    };
    Ending {
        state: if verdict.done {
            RunState::Succeeded
        } else {
            RunState::Failed
        },
        reason: (!verdict.done).then_some(reason),
        steps: Vec::new(),
        log_trouble: None,
    }
}
