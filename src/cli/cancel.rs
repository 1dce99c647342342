//! `chima cancel`: what asking to stop a run came to, for the person who asked.

use crate::domain::clock::Timestamp;
use crate::domain::run::Run;
use crate::flow::cancel::Answer;
use crate::provider::worker::is_dead;
use crate::report::duration::span;
use crate::report::sentence::wanted_by;
use crate::report::status::{Links, deployment_status};

/// What is said at once.
#[must_use]
pub fn answered(answer: &Answer, now: Timestamp) -> String {
    match answer {
        Answer::Ended(run) => {
            let state = run.state.as_str();
            format!(
                "run `{}` is cancelled: it was {state}, and nothing of it ever ran",
                run.id
            )
        }
        Answer::Requested(run) => {
            format!(
                "run `{}` is asked to stop: what it started on this machine is gone within 10 s{}",
                run.id,
                unwatched(run)
            )
        }
        Answer::RequestedBefore(run) => {
            let first = run.cancel.as_ref().map(wanted_by).unwrap_or_default();
            format!("run `{}` is being stopped already: {first}", run.id)
        }
        Answer::Over(run) => had_ended(run, now),
    }
}

/// Who asks for something of a run that no worker watches hears when it takes effect; others need not know.
pub(crate) fn unwatched(run: &Run) -> &'static str {
    if run.worker.as_deref().is_some_and(is_dead) {
        "; no worker watches it: its end is told as soon as `chima serve` or `chima worker` runs again"
    } else {
        ""
    }
}

/// When a run ended, and how.
pub(crate) fn had_ended(run: &Run, now: Timestamp) -> String {
    let when = run.finished_at.map_or_else(String::new, |at| {
        format!(" {} ago, at {}", span(now - at), at.format("%Y-%m-%d %H:%M:%S UTC"))
    });
    format!("run `{}` had ended{when}: {}", run.id, how(run))
}

/// How a run ended, as GitHub is told.
#[must_use]
pub fn how(run: &Run) -> String {
    deployment_status(run, None, &Links::default()).description
}
