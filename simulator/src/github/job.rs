//! Jobs of GitHub Actions that wait for an App's word before they deploy.
//! <https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules>

use serde_json::json;

use crate::github::GitHub;
use crate::github::deploy::DeploymentRequest;
use crate::github::event;
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::sending::Delivered;
use crate::github::world::{CheckRun, Workflow, World};

/// More interim reports are refused.
pub(crate) const REPORTS: usize = 10;
/// A longer comment is refused.
pub(crate) const COMMENT: usize = 1024;

/// A job that waits, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Of which repository, by number.
    pub repository: u64,
    /// Its workflow run.
    pub workflow_run: u64,
    /// Where it is about to deploy.
    pub environment: String,
    /// The deployment that was made for it.
    pub deployment: u64,
    /// Its check run.
    pub check_run: u64,
    /// What it was told before its answer.
    pub reports: Vec<String>,
    /// `approved` or `rejected`, with the comment.
    pub answer: Option<(String, String)>,
}

/// A job that asked, and who heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// GitHub's number of the workflow run.
    pub workflow_run: u64,
    /// GitHub's number of its deployment.
    pub deployment: u64,
    /// One for each hook and event.
    pub deliveries: Vec<Delivered>,
}

impl GitHub {
    /// A job by `creator` reaches an environment that an App protects: it gets a deployment and a check run that waits, and the
    /// App is asked; sends `deployment` and `deployment_protection_rule`.
    ///
    /// # Errors
    /// When there is no such repository or ref.
    pub async fn job_asks(
        &self,
        repository: &str,
        environment: &str,
        git_ref: &str,
        creator: &str,
    ) -> Result<Asked, Refused> {
        let request = DeploymentRequest {
            creator: Some(creator.to_owned()),
            workflow: Workflow::Run {
                name: "release".to_owned(),
            },
            ..DeploymentRequest::to(environment).of(git_ref)
        };
        let (asked, deliveries) = self
            .tell(|world| {
                let id = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                world.job_asks(id, request, creator)
            })
            .await;
        let (workflow_run, deployment) = asked?;
        Ok(Asked {
            workflow_run,
            deployment,
            deliveries,
        })
    }

    /// The jobs of a workflow run that asked for a word.
    #[must_use]
    pub fn jobs(&self, workflow_run: u64) -> Vec<Job> {
        self.read(|world| {
            let jobs = world.jobs.iter().filter(|job| job.workflow_run == workflow_run);
            jobs.cloned().collect()
        })
    }
}

impl World {
    fn job_asks(&mut self, repository: u64, request: DeploymentRequest, creator: &str) -> Result<(u64, u64), Refused> {
        let environment = request.environment.clone();
        let deployment = self.create_deployment(repository, request)?;
        let (workflow_run, check_run, at) = (self.fresh_id(), self.fresh_id(), self.now());
        let found = self.find_mut(repository)?;
        let sha = found
            .deployment(deployment)
            .map(|made| made.sha.clone())
            .unwrap_or_default();
        found.check_runs.push(CheckRun {
            id: check_run,
            sha,
            name: format!("deploy to {environment}"),
            status: "waiting".to_owned(),
            conclusion: None,
            app: "github-actions".to_owned(),
            at,
        });
        self.jobs.push(Job {
            repository,
            workflow_run,
            environment: environment.clone(),
            deployment,
            check_run,
            reports: Vec::new(),
            answer: None,
        });
        let Some(found) = self.repository_by_id(repository) else {
            return Err(Refused::not_found());
        };
        let name = &found.name;
        let shown = found
            .deployment(deployment)
            .map(|made| record::deployment(self, found, made));
        let body = json!({
            "action": "requested",
            "environment": environment,
            "event": "push",
            "deployment_callback_url":
                format!("{}/repos/{name}/actions/runs/{workflow_run}/deployment_protection_rule", self.api_url),
            "deployment": shown,
            "pull_requests": [],
        });
        event::emit(self, "deployment_protection_rule", repository, creator, body);
        Ok((workflow_run, deployment))
    }
}
