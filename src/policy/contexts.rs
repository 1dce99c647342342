//! The one table from GitHub's states to ours, for commit statuses and check runs.
//!
//! A word we do not know is never green: it counts as pending, so that the run waits where a person can see it instead of
//! running or being lost. <https://docs.github.com/en/rest/checks/runs>, <https://docs.github.com/en/rest/commits/statuses>

use crate::domain::drift::Ci;
use crate::policy::facts::{ContextState, ContextVerdict, Source};

/// A commit status, from its `context` and `state`.
#[must_use]
pub fn status(context: &str, state: &str) -> ContextState {
    let verdict = match state {
        "success" => ContextVerdict::Green,
        "failure" | "error" => ContextVerdict::Failed,
        _ => ContextVerdict::Pending,
    };
    ContextState {
        name: context.to_owned(),
        source: Source::Status,
        verdict,
        state: state.to_owned(),
    }
}

/// A check run, from its `name`, `status` and `conclusion`. A skipped or neutral one is green, as for branch protection.
#[must_use]
pub fn check_run(name: &str, status: &str, conclusion: Option<&str>) -> ContextState {
    let verdict = match (status, conclusion) {
        ("completed", Some("success" | "neutral" | "skipped")) => ContextVerdict::Green,
        (
            "completed",
            Some("failure" | "cancelled" | "timed_out" | "action_required" | "stale" | "startup_failure"),
        ) => ContextVerdict::Failed,
        _ => ContextVerdict::Pending,
    };
    let state = conclusion.filter(|_| status == "completed").unwrap_or(status);
    ContextState {
        name: name.to_owned(),
        source: Source::CheckRun,
        verdict,
        state: state.to_owned(),
    }
}

/// All of them together, for people: one that failed is the first thing to know.
#[must_use]
pub fn overall(all: &[ContextState]) -> Ci {
    match all.iter().map(|one| one.verdict).max() {
        None => Ci::None,
        Some(ContextVerdict::Green) => Ci::Green,
        Some(ContextVerdict::Pending) => Ci::Pending,
        Some(ContextVerdict::Failed) => Ci::Red,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::facts::ContextVerdict::{Failed, Green, Pending};

    #[test]
    fn the_worst_is_told_of_all() {
        for (states, expected) in [
            (&[][..], Ci::None),
            (&["success", "success"], Ci::Green),
            (&["success", "pending"], Ci::Pending),
            (&["pending", "failure", "success"], Ci::Red),
        ] {
            let all: Vec<ContextState> = states.iter().map(|state| status("ci", state)).collect();
            assert_eq!(overall(&all), expected, "{states:?}");
        }
    }

    #[test]
    fn commit_statuses() {
        for (state, expected) in [
            ("success", Green),
            ("failure", Failed),
            ("error", Failed),
            ("pending", Pending),
            ("", Pending),
            ("SUCCESS", Pending),
        ] {
            assert_eq!(status("ci", state).verdict, expected, "{state}");
        }
    }

    #[test]
    fn check_runs() {
        for (word, conclusion, expected, state) in [
            ("completed", Some("success"), Green, "success"),
            ("completed", Some("neutral"), Green, "neutral"),
            ("completed", Some("skipped"), Green, "skipped"),
            ("completed", Some("failure"), Failed, "failure"),
            ("completed", Some("cancelled"), Failed, "cancelled"),
            ("completed", Some("timed_out"), Failed, "timed_out"),
            ("completed", Some("action_required"), Failed, "action_required"),
            ("completed", Some("stale"), Failed, "stale"),
            ("completed", Some("startup_failure"), Failed, "startup_failure"),
            ("completed", Some("a_new_word"), Pending, "a_new_word"),
            ("completed", None, Pending, "completed"),
            ("in_progress", None, Pending, "in_progress"),
            ("queued", Some("success"), Pending, "queued"),
            ("requested", None, Pending, "requested"),
            ("waiting", None, Pending, "waiting"),
            ("pending", None, Pending, "pending"),
        ] {
            let read = check_run("ci", word, conclusion);
            assert_eq!(
                (read.verdict, read.state.as_str()),
                (expected, state),
                "{word} {conclusion:?}"
            );
        }
    }
}
