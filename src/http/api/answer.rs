//! Answers: JSON with a tag, so that what somebody knows already is not sent again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::domain::conversation::Reply;
use crate::http::api::guard::Caller;
use crate::http::problem::{Problem, fault};

impl Caller {
    /// What was asked for; only that it has not changed, where the caller has it.
    pub(super) fn answer<T: Serialize>(&self, value: &T) -> Result<Response, Problem> {
        let body = serde_json::to_string(value).map_err(|error| fault(&error))?;
        let digest = hex::encode(Sha256::digest(body.as_bytes()));
        let tag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
        let known = self.knows.as_deref().is_some_and(|knows| knows_tag(knows, &tag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            json(StatusCode::OK, body)
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        private(headers);
        Ok(response)
    }
}

/// It depends on who asks, and on when.
fn private(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
}

/// A JSON text as an answer.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn knows_tag(knows: &str, tag: &str) -> bool {
    knows
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one == tag)
}

/// The status of a refusal: the code says which it is, the status says what kind.
pub(super) fn status_of(code: &str) -> StatusCode {
    match code {
        "app_unknown"
        | "environment_unknown"
        | "environment_not_named"
        | "run_unknown"
        | "nothing_there"
        | "commit_unknown" => StatusCode::NOT_FOUND,
        "deployer_not_allowed" | "force_not_allowed" | "room_not_allowed" => StatusCode::FORBIDDEN,
        "locked"
        | "already_locked"
        | "not_locked"
        | "not_over"
        | "run_over"
        | "run_ambiguous"
        | "branch_moves"
        | "ref_moved"
        | "merge_conflict"
        | "nothing_made"
        | "required_context_failed"
        | "required_context_pending"
        | "superseded" => StatusCode::CONFLICT,
        "github_unavailable" => StatusCode::BAD_GATEWAY,
        "unsettled" => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A refusal of the engine as a problem.
pub(crate) fn refused(reply: &Reply) -> Problem {
    let code = reply.reason.unwrap_or("refused");
    let problem = Problem::new(status_of(code), code, &reply.text);
    match code {
        "github_unavailable" | "unsettled" => problem.again_in(5),
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_whole() {
        for (knows, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("a", false),
            ("\"ab\"", false),
            ("", false),
        ] {
            assert_eq!(knows_tag(knows, "\"a\""), expected, "{knows}");
        }
    }
}
