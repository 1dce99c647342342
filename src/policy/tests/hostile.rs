//! Texts that people attack with, through every field a requester controls.

use chima_simulator::hostile::texts;
use proptest::prelude::*;
use serde_json::json;

use super::{SHA, decided, deployment, facts, rules};
use crate::domain::deployment::Deployment;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, CheckVerdict, Verdict};

/// A name of the letters that are let through, spelled out here once more.
fn is_plain_ref(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || "._/+#@=,-".contains(c);
    (1..=255).contains(&text.len())
        && text.starts_with(first)
        && text.chars().all(rest)
        && !text.contains("..")
        && !text.contains("@{")
}

fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| "0123456789abcdef".contains(c))
}

#[test]
fn no_hostile_text_becomes_an_order() {
    for text in texts("/tmp/canary") {
        let is_blank = text.trim().is_empty();
        let of = |change: fn(&mut Deployment, String)| {
            let mut request = deployment();
            change(&mut request, text.clone());
            decided(&request)
        };
        // refused, unless the whole text is a name of its kind
        for (decision, passes) in [
            (of(|request, text| request.environment = text), false),
            (of(|request, text| request.task = text), false),
            (of(|request, text| request.git_ref = text), is_plain_ref(&text)),
            (of(|request, text| request.sha = text), is_sha(&text)),
            (of(|request, text| request.payload = json!({"hosts": [text]})), false),
            (of(|request, text| request.payload = json!({"hosts": text})), is_blank),
        ] {
            let expected = if passes { Verdict::Run } else { Verdict::Reject };
            assert_eq!(
                (decision.verdict, decision.order.is_some()),
                (expected, passes),
                "{text:?}: {decision:?}"
            );
        }
        if let Some(order) = of(|request, text| request.git_ref = text).order {
            assert_eq!((order.git_ref.as_str(), order.sha.as_str()), (text.as_str(), SHA));
        }
        // not ours
        let foreign = of(|request, text| request.repository = text);
        assert_eq!((foreign.verdict, &foreign.order), (Verdict::Ignore, &None), "{text:?}");
        // for people only: it changes nothing
        let plain = decided(&deployment()).order;
        for decision in [
            of(|request, text| request.description = Some(text)),
            of(|request, text| {
                request.payload = json!({"notify": {"room": text, "user_name": text}, "env": {"X": text}})
            }),
            of(|request, text| request.payload = json!(text)),
        ] {
            assert_eq!((decision.verdict, &decision.order), (Verdict::Run, &plain), "{text:?}");
        }
    }
}

#[test]
fn what_a_check_shows_has_no_control_characters_and_stays_short() {
    for text in texts("/tmp/canary").into_iter().chain(["x".repeat(1_000_000)]) {
        let request = Deployment {
            environment: text.clone(),
            task: text.clone(),
            git_ref: text.clone(),
            sha: text.clone(),
            payload: json!({"hosts": [text], "notify": {"room": text}}),
            ..deployment()
        };
        let decision = decided(&request);
        for check in &decision.checks {
            assert!(!check.found.contains(char::is_control), "{check:?}");
            assert!(check.found.len() < 1000, "{check:?}");
        }
        assert!(serde_json::to_string(&decision).unwrap().len() < 12_000);
    }
}

#[test]
fn a_payload_cannot_choose_what_the_configuration_chooses() {
    let payload = json!({
        "config": {"provider": "shell", "deploy_script": "id", "required_contexts": [], "allowed_rooms": ["x"]},
        "provider": "shell", "force": true, "name": "other", "task": "other", "environment": "production",
    });
    let plain = decided(&deployment());
    assert_eq!(
        decided(&Deployment {
            payload,
            ..deployment()
        }),
        plain
    );
}

proptest! {
    #[test]
    fn any_text_gets_a_decision(text in "\\PC*|.{0,40}", field in 0..7_usize) {
        let mut request = deployment();
        match field {
            0 => request.environment = text,
            1 => request.task = text,
            2 => request.git_ref = text,
            3 => request.sha = text,
            4 => request.creator = Some(text),
            5 => request.repository = text,
            _ => request.payload = json!({"hosts": text, "notify": {"room": text}}),
        }
        let decision = decide(&request, &facts(), &rules());
        let passed = decision.checks.iter().all(|check| check.verdict == CheckVerdict::Passed);
        prop_assert_eq!(decision.verdict == Verdict::Run, passed);
        prop_assert_eq!(decision.checks.len(), CheckName::ALL.len());
    }
}
