//! `/locks`: what people do about locks from the page of the queue.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::chat::command::{Command, Lock};
use crate::domain::length::Length;
use crate::domain::lock::Otherwise;
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::chat::command_here;
use crate::flow::view::Look;
use crate::flow::view::lock::locks;
use crate::http::api::answer::refused as refusal;
use crate::http::api::once::chat_failed;
use crate::http::pages::act::Act;
use crate::http::pages::{harmless, may_only_look, missing, refused};
use crate::http::problem::Problem;
use crate::http::state::Surface;

/// What the form asks for.
#[derive(Debug, Deserialize)]
pub struct NewLock {
    /// `app/environment`.
    #[serde(default)]
    place: String,
    #[serde(default)]
    reason: String,
    /// For how long, such as `2h`; until somebody unlocks where it is empty.
    #[serde(default, rename = "for")]
    length: String,
    /// `refuse`, `wait` or `steal`, where somebody else has it.
    #[serde(default)]
    otherwise: String,
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// `POST /locks`.
pub async fn lock(State(surface): State<Surface>, act: Act<NewLock>) -> Response {
    let Act { viewer, frame, form } = act;
    match wanted(&surface, &viewer, &form) {
        Ok(None) => missing(frame),
        Ok(Some(command)) => match carry_out(&surface, &viewer, &command).await {
            Ok(()) => Redirect::to("/queue").into_response(),
            Err(problem) => refused(frame, &problem),
        },
        Err(problem) => refused(frame, &problem),
    }
}

/// `POST /locks/{id}/unlock`.
pub async fn unlock(State(surface): State<Surface>, Path(id): Path<String>, act: Act<Nothing>) -> Response {
    let Act { viewer, frame, .. } = act;
    let look = Look::of(&surface.engine, &viewer);
    let held = match locks(&look).await {
        Ok(held) => held,
        Err(error) => return refused(frame, &Problem::from(error)),
    };
    let Some(lock) = held.into_iter().find(|lock| lock.id == id) else {
        return missing(frame);
    };
    if !viewer.may_in(Scope::Lock, &lock.app) {
        return refused(frame, &may_only_look());
    }
    let command = Command::Unlock {
        app: lock.app,
        environments: vec![lock.environment],
    };
    match carry_out(&surface, &viewer, &command).await {
        Ok(()) => Redirect::to("/queue").into_response(),
        Err(problem) => refused(frame, &problem),
    }
}

/// `None` where what is to be locked is not there, or not seen.
fn wanted(surface: &Surface, viewer: &Viewer, form: &NewLock) -> Result<Option<Command>, Problem> {
    let look = Look::of(&surface.engine, viewer);
    let spot = form.place.split_once('/');
    let Some((app, environment)) = spot.and_then(|(app, environment)| look.environment(app, environment)) else {
        return Ok(None);
    };
    if !viewer.may_in(Scope::Lock, app.name.as_str()) {
        return Err(may_only_look());
    }
    let invalid = |detail: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail);
    let length = match form.length.trim() {
        "" => None,
        typed => Some(typed.parse::<Length>().map_err(|error| invalid(&error.to_string()))?),
    };
    let otherwise = match form.otherwise.as_str() {
        "" | "refuse" => Otherwise::Refuse,
        "wait" => Otherwise::Wait,
        "steal" => Otherwise::Steal,
        other => {
            let detail = format!(
                "`otherwise` is `{}`; expected `refuse`, `wait` or `steal`",
                harmless(other)
            );
            return Err(invalid(&detail));
        }
    };
    let reason = form.reason.trim();
    Ok(Some(Command::Lock(Lock {
        app: app.name.to_string(),
        environments: vec![environment.name.to_string()],
        length,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        otherwise,
    })))
}

async fn carry_out(surface: &Surface, viewer: &Viewer, command: &Command) -> Result<(), Problem> {
    let speaker = viewer.speaker(None).ok_or_else(may_only_look)?;
    let reply = command_here(&surface.engine, &speaker, command)
        .await
        .map_err(chat_failed)?;
    if reply.ok { Ok(()) } else { Err(refusal(&reply)) }
}
