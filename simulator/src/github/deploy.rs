//! What happens when somebody asks for a deployment or reports on one: the rules behind both the REST routes and the
//! verbs, so that the two cannot differ.
//! <https://docs.github.com/en/rest/deployments/deployments>

use serde_json::{Value, json};

use crate::github::app::Identity;
use crate::github::event;
use crate::github::graph::Merge;
use crate::github::refused::Refused;
use crate::github::world::{Deployment, DeploymentStatus, Repository, Workflow, World};

/// Which contexts must be green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contexts {
    /// Every one that has reported: what GitHub does when the field is left out.
    Reported,
    /// These.
    Named(Vec<String>),
}

/// What is asked for. The default is `main` to `production` by `mona`, without merging and without required contexts.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentRequest {
    /// Branch, tag or full SHA.
    pub git_ref: String,
    /// `deploy`, or what the receiver understands.
    pub task: String,
    /// Where to.
    pub environment: String,
    /// An object or a string.
    pub payload: Value,
    /// Free text.
    pub description: Option<String>,
    /// Merge the default branch into the ref first, where it is behind. GitHub's own default is true.
    pub auto_merge: bool,
    /// GitHub's own default is [`Contexts::Reported`].
    pub required_contexts: Contexts,
    /// `None` leaves it to GitHub: false.
    pub transient: Option<bool>,
    /// `None` leaves it to GitHub: true only for an environment called `production`.
    pub production: Option<bool>,
    /// Whose deployment it is; absent as for an account that was deleted.
    pub creator: Option<String>,
    /// Slug of the App through which it is made.
    pub app: Option<String>,
    /// What the webhook says about workflows.
    pub workflow: Workflow,
}

impl Default for DeploymentRequest {
    fn default() -> Self {
        Self {
            git_ref: "main".to_owned(),
            task: "deploy".to_owned(),
            environment: "production".to_owned(),
            payload: json!({}),
            description: None,
            auto_merge: false,
            required_contexts: Contexts::Named(Vec::new()),
            transient: None,
            production: None,
            creator: Some("mona".to_owned()),
            app: None,
            workflow: Workflow::Null,
        }
    }
}

impl DeploymentRequest {
    /// The default, to another environment.
    #[must_use]
    pub fn to(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            ..Self::default()
        }
    }

    /// The same, of another branch, tag or SHA.
    #[must_use]
    pub fn of(mut self, git_ref: &str) -> Self {
        git_ref.clone_into(&mut self.git_ref);
        self
    }
}

/// A status that somebody reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusReport {
    /// One of GitHub's seven.
    pub state: String,
    /// At most 140 characters.
    pub description: String,
    /// Empty, or http(s).
    pub log_url: String,
    /// Empty, or http(s).
    pub environment_url: String,
    /// Moves the deployment to another environment.
    pub environment: Option<String>,
    /// `None` leaves it to GitHub: true.
    pub auto_inactive: Option<bool>,
}

/// In whose name something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) login: String,
    pub(crate) app: Option<String>,
}

impl Actor {
    pub(crate) fn of(identity: &Identity, world: &World) -> Self {
        match identity {
            Identity::User(login) => Self {
                login: login.clone(),
                app: None,
            },
            Identity::App | Identity::Installation(_) | Identity::Nobody => Self {
                login: format!("{}[bot]", world.app.slug),
                app: Some(world.app.slug.clone()),
            },
        }
    }
}

const STATES: [&str; 7] = [
    "error",
    "failure",
    "inactive",
    "in_progress",
    "queued",
    "pending",
    "success",
];

const DESCRIPTION_LIMIT: usize = 140;

impl World {
    /// Creates a deployment and tells the hooks, or refuses as GitHub does. Answers its number.
    pub(crate) fn create_deployment(&mut self, repository: u64, request: DeploymentRequest) -> Result<u64, Refused> {
        let now = self.now();
        let sender = request.creator.clone().unwrap_or_else(|| "ghost".to_owned());
        if request.auto_merge {
            self.auto_merge(repository, &request.git_ref, &sender)?;
        }
        let id = self.fresh_id();
        let found = self.find_mut(repository)?;
        let sha = found
            .resolve(&request.git_ref)
            .ok_or_else(|| Refused::new(422, format!("No ref found for: {}", request.git_ref)))?
            .to_owned();
        found.check_contexts(&sha, &request)?;
        found.deployments.push(Deployment {
            id,
            sha,
            task: request.task,
            original_environment: request.environment.clone(),
            payload: request.payload,
            description: request.description,
            creator: request.creator,
            app: request.app,
            transient: request.transient.unwrap_or(false),
            production: request.production.unwrap_or(request.environment == "production"),
            environment: request.environment,
            git_ref: request.git_ref,
            workflow: request.workflow,
            created_at: now,
            updated_at: now,
            statuses: Vec::new(),
        });
        event::deployment(self, repository, id, &sender);
        Ok(id)
    }

