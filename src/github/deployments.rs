//! Creating deployments, and what each of GitHub's answers means.
//! <https://docs.github.com/en/rest/deployments/deployments#create-a-deployment>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::creation::Creation;
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};
use crate::domain::names::{EnvironmentName, RepositoryName, TaskName, shown};
use crate::domain::reason::ContextFinding;
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::Purpose;

/// So many are listed: what happened before is not what an environment runs.
const LISTED: usize = 30;

/// A deployment to be made. What GitHub would fill in itself is always said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewDeployment {
    /// Branch, tag or SHA.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// What is to be done.
    pub task: String,
    /// Where.
    pub environment: String,
    /// For people.
    pub description: String,
    /// Whether GitHub may merge the default branch into the ref first.
    pub auto_merge: bool,
    /// Empty: Chima holds by its own check, where GitHub would refuse instead of waiting.
    pub required_contexts: Vec<String>,
    /// Whether it is production.
    pub production_environment: bool,
    /// Whether it will cease to exist.
    pub transient_environment: bool,
    /// Who asked, and how.
    pub payload: Value,
}

impl GitHub {
    /// Asks for a deployment.
    ///
    /// # Errors
    ///
    /// When GitHub could not be asked, or refused. After [`CallError::Unreachable`] there may be one.
    pub async fn create_deployment(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        deployment: &NewDeployment,
    ) -> Result<Creation, CallError> {
        let path = format!("/repos/{repository}/deployments");
        let purpose = if deployment.auto_merge {
            Purpose::Merge
        } else {
            Purpose::Work
        };
        self.place().await?;
        let answer = self.post_telling(installation, purpose, &path, deployment).await?;
        read(answer.status, &answer.body).ok_or_else(|| answer.into_error())
    }
}

/// What GitHub says of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// GitHub's number, which stays when the name changes.
    pub id: RepositoryId,
    /// Its present name: the one that was asked for may redirect.
    pub full_name: RepositoryName,
    /// The branch that is meant where nobody named one.
    pub default_branch: String,
}

/// A deployment, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// GitHub's number.
    pub id: DeploymentId,
    /// The commit that the ref was resolved to.
    pub sha: String,
    /// Login of the person or App that made it.
    pub creator: Option<String>,
    /// Slug of the App through which it was made.
    pub app_slug: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What was said with it.
    pub payload: Value,
}

/// A status of a deployment, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedStatus {
    /// GitHub's word.
    pub state: String,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct ListedFields {
    id: u64,
    sha: String,
    creator: Option<Login>,
    performed_via_github_app: Option<Slug>,
    created_at: Timestamp,
    #[serde(default)]
    payload: Value,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Slug {
    slug: String,
}

impl GitHub {
    /// Looks a repository up.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn repository(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
    ) -> Result<Repository, CallError> {
        self.get(installation, &format!("/repos/{repository}")).await
    }

    /// The newest deployments of an environment with this task, the newest first.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn deployments(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        environment: &EnvironmentName,
        task: &TaskName,
    ) -> Result<Vec<Listed>, CallError> {
        let path = format!(
            "/repos/{repository}/deployments?environment={}&task={}&per_page={LISTED}",
            encoded(environment.as_str()),
            encoded(task.as_str())
        );
        let listed: Vec<ListedFields> = self.get(installation, &path).await?;
        let read = listed.into_iter().map(|one| Listed {
            id: DeploymentId(one.id),
            sha: one.sha,
            creator: one.creator.map(|creator| creator.login),
            app_slug: one.performed_via_github_app.map(|app| app.slug),
            created_at: one.created_at,
            payload: one.payload,
        });
        Ok(read.collect())
    }

    /// The newest statuses of a deployment, the newest first.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn statuses_of(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        deployment: DeploymentId,
    ) -> Result<Vec<ListedStatus>, CallError> {
        let path = format!("/repos/{repository}/deployments/{deployment}/statuses?per_page={LISTED}");
        self.get(installation, &path).await
    }
}

fn read(status: u16, body: &Value) -> Option<Creation> {
    let message = shown(body.get("message").and_then(Value::as_str).unwrap_or_default());
    match status {
        201 => Some(Creation::Created {
            id: DeploymentId(body.get("id")?.as_u64()?),
            sha: body.get("sha")?.as_str()?.to_owned(),
        }),
        202 if message.starts_with("Auto-merged") => Some(Creation::Merged { message }),
        202 => Some(Creation::NothingMade { message }),
        409 => match contexts(body) {
            Some(contexts) => Some(Creation::ContextsNotGreen { contexts }),
            None => Some(Creation::MergeConflict { message }),
        },
        422 => {
            let said = body.get("error").and_then(Value::as_str).map(shown);
            [Some(message), said]
                .into_iter()
                .flatten()
                .find(|text| text.starts_with("No ref found"))
                .map(|message| Creation::NoRef { message })
        }
        _ => None,
    }
}

/// The contexts that a 409 names; those that are green are named by GitHub too, and left out here.
fn contexts(body: &Value) -> Option<Vec<ContextFinding>> {
    let errors = body.get("errors")?.as_array()?;
    let about = errors
        .iter()
        .find(|error| error.get("field").and_then(Value::as_str) == Some("required_contexts"))?;
    let listed = about.get("contexts").and_then(Value::as_array).into_iter().flatten();
    let text = |context: &Value, key: &str| context.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(
        listed
            .filter_map(|context| {
                Some(ContextFinding {
                    name: text(context, "context")?,
                    state: text(context, "state")?,
                })
            })
            .filter(|context| context.state != "success")
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_documented_answer_is_understood() {
        let finding = |name: &str, state: &str| ContextFinding {
            name: name.to_owned(),
            state: state.to_owned(),
        };
        let text = str::to_owned;
        for (status, body, expected) in [
            (
                201,
                json!({"id": 7, "sha": "ab"}),
                Some(Creation::Created {
                    id: DeploymentId(7),
                    sha: text("ab"),
                }),
            ),
            (
                202,
                json!({"message": "Auto-merged master into topic on deployment."}),
                Some(Creation::Merged {
                    message: text("Auto-merged master into topic on deployment."),
                }),
            ),
            (
                202,
                json!({"message": "Queued"}),
                Some(Creation::NothingMade {
                    message: text("Queued"),
                }),
            ),
            (
                409,
                json!({"message": "Conflict merging master into topic."}),
                Some(Creation::MergeConflict {
                    message: text("Conflict merging master into topic."),
                }),
            ),
            (
                409,
                json!({"message": "Conflict: Commit status checks failed for master", "errors": [{"contexts": [
                    {"context": "ci", "state": "failure"}, {"context": "lint", "state": "success"}],
                    "resource": "Deployment", "field": "required_contexts", "code": "invalid"}]}),
                Some(Creation::ContextsNotGreen {
                    contexts: vec![finding("ci", "failure")],
                }),
            ),
            (
                422,
                json!({"message": "No ref found for: foo"}),
                Some(Creation::NoRef {
                    message: text("No ref found for: foo"),
                }),
            ),
            (
                422,
                json!({"error": "No ref found for: foo"}),
                Some(Creation::NoRef {
                    message: text("No ref found for: foo"),
                }),
            ),
            (422, json!({"message": "Validation Failed"}), None),
            (404, json!({"message": "Not Found"}), None),
            (201, json!({"id": "x"}), None),
        ] {
            assert_eq!(read(status, &body), expected, "{status} {body}");
        }
    }
}
