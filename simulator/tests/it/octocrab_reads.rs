//! The real client library understands what the simulator answers.

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::{DEFAULT_TOKEN, GitHub};
use octocrab::Octocrab;
use octocrab::models::commits::GithubCommitStatus;
use octocrab::models::repos::DeploymentStatusState;
use octocrab::params::repos::{Commitish, Reference};

use crate::client::http;
use crate::receiver::Receiver;

fn client(github: &GitHub) -> Octocrab {
    let _ = http();
    Octocrab::builder()
        .base_uri(github.api_url())
        .unwrap()
        .personal_token(DEFAULT_TOKEN)
        .build_with_reqwest(octocrab::ReqwestClientConfig::Default)
        .unwrap()
}

#[tokio::test]
async fn deployments_and_their_statuses() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let client = client(&github);
    let repository = client.repos("octo", "site");
    let deployments = repository.deployments();
    let created = deployments
        .create("main")
        .environment("live")
        .auto_merge(false)
        .required_contexts(Vec::<String>::new())
        .payload(serde_json::json!({"hosts": "web1"}))
        .send()
        .await
        .unwrap();
    let statuses = deployments.statuses(created.id);
    let status = statuses
        .create(DeploymentStatusState::InProgress)
        .description("running")
        .log_url("https://example.com/1")
        .send()
        .await
        .unwrap();
    assert_eq!(status.target_url.as_deref(), Some("https://example.com/1"));
    let listed = statuses.list().send().await.unwrap();
    assert_eq!(listed.items, [status]);
    let all = deployments.list().environment("live").per_page(1).send().await.unwrap();
    assert_eq!(all.items, [created]);
}

#[tokio::test]
async fn commits_contexts_and_repositories() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.commit_on("topic", "Work");
    site.status(&sha, "ci", "success")
        .check_run(&sha, "build", "completed", Some("success"));
    let client = client(&github);
    let repository = client.repos("octo", "site");
    assert_eq!(repository.get().await.unwrap().full_name.as_deref(), Some("octo/site"));
    let combined = repository
        .combined_status_for_ref(&Reference::Branch("topic".to_owned()))
        .await
        .unwrap();
    assert_eq!(combined.total_count, 1);
    let runs = client
        .checks("octo", "site")
        .list_check_runs_for_git_ref(Commitish(sha.clone()))
        .send()
        .await
        .unwrap();
    assert_eq!(runs.check_runs[0].conclusion.as_deref(), Some("success"));
    let compared = client
        .commits("octo", "site")
        .compare("main", "topic")
        .send()
        .await
        .unwrap();
    assert!(matches!(compared.status, GithubCommitStatus::Ahead));
    let commit = client.commits("octo", "site").get("topic").await.unwrap();
    assert_eq!(commit.sha, sha);
    repository.list_branches().send().await.unwrap();
    repository
        .get_ref(&Reference::Branch("topic".to_owned()))
        .await
        .unwrap();
    client.ratelimit().get().await.unwrap();
}

#[tokio::test]
async fn an_app_with_an_installation_token() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let receiver = Receiver::start().await;
    github.hook(&receiver.url, "a secret of sixteen bytes");
    let _ = http();
    let key = octocrab::EncodingKey::from_rsa_pem(github.app_key().unwrap().as_bytes()).unwrap();
    let app = Octocrab::builder()
        .base_uri(github.api_url())
        .unwrap()
        .app(12_345.into(), key)
        .build_with_reqwest(octocrab::ReqwestClientConfig::Default)
        .unwrap();
    let installation = app.apps().get_repository_installation("octo", "site").await.unwrap();
    let client = app.installation(installation.id).unwrap();
    let created = client
        .repos("octo", "site")
        .deployments()
        .create("main")
        .send()
        .await
        .unwrap();
    assert_eq!(created.creator.unwrap().login, "chima[bot]");
    github.deploy("octo/site", DeploymentRequest::default()).await.unwrap();
    let rows: Vec<octocrab::models::hooks::Delivery> = app.get("/app/hook/deliveries", None::<&()>).await.unwrap();
    assert_eq!(rows[0].status, "OK");
    assert!(github.unplanned().is_empty(), "{}", github.describe());
}

#[tokio::test]
async fn a_refusal_with_githubs_message() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let error = client(&github)
        .repos("octo", "site")
        .deployments()
        .create("nope")
        .send()
        .await
        .unwrap_err();
    let octocrab::Error::GitHub { source, .. } = error else {
        panic!("not GitHub's error: {error:?}");
    };
    assert_eq!(source.message, "No ref found for: nope");
    assert_eq!(source.status_code, 422);
}
