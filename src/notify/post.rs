//! One POST to somebody who is told something: no redirects, bounded in time and in what is read of the answer, and never with
//! the address in an error: whoever knows it may write there.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::names::shown;

/// An answer takes no longer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// So much of an answer is read.
const ANSWER_BYTES: usize = 4 * 1024;
/// How long to wait where the other side does not say.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(30);
/// Nobody is silent for longer because somebody else said so: a wrong number must not mute a room for ever.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// Shorter pieces of an address are words, not secrets.
const SECRET_LENGTH: usize = 8;

/// Something that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No answer came.
    #[error("{to} did not answer: {detail}")]
    Unreachable {
        /// Who.
        to: String,
        /// What happened instead.
        detail: String,
    },
    /// Too many messages.
    #[error("{to} asks to wait {} s", wait.as_secs())]
    RateLimited {
        /// Who.
        to: String,
        /// How long.
        wait: Duration,
    },
    /// They have trouble of their own.
    #[error("{to} answered {answer}")]
    Trouble {
        /// Who.
        to: String,
        /// A status, and what was said.
        answer: String,
        /// The status, where it is one of HTTP.
        status: Option<u16>,
    },
    /// They will not take this, now or later.
    #[error("{to} answered {answer}; check {check}")]
    Refused {
        /// Who.
        to: String,
        /// A status, and what was said.
        answer: String,
        /// The status, where it is one of HTTP.
        status: Option<u16>,
        /// What to look at.
        check: String,
    },
    /// It cannot even be tried.
    #[error("{to} cannot be told: {detail}; check {check}")]
    Unusable {
        /// Who.
        to: String,
        /// Why.
        detail: String,
        /// What to look at.
        check: String,
    },
}

impl SendError {
    /// Whether the same may arrive later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::RateLimited { .. } | Self::Trouble { .. } => true,
            Self::Refused { .. } | Self::Unusable { .. } => false,
        }
    }

    /// How long they asked to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait, .. } => Some(*wait),
            Self::Unreachable { .. } | Self::Trouble { .. } | Self::Refused { .. } | Self::Unusable { .. } => None,
        }
    }

    /// The status of the answer, where there was one of HTTP.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Trouble { status, .. } | Self::Refused { status, .. } => *status,
            Self::Unreachable { .. } | Self::Unusable { .. } => None,
        }
    }
}

/// Where to post, and what it is called.
#[derive(Debug, Clone)]
pub struct Address {
    client: Client,
    url: SecretString,
    /// As people know it: `Mattermost`.
    to: String,
    /// What to look at where it refuses: the place of the address.
    check: String,
}

/// An answer that was not a redirect, no call for patience and no trouble.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The beginning of it.
    pub(crate) text: String,
}

impl Address {
    /// An address that is posted to.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn new(url: SecretString, to: &str, check: &str) -> Result<Self, SendError> {
        let client = Client::builder()
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SendError::Unreachable {
                to: to.to_owned(),
                detail: error.without_url().to_string(),
            })?;
        Ok(Self {
            client,
            url: SecretString::from(url.expose_secret().trim()),
            to: to.to_owned(),
            check: check.to_owned(),
        })
    }

    /// Posts JSON.
    ///
    /// # Errors
    ///
    /// When no answer came.
    pub(crate) async fn post(&self, body: Vec<u8>, headers: HeaderMap) -> Result<Answer, SendError> {
        let Some(url) = self.url() else {
            return Err(SendError::Unusable {
                to: self.to.clone(),
                detail: "its address is no address of the web".to_owned(),
                check: self.check.clone(),
            });
        };
        let request = self
            .client
            .post(url)
            .header("content-type", HeaderValue::from_static("application/json"))
            .headers(headers)
            .body(body);
        let mut answer = request.send().await.map_err(|error| self.unreachable(error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut read = Vec::new();
        // an answer that breaks off has its status all the same
        while let Ok(Some(chunk)) = answer.chunk().await {
            read.extend_from_slice(&chunk);
            if read.len() >= ANSWER_BYTES {
                break;
            }
        }
        read.truncate(ANSWER_BYTES);
        Ok(Answer {
            status,
            headers,
            text: self.without_address(&String::from_utf8_lossy(&read)),
        })
    }

    /// What an answer means, as nearly everybody means it.
    ///
    /// # Errors
    ///
    /// Unless it is a success.
    pub(crate) fn judge(&self, answer: &Answer) -> Result<(), SendError> {
        match answer.status {
            200..=299 => Ok(()),
            429 => Err(self.rate_limited(retry_after(&answer.headers))),
            408 | 425 | 500..=599 => Err(SendError::Trouble {
                to: self.to.clone(),
                answer: answer.status.to_string(),
                status: Some(answer.status),
            }),
            300..=399 => Err(self.refused(answer.status, ", a redirect, which is not followed")),
            _ => Err(self.refused(answer.status, &format!(": {}", shown(first_line(&answer.text))))),
        }
    }

    pub(crate) fn rate_limited(&self, wait: Option<Duration>) -> SendError {
        SendError::RateLimited {
            to: self.to.clone(),
            wait: wait.unwrap_or(USUAL_WAIT).min(LONGEST_WAIT),
        }
    }

    /// `said` goes on behind the status.
    pub(crate) fn refused(&self, status: u16, said: &str) -> SendError {
        SendError::Refused {
            to: self.to.clone(),
            answer: format!("{status}{said}"),
            status: Some(status),
            check: self.check.clone(),
        }
    }

    fn url(&self) -> Option<Url> {
        let url = Url::parse(self.url.expose_secret()).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }

    fn unreachable(&self, error: reqwest::Error) -> SendError {
        let error = error.without_url();
        let mut detail = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            detail = format!("{detail}: {error}");
            cause = error.source();
        }
        SendError::Unreachable {
            to: self.to.clone(),
            detail: self.without_address(&detail),
        }
    }

    /// Many answers repeat the path that was asked for.
    fn without_address(&self, text: &str) -> String {
        let Some(url) = self.url() else {
            return text.to_owned();
        };
        let query = url.query().unwrap_or_default();
        let pieces = url.path().split('/').chain(query.split(['&', '=']));
        let mut text = text.replace(self.url.expose_secret(), "…");
        for piece in pieces.filter(|piece| piece.len() >= SECRET_LENGTH) {
            text = text.replace(piece, "…");
        }
        text
    }
}

/// Seconds, or a date; of a date nobody knows whose clock it is by. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds.ceil()).ok()
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}
