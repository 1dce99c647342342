//! `/sign-in`, to GitHub and back, and `/sign-out`. All of it works without JavaScript.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::session::digest_of;
use crate::flow::roles::Heard;
use crate::flow::sign_in::{Back, CameBack, Opened, SignInError, local_path, send, take_back, use_word};
use crate::http::access::is_sent_by_us;
use crate::http::api::limit::Limits;
use crate::http::inbound::read;
use crate::http::pages::act::{Act, foreign_page};
use crate::http::pages::filters;
use crate::http::pages::looker::Frame;
use crate::http::pages::{harmless, page, refused, says};
use crate::http::problem::{Problem, server_fault};
use crate::http::serve::Peer;
use crate::http::session::{Cookie, entered};
use crate::http::state::{Live, Surface};

/// Each address may come back, or type a word, so often in the long run, and at once.
const PER_SECOND: f64 = 0.2;
const BURST: f64 = 20.0;
/// As long as a browser may be on its way.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(10);
/// A word is shorter.
const BODY_LIMIT: usize = 4 * 1024;

/// What is kept of signing in, all requests together.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What GitHub has said of people.
    pub(super) heard: Arc<Heard>,
    came_back: Arc<CameBack>,
    limits: Arc<Limits>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            heard: Arc::default(),
            came_back: Arc::default(),
            limits: Arc::new(Limits::new(PER_SECOND, BURST)),
        }
    }
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    frame: Frame,
    /// What happened before, where something did.
    notice: String,
    /// Whether people sign in with GitHub here.
    with_github: bool,
    /// Where that begins.
    begin: String,
    who: String,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    return_to: String,
}

#[derive(Debug, Deserialize)]
struct CallBack {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// The addresses of signing in and out.
pub(super) fn routes() -> Router<Live> {
    Router::new()
        .route("/sign-in", get(ask).post(with_word))
        .route("/sign-in/github", get(to_github))
        .route("/sign-in/callback", get(back))
        .route("/sign-out", post(out))
}

/// Where one signs in, to go on to `wanted`.
#[must_use]
pub(super) fn address(wanted: Option<&str>) -> String {
    match wanted.and_then(local_path).filter(|path| path != "/") {
        Some(path) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("return_to", &path)
                .finish();
            format!("/sign-in?{query}")
        }
        None => "/sign-in".to_owned(),
    }
}

async fn ask(State(surface): State<Surface>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let (frame, who) = match entered(&surface, &headers).await {
        Ok(Some(entered)) => {
            let frame = Frame::of(&entered.viewer, &entered.proof);
            (frame, entered.viewer.name().map(harmless).unwrap_or_default())
        }
        Ok(None) => (Frame::nobodys(), String::new()),
        Err(error) => return refused(Frame::nobodys(), &Problem::from(error)),
    };
    sign_in_page(&surface, frame, "", &wanted.return_to, who)
}

fn sign_in_page(surface: &Surface, frame: Frame, notice: &str, return_to: &str, who: String) -> Response {
    let path = local_path(return_to).filter(|path| path != "/");
    let query = path.map(|path| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", &path)
            .finish();
        format!("?{query}")
    });
    page(&SignInPage {
        frame,
        notice: notice.to_owned(),
        with_github: surface.engine.doors.sign_in.is_some(),
        begin: format!("/sign-in/github{}", query.unwrap_or_default()),
        who,
    })
}

async fn to_github(State(surface): State<Surface>, Query(wanted): Query<Wanted>) -> Response {
    let Some(door) = surface.engine.doors.sign_in.clone() else {
        return Redirect::to("/sign-in").into_response();
    };
    let return_to = local_path(&wanted.return_to).unwrap_or_else(|| "/".to_owned());
    match send(&surface.engine, &door, &return_to) {
        Ok(sent) => {
            let cookie = Cookie::SigningIn.kept(&surface, &sent.cookie, ON_THE_WAY);
            with_cookies(Redirect::to(&sent.address).into_response(), [cookie])
        }
        Err(error) => server_fault(&error),
    }
}

async fn back(
    State(surface): State<Surface>,
    Query(came): Query<CallBack>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let Some(door) = surface.engine.doors.sign_in.clone() else {
        return Redirect::to("/sign-in").into_response();
    };
    if let Some(wait) = too_often(&surface, &headers, peer) {
        return wait;
    }
    let before = digest_before(&surface, &headers);
    let back = Back {
        cookie: Cookie::SigningIn.shown(&surface, &headers).unwrap_or_default(),
        state: &came.state,
        code: came.code.as_deref(),
        before: before.as_deref(),
        user_agent: user_agent(&headers),
    };
    let standing = (&*surface.sign_in.heard, &*surface.sign_in.came_back);
    // boxed: the client's futures are large
    let response = match Box::pin(take_back(&surface.engine, &door, standing, back)).await {
        Ok(opened) => {
            tracing::info!(session.id = opened.session.id, of = ?opened.session.of, "somebody signed in");
            return open(&surface, &opened);
        }
        Err(error) => {
            tracing::warn!(error = %error, "nobody is signed in");
            failed(&error)
        }
    };
    // whatever becomes of it, this way is gone
    with_cookies(response, [Cookie::SigningIn.forgotten(&surface)])
}

