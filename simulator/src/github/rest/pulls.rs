//! Pull requests of a repository. This GitHub knows closed ones only.
//! <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests>

use serde_json::{Value, json};

use crate::github::pull::PullRequest;
use crate::github::record;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::world::World;
use crate::message::Answer;

/// Open ones unless `state` says otherwise; the newest first, whatever `sort` says: all of it happens at the end.
pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("pull_requests", "read")?;
    let found = world.find(repository)?;
    let state = call.query("state").unwrap_or("open");
    let wanted = |pull: &&PullRequest| {
        matches!(state, "closed" | "all") && call.query("base").is_none_or(|base| base == pull.base)
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
