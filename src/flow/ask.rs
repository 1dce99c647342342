//! Asks GitHub for a deployment. It starts nothing: GitHub delivers it, and it comes in by the same door as everybody else's.

use serde_json::{Map, Value, json};

use crate::config::Environment;
use crate::domain::creation::Creation;
use crate::domain::ids::{DeploymentId, InstallationId};
use crate::domain::names::RepositoryName;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::deployments::NewDeployment;

/// How often a merge by GitHub is followed by another try: a branch that moves faster than that is somebody's to look at.
const TRIES: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Branch, tag or SHA.
    pub git_ref: String,
    /// The task, with `:plan` where it is only to be planned.
    pub task: String,
    /// Empty means all of the environment's.
    pub hosts: Vec<String>,
    /// Who asks.
    pub by: String,
    /// By which way: `cli`, `auto_deploy`, …
    pub via: &'static str,
    /// For people who look at it on GitHub.
    pub description: String,
    /// Whether GitHub may merge the default branch into the ref first.
    pub auto_merge: bool,
    /// What else its payload says.
    pub notes: Map<String, Value>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// GitHub's last word.
    pub creation: Creation,
    /// What GitHub merged on the way.
    pub merged: Vec<String>,
}

/// Asks. Where GitHub merged the default branch into the ref first, which makes no deployment, it is asked again with what
/// the ref is now.
///
/// # Errors
///
/// When GitHub could not be asked, or refused.
pub async fn ask(
    github: &GitHub,
    installation: Option<InstallationId>,
    (repository, environment): (&RepositoryName, &Environment),
    wish: &Wish,
) -> Result<Asked, CallError> {
    let deployment = new_deployment(environment, wish);
    let mut merged = Vec::new();
    loop {
        let creation = github.create_deployment(installation, repository, &deployment).await?;
        if let Creation::Merged { message } = &creation
            && merged.len() < TRIES
        {
            merged.push(message.clone());
            continue;
        }
        return Ok(Asked { creation, merged });
    }
}

fn new_deployment(environment: &Environment, wish: &Wish) -> NewDeployment {
    let mut payload = wish.notes.clone();
    payload.insert("actor".to_owned(), json!(wish.by));
    payload.insert("via".to_owned(), json!(wish.via));
    if !wish.hosts.is_empty() {
        payload.insert("hosts".to_owned(), json!(wish.hosts));
    }
    NewDeployment {
        git_ref: wish.git_ref.clone(),
        task: wish.task.clone(),
        environment: environment.name.to_string(),
        description: wish.description.clone(),
        auto_merge: wish.auto_merge,
        required_contexts: Vec::new(),
        production_environment: environment.production,
        transient_environment: environment.transient,
        payload: Value::Object(payload),
    }
}

/// The number of the deployment, where there is one.
#[must_use]
pub fn created(asked: &Asked) -> Option<DeploymentId> {
    match asked.creation {
        Creation::Created { id, .. } => Some(id),
        Creation::Merged { .. }
        | Creation::NothingMade { .. }
        | Creation::MergeConflict { .. }
        | Creation::ContextsNotGreen { .. }
        | Creation::NoRef { .. } => None,
    }
}
