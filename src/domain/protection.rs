//! Jobs of GitHub Actions that wait for our word before they deploy.
//! <https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules>

use serde::{Deserialize, Serialize};

use crate::domain::deployment::Deployment;

/// A job that waits. Its deployment is GitHub's own; we carry nothing out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtectionRequest {
    /// What the job is about to deploy, and where.
    pub deployment: Deployment,
    /// GitHub's number of the workflow run; an answer is given under it.
    pub workflow_run: u64,
}

/// Where a request stands. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionState {
    /// Something must happen first.
    Waiting,
    /// The job goes on.
    Approved,
    /// The job fails.
    Rejected,
    /// It is not for us to answer.
    Ignored,
}

impl ProtectionState {
    /// The stored name, which is GitHub's word for the two answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Ignored => "ignored",
        }
    }

    /// Reads a stored name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Approved, Self::Rejected, Self::Ignored]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}
