//! Commits, refs, contexts, comparing and merging.

use chima_simulator::github::GitHub;
use chima_simulator::github::graph::sha_of;
use serde_json::json;

use crate::client::{get, post};

#[tokio::test]
async fn a_ref_with_a_slash_is_found_encoded_and_raw() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.commit_on("feature/x", "Work");
    site.tag("v1", &sha);
    for path in [
        "commits/feature%2Fx",
        "commits/feature/x",
        "commits/v1",
        "commits/heads%2Ffeature%2Fx",
        &format!("commits/{sha}"),
    ] {
        let got = get(&github, &format!("/repos/octo/site/{path}")).await;
        assert_eq!(got.body["sha"], json!(sha), "{path}");
    }
    let branch = get(&github, "/repos/octo/site/branches/feature%2Fx").await;
    assert_eq!(branch.body["commit"]["sha"], json!(sha));
    let reference = get(&github, "/repos/octo/site/git/ref/heads/feature/x").await;
    assert_eq!(reference.body["object"]["sha"], json!(sha));
    let status = get(&github, "/repos/octo/site/commits/feature%2Fx/status").await;
    assert_eq!(status.body["sha"], json!(sha));
}

#[tokio::test]
async fn an_unknown_commit_is_422_and_an_unknown_name_404() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let sha = sha_of("nothing");
    for path in ["", "/status", "/check-runs"] {
        let got = get(&github, &format!("/repos/octo/site/commits/{sha}{path}")).await;
        assert_eq!(got.status, 422, "{path}");
        assert_eq!(got.message(), format!("No commit found for SHA: {sha}"));
    }
    assert_eq!(get(&github, "/repos/octo/site/commits/nope/status").await.status, 404);
    assert_eq!(get(&github, "/repos/octo/site/branches/nope").await.status, 404);
}

#[tokio::test]
async fn no_statuses_at_all_are_pending() {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    let got = get(&github, "/repos/octo/site/commits/main/status").await;
    assert_eq!(got.body["state"], "pending");
    assert_eq!(got.body["total_count"], 0);
}

#[tokio::test]
async fn the_latest_status_of_every_context_counts() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.head("main").unwrap();
    site.status(&sha, "ci", "failure").status(&sha, "CI", "success");
    let path = format!("/repos/octo/site/commits/{sha}");
    let combined = get(&github, &format!("{path}/status")).await;
    assert_eq!(combined.body["state"], "success");
    assert_eq!(combined.body["total_count"], 1);
    let all = get(&github, &format!("{path}/statuses")).await;
    assert_eq!(all.body[0]["state"], "success");
    assert_eq!(all.body[1]["state"], "failure");
    site.status(&sha, "lint", "error");
    assert_eq!(get(&github, &format!("{path}/status")).await.body["state"], "failure");
}

#[tokio::test]
async fn contexts_and_runs_come_in_pages_of_thirty() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.head("main").unwrap();
    for number in 0..45 {
        site.status(&sha, &format!("ci/{number}"), "success");
        site.check_run(&sha, &format!("check {number}"), "completed", Some("success"));
    }
    let combined = get(&github, "/repos/octo/site/commits/main/status").await;
    assert_eq!(combined.body["total_count"], 45);
    assert_eq!(combined.body["statuses"].as_array().unwrap().len(), 30);
    let rest = get(&github, &combined.next().unwrap()).await;
    assert_eq!(rest.body["statuses"].as_array().unwrap().len(), 15);
    let runs = get(&github, "/repos/octo/site/commits/main/check-runs").await;
    assert_eq!(runs.body["check_runs"].as_array().unwrap().len(), 30);
    assert_eq!(get(&github, &runs.next().unwrap()).await.body["total_count"], 45);
    let big = get(&github, "/repos/octo/site/commits/main/check-runs?per_page=100").await;
    assert_eq!(big.next(), None);
}

#[tokio::test]
async fn only_the_latest_run_of_a_name_counts() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.head("main").unwrap();
    site.check_run(&sha, "build", "completed", Some("failure"))
        .check_run(&sha, "build", "in_progress", None);
    let path = format!("/repos/octo/site/commits/{sha}/check-runs");
    let latest = get(&github, &path).await;
    assert_eq!(latest.body["total_count"], 1);
    assert_eq!(latest.body["check_runs"][0]["status"], "in_progress");
    assert_eq!(get(&github, &format!("{path}?filter=all")).await.body["total_count"], 2);
    assert_eq!(
        get(&github, &format!("{path}?check_name=lint")).await.body["total_count"],
        0
    );
}

#[tokio::test]
async fn compares_in_all_four_ways() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let first = site.commit_on("topic/a", "One");
    let second = site.commit_on("topic/a", "Two");
    let compared = |range: &'static str| {
        let github = github.clone();
        async move { get(&github, &format!("/repos/octo/site/compare/{range}")).await.body }
    };
    let ahead = compared("main...topic%2Fa").await;
    assert_eq!(ahead["status"], "ahead");
    assert_eq!(ahead["ahead_by"], 2);
    assert_eq!(ahead["commits"][0]["sha"], json!(first));
    assert_eq!(ahead["commits"][1]["sha"], json!(second));
    assert_eq!(compared("topic/a...main").await["status"], "behind");
    assert_eq!(compared("main...main").await["status"], "identical");
    let _ = site.commit_on("main", "Meanwhile");
    let diverged = compared("main...topic/a").await;
    assert_eq!(diverged["status"], "diverged");
    assert_eq!(diverged["behind_by"], 1);
    assert_eq!(compared("main...nope").await["message"], "Not Found");
}

#[tokio::test]
async fn merges_once_then_has_nothing_to_do() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let _ = site.commit_on("topic", "Work");
    let _ = site.commit_on("other", "Trouble");
    site.conflict("main", "other");
    let merge = |head: &'static str| {
        let github = github.clone();
        async move {
            post(
                &github,
                "/repos/octo/site/merges",
                json!({"base": "main", "head": head}),
            )
            .await
        }
    };
    let merged = merge("topic").await;
    assert_eq!(merged.status, 201);
    assert_eq!(json!(site.head("main")), merged.body["sha"]);
    assert_eq!(merge("topic").await.status, 204);
    let conflict = merge("other").await;
    assert_eq!((conflict.status, conflict.message()), (409, "Merge conflict"));
    assert_eq!(merge("nope").await.status, 404);
}

#[tokio::test]
async fn lists_the_history_newest_first() {
    let github = GitHub::start().await.unwrap();
    let site = github.repository("octo/site");
    let sha = site.commit_on("main", "Second");
    let got = get(&github, "/repos/octo/site/commits").await;
    assert_eq!(got.body[0]["sha"], json!(sha));
    assert_eq!(got.body[1]["commit"]["message"], "Initial commit");
}
