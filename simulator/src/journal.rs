//! What was asked of a simulated service, request by request, for tests to judge.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::message::{Ending, Request};

/// One request and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// On the service's clock.
    pub at: DateTime<Utc>,
    /// Upper case.
    pub method: String,
    /// Still percent-encoded, without the API prefix.
    pub path: String,
    /// Decoded pairs.
    pub query: Vec<(String, String)>,
    /// Names in lower case. Of `authorization` only the scheme is kept.
    pub headers: Vec<(String, String)>,
    /// The body: JSON where it is JSON, else text, else null.
    pub body: Value,
    /// Who asked, for example `user chima-bot`, `installation 77`, `app 12345`, `nobody`.
    pub identity: String,
    /// The status answered; absent where the connection was cut or left silent.
    pub status: Option<u16>,
    /// The body answered, where it is text.
    pub answer: Arc<str>,
    /// False for a request that the service has no answer for.
    pub planned: bool,
    /// Whether a fault decided the answer.
    pub faulted: bool,
    /// Whether it came while its sender had been told to wait.
    pub inside_wait_window: bool,
}

impl Recorded {
    /// A record of `request`, before it is known how it ends.
    pub(crate) fn new(request: &Request, path: &str, at: DateTime<Utc>) -> Self {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), kept(name, value)))
            .collect();
        Self {
            at,
            method: request.method.clone(),
            path: path.to_owned(),
            query: request.query.clone(),
            headers,
            body: readable(&request.body),
            identity: "nobody".to_owned(),
            status: None,
            answer: Arc::from(""),
            planned: true,
            faulted: false,
            inside_wait_window: false,
        }
    }

    pub(crate) fn ended(&mut self, ending: &Ending) {
        self.status = match ending {
            Ending::Answer(answer) | Ending::Half(answer) => Some(answer.status),
            Ending::Silence | Ending::Close | Ending::Reset => None,
        };
        if let Ending::Answer(answer) = ending {
            self.answer = std::str::from_utf8(&answer.body).unwrap_or_default().into();
        }
    }

    /// Whether this was `method` on a path that contains `path`.
    #[must_use]
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path.contains(path)
    }

    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.at.format("%H:%M:%S%.3f");
        write!(f, "{time} {} {}", self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None => write!(f, " -> no answer")?,
        }
        write!(f, " ({})", self.identity)?;
        for (set, word) in [
            (self.faulted, "fault"),
            (!self.planned, "UNPLANNED"),
            (self.inside_wait_window, "INSIDE WAIT WINDOW"),
        ] {
            if set {
                write!(f, " {word}")?;
            }
        }
        if !self.body.is_null() {
            let text = self.body.to_string();
            let cut: String = text.chars().take(200).collect();
            write!(f, "\n      {cut}")?;
        }
        Ok(())
    }
}

/// A token must never reach a test's output.
fn kept(name: &str, value: &str) -> String {
    if name == "authorization" {
        value.split(' ').next().unwrap_or_default().to_owned()
    } else {
        value.to_owned()
    }
}

fn readable(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
