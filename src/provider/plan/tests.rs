//! Plans as tables: what is typed, and the exact argv that follows.

use serde_json::json;

use super::*;
use crate::provider::manifest::catalogue::Catalogue;

const SHA: &str = "0123456789012345678901234567890123456789";

fn order() -> Order {
    Order {
        app: "trelhub".parse().unwrap(),
        environment: "eu west".parse().unwrap(),
        sha: SHA.parse().unwrap(),
        git_ref: "feature/x".parse().unwrap(),
        task: "deploy:migrate".parse().unwrap(),
        hosts: vec!["web1".parse().unwrap(), "web2".parse().unwrap()],
    }
}

fn with(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn plan_of(manifest: &Manifest, given: Value, requested: Value) -> Result<Vec<StepPlan>, PlanError> {
    let requested = with(requested);
    let context = PlanContext {
        requested: &requested,
        timeout: None,
        default_timeout: Duration::from_secs(1800),
    };
    plan(manifest, &with(given), &order(), &context)
}

fn shell(given: Value) -> Result<Vec<StepPlan>, PlanError> {
    plan_of(Catalogue::load(&[]).unwrap().find("shell").unwrap(), given, json!({}))
}

fn manifest(body: &str) -> Manifest {
    Manifest::parse("p", &format!("name: p\ndescription: d\n{body}")).unwrap()
}

#[test]
fn a_command_runs_in_the_checkout_with_values_as_whole_arguments_or_parts() {
    let steps =
        shell(json!({ "command": ["./script/deploy", "{{environment}}", "--at={{sha}}", "{{hosts}}"] })).unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0].argv,
        ["./script/deploy", "eu west", &format!("--at={SHA}"), "web1,web2"]
    );
    assert_eq!((steps[0].name.as_str(), &steps[0].cwd), ("deploy", &Cwd::Checkout));
    assert_eq!(steps[0].timeout, Duration::from_secs(1800));
}

#[test]
fn commands_in_a_folder_are_steps_in_order() {
    let given = json!({ "folder": "/srv/site", "commands": [["git", "fetch"], ["git", "checkout", "--detach", "{{sha}}^{commit}"]] });
    let steps = shell(given).unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["1: git", "2: git"]);
    assert_eq!(
        steps[1].argv,
        ["git", "checkout", "--detach", &format!("{SHA}^{{commit}}")]
    );
    assert!(
        steps
            .iter()
            .all(|step| step.cwd == Cwd::Folder(PathBuf::from("/srv/site")))
    );
}

#[test]
fn a_script_is_a_relative_path_of_the_repository() {
    assert_eq!(
        shell(json!({ "script": "script/deploy.sh" })).unwrap()[0].argv,
        ["./script/deploy.sh"]
    );
    for bad in [
        "/bin/sh", "../x", "a/../b", "a b", "-x", "a/-x", ".hidden", "", "a\n", "x;id", "$(id)", "a//b",
    ] {
        let error = shell(json!({ "script": bad })).unwrap_err();
        assert!(
            matches!(error, PlanError::PatternMismatch { .. } | PlanError::NoForm { .. }),
            "{bad}: {error}"
        );
    }
}

#[test]
fn what_cannot_be_told_is_refused_with_what_can() {
    for (given, words) in [
        (
            json!({}),
            "provider `shell` cannot tell what to run; expected one of `commands` with `folder`, `commands`",
        ),
        (
            json!({ "comand": ["x"] }),
            "provider `shell` has no input `comand`; inputs: `command`, `commands`, `folder`, `script`",
        ),
        (
            json!({ "command": "x" }),
            "input `command` is a text; expected a list of texts",
        ),
        (
            json!({ "command": ["x"], "script": "y" }),
            "input `command` is not used together with `script`; remove one of them",
        ),
        (json!({ "command": [] }), "provider `shell` cannot tell"),
        (
            json!({ "commands": [[]], "folder": "/x" }),
            "a command of provider `shell` is empty",
        ),
        (
            json!({ "command": ["x", "{{nope}}"] }),
            "`{{nope}}` in input `command` is unknown; known: `environment`",
        ),
        (json!({ "command": ["x", "{{sha"] }), "holds `{{` without a name"),
        (json!({ "command": ["x", "a\u{0}b"] }), "holds a NUL byte"),
        (
            json!({ "command": ["x"], "folder": "srv" }),
            "input `folder` is `srv`; expected text that matches `/",
        ),
    ] {
        let error = shell(given.clone()).unwrap_err().to_string();
        assert!(error.starts_with(words) || error.contains(words), "{given}: {error}");
    }
}

