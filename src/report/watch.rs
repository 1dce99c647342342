//! What is said without being asked: that nothing is heard of a deployment, that a run is silent, that contexts stay pending.

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::estimate::Estimate;
use crate::domain::run::Run;
use crate::domain::watch::{AskedDeployment, Unheard};
use crate::report::duration::span;
use crate::report::estimate::{rough, usually};
use crate::report::sentence::waited_for;
use crate::report::words::{commit, fitted, person, quoted};

/// What was asked for, where to, by whom.
fn asked(one: &AskedDeployment) -> String {
    format!(
        "deployment {} of {} to {} of {}, asked for by {}",
        one.id,
        commit(&one.sha, &one.git_ref),
        quoted(&one.environment),
        quoted(&one.app),
        person(&one.by)
    )
}

/// What the matter is, and what to check.
fn silence(unheard: Unheard, length: TimeDelta) -> String {
    match unheard {
        Unheard::Undelivered => format!(
            "GitHub has it and has not delivered it for {}; `chima doctor` looks whether the webhook arrives here",
            span(length)
        ),
        Unheard::Undecided => format!(
            "it was delivered, and nothing has decided about it for {}; look whether `chima serve` runs, and at its log",
            span(length)
        ),
    }
}

/// Nothing is heard of a deployment.
#[must_use]
pub fn unheard(one: &AskedDeployment, why: Unheard, now: Timestamp) -> String {
    format!("{}: {}", asked(one), silence(why, now - one.at))
}

/// The same below what was answered, where the deployment stands above.
#[must_use]
pub fn unheard_below(one: &AskedDeployment, said_at: Timestamp) -> String {
    format!("**no news**: {}", silence(Unheard::Undelivered, said_at - one.at))
}

/// A deployment on its way, for the queue.
#[must_use]
pub fn on_its_way(one: &AskedDeployment, now: Timestamp) -> String {
    if one.said_at.is_some() {
        return unheard(one, Unheard::Undelivered, now);
    }
    format!("{}: on its way from GitHub, for {}", asked(one), span(now - one.at))
}

/// Which run is meant, where nothing else says so.
fn which(run: &Run) -> String {
    let app = match &run.order {
        Some(order) => order.app.as_str(),
        None => run.repository.as_str(),
    };
    let by = run
        .requester
        .as_deref()
        .map(|by| format!(", asked for by {}", person(by)));
    format!(
        "{} to {} of {}{}",
        commit(&run.sha, &run.git_ref),
        quoted(&run.environment),
        quoted(app),
        by.unwrap_or_default()
    )
}

/// It has no output any more.
#[must_use]
pub fn silent(run: &Run, length: TimeDelta, estimate: Option<&Estimate>, page: &str) -> String {
    let usual = estimate.map(|estimate| format!(", and {}", usually(estimate)));
    format!(
        "{}: {}{}; look at its log ({page}), `cancel {}` stops it",
        which(run),
        without_output(length),
        usual.unwrap_or_default(),
        run.id
    )
}

/// It has output again.
#[must_use]
pub fn goes_on(run: &Run) -> String {
    format!("{}: it goes on, there is output again", which(run))
}

/// `no output for 12 min`.
#[must_use]
pub fn without_output(length: TimeDelta) -> String {
    format!("no output for {}", rough(length))
}

/// It waits for contexts that stay pending.
#[must_use]
pub fn contexts(run: &Run, now: Timestamp) -> String {
    let what = run.reason.as_ref().map(waited_for).unwrap_or_default();
    format!(
        "{}: held for {}, still waiting for {}; whoever runs the checks can look, `cancel {}` gives it up",
        which(run),
        span(now - run.created_at),
        fitted(&what, 300),
        run.id
    )
}
