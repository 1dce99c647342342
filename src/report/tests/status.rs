//! The description of a deployment status, for each state.

use super::{SHA, links, run};
use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::ids::DeploymentId;
use crate::domain::reason::{ContextFinding, Reason};
use crate::domain::run::{DeploymentState, Run, RunState};
use crate::report::catalogue::examples;
use crate::report::sentence::{sentence, sentence_of, waited_for, why_of};
use crate::report::status::{DeploymentStatusBody, Links, Place, deployment_status};

fn description(run: &Run) -> String {
    deployment_status(run, None, &Links::default()).description
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn pending() -> Reason {
    let context = |name: &str, state: &str| ContextFinding {
        name: text(name),
        state: text(state),
    };
    Reason::RequiredContextPending {
        contexts: vec![context("ci/build", "pending"), context("security", "missing")],
    }
}

#[test]
fn every_state_says_something() {
    use RunState::{Cancelled, Errored, Failed, Held, Interrupted, Queued, Rejected, Running, Succeeded, Superseded};
    let unknown = Reason::EnvironmentUnknown {
        found: text("prod"),
        configured: vec![text("production"), text("staging")],
    };
    let gone = Reason::Interrupted {
        detail: text("its runner is gone and left no result"),
    };
    let cases = [
        (
            Held,
            Some(pending()),
            "held: waiting for `ci/build` (pending) and `security` (missing)",
        ),
        (Held, None, "held: 4f3c2b1a (main) to staging"),
        (Queued, None, "queued: 4f3c2b1a (main) to staging"),
        (Running, None, "deploying 4f3c2b1a (main) to staging"),
        (Succeeded, None, "deployed 4f3c2b1a (main) to staging in 41 s"),
        (
            Failed,
            Some(Reason::ExitCode {
                step: text("deploy"),
                exit_code: 2,
                cause: None,
            }),
            "failure: step `deploy` exited with code 2 after 41 s",
        ),
        (
            Failed,
            Some(Reason::TimedOut {
                step: text("deploy"),
                limit_seconds: 1800,
                remote: false,
            }),
            "timed out after 1800 s in step `deploy`",
        ),
        (Failed, None, "failure: 4f3c2b1a (main) to staging after 41 s"),
        (
            Errored,
            Some(Reason::CheckoutFailed {
                detail: text("git exited with code 128"),
            }),
            "error: the commit could not be checked out: git exited with code 128",
        ),
        (
            Errored,
            Some(Reason::HoldExpired {
                limit_seconds: 86_400,
                waited_for: waited_for(&pending()),
            }),
            "error: still held after 1 d, waiting for `ci/build` (pending) and `security` (missing)",
        ),
        (
            Rejected,
            Some(unknown),
            "rejected: environment `prod` is not configured; configured: `production`, `staging`",
        ),
        (
            Cancelled,
            Some(Reason::Cancelled {
                by: text("mona"),
                remote: false,
            }),
            "cancelled by @mona after 41 s",
        ),
        (Cancelled, None, "cancelled after 41 s"),
        (
            Interrupted,
            Some(gone),
            "error: interrupted: its runner is gone and left no result",
        ),
        (
            Superseded,
            Some(Reason::Superseded { by: DeploymentId(1235) }),
            "superseded by deployment 1235",
        ),
        (Superseded, None, "superseded by a newer deployment"),
    ];
    for (state, reason, expected) in cases {
        assert_eq!(description(&run(state, reason)), expected);
    }
}

#[test]
fn a_queued_run_says_behind_what_it_waits() {
    let queued = |position, behind: Option<&str>| {
        let place = Place {
            position,
            behind: behind.map(text),
        };
        deployment_status(&run(RunState::Queued, None), Some(&place), &Links::default()).description
    };
    assert_eq!(queued(2, Some(SHA)), "queued: position 2, behind run of 4f3c2b1a");
    assert_eq!(queued(3, None), "queued: position 3");
    assert_eq!(queued(1, None), "queued: 4f3c2b1a (main) to staging");
}

#[test]
fn what_whoever_cancelled_it_said_is_told_as_far_as_it_fits() {
    let cancelled = |words: &str| Run {
        cancel: Some(Cancellation::new("mona", Some(words))),
        ..run(
            RunState::Cancelled,
            Some(Reason::Cancelled {
                by: text("mona"),
                remote: false,
            }),
        )
    };
    assert_eq!(
        description(&cancelled("the wrong branch")),
        "cancelled by @mona after 41 s: \"the wrong branch\""
    );
    let cut = description(&cancelled(&"word ".repeat(60)));
    assert!(
        cut.starts_with("cancelled by @mona after 41 s: \"word word") && cut.ends_with("…\""),
        "{cut}"
    );
    let mut elsewhere = cancelled("the wrong branch");
    elsewhere.reason = Some(Reason::Cancelled {
        by: text("mona"),
        remote: true,
    });
    assert_eq!(
        description(&elsewhere),
        "cancelled by @mona after 41 s: \"the wrong branch\"; stopped locally, the remote command may still be running"
    );
    assert_eq!(
        sentence_of(&cancelled("the wrong branch")).as_deref(),
        Some("cancelled by @mona: \"the wrong branch\"; deploy again when it is wanted")
    );
}

#[test]
fn a_run_that_somebody_wants_to_stop_says_so_while_it_runs_and_not_after_its_own_end() {
    let asked = |state, reason| Run {
        cancel: Some(Cancellation::new("mona", Some("the wrong branch"))),
        ..run(state, reason)
    };
    assert_eq!(
        sentence_of(&asked(RunState::Running, None)).as_deref(),
        Some("@mona asked to cancel: \"the wrong branch\"; it is being stopped")
    );
    assert_eq!(sentence_of(&asked(RunState::Succeeded, None)), None);
    let failed = asked(
        RunState::Failed,
        Some(Reason::ExitCode {
            step: text("deploy"),
            exit_code: 2,
            cause: None,
        }),
    );
    assert_eq!(
        description(&failed),
        "failure: step `deploy` exited with code 2 after 41 s"
    );
    assert_eq!(why_of(&failed).as_deref(), Some("step `deploy` exited with code 2"));
}

#[test]
fn another_task_is_named() {
    let migrate = |state| Run {
        task: text("deploy:migrate"),
        ..run(state, None)
    };
    assert_eq!(
        description(&migrate(RunState::Running)),
        "running `deploy:migrate` of 4f3c2b1a (main) on staging"
    );
    assert_eq!(
        description(&migrate(RunState::Succeeded)),
        "ran `deploy:migrate` of 4f3c2b1a (main) on staging in 41 s"
    );
}

#[test]
fn a_sha_is_not_said_twice() {
    for git_ref in [SHA, &SHA[..12], ""] {
        let run = Run {
            git_ref: text(git_ref),
            ..run(RunState::Running, None)
        };
        assert_eq!(description(&run), "deploying 4f3c2b1a to staging");
    }
}

#[test]
fn a_run_without_an_order_shows_githubs_words() {
    let run = Run {
        order: None,
        environment: text("pr`od"),
        ..run(RunState::Rejected, None)
    };
    assert_eq!(description(&run), "rejected: 4f3c2b1a (main) to pr'od");
}

#[test]
fn the_body_has_githubs_state_and_only_web_links() {
    let body = deployment_status(&run(RunState::Succeeded, None), None, &links());
    assert_eq!(
        body,
        DeploymentStatusBody {
            state: DeploymentState::Success,
            description: text("deployed 4f3c2b1a (main) to staging in 41 s"),
            log_url: Some(text("https://deploy.example.com/runs/1")),
            environment_url: Some(text("https://staging.example.com/?a=1&b=2")),
        }
    );
    let odd = Links {
        log_url: Some(text("javascript:alert(1)")),
        environment_url: Some(String::new()),
        runs_now: None,
    };
    let body = deployment_status(&run(RunState::Succeeded, None), None, &odd);
    assert_eq!((body.log_url, body.environment_url), (None, None));
}

#[test]
fn what_was_not_deployed_has_no_address() {
    for state in RunState::ALL {
        let body = deployment_status(&run(state, None), None, &links());
        assert_eq!(body.state, state.deployment_state());
        assert_eq!(
            body.environment_url.is_some(),
            state == RunState::Succeeded,
            "{state:?}"
        );
        assert!(body.log_url.is_some());
    }
}

#[test]
fn a_body_survives_the_outbox() {
    for reason in examples() {
        let body = deployment_status(&run(RunState::Errored, Some(reason)), None, &links());
        let stored = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<DeploymentStatusBody>(&stored).unwrap(), body);
    }
}

