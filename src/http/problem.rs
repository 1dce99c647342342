//! Errors of the API: `application/problem+json` with a stable code.
//! <https://www.rfc-editor.org/rfc/rfc9457>

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::error::StoreError;

/// Something that was asked for and cannot be had.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// After so many seconds it is worth another try.
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem with a stable code and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            status,
            code,
            detail: detail.to_owned(),
            retry_after: None,
        }
    }

    /// The same, and when it is worth another try.
    #[must_use]
    pub fn again_in(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> String {
        let title = self.status.canonical_reason().unwrap_or("error");
        json!({ "title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail }).to_string()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(error = %error, "a request could not be answered now");
            let detail = "the ledger cannot be used now; try again in a moment";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable", detail).again_in(1);
        }
        fault(&error)
    }
}

/// A fault of ours: logged whole, told without detail.
pub(crate) fn fault(error: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %error, "a request could not be answered");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_fault",
        "Chima could not answer; its log says why",
    )
}

/// The same as an answer.
pub(crate) fn server_fault(error: &dyn std::error::Error) -> Response {
    fault(error).into_response()
}
