//! Requests that ask GitHub for something: each has one effect, however often it is sent.
//!
//! What a sender calls a request is written down before anything is done, and the answer with it. A request whose answer was lost
//! on the way is answered as the first one was; one whose server died in between is looked for on GitHub before it is asked again.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::chat::command::Command;
use crate::domain::conversation::{Reply, Speaker};
use crate::domain::viewer::{Viewer, Who};
use crate::flow::ask::made_before;
use crate::flow::chat::command_here;
use crate::flow::obstacle::Obstacle;
use crate::flow::view::forms::Done;
use crate::http::access::no_token;
use crate::http::api::answer::{json, refused};
use crate::http::api::guard::Caller;
use crate::http::problem::{Problem, fault};
use crate::http::state::Surface;
use crate::report::chat as words;
use crate::store::api_requests::{Begun, RequestKey};

/// Longer than all calls of one request may take.
const CLAIM: TimeDelta = TimeDelta::seconds(300);
/// How often, and how many times, a form that is being worked on is looked at.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 60;
const NAME: &str = "idempotency-key";
const LONGEST: usize = 200;

/// What a request is called by its sender.
#[derive(Debug)]
pub(super) struct Key(String);

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Work {
    /// All of it in words, by which it is told from another under the same key.
    pub(crate) what: String,
    pub(crate) command: Command,
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut all = parts.headers.get_all(NAME).iter();
        let one = match (all.next(), all.next()) {
            (Some(one), None) => one.to_str().unwrap_or_default(),
            _ => "",
        };
        if (1..=LONGEST).contains(&one.len()) && one.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(one.to_owned()));
        }
        let detail = "say what this request is called, another word for each, as in `Idempotency-Key: $(uuidgen)`: sent again \
                      under the same key it is answered as it was, and nothing is done twice";
        Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_missing", detail))
    }
}

/// As whom somebody speaks to the engine.
pub(super) fn speaker(caller: &Caller, ask: Option<String>) -> Result<Speaker, Problem> {
    caller.viewer.speaker(ask).ok_or_else(no_token)
}

/// What stopped the engine.
pub(crate) fn chat_failed(error: Obstacle) -> Problem {
    match error {
        Obstacle::Ledger(error) => error.into(),
        Obstacle::GitHub(error) => {
            tracing::warn!(error = %error, "GitHub does not answer a request of the API");
            let detail = words::nothing_done(&error.to_string(), None);
            Problem::new(StatusCode::BAD_GATEWAY, "github_unavailable", &detail).again_in(5)
        }
    }
}

/// What a request came to.
enum Outcome {
    /// It was done now, or refused.
    Now(Result<(StatusCode, String), Problem>),
    /// It had been answered before.
    Before(u16, String),
    /// Somebody works on it.
    UnderWay,
}

/// Does it, unless that was done.
pub(super) async fn once(surface: &Surface, caller: &Caller, key: Key, work: Work) -> Result<Response, Problem> {
    // only a token comes this far
    let Who::Token { id: token, .. } = &caller.viewer.who else {
        return Err(no_token());
    };
    match settled(surface, &caller.viewer, (token, &key.0), &work).await? {
        Outcome::Now(Ok((status, body))) => Ok(json(status, body)),
        Outcome::Now(Err(problem)) => Err(problem),
        Outcome::Before(status, body) => Ok(again(status, body)),
        Outcome::UnderWay => Err(under_way()),
    }
}

/// The same for a form of a page: where to look for what came of it.
pub(crate) async fn in_page(surface: &Surface, viewer: &Viewer, ask: &str, work: Work) -> Result<String, Problem> {
    let (Who::Session { id, .. } | Who::Emergency { id, .. }) = &viewer.who else {
        return Err(no_token());
    };
    if !(1..=LONGEST).contains(&ask.len()) {
        let detail = "the page that this was sent from is not whole; load it again, then ask again";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail));
    }
    let mut looks = 0;
    let (status, body) = loop {
        match settled(surface, viewer, (id, ask), &work).await? {
            Outcome::Now(done) => break done?,
            Outcome::Before(status, body) => break (StatusCode::from_u16(status).unwrap_or_default(), body),
            // whoever has pressed the button twice sees what came of the first time
            Outcome::UnderWay if looks < LOOKS => {
                looks += 1;
                tokio::time::sleep(LOOK).await;
            }
            Outcome::UnderWay => return Err(under_way()),
        }
    };
    if status.is_success() {
        let done: Option<Done> = serde_json::from_str(&body).ok();
        let deployment = done.and_then(|done| done.deployment);
        return Ok(deployment.map_or_else(|| "/".to_owned(), |id| format!("/deployments/{id}")));
    }
    let said: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let detail = said["detail"].as_str().unwrap_or("it was refused before");
    Err(Problem::new(status, "refused", detail))
}

