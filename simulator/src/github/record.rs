//! GitHub's JSON shapes of commits, statuses, check runs and deployments.

use serde_json::{Value, json};

use crate::github::comment::Comment;
use crate::github::graph::{number_of, sha_of};
use crate::github::pull::PullRequest;
use crate::github::shape::{self, carried_app as app, node_id, time, user};
use crate::github::world::{CheckRun, Commit, CommitStatus, Deployment, DeploymentStatus, Repository, World};

/// A commit in full.
pub(crate) fn commit(world: &World, repository: &Repository, commit: &Commit) -> Value {
    let api = format!("{}/repos/{}", world.api_url, repository.name);
    let html = format!("{}/{}", world.url, repository.name);
    let sha = &commit.sha;
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|parent| {
            json!({"sha": parent, "url": format!("{api}/commits/{parent}"), "html_url": format!("{html}/commit/{parent}")})
        })
        .collect();
    let signature = json!({
        "name": commit.author,
        "email": format!("{}@users.noreply.example.com", commit.author),
        "date": time(commit.at),
    });
    let tree = sha_of(&format!("tree of {sha}"));
    json!({
        "sha": sha,
        "node_id": node_id("Commit", number_of(sha, 1_000_000_000)),
        "commit": {
            "author": signature,
            "committer": signature,
            "message": commit.message,
            "tree": {"sha": tree, "url": format!("{api}/git/trees/{tree}")},
            "url": format!("{api}/git/commits/{sha}"),
            "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{html}/commit/{sha}"),
        "comments_url": format!("{api}/commits/{sha}/comments"),
        "author": user(world, &commit.author),
        "committer": user(world, &commit.author),
        "parents": parents,
    })
}

