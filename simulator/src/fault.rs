//! Faults as switches of a world: which requests go wrong, how, and how often.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::message::{Answer, Ending};

/// How a request goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// No answer until the caller gives up (bounded by [`crate::server::SILENCE_LIMIT`]).
    Timeout,
    /// The connection is closed without an answer.
    Close,
    /// The connection is reset without an answer.
    Reset,
    /// The request takes effect, then the connection is closed without an answer.
    LostAnswer,
    /// 500.
    InternalError,
    /// 502 with an HTML body, as a proxy in front of the service writes it.
    BadGateway,
    /// 401 `Bad credentials`.
    Unauthorized,
    /// 403 with `Retry-After` in seconds.
    ForbiddenRetryAfter {
        /// How long to wait.
        seconds: u32,
    },
    /// 429 with `Retry-After` in seconds.
    TooManyRequests {
        /// How long to wait.
        seconds: u32,
    },
    /// 429 with `Retry-After` as an HTTP date.
    TooManyRequestsUntil {
        /// How long to wait.
        seconds: u32,
    },
    /// 403 that only its text marks as a secondary rate limit: neither header is there.
    SecondaryLimit,
    /// 403 with `x-ratelimit-remaining: 0` and `x-ratelimit-reset`.
    PrimaryLimit {
        /// Until the reset.
        seconds: u32,
    },
    /// 403 without any sign of a rate limit.
    Forbidden,
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 422.
    Unprocessable,
    /// 200 with a body that is not what was promised.
    Garbage,
    /// 409.
    Conflict,
    /// The request takes effect, and its answer breaks off in the middle.
    HalfAnswer,
    /// The repository is found under its number, as after a rename: 301 for a read, 307 for anything else.
    Moved,
    /// Any answer a test can think of.
    Answer(Answer),
}

/// A fault: it hits requests whose method and path match, after `skip` of them, `times` times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    method: Option<String>,
    path: String,
    kind: FaultKind,
    skip: u32,
    times: Option<u32>,
    takes_effect: bool,
}

impl Fault {
    /// Hits the next request with this method whose path contains `path`, once.
    #[must_use]
    pub fn on(method: &str, path: &str, kind: FaultKind) -> Self {
        Self {
            method: Some(method.to_ascii_uppercase()),
            path: path.to_owned(),
            takes_effect: matches!(kind, FaultKind::LostAnswer | FaultKind::HalfAnswer),
            kind,
            skip: 0,
            times: Some(1),
        }
    }

    /// Hits the next request of any method whose path contains `path`, once.
    #[must_use]
    pub fn on_any(path: &str, kind: FaultKind) -> Self {
        Self {
            method: None,
            ..Self::on("", path, kind)
        }
    }

    /// Hits this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits every matching request until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Lets this many matching requests through first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The request takes effect although its answer says otherwise.
    #[must_use]
    pub fn with_effect(mut self) -> Self {
        self.takes_effect = true;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && path.contains(&self.path)
    }
}

/// A fault that hits the request at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) kind: FaultKind,
    pub(crate) takes_effect: bool,
}

impl Hit {
    /// How the exchange ends.
    pub(crate) fn ending(&self, now: DateTime<Utc>) -> Ending {
        match &self.kind {
            FaultKind::Timeout => Ending::Silence,
            FaultKind::Close | FaultKind::LostAnswer => Ending::Close,
            FaultKind::Reset => Ending::Reset,
            FaultKind::InternalError => message(500, "Server Error"),
            FaultKind::BadGateway => {
                Ending::Answer(Answer::text(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"))
            }
            FaultKind::Unauthorized => message(401, "Bad credentials"),
            FaultKind::ForbiddenRetryAfter { seconds } => secondary(403, Some(seconds.to_string())),
            FaultKind::TooManyRequests { seconds } => secondary(429, Some(seconds.to_string())),
            FaultKind::TooManyRequestsUntil { .. } => secondary(429, self.wait(now).map(http_date)),
            FaultKind::SecondaryLimit => secondary(403, None),
            FaultKind::PrimaryLimit { .. } => primary(self.wait(now).unwrap_or(now)),
            FaultKind::Forbidden => message(403, "Resource not accessible by integration"),
            FaultKind::NotFound => message(404, "Not Found"),
            FaultKind::Gone => message(410, "Gone"),
            FaultKind::Unprocessable => message(422, "Validation Failed"),
            FaultKind::Conflict => message(409, "Conflict"),
            FaultKind::HalfAnswer => Ending::Half(Answer::json(200, &json!({"id": 1, "message": "this breaks off"}))),
            // only for what is not about a repository; the others are answered by `rest`
            FaultKind::Moved => message(301, "Moved Permanently"),
            FaultKind::Garbage => Ending::Answer(Answer {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
                body: b"<!-- not JSON -->{\"id\":".to_vec(),
            }),
            FaultKind::Answer(answer) => Ending::Answer(answer.clone()),
        }
    }

    /// Until when the caller has been told to wait. A secondary limit without headers means at least a minute.
    pub(crate) fn wait(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let seconds = match &self.kind {
            FaultKind::ForbiddenRetryAfter { seconds }
            | FaultKind::TooManyRequests { seconds }
            | FaultKind::TooManyRequestsUntil { seconds }
            | FaultKind::PrimaryLimit { seconds } => i64::from(*seconds),
            FaultKind::SecondaryLimit => 60,
            FaultKind::Timeout
            | FaultKind::Close
            | FaultKind::Reset
            | FaultKind::LostAnswer
            | FaultKind::InternalError
            | FaultKind::BadGateway
            | FaultKind::Unauthorized
            | FaultKind::Forbidden
            | FaultKind::NotFound
            | FaultKind::Gone
            | FaultKind::Unprocessable
            | FaultKind::Garbage
            | FaultKind::Conflict
            | FaultKind::HalfAnswer
            | FaultKind::Moved
            | FaultKind::Answer(_) => return None,
        };
        Some(now + TimeDelta::seconds(seconds))
    }
}

/// The faults that are switched on, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many are still switched on.
    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    /// The oldest fault that hits this request; it has then been used once.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Hit> {
        let mut hit = None;
        for fault in self.0.iter_mut().filter(|fault| fault.matches(method, path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times.saturating_sub(1));
            hit = Some(Hit {
                kind: fault.kind.clone(),
                takes_effect: fault.takes_effect,
            });
            break;
        }
        self.0.retain(|fault| fault.times != Some(0));
        hit
    }
}

/// A moment as HTTP writes it.
pub(crate) fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn message(status: u16, text: &str) -> Ending {
    Ending::Answer(Answer::json(
        status,
        &json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    ))
}

fn secondary(status: u16, retry_after: Option<String>) -> Ending {
    let answer = Answer::json(
        status,
        &json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
        }),
    );
    Ending::Answer(match retry_after {
        Some(value) => answer.with("retry-after", value),
        None => answer,
    })
}

fn primary(reset: DateTime<Utc>) -> Ending {
    Ending::Answer(
        Answer::json(
            403,
            &json!({
                "message": "API rate limit exceeded for installation.",
                "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
            }),
        )
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-used", "5000")
        .with("x-ratelimit-resource", "core")
        .with("x-ratelimit-reset", reset.timestamp().to_string()),
    )
}
