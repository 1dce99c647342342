//! The stages of a run, from the delivery to its end, and how long each took.

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What happened in it.
    pub name: &'static str,
    /// When it began.
    pub from: Timestamp,
    /// How long it took, or has so far.
    pub took: TimeDelta,
    /// Whether it has not ended.
    pub goes_on: bool,
}

/// The stages of a run. Two of the same that follow one another are one.
#[must_use]
pub fn stages(run: &Run, events: &[(Timestamp, RunEvent)], now: Timestamp) -> Vec<Stage> {
    let mut begun: Vec<(Timestamp, Option<&'static str>)> = vec![(run.requested_at, Some("on its way from GitHub"))];
    for (at, event) in events {
        if let Some(next) = follows(event) {
            begun.push((*at, next));
        }
    }
    begun.dedup_by_key(|(_, name)| *name);
    let mut stages = Vec::new();
    for (index, (from, name)) in begun.iter().enumerate() {
        let Some(name) = *name else { continue };
        let end = begun.get(index + 1).map(|(at, _)| *at);
        let over = end.or(run.finished_at);
        stages.push(Stage {
            name,
            from: *from,
            took: (over.unwrap_or(now) - *from).max(TimeDelta::zero()),
            goes_on: over.is_none(),
        });
    }
    stages
}

/// What begins with an event; `Some(None)` where it was the end, nothing where all goes on as before.
fn follows(event: &RunEvent) -> Option<Option<&'static str>> {
    match event {
        RunEvent::Delivered { .. } | RunEvent::Listed { .. } => Some(Some("decided")),
        RunEvent::Decided { state, .. } => Some(match state {
            RunState::Held => Some("held"),
            RunState::Queued => Some("queued"),
            RunState::Running => Some("carried out"),
            RunState::Succeeded
            | RunState::Failed
            | RunState::Errored
            | RunState::Rejected
            | RunState::Cancelled
            | RunState::Interrupted
            | RunState::Superseded => None,
        }),
        RunEvent::Requeued { .. } => Some(Some("queued")),
        RunEvent::Claimed { .. } => Some(Some("prepared")),
        RunEvent::Started { .. } => Some(Some("carried out")),
        RunEvent::AwaitsPerson => Some(Some("carried out by a person")),
        RunEvent::Superseded { .. } | RunEvent::Finished { .. } => Some(None),
        RunEvent::Forced(_)
        | RunEvent::CheckedOut { .. }
        | RunEvent::Adopted { .. }
        | RunEvent::PersonSaid(_)
        | RunEvent::CancelRequested(_)
        | RunEvent::ReportedByOther { .. }
        | RunEvent::Restored { .. }
        | RunEvent::LogIncomplete { .. } => None,
    }
}
