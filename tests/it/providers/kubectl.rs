//! kubectl.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, SHA, causes};

#[tokio::test]
async fn manifests_are_applied_and_their_rollouts_waited_for() {
    let desk = Desk::new("kubectl").file("overlays/live/kustomization.yaml", "");
    for (with, lines) in [
        (
            json!({ "manifests": ["k8s/", "extra.yaml"] }),
            vec!["kubectl apply --filename=k8s/,extra.yaml"],
        ),
        (
            json!({
                "kustomization": "overlays/live", "namespace": "shop", "context": "edge", "server_side": true,
                "rollouts": ["deployment/web", "statefulset/db"], "wait_seconds": 90
            }),
            vec![
                "kubectl --context=edge --namespace=shop apply --server-side --kustomize=overlays/live",
                "kubectl --context=edge --namespace=shop rollout status --timeout=90s deployment/web statefulset/db",
            ],
        ),
        (
            json!({ "manifests": ["k8s"], "recursive": true }),
            vec!["kubectl apply --recursive --filename=k8s"],
        ),
    ] {
        assert_eq!(desk.lines(&with), lines);
    }
    let given = json!({ "manifests": ["k8s"], "rollouts": ["deployment/web"] });
    assert_eq!(
        desk.noop().lines(&given),
        ["kubectl apply --dry-run=server --filename=k8s"],
        "a plan waits for nothing"
    );
}

#[tokio::test]
async fn images_are_set_and_their_workload_is_waited_for() {
    let given = json!({ "workload": "deployment/web", "images": { "web": "registry.example.com/shop:{{sha}}", "cron": "x:1" } });
    let image = format!("web=registry.example.com/shop:{SHA}");
    assert_eq!(
        Desk::new("kubectl").lines(&given),
        [
            format!("kubectl set image deployment/web cron=x:1 {image}"),
            "kubectl rollout status --timeout=600s deployment/web".to_owned(),
        ]
    );
    assert_eq!(
        Desk::new("kubectl").noop().lines(&given),
        [format!(
            "kubectl set image --dry-run=server deployment/web cron=x:1 {image}"
        )]
    );
}

#[tokio::test]
async fn the_rollout_is_not_waited_for_when_nothing_was_applied() {
    let given = json!({ "manifests": ["k8s"], "rollouts": ["deployment/web"] });
    let mut desk = Desk::new("kubectl").program(&["kubectl"]);
    let ran = desk.run(given.clone()).await;
    assert_eq!((ran.told(), ran.calls.len()), ((RunState::Succeeded, None), 2));
    let mut desk = Desk::new("kubectl")
        .program(&["kubectl"])
        .answers(1, 1, "error: the path \"k8s\" does not exist\n");
    let ran = desk.run(given.clone()).await;
    assert_eq!(ran.told(), (RunState::Failed, Some("there is no `k8s`")));
    assert_eq!(ran.calls.len(), 1);
    let waiting = "Waiting for deployment \"web\" rollout to finish: 0 of 2 updated replicas are available...\n\
                   error: timed out waiting for the condition\n";
    let mut desk = Desk::new("kubectl").program(&["kubectl"]).answers(2, 1, waiting);
    let ran = desk.run(given).await;
    let cause = "rollout of deployment `web` not finished in time: 0 of 2 updated replicas are available";
    assert_eq!(ran.told(), (RunState::Failed, Some(cause)));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let desk = Desk::new("kubectl");
    for (with, words) in [
        (
            json!({}),
            "cannot tell what to run; expected one of `kustomization`, `manifests`, `images` with `workload`",
        ),
        (json!({ "manifests": ["-"] }), "input `manifests` is `-`"),
        (json!({ "manifests": ["https://x/y.yaml"] }), "input `manifests` is"),
        (
            json!({ "workload": "web", "images": { "a": "b" } }),
            "input `workload` is `web`",
        ),
        (
            json!({ "images": { "a": "b c" }, "workload": "deployment/a" }),
            "input `images` is",
        ),
    ] {
        let text = desk.refusal(&with);
        assert!(text.contains(words), "{with}: {text}");
    }
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "kubectl",
        &["kubectl"],
        json!({ "manifests": ["k8s"] }),
        &[],
        &[
            (
                "error: deployment \"web\" exceeded its progress deadline\n",
                "deployment `web` made no progress",
            ),
            (
                "error: You must be logged in to the server (the server has asked for the client to provide credentials)\n",
                "the cluster does not know this account",
            ),
            (
                "Error from server (Forbidden): error when creating \"k8s\": pods is forbidden\n",
                "forbidden: pods is forbidden",
            ),
            (
                "Error from server (NotFound): deployments.apps \"nope\" not found\n",
                "deployments.apps \"nope\" not found",
            ),
            (
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n",
                "the cluster at `localhost:8080` refused the connection",
            ),
            (
                "Unable to connect to the server: dial tcp: lookup nope: no such host\n",
                "cannot reach the cluster: dial tcp: lookup nope: no such host",
            ),
            (
                "Error in configuration: context was not found for specified context: edge\n",
                "the kubeconfig has no context `edge`",
            ),
            (
                "error: unable to recognize \"k8s\": no matches for kind \"Ingress\" in version \"extensions/v1beta1\"\n",
                "the cluster has no kind `Ingress` of `extensions/v1beta1`",
            ),
            ("error: must build at directory: not a valid directory\n", "must build at directory: not a valid directory"),
        ],
    )
    .await;
}
