//! One call and what its answer means: done, wait, try again, or never.

use std::time::Duration;

use chrono::DateTime;
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::domain::names::shown;
use crate::github::GitHub;
use crate::github::needs::Purpose;
use crate::github::permissions::lacking;
use crate::github::send::{Request, Whole};

/// A call that did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There are no credentials.
    #[error("no GitHub credentials are set up; set `github.token` or `github.app_id` in the configuration")]
    NotSetUp,
    /// An App can only speak for an installation, and the delivery named none.
    #[error("the delivery names no installation; install the App on the repository")]
    NoInstallation,
    /// No answer came; whether the call worked is not known.
    #[error("GitHub did not answer: {detail}")]
    Unreachable {
        /// What happened instead.
        detail: String,
    },
    /// Too many calls, by GitHub's word or by our own pace.
    #[error(
        "nothing more goes to GitHub for {} s: it asks for that, or as much was written as `github.writes_per_minute` allows",
        wait.as_secs()
    )]
    RateLimited {
        /// How long.
        wait: Duration,
    },
    /// GitHub has trouble of its own.
    #[error("GitHub answered {status}: {message}")]
    Trouble {
        /// 5xx.
        status: u16,
        /// Its words.
        message: String,
    },
    /// GitHub refused.
    #[error("GitHub answered {status}: {message}")]
    Refused {
        /// 4xx.
        status: u16,
        /// Its words.
        message: String,
    },
    /// An answer that is not what GitHub documents.
    #[error("GitHub answered {status} with something else than expected: {detail}")]
    Garbled {
        /// Its status.
        status: u16,
        /// What was wrong with it.
        detail: String,
    },
}

impl CallError {
    /// Whether the same call may work later. A refused credential counts: it is somebody's to mend, and what is to be
    /// said stays true until then.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotSetUp
            | Self::NoInstallation
            | Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Trouble { .. }
            | Self::Garbled { .. } => true,
            Self::Refused { status, .. } => *status == 401,
        }
    }

    /// How long GitHub asked to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait } => Some(*wait),
            Self::NotSetUp
            | Self::NoInstallation
            | Self::Unreachable { .. }
            | Self::Trouble { .. }
            | Self::Refused { .. }
            | Self::Garbled { .. } => None,
        }
    }

    /// The status of GitHub's answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Trouble { status, .. } | Self::Refused { status, .. } | Self::Garbled { status, .. } => Some(*status),
            Self::NotSetUp | Self::NoInstallation | Self::Unreachable { .. } | Self::RateLimited { .. } => None,
        }
    }
}

/// An answer whose meaning is the caller's to find out.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    refusal: Option<CallError>,
}

impl Answer {
    /// What it is, where the caller knows no better.
    pub(crate) fn into_error(self) -> CallError {
        self.refusal.unwrap_or_else(|| CallError::Garbled {
            status: self.status,
            detail: shown(&self.body.to_string()),
        })
    }
}

/// A value as one part of a path or a query: what could end it is written in hexadecimal digits.
pub(crate) fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string().lines().next().unwrap_or_default().to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        let next = next.lines().next().unwrap_or_default();
        if !next.is_empty() && !text.contains(next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

fn written<B: Serialize>(body: &B) -> Result<String, CallError> {
    serde_json::to_string(body).map_err(|error| CallError::Unreachable {
        detail: error.to_string(),
    })
}

/// How long GitHub asks to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It says so.
    Named(Duration),
    /// It does not say.
    Unnamed,
}

