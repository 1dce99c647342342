//! Webhooks: what they look like, who hears what, and the log of deliveries.

use std::time::Duration;

use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::sending::deliver_raw;
use chima_simulator::github::world::Workflow;
use chima_simulator::sign::{sign, signed};
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::receiver::Receiver;

const SECRET: &str = "a secret of sixteen bytes";

async fn furnished() -> (GitHub, Receiver) {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    (github, Receiver::start().await)
}

#[tokio::test]
async fn a_deployment_arrives_signed_and_at_full_size() {
    let (github, receiver) = furnished().await;
    let hook = github.hook(&receiver.url, SECRET).id();
    let deployed = github.deploy("octo/site", DeploymentRequest::default()).await.unwrap();
    assert!(deployed.deliveries[0].accepted());
    assert_eq!(deployed.deliveries[0].body, "noted");
    let received = &receiver.received()[0];
    assert_eq!(received.header("x-github-event"), "deployment");
    assert_eq!(received.header("x-github-delivery"), deployed.deliveries[0].guid);
    assert_eq!(received.header("x-github-hook-id"), hook.to_string());
    assert_eq!(received.header("x-github-hook-installation-target-type"), "integration");
    assert_eq!(received.header("x-hub-signature-256"), sign(SECRET, &received.body));
    assert!(received.header("x-hub-signature").starts_with("sha1="));
    assert!(
        (7_000..12_500).contains(&received.body.len()),
        "{}",
        received.body.len()
    );
    let body = received.json();
    assert_eq!(body["action"], "created");
    assert_eq!(body["deployment"]["id"], json!(deployed.id));
    assert_eq!(body["repository"]["full_name"], "octo/site");
    assert_eq!(body["installation"]["id"], 77);
}

#[tokio::test]
async fn the_workflow_is_absent_null_or_there() {
    let (github, receiver) = furnished().await;
    github.hook(&receiver.url, SECRET);
    for workflow in [
        Workflow::Absent,
        Workflow::Null,
        Workflow::Run {
            name: "pages".to_owned(),
        },
    ] {
        let request = DeploymentRequest {
            workflow,
            creator: Some("github-pages[bot]".to_owned()),
            app: Some("github-pages".to_owned()),
            ..DeploymentRequest::default()
        };
        github.deploy("octo/site", request).await.unwrap();
    }
    let bodies: Vec<Value> = receiver.received().iter().map(|received| received.json()).collect();
    assert!(bodies[0].get("workflow_run").is_none());
    assert_eq!(bodies[1].get("workflow_run"), Some(&Value::Null));
    assert_eq!(bodies[2]["workflow_run"]["name"], "pages");
    assert_eq!(
        bodies[2]["deployment"]["performed_via_github_app"]["slug"],
        "github-pages"
    );
    assert_eq!(bodies[2]["sender"]["type"], "Bot");
}

#[tokio::test]
async fn a_form_hook_signs_the_form() {
    let (github, receiver) = furnished().await;
    github.hook(&receiver.url, SECRET).form();
    github.ping().await;
    let received = &receiver.received()[0];
    assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
    assert!(received.body.starts_with(b"payload=%7B"));
    assert_eq!(received.header("x-hub-signature-256"), sign(SECRET, &received.body));
}

#[tokio::test]
async fn a_repository_hook_hears_only_its_repository_and_its_events() {
    let (github, receiver) = furnished().await;
    let other = github.repository("octo/other");
    github
        .hook(&receiver.url, SECRET)
        .on_repository(&other)
        .events(&["deployment"]);
    github.deploy("octo/site", DeploymentRequest::default()).await.unwrap();
    github.push("octo/other", "main", "Work").await.unwrap();
    github.deploy("octo/other", DeploymentRequest::default()).await.unwrap();
    assert_eq!(receiver.events(), ["deployment"]);
    let received = &receiver.received()[0];
    assert_eq!(received.header("x-github-hook-installation-target-type"), "repository");
    assert!(received.json().get("installation").is_none());
}

