//! `/sessions`: where somebody is signed in, and an end to it, there or everywhere; for admins of everything, to all sessions of everybody.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::domain::audit::By;
use crate::domain::session::Session;
use crate::domain::viewer::{Scope, Viewer, Who};
use crate::http::pages::act::Act;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::{missing, moment, page, refused};
use crate::http::problem::Problem;
use crate::http::session::entered;
use crate::http::state::Surface;
use crate::store::error::StoreError;
use crate::store::session_ends::Own;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<Row>,
    may_end_all: bool,
}

struct Row {
    id: String,
    browser: String,
    /// The one that the page is looked at in.
    this: bool,
    since: String,
    since_exact: String,
    used: String,
    used_exact: String,
    until: String,
    until_exact: String,
}

#[derive(Template)]
#[template(path = "sessions_all.html")]
struct AllPage {
    frame: Frame,
}

/// Nothing but the proof.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

impl Row {
    fn of(session: &Session, own: &str) -> Self {
        Self {
            id: session.id.clone(),
            browser: session.browser.clone().unwrap_or_else(|| "a browser".to_owned()),
            this: session.id == own,
            since: moment(session.created_at),
            since_exact: session.created_at.to_rfc3339(),
            used: moment(session.last_seen_at),
            used_exact: session.last_seen_at.to_rfc3339(),
            until: moment(session.expires_at),
            until_exact: session.expires_at.to_rfc3339(),
        }
    }
}

/// The page.
pub async fn show(State(surface): State<Surface>, Looker { viewer, frame }: Looker) -> Response {
    let own = own(&viewer).unwrap_or_default();
    match surface.engine.store.own_sessions(own, surface.engine.now()).await {
        Ok(sessions) => page(&SessionsPage {
            rows: sessions.iter().map(|session| Row::of(session, own)).collect(),
            may_end_all: may_end_all(&viewer),
            frame,
        }),
        Err(error) => refused(frame, &error.into()),
    }
}

/// Ends one of one's own.
pub async fn end(
    State(surface): State<Surface>,
    Path(id): Path<String>,
    Act { viewer, frame, .. }: Act<Nothing>,
) -> Response {
    match end_own(&surface, &viewer, Own::One(&id)).await {
        // another's is not there for them, nor is one that is over
        Ok(0) => missing(frame),
        Ok(_) => Redirect::to("/sessions").into_response(),
        Err(error) => refused(frame, &error.into()),
    }
}

/// Ends all of one's own but this one.
pub async fn end_others(State(surface): State<Surface>, Act { viewer, frame, .. }: Act<Nothing>) -> Response {
    match end_own(&surface, &viewer, Own::Others).await {
        Ok(_) => Redirect::to("/sessions").into_response(),
        Err(error) => refused(frame, &error.into()),
    }
}

async fn end_own(surface: &Surface, viewer: &Viewer, which: Own<'_>) -> Result<usize, StoreError> {
    let engine = &surface.engine;
    let own = own(viewer).unwrap_or_default();
    engine.store.end_own_sessions(own, which, engine.now()).await
}

/// Asks whether that is meant.
pub async fn ask_all(Looker { viewer, frame }: Looker) -> Response {
    if may_end_all(&viewer) {
        page(&AllPage { frame })
    } else {
        refused(frame, &for_admins())
    }
}

/// Ends those of everybody.
pub async fn end_all(State(surface): State<Surface>, headers: HeaderMap, act: Act<Nothing>) -> Response {
    let Act { viewer, frame, .. } = act;
    if !may_end_all(&viewer) {
        return refused(frame, &for_admins());
    }
    let engine = &surface.engine;
    let ended = async {
        // by whom, as their signing in was written down
        let by = entered(&surface, &headers)
            .await?
            .map(|entered| By::from(&entered.session.of));
        match by {
            Some(by) => engine.store.end_all_sessions(by, engine.now()).await,
            None => Ok(0),
        }
    };
    match ended.await {
        Ok(_) => Redirect::to("/sign-in").into_response(),
        Err(error) => refused(frame, &error.into()),
    }
}

/// The session in which they look.
fn own(viewer: &Viewer) -> Option<&str> {
    match &viewer.who {
        Who::Session { id, .. } | Who::Emergency { id, .. } => Some(id),
        Who::Token { .. } | Who::Local => None,
    }
}

/// Whoever may everything in every app there is.
fn may_end_all(viewer: &Viewer) -> bool {
    viewer.sees_everything() && viewer.may(Scope::Admin)
}

fn for_admins() -> Problem {
    let detail = "whoever is admin of every app may end the sessions of everybody; so may whoever writes the ledger, with \
                  `chima sessions end --all`";
    Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail)
}
