//! Slack's own libraries as judges: of what Chima writes, of what it believes, and of the stand-in that plays Slack.
//!
//! `script/tools` installs `slack_sdk` and Bolt into `target/tools/slack`; `tests/it/slack_kit/judge.py` asks them.

mod recorder;

use std::io::Write;
use std::process::{Command, Stdio};

use chima::domain::conversation::{Offer, Reply};
use chima::report::slack::answer::answer;
use chima_simulator::sign::slack_signed;
use chima_simulator::slack::Slack;
use serde_json::{Value, json};

use crate::docs::root;
use crate::slack_kit::recorder::record;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Asks Slack's libraries.
#[expect(clippy::disallowed_methods, reason = "a test starts the judge")]
fn judged(question: &Value) -> Value {
    let python = root().join("target/tools/slack/bin/python");
    assert!(python.exists(), "`{}` is not there; run script/test", python.display());
    let mut judge = Command::new(python)
        .arg(root().join("tests/it/slack_kit/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    judge
        .stdin
        .take()
        .unwrap()
        .write_all(question.to_string().as_bytes())
        .unwrap();
    let out = judge.wait_with_output().unwrap();
    assert!(out.status.success(), "the judge fails");
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn slacks_kit_believes_what_we_believe() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&text=status";
    let time = 1_531_420_618;
    let good = slack_signed(body.as_bytes(), SECRET, time).pop().unwrap().1;
    let mut cases = Vec::new();
    for (now, signature, expected) in [
        (time, good.as_str(), true),
        (time + 300, &good, true),
        (time - 300, &good, true),
        (time + 301, &good, false),
        (time - 301, &good, false),
        (time, &good.replace("v0=", "v1="), false),
        (time, &good[..40], false),
        (time, "", false),
    ] {
        cases.push(
            json!({"body": body, "time": time.to_string(), "signature": signature, "now": now, "expected": expected}),
        );
    }
    let verdicts = judged(&json!({"secret": SECRET, "signatures": cases}));
    let expected: Vec<&Value> = cases.iter().map(|case| &case["expected"]).collect();
    assert_eq!(verdicts["signatures"], json!(expected));
}

/// Slack's kit takes each of these messages: every block is one of its own, within its limits.
pub fn takes(messages: &[Value]) {
    let verdicts = judged(&json!({"secret": SECRET, "messages": messages}));
    for (message, verdict) in messages.iter().zip(verdicts["messages"].as_array().unwrap()) {
        let ours = message["blocks"].as_array().unwrap().iter().map(|block| &block["type"]);
        assert_eq!(verdict, &json!(ours.collect::<Vec<_>>()), "{message}");
    }
}

#[test]
fn slacks_kit_takes_our_answers_whatever_is_in_them() {
    let texts = [
        "short",
        &"x & <y> ".repeat(2_000),
        &format!("```\n{}```", "line\n".repeat(3_000)),
        "see https://x.example/a?b&c",
    ];
    let messages: Vec<Value> = texts
        .iter()
        .map(|text| {
            let offers = (0..40).map(|number| Offer {
                label: "retry it, ".repeat(number + 1),
                says: format!("retry site {}", "x".repeat(number)),
                caution: (number % 2 == 0).then(|| "This deploys. ".repeat(100)),
            });
            json!(answer(&Reply::done((*text).to_owned()).offering(offers.collect())))
        })
        .collect();
    takes(&messages);
}

/// What the stand-in sends is what Bolt takes for Slack's, so what we understand of it is what Slack says.
#[tokio::test]
async fn bolt_hears_the_stand_in_as_it_hears_slack() {
    let slack = Slack::start().await.unwrap();
    let command = slack.slash_command("/chima", "deploy site & <x>");
    let mention =
        json!({"type": "app_mention", "user": "U0MONA", "text": "<@U0BOT> status", "ts": "1.5", "channel": "C0DEPLOY"});
    let requests = [
        record(async |to| drop(slack.send_command(&to, SECRET, &command).await)).await,
        record(async |to| drop(slack.send_event(&to, SECRET, "Ev1", &mention).await)).await,
        record(async |to| {
            let message = chima_simulator::slack::world::Message {
                ts: "1.5".to_owned(),
                channel: "C0DEPLOY".to_owned(),
                text: "x".to_owned(),
                blocks: json!([{"type": "actions", "elements": [{"type": "button", "action_id": "say-0", "value": "why 01J"}]}]),
                thread_ts: None,
                way: chima_simulator::slack::world::Way::Posted,
                metadata: Value::Null,
                former_texts: Vec::new(),
                at: chrono::DateTime::UNIX_EPOCH,
            };
            let pressed = slack.pressed(&message, "say-0", ("U0MONA", "mona"));
            drop(slack.send_interaction(&to, SECRET, &pressed).await);
        })
        .await,
        record(async |to| drop(slack.verify_url(&to, SECRET, "abc").await)).await,
    ];
    let verdicts = judged(&json!({"secret": SECRET, "requests": requests}));
    let expected = json!([
        {"status": 200, "heard": ["command", "deploy site & <x>", "U0MONA", "C0DEPLOY"]},
        {"status": 200, "heard": ["mention", "<@U0BOT> status", "U0MONA", "C0DEPLOY"]},
        {"status": 200, "heard": ["button", "why 01J", "U0MONA", "C0DEPLOY"]},
        {"status": 200, "heard": null},
    ]);
    assert_eq!(verdicts["requests"], expected);
    // and with another secret it hears nothing
    let refused = judged(&json!({"secret": "another secret, also long", "requests": requests}));
    for one in refused["requests"].as_array().unwrap() {
        assert_eq!((&one["status"], &one["heard"]), (&json!(401), &Value::Null));
    }
}
