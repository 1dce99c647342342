//! The policy as tables: literal facts in, literal decisions out.

mod combinations;
mod contexts;
mod history;
mod hostile;
mod lanes;
mod locks;
mod requests;
mod who;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId, RunId};
use crate::domain::reason::Reason;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, CheckVerdict, Decision};
use crate::policy::facts::{Contexts, Facts, History, LaneFacts, WhoFacts};
use crate::policy::rules::{AppRules, EnvironmentRules, LaneOrder, OnLock, Rules};

const SHA: &str = "4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a";

/// Seconds after an arbitrary morning.
fn at(seconds: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

fn run(number: u64) -> RunId {
    RunId::new(Ulid::from_parts(number, 0))
}

/// An ordinary request, made by a person: deployment 50 of second 50.
fn deployment() -> Deployment {
    Deployment {
        host: "github.com".to_owned(),
        repository_id: RepositoryId(1),
        repository: "octo/hello".to_owned(),
        id: DeploymentId(50),
        sha: SHA.to_owned(),
        git_ref: "main".to_owned(),
        task: "deploy".to_owned(),
        environment: "staging".to_owned(),
        payload: json!({}),
        description: None,
        creator: Some("mona".to_owned()),
        app_slug: None,
        from_workflow: false,
        installation: Some(InstallationId(1)),
        created_at: at(50),
    }
}

fn with_payload(payload: Value) -> Deployment {
    Deployment {
        payload,
        ..deployment()
    }
}

fn environment(name: &str) -> EnvironmentRules {
    EnvironmentRules {
        name: name.parse().unwrap(),
        tasks: vec!["deploy".parse().unwrap(), "deploy:migrate".parse().unwrap()],
        required_contexts: Some(Vec::new()),
        allowed_rooms: None,
        deployers: Vec::new(),
        admins: Vec::new(),
        hosts: None,
        lane: LaneOrder::Fifo,
        on_lock: OnLock::Reject,
    }
}

fn app(name: &str, repository: &str, environments: Vec<EnvironmentRules>) -> AppRules {
    AppRules {
        app: name.parse().unwrap(),
        repository: repository.parse().unwrap(),
        environments,
    }
}

/// One app, `hello`, with `staging` and `production`, where nothing stands in the way.
fn rules() -> Rules {
    rules_with(|_| {})
}

fn rules_with(change: impl FnOnce(&mut EnvironmentRules)) -> Rules {
    let mut staging = environment("staging");
    change(&mut staging);
    Rules {
        known_apps: vec!["chima".to_owned()],
        apps: vec![app("hello", "octo/hello", vec![staging, environment("production")])],
    }
}

fn facts() -> Facts {
    Facts {
        now: at(60),
        contexts: Contexts::NotNeeded,
        lane: LaneFacts::default(),
        history: History::NotNeeded,
        lock: None,
        who: WhoFacts::default(),
    }
}

fn decided(deployment: &Deployment) -> Decision {
    decide(deployment, &facts(), &rules())
}

fn codes(decision: &Decision) -> Vec<&'static str> {
    decision.reasons.iter().map(Reason::code).collect()
}

fn verdict_of(decision: &Decision, name: CheckName) -> CheckVerdict {
    decision.checks.iter().find(|check| check.name == name).unwrap().verdict
}
