//! Commit statuses, one by one and combined.
//! <https://docs.github.com/en/rest/commits/statuses>

use serde_json::{Value, json};

use crate::github::event;
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::shape;
use crate::github::world::{CommitStatus, World};
use crate::message::Answer;

/// GitHub takes this many statuses for one commit and context.
const STATUS_LIMIT: usize = 1_000;

const STATES: [&str; 4] = ["error", "failure", "pending", "success"];

impl World {
    /// Adds a status to a commit and tells the hooks.
    pub(crate) fn add_commit_status(&mut self, repository: u64, status: CommitStatus) -> Result<(), Refused> {
        let found = self.find_mut(repository)?;
        if !found.commits.contains_key(&status.sha) {
            return Err(Refused::new(422, format!("No commit found for SHA: {}", status.sha)));
        }
        if !STATES.contains(&status.state.as_str()) {
            return Err(Refused::invalid("Status", "state", "state is not included in the list"));
        }
        let same = found
            .statuses
            .iter()
            .filter(|other| other.sha == status.sha && other.context.eq_ignore_ascii_case(&status.context));
        if same.count() >= STATUS_LIMIT {
            let text = "This SHA and context has reached the maximum number of statuses.";
            return Err(Refused::invalid("Status", "base", text));
        }
        found.statuses.push(status.clone());
        event::status(self, repository, &status);
        Ok(())
    }
}

pub(crate) fn create(world: &mut World, call: &Call<'_>, repository: u64, sha: &str) -> Outcome {
    call.needs("statuses", "write")?;
    let fields = call.fields()?;
    let status = CommitStatus {
        id: world.fresh_id(),
        sha: sha.to_owned(),
        state: fields.required_text("state")?,
        context: fields.text("context")?.unwrap_or_else(|| "default".to_owned()),
        description: fields.text("description")?,
        target_url: fields.text("target_url")?,
        creator: call.actor(world).login,
        at: world.now(),
    };
    world.add_commit_status(repository, status.clone())?;
    let shown = record::commit_status(world, world.find(repository)?, &status);
    Ok(Answer::json(201, &shown))
}

/// Every status of a commit, newest first.
pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64, reference: &[&str]) -> Outcome {
    call.needs("statuses", "read")?;
    let found = world.find(repository)?;
    let sha = resolve(world, repository, reference)?;
    let newest_first = found.statuses.iter().rev().filter(|status| status.sha == sha).collect();
    let page = Page::of(newest_first, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|status| record::commit_status(world, found, status))
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

/// The latest status of every context. `pending` also when there is none at all.
pub(crate) fn combined(world: &World, call: &Call<'_>, repository: u64, reference: &[&str]) -> Outcome {
    call.needs("statuses", "read")?;
    let found = world.find(repository)?;
    let sha = resolve(world, repository, reference)?;
    let mut latest: Vec<&CommitStatus> = Vec::new();
    for status in found.statuses.iter().filter(|status| status.sha == sha) {
        latest.retain(|known| !known.context.eq_ignore_ascii_case(&status.context));
        latest.push(status);
    }
    let has = |states: &[&str]| latest.iter().any(|status| states.contains(&status.state.as_str()));
    let state = if has(&["error", "failure"]) {
        "failure"
    } else if latest.is_empty() || has(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let total = latest.len();
    let page = Page::of(latest, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|status| record::commit_status(world, found, status))
        .collect();
    let api = format!("{}/repos/{}/commits/{sha}", world.api_url, found.name);
    let body = json!({
        "state": state,
        "statuses": shown,
        "sha": sha,
        "total_count": total,
        "repository": shape::repository(world, found),
        "commit_url": api,
        "url": format!("{api}/status"),
    });
    Ok(page.linked(Answer::json(200, &body)))
}

/// The SHA of a ref in a path: 422 for what looks like a SHA, 404 for a name.
pub(crate) fn resolve(world: &World, repository: u64, reference: &[&str]) -> Result<String, Refused> {
    let reference = reference.join("/");
    let found = world.find(repository)?.resolve(&reference).map(str::to_owned);
    found.ok_or_else(|| {
        if reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Refused::new(422, format!("No commit found for SHA: {reference}"))
        } else {
            Refused::not_found()
        }
    })
}
