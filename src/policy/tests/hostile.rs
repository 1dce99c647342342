//! Texts that people attack with, through every field a requester controls.

use proptest::prelude::*;
use serde_json::json;

use super::{decided, deployment, facts, rules};
use crate::domain::deployment::Deployment;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, CheckVerdict, Verdict};

const CORPUS: &[&str] = &[
    "x;echo${IFS}INJECTED",
    "$(id)",
    "`id`",
    "a|id",
    "a&b",
    "a\"b",
    "a'b",
    "a\nb",
    "a\0b",
    "zzz\";echo${IFS}\"hello\";#",
    "-x",
    "--upload-pack=touch${IFS}pwn",
    "-eputs 1",
    "--require=x",
    "@/etc/hostname",
    "NAME=value;",
    "deploy; id",
    "{{ lookup(\"pipe\",\"id\") }}",
    "{% x %}",
    "%{environment}",
    "{{x}}",
    "../../x",
    "%2e%2e",
    "/etc/passwd",
    "a\u{200b}b",
    "ｄｅｐｌｏｙ",
    "a\u{202e}b",
    "e\u{301}",
    "<script>alert(1)</script>",
    "javascript:alert(1)//",
    "\u{1b}]8;;http://x\u{7}y\u{1b}]8;;\u{7}",
    "\u{1b}[2J",
    "a\rb",
    "<!channel>",
    "<@U1>",
    "<http://x|y>",
    "&amp;",
    "a\r\nSet-Cookie: x",
    "=cmd|' /C calc'!A0",
];

#[test]
fn no_hostile_text_becomes_an_order() {
    for text in CORPUS {
        let text = (*text).to_owned();
        for request in [
            Deployment {
                environment: text.clone(),
                ..deployment()
            },
            Deployment {
                task: text.clone(),
                ..deployment()
            },
            Deployment {
                git_ref: text.clone(),
                ..deployment()
            },
            Deployment {
                sha: text.clone(),
                ..deployment()
            },
            Deployment {
                payload: json!({"hosts": [text]}),
                ..deployment()
            },
        ] {
            let decision = decided(&request);
            assert_eq!((decision.verdict, &decision.order), (Verdict::Reject, &None), "{text}");
        }
    }
}

#[test]
fn what_a_check_shows_has_no_control_characters_and_stays_short() {
    let long = "x".repeat(1_000_000);
    for text in CORPUS.iter().copied().chain([long.as_str()]) {
        let request = Deployment {
            environment: text.to_owned(),
            task: text.to_owned(),
            git_ref: text.to_owned(),
            sha: text.to_owned(),
            payload: json!({"hosts": [text], "notify": {"room": text}}),
            ..deployment()
        };
        let decision = decided(&request);
        for check in &decision.checks {
            assert!(!check.found.contains(char::is_control), "{check:?}");
            assert!(check.found.len() < 1000, "{check:?}");
        }
        assert!(serde_json::to_string(&decision).unwrap().len() < 6000);
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
