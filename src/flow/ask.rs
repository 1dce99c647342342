//! Asks GitHub for a deployment. It starts nothing: GitHub delivers it, and it comes in by the same door as everybody else's.

use serde_json::{Map, Value, json};

use crate::config::{App, Environment};
use crate::domain::actor::Actor;
use crate::domain::clock::Clock;
use crate::domain::creation::{Creation, Sought};
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::names::{EnvironmentName, RepositoryName, TaskName};
use crate::domain::warrant::Warrant;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::deployments::NewDeployment;
use crate::store::Store;
use crate::store::error::StoreError;

/// How often a merge by GitHub is followed by another try: a branch that moves faster than that is somebody's to look at.
const TRIES: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Branch, tag or SHA.
    pub git_ref: String,
    /// What the commit is called, where it is asked for by its SHA.
    pub branch: Option<String>,
    /// The task, with `:plan` where it is only to be planned.
    pub task: String,
    /// Empty means all of the environment's.
    pub hosts: Vec<String>,
    /// Who asks.
    pub actor: Actor,
    /// In which room of a chat.
    pub room: Option<String>,
    /// Whether it is to pass what others have to wait for. Whether they may is decided when GitHub delivers it.
    pub force: bool,
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

/// With what is asked, and where it is written down who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// GitHub.
    pub github: &'a GitHub,
    /// The ledger. Without it, nothing proves who asked: then whoever made the deployment on GitHub counts.
    pub store: Option<&'a Store>,
    /// Time and ids.
    pub clock: &'a dyn Clock,
    /// Host name of GitHub.
    pub host: &'a str,
}

/// Where a deployment is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Who may speak for the repository.
    pub installation: Option<InstallationId>,
    /// GitHub's number of it.
    pub id: RepositoryId,
    /// Its present name.
    pub repository: &'a RepositoryName,
    /// The app.
    pub app: &'a App,
    /// Its environment.
    pub environment: &'a Environment,
}

/// Why GitHub could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing was asked.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// GitHub did not do it, or did not say.
    #[error(transparent)]
    GitHub(#[from] CallError),
}

/// Writes down who asks, then asks. Where GitHub merged the default branch into the ref first, which makes no deployment, it is asked
/// again with what the ref is now.
///
/// # Errors
///
/// When GitHub could not be asked, or refused, or it could not be written down who asks.
pub async fn ask(asking: &Asking<'_>, whose: &Whose<'_>, wish: &Wish) -> Result<Asked, AskError> {
    let nonce = asking.clock.fresh_ulid().to_string();
    if let Some(store) = asking.store {
        store.write_warrant(&warrant(asking, whose, wish, &nonce)).await?;
    }
    let nonce = asking.store.map(|_| nonce.as_str());
    let deployment = new_deployment(whose.environment, wish, nonce);
    let (installation, repository) = (whose.installation, whose.repository);
    let mut merged = Vec::new();
    loop {
        let creation = asking
            .github
            .create_deployment(installation, repository, &deployment)
            .await?;
        if let Creation::Merged { message } = &creation
            && merged.len() < TRIES
        {
            merged.push(message.clone());
            continue;
        }
        let asked = Asked { creation, merged };
        if let (Some(store), Some(nonce), Some(id)) = (asking.store, nonce, created(&asked))
            && let Err(error) = store.bind_warrant(nonce, id).await
        {
            // it is there all the same; its delivery is bound to the record then
            tracing::warn!(deployment.id = %id, error = %error, "cannot write down which deployment was asked for");
        }
        return Ok(asked);
    }
}

fn warrant(asking: &Asking<'_>, whose: &Whose<'_>, wish: &Wish, nonce: &str) -> Warrant {
    Warrant {
        nonce: nonce.to_owned(),
        host: asking.host.to_owned(),
        repository_id: whose.id,
        place: Place {
            app: whose.app.name.clone(),
            environment: whose.environment.name.clone(),
        },
        task: wish.task.clone(),
        git_ref: wish.git_ref.clone(),
        branch: wish.branch.clone(),
        actor: wish.actor.clone(),
        room: wish.room.clone(),
        force: wish.force,
        at: asking.clock.now(),
        deployment: None,
    }
}

fn new_deployment(environment: &Environment, wish: &Wish, nonce: Option<&str>) -> NewDeployment {
    let mut payload = wish.notes.clone();
    payload.insert("actor".to_owned(), json!(wish.actor.known_as()));
    payload.insert("via".to_owned(), json!(wish.via));
    if let Some(branch) = &wish.branch {
        payload.insert("branch".to_owned(), json!(branch));
    }
    if let Some(nonce) = nonce {
        payload.insert("nonce".to_owned(), json!(nonce));
    }
    if wish.force {
        // for people; what counts is the ledger's record
        payload.insert("force".to_owned(), json!(true));
    }
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

/// The deployment that GitHub made without our hearing of it: the one that carries this word as `ask`.
///
/// # Errors
///
/// When GitHub does not say.
pub async fn made_before(github: &GitHub, sought: &Sought, ask: &str) -> Result<Option<DeploymentId>, CallError> {
    let (Ok(repository), Ok(environment), Ok(task)) = (
        sought.repository.parse::<RepositoryName>(),
        sought.environment.parse::<EnvironmentName>(),
        sought.task.parse::<TaskName>(),
    ) else {
        return Ok(None);
    };
    let installation = github.installation_of(&repository).await?;
    let listed = github
        .deployments(installation, &repository, &environment, &task)
        .await?;
    let ours = listed.iter().find(|one| one.payload.get("ask") == Some(&json!(ask)));
    Ok(ours.map(|one| one.id))
}
