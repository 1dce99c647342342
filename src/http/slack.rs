//! `POST /slack/commands`, `/slack/events` and `/slack/interactivity`: what people say to Chima in Slack.
//!
//! The signature over the raw bytes is verified, what was said is written to the ledger, and then Slack has its answer, within
//! its three seconds. <https://docs.slack.dev/authentication/verifying-requests-from-slack>

mod signature;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value, json};

use crate::chat::slack::heard::{self, Heard, NotSlack, Request};
use crate::flow::slack;
use crate::http::slack::signature::verify;
use crate::http::state::{Live, Surface};
use crate::store::error::StoreError;

/// A pressed button brings its whole message along; Slack never sends more.
pub const BODY_LIMIT: usize = 512 * 1024;
/// Slack gives up after three seconds. Where the ledger does not answer by then, Slack says it again.
const DEADLINE: Duration = Duration::from_millis(2_700);

/// The three addresses.
pub(super) fn routes() -> Router<Live> {
    Router::new()
        .route("/slack/commands", post(commands))
        .route("/slack/events", post(events))
        .route("/slack/interactivity", post(interactivity))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// A slash command. Its answer is in the body where it is ready soon enough; else it follows.
pub async fn commands(State(surface): State<Surface>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match believed(&surface, &headers, &body) {
        Ok(()) => heard::command(&fields(&body)),
        Err(refused) => return *refused,
    };
    let heard = match said(request) {
        Ok(heard) => heard,
        Err(answer) => return *answer,
    };
    let work = Box::pin(slack::take_command(&surface.engine, heard));
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(Ok(Some(answer))) => as_json(&answer),
        Ok(Ok(None)) => StatusCode::OK.into_response(),
        Ok(Err(error)) => unavailable(&error),
        Err(_) => too_slow(),
    }
}

/// What Slack calls events: the bot was mentioned, or written to.
pub async fn events(State(surface): State<Surface>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = believed(&surface, &headers, &body) {
        return *refused;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return broken("the body is not JSON");
    };
    if let Some(number) = headers.get("x-slack-retry-num").and_then(|value| value.to_str().ok()) {
        let reason = headers
            .get("x-slack-retry-reason")
            .and_then(|value| value.to_str().ok());
        tracing::info!(number, reason, "Slack says an event again");
    }
    take(&surface, heard::event(&body)).await
}

/// A pressed button.
pub async fn interactivity(State(surface): State<Surface>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = believed(&surface, &headers, &body) {
        return *refused;
    }
    let form = fields(&body);
    let payload = form.get("payload").and_then(Value::as_str);
    let Some(payload) = payload.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return broken("`payload` is missing, or is not JSON");
    };
    take(&surface, heard::interaction(&payload)).await
}

async fn take(surface: &Surface, request: Result<Request, NotSlack>) -> Response {
    let heard = match said(request) {
        Ok(heard) => heard,
        Err(answer) => return *answer,
    };
    match tokio::time::timeout(DEADLINE, slack::take(&surface.engine, heard)).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(error)) => unavailable(&error),
        Err(_) => too_slow(),
    }
}

/// What was said, or the answer to a request that says nothing.
fn said(request: Result<Request, NotSlack>) -> Result<Heard, Box<Response>> {
    match request {
        Ok(Request::Said(heard)) => Ok(*heard),
        Ok(Request::Challenge(challenge)) => Err(Box::new(as_json(&json!({"challenge": challenge})))),
        Ok(Request::Nothing) => Err(Box::new(StatusCode::OK.into_response())),
        Err(error) => Err(Box::new(broken(&error.to_string()))),
    }
}

/// Whether Slack signed this. Whoever sent it otherwise hears nothing about why not.
fn believed(surface: &Surface, headers: &HeaderMap, body: &[u8]) -> Result<(), Box<Response>> {
    let Some(secret) = &surface.slack_signing else {
        let text = "not set up: no signing secret; set `slack.signing_secret` and start again";
        return Err(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, text)));
    };
    if surface.draining.is_cancelled() {
        let text = "going down; say it again in a moment";
        return Err(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, text)));
    }
    verify(headers, body, secret, surface.engine.now()).map_err(|error| {
        tracing::warn!(reason = %error, bytes = body.len(), "a request in Slack's name was refused");
        Box::new(StatusCode::UNAUTHORIZED.into_response())
    })
}

/// The fields of a form. Of one that is there twice, the first counts.
fn fields(body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (key, value) in form_urlencoded::parse(body) {
        fields.entry(key).or_insert_with(|| json!(value));
    }
    Value::Object(fields)
}

fn as_json(value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        value.to_string(),
    )
        .into_response()
}

fn broken(why: &str) -> Response {
    // Slack would not say it better the next time
    let mut response = plain(StatusCode::BAD_REQUEST, why);
    let no = header::HeaderValue::from_static("1");
    response.headers_mut().insert("x-slack-no-retry", no);
    response
}

fn unavailable(error: &StoreError) -> Response {
    tracing::error!(error = %error, "cannot write down what somebody said in Slack");
    plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "the ledger cannot be used now; say it again in a moment",
    )
}

fn too_slow() -> Response {
    tracing::error!("the ledger did not answer within Slack's three seconds");
    plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "the ledger is slow now; say it again in a moment",
    )
}

fn plain(status: StatusCode, text: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, format!("{text}\n")).into_response()
}
