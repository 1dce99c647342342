//! Deployment statuses. <https://docs.github.com/en/rest/deployments/statuses>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::ids::{DeploymentId, InstallationId};
use crate::github::GitHub;
use crate::github::call::CallError;

/// Which deployment a status is for, and as whom to say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `owner/name`.
    pub repository: String,
    /// GitHub's number.
    pub deployment: DeploymentId,
    /// Whose token.
    pub installation: Option<InstallationId>,
}

/// A status as it is sent. `environment` is left out on purpose: naming another one would move the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewStatus {
    /// GitHub's word.
    pub state: String,
    /// At most 140 characters.
    pub description: String,
    /// Where the log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Where the deployed thing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
    /// Whether a success makes earlier ones of the environment `inactive`. Absent, GitHub decides: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_inactive: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Existing {
    state: String,
    description: Option<String>,
}

impl GitHub {
    /// Adds a status.
    ///
    /// # Errors
    ///
    /// When GitHub did not take it. After [`CallError::Unreachable`] it may have.
    pub async fn create_status(&self, target: &Target, status: &NewStatus) -> Result<(), CallError> {
        let path = path(target);
        let _: Value = self.post(target.installation, &path, status).await?;
        Ok(())
    }

    /// Whether the newest statuses already hold this one: a call that seemed to fail may have worked.
    ///
    /// # Errors
    ///
    /// When GitHub cannot tell.
    pub async fn has_status(&self, target: &Target, status: &NewStatus) -> Result<bool, CallError> {
        let path = format!("{}?per_page=10", path(target));
        let existing: Vec<Existing> = self.get(target.installation, &path).await?;
        Ok(existing
            .iter()
            .any(|one| one.state == status.state && one.description.as_deref() == Some(status.description.as_str())))
    }
}

fn path(target: &Target) -> String {
    format!(
        "/repos/{}/deployments/{}/statuses",
        target.repository, target.deployment
    )
}