#[tokio::test]
async fn the_app_does_not_hear_of_repositories_it_is_not_installed_on() {
    let (github, receiver) = furnished().await;
    github.repository("octo/other").without_app();
    github.hook(&receiver.url, SECRET);
    github.deploy("octo/other", DeploymentRequest::default()).await.unwrap();
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn two_hooks_share_the_guid_of_an_event() {
    let (github, receiver) = furnished().await;
    let site = github.repository("octo/site");
    github.hook(&receiver.url, SECRET);
    github
        .hook(&receiver.url, "another secret of sixteen")
        .on_repository(&site);
    let deliveries = github
        .deploy("octo/site", DeploymentRequest::default())
        .await
        .unwrap()
        .deliveries;
    assert_eq!(deliveries.len(), 2);
    assert_eq!(deliveries[0].guid, deliveries[1].guid);
    let received = receiver.received();
    assert_ne!(received[0].body, received[1].body);
}

#[tokio::test]
async fn ci_and_checks_change_the_world_and_tell() {
    let (github, receiver) = furnished().await;
    let sha = github.repository("octo/site").head("main").unwrap();
    github.hook(&receiver.url, SECRET);
    github.ci("octo/site", &sha, "ci/build", "success").await.unwrap();
    github.check("octo/site", &sha, "lint", None).await.unwrap();
    github.check("octo/site", &sha, "lint", Some("success")).await.unwrap();
    assert_eq!(receiver.events(), ["status", "check_run", "check_run", "check_suite"]);
    let bodies: Vec<Value> = receiver.received().iter().map(|received| received.json()).collect();
    assert_eq!(bodies[0]["branches"][0]["commit"]["sha"], json!(sha));
    assert_eq!(bodies[1]["action"], "created");
    assert_eq!(bodies[2]["check_run"]["conclusion"], "success");
    assert_eq!(bodies[3]["check_suite"]["head_branch"], "main");
    let combined = get(&github, &format!("/repos/octo/site/commits/{sha}/status")).await;
    assert_eq!(combined.body["state"], "success");
    assert_eq!(
        github
            .ci("octo/site", "feed", "ci", "success")
            .await
            .unwrap_err()
            .status,
        422
    );
}

#[tokio::test]
async fn a_push_tells_what_moved() {
    let (github, receiver) = furnished().await;
    let site = github.repository("octo/site");
    let first = site.head("main").unwrap();
    github.hook(&receiver.url, SECRET);
    let pushed = github.push("octo/site", "main", "Second").await.unwrap();
    github.move_branch("octo/site", "main", Some(&first)).await.unwrap();
    github.push("octo/site", "topic", "Third").await.unwrap();
    github.move_branch("octo/site", "topic", None).await.unwrap();
    let bodies: Vec<Value> = receiver.received().iter().map(|received| received.json()).collect();
    assert_eq!(bodies[0]["before"], json!(first));
    assert_eq!(bodies[0]["head_commit"]["id"], json!(pushed.sha));
    assert_eq!(bodies[1]["forced"], true);
    assert_eq!(bodies[2]["created"], true);
    assert_eq!(bodies[3]["deleted"], true);
    assert_eq!(bodies[3]["head_commit"], Value::Null);
    assert_eq!(site.head("topic"), None);
}

#[tokio::test]
async fn the_log_shows_failures_and_redelivers_the_same() {
    let (github, receiver) = furnished().await;
    let site = github.repository("octo/site");
    let hook = github.hook(&receiver.url, SECRET).on_repository(&site).id();
    let log = format!("/repos/octo/site/hooks/{hook}/deliveries");
    receiver.answers(503);
    let refused = github
        .deploy("octo/site", DeploymentRequest::default())
        .await
        .unwrap()
        .deliveries;
    assert_eq!(refused[0].status, 503);
    github.change(|world| world.deliveries[0].throttled_at = Some(world.now()));
    let failed = get(&github, &format!("{log}?status=failure")).await;
    assert!(failed.body[0]["throttled_at"].is_string());
    assert_eq!(failed.body[0]["status"], "Invalid HTTP Response: 503");
    assert_eq!(failed.body[0]["guid"], json!(refused[0].guid));
    let detail = get(&github, &format!("{log}/{}", failed.body[0]["id"])).await;
    assert_eq!(detail.body["request"]["payload"]["action"], "created");
    assert_eq!(detail.body["response"]["payload"], "noted");

    receiver.answers(202);
    let asked = post(&github, &format!("{log}/{}/attempts", failed.body[0]["id"]), json!({})).await;
    assert_eq!(asked.status, 202);
    github.wait_for_deliveries(Duration::from_secs(5)).await.unwrap();
    let rows = get(&github, &log).await;
    assert_eq!(rows.body.as_array().unwrap().len(), 2);
    assert_eq!(rows.body[0]["redelivery"], true);
    assert_eq!(rows.body[0]["status"], "OK");
    assert_eq!(rows.body[0]["guid"], rows.body[1]["guid"]);
    let received = receiver.received();
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(
        received[0].header("x-github-delivery"),
        received[1].header("x-github-delivery")
    );
}

#[tokio::test]
async fn the_log_is_paged_by_a_cursor() {
    let (github, receiver) = furnished().await;
    let site = github.repository("octo/site");
    let hook = github.hook(&receiver.url, SECRET).on_repository(&site).id();
    for _ in 0..5 {
        github.ping().await;
    }
    let mut address = Some(format!("/repos/octo/site/hooks/{hook}/deliveries?per_page=2"));
    let mut seen = Vec::new();
    while let Some(next) = address {
        let page = get(&github, &next).await;
        seen.extend(
            page.body
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_u64().unwrap()),
        );
        address = page.next();
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

#[tokio::test]
async fn nobody_listening_is_recorded_without_a_status() {
    let github = GitHub::start().await.unwrap();
    let hook = github.hook("http://127.0.0.1:1/webhooks/github", SECRET).id();
    let delivered = github.ping().await;
    assert_eq!((delivered[0].status, delivered[0].accepted()), (0, false));
    let outcome = github.read(|world| world.deliveries[0].outcome.clone()).unwrap();
    assert_eq!(outcome.status, "failed to connect to host");
    assert_eq!(github.read(|world| world.deliveries[0].hook), hook);
}

#[tokio::test]
async fn the_verb_redelivers_to_every_hook() {
    let (github, receiver) = furnished().await;
    github.hook(&receiver.url, SECRET);
    let first = github
        .deploy("octo/site", DeploymentRequest::default())
        .await
        .unwrap()
        .deliveries;
    let again = github.redeliver(&first[0].guid).await;
    assert_eq!(again[0].guid, first[0].guid);
    let received = receiver.received();
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn a_raw_delivery_carries_exactly_its_headers() {
    let (_github, receiver) = furnished().await;
    let mut headers = signed(b"{}", SECRET);
    headers.push(("X-Hub-Signature-256".to_owned(), "sha256=00".to_owned()));
    let delivered = deliver_raw(&receiver.url, &headers, b"{}").await;
    assert_eq!(delivered.status, 202);
    let received = &receiver.received()[0];
    assert_eq!(received.headers.get_all("x-hub-signature-256").iter().count(), 2);
    assert!(received.headers.get("user-agent").is_none());
}

#[tokio::test]
async fn a_renewed_secret_signs_the_next_delivery() {
    let (github, receiver) = furnished().await;
    let hook = github.hook(&receiver.url, SECRET);
    github.ping().await;
    hook.secret("the next secret of sixteen bytes");
    github.ping().await;
    let received = receiver.received();
    assert_eq!(
        received[0].header("x-hub-signature-256"),
        sign(SECRET, &received[0].body)
    );
    assert_eq!(
        received[1].header("x-hub-signature-256"),
        sign("the next secret of sixteen bytes", &received[1].body)
    );
}
