//! Whether a deployment that came late may still run: at most once, never backwards, and not when nobody expects it any more.
//!
//! One that comes when it is made is not judged here. A late one was missed, or it was known to a ledger that is lost: then
//! only GitHub can tell what became of it.

use std::time::Duration;

use crate::domain::deployment::Deployment;
use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::domain::run::DeploymentState;
use crate::policy::checks::{Finding, kept};
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::facts::{History, Missed};

/// A deployment that nobody began within a day is not begun any more: by then people have helped themselves.
const NOT_OLDER_THAN: Duration = Duration::from_secs(24 * 60 * 60);

/// Nothing where the deployment came in time. `replaceable`: whether a newer deployment makes it pointless.
pub(crate) fn check(deployment: &Deployment, history: &History, replaceable: bool) -> Option<Finding<()>> {
    let History::Gathered(missed) = history else {
        return None;
    };
    let wanted = "no status, at most a day old, none newer".to_owned();
    let against = |verdict, found: String, reason| {
        Some(Finding::against(
            CheckName::History,
            verdict,
            found,
            wanted.clone(),
            vec![reason],
        ))
    };
    if let Some(status) = &missed.status {
        let state = kept(&status.state);
        let found = format!("status {}", shown(&status.state));
        return if is_last(&status.state) || !status.own {
            against(CheckVerdict::Ignored, found, Reason::AlreadyReported { state })
        } else {
            against(CheckVerdict::Rejected, found, Reason::OutcomeUnknown { state })
        };
    }
    if let Some(by) = newer(deployment, missed).filter(|_| replaceable && missed.missed) {
        let found = format!("deployment {by} is newer");
        return against(CheckVerdict::Rejected, found, Reason::Superseded { by });
    }
    let age = (missed.came_at - deployment.created_at).to_std().unwrap_or_default();
    let found = format!("no status, {} s old", age.as_secs());
    if age > NOT_OLDER_THAN {
        let age_seconds = age.as_secs();
        return against(CheckVerdict::Rejected, found, Reason::AskedTooLongAgo { age_seconds });
    }
    Some(Finding::passed(CheckName::History, found, wanted, ()))
}

fn is_last(state: &str) -> bool {
    [
        DeploymentState::Success,
        DeploymentState::Failure,
        DeploymentState::Error,
        DeploymentState::Inactive,
    ]
    .iter()
    .any(|last| last.as_str() == state)
}

/// One that was begun has the last word, whatever its task. One that waits takes the place only of what would do the same:
/// an older `deploy:migrate` is not replaced by a `deploy`, and lanes run the older one first.
fn newer(deployment: &Deployment, missed: &Missed) -> Option<crate::domain::ids::DeploymentId> {
    let all = missed.newer_here.iter().chain(&missed.newer_there);
    all.filter(|newer| newer.begun || newer.task == deployment.task)
        .map(|newer| newer.deployment)
        .max()
}