impl GitHub {
    /// Sends a GET and reads its JSON.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        installation: Option<InstallationId>,
        path: &str,
    ) -> Result<T, CallError> {
        let answer = self.send(installation, &Request::get(path), Purpose::Work).await?;
        answer.read()
    }

    /// Sends a POST and reads its JSON.
    pub(crate) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        installation: Option<InstallationId>,
        path: &str,
        body: &B,
    ) -> Result<T, CallError> {
        let answer = self.whole_post(installation, Purpose::Work, path, body).await?;
        answer.read()
    }

    /// Sends a PATCH and reads its JSON.
    pub(crate) async fn patch<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        installation: Option<InstallationId>,
        path: &str,
        body: &B,
    ) -> Result<T, CallError> {
        let request = Request::patch(path, written(body)?);
        let answer = self.write(installation, Purpose::Work, request).await?;
        answer.read()
    }

    /// Sends a GET as the App itself, not as one of its installations.
    pub(crate) async fn get_as_app<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        let answer = self.send_as_app(&Request::get(path)).await?;
        answer.read()
    }

    /// Sends a POST whose refusals say more than that: the answer comes back whole, unless it asks to wait or GitHub has
    /// trouble of its own.
    pub(crate) async fn post_telling<B: Serialize + Sync>(
        &self,
        installation: Option<InstallationId>,
        purpose: Purpose,
        path: &str,
        body: &B,
    ) -> Result<Answer, CallError> {
        let whole = self.whole_post(installation, purpose, path, body).await?;
        match whole.refusal {
            Some(error @ (CallError::RateLimited { .. } | CallError::Trouble { .. })) => Err(error),
            refusal => Ok(Answer {
                status: whole.status,
                body: serde_json::from_str(&whole.body).unwrap_or(Value::Null),
                refusal,
            }),
        }
    }

    /// A POST, with its whole answer.
    pub(crate) async fn whole_post<B: Serialize + Sync>(
        &self,
        installation: Option<InstallationId>,
        purpose: Purpose,
        path: &str,
        body: &B,
    ) -> Result<Whole, CallError> {
        let request = Request::post(path, written(body)?);
        self.write(installation, purpose, request).await
    }

    /// A write, which a repository that was renamed redirects; the client follows redirects of reads only. Nothing has been done
    /// by then, so it is sent again, once, and never to another GitHub.
    async fn write(
        &self,
        installation: Option<InstallationId>,
        purpose: Purpose,
        request: Request<'_>,
    ) -> Result<Whole, CallError> {
        let answer = self.send(installation, &request, purpose).await?;
        let moved = match answer.status {
            301 | 302 | 307 | 308 => answer
                .headers
                .get(http::header::LOCATION)
                .and_then(|value| value.to_str().ok()),
            _ => None,
        };
        match moved.and_then(|location| location.strip_prefix(self.api_url.as_str())) {
            Some(path) if path.starts_with('/') => self.send(installation, &Request { path, ..request }, purpose).await,
            Some(_) | None => Ok(answer),
        }
    }
}

/// How long GitHub asks to wait, the way it documents it: by status and header, by text only for the secondary limit.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
pub(super) fn asked_to_wait(status: u16, headers: &HeaderMap, body: &str, now: Timestamp) -> Option<Asked> {
    if status != 429 && status != 403 {
        return None;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = header("retry-after").and_then(|value| {
        value.parse().map(Duration::from_secs).ok().or_else(|| {
            DateTime::parse_from_rfc2822(value)
                .ok()
                .map(|at| (at.to_utc() - now).to_std().unwrap_or_default())
        })
    });
    let reset = (header("x-ratelimit-remaining") == Some("0"))
        .then(|| header("x-ratelimit-reset")?.parse().ok())
        .flatten()
        .and_then(|seconds: i64| DateTime::from_timestamp(seconds, 0))
        .map(|at| (at - now).to_std().unwrap_or_default());
    match named.or(reset) {
        Some(wait) => Some(Asked::Named(wait.max(Duration::from_secs(1)))),
        None if status == 429 || body.contains("secondary rate limit") => Some(Asked::Unnamed),
        None => None,
    }
}

/// What an answer is that is no success and asks for no wait.
pub(super) fn refusal(status: u16, headers: &HeaderMap, body: &str, request: &Request<'_>) -> CallError {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    // what is no JSON is a proxy's page, which says less than the status' own name
    let name = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let message = parsed.as_ref().map_or_else(
        || name.unwrap_or("no reason").to_owned(),
        |json| {
            let message = shown(json.get("message").and_then(Value::as_str).unwrap_or_default());
            let detail = json.pointer("/errors/0/message").and_then(Value::as_str).map(shown);
            detail.map_or(message.clone(), |detail| format!("{message}: {detail}"))
        },
    );
    if status >= 500 {
        return CallError::Trouble { status, message };
    }
    if status == 403
        && let Some(permission) = lacking(headers, &message, request.method.as_str(), request.path)
    {
        let message = format!("the permission `{permission}` is missing ({message})");
        return CallError::Refused { status, message };
    }
    CallError::Refused { status, message }
}
