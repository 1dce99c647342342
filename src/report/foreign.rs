//! Deployments that others carry out, in words.

use crate::domain::clock::Timestamp;
use crate::domain::foreign::ForeignDeployment;
use crate::report::chat::ago;
use crate::report::duration::span;
use crate::report::words::{brief, commit, person, plain};

/// What it is: `octo/site, main to production`.
#[must_use]
pub fn what(one: &ForeignDeployment) -> String {
    format!(
        "{}/{} to {}",
        brief(&one.repository),
        brief(&one.git_ref),
        brief(&one.environment)
    )
}

/// Whose it is, and what was last said of it.
#[must_use]
pub fn why(one: &ForeignDeployment) -> String {
    let whose = match &one.creator {
        Some(creator) => format!("not Chima's: made by {}", person(creator)),
        None => "not Chima's".to_owned(),
    };
    match one.status.as_ref().and_then(|status| status.description.as_deref()) {
        Some(words) => format!("{whose}; {}", plain(words)),
        None => whose,
    }
}

/// One deployment of a list: when, who, how it ended and after how long; that it was another tool's doing.
#[must_use]
pub fn entry(one: &ForeignDeployment, now: Timestamp) -> String {
    let of = format!("{} to {}", commit(&one.sha, &one.git_ref), brief(&one.environment));
    let status = one.status.as_ref();
    let took = status
        .filter(|status| status.is_terminal())
        .map(|status| span(status.at - one.created_at));
    let took = |before: &str| {
        took.as_ref()
            .map(|took| format!(" {before} {took}"))
            .unwrap_or_default()
    };
    let what = match one.state() {
        "success" => format!("deployed {of}{}", took("in")),
        "inactive" => format!("deployed {of}, which was replaced"),
        "in_progress" => format!("deploying {of}"),
        "created" => format!("{of}, of which nothing was reported"),
        state => format!("{}: {of}{}", brief(state), took("after")),
    };
    let by = one.creator.as_deref().map(|by| format!(", {}", person(by)));
    format!(
        "{}{}: {what}, by another tool",
        ago(one.created_at, now),
        by.unwrap_or_default()
    )
}

/// One line for chat, without marks.
#[must_use]
pub fn line(one: &ForeignDeployment) -> String {
    let of = commit(&one.sha, &one.git_ref);
    let by = one.status.as_ref().and_then(|status| status.by.as_deref());
    let by = by.or(one.creator.as_deref()).map(|by| format!(", says {}", person(by)));
    format!(
        "{}: {} of {} to {}{}",
        brief(one.state()),
        of,
        brief(&one.repository),
        brief(&one.environment),
        by.unwrap_or_default()
    )
}
