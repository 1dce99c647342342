//! Comments on issues and pull requests, and the log of a repository's branches.
//! <https://docs.github.com/en/rest/issues/comments>, <https://docs.github.com/en/rest/repos/repos#list-repository-activities>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::github::comment::{Activity, Comment};
use crate::github::event::NO_COMMIT;
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::shape;
use crate::github::world::World;
use crate::message::Answer;

/// The longest text GitHub takes.
const BODY_LIMIT: usize = 65_536;

pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64, issue: &str) -> Outcome {
    call.needs("issues", "read")
        .or_else(|_| call.needs("pull_requests", "read"))?;
    let issue = number(issue)?;
    let found = world.find(repository)?;
    let all: Vec<&Comment> = found.comments.iter().filter(|comment| comment.issue == issue).collect();
    let page = Page::of(all, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|comment| record::comment(world, found, comment))
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

/// Those of the whole repository, of issues and pull requests alike.
pub(crate) fn list_all(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("issues", "read")
        .or_else(|_| call.needs("pull_requests", "read"))?;
    let since = call.query("since").map(|since| since.parse::<DateTime<Utc>>());
    let since = since.transpose().map_err(|_| Refused::malformed("Invalid since"))?;
    let found = world.find(repository)?;
    let whole = |at: DateTime<Utc>| at.timestamp();
    let new = |comment: &&Comment| since.is_none_or(|since| whole(comment.changed_at) >= whole(since));
    let mut all: Vec<&Comment> = found.comments.iter().filter(new).collect();
    let by_change = call.query("sort") == Some("updated");
    all.sort_by_key(|comment| whole(if by_change { comment.changed_at } else { comment.at }));
    if call.query("direction") == Some("desc") {
        all.reverse();
    }
    let page = Page::of(all, call);
    let shown = page.items.iter().map(|comment| record::comment(world, found, comment));
    let shown: Vec<Value> = shown.collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

pub(crate) fn create(world: &mut World, call: &Call<'_>, repository: u64, issue: &str) -> Outcome {
    may_write(call)?;
    let issue = number(issue)?;
    let body = text(call)?;
    let login = call.actor(world).login;
    let id = world.add_comment(repository, issue, &login, &body)?;
    shown(world, repository, id, 201)
}

pub(crate) fn edit(world: &mut World, call: &Call<'_>, repository: u64, comment: &str) -> Outcome {
    may_write(call)?;
    let id = number(comment)?;
    let body = text(call)?;
    world.change_comment(repository, id, &body)?;
    shown(world, repository, id, 200)
}

/// The newest first.
pub(crate) fn activity(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("contents", "read")?;
    let found = world.find(repository)?;
    let wanted = call
        .query("ref")
        .map(|git_ref| git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref));
    let all: Vec<&Activity> = found
        .activity
        .iter()
        .rev()
        .filter(|one| wanted.is_none_or(|branch| branch == one.branch))
        .collect();
    let page = Page::sized(all, call, 30);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|one| {
            let kind = match (one.before.as_str(), one.after.as_str()) {
                (NO_COMMIT, _) => "branch_creation",
                (_, NO_COMMIT) => "branch_deletion",
                _ => "push",
            };
            json!({
                "id": one.id,
                "node_id": shape::node_id("RepositoryActivity", one.id),
                "before": one.before,
                "after": one.after,
                "ref": format!("refs/heads/{}", one.branch),
                "timestamp": shape::time(one.at),
                "activity_type": kind,
                "actor": shape::user(world, &one.by),
            })
        })
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

/// Either permission opens the comments of a pull request.
fn may_write(call: &Call<'_>) -> Result<(), Refused> {
    call.needs("issues", "write")
        .or_else(|_| call.needs("pull_requests", "write"))
}

fn text(call: &Call<'_>) -> Result<String, Refused> {
    let body = call.fields()?.required_text("body")?;
    if body.chars().count() > BODY_LIMIT {
        return Err(Refused::new(422, "Body is too long (maximum is 65536 characters)"));
    }
    Ok(body)
}

fn number(text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| Refused::not_found())
}

fn shown(world: &World, repository: u64, id: u64, status: u16) -> Outcome {
    let found = world.find(repository)?;
    let comment = found.comments.iter().find(|comment| comment.id == id);
    let comment = comment.ok_or_else(Refused::not_found)?;
    Ok(Answer::json(status, &record::comment(world, found, comment)))
}
