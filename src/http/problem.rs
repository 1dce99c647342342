//! Errors of the API: `application/problem+json` with a stable code.
//! <https://www.rfc-editor.org/rfc/rfc9457>

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Something that was asked for and cannot be had.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    /// A problem with a stable code and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            status,
            code,
            detail: detail.to_owned(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("error");
        let body = json!({ "title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail });
        let mut response = (self.status, body.to_string()).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}

/// A fault of ours: logged whole, told without detail.
pub(crate) fn server_fault(error: &dyn std::error::Error) -> Response {
    tracing::error!(error = %error, "a request could not be answered");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_fault",
        "Chima could not answer; its log says why",
    )
    .into_response()
}
