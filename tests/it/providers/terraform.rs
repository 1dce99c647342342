//! Terraform, and `tofu` in its place.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, causes};

#[tokio::test]
async fn exactly_what_was_planned_is_applied() {
    let desk = Desk::new("terraform").file("infra/main.tf", "");
    assert_eq!(
        desk.lines(&json!({})),
        [
            "terraform init -input=false -no-color",
            "terraform plan -input=false -no-color -lock-timeout=60s -parallelism=10 -out=TMP/plan",
            "terraform apply -input=false -no-color -lock-timeout=60s -parallelism=10 TMP/plan",
        ]
    );
    assert_eq!(
        desk.lines(&json!({
            "program": "tofu", "directory": "infra", "workspace": "live", "variables": { "sha": "{{sha}}" },
            "var_file": "live.tfvars", "backend_config": { "bucket": "state", "key": "{{app}}/{{environment}}" },
            "lock_seconds": 5, "parallelism": 2, "lock_file": "readonly"
        })),
        [
            "tofu -chdir=infra init -input=false -no-color -lockfile=readonly -backend-config=bucket=state \
             -backend-config=key=shop/staging",
            "tofu -chdir=infra workspace select -no-color live",
            "tofu -chdir=infra plan -input=false -no-color -lock-timeout=5s -parallelism=2 -var-file=live.tfvars \
             -var-file=FILES/variables.tfvars.json -out=TMP/plan",
            "tofu -chdir=infra apply -input=false -no-color -lock-timeout=5s -parallelism=2 TMP/plan",
        ]
    );
    assert_eq!(
        desk.noop().lines(&json!({ "lock_file": "upgrade" })),
        [
            "terraform init -input=false -no-color -upgrade",
            "terraform plan -input=false -no-color -lock-timeout=60s -parallelism=10",
        ]
    );
}

#[tokio::test]
async fn nobody_is_asked_anything_and_variables_are_a_file() {
    let mut desk = Desk::new("terraform")
        .program(&["terraform"])
        .see("if [ \"$1\" = plan ]; then cat \"$DESK_VARIABLES\"; fi")
        .secret("AWS_SECRET_ACCESS_KEY", "an access key of the tests");
    let file = desk.path("own/files/variables.tfvars.json").display().to_string();
    desk = desk.env("DESK_VARIABLES", &file);
    let ran = desk
        .run(json!({ "variables": { "ref": "{{ref}}", "replicas": 3, "tags": { "app": "{{app}}" } } }))
        .await;
    assert_eq!((ran.told(), ran.calls.len()), ((RunState::Succeeded, None), 3));
    let variables = "{\"ref\":\"feature/x\",\"replicas\":3,\"tags\":{\"app\":\"shop\"}}\n";
    assert!(ran.log.contains(variables), "{}", ran.log);
    for call in 1..=3 {
        assert_eq!(
            desk.variables(
                call,
                &[
                    "TF_IN_AUTOMATION",
                    "TF_INPUT",
                    "CHECKPOINT_DISABLE",
                    "AWS_SECRET_ACCESS_KEY"
                ]
            ),
            [
                "AWS_SECRET_ACCESS_KEY=an access key of the tests",
                "CHECKPOINT_DISABLE=1",
                "TF_INPUT=0",
                "TF_IN_AUTOMATION=1",
            ]
        );
    }
}

#[tokio::test]
async fn a_failed_plan_is_not_applied() {
    let locked = "Error: Error acquiring the state lock\n\nError message: resource temporarily unavailable\nLock Info:\n  ID:        \
                  6f52654a\n  Path:      terraform.tfstate\n  Operation: OperationTypeApply\n  Who:       mona@laptop\n";
    let mut desk = Desk::new("terraform").program(&["terraform"]).answers(2, 1, locked);
    let ran = desk.run(json!({})).await;
    assert_eq!(
        ran.told(),
        (RunState::Failed, Some("the state is locked by mona@laptop"))
    );
    assert_eq!(ran.calls.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let desk = Desk::new("terraform");
    for (with, input) in [
        (json!({ "program": "sh" }), "program"),
        (json!({ "workspace": "-x" }), "workspace"),
        (json!({ "directory": "../x" }), "directory"),
        (json!({ "backend_config": { "key": "a b" } }), "backend_config"),
    ] {
        let text = desk.refusal(&with);
        assert!(text.starts_with(&format!("input `{input}` is ")), "{text}");
    }
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "terraform",
        &["terraform"],
        json!({}),
        &[],
        &[
            (
                "\nError: No value for required variable\n\n  on main.tf line 1:\n   1: variable \"x\" { }\n\nThe root module input \
                 variable \"x\" is not set, and has no default value.\n",
                "variable `x` has no value",
            ),
            (
                "\u{1b}[31m\nWorkspace \"live\" doesn't exist.\n\nYou can create this workspace\u{1b}[0m\n",
                "there is no workspace `live`",
            ),
            (
                "Error: Backend initialization required, please run \"terraform init\"\n",
                "the configuration cannot be initialised as it is",
            ),
            (
                "Error handling -chdir option: chdir /nope: no such file or directory\n",
                "chdir /nope: no such file or directory",
            ),
            ("╷\n│ Error: No valid credential sources found\n│ \n╵\n", "there are no valid credentials"),
            ("\nError: local-exec provisioner error\n\n  with x,\n", "local-exec provisioner error"),
            ("╷\n│ Error: Unsupported argument\n│ \n╵\n", "Unsupported argument"),
        ],
    )
    .await;
}
