//! Stops a run because a person asks for it.
//!
//! The ledger takes the request: a run that waits ends there and then; of one that is claimed it is written down who wants it
//! to stop, and [`crate::flow::command`] passes it on.

use crate::domain::clock::Timestamp;
use crate::domain::command::{Cancellation, UNNAMED};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::command::Desk;
use crate::flow::outcome::Ending;
use crate::provider::worker::is_dead;
use crate::report::cancel as words;
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

impl Answer {
    /// For the person who asked.
    #[must_use]
    pub fn told(&self, now: Timestamp) -> String {
        match self {
            Self::Ended(run) => words::ended(run),
            Self::Requested(run) => words::asked(run, is_watched(run)),
            Self::RequestedBefore(run) => words::asked_before(run),
            Self::Over(run) => words::had_ended(run, now),
        }
    }

    /// Whether it stops, or has.
    #[must_use]
    pub fn stops(&self) -> bool {
        !matches!(self, Self::Over(_))
    }
}

/// Whether whoever claimed it may still be there.
#[must_use]
pub fn is_watched(run: &Run) -> bool {
    !run.worker.as_deref().is_some_and(is_dead)
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

/// The end of a run of which nothing runs any more, or ever did, because somebody wanted it to stop. Who and why, the
/// ledger knows.
#[must_use]
pub fn stopped() -> Ending {
    stopped_with(false)
}

/// As [`stopped`], of a run that had started: `remote` says whether what it began elsewhere may go on.
#[must_use]
pub fn stopped_with(remote: bool) -> Ending {
    Ending {
        state: RunState::Cancelled,
        reason: remote.then(|| Reason::Cancelled {
            by: UNNAMED.to_owned(),
            remote,
        }),
        steps: Vec::new(),
        log_trouble: None,
    }
}
