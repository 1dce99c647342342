//! `chima finish`: what a person's word came to, for the person who said it.

use crate::domain::clock::Timestamp;
use crate::domain::run::{Run, RunState};
use crate::flow::cancel::is_watched;
use crate::report::cancel::{had_ended, unwatched};
use crate::report::sentence::{wanted_by, why_of, word_of};
use crate::store::verdict::Heard;

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
