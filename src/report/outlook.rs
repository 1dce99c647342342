//! A run that has not ended, and what can be said of when it will.

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::estimate::Estimate;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::report::chat::running;
use crate::report::duration::span;
use crate::report::estimate::{begins_in, beside};
use crate::report::status::{self, Place};
use crate::report::words::{commit, person, quoted};

/// What is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The run.
    pub run: Run,
    /// Where it waits in its lane.
    pub place: Option<Place>,
    /// How long its like take.
    pub estimate: Option<Estimate>,
    /// How long it takes until it begins, where something comes before it.
    pub wait: Option<TimeDelta>,
    /// What was noticed about it, and holds still.
    pub noticed: Option<String>,
}

impl Outlook {
    /// The run, and nothing else.
    #[must_use]
    pub fn of(run: Run) -> Self {
        Self {
            run,
            place: None,
            estimate: None,
            wait: None,
            noticed: None,
        }
    }
}

/// Where it stands in its lane, and since when.
#[must_use]
pub fn waiting(one: &Outlook, now: Timestamp) -> String {
    let run = &one.run;
    let since = run.started_at.unwrap_or(run.requested_at);
    let by = run
        .requester
        .as_deref()
        .map(|by| format!(", asked for by {}", person(by)));
    format!(
        "{}; for {}{}{}",
        status::line(run, one.place.as_ref()),
        span(now - since),
        by.unwrap_or_default(),
        prospect(one, now)
    )
}

/// What has not ended, in a few words.
#[must_use]
pub fn brief(one: &Outlook, now: Timestamp) -> String {
    let run = &one.run;
    let what = commit(&run.sha, &run.git_ref);
    let short = match run.state {
        RunState::Running => {
            let doing = if run.is_plan() { "planning" } else { "deploying" };
            let worked = run.started_at.map(|at| format!(" for {}", span(now - at)));
            format!("{doing} {what} now{}", worked.unwrap_or_default())
        }
        RunState::Queued => format!("{what} is queued"),
        RunState::Held => format!("{what} is held"),
        RunState::Succeeded
        | RunState::Failed
        | RunState::Errored
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Interrupted
        | RunState::Superseded => format!("{what} has ended"),
    };
    match told(one, now).as_slice() {
        [] => short,
        told => format!("{short} ({})", told.join("; ")),
    }
}

/// What history says of it, and what was noticed; nothing where neither tells.
#[must_use]
pub fn prospect(one: &Outlook, now: Timestamp) -> String {
    told(one, now).iter().map(|part| format!("; {part}")).collect()
}

fn told(one: &Outlook, now: Timestamp) -> Vec<String> {
    let worked = one.run.started_at.map(|at| now - at);
    let usual = match (one.run.state, &one.estimate, worked) {
        // a person takes as long as it takes
        _ if one.run.waits_for_person().is_some() => None,
        (RunState::Running, Some(estimate), Some(worked)) => Some(beside(worked, estimate)),
        (_, _, _) => None,
    };
    let parts = [usual, one.wait.map(begins_in), one.noticed.clone()];
    parts.into_iter().flatten().collect()
}

/// What an environment runs after a run that did not work; nothing where that goes without saying.
#[must_use]
pub fn last_good(run: &Run, current: Option<&Run>, now: Timestamp) -> Option<String> {
    let untouched = match run.state {
        RunState::Failed | RunState::Interrupted => false,
        RunState::Cancelled => run.started_at.is_none(),
        RunState::Errored => {
            let before = matches!(
                run.reason,
                Some(
                    Reason::CheckoutFailed { .. }
                        | Reason::NoRoom { .. }
                        | Reason::ShaMismatch { .. }
                        | Reason::CommandNotStarted { .. }
                        | Reason::ConfigurationUnusable { .. }
                        | Reason::ConfigurationChanged { .. }
                        | Reason::HoldExpired { .. }
                )
            );
            before || run.started_at.is_none()
        }
        RunState::Rejected => true,
        RunState::Held | RunState::Queued | RunState::Running | RunState::Succeeded | RunState::Superseded => {
            return None;
        }
    };
    if run.is_plan() || run.command.is_some() {
        return None;
    }
    let environment = quoted(&run.environment);
    Some(match (current, untouched) {
        (Some(current), true) => format!("{environment} still runs {}", running(current, now)),
        (Some(current), false) => {
            format!("the last that worked on {environment} is {}", running(current, now))
        }
        (None, true) => format!("nothing was deployed to {environment} yet"),
        (None, false) => format!("nothing has worked on {environment} yet"),
    })
}
