//! Required contexts: commit statuses and check runs, with and without a list.

use super::{codes, deployment, facts, rules_with};
use crate::domain::reason::{ContextFinding, Reason};
use crate::policy::contexts::{check_run, status};
use crate::policy::decide::decide;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::{ContextState, Contexts, Facts};

fn decided(required: Option<&[&str]>, contexts: Contexts) -> Decision {
    let rules = rules_with(|staging| {
        staging.required_contexts = required.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    });
    decide(&deployment(), &Facts { contexts, ..facts() }, &rules)
}

fn finding(name: &str, state: &str) -> ContextFinding {
    ContextFinding {
        name: name.to_owned(),
        state: state.to_owned(),
    }
}

/// `+` green, `~` pending, `-` failed; a `*` in front makes it a check run.
fn reported(text: &str) -> Contexts {
    let one = |word: &str| -> ContextState {
        let (word, is_check) = word.strip_prefix('*').map_or((word, false), |rest| (rest, true));
        let (sign, name) = word.split_at(1);
        match (sign, is_check) {
            ("+", false) => status(name, "success"),
            ("~", false) => status(name, "pending"),
            ("-", false) => status(name, "failure"),
            ("+", true) => check_run(name, "completed", Some("success")),
            ("~", true) => check_run(name, "in_progress", None),
            ("-", true) => check_run(name, "completed", Some("timed_out")),
            _ => panic!("no such sign: {sign}"),
        }
    };
    Contexts::Gathered(text.split_whitespace().map(one).collect())
}

#[test]
fn what_is_reported_against_what_is_required() {
    const FAILED: &str = "required_context_failed";
    const PENDING: &str = "required_context_pending";
    type Case<'c> = (Option<&'c [&'c str]>, &'c str, &'c [&'c str]);
    let cases: &[Case<'_>] = &[
        // Without a list: everything reported must be green, and nothing reported is enough.
        (None, "", &[]),
        (None, "+a", &[]),
        (None, "*+a", &[]),
        (None, "+a *+b", &[]),
        (None, "~a", &[PENDING]),
        (None, "*~a", &[PENDING]),
        (None, "-a", &[FAILED]),
        (None, "*-a", &[FAILED]),
        (None, "+a ~b", &[PENDING]),
        (None, "+a -b", &[FAILED]),
        (None, "~a -b", &[FAILED, PENDING]),
        (None, "+a *-a", &[FAILED]),
        (None, "+a *~a", &[PENDING]),
        (None, "+a *+a", &[]),
        // An empty list: nothing matters.
        (Some(&[]), "", &[]),
        (Some(&[]), "-a ~b", &[]),
        // A list: each must be there and green, and the others do not matter.
        (Some(&["a"]), "", &[PENDING]),
        (Some(&["a"]), "+a", &[]),
        (Some(&["a"]), "*+a", &[]),
        (Some(&["a"]), "-a", &[FAILED]),
        (Some(&["a"]), "~a", &[PENDING]),
        (Some(&["a"]), "+b", &[PENDING]),
        (Some(&["a"]), "+a -b ~c", &[]),
        (Some(&["A"]), "+a", &[]),
        (Some(&["a"]), "+A", &[]),
        (Some(&["a"]), "+A -a", &[FAILED]),
        (Some(&["a"]), "+a *+a", &[]),
        (Some(&["a"]), "+a *-a", &[FAILED]),
        (Some(&["a"]), "*+a -a", &[FAILED]),
        (Some(&["a"]), "*+a ~a", &[PENDING]),
        (Some(&["a"]), "*+a *-a *+a", &[FAILED]),
        (Some(&["a", "b"]), "+a", &[PENDING]),
        (Some(&["a", "b"]), "-a", &[FAILED, PENDING]),
        (Some(&["a", "b"]), "-a ~b", &[FAILED, PENDING]),
        (Some(&["a", "b"]), "+a *+b", &[]),
        (Some(&["a", "A"]), "+a", &[]),
        (Some(&["ab"]), "+a +b", &[PENDING]),
    ];
    for (required, text, expected) in cases {
        let decision = decided(*required, reported(text));
        assert_eq!(codes(&decision), *expected, "{required:?} with {text}");
        let verdict = match expected.first() {
            None => Verdict::Run,
            Some(&FAILED) => Verdict::Reject,
            Some(_) => Verdict::Hold,
        };
        assert_eq!(decision.verdict, verdict, "{required:?} with {text}");
        assert!(decision.order.is_some());
    }
}

#[test]
fn a_hold_names_each_context_with_its_state() {
    let decision = decided(
        Some(&["ci/build", "security", "lint", "lint"]),
        reported("~CI/build +lint"),
    );
    let contexts = vec![finding("ci/build", "pending"), finding("security", "missing")];
    assert_eq!(decision.reasons, [Reason::RequiredContextPending { contexts }]);
}

#[test]
fn a_rejection_names_githubs_word() {
    let decision = decided(None, reported("+a *-slow -broken"));
    let contexts = vec![finding("broken", "failure"), finding("slow", "timed_out")];
    assert_eq!(decision.reasons, [Reason::RequiredContextFailed { contexts }]);
}

#[test]
fn what_github_does_not_tell_holds() {
    let down = || Contexts::Unavailable {
        detail: "GitHub answered 502".to_owned(),
    };
    for required in [None, Some(&["a"][..])] {
        let decision = decided(required, down());
        assert_eq!(
            (decision.verdict, codes(&decision)),
            (Verdict::Hold, vec!["facts_unavailable"])
        );
    }
    assert_eq!(decided(Some(&[]), down()).verdict, Verdict::Run);
}

#[test]
fn contexts_that_nobody_asked_for_are_not_green() {
    assert_eq!(decided(None, Contexts::NotNeeded).verdict, Verdict::Hold);
    assert_eq!(decided(Some(&[]), Contexts::NotNeeded).verdict, Verdict::Run);
}