fn under_way() -> Problem {
    let detail = "the same request is being worked on; ask again in a moment for its answer";
    Problem::new(StatusCode::CONFLICT, "under_way", detail).again_in(2)
}

async fn settled(
    surface: &Surface,
    viewer: &Viewer,
    (owner, name): (&str, &str),
    work: &Work,
) -> Result<Outcome, Problem> {
    let engine = &surface.engine;
    let digest = hex::encode(Sha256::digest(work.what.as_bytes()));
    let key = RequestKey {
        token: owner,
        key: name,
        digest: &digest,
    };
    let now = engine.now();
    let ask = engine.fresh_id();
    let (ask, wished) = match engine.store.begin_request(key, &ask, (now, now + CLAIM)).await? {
        Begun::Ours { ask, wished } => (ask, wished),
        Begun::Answered { status, body } => return Ok(Outcome::Before(status, body)),
        Begun::UnderWay => return Ok(Outcome::UnderWay),
        Begun::Other => {
            let detail = "another request had this `Idempotency-Key`; choose a new one for each";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                detail,
            ));
        }
    };
    if let Some(wished) = &wished {
        match Box::pin(made_before(&engine.github, wished, &ask)).await {
            Ok(Some(deployment)) => {
                let reply = Reply {
                    deployment: Some(deployment),
                    ..Reply::done(words::made_before(deployment))
                };
                return answered(surface, key, &reply).await;
            }
            Ok(None) => {}
            Err(error) => {
                engine.store.release_request(key).await?;
                return Err(chat_failed(Obstacle::GitHub(error)));
            }
        }
    }
    let speaker = viewer.speaker(Some(ask)).ok_or_else(no_token)?;
    match command_here(engine, &speaker, &work.command).await {
        // it may have been made: it is looked for when the request comes again; or what was seen before it is not so any more, and
        // nothing was asked for
        Ok(reply) if matches!(reply.reason, Some("unsettled" | "github_unavailable" | "ref_moved")) => {
            engine.store.release_request(key).await?;
            Err(refused(&reply))
        }
        Ok(reply) => answered(surface, key, &reply).await,
        Err(error) => {
            engine.store.release_request(key).await?;
            Err(chat_failed(error))
        }
    }
}

/// Keeps the answer, and gives it.
async fn answered(surface: &Surface, key: RequestKey<'_>, reply: &Reply) -> Result<Outcome, Problem> {
    let done = if reply.ok {
        let done = Done {
            text: reply.text.clone(),
            deployment: reply.deployment.map(|id| id.0),
        };
        Ok((
            StatusCode::CREATED,
            serde_json::to_string(&done).map_err(|error| fault(&error))?,
        ))
    } else {
        Err(refused(reply))
    };
    let (status, body) = match &done {
        Ok((status, body)) => (*status, body.clone()),
        Err(problem) => (problem.status(), problem.body()),
    };
    if let Err(error) = surface.engine.store.answer_request(key, status.as_u16(), &body).await {
        // it is done all the same; a request that comes again looks for it
        tracing::warn!(error = %error, "cannot keep the answer to a request");
    }
    Ok(Outcome::Now(done))
}

/// The answer as it was given before.
fn again(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, body);
    let headers = response.headers_mut();
    if !status.is_success() {
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(axum::http::header::CONTENT_TYPE, kind);
    }
    headers.insert(
        HeaderName::from_static("idempotency-replayed"),
        HeaderValue::from_static("true"),
    );
    response.into_response()
}
