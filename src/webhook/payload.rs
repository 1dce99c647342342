//! The fields of GitHub's bodies that mean something to us, and no others.
//!
//! Our own structs: a client library's typed events refuse bodies that GitHub really sends.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::webhook::lenient::{Present, number, object, text};
use crate::webhook::shape::{IdKey, RepositoryKeys};

/// Body of a `deployment`. <https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment>
#[derive(Debug, Deserialize)]
pub(crate) struct DeploymentBody {
    #[serde(default, deserialize_with = "object")]
    pub(crate) deployment: Option<DeploymentFields>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) repository: Option<RepositoryKeys>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) installation: Option<IdKey>,
    /// Set where a job of GitHub Actions made the deployment.
    #[serde(default, deserialize_with = "object")]
    pub(crate) workflow_run: Option<Present>,
}

/// GitHub's record.
#[derive(Debug, Deserialize)]
pub(crate) struct DeploymentFields {
    #[serde(default, deserialize_with = "number")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sha: Option<String>,
    #[serde(default, rename = "ref", deserialize_with = "text")]
    pub(crate) git_ref: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) task: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) environment: Option<String>,
    #[serde(default)]
    pub(crate) payload: Value,
    #[serde(default, deserialize_with = "text")]
    pub(crate) description: Option<String>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) creator: Option<Creator>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) performed_via_github_app: Option<App>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: Option<String>,
}

/// Who made a deployment.
#[derive(Debug, Deserialize)]
pub(crate) struct Creator {
    #[serde(default, deserialize_with = "text")]
    pub(crate) login: Option<String>,
}

/// Through what it was made.
#[derive(Debug, Deserialize)]
pub(crate) struct App {
    #[serde(default, deserialize_with = "text")]
    pub(crate) slug: Option<String>,
}

/// The deployment's payload in one form: GitHub lets a client send an object, or a string that often holds one.
pub(crate) fn normal(payload: Value) -> Value {
    match payload {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.is_empty() => Value::Object(Map::new()),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => Value::Object(fields),
            Ok(_) | Err(_) => Value::String(text),
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => payload,
    }
}
