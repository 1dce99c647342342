//! Locks: who passes, who waits, who is refused, and what a deployment that is a lock command comes to.

use chrono::TimeDelta;
use serde_json::{Value, json};
use ulid::Ulid;

use super::{at, codes, deployment, facts, rules, rules_with, verdict_of, with_payload};
use crate::domain::deployment::Deployment;
use crate::domain::ids::{LockId, RunId};
use crate::domain::lock::{Cause, Lock, LockTask, Place};
use crate::domain::person::{Person, Source};
use crate::policy::contexts::status;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, CheckVerdict, Decision, Verdict};
use crate::policy::facts::{Contexts, Facts, LockFacts};
use crate::policy::needs::needs;
use crate::policy::rules::{OnLock, Rules};

/// Taken by mona at second 40, before the deployment was asked for at second 50.
fn lock() -> Lock {
    Lock {
        id: LockId::new(Ulid::from_parts(1, 1)),
        place: Place {
            app: "hello".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        },
        owner: Person::new(Source::Chat, "mona"),
        reason: Some("db migration".to_owned()),
        cause: Cause::Person,
        since: at(40),
        until: None,
    }
}

fn with(change: impl FnOnce(&mut Lock)) -> Facts {
    let mut lock = lock();
    change(&mut lock);
    Facts {
        lock: Some(LockFacts { lock, automatic: false }),
        ..facts()
    }
}

fn by(creator: &str, payload: Value) -> Deployment {
    Deployment {
        creator: Some(creator.to_owned()),
        ..with_payload(payload)
    }
}

fn summary(decision: &Decision) -> (Verdict, Vec<&'static str>, bool) {
    (decision.verdict, codes(decision), decision.passes_lock.is_some())
}

const RUNS: Verdict = Verdict::Run;

#[test]
fn only_the_owner_passes() {
    let says = |name: &str| json!({"notify": {"user_name": name}});
    let github = |lock: &mut Lock| lock.owner.source = Source::GitHub;
    let chat = |_: &mut Lock| {};
    let terminal = |lock: &mut Lock| lock.owner.source = Source::Terminal;
    let by_cancel = |lock: &mut Lock| {
        lock.owner.source = Source::Chima;
        lock.cause = Cause::AfterCancel {
            run: RunId::new(Ulid::from_parts(1, 1)),
        };
    };
    type Row<'a> = (&'a str, &'a dyn Fn(&mut Lock), Deployment, bool);
    let rows: [Row<'_>; 15] = [
        ("the owner on GitHub", &github, by("mona", json!({})), true),
        ("in another case", &github, by("Mona", json!({})), true),
        ("somebody else", &github, by("hubot", json!({})), false),
        (
            "nobody",
            &github,
            Deployment {
                creator: None,
                ..deployment()
            },
            false,
        ),
        ("a bot of ours says so", &github, by("chima[bot]", says("mona")), true),
        (
            "the owner under a chat name of the same",
            &github,
            by("mona", says("mona")),
            true,
        ),
        ("anybody says so", &github, by("mallory", says("mona")), false),
        ("a bot of nobody says so", &github, by("hubot", says("mona")), false),
        (
            "a chat's owner, through its bot",
            &chat,
            by("hubot", says("mona")),
            true,
        ),
        ("a chat's owner, by the login", &chat, by("mona", json!({})), true),
        (
            "another chat user, through the owner's login",
            &chat,
            by("mona", says("lisa")),
            false,
        ),
        (
            "a terminal's owner",
            &terminal,
            by("chima[bot]", json!({"actor": "mona", "via": "cli"})),
            true,
        ),
        (
            "nothing automatic",
            &chat,
            by("mona", json!({"actor": "mona", "via": "auto_deploy"})),
            false,
        ),
        ("whoever cancelled", &by_cancel, by("mona", json!({})), false),
        (
            "the owner who forces it",
            &chat,
            by("lisa", json!({"force": true})),
            false,
        ),
    ];
    for (what, change, deployment, passes) in rows {
        let decision = decide(&deployment, &with(change), &rules());
        let expected = if passes {
            (RUNS, vec![], true)
        } else {
            (Verdict::Reject, vec!["locked"], false)
        };
        assert_eq!(summary(&decision), expected, "{what}");
    }
}

#[test]
fn nobody_is_stopped_by_a_lock_that_has_expired() {
    for (until, expected) in [(59, RUNS), (60, RUNS), (61, Verdict::Reject)] {
        let facts = with(|lock| {
            lock.owner = Person::new(Source::Chat, "lisa");
            lock.until = Some(at(until));
        });
        let decision = decide(&deployment(), &facts, &rules());
        assert_eq!((decision.verdict, decision.passes_lock), (expected, None), "{until}");
    }
}

#[test]
fn what_was_asked_for_before_the_lock_waits_and_so_does_whatever_may() {
    let facts = |since: i64, automatic: bool| {
        let mut facts = with(|lock| {
            lock.owner = Person::new(Source::Chat, "lisa");
            lock.since = at(since);
        });
        if let Some(lock) = &mut facts.lock {
            lock.automatic = automatic;
        }
        facts
    };
    let waiting = rules_with(|environment| environment.on_lock = OnLock::Wait);
    let rows: [(&str, &Rules, Facts, Verdict); 5] = [
        ("asked after", &rules(), facts(40, false), Verdict::Reject),
        ("asked in the same moment", &rules(), facts(50, false), Verdict::Reject),
        ("asked before", &rules(), facts(51, false), Verdict::Hold),
        (
            "asked after, where it may wait",
            &waiting,
            facts(40, false),
            Verdict::Hold,
        ),
        ("asked for by Chima itself", &rules(), facts(40, true), Verdict::Hold),
    ];
    for (what, rules, facts, expected) in rows {
        let decision = decide(&deployment(), &facts, rules);
        assert_eq!(
            (decision.verdict, codes(&decision)),
            (expected, vec!["locked"]),
            "{what}"
        );
    }
}

