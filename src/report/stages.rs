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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::ids::Fence;
    use crate::report::tests::run;

    fn at(seconds: i64) -> Timestamp {
        DateTime::from_timestamp(1_750_000_000 + seconds, 0).unwrap()
    }

    fn told(run: &Run, events: &[(i64, RunEvent)], now: i64) -> Vec<(&'static str, i64, bool)> {
        let events: Vec<_> = events
            .iter()
            .map(|(seconds, event)| (at(*seconds), event.clone()))
            .collect();
        let all = stages(run, &events, at(now));
        all.iter()
            .map(|one| (one.name, one.took.num_seconds(), one.goes_on))
            .collect()
    }

    #[test]
    fn each_stage_ends_where_the_next_begins() {
        let delivery = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let decided = |state| RunEvent::Decided {
            state,
            reasons: Vec::new(),
        };
        let claimed = RunEvent::Claimed {
            worker: "w".to_owned(),
            attempt: 1,
            fence: Fence(1),
        };
        let finished = RunEvent::Finished {
            state: RunState::Succeeded,
            reason: None,
        };
        let mut one = Run {
            requested_at: at(0),
            finished_at: None,
            ..run(RunState::Running, None)
        };
        let mut events = vec![
            (2, RunEvent::Delivered { delivery }),
            (3, decided(RunState::Held)),
            (60, decided(RunState::Held)),
            (63, decided(RunState::Queued)),
            (70, claimed),
            (72, RunEvent::CheckedOut { milliseconds: 1 }),
            (73, RunEvent::Started { pid: 1 }),
        ];
        let mut expected = vec![
            ("on its way from GitHub", 2, false),
            ("decided", 1, false),
            ("held", 60, false),
            ("queued", 7, false),
            ("prepared", 3, false),
        ];
        let so_far = [expected.clone(), vec![("carried out", 17, true)]].concat();
        assert_eq!(told(&one, &events, 90), so_far);
        events.push((100, finished));
        one.finished_at = Some(at(100));
        expected.push(("carried out", 27, false));
        assert_eq!(told(&one, &events, 500), expected);
    }
}
