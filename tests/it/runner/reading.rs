//! What ends a step beyond its exit code: a person's word, results of hosts, what its output says, and what was not there.

use std::path::PathBuf;
use std::time::Duration;

use chima::domain::command::PersonsVerdict;
use chima::provider::attempt;
use chima::provider::exit::{Exit, Outcome, StepOutcome};
use chima::provider::manifest::Results;
use chima::provider::results::Fault;
use chima::provider::spec::{Action, FileSpec, Required};

use super::{Rig, eventually, exit, outcomes, script};

fn manual() -> Rig {
    let mut step = script("true");
    step.action = Action::Manual {
        instructions: "press the button".to_owned(),
    };
    Rig::new(vec![step, script("echo after")])
}

async fn ended_by(rig: &Rig, done: bool, note: &str) -> Exit {
    let running = rig.start().await;
    eventually("it says what is to be done", || {
        rig.log().contains("press the button\n").then_some(())
    })
    .await;
    let verdict = PersonsVerdict::new("mona", done, Some(note));
    assert!(attempt::give_verdict(rig.attempt(), &verdict).unwrap());
    exit(running).await
}

#[tokio::test]
async fn a_manual_step_waits_for_a_persons_word() {
    let rig = manual();
    let ended = ended_by(&rig, true, "version 7").await;
    assert_eq!(ended.outcome, Outcome::Succeeded);
    assert_eq!(
        outcomes(&ended)[0],
        &StepOutcome::Confirmed {
            by: "mona".to_owned(),
            note: "version 7".to_owned()
        }
    );
    assert!(
        rig.log().contains("[chima: done, says mona: \"version 7\"]"),
        "{}",
        rig.log()
    );
    assert!(rig.log().ends_with("after\n"));
}

#[tokio::test]
async fn a_person_may_say_that_it_could_not_be_done() {
    let rig = manual();
    let ended = ended_by(&rig, false, "the store refused").await;
    assert_eq!(ended.outcome, Outcome::Failed);
    assert_eq!(
        outcomes(&ended),
        [&StepOutcome::Refused {
            by: "mona".to_owned(),
            note: "the store refused".to_owned()
        }]
    );
}

#[tokio::test]
async fn a_manual_step_ends_by_cancel_and_by_time_too() {
    let rig = manual();
    let running = rig.start().await;
    attempt::request_cancel(rig.attempt(), "hubot").unwrap();
    assert_eq!(
        exit(running).await.outcome,
        Outcome::Cancelled { by: "hubot".to_owned() }
    );

    let mut rig = manual();
    rig.spec.timeout = Duration::from_millis(200);
    assert_eq!(outcomes(&rig.run().await), [&StepOutcome::TimedOut { limit_ms: 200 }]);
}

#[tokio::test]
async fn the_time_is_for_all_steps_together() {
    let mut rig = Rig::new(vec![script("sleep 0.3"), script("sleep 30")]);
    rig.spec.timeout = Duration::from_millis(700);
    let ended = rig.run().await;
    assert_eq!(
        outcomes(&ended),
        [
            &StepOutcome::Exited { code: 0 },
            &StepOutcome::TimedOut { limit_ms: 700 }
        ]
    );
    assert!(ended.finished_at_ms - ended.started_at_ms < 5_000);
}

#[tokio::test]
async fn what_an_input_names_must_be_there() {
    let mut step = script("touch ran");
    step.must_exist = vec![Required {
        input: "inventory".to_owned(),
        shown: "hosts".to_owned(),
        path: PathBuf::from("/nonexistent/hosts"),
    }];
    let rig = Rig::new(vec![step]);
    let ended = rig.run().await;
    assert_eq!(
        outcomes(&ended),
        [&StepOutcome::Missing {
            input: "inventory".to_owned(),
            path: "hosts".to_owned()
        }]
    );
    assert!(!rig.path("ran").exists());
    assert_eq!(
        rig.log(),
        "[chima: not started: `inventory` names `hosts`, which does not exist]\n"
    );
}

