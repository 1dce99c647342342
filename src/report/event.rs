//! The lines of a run's timeline.

use crate::domain::timeline::RunEvent;
use crate::report::duration::span_of_seconds;
use crate::report::force;
use crate::report::sentence::{sentence, wanted_by, word_of};
use crate::report::words::{person, plain, quoted, said};

/// The line.
#[must_use]
pub fn wording(event: &RunEvent) -> String {
    match event {
        RunEvent::Delivered { delivery } => format!("delivery {delivery} stored"),
        RunEvent::Listed { delivery } => {
            format!("found in GitHub's list of deployments, stored as delivery {delivery}")
        }
        RunEvent::Decided { state, reasons } => match reasons.first() {
            Some(reason) => format!("decided: {}: {}", state.as_str(), sentence(reason)),
            None => format!("decided: {}", state.as_str()),
        },
        RunEvent::Forced(forced) => force::told(forced),
        RunEvent::Claimed { attempt: 1, .. } => "taken by a worker".to_owned(),
        RunEvent::Claimed { attempt, .. } => format!("taken by a worker, attempt {attempt}"),
        RunEvent::CheckedOut { milliseconds } => {
            if *milliseconds < 1000 {
                format!("prepared in {milliseconds} ms")
            } else {
                format!("prepared in {}", span_of_seconds(milliseconds / 1000))
            }
        }
        RunEvent::Started { pid } => format!("the command has started, watched over by process {pid}"),
        RunEvent::Adopted { .. } => "watched by a new worker; the command was not disturbed".to_owned(),
        RunEvent::Requeued { detail } => format!("back in the queue: {}", plain(detail)),
        RunEvent::Superseded { by } => format!("deployment {by} took its place"),
        RunEvent::AwaitsPerson => "waiting for a person".to_owned(),
        RunEvent::PersonSaid(verdict) => word_of(verdict),
        RunEvent::CancelRequested(cancellation) => wanted_by(cancellation),
        RunEvent::ReportedByOther { by, state, description } => said_by_other(by, state, description),
        RunEvent::Restored { made_at } => {
            let at = made_at.format("%F %T");
            format!("the ledger was restored from a backup of {at} UTC; GitHub was asked what happened since")
        }
        RunEvent::LogIncomplete { detail } => format!("the log is not complete: {}", plain(detail)),
        RunEvent::Finished {
            state,
            reason: Some(reason),
        } => format!("{}: {}", state.as_str(), sentence(reason)),
        RunEvent::Finished { state, reason: None } => state.as_str().to_owned(),
    }
}

/// It changes nothing of the run: whoever looks should know why GitHub may show another state.
fn said_by_other(by: &str, state: &str, description: &str) -> String {
    let words = match description {
        "" => String::new(),
        words => format!(": {}", said(words, 140)),
    };
    format!("{}, not Chima, told GitHub {}{words}", person(by), quoted(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::{Cancellation, PersonsVerdict};
    use crate::domain::ids::Fence;
    use crate::domain::reason::{ContextFinding, Reason};
    use crate::domain::run::RunState;
    use crate::domain::warrant::Forced;

    #[test]
    fn the_timeline_has_a_line_for_each_event() {
        let lines = [
            (
                RunEvent::Claimed {
                    worker: "w".to_owned(),
                    attempt: 1,
                    fence: Fence(8),
                },
                "taken by a worker",
            ),
            (
                RunEvent::Claimed {
                    worker: "w".to_owned(),
                    attempt: 2,
                    fence: Fence(9),
                },
                "taken by a worker, attempt 2",
            ),
            (
                RunEvent::Forced(Forced {
                    by: "mona".to_owned(),
                    past: vec![Reason::RequiredContextFailed {
                        contexts: vec![ContextFinding {
                            name: "ci".to_owned(),
                            state: "failure".to_owned(),
                        }],
                    }],
                }),
                "forced by @mona past: `ci` failed",
            ),
            (
                RunEvent::Forced(Forced {
                    by: "mona".to_owned(),
                    past: Vec::new(),
                }),
                "@mona asked to force it; nothing stood in the way",
            ),
            (RunEvent::CheckedOut { milliseconds: 1200 }, "prepared in 1 s"),
            (
                RunEvent::CancelRequested(Cancellation::new("mona", None)),
                "@mona asked to cancel",
            ),
            (
                RunEvent::CancelRequested(Cancellation::new("Mona Lisa", Some("`main` is red"))),
                "`Mona Lisa` asked to cancel: \"'main' is red\"",
            ),
            (
                RunEvent::ReportedByOther {
                    by: "heaven[bot]".to_owned(),
                    state: "failure".to_owned(),
                    description: "`it` broke".to_owned(),
                },
                "@heaven[bot], not Chima, told GitHub `failure`: \"'it' broke\"",
            ),
            (RunEvent::AwaitsPerson, "waiting for a person"),
            (
                RunEvent::PersonSaid(PersonsVerdict::new("mona", true, None)),
                "@mona says that it is done",
            ),
            (
                RunEvent::PersonSaid(PersonsVerdict::new("Mona Lisa", false, Some("the `store` refused"))),
                "`Mona Lisa` says that it could not be done: \"the 'store' refused\"",
            ),
            (
                RunEvent::Restored {
                    made_at: chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap(),
                },
                "the ledger was restored from a backup of 2025-06-15 15:06:40 UTC; GitHub was asked what happened since",
            ),
            (
                RunEvent::LogIncomplete {
                    detail: "7 bytes of the log could not be written: No space left on device (os error 28)".to_owned(),
                },
                "the log is not complete: 7 bytes of the log could not be written: No space left on device (os error 28)",
            ),
            (
                RunEvent::Finished {
                    state: RunState::Cancelled,
                    reason: Some(Reason::Cancelled {
                        by: "mona".to_owned(),
                        remote: false,
                    }),
                },
                "cancelled: cancelled by @mona; deploy again when it is wanted",
            ),
            (
                RunEvent::Finished {
                    state: RunState::Succeeded,
                    reason: None,
                },
                "succeeded",
            ),
        ];
        for (event, expected) in lines {
            assert_eq!(wording(&event), expected);
            let stored = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<RunEvent>(&stored).unwrap(), event);
        }
    }
}
