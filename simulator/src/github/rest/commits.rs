//! The repository, its commits, branches and refs, comparing and merging.
//! <https://docs.github.com/en/rest/commits/commits>

use serde_json::{Value, json};

use crate::github::event;
use crate::github::graph::{Merge, sha_of};
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::shape;
use crate::github::world::{Repository, World};
use crate::message::Answer;

/// A comparison names at most this many commits without paging.
const COMPARED_LIMIT: usize = 250;
/// And so many files, on its first page only.
const FILES_LIMIT: usize = 300;

pub(crate) fn repository(world: &World, repository: u64) -> Outcome {
    let found = world.find(repository)?;
    Ok(Answer::json(200, &shape::repository(world, found)))
}

pub(crate) fn one(world: &World, call: &Call<'_>, repository: u64, reference: &[&str]) -> Outcome {
    call.needs("contents", "read")?;
    let reference = reference.join("/");
    let found = world.find(repository)?;
    let commit = found
        .resolve_short(&reference)
        .and_then(|sha| found.commits.get(sha))
        .ok_or_else(|| Refused::new(422, format!("No commit found for SHA: {reference}")))?;
    let mut shown = record::commit(world, found, commit);
    shown["stats"] = json!({"total": 0, "additions": 0, "deletions": 0});
    shown["files"] = json!([]);
    Ok(Answer::json(200, &shown))
}

/// The history of `sha` (default: the default branch), newest first.
pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("contents", "read")?;
    let found = world.find(repository)?;
    let start = call.query("sha").unwrap_or(&found.default_branch);
    let start = found.resolve(start).ok_or_else(Refused::not_found)?;
    let mut history = found.history(start);
    history.reverse();
    let page = Page::of(history, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .filter_map(|sha| found.commits.get(sha))
        .map(|commit| record::commit(world, found, commit))
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

pub(crate) fn branches(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("contents", "read")?;
    let found = world.find(repository)?;
    let all = found
        .branches
        .iter()
        .map(|(name, sha)| json!({"name": name, "commit": linked_commit(world, found, sha), "protected": false}))
        .collect();
    let page = Page::of(all, call);
    Ok(page.linked(Answer::json(200, &json!(page.items))))
}

pub(crate) fn branch(world: &World, call: &Call<'_>, repository: u64, name: &[&str]) -> Outcome {
    call.needs("contents", "read")?;
    let name = name.join("/");
    let found = world.find(repository)?;
    if let Some(new) = found
        .renamed_branches
        .get(&name)
        .filter(|_| !found.branches.contains_key(&name))
    {
        let location = format!("{}/repositories/{repository}/branches/{new}", call.base);
        let body = json!({"message": "Moved Permanently", "url": location});
        return Ok(Answer::json(301, &body).with("location", location));
    }
    let commit = found
        .branches
        .get(&name)
        .and_then(|sha| found.commits.get(sha))
        .ok_or_else(|| Refused::new(404, "Branch not found"))?;
    let body = json!({"name": name, "commit": record::commit(world, found, commit), "protected": false});
    Ok(Answer::json(200, &body))
}

/// `heads/<branch>` or `tags/<tag>`.
pub(crate) fn reference(world: &World, call: &Call<'_>, repository: u64, reference: &[&str]) -> Outcome {
    call.needs("contents", "read")?;
    let found = world.find(repository)?;
    let sha = match reference {
        ["heads", name @ ..] => found.branches.get(&name.join("/")),
        ["tags", name @ ..] => found.tags.get(&name.join("/")),
        _ => None,
    };
    let sha = sha.ok_or_else(Refused::not_found)?;
    let name = format!("refs/{}", reference.join("/"));
    let api = format!("{}/repos/{}", world.api_url, found.name);
    let body = json!({
        "ref": name,
        "node_id": shape::node_id("Ref", found.id),
        "url": format!("{api}/git/{name}"),
        "object": {"type": "commit", "sha": sha, "url": format!("{api}/git/commits/{sha}")},
    });
    Ok(Answer::json(200, &body))
}

/// `base...head`, either of which may have slashes.
pub(crate) fn compare(world: &World, call: &Call<'_>, repository: u64, range: &[&str]) -> Outcome {
    call.needs("contents", "read")?;
    let range = range.join("/");
    let (base, head) = range.split_once("...").ok_or_else(Refused::not_found)?;
    let found = world.find(repository)?;
    let base_sha = found.resolve_short(base).ok_or_else(Refused::not_found)?;
    let head_sha = found.resolve_short(head).ok_or_else(Refused::not_found)?;
    let comparison = found
        .compare(base_sha, head_sha)
        .ok_or_else(|| Refused::new(404, format!("No common ancestor between {base} and {head}.")))?;
    let commit = |sha: &str| {
        found
            .commits
            .get(sha)
            .map_or(Value::Null, |commit| record::commit(world, found, commit))
    };
    let total = comparison.ahead.len();
    let page = Page::sized(comparison.ahead.iter().collect(), call, COMPARED_LIMIT);
    let commits: Vec<Value> = page.items.iter().map(|sha| commit(sha)).collect();
    let html = format!("{}/{}/compare/{range}", world.url, found.name);
    let body = json!({
        "url": format!("{}/repos/{}/compare/{range}", world.api_url, found.name),
        "html_url": html,
        "permalink_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "base_commit": commit(base_sha),
        "merge_base_commit": commit(&comparison.merge_base),
        "status": comparison.status(),
        "ahead_by": total,
        "behind_by": comparison.behind,
        "total_commits": total,
        "commits": commits,
        "files": changed_files(found, &comparison.ahead, call),
    });
    Ok(page.linked(Answer::json(200, &body)))
}

/// The files that the commits of a comparison change, each once.
fn changed_files(repository: &Repository, ahead: &[String], call: &Call<'_>) -> Vec<Value> {
    if call.query("page").is_some_and(|page| page != "1") {
        return Vec::new();
    }
    let mut names: Vec<&String> = ahead
        .iter()
        .filter_map(|sha| repository.commits.get(sha))
        .flat_map(|commit| &commit.files)
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .take(FILES_LIMIT)
        .map(|name| {
            json!({"sha": sha_of(name), "filename": name, "status": "modified", "additions": 1, "deletions": 1, "changes": 2})
        })
        .collect()
}

pub(crate) fn merge(world: &mut World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("contents", "write")?;
    let fields = call.fields()?;
    let base = fields.required_text("base")?;
    let head = fields.required_text("head")?;
    let login = call.actor(world).login;
    let now = world.now();
    let message = fields
        .text("commit_message")?
        .unwrap_or_else(|| format!("Merge {head} into {base}"));
    let found = world.find_mut(repository)?;
    let before = found.branches.get(&base).cloned();
    let before = before.ok_or_else(|| Refused::new(404, "Base does not exist"))?;
    if found.resolve(&head).is_none() {
        return Err(Refused::new(404, "Head does not exist"));
    }
    match found.merge(&base, &head, &login, message, now) {
        Some(Merge::Merged(after)) => {
            event::push(world, repository, &base, &before, &after, &login);
            let found = world.find(repository)?;
            let commit = found.commits.get(&after).ok_or_else(Refused::not_found)?;
            Ok(Answer::json(201, &record::commit(world, found, commit)))
        }
        Some(Merge::UpToDate) => Ok(Answer::empty(204)),
        Some(Merge::Conflict) | None => Err(Refused::new(409, "Merge conflict")),
    }
}

fn linked_commit(world: &World, repository: &Repository, sha: &str) -> Value {
    json!({"sha": sha, "url": format!("{}/repos/{}/commits/{sha}", world.api_url, repository.name)})
}