#[tokio::test]
async fn results_can_contradict_an_exit_code_of_0() {
    let good = r#"{"event":"host","host":"web1","ok":2,"changed":1}"#;
    for (lines, expected) in [
        (
            format!("{good}\n{{\"event\":\"end\"}}"),
            StepOutcome::Exited { code: 0 },
        ),
        (
            "{\"event\":\"end\"}".to_owned(),
            StepOutcome::Disproved {
                fault: Fault::NoHosts { play: None },
            },
        ),
        (good.to_owned(), StepOutcome::Disproved { fault: Fault::Unread }),
    ] {
        let mut step = script("cat lines > results");
        let rig = Rig::new(vec![step.clone()]);
        step.results = Some((Results::Ansible, rig.path("results")));
        step.cwd = rig.path("");
        let mut rig = rig;
        rig.spec.steps = vec![step];
        std::fs::write(rig.path("lines"), &lines).unwrap();
        let ended = rig.run().await;
        assert_eq!(outcomes(&ended), [&expected], "{lines}");
        assert_eq!(ended.outcome == Outcome::Succeeded, expected.is_success());
        if lines.contains("web1") {
            assert!(
                rig.log().contains("[chima: web1: ok 2, changed 1, failed 0"),
                "{}",
                rig.log()
            );
        }
    }
}

#[tokio::test]
async fn the_cause_is_read_from_the_end_of_the_output_and_masked() {
    let mut step = script("printf 'no task \\033[31m%s\\033[0m here\\n' \"$NAME\"; exit 3");
    step.environment.set("NAME", "hunter2hunter2");
    step.causes = vec![
        serde_json::from_str(r#"{"pattern": "no task (\\S+)", "says": "there is no task `$1`", "hint": "list them"}"#)
            .unwrap(),
    ];
    let rig = Rig::new(vec![step]).secret("hunter2hunter2");
    let ended = rig.run().await;
    assert_eq!(ended.steps[0].cause.as_deref(), Some("there is no task `***`"));
    assert!(
        rig.log()
            .ends_with("[chima: there is no task `***`]\n[chima: hint: list them]\n"),
        "{}",
        rig.log()
    );
}

#[tokio::test]
async fn a_stopped_step_that_works_elsewhere_says_so() {
    let mut step = script("sleep 30");
    step.remote = true;
    let mut rig = Rig::new(vec![step]);
    rig.spec.timeout = Duration::from_millis(200);
    let ended = rig.run().await;
    assert!(ended.steps[0].remote);
    assert!(
        rig.log()
            .contains("[chima: stopped here; what it began on other hosts may still be running]")
    );
}

#[tokio::test]
async fn files_are_there_for_this_account_alone_and_gone_afterwards() {
    let rig = Rig::new(vec![script(
        "stat -c %a attempt/tmp/in/secret; cat attempt/tmp/in/secret; attempt/tmp/tool",
    )]);
    let file = |name: &str, content: &str, executable| FileSpec {
        path: rig.attempt().join("tmp").join(name),
        content: content.to_owned(),
        executable,
    };
    let files = vec![
        file("in/secret", "s3cret\n", false),
        file("tool", "#!/bin/sh\necho tool\n", true),
    ];
    let mut rig = rig;
    rig.spec.files = files;
    assert_eq!(rig.run().await.outcome, Outcome::Succeeded);
    assert!(rig.log().ends_with("600\ns3cret\ntool\n"), "{}", rig.log());
    eventually("they are gone", || (!rig.attempt().join("tmp").exists()).then_some(())).await;
}

#[tokio::test]
async fn a_command_gets_a_terminal_where_it_is_asked_for() {
    let mut step = script(
        "test -t 1 && test -t 2 && echo terminal; test -t 0 || echo no input; stty size <&1; printf 'a\\nb\\n'; \
         (: > /dev/tty) && echo own; exit 3",
    );
    step.pty = true;
    let rig = Rig::new(vec![step]);
    let ended = rig.run().await;
    assert_eq!(outcomes(&ended), [&StepOutcome::Exited { code: 3 }]);
    let log = rig.log();
    let (_, output) = log.split_once('\n').unwrap();
    assert_eq!(
        output,
        "terminal\nno input\n50 160\na\nb\nown\n[chima: exited with code 3]\n"
    );
}

#[tokio::test]
async fn a_tree_on_a_terminal_ends_with_its_time() {
    let mut step = script("trap '' TERM HUP; setsid sleep 300 & sleep 300");
    step.pty = true;
    let mut rig = Rig::new(vec![step]);
    rig.spec.timeout = Duration::from_millis(500);
    let ended = rig.run().await;
    assert_eq!(outcomes(&ended), [&StepOutcome::TimedOut { limit_ms: 500 }]);
    assert_eq!(ended.survivors, Vec::<String>::new());
}
