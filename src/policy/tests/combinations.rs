//! Every combination of a few answers per check, against an oracle that knows nothing of how checks are made.
//!
//! Each choice says what it does to the request and which code it should earn. The oracle only sorts those codes: what
//! ignores beats what rejects beats what holds, and what needs facts counts only while the request itself is fine.

use serde_json::json;
use ulid::Ulid;

use super::{at, codes, deployment, facts, rules_with};
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, LockId};
use crate::domain::lock::{Cause, Lock, Place};
use crate::domain::person::{Person, Source};
use crate::policy::contexts::status;
use crate::policy::decide::decide;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::{Contexts, Facts, LaneFacts, LockFacts};
use crate::policy::needs::needs;
use crate::policy::rules::{LaneOrder, Rules};

type Change = fn(&mut Deployment, &mut Facts);
type Choice = (Change, Option<&'static str>);

const WHOSE: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.app_slug = Some("vercel".to_owned()), Some("foreign_app")),
    (|d, _| d.from_workflow = true, Some("foreign_workflow")),
];
const REPOSITORY: &[Choice] = &[
    (|_, _| {}, None),
    (
        |d, _| d.repository = "a/b".to_owned(),
        Some("repository_not_configured"),
    ),
];
const ENVIRONMENT: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.environment = "STAGING".to_owned(), None),
    // There is then nothing to compare rooms with, so the rest of this table leaves rooms out.
    (|d, _| d.environment = "-x".to_owned(), Some("environment_malformed")),
];
const TASK: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.task = "a b".to_owned(), Some("task_malformed")),
];
const REF: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.git_ref = "-x".to_owned(), Some("ref_malformed")),
];
const SHA: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.sha = "main".to_owned(), Some("sha_malformed")),
];
const HOSTS: &[Choice] = &[
    (|_, _| {}, None),
    (|d, _| d.payload = json!({"hosts": "fe1"}), None),
    (|d, _| d.payload = json!({"hosts": "*"}), Some("hosts_malformed")),
];
const LANE: &[Choice] = &[(|_, _| {}, None), (|_, f| f.lane = newest(60), Some("superseded"))];
const LOCK: &[Choice] = &[
    (|_, _| {}, None),
    (|_, f| f.lock = lock("mona"), None),
    (|_, f| f.lock = lock("lisa"), Some("locked")),
];
const CONTEXTS: &[Choice] = &[
    (|_, f| f.contexts = Contexts::Gathered(Vec::new()), None),
    (|_, f| f.contexts = gathered("success"), None),
    (|_, f| f.contexts = gathered("failure"), Some("required_context_failed")),
    (
        |_, f| f.contexts = gathered("pending"),
        Some("required_context_pending"),
    ),
    (
        |_, f| f.contexts = Contexts::Unavailable { detail: "x".to_owned() },
        Some("facts_unavailable"),
    ),
];

fn newest(number: u32) -> LaneFacts {
    LaneFacts {
        newest: Some((DeploymentId(number.into()), at(number.into()))),
        ..LaneFacts::default()
    }
}

/// Since before the request, so that those of others refuse it.
fn lock(owner: &str) -> Option<LockFacts> {
    let lock = Lock {
        id: LockId::new(Ulid::from_parts(1, 1)),
        place: Place {
            app: "hello".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        },
        owner: Person::new(Source::GitHub, owner),
        reason: None,
        cause: Cause::Person,
        since: at(1),
        until: None,
    };
    Some(LockFacts { lock, automatic: false })
}

fn gathered(state: &str) -> Contexts {
    Contexts::Gathered(vec![status("ci", state)])
}

fn rules() -> Rules {
    rules_with(|staging| {
        staging.lane = LaneOrder::Latest;
        staging.required_contexts = None;
        staging.hosts = Some(vec!["fe1".parse().unwrap()]);
    })
}

