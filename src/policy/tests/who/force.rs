//! What force passes, whose it is, and that it is recorded.

use ulid::Ulid;

use super::*;
use crate::domain::ids::{LockId, RunId};
use crate::domain::lock::{Cause, Lock};
use crate::domain::person::{Person, Source};
use crate::domain::reason::Reason;
use crate::policy::contexts::status;
use crate::policy::decision::CheckVerdict;
use crate::policy::facts::{Contexts, LockFacts};
use crate::policy::tests::verdict_of;

fn red() -> Contexts {
    Contexts::Gathered(vec![status("ci", "failure"), status("lint", "pending")])
}

fn locked(cause: Cause, since: i64) -> Option<LockFacts> {
    let lock = Lock {
        id: LockId::new(Ulid::from_parts(1, 1)),
        place: Place {
            app: "hello".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        },
        owner: Person::new(Source::Chat, "lisa"),
        reason: None,
        cause,
        since: at(since),
        until: None,
    };
    Some(LockFacts { lock, automatic: false })
}

fn needing_ci(admins: &[&str]) -> Rules {
    rules_with(|staging| {
        staging.admins = named(admins);
        staging.required_contexts = Some(vec!["ci".to_owned(), "lint".to_owned(), "never".to_owned()]);
    })
}

#[test]
fn an_admin_passes_red_contexts_and_a_lock_and_it_is_recorded() {
    let facts = Facts {
        contexts: red(),
        lock: locked(Cause::Person, 40),
        who: who(forcing(in_chat("mona.l", None, Some("mona")))),
        ..facts()
    };
    let decision = decide(&with_nonce(), &facts, &needing_ci(&["mona"]));
    is(&decision, RUNS, "forced");
    let forced = decision.forced.clone().unwrap();
    assert_eq!(forced.by, "mona");
    let past: Vec<&str> = forced.past.iter().map(Reason::code).collect();
    assert_eq!(past, ["required_context_failed", "required_context_pending", "locked"]);
    assert_eq!(decision.passes_lock, Some(LockId::new(Ulid::from_parts(1, 1))));
    for name in [CheckName::Force, CheckName::Lock, CheckName::RequiredContexts] {
        assert_eq!(verdict_of(&decision, name), CheckVerdict::Passed, "{name:?}");
    }
    let found = &decision
        .checks
        .iter()
        .find(|check| check.name == CheckName::RequiredContexts)
        .unwrap()
        .found;
    assert!(found.ends_with(", and passed by force"), "{found}");
}

#[test]
fn only_admins_may_force() {
    let refused = (
        Verdict::Reject,
        &[
            "force_not_allowed",
            "required_context_failed",
            "required_context_pending",
        ][..],
    );
    let teams = || vec![membership("octo/ops", "mona", Found::Yes)];
    for (admins, actor, memberships, expected) in [
        (&["mona"][..], Actor::on_github("mona"), vec![], RUNS),
        (&["mona"], Actor::on_github("lisa"), vec![], refused),
        (&[], Actor::on_github("mona"), vec![], refused),
        (&["octo/ops"], Actor::on_github("mona"), teams(), RUNS),
        (&["octo/ops"], Actor::on_github("mona"), vec![], UNSAID),
        (&["slack:U1"], in_chat("x", Some("U1"), None), vec![], RUNS),
        (&["slack:U1"], in_chat("U1", Some("U2"), None), vec![], refused),
        // what is done at the terminal can be done there without us too
        (&[], terminal(), vec![], RUNS),
        (&["mona"], Actor::itself("mona"), vec![], refused),
    ] {
        let facts = Facts {
            contexts: red(),
            who: WhoFacts {
                memberships,
                ..who(forcing(actor.clone()))
            },
            ..facts()
        };
        let decision = decide(&with_nonce(), &facts, &needing_ci(admins));
        assert_eq!(decision.forced.is_some(), expected == RUNS, "{actor:?}");
        if expected == UNSAID {
            // what may be passed is no reason to reject yet
            let waits = [
                "facts_unavailable",
                "required_context_failed",
                "required_context_pending",
            ];
            is(&decision, (Verdict::Hold, &waits), "unsaid");
            continue;
        }
        is(&decision, expected, &format!("{admins:?} {actor:?}"));
    }
    // nor is anything rejected as long as nobody knows whether we asked for it ourselves
    let facts = Facts {
        contexts: red(),
        who: WhoFacts {
            own: Own::Unavailable {
                detail: "GitHub answered 502".to_owned(),
            },
            ..who(forcing(Actor::on_github("mona")))
        },
        ..facts()
    };
    let unsaid = decide(&with_nonce(), &facts, &needing_ci(&["mona"]));
    assert_eq!((unsaid.verdict, unsaid.forced), (Verdict::Hold, None));
    let at_terminal = decided(&with_nonce(), who(forcing(terminal())), &rules(&[], &[]));
    assert_eq!(
        at_terminal.forced.unwrap().by,
        "root",
        "the account, not the name that was said"
    );
}

#[test]
fn force_passes_nothing_else() {
    let admin = || who(forcing(Actor::on_github("mona")));
    let after = |cause, since| Facts {
        lock: locked(cause, since),
        who: admin(),
        ..facts()
    };
    let run = RunId::new(Ulid::from_parts(7, 0));
    let open = rules(&[], &["mona"]);
    let summary = |facts: &Facts, rules: &Rules, deployment: &Deployment| {
        let decision = decide(deployment, facts, rules);
        (decision.verdict, codes(&decision))
    };
    // somebody must look first
    let facts_after = after(Cause::AfterCancel { run }, 40);
    assert_eq!(
        summary(&facts_after, &open, &with_nonce()),
        (Verdict::Reject, vec!["locked"])
    );
    // nobody who forced it knew of a lock that came later
    assert_eq!(
        summary(&after(Cause::Person, 55), &open, &with_nonce()),
        (Verdict::Hold, vec!["locked"])
    );
    assert_eq!(
        summary(&after(Cause::Person, 40), &open, &with_nonce()),
        (Verdict::Run, vec![])
    );
    let unavailable = Facts {
        contexts: Contexts::Unavailable {
            detail: "GitHub answered 502".to_owned(),
        },
        who: admin(),
        ..facts()
    };
    assert_eq!(
        summary(&unavailable, &needing_ci(&["mona"]), &with_nonce()),
        (Verdict::Hold, vec!["facts_unavailable"])
    );
    let room = by_us(json!({"nonce": "01J", "notify": {"room": "random"}}));
    let rooms = rules_with(|staging| {
        staging.admins = named(&["mona"]);
        staging.allowed_rooms = Some(vec!["ops".to_owned()]);
    });
    let plain = Facts {
        who: admin(),
        ..facts()
    };
    assert_eq!(
        summary(&plain, &rooms, &room),
        (Verdict::Reject, vec!["room_not_allowed"])
    );
    let hosts = by_us(json!({"nonce": "01J", "hosts": "web9"}));
    assert_eq!(
        summary(&plain, &open, &hosts),
        (Verdict::Reject, vec!["hosts_not_allowed"])
    );
    // an admin of nothing is no deployer by forcing
    let other = rules(&["lisa"], &[]);
    assert_eq!(
        summary(&plain, &other, &with_nonce()),
        (Verdict::Reject, vec!["deployer_not_allowed", "force_not_allowed"])
    );
}
