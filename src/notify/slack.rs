//! Slack: its incoming webhook, which is one POST a message, without edits and threads; below, its API and its socket.
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

pub mod api;
pub mod socket;

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::domain::names::shown;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A message that did not arrive. Never shows the webhook's address: whoever knows it may write to the channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// No answer came.
    #[error("Slack did not answer: {detail}")]
    Unreachable {
        /// What happened instead.
        detail: String,
    },
    /// Too many messages.
    #[error("Slack asks to wait {} s", wait.as_secs())]
    RateLimited {
        /// How long.
        wait: Duration,
    },
    /// Slack has trouble of its own.
    #[error("Slack answered {status}")]
    Trouble {
        /// 5xx.
        status: u16,
    },
    /// Slack will not take this message, now or later.
    #[error("Slack answered {status}: {message}; check `slack.incoming_webhook`")]
    Refused {
        /// 4xx.
        status: u16,
        /// Its words.
        message: String,
    },
}

impl SlackError {
    /// Whether the same message may arrive later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// The status of Slack's answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Trouble { status } | Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } => None,
        }
    }

    /// How long Slack asked to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait } => Some(*wait),
            Self::Unreachable { .. } | Self::Trouble { .. } | Self::Refused { .. } => None,
        }
    }
}

/// Sends messages to one incoming webhook.
#[derive(Debug, Clone)]
pub struct SlackWebhook {
    client: reqwest::Client,
    url: SecretString,
}

impl SlackWebhook {
    /// A sender to the webhook at `url`.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn new(url: SecretString) -> Result<Self, SlackError> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SlackError::Unreachable {
                detail: error.without_url().to_string(),
            })?;
        Ok(Self { client, url })
    }

    /// Sends one message.
    ///
    /// # Errors
    ///
    /// When Slack did not say that it took it.
    pub async fn send(&self, message: &Value) -> Result<(), SlackError> {
        let unreachable = |error| SlackError::Unreachable { detail: detail(error) };
        let answer = self
            .client
            .post(self.url.expose_secret())
            .json(message)
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let named = answer
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(SlackError::RateLimited {
                wait: Duration::from_secs(named.unwrap_or(30)),
            });
        }
        if status.is_server_error() {
            return Err(SlackError::Trouble {
                status: status.as_u16(),
            });
        }
        let message = answer.text().await.unwrap_or_default();
        Err(SlackError::Refused {
            status: status.as_u16(),
            message: shown(&message),
        })
    }
}

/// What happened, with its causes and without the address.
fn detail(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    detail
}
