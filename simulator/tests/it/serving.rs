//! Starting, stopping, who may ask, and what is recorded.

use std::time::Duration;

use chima_simulator::github::GitHub;

use crate::client::{ask_as, get, http};

#[tokio::test]
async fn serves_the_api_with_and_without_the_enterprise_prefix() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    assert_eq!(get(&github, "/repos/octo/site").await.status, 200);
    let bare = format!("{}/repos/Octo/SITE", github.url());
    assert_eq!(get(&github, &bare).await.body["full_name"], "octo/site");
}

#[tokio::test]
async fn stops_when_the_last_handle_is_dropped() {
    let github = GitHub::start().await.unwrap();
    let url = github.api_url();
    let other = github.clone();
    drop(github);
    assert!(http().get(format!("{url}/meta")).send().await.is_ok());
    drop(other);
    // The abort takes effect when the server's task is next polled.
    let mut refused = false;
    for _ in 0..100 {
        refused = http().get(format!("{url}/meta")).send().await.is_err();
        if refused {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(refused);
}

#[tokio::test]
async fn refuses_strangers_and_wrong_tokens() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let url = format!("{}/repos/octo/site", github.api_url());
    let stranger = http().get(&url).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let wrong = ask_as(&github, "nonsense", "GET", "/repos/octo/site", None).await;
    assert_eq!((wrong.status, wrong.message()), (401, "Bad credentials"));
    github.token("another", "hubot");
    assert_eq!(
        ask_as(&github, "another", "GET", "/user", None).await.body["login"],
        "hubot"
    );
    github.revoke("another");
    assert_eq!(ask_as(&github, "another", "GET", "/user", None).await.status, 401);
}

#[tokio::test]
async fn refuses_a_client_that_does_not_name_itself() {
    let github = GitHub::start().await.unwrap();
    let client = reqwest::Client::builder().no_proxy();
    let _ = http();
    let response = client
        .build()
        .unwrap()
        .get(format!("{}/meta", github.api_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn records_requests_without_credentials_and_names_the_unplanned() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    assert_eq!(get(&github, "/repos/octo/site?a=b").await.status, 200);
    assert_eq!(get(&github, "/repos/octo/site/issues").await.status, 404);
    let requests = github.requests();
    assert_eq!(requests[0].identity, "user chima-bot");
    assert_eq!(requests[0].header("authorization"), Some("Bearer"));
    assert_eq!(requests[0].query, [("a".to_owned(), "b".to_owned())]);
    let unplanned = github.unplanned();
    assert_eq!(unplanned.len(), 1);
    assert!(unplanned[0].is("GET", "/issues"));
    assert!(!github.describe().contains("simulator-token"));
}

#[tokio::test]
async fn a_condition_that_does_not_come_true_shows_the_world() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let error = github
        .wait_for(|world| !world.requests.is_empty(), Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(format!("{error:?}").contains("octo/site (id 1001)"), "{error:?}");
}

#[tokio::test]
async fn waiting_ends_when_the_condition_comes_true() {
    let github = GitHub::start().await.unwrap();
    let (waited, _) = tokio::join!(
        github.wait_for(|world| !world.requests.is_empty(), Duration::from_secs(5)),
        get(&github, "/meta")
    );
    waited.unwrap();
}

#[tokio::test]
async fn resets_connections_while_it_is_down() {
    let github = GitHub::start().await.unwrap();
    let client = http();
    let meta = format!("{}/meta", github.api_url());
    assert!(client.get(&meta).send().await.is_ok());
    github.down();
    assert!(client.get(&meta).send().await.is_err());
    github.up();
    assert_eq!(client.get(&meta).send().await.unwrap().status(), 200);
    assert_eq!(github.requests().len(), 2);
}

#[tokio::test]
async fn a_renamed_repository_redirects() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site").rename("octo/web");
    let url = format!("{}/repos/octo/site/commits/main", github.api_url());
    let quiet = reqwest::Client::builder()
        .no_proxy()
        .user_agent("tests")
        .redirect(reqwest::redirect::Policy::none());
    let _ = http();
    let quiet = quiet.build().unwrap();
    let read = quiet.get(&url).bearer_auth("simulator-token").send().await.unwrap();
    assert_eq!(read.status(), 301);
    let write = quiet.post(&url).bearer_auth("simulator-token").send().await.unwrap();
    assert_eq!(write.status(), 307);
    assert_eq!(get(&github, "/repos/octo/site").await.body["full_name"], "octo/web");
    assert_eq!(get(&github, "/repos/octo/site/commits/main").await.status, 200);
}

#[tokio::test]
async fn tells_what_a_person_may_do() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site").permission("mona", "admin");
    github.team_member("octo", "deployers", "mona");
    let mona = get(&github, "/repos/octo/site/collaborators/mona/permission").await;
    assert_eq!(mona.body["permission"], "admin");
    let other = get(&github, "/repos/octo/site/collaborators/other/permission").await;
    assert_eq!(other.body["permission"], "read");
    let path = "/orgs/octo/teams/deployers/memberships";
    assert_eq!(get(&github, &format!("{path}/mona")).await.body["state"], "active");
    assert_eq!(get(&github, &format!("{path}/other")).await.status, 404);
}

#[tokio::test]
async fn verbs_and_waits_can_be_awaited_in_a_spawned_task() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let sha = github.repository("octo/site").head("main").unwrap();
    assert_send(github.ci("octo/site", &sha, "ci", "success"))
        .await
        .unwrap();
    assert_send(github.push("octo/site", "main", "Work")).await.unwrap();
    assert_send(github.ping()).await;
    assert_send(github.wait_for(|world| !world.repositories.is_empty(), Duration::from_secs(1)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_restarted_github_can_number_from_elsewhere() {
    let github = GitHub::start().await.unwrap();
    github.number_from(5_000);
    assert_eq!(github.repository("octo/site").id(), 5_001);
}