#[test]
fn sentences_have_the_house_form() {
    for reason in examples() {
        let sentence = sentence(&reason);
        assert!(!sentence.ends_with('.'), "{sentence}");
        assert!(sentence.contains("; "), "no advice: {sentence}");
        assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
        for word in ["please", "oops", "failed to", "error while", "  "] {
            assert!(!sentence.to_lowercase().contains(word), "{sentence}");
        }
    }
}

/// A run that a person carries out.
fn manual(state: RunState, reason: Option<Reason>) -> Run {
    Run {
        instructions: Some(text("Release `main` to the store.\n\nThen tell the others.")),
        ..run(state, reason)
    }
}

fn said(by: &str, done: bool, note: &str) -> Run {
    let verdict = PersonsVerdict::new(by, done, Some(note));
    let (state, reason) = if done {
        (RunState::Succeeded, None)
    } else {
        let (by, note) = (verdict.by.clone(), verdict.note.clone());
        (RunState::Failed, Some(Reason::NotDone { by, note }))
    };
    Run {
        verdict: Some(verdict),
        ..manual(state, reason)
    }
}

#[test]
fn a_run_that_waits_for_a_person_says_so_and_how_to_answer() {
    let mut waits = manual(RunState::Running, None);
    assert_eq!(
        description(&waits),
        "waiting for a person to deploy 4f3c2b1a (main) to staging; then `chima finish 00000000000000000000000001`, or with \
         `--failed`"
    );
    assert_eq!(
        sentence_of(&waits).as_deref(),
        Some(
            "waiting for a person: Release `main` to the store. Then tell the others; then `chima finish \
             00000000000000000000000001`, or with `--failed`"
        )
    );
    assert_eq!(why_of(&waits).as_deref(), Some("waiting for a person"));
    waits.git_ref = "a-branch-name/".repeat(9);
    let long = description(&waits);
    assert!(
        long.chars().count() <= 140
            && long.ends_with("…; then `chima finish 00000000000000000000000001`, or with `--failed`"),
        "{long}"
    );
}

