//! Something that people are told, before it is known how: the parts that every room, letter and program is told in its own form.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::foreign::ForeignDeployment;
use crate::domain::lock::Lock;
use crate::domain::run::{Run, RunState};
use crate::report::foreign;
use crate::report::lock::{self, News as LockNews};
use crate::report::sentence::sentence_of;
use crate::report::slack;
use crate::report::status::Links;
use crate::report::words::{commit, fitted, quoted, web};

/// Longer explanations stand on the run's page.
const WHY_LIMIT: usize = 500;
/// The end of a log, as rooms show it.
const TAIL_LIMIT: usize = 1_000;

/// Something that people are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// About what: `deployment`, `lock`, `other_deployment` or `watchdog`.
    pub kind: String,
    /// The state in one word, as it is stored.
    pub state: String,
    /// How it looks.
    pub tone: Tone,
    /// The state as people read it; empty where `what` says it all.
    pub word: String,
    /// What it is about, or the whole sentence.
    pub what: String,
    /// Why.
    pub why: Option<String>,
    /// What else is to be known, in few words each.
    pub facts: Vec<String>,
    /// What the environment runs in spite of it.
    pub current: Option<String>,
    /// The last lines of the log.
    pub tail: Option<String>,
    /// Where more can be read.
    pub page: Option<String>,
    /// Where what was deployed can be seen.
    pub visit: Option<String>,
    /// The same for programs, as a flat object.
    pub data: Value,
}

/// How something looks. Never the only thing that tells good from bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Somebody should look.
    Warning,
    /// It goes on.
    Plain,
}

impl News {
    /// Where a run stands now.
    #[must_use]
    pub fn of_run(run: &Run, links: &Links) -> Self {
        let explained =
            |_: &String| run.state != RunState::Succeeded || run.persons_verdict().is_some() || run.command.is_some();
        let visit = links.environment_url.as_deref().and_then(web);
        let order = run.order.as_ref();
        Self {
            kind: "deployment".to_owned(),
            state: run.state.as_str().to_owned(),
            tone: tone(run.state),
            word: slack::word(run.state).to_owned(),
            what: slack::what(run),
            why: sentence_of(run).filter(explained).map(|why| fitted(&why, WHY_LIMIT)),
            facts: slack::facts(run, run.requester.as_deref()),
            current: None,
            tail: None,
            page: links.log_url.as_deref().and_then(web).map(str::to_owned),
            visit: visit
                .filter(|_| run.state == RunState::Succeeded && !run.is_plan())
                .map(str::to_owned),
            data: json!({
                "app": order.map(|order| order.app.as_str()),
                "repository": run.repository.as_str(),
                "environment": order.map_or(run.environment.as_str(), |order| order.environment.as_str()),
                "ref": run.git_ref,
                "sha": run.sha,
                "task": run.task,
                "state": run.state.as_str(),
                "reason": run.reason.as_ref().map(|reason| reason.code()),
                "requester": run.requester,
                "deployment": run.deployment.0,
                "run": run.id.to_string(),
                "url": links.log_url,
                "environment_url": links.environment_url,
            }),
        }
    }

    /// Something about a lock that people should know.
    #[must_use]
    pub fn of_lock(one: &Lock, news: LockNews<'_>, now: Timestamp) -> Self {
        let (state, tone) = match news {
            LockNews::Begun => ("begun", Tone::Plain),
            LockNews::Ended(_) => ("ended", Tone::Plain),
            LockNews::Old => ("old", Tone::Warning),
        };
        Self {
            data: json!({
                "app": one.place.app.as_str(),
                "environment": one.place.environment.as_str(),
                "owner": one.owner.name,
                "reason": one.reason,
                "state": state,
            }),
            ..Self::sentence("lock", state, tone, lock::news(one, news, now))
        }
    }

    /// How a deployment of somebody else ended.
    #[must_use]
    pub fn of_foreign(one: &ForeignDeployment) -> Self {
        let tone = match one.state() {
            "success" => Tone::Good,
            "failure" | "error" => Tone::Bad,
            _ => Tone::Plain,
        };
        let log = one
            .status
            .as_ref()
            .and_then(|status| status.log_url.as_deref())
            .and_then(web);
        Self {
            page: log.map(str::to_owned),
            data: json!({
                "repository": one.repository,
                "environment": one.environment,
                "ref": one.git_ref,
                "sha": one.sha,
                "task": one.task,
                "state": one.state(),
                "creator": one.creator,
                "deployment": one.id.0,
                "url": log,
            }),
            ..Self::sentence("other_deployment", one.state(), tone, foreign::line(one))
        }
    }

    /// Something that should have happened and has not, or goes on after all.
    #[must_use]
    pub fn of_watch((app, environment): (&str, &str), says: &str, text: &str) -> Self {
        let state = says.replace(' ', "_");
        let tone = if says == "goes on" { Tone::Plain } else { Tone::Warning };
        Self {
            data: json!({"app": app, "environment": environment, "state": state}),
            ..Self::sentence("watchdog", &state, tone, text.to_owned())
        }
    }

    fn sentence(kind: &str, state: &str, tone: Tone, what: String) -> Self {
        Self {
            kind: kind.to_owned(),
            state: state.to_owned(),
            tone,
            word: String::new(),
            what,
            why: None,
            facts: Vec::new(),
            current: None,
            tail: None,
            page: None,
            visit: None,
            data: Value::Null,
        }
    }

    /// With the end of the log, and with what the environment runs now: of what went wrong, people want to know both.
    #[must_use]
    pub fn with_ending(self, tail: Option<&str>, current: Option<&Run>, environment: &str) -> Self {
        let current = current.map(|run| {
            format!(
                "{} runs {} as before",
                quoted(environment),
                commit(&run.sha, &run.git_ref)
            )
        });
        Self {
            tail: tail.map(last_part).filter(|tail| !tail.is_empty()),
            current,
            ..self
        }
    }

    /// Whether the ending of a run is told with its log and with what runs in spite of it.
    #[must_use]
    pub fn went_wrong(state: RunState) -> bool {
        matches!(state, RunState::Failed | RunState::Errored | RunState::Interrupted)
    }

    /// The first line, with names in backticks.
    #[must_use]
    pub fn title(&self) -> String {
        if self.word.is_empty() {
            self.what.clone()
        } else {
            format!("{}: {}", self.word, self.what)
        }
    }
}

/// The end of a log, from the beginning of a line.
fn last_part(tail: &str) -> String {
    let tail = tail.trim_end();
    let count = tail.chars().count();
    if count <= TAIL_LIMIT {
        return tail.to_owned();
    }
    let kept: String = tail.chars().skip(count - TAIL_LIMIT).collect();
    match kept.split_once('\n') {
        Some((_, lines)) => lines.to_owned(),
        None => kept,
    }
}

fn tone(state: RunState) -> Tone {
    match state {
        RunState::Succeeded => Tone::Good,
        RunState::Failed | RunState::Errored | RunState::Interrupted | RunState::Rejected => Tone::Bad,
        RunState::Held | RunState::Cancelled | RunState::Superseded => Tone::Warning,
        RunState::Queued | RunState::Running => Tone::Plain,
    }
}
