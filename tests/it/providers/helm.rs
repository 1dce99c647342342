//! Helm.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, SHA, causes};

#[tokio::test]
async fn a_release_is_upgraded_waited_for_and_rolled_back_when_it_fails() {
    let desk = Desk::new("helm");
    for (with, line) in [
        (
            json!({ "chart": "./chart" }),
            "helm upgrade --install --wait --atomic --timeout=600s --history-max=10 shop ./chart",
        ),
        (
            json!({
                "chart": "shop", "repository": "https://charts.example.com/stable", "version": "^1.2", "release": "shop-live",
                "namespace": "shop", "create_namespace": true, "context": "edge", "values_files": ["a.yaml", "b.yaml"],
                "values": { "image": { "tag": "{{sha}}" } }, "dependency_update": true, "wait_seconds": 60, "history": 3,
                "atomic": false
            }),
            "helm upgrade --install --kube-context=edge --namespace=shop --create-namespace \
             --repo=https://charts.example.com/stable --version=^1.2 --dependency-update --values=a.yaml,b.yaml \
             --values=FILES/values.json --wait --timeout=60s --history-max=3 shop-live shop",
        ),
        (
            json!({ "chart": "oci://registry.example.com/charts/shop", "wait": false, "atomic": false }),
            "helm upgrade --install --timeout=600s --history-max=10 shop oci://registry.example.com/charts/shop",
        ),
    ] {
        assert_eq!(desk.lines(&with), [line]);
    }
    assert_eq!(
        desk.noop().lines(&json!({ "chart": "./chart" })),
        ["helm upgrade --install --timeout=600s --history-max=10 --dry-run=server shop ./chart"]
    );
}

#[tokio::test]
async fn values_reach_helm_as_a_file_in_which_nothing_is_parsed() {
    let mut desk = Desk::new("helm")
        .program(&["helm"])
        .see("cat \"$DESK_VALUES\"; stat -c ' %a' \"$DESK_VALUES\"");
    let file = desk.path("own/files/values.json").display().to_string();
    desk = desk.env("DESK_VALUES", &file);
    let values = json!({ "image": { "tag": "{{sha}}" }, "replicas": 3, "note": "a,b={c}", "hosts": ["{{ref}}"] });
    let ran = desk.run(json!({ "chart": "./chart", "values": values })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
    let expected = format!(
        "{{\"hosts\":[\"feature/x\"],\"image\":{{\"tag\":\"{SHA}\"}},\"note\":\"a,b={{c}}\",\"replicas\":3}}\n 600\n"
    );
    assert!(ran.log.ends_with(&expected), "{}", ran.log);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let desk = Desk::new("helm");
    for (with, words) in [
        (json!({}), "needs the input `chart`"),
        (json!({ "chart": "-x" }), "input `chart` is `-x`"),
        (
            json!({ "chart": "./x", "release": "Shop" }),
            "input `release` is `Shop`",
        ),
        (
            json!({ "chart": "./x", "values_files": ["../x"] }),
            "input `values_files` is",
        ),
    ] {
        let text = desk.refusal(&with);
        assert!(text.contains(words), "{with}: {text}");
    }
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "helm",
        &["helm"],
        json!({ "chart": "./chart" }),
        &[],
        &[
            (
                "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n",
                "another change of the release is under way, or broke off",
            ),
            (
                "Error: UPGRADE FAILED: release shop failed, and has been rolled back due to atomic being set: timed out waiting \
                 for the condition\n",
                "failed and rolled back: timed out waiting for the condition",
            ),
            ("Error: UPGRADE FAILED: context deadline exceeded\n", "not running in time"),
            (
                "Error: Kubernetes cluster unreachable: Get \"http://localhost:8080/version\": dial tcp 127.0.0.1:8080: connect: \
                 connection refused\n",
                "cannot reach the cluster: connection refused",
            ),
            ("Error: path \"./chart\" not found\n", "there is no chart `./chart`"),
            (
                "Error: INSTALLATION FAILED: create: failed to create: namespaces \"shop\" not found\n",
                "there is no namespace `shop`",
            ),
            (
                "Error: UPGRADE FAILED: pre-upgrade hooks failed: job failed: BackoffLimitExceeded\n",
                "the pre-upgrade hook failed",
            ),
            (
                "Error: open nope.yaml: no such file or directory\n",
                "open nope.yaml: no such file or directory",
            ),
        ],
    )
    .await;
}
