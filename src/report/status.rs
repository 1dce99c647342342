//! A run as GitHub shows it: the body of a deployment status.
//!
//! GitHub refuses a description of more than 140 characters and any link that is not http(s), and a refused status is one
//! that nobody sees: so neither may be possible here. The `environment` is left out on purpose, because sending another
//! one would move the deployment. <https://docs.github.com/en/rest/deployments/statuses>

use serde::{Deserialize, Serialize};

use crate::domain::reason::Reason;
use crate::domain::run::{DeploymentState, Run, RunState};
use crate::report::duration::{span, worked};
use crate::report::force;
use crate::report::lock;
use crate::report::sentence::{elsewhere, how_to_answer, why, why_of};
use crate::report::words::{brief, commit, fitted, person, quoted, said, sha8, web};

/// GitHub's limit, in characters.
pub const DESCRIPTION_LIMIT: usize = 140;

/// Fewer characters of what a person said say nothing.
const FEW_WORDS: usize = 8;

/// What is sent to GitHub, and kept in the outbox until it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStatusBody {
    /// GitHub's word for where the run stands.
    pub state: DeploymentState,
    /// One line, at most [`DESCRIPTION_LIMIT`] characters.
    pub description: String,
    /// The run's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// What was deployed; only once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
}

/// Addresses from our own configuration. What is no http(s) address is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The run's page.
    pub log_url: Option<String>,
    /// Where the environment can be visited.
    pub environment_url: Option<String>,
    /// Not an address: what the environment runs where this run did not work, for people.
    pub runs_now: Option<String>,
}

/// Where a queued run stands in its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// 1 is next.
    pub position: u32,
    /// The SHA of the run directly before it.
    pub behind: Option<String>,
}

/// The status that tells where the run stands now.
#[must_use]
pub fn deployment_status(run: &Run, place: Option<&Place>, links: &Links) -> DeploymentStatusBody {
    let link = |address: &Option<String>| address.as_deref().and_then(web).map(str::to_owned);
    DeploymentStatusBody {
        state: run.deployment_state(),
        description: fitted(&line(run, place), DESCRIPTION_LIMIT),
        log_url: link(&links.log_url),
        environment_url: link(&links.environment_url)
            .filter(|_| run.state == RunState::Succeeded && !run.is_plan() && run.command.is_none()),
    }
}

/// Where the run stands, for a terminal: the whole line.
#[must_use]
pub fn summary(run: &Run) -> String {
    line(run, None)
}

/// The line before it is cut. That it was forced stands in it as long as there is no trouble to tell of.
pub(crate) fn line(run: &Run, place: Option<&Place>) -> String {
    let line = plain_line(run, place);
    let forced = run.forced.as_ref().and_then(force::forced);
    match forced.filter(|_| matches!(run.state, RunState::Queued | RunState::Running | RunState::Succeeded)) {
        Some(forced) if run.waits_for_person().is_none() => format!("{line}, {forced}"),
        Some(_) | None => line,
    }
}

fn plain_line(run: &Run, place: Option<&Place>) -> String {
    match run.state {
        RunState::Held => because("held", run),
        RunState::Queued => queued(run, place),
        RunState::Running if run.waits_for_person().is_some() => waiting(run),
        RunState::Running if run.is_plan() => format!("planning: {} {}", doing(run, "deploy", "run"), target(run)),
        RunState::Succeeded if run.command.is_some() => run.command.as_ref().map(lock::done).unwrap_or_default(),
        RunState::Succeeded if run.is_plan() => {
            let planned = format!("{} {}", doing(run, "deploy", "run"), target(run));
            format!(
                "planned: {planned}{}; nothing was deployed, see the log",
                took(run, " in ")
            )
        }
        RunState::Running => format!("{} {}", doing(run, "deploying", "running"), target(run)),
        RunState::Succeeded if run.persons_verdict().is_some() => done(run),
        RunState::Succeeded => format!("{} {}{}", doing(run, "deployed", "ran"), target(run), took(run, " in ")),
        RunState::Failed => failed(run),
        RunState::Errored | RunState::Interrupted => because("error", run),
        RunState::Rejected => because("rejected", run),
        RunState::Cancelled => cancelled(run),
        RunState::Superseded => match &run.reason {
            Some(reason) => why(reason),
            None => "superseded by a newer deployment".to_owned(),
        },
    }
}

