//! Deployments that came late: what GitHub and the ledger know decides before anything else.

use chrono::TimeDelta;

use super::*;
use crate::policy::decision::Verdict;
use crate::policy::facts::{Missed, Newer, ShownStatus};

fn late(hours: i64, status: Option<(&str, bool)>, there: &[(u64, &str, bool)], here: &[(u64, &str, bool)]) -> Facts {
    let newer = |list: &[(u64, &str, bool)]| {
        list.iter()
            .map(|(id, task, begun)| Newer {
                deployment: DeploymentId(*id),
                task: (*task).to_owned(),
                begun: *begun,
            })
            .collect()
    };
    Facts {
        history: History::Gathered(Missed {
            came_at: deployment().created_at + TimeDelta::hours(hours),
            missed: hours > 0,
            status: status.map(|(state, own)| ShownStatus {
                state: state.to_owned(),
                own,
            }),
            newer_there: newer(there),
            newer_here: newer(here),
        }),
        ..facts()
    }
}

fn decided(facts: &Facts) -> (Verdict, Option<&'static str>, Option<u64>) {
    let decision = decide(&deployment(), facts, &rules());
    let code = decision.reasons.first().map(Reason::code);
    (decision.verdict, code, decision.superseded_by.map(|by| by.0))
}

#[test]
fn a_late_deployment_runs_only_where_nothing_happened_since() {
    use Verdict::{Ignore, Reject, Run};
    for (facts, expected) in [
        (late(1, None, &[], &[]), (Run, None, None)),
        (late(24, None, &[], &[]), (Run, None, None)),
        (late(25, None, &[], &[]), (Reject, Some("asked_too_long_ago"), None)),
        // how it ended is told already, whoever told it
        (
            late(1, Some(("success", true)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        (
            late(1, Some(("failure", false)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        (
            late(1, Some(("error", true)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        (
            late(1, Some(("inactive", false)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        // somebody is at work on it, and it is not us
        (
            late(1, Some(("in_progress", false)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        // it was us, by a ledger that is lost
        (
            late(1, Some(("queued", true)), &[], &[]),
            (Reject, Some("outcome_unknown"), None),
        ),
        (
            late(90, Some(("pending", true)), &[], &[]),
            (Reject, Some("outcome_unknown"), None),
        ),
        // what was begun later has the last word
        (
            late(1, None, &[(8, "deploy", true)], &[]),
            (Reject, Some("superseded"), Some(8)),
        ),
        (
            late(1, None, &[], &[(8, "deploy:migrate", true)]),
            (Reject, Some("superseded"), Some(8)),
        ),
        // found as soon as it could be: the lane says what comes when
        (late(0, None, &[], &[(8, "deploy", true)]), (Run, None, None)),
        (
            late(0, Some(("queued", false)), &[], &[]),
            (Ignore, Some("already_reported"), None),
        ),
        // what waits replaces what would do the same
        (
            late(1, None, &[], &[(8, "deploy", false)]),
            (Reject, Some("superseded"), Some(8)),
        ),
        (late(1, None, &[], &[(8, "deploy:migrate", false)]), (Run, None, None)),
        (
            late(90, None, &[], &[(8, "deploy", false), (9, "deploy", true)]),
            (Reject, Some("superseded"), Some(9)),
        ),
    ] {
        assert_eq!(decided(&facts), expected, "{:?}", facts.history);
    }
}

#[test]
fn what_is_wrong_with_a_late_request_is_told_unless_it_was_told_before() {
    let mut wrong = deployment();
    wrong.environment = "nowhere".to_owned();
    let told = |facts: &Facts| {
        let decision = decide(&wrong, facts, &rules());
        let codes: Vec<&str> = decision.reasons.iter().map(Reason::code).collect();
        (decision.verdict, codes, decision.superseded_by)
    };
    assert_eq!(
        told(&late(1, None, &[], &[])),
        (Verdict::Reject, vec!["environment_unknown"], None)
    );
    assert_eq!(
        told(&late(30, None, &[], &[])),
        (Verdict::Reject, vec!["environment_unknown"], None)
    );
    let ended = late(1, Some(("error", true)), &[], &[]);
    assert_eq!(told(&ended), (Verdict::Ignore, vec!["already_reported"], None));
}

#[test]
fn a_held_one_that_is_too_old_is_not_held() {
    let facts = Facts {
        contexts: Contexts::Unavailable {
            detail: "GitHub answered 502".to_owned(),
        },
        ..late(25, None, &[], &[])
    };
    let mut required = rules();
    for environment in required.apps.iter_mut().flat_map(|app| &mut app.environments) {
        environment.required_contexts = Some(vec!["ci".to_owned()]);
    }
    let decision = decide(&deployment(), &facts, &required);
    let codes: Vec<&str> = decision.reasons.iter().map(Reason::code).collect();
    assert_eq!((decision.verdict, codes), (Verdict::Reject, vec!["asked_too_long_ago"]));
}

#[test]
fn a_late_deployment_of_others_stays_theirs_and_one_in_time_has_no_history() {
    let mut foreign = deployment();
    foreign.from_workflow = true;
    let decision = decide(&foreign, &late(30, Some(("queued", true)), &[], &[]), &rules());
    assert_eq!(decision.reasons, [Reason::ForeignWorkflow]);
    let made = |facts: &Facts| {
        let checks = decide(&deployment(), facts, &rules()).checks;
        checks.iter().any(|check| check.name == CheckName::History)
    };
    assert!(!made(&facts()) && made(&late(1, None, &[], &[])));
}

#[test]
fn facts_from_before_there_was_a_history_can_be_read() {
    let stored = serde_json::to_value(facts()).unwrap();
    assert_eq!(stored.get("history"), None);
    assert_eq!(serde_json::from_value::<Facts>(stored).unwrap(), facts());
    let with = late(1, Some(("queued", true)), &[(8, "deploy", true)], &[]);
    let stored = serde_json::to_string(&with).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), with);
}
