//! Jobs of GitHub Actions: literal facts, and what the job is told.

use serde_json::json;

use super::*;
use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, LockId, RepositoryId, RunId};
use crate::domain::lock::{Cause, Lock, Place};
use crate::domain::person::{Person, Source};
use crate::policy::decision::Verdict;
use crate::policy::facts::Source as ContextSource;
use crate::policy::facts::{ContextState, ContextVerdict, Contexts, LockFacts};
use crate::policy::rules::{AppRules, LaneOrder};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn job(environment: &str) -> Deployment {
    Deployment {
        host: "github.com".to_owned(),
        repository_id: RepositoryId(1),
        repository: "octo/site".to_owned(),
        id: DeploymentId(2),
        sha: SHA.to_owned(),
        git_ref: "refs/pull/1/merge; no form of ours".to_owned(),
        task: "deploy".to_owned(),
        environment: environment.to_owned(),
        payload: json!({}),
        description: None,
        creator: Some("mona".to_owned()),
        app_slug: None,
        from_workflow: true,
        installation: None,
        created_at: at(0),
    }
}

fn rules(required: Option<&[&str]>) -> Rules {
    Rules {
        known_apps: Vec::new(),
        apps: vec![AppRules {
            app: "site".parse().unwrap(),
            repository: "octo/site".parse().unwrap(),
            environments: vec![EnvironmentRules {
                name: "production".parse().unwrap(),
                tasks: vec!["deploy".parse().unwrap()],
                required_contexts: required.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
                allowed_rooms: None,
                deployers: Vec::new(),
                admins: Vec::new(),
                hosts: None,
                lane: LaneOrder::Fifo,
                on_lock: OnLock::Reject,
            }],
        }],
    }
}

fn facts() -> Facts {
    Facts {
        now: at(60),
        contexts: Contexts::NotNeeded,
        lane: LaneFacts::default(),
        lock: None,
        history: crate::policy::facts::History::NotNeeded,
        who: crate::policy::facts::WhoFacts::default(),
    }
}

fn ci(verdict: ContextVerdict) -> Contexts {
    Contexts::Gathered(vec![ContextState {
        name: "ci".to_owned(),
        source: ContextSource::Status,
        verdict,
        state: "x".to_owned(),
    }])
}

fn lock(owner: &str) -> LockFacts {
    LockFacts {
        lock: Lock {
            id: LockId::new(ulid::Ulid::from_parts(1, 1)),
            place: Place {
                app: "site".parse().unwrap(),
                environment: "production".parse().unwrap(),
            },
            owner: Person::new(Source::GitHub, owner),
            reason: None,
            cause: Cause::Person,
            since: at(-60),
            until: None,
        },
        automatic: false,
    }
}

fn decided(job: &Deployment, facts: &Facts, rules: &Rules) -> (Verdict, Vec<&'static str>) {
    let decision = decide(job, facts, rules);
    (decision.verdict, decision.reasons.iter().map(Reason::code).collect())
}

#[test]
fn what_is_not_configured_is_rejected() {
    let none = Rules::default();
    assert_eq!(
        decided(&job("production"), &facts(), &none),
        (Verdict::Reject, vec!["repository_not_configured"])
    );
    assert_eq!(
        decided(&job("prod"), &facts(), &rules(Some(&[]))),
        (Verdict::Reject, vec!["environment_unknown"])
    );
}

#[test]
fn nothing_against_it_lets_the_job_go_on() {
    let decision = decide(&job("Production"), &facts(), &rules(Some(&[])));
    assert_eq!(decision.verdict, Verdict::Run, "{decision:?}");
    let needs = needs(&job("production"), &rules(Some(&["ci"])));
    assert!(needs.contexts && needs.lane);
    assert!(all_contexts_count(&job("production"), &rules(None)));
    assert!(!all_contexts_count(&job("production"), &rules(Some(&["ci"]))));
}

#[test]
fn contexts_hold_or_end_it() {
    let rules = rules(Some(&["ci"]));
    let with = |contexts| Facts { contexts, ..facts() };
    let cases = [
        (ci(ContextVerdict::Green), Verdict::Run, vec![]),
        (
            ci(ContextVerdict::Pending),
            Verdict::Hold,
            vec!["required_context_pending"],
        ),
        (
            ci(ContextVerdict::Failed),
            Verdict::Reject,
            vec!["required_context_failed"],
        ),
        (Contexts::NotNeeded, Verdict::Hold, vec!["facts_unavailable"]),
    ];
    for (contexts, verdict, codes) in cases {
        assert_eq!(decided(&job("production"), &with(contexts), &rules), (verdict, codes));
    }
}

#[test]
fn a_lock_makes_it_wait_unless_its_owner_asks() {
    let locked = |owner: &str| Facts {
        lock: Some(lock(owner)),
        ..facts()
    };
    let free = rules(Some(&[]));
    assert_eq!(
        decided(&job("production"), &locked("lisa"), &free),
        (Verdict::Hold, vec!["locked"])
    );
    assert_eq!(
        decided(&job("production"), &locked("mona"), &free),
        (Verdict::Run, vec![])
    );
    // and a red context ends the wait
    let red = Facts {
        contexts: ci(ContextVerdict::Failed),
        ..locked("lisa")
    };
    assert_eq!(
        decided(&job("production"), &red, &rules(Some(&["ci"]))),
        (Verdict::Reject, vec!["required_context_failed", "locked"])
    );
}

#[test]
fn a_run_of_ours_goes_first() {
    let busy = Facts {
        lane: LaneFacts {
            active: Some(RunId::new(ulid::Ulid::from_parts(1, 1))),
            ..LaneFacts::default()
        },
        ..facts()
    };
    assert_eq!(
        decided(&job("production"), &busy, &rules(Some(&[]))),
        (Verdict::Hold, vec!["lane_busy"])
    );
}
