//! `POST /chat`: the bridge for any bot that speaks HTTP. The bot vouches for who speaks and where.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::chat::words::without_address;
use crate::config::notify::callback_line;
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::domain::names::shown;
use crate::flow::chat::answer_here;
use crate::http::inbound::read;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::webhook::same::same;

/// Nobody types more.
const BODY_LIMIT: usize = 64 * 1024;
/// What people call the bot.
const NAMES: [&str; 2] = ["chima", "/chima"];
/// Longer names and rooms are nobody's.
const NAME_LIMIT: usize = 200;

#[derive(Debug, Deserialize)]
struct Said {
    user: String,
    room: String,
    text: String,
    #[serde(default)]
    thread: Option<String>,
    #[serde(default)]
    callback: Option<String>,
}

/// The answer, in the form the bridge promises.
#[derive(Debug, Serialize)]
struct Answer {
    text: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<u64>,
    /// What may be said next, for bots that have buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<OfferForm>,
}

#[derive(Debug, Serialize)]
struct OfferForm {
    label: String,
    text: String,
}

/// Takes what somebody said to a bot, and answers it.
pub async fn say(State(surface): State<Surface>, headers: HeaderMap, body: Body) -> Response {
    let Some(token) = &surface.chat_token else {
        let detail = "the chat bridge is not set up: name a token with `chat.token` and start again";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_set_up", detail).into_response();
    };
    if !shows(&headers, token) {
        let detail = "the token is missing or wrong; send it as `Authorization: Bearer TOKEN`";
        return Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
    }
    let body = match read(body, BODY_LIMIT, |_| ()).await {
        Ok(Some(body)) => body,
        Ok(None) => {
            let detail = "the body is larger than 64 KiB, which nobody types";
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into_response();
        }
        Err(unread) => return unread.answer(),
    };
    let said: Said = match serde_json::from_slice(&body) {
        Ok(said) => said,
        Err(error) => {
            let detail =
                format!("the body is not what it should be ({error}); expected {{\"user\", \"room\", \"text\"}}");
            return Problem::new(StatusCode::BAD_REQUEST, "bad_request", &detail).into_response();
        }
    };
    if let Err(detail) = known_callback(&surface, said.callback.as_deref()) {
        return Problem::new(StatusCode::BAD_REQUEST, "callback_unknown", &detail).into_response();
    }
    let cut = |text: &str| text.trim().chars().take(NAME_LIMIT).collect::<String>();
    let speaker = Speaker {
        name: cut(&said.user),
        id: None,
        place: Place::Room {
            adapter: "bridge",
            room: cut(&said.room),
            id: None,
            thread: said.thread.as_deref().map(cut),
            callback: said.callback,
        },
    };
    if speaker.name.is_empty() {
        return Problem::new(StatusCode::BAD_REQUEST, "bad_request", "`user` is empty").into_response();
    }
    match answer_here(&surface.engine, &speaker, without_address(&said.text, &NAMES)).await {
        Ok(reply) => answered(reply),
        Err(error) => {
            tracing::error!(error = %error, "cannot answer in chat");
            let detail = "the ledger cannot be used now, and nothing was done; say it again in a moment";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable", detail).into_response()
        }
    }
}

/// A callback is one of the names that are set up: an address from a request would let anybody send through us.
fn known_callback(surface: &Surface, name: Option<&str>) -> Result<(), String> {
    let known = &surface.engine.config.callbacks;
    let Some(name) = name.filter(|name| known.iter().all(|known| known.name != callback_line(name))) else {
        return Ok(());
    };
    let names: Vec<String> = known
        .iter()
        .filter_map(|known| known.name.split_once('/'))
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Err(format!(
        "there is no callback `{}` in `chat.callbacks`, or its secret is not there; set up: {names}; nothing was done",
        shown(name)
    ))
}

fn answered(reply: Reply) -> Response {
    let answer = Answer {
        text: reply.text,
        ok: reply.ok,
        reason: reply.reason,
        deployment: reply.deployment.map(|id| id.0),
        offers: reply
            .offers
            .into_iter()
            .map(|offer| OfferForm {
                label: offer.label,
                text: offer.says,
            })
            .collect(),
    };
    let json = serde_json::json!(answer).to_string();
    let mut response = json.into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Whether the request shows the token.
fn shows(headers: &HeaderMap, token: &SecretString) -> bool {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return false;
    };
    let bytes = value.as_bytes();
    let Some((scheme, shown)) = bytes.split_at_checked("Bearer ".len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && same(shown, token.expose_secret().trim().as_bytes())
}
