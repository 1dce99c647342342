//! Pull requests of a repository.
//! <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests>

use serde_json::{Value, json};

use crate::github::pull::PullRequest;
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::world::World;
use crate::message::Answer;

/// One of them.
pub(crate) fn one(world: &World, call: &Call<'_>, repository: u64, number: &str) -> Outcome {
    call.needs("pull_requests", "read")?;
    let found = world.find(repository)?;
    let pull = found.pulls.iter().find(|pull| pull.number.to_string() == number);
    let pull = pull.ok_or_else(Refused::not_found)?;
    let mut shown = record::pull(world, found, pull);
    shown["merged"] = json!(pull.merge_commit.is_some());
    Ok(Answer::json(200, &shown))
}

/// Open ones unless `state` says otherwise; the newest first, whatever `sort` says: all of it happens at the end.
pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("pull_requests", "read")?;
    let found = world.find(repository)?;
    let state = call.query("state").unwrap_or("open");
    let wanted = |pull: &&PullRequest| {
        let is = if pull.closed_at.is_some() { "closed" } else { "open" };
        (state == "all" || state == is) && call.query("base").is_none_or(|base| base == pull.base)
    };
    let mut pulls: Vec<&PullRequest> = found.pulls.iter().filter(wanted).collect();
    let ascending = call.query("direction") == Some("asc");
    if !ascending {
        pulls.reverse();
    }
    let page = Page::of(pulls, call);
    let shown: Vec<Value> = page.items.iter().map(|pull| record::pull(world, found, pull)).collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}
