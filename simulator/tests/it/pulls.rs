//! Pull requests that end, the files of a comparison, renamed branches, workflows: what is told, and what lists show.

use chima_simulator::github::GitHub;
use chima_simulator::github::pull::Closing;
use serde_json::{Value, json};

use crate::client::get;
use crate::receiver::Receiver;

/// The bodies of an event, as they were sent.
fn told(github: &GitHub, event: &str) -> Vec<Value> {
    github.read(|world| {
        let sent = world.deliveries.iter().filter(|delivery| delivery.event == event);
        sent.map(|delivery| delivery.json.clone()).collect()
    })
}

async fn github() -> (GitHub, Receiver) {
    let github = GitHub::start().await.unwrap();
    let receiver = Receiver::start().await;
    github.hook(&receiver.url, "a secret of sixteen bytes");
    github.repository("octo/site");
    (github, receiver)
}

#[tokio::test]
async fn a_merge_moves_the_branch_and_tells_both_events() {
    let (github, _receiver) = github().await;
    let topic = github.repository("octo/site").commit_on("topic", "Work");
    let closed = github.close_pull("octo/site", Closing::of("topic")).await.unwrap();
    assert_eq!(github.repository("octo/site").head("main"), Some(closed.sha.clone()));
    assert_eq!(told(&github, "push")[0]["after"], json!(closed.sha));
    let body = &told(&github, "pull_request")[0];
    assert_eq!(body["action"], "closed");
    let pull = &body["pull_request"];
    assert_eq!(
        (
            &pull["merged"],
            &pull["merge_commit_sha"],
            &pull["base"]["ref"],
            &pull["head"]["sha"]
        ),
        (&json!(true), &json!(closed.sha), &json!("main"), &json!(topic))
    );
}

#[tokio::test]
async fn one_that_is_not_merged_moves_nothing_and_still_names_a_commit() {
    let (github, _receiver) = github().await;
    let site = github.repository("octo/site");
    let _ = site.commit_on("topic", "Work");
    let before = site.head("main");
    let closing = Closing::of("topic").from("other/site").unmerged();
    github.close_pull("octo/site", closing).await.unwrap();
    assert_eq!((site.head("main"), told(&github, "push").len()), (before, 0));
    let pull = &told(&github, "pull_request")[0]["pull_request"];
    assert_eq!((&pull["merged"], &pull["merged_at"]), (&json!(false), &Value::Null));
    assert_eq!(pull["head"]["repo"]["full_name"], "other/site");
    assert!(pull["merge_commit_sha"].is_string(), "the trial merge");
}

#[tokio::test]
async fn a_merge_commit_may_be_given() {
    let (github, _receiver) = github().await;
    let site = github.repository("octo/site");
    let main = site.head("main").unwrap();
    let sha = "a".repeat(40);
    site.commit(&sha, "Squashed", "mona", &[&main]);
    let closed = github
        .close_pull("octo/site", Closing::of(&main).with(&sha))
        .await
        .unwrap();
    assert_eq!(
        (closed.sha.as_str(), site.head("main").as_deref()),
        (sha.as_str(), Some(sha.as_str()))
    );
    let unknown = Closing::of(&main).with(&"b".repeat(40));
    assert_eq!(github.close_pull("octo/site", unknown).await.unwrap_err().status, 422);
}

#[tokio::test]
async fn closed_ones_are_listed_by_base_newest_first() {
    let (github, _receiver) = github().await;
    let site = github.repository("octo/site");
    for branch in ["one", "two", "three"] {
        let _ = site.commit_on(branch, branch);
    }
    let _ = site.commit_on("edge", "Edge");
    github.close_pull("octo/site", Closing::of("one")).await.unwrap();
    github.close_pull("octo/site", Closing::of("two")).await.unwrap();
    github
        .close_pull("octo/site", Closing::of("three").into("edge"))
        .await
        .unwrap();
    let numbers = |got: &crate::client::Got| -> Vec<u64> {
        let pulls = got.body.as_array().unwrap().iter();
        pulls.filter_map(|pull| pull["number"].as_u64()).collect()
    };
    let path = "/repos/octo/site/pulls?state=closed&base=main&sort=updated&direction=desc";
    assert_eq!(numbers(&get(&github, path).await), [2, 1]);
    assert_eq!(
        numbers(&get(&github, "/repos/octo/site/pulls").await),
        [0; 0],
        "open ones"
    );
}

#[tokio::test]
async fn a_comparison_names_the_files_of_its_commits_once_and_300_at_most() {
    let (github, _receiver) = github().await;
    let site = github.repository("octo/site");
    let base = site.head("main").unwrap();
    let one = site.commit_on("main", "One");
    let two = site.commit_on("main", "Two");
    site.files(&one, &["web/a", "docs/b"]).files(&two, &["web/a"]);
    let compared = get(&github, &format!("/repos/octo/site/compare/{base}...{two}?per_page=1")).await;
    let names: Vec<&Value> = compared.body["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["filename"])
        .collect();
    assert_eq!(names, ["docs/b", "web/a"]);
    assert_eq!(compared.body["commits"].as_array().unwrap().len(), 1);
    let next = get(&github, &compared.next().unwrap()).await;
    assert_eq!(next.body["files"], json!([]), "on the first page only");
    let many: Vec<String> = (0..400).map(|number| format!("file {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    site.files(&two, &many);
    let compared = get(&github, &format!("/repos/octo/site/compare/{base}...{two}")).await;
    assert_eq!(compared.body["files"].as_array().unwrap().len(), 300);
}

#[tokio::test]
async fn a_renamed_branch_redirects() {
    let (github, _receiver) = github().await;
    github.repository("octo/site").rename_branch("main", "trunk");
    let got = get(&github, "/repos/octo/site/branches/main").await;
    assert_eq!(
        (got.status, &got.body["name"]),
        (200, &json!("trunk")),
        "after the redirect"
    );
    let repository = get(&github, "/repos/octo/site").await;
    assert_eq!(repository.body["default_branch"], "trunk");
}

#[tokio::test]
async fn a_workflow_that_ran_names_commit_and_branch() {
    let (github, _receiver) = github().await;
    let sha = github.repository("octo/site").head("main").unwrap();
    github.workflow_ran("octo/site", &sha, "CI", "success").await.unwrap();
    let run = &told(&github, "workflow_run")[0]["workflow_run"];
    assert_eq!(
        (&run["head_sha"], &run["head_branch"], &run["conclusion"]),
        (&json!(sha), &json!("main"), &json!("success"))
    );
}
