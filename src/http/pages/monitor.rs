//! For wall monitors: `/cctray.xml`, which most of them read, and `/monitor.json` with the same and more.
//! <https://cctray.org/v1/>

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::clock::Timestamp;
use crate::domain::run::RunState;
use crate::domain::viewer::Viewer;
use crate::flow::view::Look;
use crate::flow::view::board::{AppView, EnvironmentView, board};
use crate::flow::view::needs::{is_bad, needs};
use crate::http::pages::harmless;
use crate::http::pages::rows::short;
use crate::http::pages::watcher::Watcher;
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::store::error::StoreError;

#[derive(Template)]
#[template(path = "cctray.xml", escape = "html")]
struct Projects {
    places: Vec<Place>,
}

/// The state of everything, for programs that show it.
#[derive(Debug, Serialize)]
struct Monitor {
    /// How much needs a person.
    needs: usize,
    places: Vec<Place>,
}

/// One environment.
#[derive(Debug, Serialize)]
struct Place {
    app: String,
    environment: String,
    production: bool,
    /// The state of the last that was begun or is running; `none` where nothing was.
    state: String,
    #[serde(skip)]
    activity: &'static str,
    #[serde(skip)]
    last: &'static str,
    /// What runs there: commit, in short.
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip)]
    time: String,
    queued: u64,
    held: u64,
    locked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
    url: String,
}

/// `/cctray.xml`.
pub async fn cctray(State(surface): State<Surface>, Watcher(viewer): Watcher) -> Response {
    let text = match watch(&surface, &viewer).await {
        Ok(Monitor { places, .. }) => Projects { places }.render(),
        Err(error) => return server_fault(&error),
    };
    match text {
        Ok(text) => {
            let kind = HeaderValue::from_static("application/xml; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => server_fault(&error),
    }
}

/// `/monitor.json`.
pub async fn monitor(State(surface): State<Surface>, Watcher(viewer): Watcher) -> Response {
    match watch(&surface, &viewer).await {
        Ok(monitor) => Json(monitor).into_response(),
        Err(error) => server_fault(&error),
    }
}

async fn watch(surface: &Surface, viewer: &Viewer) -> Result<Monitor, StoreError> {
    let look = Look::of(&surface.engine, viewer);
    let board = board(&look, None).await?;
    let needed = needs(&look, &board).await?;
    let mut places = Vec::new();
    for app in &board.apps {
        places.extend(app.environments.iter().map(|place| place_of(&look, app, place)));
    }
    Ok(Monitor {
        needs: needed.items.len(),
        places,
    })
}

fn place_of(look: &Look<'_>, app: &AppView, place: &EnvironmentView) -> Place {
    // what was refused or stopped changes nothing of what runs there
    let broken = place.last.as_ref().filter(|last| is_bad(&last.state));
    let last = broken.or(place.current.as_ref());
    let state = match (&place.running, last) {
        (Some(running), _) => running.state.as_str(),
        (None, Some(last)) => last.state.as_str(),
        (None, None) => "none",
    };
    let outcome = match last.and_then(|last| RunState::from_name(&last.state)) {
        Some(RunState::Succeeded) => "Success",
        Some(RunState::Failed) => "Failure",
        Some(RunState::Errored | RunState::Interrupted) => "Exception",
        Some(
            RunState::Held
            | RunState::Queued
            | RunState::Running
            | RunState::Rejected
            | RunState::Cancelled
            | RunState::Superseded,
        )
        | None => "Unknown",
    };
    let since = last.and_then(|last| last.finished_at);
    let shown = place.running.as_ref().or(last);
    Place {
        app: app.app.clone(),
        environment: harmless(&place.environment),
        production: place.production,
        state: state.to_owned(),
        activity: if place.running.is_some() {
            "Building"
        } else {
            "Sleeping"
        },
        last: outcome,
        label: last.map(|last| short(&last.sha)).unwrap_or_default(),
        since,
        // monitors want a time also where nothing was
        time: since.unwrap_or(Timestamp::UNIX_EPOCH).to_rfc3339(),
        queued: place.queued,
        held: place.held,
        locked: place.lock.is_some(),
        behind: place.drift.as_ref().and_then(|drift| drift.behind),
        url: shown.map_or_else(|| look.config.public_url.clone(), |run| run.url.clone()),
    }
}
