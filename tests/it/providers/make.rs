//! make, also the real one.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, causes};

#[tokio::test]
async fn a_target_runs_with_its_variables() {
    let desk = Desk::new("make");
    for (with, line) in [
        (json!({}), "make --no-print-directory deploy"),
        (
            json!({ "target": "release", "variables": { "REF": "{{ref}}", "DEBUG": 1 } }),
            "make --no-print-directory release DEBUG=1 REF=feature/x",
        ),
        (
            json!({ "directory": "ops", "makefile": "deploy.mk", "jobs": 4 }),
            "make --no-print-directory --directory=ops --file=deploy.mk --jobs=4 deploy",
        ),
    ] {
        assert_eq!(desk.lines(&with), [line]);
    }
    let desk = Desk::new("make").noop();
    assert_eq!(desk.lines(&json!({})), ["make --no-print-directory --dry-run deploy"]);
}

#[tokio::test]
async fn nothing_that_make_or_a_shell_would_read_gets_through() {
    let desk = Desk::new("make");
    for bad in ["-f", "A=b", "x y", "$(shell id)", "a;b", ""] {
        let text = desk.refusal(&json!({ "target": bad }));
        assert!(text.starts_with("input `target` is"), "{text}");
    }
    for bad in ["$(shell id)", "`id`", "a;id", "a\nb", "'x'", "a|b", "a&b"] {
        let text = desk.refusal(&json!({ "variables": { "X": bad } }));
        assert!(text.starts_with("input `variables` is"), "{text}");
    }
    let text = desk.refusal(&json!({ "variables": { "-f": "x" } }));
    assert!(text.contains("expected a name"), "{text}");
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "make",
        &["make"],
        json!({}),
        &[],
        &[
            (
                "make: *** No rule to make target 'deploy'.  Stop.\n",
                "there is no target `deploy`",
            ),
            (
                "make: *** No rule to make target 'x.c', needed by 'deploy'.  Stop.\n",
                "target `deploy` needs `x.c`, which does not exist",
            ),
            (
                "make: *** [Makefile:2: deploy] Error 3\n",
                "target `deploy` failed with code 3",
            ),
            ("make[1]: *** [deploy] Error 3\n", "target `deploy` failed with code 3"),
            (
                "make: *** No targets specified and no makefile found.  Stop.\n",
                "there is no Makefile",
            ),
            (
                "Makefile:1: *** missing separator.  Stop.\nmake: *** Waiting for x.\n",
                "Waiting for x.",
            ),
        ],
    )
    .await;
}

/// On every machine that builds programs there is one.
#[tokio::test]
async fn the_real_make_is_understood() {
    let makefile = "deploy:\n\t@echo sha is $(SHA), x is $(X)\nbad:\n\t@exit 3\n";
    let run = async |with| Desk::new("make").file("Makefile", makefile).run(with).await;
    let ran = run(json!({ "variables": { "X": "a b" } })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
    assert!(
        ran.log
            .ends_with("sha is 0123456789012345678901234567890123456789, x is a b\n"),
        "{}",
        ran.log
    );
    let ran = run(json!({ "target": "bad" })).await;
    assert_eq!(ran.told(), (RunState::Failed, Some("target `bad` failed with code 3")));
    let ran = run(json!({ "target": "nope" })).await;
    assert_eq!(ran.told(), (RunState::Failed, Some("there is no target `nope`")));
    let mut desk = Desk::new("make").file("Makefile", makefile).noop();
    let ran = desk.run(json!({ "target": "bad" })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
    assert!(ran.log.ends_with("\nexit 3\n"), "{}", ran.log);
}
