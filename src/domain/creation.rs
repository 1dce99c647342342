//! What GitHub answers when it is asked for a deployment.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DeploymentId;
use crate::domain::reason::ContextFinding;

/// The answer, where it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It is there.
    Created {
        /// GitHub's number.
        id: DeploymentId,
        /// What the ref was resolved to.
        sha: String,
    },
    /// The default branch was merged into the ref; there is no deployment yet.
    Merged {
        /// GitHub's words.
        message: String,
    },
    /// Accepted, and yet nothing was made.
    NothingMade {
        /// GitHub's words.
        message: String,
    },
    /// The default branch cannot be merged into the ref.
    MergeConflict {
        /// GitHub's words.
        message: String,
    },
    /// GitHub itself insists on contexts.
    ContextsNotGreen {
        /// Those that are not.
        contexts: Vec<ContextFinding>,
    },
    /// There is no such branch, tag or commit.
    NoRef {
        /// GitHub's words.
        message: String,
    },
}

/// By what a deployment can be found that GitHub may have made without our hearing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sought {
    /// In which repository.
    pub repository: String,
    /// Where to.
    pub environment: String,
    /// What for.
    pub task: String,
}
