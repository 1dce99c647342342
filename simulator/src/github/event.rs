//! The webhook bodies, each made from the world as it stands when the event happens.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use serde_json::{Map, Value, json};

use crate::github::comment::Activity;
use crate::github::graph::number_of;
use crate::github::hook::{ContentType, Event};
use crate::github::record;
use crate::github::shape;
use crate::github::world::{CheckRun, CommitStatus, Repository, Workflow, World};

/// What GitHub puts in place of a commit that is not there.
pub(crate) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A deployment was created.
pub(crate) fn deployment(world: &mut World, repository: u64, id: u64, sender: &str) {
    let Some((found, deployment)) = world
        .repository_by_id(repository)
        .and_then(|found| Some((found, found.deployment(id)?)))
    else {
        return;
    };
    let mut body = Map::new();
    body.insert("action".to_owned(), json!("created"));
    body.insert("deployment".to_owned(), record::deployment(world, found, deployment));
    insert_workflow(&mut body, &deployment.workflow, &deployment.sha, repository);
    emit(world, "deployment", repository, sender, Value::Object(body));
}

/// A deployment status was created. `inactive` ones fire nothing.
pub(crate) fn deployment_status(world: &mut World, repository: u64, id: u64, status: u64, sender: &str) {
    let Some((found, deployment)) = world
        .repository_by_id(repository)
        .and_then(|found| Some((found, found.deployment(id)?)))
    else {
        return;
    };
    let Some(status) = deployment.statuses.iter().find(|found| found.id == status) else {
        return;
    };
    let mut body = object(json!({
        "action": "created",
        "deployment_status": record::deployment_status(world, found, id, status),
        "deployment": record::deployment(world, found, deployment),
        "check_run": null,
    }));
    insert_workflow(&mut body, &deployment.workflow, &deployment.sha, repository);
    emit(world, "deployment_status", repository, sender, Value::Object(body));
}

/// A commit status was created.
pub(crate) fn status(world: &mut World, repository: u64, status: &CommitStatus) {
    let Some(found) = world.repository_by_id(repository) else {
        return;
    };
    let api = format!("{}/repos/{}", world.api_url, found.name);
    let branches: Vec<Value> = found
        .branches
        .iter()
        .filter(|(_, head)| {
            found
                .compare(&status.sha, head)
                .is_some_and(|comparison| comparison.behind == 0)
        })
        .take(10)
        .map(|(name, head)| {
            json!({"name": name, "commit": {"sha": head, "url": format!("{api}/commits/{head}")}, "protected": false})
        })
        .collect();
    let commit = found.commits.get(&status.sha);
    let body = json!({
        "id": status.id,
        "sha": status.sha,
        "name": found.name,
        "avatar_url": format!("{}/avatars/oa/1?v=4", world.url),
        "target_url": status.target_url,
        "context": status.context,
        "description": status.description,
        "state": status.state,
        "commit": commit.map(|commit| record::commit(world, found, commit)),
        "branches": branches,
        "created_at": shape::time(status.at),
        "updated_at": shape::time(status.at),
    });
    emit(world, "status", repository, &status.creator, body);
}

/// A check run was created or completed; a suite of which every run is completed is reported too.
pub(crate) fn check_run(world: &mut World, repository: u64, run: &CheckRun) {
    let Some(found) = world.repository_by_id(repository) else {
        return;
    };
    let suite = check_suite(world, found, run);
    let mut shown = record::check_run(world, found, run);
    shown["check_suite"].clone_from(&suite);
    let completed = run.conclusion.is_some();
    let action = if completed { "completed" } else { "created" };
    let suite_completed = suite["status"] == "completed";
    let sender = format!("{}[bot]", run.app);
    emit(
        world,
        "check_run",
        repository,
        &sender,
        json!({"action": action, "check_run": shown}),
    );
    if suite_completed {
        let body = json!({"action": "completed", "check_suite": suite});
        emit(world, "check_suite", repository, &sender, body);
    }
}

