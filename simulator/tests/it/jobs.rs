//! Jobs of GitHub Actions that wait for an App's word: what is refused, and what counts.

use chima_simulator::github::GitHub;
use serde_json::json;

use crate::client::{get, post};
use crate::receiver::Receiver;

#[tokio::test]
async fn a_job_takes_ten_words_and_one_answer() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let receiver = Receiver::start().await;
    github.hook(&receiver.url, "a secret of the tests");
    let asked = github
        .job_asks("octo/site", "production", "main", "mona")
        .await
        .unwrap();
    assert_eq!(receiver.events(), ["deployment", "deployment_protection_rule"]);
    let path = format!(
        "/repos/octo/site/actions/runs/{}/deployment_protection_rule",
        asked.workflow_run
    );
    let said = |body: serde_json::Value| {
        let (github, path) = (github.clone(), path.clone());
        async move { post(&github, &path, body).await.status }
    };
    let word = |comment: &str| json!({"environment_name": "production", "comment": comment});
    for refused in [
        json!({"comment": "x"}),
        json!({"environment_name": "production"}),
        json!({"environment_name": "production", "state": "maybe", "comment": "x"}),
        json!({"environment_name": "elsewhere", "state": "approved"}),
        word(&"x".repeat(1025)),
    ] {
        assert_eq!(said(refused.clone()).await, 422, "{refused}");
    }
    for number in 0..10 {
        assert_eq!(said(word(&format!("word {number}"))).await, 204);
    }
    assert_eq!(said(word("one too many")).await, 422);
    let answer = json!({"environment_name": "production", "state": "approved", "comment": ""});
    assert_eq!((said(answer.clone()).await, said(answer).await), (204, 422));
    let job = &github.jobs(asked.workflow_run)[0];
    assert_eq!(
        (job.reports.len(), job.answer.as_ref().unwrap().0.as_str()),
        (10, "approved")
    );
    let nowhere = "/repos/octo/site/actions/runs/1/deployment_protection_rule";
    assert_eq!(post(&github, nowhere, word("x")).await.status, 404);
}

#[tokio::test]
async fn names_and_installations_change_with_their_webhooks() {
    let github = GitHub::start().await.unwrap();
    let repository = github.repository("octo/site");
    let receiver = Receiver::start().await;
    github.hook(&receiver.url, "a secret of the tests");
    github.rename_repository("octo/site", "octo/new").await.unwrap();
    github.install_on("octo/new", false).await.unwrap();
    github.install_on("octo/new", true).await.unwrap();
    github.installation("octo", "suspend").await;
    // the old name redirects, and the client follows
    assert_eq!(get(&github, "/repos/octo/site").await.body["full_name"], "octo/new");
    github.delete_repository("octo/new").await.unwrap();
    assert_eq!(
        receiver.events(),
        [
            "repository",
            "installation_repositories",
            "installation_repositories",
            "installation",
            "repository"
        ]
    );
    assert_eq!(
        get(&github, &format!("/repositories/{}", repository.id())).await.status,
        404
    );
}