/// A commit status.
pub(crate) fn commit_status(world: &World, repository: &Repository, status: &CommitStatus) -> Value {
    let creator = user(world, &status.creator);
    json!({
        "url": format!("{}/repos/{}/statuses/{}", world.api_url, repository.name, status.sha),
        "avatar_url": creator["avatar_url"],
        "id": status.id,
        "node_id": node_id("StatusContext", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": time(status.at),
        "updated_at": time(status.at),
        "creator": creator,
    })
}

/// A check run.
pub(crate) fn check_run(world: &World, repository: &Repository, run: &CheckRun) -> Value {
    let url = format!("{}/repos/{}/check-runs/{}", world.api_url, repository.name, run.id);
    let completed = run.conclusion.as_ref().map(|_| time(run.at));
    let html = format!("{}/{}", world.url, repository.name);
    let page = match world.jobs.iter().find(|job| job.check_run == run.id) {
        Some(job) => format!("{html}/actions/runs/{}/job/{}", job.workflow_run, run.id),
        None => format!("{html}/runs/{}", run.id),
    };
    json!({
        "id": run.id,
        "name": run.name,
        "node_id": node_id("CheckRun", run.id),
        "head_sha": run.sha,
        "external_id": "",
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": time(run.at),
        "completed_at": completed,
        "output": {"title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": format!("{url}/annotations")},
        "check_suite": {"id": number_of(&format!("{} {}", run.sha, run.app), 1_000_000_000)},
        "app": app(world, &run.app),
        "pull_requests": [],
    })
}

/// A deployment.
pub(crate) fn deployment(world: &World, repository: &Repository, deployment: &Deployment) -> Value {
    let api = format!("{}/repos/{}", world.api_url, repository.name);
    let url = format!("{api}/deployments/{}", deployment.id);
    json!({
        "url": url,
        "id": deployment.id,
        "node_id": node_id("Deployment", deployment.id),
        "task": deployment.task,
        "original_environment": deployment.original_environment,
        "environment": deployment.environment,
        "description": deployment.description,
        "created_at": time(deployment.created_at),
        "updated_at": time(deployment.updated_at),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": api,
        "creator": deployment.creator.as_deref().map_or(Value::Null, |login| user(world, login)),
        "sha": deployment.sha,
        "ref": deployment.git_ref,
        "payload": deployment.payload,
        "transient_environment": deployment.transient,
        "production_environment": deployment.production,
        "performed_via_github_app": optional_app(world, deployment.app.as_deref()),
    })
}

/// A deployment status. GitHub answers empty strings, not nulls, for addresses that are unset.
pub(crate) fn deployment_status(
    world: &World,
    repository: &Repository,
    deployment: u64,
    status: &DeploymentStatus,
) -> Value {
    let api = format!("{}/repos/{}", world.api_url, repository.name);
    let deployment_url = format!("{api}/deployments/{deployment}");
    json!({
        "url": format!("{deployment_url}/statuses/{}", status.id),
        "id": status.id,
        "node_id": node_id("DeploymentStatus", status.id),
        "state": status.state,
        "creator": user(world, &status.creator),
        "description": status.description,
        "environment": status.environment,
        "target_url": status.log_url,
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
        "deployment_url": deployment_url,
        "repository_url": api,
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "performed_via_github_app": optional_app(world, status.app.as_deref()),
    })
}

fn optional_app(world: &World, slug: Option<&str>) -> Value {
    slug.map_or(Value::Null, |slug| app(world, slug))
}

/// A comment on an issue or a pull request.
pub(crate) fn comment(world: &World, repository: &Repository, comment: &Comment) -> Value {
    let api = format!("{}/repos/{}", world.api_url, repository.name);
    let html = format!("{}/{}/pull/{}", world.url, repository.name, comment.issue);
    let permission = repository.permissions.get(&comment.author).map(String::as_str);
    let association = match permission {
        _ if comment.author == repository.owner() => "OWNER",
        Some("admin" | "write" | "read") => "COLLABORATOR",
        _ => "NONE",
    };
    json!({
        "url": format!("{api}/issues/comments/{}", comment.id),
        "html_url": format!("{html}#issuecomment-{}", comment.id),
        "issue_url": format!("{api}/issues/{}", comment.issue),
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": user(world, &comment.author),
        "created_at": time(comment.at),
        "updated_at": time(comment.changed_at),
        "body": comment.body,
        "author_association": association,
        "reactions": {"url": format!("{api}/issues/comments/{}/reactions", comment.id), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0},
        "performed_via_github_app": null,
    })
}

/// A pull request, as lists show it; a webhook says more.
pub(crate) fn pull(world: &World, repository: &Repository, pull: &PullRequest) -> Value {
    let url = format!("{}/repos/{}/pulls/{}", world.api_url, repository.name, pull.number);
    let closed_at = pull.closed_at.map(time);
    // of one that is open, the branch is where its head is
    let own = pull.head_repository == repository.name && pull.closed_at.is_none();
    let head_sha = own
        .then(|| repository.branches.get(&pull.head))
        .flatten()
        .unwrap_or(&pull.head_sha);
    let repository_of = |name: &str| {
        if name == repository.name {
            shape::repository(world, repository)
        } else {
            json!({"full_name": name, "fork": true})
        }
    };
    let base_sha = repository.branches.get(&pull.base);
    json!({
        "url": url,
        "id": number_of(&url, 1_000_000_000),
        "number": pull.number,
        "state": if closed_at.is_some() { "closed" } else { "open" },
        "locked": false,
        "title": format!("Merge {}", pull.head),
        "user": user(world, &pull.author),
        "body": null,
        "created_at": time(pull.opened_at),
        "updated_at": closed_at.clone().unwrap_or_else(|| time(pull.opened_at)),
        "closed_at": closed_at,
        "merged_at": pull.merge_commit.as_ref().and(closed_at.clone()),
        // of one that was not merged, GitHub shows the commit with which it had tried whether it could be
        "merge_commit_sha": pull.merge_commit.clone().unwrap_or_else(|| sha_of(&format!("trial of {url}"))),
        "draft": false,
        "head": {"ref": pull.head, "sha": head_sha, "user": user(world, &pull.author), "repo": repository_of(&pull.head_repository)},
        "base": {"ref": pull.base, "sha": base_sha, "user": user(world, repository.owner()), "repo": repository_of(&repository.name)},
    })
}