fn check_suite(world: &World, repository: &Repository, run: &CheckRun) -> Value {
    let mut latest: Vec<&CheckRun> = Vec::new();
    for other in repository
        .check_runs
        .iter()
        .filter(|other| other.sha == run.sha && other.app == run.app)
    {
        latest.retain(|known| known.name != other.name);
        latest.push(other);
    }
    let completed = latest.iter().all(|run| run.conclusion.is_some());
    let green = latest
        .iter()
        .all(|run| matches!(run.conclusion.as_deref(), Some("success" | "neutral" | "skipped")));
    let conclusion = completed.then_some(if green { "success" } else { "failure" });
    let head_branch = repository
        .branches
        .iter()
        .find(|(_, head)| **head == run.sha)
        .map(|(name, _)| name);
    let id = number_of(&format!("{} {}", run.sha, run.app), 1_000_000_000);
    json!({
        "id": id,
        "node_id": shape::node_id("CheckSuite", id),
        "head_branch": head_branch,
        "head_sha": run.sha,
        "status": if completed { "completed" } else { "in_progress" },
        "conclusion": conclusion,
        "url": format!("{}/repos/{}/check-suites/{id}", world.api_url, repository.name),
        "before": null,
        "after": run.sha,
        "pull_requests": [],
        "app": shape::carried_app(world, &run.app),
        "created_at": shape::time(run.at),
        "updated_at": shape::time(run.at),
        "latest_check_runs_count": latest.len(),
    })
}

/// A branch moved, appeared or went away.
pub(crate) fn push(world: &mut World, repository: u64, branch: &str, before: &str, after: &str, pusher: &str) {
    let Some(found) = world.repository_by_id(repository) else {
        return;
    };
    let url = format!("{}/{}", world.url, found.name);
    let between = found.compare(before, after);
    let forced = between.as_ref().is_some_and(|comparison| comparison.behind > 0);
    let pushed = between.map_or_else(
        || {
            found
                .commits
                .get(after)
                .map(|commit| commit.sha.clone())
                .into_iter()
                .collect()
        },
        |comparison| comparison.ahead,
    );
    let commits: Vec<Value> = pushed
        .iter()
        .filter_map(|sha| found.commits.get(sha))
        .map(|commit| {
            let person = json!({"name": commit.author, "email": format!("{}@users.noreply.example.com", commit.author), "username": commit.author});
            json!({
                "id": commit.sha,
                "tree_id": crate::github::graph::sha_of(&format!("tree of {}", commit.sha)),
                "distinct": true,
                "message": commit.message,
                "timestamp": shape::time(commit.at),
                "url": format!("{url}/commit/{}", commit.sha),
                "author": person,
                "committer": person,
                "added": [], "removed": [], "modified": [],
            })
        })
        .collect();
    let body = json!({
        "ref": format!("refs/heads/{branch}"),
        "before": before,
        "after": after,
        "base_ref": null,
        "created": before == NO_COMMIT,
        "deleted": after == NO_COMMIT,
        "forced": forced,
        "compare": format!("{url}/compare/{before}...{after}"),
        "head_commit": commits.last(),
        "commits": commits,
        "pusher": {"name": pusher, "email": format!("{pusher}@users.noreply.example.com")},
    });
    emit(world, "push", repository, pusher, body);
    let (id, at) = (world.fresh_id(), world.now());
    let activity = Activity {
        id,
        branch: branch.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
        by: pusher.to_owned(),
        at,
    };
    if let Ok(found) = world.find_mut(repository) {
        found.activity.push(activity);
    }
}

/// Somebody wrote about an issue or a pull request.
pub(crate) fn issue_comment(world: &mut World, repository: u64, id: u64, action: &str) {
    let Some((found, comment)) = world
        .repository_by_id(repository)
        .and_then(|found| Some((found, found.comments.iter().find(|comment| comment.id == id)?)))
    else {
        return;
    };
    let api = format!("{}/repos/{}", world.api_url, found.name);
    let number = comment.issue;
    let mut issue = json!({
        "url": format!("{api}/issues/{number}"),
        "id": number_of(&format!("{repository} issue {number}"), 1_000_000_000),
        "number": number,
        "title": format!("Number {number}"),
        "state": "open",
        "user": shape::user(world, "mona"),
    });
    if found.pulls.iter().any(|pull| pull.number == number) {
        issue["pull_request"] = json!({"url": format!("{api}/pulls/{number}"), "merged_at": null});
    }
    let author = comment.author.clone();
    let mut body = json!({"action": action, "issue": issue, "comment": record::comment(world, found, comment)});
    if action == "edited" {
        body["changes"] = json!({"body": {"from": "what it said before"}});
    }
    emit(world, "issue_comment", repository, &author, body);
}