/// How to answer stands whole, whatever the names before it are.
fn waiting(run: &Run) -> String {
    let answer = how_to_answer(run);
    let what = format!(
        "waiting for a person to {} {}",
        doing(run, "deploy", "run"),
        target(run)
    );
    let room = DESCRIPTION_LIMIT.saturating_sub(answer.chars().count() + "; ".len());
    format!("{}; {answer}", fitted(&what, room))
}

fn done(run: &Run) -> String {
    let verdict = run.persons_verdict();
    let by = verdict.map(|verdict| person(&verdict.by)).unwrap_or_default();
    let line = format!("done, says {by}{}", took(run, " after "));
    with_words(line, verdict.map(|verdict| verdict.note.as_str()), "")
}

fn because(word: &str, run: &Run) -> String {
    match &run.reason {
        Some(reason) => format!("{word}: {}", why(reason)),
        None => format!("{word}: {} {}", commit(&run.sha, &run.git_ref), target(run)),
    }
}

fn queued(run: &Run, place: Option<&Place>) -> String {
    match place {
        Some(Place {
            position,
            behind: Some(sha),
        }) if *position > 1 => {
            format!("queued: position {position}, behind run of {}", sha8(sha))
        }
        Some(Place { position, behind: None }) if *position > 1 => format!("queued: position {position}"),
        Some(_) | None => format!("queued: {} {}", commit(&run.sha, &run.git_ref), target(run)),
    }
}

fn failed(run: &Run) -> String {
    match &run.reason {
        // These have their own time in them, or none that matters, and all the rest to say.
        Some(reason @ (Reason::TimedOut { .. } | Reason::Inactive { .. })) => {
            why_of(run).unwrap_or_else(|| why(reason))
        }
        // These end in what a host or a path says of itself.
        Some(reason @ (Reason::HostsFailed { .. } | Reason::FileMissing { .. })) => {
            format!("{}: {}", failure(run), why(reason))
        }
        Some(Reason::NotDone { by, note }) => {
            let line = format!("not done, says {}{}", person(by), took(run, " after "));
            with_words(line, Some(note), "")
        }
        Some(reason) => format!("{}: {}{}", failure(run), why(reason), took(run, " after ")),
        None => format!(
            "{}: {} {}{}",
            failure(run),
            commit(&run.sha, &run.git_ref),
            target(run),
            took(run, " after ")
        ),
    }
}

fn failure(run: &Run) -> &'static str {
    if run.is_plan() { "plan failed" } else { "failure" }
}

fn cancelled(run: &Run) -> String {
    let took = took(run, " after ");
    let (line, rest) = match &run.reason {
        Some(Reason::Cancelled { by, remote }) => (format!("cancelled by {}{took}", person(by)), elsewhere(*remote)),
        Some(reason) => (format!("{}{took}", why(reason)), ""),
        None => (format!("cancelled{took}"), ""),
    };
    let words = run
        .cancel
        .as_ref()
        .and_then(|cancellation| cancellation.reason.as_deref());
    with_words(line, words, rest)
}

/// What a person said about it gets the room that the rest leaves.
fn with_words(line: String, words: Option<&str>, rest: &str) -> String {
    let room = DESCRIPTION_LIMIT.saturating_sub(line.chars().count() + rest.len() + ": \"\"".len());
    match words.filter(|words| !words.is_empty() && room >= FEW_WORDS) {
        Some(words) => format!("{line}: {}{rest}", said(words, room)),
        None => format!("{line}{rest}"),
    }
}

/// `deploying 4f3c2b1a (main)`, or ``running `deploy:migrate` of 4f3c2b1a (main)``.
fn doing(run: &Run, deploys: &str, runs: &str) -> String {
    let commit = commit(&run.sha, &run.git_ref);
    match task(run) {
        "deploy" => format!("{deploys} {commit}"),
        task => format!("{runs} {} of {commit}", quoted(&brief(task))),
    }
}

/// The environment, in the configuration's spelling where it is known.
fn target(run: &Run) -> String {
    let name = match &run.order {
        Some(order) => order.environment.as_str(),
        None => &run.environment,
    };
    let preposition = if task(run) == "deploy" { "to" } else { "on" };
    format!("{preposition} {}", brief(name))
}

/// The task, without what makes a plan of it.
fn task(run: &Run) -> &str {
    match &run.order {
        Some(order) if order.noop => order.task.as_str(),
        Some(_) | None => &run.task,
    }
}

fn took(run: &Run, before: &str) -> String {
    worked(run)
        .map(|length| format!("{before}{}", span(length)))
        .unwrap_or_default()
}
