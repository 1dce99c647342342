//! Events that say where to look: what changed about a commit or a branch.
//!
//! Five kinds of bodies, one meaning. Nothing here is believed but that something happened: whoever looks asks GitHub.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::event::{Change, Event, What};
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::webhook::lenient::{self, object, text};
use crate::webhook::parse::{ParseError, full_name};
use crate::webhook::shape::Root;

/// GitHub names at most so many branches of a commit with a status.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#status>
const BRANCHES: usize = 10;
const HEADS: &str = "refs/heads/";

#[derive(Debug, Deserialize)]
struct ChangeBody {
    #[serde(default, rename = "ref", deserialize_with = "text")]
    git_ref: Option<String>,
    #[serde(default, deserialize_with = "text")]
    after: Option<String>,
    #[serde(default, deserialize_with = "object")]
    sender: Option<Person>,
    #[serde(default)]
    branches: Value,
    #[serde(default, deserialize_with = "object")]
    check_run: Option<CheckRun>,
    #[serde(default, deserialize_with = "object")]
    check_suite: Option<Branched>,
    #[serde(default, deserialize_with = "object")]
    workflow_run: Option<Branched>,
    #[serde(default, deserialize_with = "object")]
    pull_request: Option<PullRequest>,
}

#[derive(Debug, Deserialize)]
struct Person {
    #[serde(default, deserialize_with = "text")]
    login: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CheckRun {
    #[serde(default, deserialize_with = "object")]
    check_suite: Option<Branched>,
}

#[derive(Debug, Deserialize)]
struct Branched {
    /// Absent where the commit came from a fork.
    #[serde(default, deserialize_with = "text")]
    head_branch: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PullRequest {
    #[serde(default)]
    merged: Value,
    #[serde(default, deserialize_with = "text")]
    merge_commit_sha: Option<String>,
    #[serde(default, deserialize_with = "object")]
    base: Option<Base>,
    #[serde(default, deserialize_with = "object")]
    merged_by: Option<Person>,
}

#[derive(Debug, Deserialize)]
struct Base {
    #[serde(default, rename = "ref", deserialize_with = "text")]
    git_ref: Option<String>,
}

/// Reads the body of an event that says where to look. Tags and pull requests that were not merged say nothing.
pub(crate) fn read(event: &str, json: &[u8], root: &Root) -> Result<Event, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let body: ChangeBody = lenient::document(json).map_err(ParseError::Json)?;
    let found = match event {
        "push" => pushed(body),
        "pull_request" => merged(body),
        _ => {
            let sha = root.commit().ok_or_else(|| missing("sha"))?.to_owned();
            Some((branches(body), What::Contexts { sha }))
        }
    };
    let Some((branches, what)) = found else {
        return Ok(Event::Unhandled {
            name: full_name(event, root.action.as_deref()),
        });
    };
    let repository = root.repository.as_ref();
    let id = repository.and_then(|repository| repository.id);
    let installation = root.installation.as_ref().and_then(|installation| installation.id);
    Ok(Event::Changed(Box::new(Change {
        repository_id: RepositoryId(id.ok_or_else(|| missing("repository.id"))?),
        repository: repository.and_then(|repository| repository.full_name.clone()),
        default_branch: repository.and_then(|repository| repository.default_branch.clone()),
        installation: installation.map(InstallationId),
        branches,
        what,
    })))
}

type Found = (Option<Vec<String>>, What);

fn pushed(body: ChangeBody) -> Option<Found> {
    let branch = body.git_ref?.strip_prefix(HEADS)?.to_owned();
    // forty zeros: the branch is gone
    let sha = body.after.filter(|sha| sha.bytes().any(|byte| byte != b'0'));
    let by = body.sender.and_then(|sender| sender.login);
    Some((Some(vec![branch]), What::Moved { sha, by }))
}

fn merged(body: ChangeBody) -> Option<Found> {
    let pull = body.pull_request.filter(|pull| pull.merged == Value::Bool(true))?;
    let branch = pull.base.and_then(|base| base.git_ref)?;
    let by = pull.merged_by.or(body.sender).and_then(|person| person.login);
    let sha = pull.merge_commit_sha;
    Some((Some(vec![branch]), What::Moved { sha, by }))
}

fn branches(body: ChangeBody) -> Option<Vec<String>> {
    if let Value::Array(listed) = &body.branches {
        let names = listed.iter().filter_map(|branch| branch.get("name")?.as_str());
        return (listed.len() < BRANCHES).then(|| names.map(str::to_owned).collect());
    }
    let of_run = body.check_run.and_then(|run| run.check_suite);
    let named = of_run.or(body.check_suite).or(body.workflow_run);
    named.and_then(|named| named.head_branch).map(|branch| vec![branch])
}
