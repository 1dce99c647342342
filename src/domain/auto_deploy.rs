//! What a look at an environment that is deployed without being asked for came to, and why.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DeploymentId;
use crate::domain::lock::Lock;
use crate::domain::names::Sha;
use crate::domain::reason::ContextFinding;

/// The answer to "which commit should this environment run?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Another one: GitHub was asked to deploy it.
    Asked {
        /// GitHub's number of the deployment.
        deployment: DeploymentId,
    },
    /// Another one, but not yet; it goes on by itself.
    Waits {
        /// For what.
        reason: AutoReason,
    },
    /// The one it runs, or one that only a person may choose.
    Nothing {
        /// Why no other.
        reason: AutoReason,
    },
    /// GitHub could not be asked; somebody looks again soon.
    Unavailable {
        /// What happened, for people.
        detail: String,
    },
}

/// Why an environment is not deployed now. The names are stored; add, never rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum AutoReason {
    /// Contexts are pending, or required ones have not been reported.
    ContextsPending {
        /// Which.
        contexts: Vec<ContextFinding>,
    },
    /// Nothing has been reported about the commit yet.
    NoContexts,
    /// A deployment is under way of a commit that this one is not ahead of, or does not differ from in a file that counts.
    UnderWay {
        /// GitHub's number of it.
        deployment: DeploymentId,
        /// Its commit.
        sha: Sha,
    },
    /// Somebody has locked the environment; nothing goes there by itself, not even the owner's.
    Locked {
        /// With this lock.
        lock: Box<Lock>,
    },
    /// The branch is not there, or is called something else now.
    BranchGone {
        /// Its name, as configured.
        branch: String,
    },
    /// No pull request was merged into the branch.
    NothingMerged {
        /// Its name.
        branch: String,
    },
    /// What a pull request brought is not on the branch any more.
    MergeUndone {
        /// GitHub's number of it.
        pull_request: u64,
    },
    /// The environment runs it.
    Deployed {
        /// By which deployment.
        deployment: DeploymentId,
    },
    /// There is a deployment of it already, and one is enough, however it ended.
    AskedBefore {
        /// GitHub's number of it.
        deployment: DeploymentId,
        /// Where it stands, in a word of GitHub's or ours.
        state: String,
    },
    /// The environment runs a later commit of the branch's own history.
    Behind {
        /// What it runs.
        deployed: Sha,
    },
    /// The environment runs a commit that is not part of the branch.
    Diverged {
        /// What it runs.
        deployed: Sha,
    },
    /// Nothing was ever deployed there, and nothing has happened on the branch since Chima knows of it.
    NeverDeployed,
    /// No file that counts has changed.
    NoPathChanged {
        /// Since which commit.
        deployed: Sha,
    },
    /// A context is red.
    ContextsFailed {
        /// Which.
        contexts: Vec<ContextFinding>,
    },
    /// GitHub was asked, and made no deployment.
    Refused {
        /// Its words, for people.
        detail: String,
    },
}

impl AutoReason {
    /// The code, as stored and documented.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ContextsPending { .. } => "contexts_pending",
            Self::NoContexts => "no_contexts",
            Self::UnderWay { .. } => "under_way",
            Self::Locked { .. } => "locked",
            Self::BranchGone { .. } => "branch_gone",
            Self::NothingMerged { .. } => "nothing_merged",
            Self::MergeUndone { .. } => "merge_undone",
            Self::Deployed { .. } => "deployed",
            Self::AskedBefore { .. } => "asked_before",
            Self::Behind { .. } => "behind",
            Self::Diverged { .. } => "diverged",
            Self::NeverDeployed => "never_deployed",
            Self::NoPathChanged { .. } => "no_path_changed",
            Self::ContextsFailed { .. } => "contexts_failed",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether it goes on by itself.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Self::ContextsPending { .. } | Self::NoContexts | Self::UnderWay { .. } | Self::Locked { .. } => true,
            Self::BranchGone { .. }
            | Self::NothingMerged { .. }
            | Self::MergeUndone { .. }
            | Self::Deployed { .. }
            | Self::AskedBefore { .. }
            | Self::Behind { .. }
            | Self::Diverged { .. }
            | Self::NeverDeployed
            | Self::NoPathChanged { .. }
            | Self::ContextsFailed { .. }
            | Self::Refused { .. } => false,
        }
    }
}

impl Outcome {
    /// The code of the reason, or of the outcome where it has none.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::Waits { reason } | Self::Nothing { reason } => reason.code(),
            Self::Unavailable { .. } => "unavailable",
        }
    }
}

impl From<AutoReason> for Outcome {
    fn from(reason: AutoReason) -> Self {
        if reason.waits() {
            Self::Waits { reason }
        } else {
            Self::Nothing { reason }
        }
    }
}