    /// Merges the default branch into a branch that is behind it; then there is no deployment, only a 202.
    fn auto_merge(&mut self, repository: u64, git_ref: &str, author: &str) -> Result<(), Refused> {
        let now = self.now();
        let found = self.find_mut(repository)?;
        let default = found.default_branch.clone();
        let Some(before) = found.branches.get(git_ref).cloned() else {
            return Ok(());
        };
        if git_ref == default {
            return Ok(());
        }
        let message = format!("Merge branch '{default}' into {git_ref}");
        match found.merge(git_ref, &default, author, message, now) {
            Some(Merge::Merged(after)) => {
                event::push(self, repository, git_ref, &before, &after, author);
                let message = format!("Auto-merged {default} into {git_ref} on deployment.");
                Err(Refused::new(202, message))
            }
            Some(Merge::Conflict) => Err(Refused::new(409, format!("Conflict merging {default} into {git_ref}."))),
            Some(Merge::UpToDate) | None => Ok(()),
        }
    }

    /// Adds a status, moves earlier deployments to `inactive` where GitHub would, and tells the hooks. Answers its
    /// number.
    pub(crate) fn report_status(
        &mut self,
        repository: u64,
        deployment: u64,
        report: StatusReport,
        actor: &Actor,
    ) -> Result<u64, Refused> {
        check_report(&report)?;
        let now = self.now();
        let id = self.fresh_id();
        let found = self.find_mut(repository)?;
        let target = found.deployment_mut(deployment).ok_or_else(Refused::not_found)?;
        if let Some(environment) = report.environment.filter(|environment| !environment.is_empty()) {
            target.environment = environment;
        }
        target.updated_at = now;
        let environment = target.environment.clone();
        let succeeded = report.state == "success";
        let silent = report.state == "inactive";
        target.statuses.push(DeploymentStatus {
            id,
            state: report.state,
            description: report.description,
            environment: environment.clone(),
            log_url: report.log_url,
            environment_url: report.environment_url,
            creator: actor.login.clone(),
            app: actor.app.clone(),
            created_at: now,
        });
        if succeeded && report.auto_inactive.unwrap_or(true) {
            self.deactivate_earlier(repository, deployment, &environment, actor)?;
        }
        if !silent {
            event::deployment_status(self, repository, deployment, id, &actor.login);
        }
        Ok(id)
    }

    /// Only what is neither transient nor production becomes inactive, and only what had succeeded.
    fn deactivate_earlier(
        &mut self,
        repository: u64,
        deployment: u64,
        environment: &str,
        actor: &Actor,
    ) -> Result<(), Refused> {
        let now = self.now();
        let mut next_id = self.next_id;
        let earlier = self
            .find_mut(repository)?
            .deployments
            .iter_mut()
            .filter(|other| other.id != deployment && other.environment == environment)
            .filter(|other| !other.transient && !other.production && other.state() == Some("success"));
        for other in earlier {
            next_id += 1;
            other.updated_at = now;
            other.statuses.push(DeploymentStatus {
                id: next_id,
                state: "inactive".to_owned(),
                description: String::new(),
                environment: environment.to_owned(),
                log_url: String::new(),
                environment_url: String::new(),
                creator: actor.login.clone(),
                app: actor.app.clone(),
                created_at: now,
            });
        }
        self.next_id = next_id;
        Ok(())
    }

    pub(crate) fn find(&self, repository: u64) -> Result<&Repository, Refused> {
        self.repository_by_id(repository).ok_or_else(Refused::not_found)
    }

    pub(crate) fn find_mut(&mut self, repository: u64) -> Result<&mut Repository, Refused> {
        self.repositories
            .iter_mut()
            .find(|found| found.id == repository)
            .ok_or_else(Refused::not_found)
    }
}

fn check_report(report: &StatusReport) -> Result<(), Refused> {
    let invalid = |field, message: &str| Err(Refused::invalid("DeploymentStatus", field, message));
    if !STATES.contains(&report.state.as_str()) {
        return invalid("state", "state is not included in the list");
    }
    if report.description.chars().count() > DESCRIPTION_LIMIT {
        return invalid("description", "description is too long (maximum is 140 characters)");
    }
    for (field, url) in [
        ("log_url", &report.log_url),
        ("environment_url", &report.environment_url),
    ] {
        if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
            return invalid(field, &format!("{field} must use http(s) scheme"));
        }
    }
    Ok(())
}