#[test]
fn a_payload_fills_open_inputs_only_and_literally() {
    let manifest = manifest(
        "inputs:\n  role: { type: string, description: d, open: true, pattern: '.*' }\n  tool: { type: string, description: d, default: cap }\n\
         forms: [{ command: [\"{{tool}}\", \"role={{role}}\", { when: role, args: [\"{{role}}\"] }] }]",
    );
    let argv = |requested| plan_of(&manifest, json!({}), requested).map(|steps| steps[0].argv.clone());
    assert_eq!(argv(json!({})).unwrap(), ["cap", "role="]);
    assert_eq!(
        argv(json!({ "role": "{{sha}}" })).unwrap(),
        ["cap", "role={{sha}}", "{{sha}}"]
    );
    assert_eq!(
        argv(json!({ "tool": "sh" })),
        Err(PlanError::NotOpen {
            input: "tool".to_owned()
        })
    );
    assert_eq!(
        argv(json!({ "role": "-e" })),
        Err(PlanError::LeadingDash { found: "-e".to_owned() })
    );
}

#[test]
fn the_injection_corpus_does_not_pass_the_default_pattern() {
    let manifest =
        manifest("inputs: { x: { type: string, description: d, open: true } }\nforms: [{ command: [run, \"{{x}}\"] }]");
    for bad in [
        "x;echo${IFS}INJECTED",
        "$(id)",
        "`id`",
        "a|id",
        "a&b",
        "a\"b",
        "a'b",
        "a\nb",
        "a\0b",
        "-x",
        "--require=x",
        "@/etc/hostname",
        "NAME=value",
        "deploy; id",
        "{{ lookup(\"pipe\",\"id\") }}",
        "{% x %}",
        "%{environment}",
        "{{x}}",
        "../../x",
        "%2e%2e",
        "a\u{202e}b",
        "\u{ff21}",
        "ok\n",
        "",
    ] {
        let error = plan_of(&manifest, json!({}), json!({ "x": bad })).unwrap_err();
        assert!(matches!(error, PlanError::PatternMismatch { .. }), "{bad:?}: {error}");
    }
    let long = "a".repeat(256);
    assert!(matches!(
        plan_of(&manifest, json!({}), json!({ "x": long })),
        Err(PlanError::TooLong { .. })
    ));
}

#[test]
fn an_input_may_stand_before_a_value_of_the_run() {
    let manifest = manifest(
        "inputs:\n  task: { type: string, description: d, default: \"{{task}}\", pattern: '[a-z:]+' }\n  hosts: { type: list, description: d }\n\
         forms: [{ command: [fab, { when: hosts, args: [-H, \"{{hosts}}\"] }, \"{{task}}\"] }]",
    );
    let argv = |given| plan_of(&manifest, given, json!({})).unwrap().remove(0).argv;
    assert_eq!(argv(json!({})), ["fab", "-H", "web1,web2", "deploy:migrate"]);
    assert_eq!(
        argv(json!({ "hosts": ["a", "b"], "task": "x" })),
        ["fab", "-H", "a", "b", "x"]
    );
}

#[test]
fn a_manual_provider_has_no_command() {
    let manifest = manifest("kind: manual");
    assert!(matches!(
        plan_of(&manifest, json!({}), json!({})),
        Err(PlanError::NotACommand { .. })
    ));
}
