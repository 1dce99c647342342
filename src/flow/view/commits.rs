//! What runs bring, what would be deployed, how a ref stands, and where a commit is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flow::chat::preview::Brings;

/// What a run brought to its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCommits {
    /// The commit that ran there before; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The run that had brought that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_run: Option<String>,
    /// What is new, and what is gone; absent where nothing ran there before, or GitHub cannot compare the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<Brings>,
    /// Where the two can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a deployment would bring to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// Branch, tag or SHA.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// What the environment runs; absent where nothing does: all of it would be new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// What would be new, and what would be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<Brings>,
    /// Where the two can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How a ref stands with those who judge commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Builds {
    /// Branch, tag or SHA.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// What that is now.
    pub sha: String,
    /// What was said about that commit.
    pub contexts: Vec<Build>,
}

/// What one of them said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Its name.
    pub name: String,
    /// GitHub's word.
    pub state: String,
    /// What that counts as: `green`, `pending` or `failed`.
    pub verdict: String,
}

/// Where a commit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Whereabouts {
    /// Every environment of every app whose repository has it.
    pub items: Vec<Whereabout>,
}

/// Whether an environment has a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Whereabout {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// What it runs; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// How it has it: `contains`, `cherry_pick`, `not_yet`, `unrelated`, or `nothing` where nothing runs there.
    pub has: String,
}
