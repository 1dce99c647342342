//! Deployment statuses: what is refused, what follows from a success, and who hears of it.

use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::{DeploymentRequest, StatusReport};
use serde_json::json;

use crate::client::{get, post};
use crate::receiver::Receiver;

async fn deployed(github: &GitHub, environment: &str) -> u64 {
    github.repository("octo/site");
    github
        .deploy("octo/site", DeploymentRequest::to(environment))
        .await
        .unwrap()
        .id
}

fn path(deployment: u64) -> String {
    format!("/repos/octo/site/deployments/{deployment}/statuses")
}

fn states(github: &GitHub, deployment: u64) -> Vec<String> {
    let statuses = github.statuses("octo/site", deployment);
    statuses.into_iter().map(|status| status.state).collect()
}

#[tokio::test]
async fn keeps_what_was_reported_newest_first() {
    let github = GitHub::start().await.unwrap();
    let id = deployed(&github, "staging").await;
    let first = json!({"state": "in_progress", "description": "running", "log_url": "https://example.com/1"});
    let got = post(&github, &path(id), first).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["target_url"], "https://example.com/1");
    assert_eq!(got.body["environment_url"], "");
    assert_eq!(got.body["environment"], "staging");
    post(&github, &path(id), json!({"state": "success"})).await;
    let listed = get(&github, &path(id)).await;
    assert_eq!(listed.body[0]["state"], "success");
    assert_eq!(listed.body[1], got.body);
    assert_eq!(states(&github, id), ["in_progress", "success"]);
    let one = get(&github, &format!("{}/{}", path(id), got.body["id"])).await;
    assert_eq!(one.body, got.body);
}

#[tokio::test]
async fn refuses_a_state_it_does_not_know() {
    let github = GitHub::start().await.unwrap();
    let id = deployed(&github, "staging").await;
    assert_eq!(post(&github, &path(id), json!({"state": "running"})).await.status, 422);
    assert_eq!(post(&github, &path(id), json!({})).await.status, 422);
    assert_eq!(post(&github, &path(99), json!({"state": "success"})).await.status, 404);
    assert!(states(&github, id).is_empty());
}

#[tokio::test]
async fn counts_the_description_in_characters() {
    let github = GitHub::start().await.unwrap();
    let id = deployed(&github, "staging").await;
    let fits = json!({"state": "pending", "description": "é".repeat(140)});
    assert_eq!(post(&github, &path(id), fits).await.status, 201);
    let too_long = json!({"state": "pending", "description": "é".repeat(141)});
    let refused = post(&github, &path(id), too_long).await;
    assert_eq!((refused.status, refused.message()), (422, "Validation Failed"));
    assert_eq!(refused.body["errors"][0]["field"], "description");
}

#[tokio::test]
async fn refuses_addresses_that_are_not_http() {
    let github = GitHub::start().await.unwrap();
    let id = deployed(&github, "staging").await;
    for field in ["log_url", "environment_url", "target_url"] {
        let mut body = json!({"state": "pending"});
        body[field] = json!("javascript:alert(1)");
        assert_eq!(post(&github, &path(id), body).await.status, 422, "{field}");
    }
}

#[tokio::test]
async fn a_success_retires_earlier_ones_that_are_neither_production_nor_transient() {
    let github = GitHub::start().await.unwrap();
    let receiver = Receiver::start().await;
    let old = deployed(&github, "staging").await;
    let elsewhere = deployed(&github, "qa").await;
    let production = deployed(&github, "production").await;
    let failed = deployed(&github, "staging").await;
    for (id, state) in [
        (old, "success"),
        (elsewhere, "success"),
        (production, "success"),
        (failed, "failure"),
    ] {
        post(&github, &path(id), json!({"state": state})).await;
    }
    github.hook(&receiver.url, "a secret of sixteen bytes");
    let new = deployed(&github, "staging").await;
    let report = StatusReport {
        state: "success".to_owned(),
        ..StatusReport::default()
    };
    github.report("octo/site", new, report, "mona").await.unwrap();
    assert_eq!(states(&github, old), ["success", "inactive"]);
    assert_eq!(states(&github, elsewhere), ["success"]);
    assert_eq!(states(&github, production), ["success"]);
    assert_eq!(states(&github, failed), ["failure"]);
    // The one that became inactive told nobody.
    assert_eq!(receiver.events(), ["deployment", "deployment_status"]);
}

#[tokio::test]
async fn auto_inactive_can_be_declined() {
    let github = GitHub::start().await.unwrap();
    let old = deployed(&github, "staging").await;
    post(&github, &path(old), json!({"state": "success"})).await;
    let new = deployed(&github, "staging").await;
    post(&github, &path(new), json!({"state": "success", "auto_inactive": false})).await;
    assert_eq!(states(&github, old), ["success"]);
}

#[tokio::test]
async fn a_status_may_move_the_deployment() {
    let github = GitHub::start().await.unwrap();
    let id = deployed(&github, "staging").await;
    post(&github, &path(id), json!({"state": "pending", "environment": "qa"})).await;
    let deployment = get(&github, &format!("/repos/octo/site/deployments/{id}")).await;
    assert_eq!(deployment.body["environment"], "qa");
    assert_eq!(deployment.body["original_environment"], "staging");
    let next = post(&github, &path(id), json!({"state": "success"})).await;
    assert_eq!(next.body["environment"], "qa");
}
