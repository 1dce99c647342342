//! Whoever sends a form of a page: somebody who is signed in, and whose browser was made to send it by a page of ours.
//!
//! Two things must hold, each of which would do: the browser says that a page of ours sends it, and it sends the session's proof, which
//! only such a page has.

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::domain::viewer::Viewer;
use crate::http::access::is_sent_by_us;
use crate::http::inbound::read;
use crate::http::pages::looker::Frame;
use crate::http::pages::refused;
use crate::http::problem::Problem;
use crate::http::session::entered;
use crate::http::state::Surface;
use crate::webhook::same::same;

/// Nobody types more.
const BODY_LIMIT: usize = 64 * 1024;
const KIND: &str = "application/x-www-form-urlencoded";
/// The field with the proof.
const PROOF: &str = "proof";

/// Whoever sends a form, and what it says.
#[derive(Debug)]
pub struct Act<T> {
    /// What they may see and ask for. What a form is about must be seen, and may be asked for: `viewer.may_in(scope, app)`.
    pub viewer: Viewer,
    /// What stands around the page that answers them.
    pub frame: Frame,
    /// The form, without its proof.
    pub form: T,
}

impl<S, T> FromRequest<S> for Act<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Surface: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let surface = Surface::from_ref(state);
        let (parts, body) = request.into_parts();
        let turned_away = |problem: &Problem| refused(Frame::nobodys(), problem);
        if !is_sent_by_us(&surface, &parts.headers) {
            return Err(turned_away(&foreign()));
        }
        let entered = match entered(&surface, &parts.headers).await {
            Ok(Some(entered)) => entered,
            Ok(None) => return Err(turned_away(&nobody())),
            Err(error) => return Err(turned_away(&Problem::from(error))),
        };
        let frame = Frame::of(&entered.viewer, &entered.proof);
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case(KIND)
        {
            let detail = "this address takes what a form of a page sends, and nothing else";
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_unknown", detail);
            return Err(refused(frame, &problem));
        }
        let bytes = match read(body, BODY_LIMIT, |_| ()).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let detail = "the form is larger than 64 KiB, which nobody types";
                let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
                return Err(refused(frame, &problem));
            }
            Err(unread) => return Err(unread.answer()),
        };
        let (proofs, fields): (Vec<_>, Vec<_>) = form_urlencoded::parse(&bytes).partition(|(name, _)| name == PROOF);
        let proven = matches!(proofs.as_slice(), [(_, shown)] if same(shown.as_bytes(), entered.proof.as_bytes()));
        if !proven {
            return Err(refused(frame, &unproven()));
        }
        let rest = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        match Form::<T>::from_request(form(rest), &()).await {
            Ok(Form(form)) => Ok(Self {
                viewer: entered.viewer,
                frame,
                form,
            }),
            Err(rejected) => {
                let detail = format!("the form is not what it should be: {}", rejected.body_text());
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", &detail);
                Err(refused(frame, &problem))
            }
        }
    }
}

/// A request that holds this form.
fn form(text: String) -> Request {
    let mut request = Request::new(Body::from(text));
    *request.method_mut() = axum::http::Method::POST;
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(KIND));
    request
}

fn nobody() -> Problem {
    let detail = "nobody is signed in, or not any more, and nothing was done; sign in, then ask again";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

fn unproven() -> Problem {
    let detail = "the page that this was sent from is not one of this session, and nothing was done; load it again, then ask again";
    Problem::new(StatusCode::FORBIDDEN, "proof_missing", detail)
}

/// A page of another site has made the browser ask.
pub(super) fn foreign() -> Problem {
    let detail = "this was not sent by a page of Chima, and nothing was done";
    Problem::new(StatusCode::FORBIDDEN, "foreign_page", detail)
}

/// The same as a page.
pub(crate) fn foreign_page() -> Response {
    refused(Frame::nobodys(), &foreign()).into_response()
}