/// Whoever may write the ledger gets in without GitHub.
async fn with_word(
    State(surface): State<Surface>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    if !is_sent_by_us(&surface, &headers) {
        return foreign_page();
    }
    if let Some(wait) = too_often(&surface, &headers, peer) {
        return wait;
    }
    let body = match read(body, BODY_LIMIT, |_| ()).await {
        Ok(Some(body)) => body,
        Ok(None) => {
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "no word is that long");
            return refused(Frame::nobodys(), &problem);
        }
        Err(unread) => return unread.answer(),
    };
    let word = form_urlencoded::parse(&body).find(|(name, _)| name == "word");
    let word = word.map(|(_, word)| word.into_owned()).unwrap_or_default();
    let before = digest_before(&surface, &headers);
    match use_word(&surface.engine, &word, before.as_deref(), user_agent(&headers)).await {
        Ok(Some(opened)) => {
            tracing::warn!(session.id = opened.session.id, of = ?opened.session.of, "somebody got in without GitHub");
            open(&surface, &opened)
        }
        Ok(None) => {
            tracing::warn!("a word to get in with was refused");
            let notice = "That word is not good, or not any more: each is good once, and for ten minutes.";
            let mut response = sign_in_page(&surface, Frame::nobodys(), notice, "", String::new());
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        Err(error) => failed(&error),
    }
}

async fn out(State(surface): State<Surface>, headers: HeaderMap, act: Act<Nothing>) -> Response {
    let Act { frame, .. } = act;
    let ended = match entered(&surface, &headers).await {
        Ok(Some(entered)) => {
            surface
                .engine
                .store
                .end_session(&entered.session, surface.engine.now())
                .await
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => with_cookies(
            Redirect::to("/sign-in").into_response(),
            [Cookie::Session.forgotten(&surface)],
        ),
        Err(error) => refused(frame, &Problem::from(error)),
    }
}

/// Lets the browser in, and on to where it was going. The session is a new one, whatever the browser had before.
fn open(surface: &Surface, opened: &Opened) -> Response {
    let length = opened.session.expires_at - opened.session.created_at;
    with_cookies(
        Redirect::to(&opened.return_to).into_response(),
        [
            Cookie::Session.kept(surface, &opened.text, length),
            Cookie::SigningIn.forgotten(surface),
        ],
    )
}

fn with_cookies<const N: usize>(mut response: Response, cookies: [Option<HeaderValue>; N]) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The session that the browser has now ends with the new one.
fn digest_before(surface: &Surface, headers: &HeaderMap) -> Option<String> {
    Cookie::Session.shown(surface, headers).and_then(digest_of)
}

/// What a browser says that it is.
fn user_agent(headers: &HeaderMap) -> &str {
    let said = headers.get(header::USER_AGENT);
    said.and_then(|said| said.to_str().ok()).unwrap_or_default()
}

/// Whoever asks too much, by the address that a proxy at this machine says, or that they connect from.
fn too_often(surface: &Surface, headers: &HeaderMap, peer: Option<Extension<Peer>>) -> Option<Response> {
    let peer = peer.map(|Extension(peer)| peer.0.ip().to_canonical());
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let from = match peer {
        Some(peer) if peer.is_loopback() => Some(last.unwrap_or(peer)),
        other => other,
    };
    let from = from.map(|from| from.to_string()).unwrap_or_default();
    let seconds = surface.sign_in.limits.take(&from, surface.engine.now()).err()?;
    let detail = "too many try to sign in from there; wait a moment, then try again";
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
    let mut response = refused(Frame::nobodys(), &problem);
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    Some(response)
}

fn failed(error: &SignInError) -> Response {
    let (status, text, hint) = match error {
        SignInError::NotSent => (
            StatusCode::BAD_REQUEST,
            "This browser was not sent to GitHub from here, or it took more than ten minutes, or it has come back before.".to_owned(),
            "Sign in again; cookies must be allowed for it.",
        ),
        SignInError::Declined => (
            StatusCode::FORBIDDEN,
            "GitHub says that it was not agreed to.".to_owned(),
            "Sign in again, and agree on GitHub's page.",
        ),
        SignInError::Exchange(_) => (
            StatusCode::BAD_GATEWAY,
            "GitHub does not say who you are.".to_owned(),
            "Sign in again in a moment. Whoever runs Chima finds the reason in its log; without GitHub, `chima token break-glass` lets \
             them in.",
        ),
        SignInError::NothingToSee { login } => (
            StatusCode::FORBIDDEN,
            format!("You are @{}, who may see nothing here.", harmless(login)),
            "`viewers`, `deployers` and `admins` of the configuration name who may; where they name nobody, whoever may push to the \
             repository may.",
        ),
        SignInError::Untold { login } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("GitHub does not say now what @{} may see here.", harmless(login)),
            "Sign in again in a moment; without GitHub, `chima token break-glass` lets in whoever runs Chima.",
        ),
        SignInError::Ledger(_) | SignInError::NoRandomness(_) => return server_fault(error),
    };
    says(status, Frame::nobodys(), "Not signed in", &text, hint)
}

/// What whoever is signed in is shown who may see nothing, or nothing any more.
pub(super) fn nothing_to_see(frame: Frame, untold: bool) -> Response {
    if untold {
        return says(
            StatusCode::SERVICE_UNAVAILABLE,
            frame,
            "GitHub does not answer",
            "It has not said for a while what you may see here.",
            "Load the page again in a moment. Without GitHub, `chima token break-glass` lets in whoever runs Chima.",
        );
    }
    says(
        StatusCode::FORBIDDEN,
        frame,
        "Nothing to see",
        "You are signed in, and may see nothing here.",
        "`viewers`, `deployers` and `admins` of the configuration name who may; where they name nobody, whoever may push to the \
         repository may.",
    )
}