/// A pull request was closed, merged or not.
pub(crate) fn pull_closed(world: &mut World, repository: u64, number: u64, by: &str) {
    let Some((found, pull)) = world
        .repository_by_id(repository)
        .and_then(|found| Some((found, found.pulls.iter().find(|pull| pull.number == number)?)))
    else {
        return;
    };
    let mut shown = record::pull(world, found, pull);
    shown["merged"] = json!(pull.merge_commit.is_some());
    shown["merged_by"] = match &pull.merged_by {
        Some(login) => shape::user(world, login),
        None => Value::Null,
    };
    let body = json!({"action": "closed", "number": number, "pull_request": shown});
    emit(world, "pull_request", repository, by, body);
}

/// A workflow of GitHub Actions has run.
pub(crate) fn workflow_run(world: &mut World, repository: u64, sha: &str, name: &str, conclusion: &str) {
    let Some(found) = world.repository_by_id(repository) else {
        return;
    };
    let head_branch = found
        .branches
        .iter()
        .find(|(_, head)| *head == sha)
        .map(|(name, _)| name);
    let id = number_of(&format!("{repository} {name} {sha}"), 100_000_000);
    let body = json!({
        "action": "completed",
        "workflow_run": {
            "id": id,
            "name": name,
            "head_branch": head_branch,
            "head_sha": sha,
            "event": "push",
            "status": "completed",
            "conclusion": conclusion,
            "run_number": 1,
            "run_attempt": 1,
            "workflow_id": id + 1,
        },
        "workflow": {"id": id + 1, "name": name, "path": ".github/workflows/ci.yml", "state": "active"},
    });
    emit(world, "workflow_run", repository, "mona", body);
}

/// GitHub tries one hook.
pub(crate) fn ping(world: &mut World, hook: u64) {
    let Some(found) = world.hooks.iter().find(|found| found.id == hook) else {
        return;
    };
    let content_type = match found.content_type {
        ContentType::Json => "json",
        ContentType::Form => "form",
    };
    let body = json!({
        "zen": "Keep it logically awesome.",
        "hook_id": found.id,
        "hook": {
            "type": "App",
            "id": found.id,
            "name": "web",
            "active": found.active,
            "events": found.events,
            "config": {"content_type": content_type, "insecure_ssl": "0", "url": found.url, "secret": "********"},
            "updated_at": shape::time(world.now()),
            "created_at": shape::time(world.now()),
            "app_id": world.app.id,
        },
    });
    let sender = "mona".to_owned();
    let event = Event {
        name: "ping",
        repository: None,
        sender,
        body: object(body),
        only: Some(hook),
    };
    world.emit(&event);
}

fn insert_workflow(body: &mut Map<String, Value>, workflow: &Workflow, sha: &str, repository: u64) {
    let (shown, run) = match workflow {
        Workflow::Absent => return,
        Workflow::Null => (Value::Null, Value::Null),
        Workflow::Run { name } => {
            let id = number_of(&format!("{repository} {name}"), 100_000_000);
            (
                json!({"id": id, "name": name, "path": ".github/workflows/deploy.yml", "state": "active"}),
                json!({
                    "id": id + 1,
                    "name": name,
                    "head_sha": sha,
                    "status": "in_progress",
                    "conclusion": null,
                    "event": "push",
                    "run_number": 1,
                    "run_attempt": 1,
                    "workflow_id": id,
                }),
            )
        }
    };
    body.insert("workflow".to_owned(), shown);
    body.insert("workflow_run".to_owned(), run);
}

/// Emits an event of the App itself.
pub(crate) fn emit_for_app(world: &mut World, name: &'static str, sender: &str, body: Value) {
    let event = Event {
        name,
        repository: None,
        sender: sender.to_owned(),
        body: object(body),
        only: None,
    };
    world.emit(&event);
}

/// Emits an event of a repository.
pub(crate) fn emit(world: &mut World, name: &'static str, repository: u64, sender: &str, body: Value) {
    let event = Event {
        name,
        repository: Some(repository),
        sender: sender.to_owned(),
        body: object(body),
        only: None,
    };
    world.emit(&event);
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
