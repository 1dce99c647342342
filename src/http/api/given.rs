//! What a request says, read strictly: what cannot be meant is answered with what is wrong about it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::http::problem::Problem;

/// The query.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

/// The parts of the address.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

/// The body, as JSON. Only what says that it is JSON is read as such: no form of a page can say that.
#[derive(Debug)]
pub(super) struct Given<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(bad(&format!(
                "the query is not what it should be: {}",
                inner(&error.body_text())
            ))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(error) => Err(bad(&format!(
                "the address cannot be read: {}",
                inner(&error.body_text())
            ))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let detail = "the body must be JSON: send it with `Content-Type: application/json`";
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content_type_unknown",
                detail,
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejected| {
            let status = rejected.into_response().status();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(status, "too_large", "the body is larger than 64 KiB")
            } else {
                bad("the body broke off")
            }
        })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            Category::Data => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_request",
                &format!("the body is not what it should be: {error}"),
            ),
            Category::Syntax | Category::Eof | Category::Io => bad(&format!("the body is no JSON: {error}")),
        })?;
        Ok(Self(value))
    }
}

/// What the library found, without its own beginning of the sentence.
fn inner(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_, inner)| inner)
}

/// What cannot be read.
pub(super) fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}
