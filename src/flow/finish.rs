//! Takes a person's word about how a run went that a person carries out.
//!
//! The ledger takes it, and [`crate::flow::command`] passes it on to the runner, which ends with it.

use crate::domain::clock::Timestamp;
use crate::domain::command::PersonsVerdict;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::cancel::is_watched;
use crate::flow::command::Desk;
use crate::flow::engine::Engine;
use crate::flow::outcome::Ending;
use crate::report::cancel::{had_ended, unwatched};
use crate::report::sentence::{wanted_by, why_of, word_of};
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

/// What is said at once.
#[must_use]
pub fn answered(heard: &Heard, now: Timestamp) -> String {
    match heard {
        Heard::Taken(run) => format!(
            "run `{}` ends with that: {}{}",
            run.id,
            said(run),
            unwatched(is_watched(run))
        ),
        Heard::SaidBefore(run) => format!("run `{}` ends with what was said first: {}", run.id, said(run)),
        Heard::NotAsked(run) => not_asked(run, now),
    }
}

fn said(run: &Run) -> String {
    run.verdict.as_ref().map(word_of).unwrap_or_default()
}

/// Where it stands instead, and what can be done about it.
fn not_asked(run: &Run, now: Timestamp) -> String {
    let id = run.id;
    match (run.state, &run.cancel) {
        (RunState::Held, _) => format!(
            "run `{id}` is held, {}; nobody is asked about it yet: `chima cancel {id}` ends it",
            why_of(run).unwrap_or_else(|| "waiting for something outside its lane".to_owned())
        ),
        (RunState::Queued, _) => format!(
            "run `{id}` is queued; nobody is asked about it before its turn has come: `chima cancel {id}` ends it"
        ),
        (RunState::Running, Some(cancellation)) => format!(
            "run `{id}` is being stopped: {}; no word is waited for any more: `chima runs` lists what waits",
            wanted_by(cancellation)
        ),
        (RunState::Running, None) => format!(
            "run `{id}` is carried out by a command, which says itself how it went: `chima logs -f {id}` follows it, \
             `chima cancel {id}` stops it"
        ),
        (
            RunState::Succeeded
            | RunState::Failed
            | RunState::Errored
            | RunState::Rejected
            | RunState::Cancelled
            | RunState::Interrupted
            | RunState::Superseded,
            _,
        ) => format!(
            "{}; no word is waited for any more: `chima runs` lists what waits",
            had_ended(run, now)
        ),
    }
}
