//! Creating deployments: GitHub's defaults, its gate, its merges.

use std::time::Duration;

use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::{Contexts, DeploymentRequest};
use serde_json::json;

use crate::client::{ask, get, post};
use crate::receiver::Receiver;

const PATH: &str = "/repos/octo/site/deployments";

#[tokio::test]
async fn creates_a_deployment_with_githubs_defaults() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let got = post(&github, PATH, json!({"ref": "main"})).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["sha"], json!(site.head("main")));
    assert_eq!(got.body["task"], "deploy");
    assert_eq!(got.body["environment"], "production");
    assert_eq!(got.body["production_environment"], true);
    assert_eq!(got.body["transient_environment"], false);
    assert_eq!(got.body["payload"], "");
    assert_eq!(got.body["creator"]["login"], "chima-bot");
    let again = get(&github, &format!("{PATH}/{}", got.body["id"])).await;
    assert_eq!(again.body, got.body);
}

#[tokio::test]
async fn an_environment_by_another_name_is_not_production() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let live = post(&github, PATH, json!({"ref": "main", "environment": "live"})).await;
    assert_eq!(live.body["production_environment"], false);
    let told = json!({"ref": "main", "environment": "live", "production_environment": true});
    assert_eq!(post(&github, PATH, told).await.body["production_environment"], true);
}

#[tokio::test]
async fn tells_the_hooks_after_answering() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let receiver = Receiver::start().await;
    github.hook(&receiver.url, "a secret of sixteen bytes");
    let got = post(&github, PATH, json!({"ref": "main", "payload": {"hosts": "web1"}})).await;
    github
        .wait_for(
            |world| world.deliveries.iter().any(|delivery| delivery.outcome.is_some()),
            Duration::from_secs(5),
        )
        .await
        .unwrap();
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let body = received[0].json();
    assert_eq!(body["deployment"], got.body);
    assert_eq!(body["sender"]["login"], "chima-bot");
}

#[tokio::test]
async fn refuses_what_it_cannot_understand() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let unknown = post(&github, PATH, json!({"ref": "nope"})).await;
    assert_eq!((unknown.status, unknown.message()), (422, "No ref found for: nope"));
    assert_eq!(post(&github, PATH, json!({})).await.status, 422);
    assert_eq!(post(&github, PATH, json!({"ref": 7})).await.status, 422);
    assert_eq!(
        post(&github, PATH, json!({"ref": "main", "payload": [1]})).await.status,
        422
    );
    assert_eq!(
        post(&github, "/repos/octo/none/deployments", json!({"ref": "main"}))
            .await
            .status,
        404
    );
    assert!(github.read(|world| world.repositories[0].deployments.is_empty()));
}

#[tokio::test]
async fn left_out_contexts_mean_every_reported_one() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.head("main").unwrap();
    site.status(&sha, "ci/build", "success")
        .status(&sha, "ci/lint", "pending");
    let refused = post(&github, PATH, json!({"ref": "main"})).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.message(), "Conflict: Commit status checks failed for main");
    assert_eq!(
        refused.body["errors"][0]["contexts"],
        json!([{"context": "ci/build", "state": "success"}, {"context": "ci/lint", "state": "pending"}])
    );
    let null = json!({"ref": "main", "required_contexts": null});
    assert_eq!(post(&github, PATH, null).await.status, 409);
    let none = json!({"ref": "main", "required_contexts": []});
    assert_eq!(post(&github, PATH, none).await.status, 201);
    let green = json!({"ref": "main", "required_contexts": ["CI/Build"]});
    assert_eq!(post(&github, PATH, green).await.status, 201);
}

#[tokio::test]
async fn a_context_that_never_reported_blocks_without_being_listed() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    site.check_run(&site.head("main").unwrap(), "build", "completed", Some("success"));
    let refused = post(
        &github,
        PATH,
        json!({"ref": "main", "required_contexts": ["build", "security"]}),
    )
    .await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.body["errors"][0]["contexts"],
        json!([{"context": "build", "state": "success"}])
    );
}

#[tokio::test]
async fn merges_by_default_and_then_creates_nothing() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let topic = site.commit_on("topic", "Work");
    let _ = site.commit_on("main", "Meanwhile");
    let merged = post(&github, PATH, json!({"ref": "topic"})).await;
    assert_eq!(merged.status, 202);
    assert_eq!(
        merged.body,
        json!({"message": "Auto-merged main into topic on deployment."})
    );
    assert_ne!(site.head("topic").unwrap(), topic);
    assert!(github.read(|world| world.repositories[0].deployments.is_empty()));
    assert_eq!(post(&github, PATH, json!({"ref": "topic"})).await.status, 201);
}

#[tokio::test]
async fn refuses_a_merge_that_conflicts() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let topic = site.commit_on("topic", "Work");
    let _ = site.commit_on("main", "Meanwhile");
    site.conflict("topic", "main");
    let refused = post(&github, PATH, json!({"ref": "topic"})).await;
    assert_eq!(
        (refused.status, refused.message()),
        (409, "Conflict merging main into topic.")
    );
    let unmerged = post(&github, PATH, json!({"ref": "topic", "auto_merge": false})).await;
    assert_eq!(unmerged.body["sha"], json!(topic));
}

#[tokio::test]
async fn lists_newest_first_filtered_and_paged() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    for number in 0..5 {
        let environment = if number % 2 == 0 { "staging" } else { "live site" };
        github
            .deploy("octo/site", DeploymentRequest::to(environment))
            .await
            .unwrap();
    }
    let filtered = get(&github, &format!("{PATH}?environment=live%20site")).await;
    assert_eq!(filtered.body.as_array().unwrap().len(), 2);
    let first = get(&github, &format!("{PATH}?per_page=2")).await;
    let second = get(&github, &first.next().unwrap()).await;
    let third = get(&github, &second.next().unwrap()).await;
    assert_eq!(third.next(), None);
    let ids: Vec<u64> = [first, second, third]
        .iter()
        .flat_map(|page| page.body.as_array().unwrap().clone())
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted_by(|newer, older| newer > older));
}

#[tokio::test]
async fn deletes_only_what_is_not_active() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let older = github
        .deploy("octo/site", DeploymentRequest::default())
        .await
        .unwrap()
        .id;
    let newer = github
        .deploy("octo/site", DeploymentRequest::default())
        .await
        .unwrap()
        .id;
    let path = format!("{PATH}/{older}");
    post(&github, &format!("{path}/statuses"), json!({"state": "success"})).await;
    assert_eq!(ask(&github, "DELETE", &path, None).await.status, 422);
    assert_eq!(
        ask(&github, "DELETE", &format!("{PATH}/{newer}"), None).await.status,
        204
    );
    assert_eq!(ask(&github, "DELETE", &path, None).await.status, 204);
}

#[tokio::test]
async fn the_verb_refuses_as_the_route_does() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    site.status(&site.head("main").unwrap(), "ci", "failure");
    let request = DeploymentRequest {
        required_contexts: Contexts::Reported,
        ..DeploymentRequest::default()
    };
    let refused = github.deploy("octo/site", request).await.unwrap_err();
    assert_eq!(refused.status, 409);
    let unknown = github
        .deploy("octo/none", DeploymentRequest::default())
        .await
        .unwrap_err();
    assert_eq!(unknown.status, 404);
}
