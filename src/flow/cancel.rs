//! Stops a run because a person asks for it.
//!
//! The ledger takes the request: a run that waits ends there and then; of one that is claimed it is written down who wants it
//! to stop. From there it goes to whoever has the run in hand, by every sweep until the run has ended: a word to the
//! worker that still prepares it, and a file to its runner, which any process of this machine may lay down. So a request
//! outlives the server that took it, and a run that had come to its own end first keeps it.

use std::io;
use std::path::Path;

use crate::domain::clock::Timestamp;
use crate::domain::command::Cancellation;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::command::Desk;
use crate::flow::engine::Engine;
use crate::flow::outcome::Ending;
use crate::provider::attempt;
use crate::report::sentence::asked_by;
use crate::store::cancel::Recorded;
use crate::store::error::StoreError;

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It had not been claimed, and has ended. As it was before.
    Ended(Run),
    /// It runs; what it started is stopped by whoever has it in hand.
    Requested(Run),
    /// As [`Answer::Requested`], but somebody else was first: the run names whom.
    RequestedBefore(Run),
    /// It had ended before.
    Over(Run),
}

/// Writes a request down, and ends the run where it only waits.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn cancel(desk: &Desk<'_>, mut run: Run, cancellation: &Cancellation) -> Result<Answer, StoreError> {
    loop {
        let now = desk.now();
        let ended = Run {
            state: RunState::Cancelled,
            reason: Some(Reason::Cancelled {
                by: cancellation.by.clone(),
                remote: false,
            }),
            finished_at: Some(now),
            cancel: Some(cancellation.clone()),
            ..run.clone()
        };
        let outgoing = desk.voice.announce(&ended, None);
        match desk.store.cancel(&run, cancellation, &outgoing, now).await? {
            Recorded::Ended => return Ok(Answer::Ended(run)),
            Recorded::Requested(current) => {
                return Ok(Answer::Requested(Run {
                    cancel: Some(cancellation.clone()),
                    ..*current
                }));
            }
            Recorded::RequestedBefore(run) => return Ok(Answer::RequestedBefore(*run)),
            Recorded::Over(run) => return Ok(Answer::Over(*run)),
            Recorded::Moved(current) => run = *current,
        }
    }
}

/// As [`cancel`], from inside a server: nobody in this process waits for the next sweep.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn cancel_here(engine: &Engine, run: Run, cancellation: &Cancellation) -> Result<Answer, StoreError> {
    let answer = cancel(&engine.desk(), run, cancellation).await?;
    engine.sweeps.notify_one();
    engine.outbox.notify_one();
    Ok(answer)
}

/// Passes every request on whose run has not ended yet. Returns how many there are.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let runs = engine.store.runs_to_stop().await?;
    for run in &runs {
        engine.tell_to_stop(run.id);
        match hand_over(&engine.config.data_dir, run) {
            Ok(true) => tracing::info!(run.id = %run.id, "asked the runner to stop"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(run.id = %run.id, error = %error, "cannot ask a runner to stop; trying again")
            }
        }
    }
    Ok(runs.len())
}

/// Lays the request down where the runner of the present attempt finds it, at once or when it starts. `false` where it lies
/// there already, or where there is no such place yet: then no runner can have started.
///
/// # Errors
///
/// When the file cannot be written.
pub fn hand_over(data_dir: &Path, run: &Run) -> io::Result<bool> {
    let Some(cancellation) = &run.cancel else {
        return Ok(false);
    };
    let folder = attempt::dir(data_dir, run.id, run.attempts);
    if attempt::cancel(&folder).is_some() {
        return Ok(false);
    }
    match attempt::request_cancel(&folder, &asked_by(cancellation)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result,
    }
}

/// The end of a run of which nothing runs any more, or ever did, because somebody wanted it to stop. Who and why, the
/// ledger knows.
#[must_use]
pub fn stopped() -> Ending {
    Ending {
        state: RunState::Cancelled,
        reason: None,
        steps: Vec::new(),
    }
}

/// A run as it is told once it has ended like this. Who cancelled it is what the ledger says, where it says so: a runner only
/// knows a line for its log.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn ended(engine: &Engine, run: &Run, ending: &Ending, now: Timestamp) -> Result<Run, StoreError> {
    let mut ended = Run {
        state: ending.state,
        reason: ending.reason.clone(),
        finished_at: Some(now),
        ..run.clone()
    };
    if ending.state == RunState::Cancelled {
        ended.cancel = engine.store.find_run(run.id).await?.and_then(|run| run.cancel);
        let remote = matches!(ended.reason, Some(Reason::Cancelled { remote: true, .. }));
        let by = ended.cancel.as_ref().map(|cancellation| cancellation.by.clone());
        ended.reason = by.map(|by| Reason::Cancelled { by, remote }).or(ended.reason);
    }
    Ok(ended)
}