/// What should come out, from the codes alone.
fn oracle(earned: &[Option<&'static str>]) -> (Verdict, Vec<&'static str>) {
    let codes =
        |range: std::ops::Range<usize>| -> Vec<&'static str> { earned[range].iter().flatten().copied().collect() };
    let (ignoring, rejecting, late) = (codes(0..2), codes(2..7), codes(7..10));
    if !ignoring.is_empty() {
        return (Verdict::Ignore, ignoring);
    }
    if !rejecting.is_empty() {
        return (Verdict::Reject, rejecting);
    }
    let holds = |code: &&str| matches!(*code, "required_context_pending" | "facts_unavailable");
    let verdict = if late.is_empty() {
        Verdict::Run
    } else if late.iter().all(holds) {
        Verdict::Hold
    } else {
        Verdict::Reject
    };
    (verdict, late)
}

fn every_combination(mut visit: impl FnMut(&Deployment, &Facts, &[Option<&'static str>])) -> usize {
    let tables = [
        WHOSE,
        REPOSITORY,
        ENVIRONMENT,
        TASK,
        REF,
        SHA,
        HOSTS,
        LANE,
        LOCK,
        CONTEXTS,
    ];
    let total: usize = tables.iter().map(|table| table.len()).product();
    for number in 0..total {
        let (mut request, mut known, mut earned) = (deployment(), facts(), Vec::new());
        let mut rest = number;
        for table in tables {
            let (change, code) = table[rest % table.len()];
            rest /= table.len();
            change(&mut request, &mut known);
            earned.push(code);
        }
        visit(&request, &known, &earned);
    }
    total
}

#[test]
fn every_combination_comes_out_as_the_oracle_says() {
    let rules = rules();
    let total = every_combination(|request, known, earned| {
        let decision = decide(request, known, &rules);
        assert_eq!(
            (decision.verdict, codes(&decision)),
            oracle(earned),
            "{request:?} {known:?}"
        );
    });
    assert_eq!(total, 12_960);
}

#[test]
fn what_is_not_gathered_makes_no_difference() {
    let rules = rules();
    every_combination(|request, known, _| {
        let needs = needs(request, &rules);
        let mut gathered = known.clone();
        if !needs.contexts {
            gathered.contexts = Contexts::NotNeeded;
        }
        if !needs.lane {
            gathered.lane = LaneFacts::default();
            gathered.lock = None;
        }
        let decision = decide(request, known, &rules);
        assert_eq!(decide(request, &gathered, &rules), decision);
        assert_eq!(needs.order, decision.order);
    });
}

#[test]
fn rules_narrowed_to_the_repository_decide_alike() {
    let rules = rules();
    every_combination(|request, known, _| {
        let narrow = rules.for_repository(&request.repository);
        assert_eq!(
            decide(request, known, &narrow).reasons,
            decide(request, known, &rules).reasons
        );
    });
}

#[test]
fn only_what_is_complete_and_unopposed_runs() {
    let rules = rules();
    every_combination(|request, known, _| {
        let decision = decide(request, known, &rules);
        let runs = decision.verdict == Verdict::Run;
        assert_eq!(runs, decision.position > 0);
        assert!(!runs || decision.order.is_some());
        assert!(runs || !decision.reasons.is_empty());
        assert!(decision.verdict != Verdict::Hold || decision.order.is_some());
    });
}

#[test]
fn facts_rules_and_decisions_survive_being_stored() {
    let rules = rules();
    let stored: Rules = serde_json::from_str(&serde_json::to_string(&rules).unwrap()).unwrap();
    assert_eq!(stored, rules);
    let mut number = 0;
    every_combination(|request, known, _| {
        number += 1;
        if number % 7 != 0 {
            return;
        }
        let facts: Facts = serde_json::from_str(&serde_json::to_string(known).unwrap()).unwrap();
        let decision = decide(request, &facts, &stored);
        let read: Decision = serde_json::from_str(&serde_json::to_string(&decision).unwrap()).unwrap();
        assert_eq!(read, decide(request, known, &rules));
    });
}