#[test]
fn a_payload_cannot_choose_to_wait_or_to_pass() {
    let facts = with(|lock| lock.owner = Person::new(Source::GitHub, "lisa"));
    for payload in [
        json!({"on_lock": "wait"}),
        json!({"force": true}),
        json!({"lock": null}),
        json!({"via": "auto_deploy"}),
        json!({"actor": "lisa", "via": "cli"}),
    ] {
        let decision = decide(&with_payload(payload.clone()), &facts, &rules());
        assert_eq!(
            summary(&decision),
            (Verdict::Reject, vec!["locked"], false),
            "{payload}"
        );
    }
}

#[test]
fn a_plan_is_not_stopped() {
    let plan = Deployment {
        task: "deploy:plan".to_owned(),
        ..by("lisa", json!({}))
    };
    let decision = decide(&plan, &with(|_| {}), &rules());
    assert_eq!(summary(&decision), (RUNS, vec![], false));
}

#[test]
fn what_rejects_is_said_before_what_holds() {
    let rules = rules_with(|environment| {
        environment.on_lock = OnLock::Wait;
        environment.required_contexts = Some(vec!["ci".to_owned()]);
    });
    for (state, expected) in [
        ("failure", (Verdict::Reject, vec!["required_context_failed", "locked"])),
        ("pending", (Verdict::Hold, vec!["locked", "required_context_pending"])),
        ("success", (Verdict::Hold, vec!["locked"])),
    ] {
        let facts = Facts {
            contexts: Contexts::Gathered(vec![status("ci", state)]),
            ..with(|_| {})
        };
        let decision = decide(&by("lisa", json!({})), &facts, &rules);
        assert_eq!((decision.verdict, codes(&decision)), expected, "{state}");
    }
}

#[test]
fn a_lock_command_needs_no_place_no_contexts_and_no_listing() {
    let rules = rules_with(|environment| environment.required_contexts = None);
    let task = |task: &str| Deployment {
        task: task.to_owned(),
        ..deployment()
    };
    let none = facts();
    let own = with(|_| {});
    let other = with(|lock| lock.owner = Person::new(Source::Chat, "lisa"));
    let expired = with(|lock| lock.until = Some(at(60)));
    let rows: [(&str, &Facts, Option<LockTask>, &[&str]); 8] = [
        ("deploy:lock", &none, Some(LockTask::Lock), &[]),
        ("deploy:lock", &expired, Some(LockTask::Lock), &[]),
        ("deploy:lock", &own, None, &["already_locked"]),
        ("deploy:lock", &other, None, &["already_locked"]),
        ("deploy:unlock", &own, Some(LockTask::Unlock), &[]),
        ("deploy:unlock", &other, Some(LockTask::Unlock), &[]),
        ("deploy:unlock", &none, None, &["not_locked"]),
        ("deploy:unlock", &expired, None, &["not_locked"]),
    ];
    for (name, facts, command, expected) in rows {
        let decision = decide(&task(name), facts, &rules);
        assert_eq!(
            (decision.command, codes(&decision)),
            (command, expected.to_vec()),
            "{name}"
        );
        let verdict = if command.is_some() { RUNS } else { Verdict::Reject };
        assert_eq!((decision.verdict, decision.position), (verdict, 0), "{name}");
        let skipped = [CheckName::Lane, CheckName::RequiredContexts].map(|check| verdict_of(&decision, check));
        assert_eq!(skipped, [CheckVerdict::Skipped; 2], "{name}");
        assert!(!needs(&task(name), &rules).contexts, "{name}");
        assert_eq!(
            decision.checks.iter().map(|check| check.name).collect::<Vec<_>>(),
            CheckName::ALL
        );
    }
    for name in ["deploy:lock:plan", "deploy:locks", "lock"] {
        assert_eq!(
            codes(&decide(&task(name), &none, &rules)),
            ["task_not_allowed"],
            "{name}"
        );
    }
}

#[test]
fn a_lock_command_from_a_room_that_may_not_is_refused() {
    let rules = rules_with(|environment| environment.allowed_rooms = Some(vec!["deployment".to_owned()]));
    let asked = Deployment {
        task: "deploy:lock".to_owned(),
        ..with_payload(json!({"notify": {"room": "random"}}))
    };
    let decision = decide(&asked, &facts(), &rules);
    assert_eq!((decision.command, codes(&decision)), (None, vec!["room_not_allowed"]));
}

#[test]
fn facts_of_an_earlier_version_know_no_lock_and_give_the_same_decision() {
    let mut stored = serde_json::to_value(with(|_| {})).unwrap();
    stored.as_object_mut().unwrap().remove("lock");
    let facts: Facts = serde_json::from_value(stored).unwrap();
    assert_eq!(facts.lock, None);
    let again: Facts = serde_json::from_str(
        &serde_json::to_string(&with(|lock| lock.until = Some(at(40) + TimeDelta::hours(2)))).unwrap(),
    )
    .unwrap();
    assert!(again.lock.is_some_and(|held| held.lock.until.is_some()));
}
