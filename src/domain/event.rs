//! Our typed reading of a delivery.

use serde::{Deserialize, Serialize};

use crate::domain::deployment::Deployment;
use crate::domain::ids::RepositoryId;

/// What a delivery means to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asks for a deployment: the one event that can start a run.
    Deployment(Box<Deployment>),
    /// Commit statuses or check runs of a commit changed: held runs of it are looked at again.
    ContextsChanged {
        /// Whose commit.
        repository_id: RepositoryId,
        /// Which commit.
        sha: String,
    },
    /// GitHub tries the hook.
    Ping,
    /// An event type (or an action of one) that means nothing to us.
    Unhandled {
        /// GitHub's name of it, with the action where there is one.
        name: String,
    },
}
