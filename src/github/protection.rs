//! Answers to jobs of GitHub Actions that wait for our word.
//! <https://docs.github.com/en/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run>

use serde::{Deserialize, Serialize};

use crate::domain::ids::InstallationId;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::needs::Purpose;

/// What is said, and to which job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionAnswer {
    /// `owner/name`.
    pub repository: String,
    /// Whose token.
    pub installation: Option<InstallationId>,
    /// GitHub's number of the workflow run.
    pub workflow_run: u64,
    /// As GitHub spells it.
    pub environment: String,
    /// `approved` or `rejected`; absent for a word in between.
    pub state: Option<String>,
    /// Markdown, at most 1,024 characters.
    pub comment: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// GitHub took it.
    Taken,
    /// The job does not wait any more: it has an answer, was cancelled, or is gone.
    NotWaiting {
        /// GitHub's words.
        detail: String,
    },
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    environment_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    comment: &'a str,
}

impl GitHub {
    /// Says it. The address is built from our own knowledge of where GitHub is.
    ///
    /// # Errors
    ///
    /// When GitHub could not be asked, or does not let us.
    pub async fn answer_job(&self, answer: &ProtectionAnswer) -> Result<Answered, CallError> {
        let path = format!(
            "/repos/{}/actions/runs/{}/deployment_protection_rule",
            answer.repository, answer.workflow_run
        );
        let body = Body {
            environment_name: &answer.environment,
            state: answer.state.as_deref(),
            comment: &answer.comment,
        };
        let told = self
            .post_telling(answer.installation, Purpose::Work, &path, &body)
            .await?;
        match told.status {
            200..=299 => Ok(Answered::Taken),
            404 | 409 | 410 | 422 => Ok(Answered::NotWaiting {
                detail: told.into_error().to_string(),
            }),
            _ => Err(told.into_error()),
        }
    }
}
