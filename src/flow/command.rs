//! Commands on the ledger: what people ask of runs that are there already.
//!
//! A command is one transaction that looks at the run's state first. It needs no server: whoever is to act on it (the worker
//! that holds the run, the outbox, the next run of a lane) finds it in the ledger, at the latest by the next sweep.
//!
//! What is asked of a claimed run goes from there to whoever has it in hand, by every sweep until the run has ended: a word
//! to the worker that still prepares it, and a file to its runner, which any process of this machine may lay down. So it
//! outlives the server that took it, and a run that had come to its own end first keeps it.

use std::io;
use std::path::Path;

use crate::domain::clock::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::announce::Voice;
use crate::flow::engine::Engine;
use crate::flow::outcome::Ending;
use crate::provider::attempt;
use crate::report::sentence::{asked_by, word_for_log};
use crate::store::Store;
use crate::store::error::StoreError;

/// Where commands are given: a server has one, and so has a command line beside it.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The ledger.
    pub store: &'a Store,
    /// What is told about what a command changes.
    pub voice: Voice<'a>,
}

impl Desk<'_> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.voice.clock.now()
    }
}

/// Passes on whatever was asked of runs that have not ended yet. Returns how many there are.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let runs = engine.store.claimed_runs_asked_about().await?;
    for run in &runs {
        if run.cancel.is_some() {
            engine.tell_to_stop(run.id);
        }
        match hand_over(&engine.config.data_dir, run) {
            Ok(true) => tracing::info!(run.id = %run.id, "told the runner what a person asks"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(run.id = %run.id, error = %error, "cannot tell a runner what a person asks; trying again")
            }
        }
    }
    Ok(runs.len())
}

/// Lays down what was asked where the runner of the present attempt finds it, at once or when it starts. `false` where all
/// of it lies there already, or where there is no such place yet: then no runner can have started.
///
/// # Errors
///
/// When a file cannot be written.
pub fn hand_over(data_dir: &Path, run: &Run) -> io::Result<bool> {
    let folder = attempt::dir(data_dir, run.id, run.attempts);
    let left = |result: io::Result<bool>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result,
    };
    let mut new = false;
    // First: a word about how it went is only taken as long as nobody has asked to stop it.
    if let Some(verdict) = run.persons_verdict().filter(|_| attempt::verdict(&folder).is_none()) {
        new |= left(attempt::give_verdict(&folder, &word_for_log(verdict)))?;
    }
    if let Some(cancellation) = run.cancel.as_ref().filter(|_| attempt::cancel(&folder).is_none()) {
        new |= left(attempt::request_cancel(&folder, &asked_by(cancellation)))?;
    }
    Ok(new)
}

/// A run as it is told once it has ended like this. Who cancelled it, or said how it went, is what the ledger says, where it
/// says so: a runner only knows lines for its log.
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
    if ended.state != RunState::Cancelled && ended.instructions.is_none() {
        return Ok(ended);
    }
    let Some(current) = engine.store.find_run(run.id).await? else {
        return Ok(ended);
    };
    ended.verdict = current.verdict;
    match (&ended.reason, current.cancel, ended.persons_verdict()) {
        (reason, Some(cancellation), _) if ended.state == RunState::Cancelled => {
            let remote = matches!(reason, Some(Reason::Cancelled { remote: true, .. }));
            let by = cancellation.by.clone();
            ended.reason = Some(Reason::Cancelled { by, remote });
            ended.cancel = Some(cancellation);
        }
        (Some(Reason::NotDone { .. }), _, Some(verdict)) => {
            let (by, note) = (verdict.by.clone(), verdict.note.clone());
            ended.reason = Some(Reason::NotDone { by, note });
        }
        _ => {}
    }
    Ok(ended)
}
