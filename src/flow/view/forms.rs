//! What is asked of the API, and what it answers to that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flow::view::lock::LockView;

/// What is to be deployed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeployment {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// Branch, tag or SHA; the repository's default branch where nothing is said.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// One of the app's tasks; `deploy` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Only these of the environment's hosts; all where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Pass what others have to wait for. For admins, with a token of that scope.
    #[serde(default)]
    pub force: bool,
    /// Only have the tool itself show what it would do; nothing is deployed.
    #[serde(default)]
    pub plan: bool,
}

/// Back to what an environment ran before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// A commit or a ref that ran there; the one before the present one where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Every lock that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Locks {
    /// The oldest first.
    pub items: Vec<LockView>,
}

/// What is to be locked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLock {
    /// The app.
    pub app: String,
    /// Its environments: all of them are locked, or none.
    #[schemars(length(min = 1, max = 50))]
    pub environments: Vec<String>,
    /// Why, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long, such as `30m`, `2h` or `1d`. Without it, until somebody unlocks.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]{1,9}[mhd]$"))]
    pub length: Option<String>,
    /// What becomes of it where somebody else has locked one of them.
    #[serde(default)]
    pub otherwise: IfLocked,
}

/// What is done where somebody else holds a lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfLocked {
    /// Nothing.
    #[default]
    Refuse,
    /// It is taken from that person, who is told.
    Steal,
    /// You wait in line for it. For one environment.
    Wait,
}

/// Why it is to stop.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// For people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether it is done.
    pub done: bool,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// In words.
    pub text: String,
    /// GitHub's number of the deployment that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<u64>,
}

/// As whom Chima takes somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The login that `deployers` and `admins` are compared with; absent where nobody has to say who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Which token this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What may be asked for.
    pub scopes: Vec<String>,
    /// What may be seen; absent for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<String>>,
    /// Of which version this server is.
    pub version: String,
}
