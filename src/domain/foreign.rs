//! Deployments that others carry out, and what is reported about deployments.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RepositoryId};

/// A status of a deployment, as GitHub delivered it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Of which deployment.
    pub deployment: Deployment,
    /// What was reported.
    pub status: ReportedStatus,
}

/// What somebody said of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedStatus {
    /// GitHub's number of it; later ones have larger numbers.
    pub id: u64,
    /// GitHub's word.
    pub state: String,
    /// Free text.
    pub description: Option<String>,
    /// Login of whoever said it.
    pub by: Option<String>,
    /// Where more can be read; http(s) only.
    pub log_url: Option<String>,
    /// When GitHub took it.
    pub at: Timestamp,
}

impl ReportedStatus {
    /// Whether nothing is expected to follow.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.state.as_str(), "success" | "failure" | "error")
    }
}

/// A deployment that somebody else carries out, with the newest word about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDeployment {
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// `owner/name`, as the configuration spells it.
    pub repository: String,
    /// GitHub's number of the deployment.
    pub id: DeploymentId,
    /// Name of the environment.
    pub environment: String,
    /// Branch, tag or SHA.
    pub git_ref: String,
    /// Full commit id.
    pub sha: String,
    /// What is done.
    pub task: String,
    /// Login of the person or App that made it.
    pub creator: Option<String>,
    /// When GitHub made it.
    pub created_at: Timestamp,
    /// The newest word; none while nobody has reported.
    pub status: Option<ReportedStatus>,
}

impl ForeignDeployment {
    /// What is kept of a deployment.
    #[must_use]
    pub fn of(deployment: &Deployment, status: Option<ReportedStatus>) -> Self {
        Self {
            repository_id: deployment.repository_id,
            repository: deployment.repository.clone(),
            id: deployment.id,
            environment: deployment.environment.clone(),
            git_ref: deployment.git_ref.clone(),
            sha: deployment.sha.clone(),
            task: deployment.task.clone(),
            creator: deployment.creator.clone(),
            created_at: deployment.created_at,
            status,
        }
    }

    /// GitHub's word for where it stands.
    #[must_use]
    pub fn state(&self) -> &str {
        self.status.as_ref().map_or("created", |status| status.state.as_str())
    }
}