#[test]
fn how_it_went_is_told_in_the_words_of_whoever_said_it() {
    assert_eq!(description(&said("mona", true, "")), "done, says @mona after 41 s");
    assert_eq!(
        description(&said("Mona Lisa", true, "version 7")),
        "done, says `Mona Lisa` after 41 s: \"version 7\""
    );
    assert_eq!(description(&said("mona", false, "")), "not done, says @mona after 41 s");
    let refused = said("mona", false, "the store refused the build");
    assert_eq!(
        description(&refused),
        "not done, says @mona after 41 s: \"the store refused the build\""
    );
    assert_eq!(
        sentence_of(&refused).as_deref(),
        Some("not done, says @mona: \"the store refused the build\"; deploy again when what stood in the way is gone")
    );
    assert_eq!(
        sentence_of(&said("mona", true, "version 7")).as_deref(),
        Some("done, says @mona: \"version 7\"")
    );
    let long = description(&said("mona", false, &"word ".repeat(60)));
    assert!(long.chars().count() == 140 && long.ends_with("…\""), "{long}");
    let hostile = description(&said("<!channel>", false, "`x`\u{202e}\u{1b}[2J"));
    assert_eq!(
        hostile,
        "not done, says `<!channel>` after 41 s: \"'x'\\u{202e}\\u{1b}[2J\""
    );
}

#[test]
fn a_run_of_which_nobody_said_how_it_went_ends_with_its_time() {
    let (step, limit_seconds) = (text("manual"), 604_800);
    let reason = Reason::TimedOut {
        step,
        limit_seconds,
        remote: false,
    };
    assert_eq!(
        description(&manual(RunState::Failed, Some(reason))),
        "timed out after 604800 s: nobody said how it went"
    );
}

#[test]
fn between_a_persons_word_and_the_end_it_says_what_was_said() {
    let mut heard = said("mona", true, "");
    heard.state = RunState::Running;
    assert_eq!(
        sentence_of(&heard).as_deref(),
        Some("@mona says that it is done; it is being written down")
    );
    // a command carried it out in the end: what was said of an earlier attempt is not about that
    heard.instructions = None;
    heard.state = RunState::Succeeded;
    assert_eq!(description(&heard), "deployed 4f3c2b1a (main) to staging in 41 s");
}
