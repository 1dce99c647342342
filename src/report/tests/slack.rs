//! Messages to Slack, as they are posted.

use serde_json::{Value, json};

use super::{links, run};
use crate::domain::command::PersonsVerdict;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::report::slack::{SlackMessage, escaped, message, notifies};
use crate::report::status::Links;

#[test]
fn only_a_queued_run_is_not_worth_a_message() {
    let silent: Vec<RunState> = RunState::ALL.into_iter().filter(|state| !notifies(*state)).collect();
    assert_eq!(silent, [RunState::Queued]);
}

#[test]
fn a_failure_says_what_why_and_what_to_do() {
    let reason = Reason::ExitCode {
        step: "deploy".to_owned(),
        exit_code: 2,
        cause: None,
    };
    let message = message(&run(RunState::Failed, Some(reason)), Some("mona"), &links());
    assert_eq!(
        message.text,
        "failed: deploy `hello` to `staging`: step `deploy` exited with code 2; read the log, fix the cause, then deploy \
         again (`octo/hello` at 4f3c2b1a (main), asked for by @mona, took 41 s) https://deploy.example.com/runs/1"
    );
    assert_eq!(
        message.blocks[0],
        json!({"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
            "*failed*: deploy `hello` to `staging`\nstep `deploy` exited with code 2; read the log, fix the cause, then \
             deploy again"}})
    );
    let elements: Vec<&str> = texts(&message.blocks[1]);
    assert_eq!(
        elements,
        [
            "`octo/hello` at 4f3c2b1a (main)",
            "asked for by @mona",
            "took 41 s",
            "<https://deploy.example.com/runs/1|run page>",
        ]
    );
}

#[test]
fn a_success_links_to_what_was_deployed() {
    let message = message(&run(RunState::Succeeded, None), None, &links());
    assert_eq!(
        texts(&message.blocks[1]).last(),
        Some(&"<https://staging.example.com/?a=1&amp;b=2|visit>")
    );
    assert!(
        message.text.starts_with("succeeded: deploy `hello` to `staging` ("),
        "{}",
        message.text
    );
}

#[test]
fn a_start_and_another_task_are_named() {
    let migrate = Run {
        task: "deploy:migrate".to_owned(),
        ..run(RunState::Running, None)
    };
    let text = message(&migrate, None, &Links::default()).text;
    assert_eq!(
        text,
        "started: `deploy:migrate` `hello` on `staging` (`octo/hello` at 4f3c2b1a (main), asked for by @mona)"
    );
}

#[test]
fn a_run_that_waits_for_a_person_says_what_is_to_be_done_and_how_to_answer() {
    let waits = Run {
        instructions: Some("Release <b>main</b> to the store,\nthen tell <!channel>.".to_owned()),
        ..run(RunState::Running, None)
    };
    let waiting = message(&waits, None, &links());
    assert_eq!(
        waiting.blocks[0]["text"]["text"],
        "*started*: deploy `hello` to `staging`\nwaiting for a person: Release &lt;b&gt;main&lt;/b&gt; to the store, then tell \
         &lt;!channel&gt;; then `chima finish 00000000000000000000000001`, or with `--failed`"
    );
    assert_eq!(brackets(&waiting), 1);
    let done = Run {
        state: RunState::Succeeded,
        verdict: Some(PersonsVerdict::new("mona", true, Some("version 7"))),
        ..waits
    };
    let text = message(&done, None, &Links::default()).text;
    assert!(
        text.starts_with("succeeded: deploy `hello` to `staging`: done, says @mona: \"version 7\" (`octo/hello` at "),
        "{text}"
    );
}

#[test]
fn angle_brackets_from_outside_are_disarmed() {
    assert_eq!(
        escaped("<!channel> <@U1> <u|t> &amp;"),
        "&lt;!channel&gt; &lt;@U1&gt; &lt;u|t&gt; &amp;amp;"
    );
    for text in [
        "<!channel>",
        "<!here>",
        "<@U1>",
        "<http://evil|deploy.example.com>",
        "&lt;!channel&gt;",
    ] {
        let hostile = Run {
            order: None,
            environment: text.to_owned(),
            git_ref: text.to_owned(),
            sha: text.to_owned(),
            task: text.to_owned(),
            ..run(
                RunState::Rejected,
                Some(Reason::TaskMalformed {
                    found: text.to_owned(),
                    expected: text.to_owned(),
                }),
            )
        };
        let message = message(&hostile, Some(text), &links());
        assert_eq!(brackets(&message), 1, "{text}: {message:?}");
    }
}

#[test]
fn a_message_survives_the_outbox() {
    let message = message(&run(RunState::Running, None), None, &links());
    let stored = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<SlackMessage>(&stored).unwrap(), message);
}

fn texts(context: &Value) -> Vec<&str> {
    let elements = context["elements"].as_array().unwrap();
    elements
        .iter()
        .map(|element| element["text"].as_str().unwrap())
        .collect()
}

/// Angle brackets that Slack would act on: our own link to the run page is one.
pub(super) fn brackets(message: &SlackMessage) -> usize {
    let section = message.blocks[0]["text"]["text"].as_str().unwrap();
    let all: String = texts(&message.blocks[1]).concat();
    [message.text.as_str(), section, &all]
        .iter()
        .map(|text| text.matches('<').count())
        .sum()
}
