//! What a form of kind `http` asks of a server, and how it watches what that begins.
//!
//! Texts may hold `{{placeholders}}`, which are filled in when the run is planned, and `${…}`, which is filled in when the
//! request is made: `${NAME}` is a variable of the step, so that a secret is in no file; in the addresses of `poll` and
//! `cancel`, `${/pointer}` is a part of the answer's JSON and `${header.NAME}` one of its headers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request to a server. Beside placeholders its texts may hold `${NAME}`, a variable of the step, which is filled in when the
/// request is made, so that no file holds a secret. The addresses of `poll` and `cancel` may also hold `${/pointer}` and
/// `${header.NAME}`, parts of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its method. Absent means `POST`.
    #[serde(default)]
    pub method: Option<String>,
    /// The address: `http` or `https`.
    pub url: String,
    /// Its headers, by name. Absent for `cancel` means those of the request, where it goes to the same server.
    #[serde(default)]
    pub headers: Option<Headers>,
    /// A text, or a map that is sent as JSON. In a map, a placeholder that stands alone keeps its type, and what comes out empty
    /// is left out.
    #[serde(default)]
    pub body: Option<Value>,
    /// The codes of success. Absent means 200 to 299.
    #[serde(default)]
    pub expect: Vec<Word>,
    /// Where an answer says why it refused: a JSON pointer. The usual places are looked at anyway.
    #[serde(default)]
    pub message: Option<String>,
    /// How long it is tried again while no connection is made, or the server says that it is too busy; 60 where nothing is
    /// said. A request whose answer was lost is never sent again.
    #[serde(default)]
    pub retry_seconds: Option<Word>,
    /// How long the answer may take; 60 where nothing is said.
    #[serde(default)]
    pub answer_seconds: Option<Word>,
}

/// How what a request began is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The address that tells how it stands.
    pub url: String,
    /// Its headers, by name. Absent means those of the request, where this goes to the same server.
    #[serde(default)]
    pub headers: Option<Headers>,
    /// How often it is asked; 5 where nothing is said.
    #[serde(default)]
    pub every_seconds: Option<Word>,
    /// Where the answer says how it stands: a JSON pointer.
    pub state: String,
    /// The states of success.
    pub success: Vec<Word>,
    /// The states of failure. In every other one it goes on.
    #[serde(default)]
    pub failure: Vec<Word>,
    /// Where the answer says why it failed: a JSON pointer.
    #[serde(default)]
    pub message: Option<String>,
}

/// Headers by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a map of texts, or the placeholder of a `map` input"))]
pub enum Headers {
    /// As they are. One whose value comes out empty is left out.
    Named(BTreeMap<String, String>),
    /// The placeholder of a `map` input.
    Input(String),
}

/// One entry of a list, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("x-expected" = "a number or a text"))]
pub enum Word {
    /// A number.
    Number(u64),
    /// A text; the lone placeholder of a list stands for all of its entries.
    Text(String),
}
