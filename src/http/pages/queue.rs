//! `/queue`: what runs and waits, why each waits and when it probably begins; and who holds what.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::clock::Timestamp;
use crate::domain::viewer::Scope;
use crate::flow::view::Look;
use crate::flow::view::lock::{LockView, locks};
use crate::flow::view::queue::{AskedView, QueueEntry, Which, queue, read_cursor};
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::rows::{Line, address, short};
use crate::http::pages::{harmless, moment, page};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::duration::span;

const SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    frame: Frame,
    entries: Vec<Entry>,
    on_its_way: Vec<Asked>,
    first: bool,
    next: String,
    locks: Vec<Held>,
    places: Vec<Place>,
}

/// Something that they may lock.
struct Place {
    value: String,
    name: String,
}

struct Entry {
    line: Line,
    why: String,
    position: String,
    begins: String,
    begins_exact: String,
    usual: String,
    since: String,
}

struct Asked {
    what: String,
    environment: String,
    sha: String,
    by: String,
    text: String,
}

struct Held {
    /// For the form that unlocks it; empty where they may not.
    id: String,
    app: String,
    environment: String,
    owner: String,
    reason: String,
    run: String,
    since: String,
    since_exact: String,
    until: String,
    until_exact: String,
    waiting: String,
}

/// Which part of the queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    after: String,
}

/// `/queue`.
pub async fn show(
    State(surface): State<Surface>,
    Looker { viewer, frame }: Looker,
    part: Result<Query<Part>, QueryRejection>,
) -> Response {
    let look = Look::of(&surface.engine, &viewer);
    // an address that nobody gave is the beginning
    let after = part.ok().and_then(|Query(part)| read_cursor(&part.after));
    let which = Which {
        after,
        ..Which::default()
    };
    let read = tokio::try_join!(queue(&look, which, SHOWN), locks(&look));
    let (found, held) = match read {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let next = found.page.next.as_deref().unwrap_or_default();
    let lockable = look.apps().filter(|app| viewer.may_in(Scope::Lock, app.name.as_str()));
    let places = lockable.flat_map(|app| {
        app.environments.iter().map(move |environment| Place {
            value: format!("{}/{}", app.name, environment.name),
            name: format!("{} · {}", app.name, environment.name),
        })
    });
    // whoever sits at this machine without having signed in may only look
    let places: Vec<Place> = if frame.is_signed_in() {
        places.collect()
    } else {
        Vec::new()
    };
    page(&QueuePage {
        places,
        entries: found.page.items.iter().map(|one| entry(&look, one)).collect(),
        on_its_way: found.on_its_way.iter().map(asked).collect(),
        first: after.is_none(),
        next: if next.is_empty() {
            String::new()
        } else {
            address("/queue", &[("after", next)])
        },
        locks: held
            .iter()
            .map(|one| lock(one, frame.is_signed_in() && viewer.may_in(Scope::Lock, &one.app)))
            .collect(),
        frame: frame.at(Section::Queue),
    })
}

fn entry(look: &Look<'_>, one: &QueueEntry) -> Entry {
    let (begins, begins_exact) = shown(one.begins_at);
    let waited = |since: Timestamp| span((look.now - since).max(TimeDelta::zero()));
    Entry {
        line: Line::of(look.config, &one.run),
        why: one.waits_for.as_ref().map(|why| why.text.clone()).unwrap_or_default(),
        position: one.position.map(|position| position.to_string()).unwrap_or_default(),
        begins,
        begins_exact,
        usual: one
            .usual_seconds
            .and_then(TimeDelta::try_seconds)
            .map(span)
            .unwrap_or_default(),
        since: match one.run.started_at {
            Some(started) => format!("runs for {}", waited(started)),
            None => format!("waits for {}", waited(one.run.created_at)),
        },
    }
}

fn asked(one: &AskedView) -> Asked {
    Asked {
        what: format!("{}/{}", one.app, harmless(&one.git_ref)),
        environment: harmless(&one.environment),
        sha: short(&one.sha),
        by: harmless(&one.by),
        text: one.text.clone(),
    }
}

fn lock(one: &LockView, may_unlock: bool) -> Held {
    let (since, since_exact) = shown(Some(one.since));
    let (until, until_exact) = shown(one.until);
    let waiting: Vec<String> = one.waiting.iter().map(|name| harmless(name)).collect();
    Held {
        id: if may_unlock { one.id.clone() } else { String::new() },
        app: one.app.clone(),
        environment: one.environment.clone(),
        owner: harmless(&one.owner),
        reason: one.reason.as_deref().map(harmless).unwrap_or_default(),
        run: one.after_cancel_of.clone().unwrap_or_default(),
        since,
        since_exact,
        until,
        until_exact,
        waiting: waiting.join(", "),
    }
}

/// A time for people and for programs.
fn shown(at: Option<Timestamp>) -> (String, String) {
    at.map(|at| (moment(at), at.to_rfc3339())).unwrap_or_default()
}
