//! What asking to stop a run came to, for the person who asked.

use crate::domain::clock::Timestamp;
use crate::domain::run::Run;
use crate::report::duration::span;
use crate::report::sentence::wanted_by;
use crate::report::status::{Links, deployment_status};

/// It only waited, and has ended.
#[must_use]
pub fn ended(run: &Run) -> String {
    let state = run.state.as_str();
    format!(
        "run `{}` is cancelled: it was {state}, and nothing of it ever ran",
        run.id
    )
}

/// It runs, and is asked to stop. Where no worker watches it, that takes effect later.
#[must_use]
pub fn asked(run: &Run, watched: bool) -> String {
    format!(
        "run `{}` is asked to stop: what it started on this machine is gone within 10 s{}",
        run.id,
        unwatched(watched)
    )
}

/// Somebody else was first.
#[must_use]
pub fn asked_before(run: &Run) -> String {
    let first = run.cancel.as_ref().map(wanted_by).unwrap_or_default();
    format!("run `{}` is being stopped already: {first}", run.id)
}

/// Who asks for something of a run that no worker watches hears when it takes effect; others need not know.
#[must_use]
pub fn unwatched(watched: bool) -> &'static str {
    if watched {
        ""
    } else {
        "; no worker watches it: its end is told as soon as `chima serve` or `chima worker` runs again"
    }
}

/// When a run ended, and how.
#[must_use]
pub fn had_ended(run: &Run, now: Timestamp) -> String {
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
