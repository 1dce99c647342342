//! What a request is, when only `${…}` is left to be filled in: a file of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::request::late::Late;
use crate::provider::spec::millis;

/// One request, and how what it began is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSpec {
    /// What is asked for.
    pub request: Call,
    /// How long it is tried again while no connection is made, or the server says that it is too busy.
    #[serde(rename = "retry_ms", with = "millis")]
    pub retry: Duration,
    /// How it is watched; `None` where the answer is the end.
    #[serde(default)]
    pub poll: Option<Poll>,
    /// What is sent when the run is stopped.
    #[serde(default)]
    pub cancel: Option<Call>,
}

/// One exchange with a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// `POST` and its like.
    pub method: String,
    /// The address.
    pub url: Late,
    /// By name. `None`: those of the request, where this goes to the same server.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Late>>,
    /// What is sent.
    #[serde(default)]
    pub body: Option<Body>,
    /// The codes of success; none named: 200 to 299.
    #[serde(default)]
    pub expect: Vec<u16>,
    /// Where an answer says why it is none of them.
    #[serde(default)]
    pub message: Option<String>,
    /// How long an answer may take.
    #[serde(rename = "answer_ms", with = "millis")]
    pub answer: Duration,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// As it is.
    Text(Late),
    /// As JSON; each text in it is [`Late`].
    Json(Value),
}

/// How it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// What is asked, again and again.
    pub call: Call,
    /// How often.
    #[serde(rename = "every_ms", with = "millis")]
    pub every: Duration,
    /// Where the answer says how it stands: a JSON pointer.
    pub state: String,
    /// The states of success.
    pub success: Vec<String>,
    /// The states of failure.
    pub failure: Vec<String>,
}

impl Call {
    /// Whether a code is one of success.
    #[must_use]
    pub fn expects(&self, code: u16) -> bool {
        if self.expect.is_empty() {
            (200..300).contains(&code)
        } else {
            self.expect.contains(&code)
        }
    }
}
