//! The board: apps and their environments, with what runs there and what is about to.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{App, Environment};
use crate::domain::lock::Place;
use crate::domain::run::RunState;
use crate::flow::view::Look;
use crate::flow::view::drift::{DriftView, Drifts, HeadView};
use crate::flow::view::lock::LockView;
use crate::flow::view::run::RunView;
use crate::store::error::StoreError;
use crate::store::locks::Held;

/// Everything that can be deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Board {
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppView>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppView {
    /// What people call it.
    pub app: String,
    /// `owner/name`, as configured.
    pub repository: String,
    /// The newest commit of the default branch, as far as GitHub has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadView>,
    /// Why nothing newer is known of it: GitHub could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_trouble: Option<String>,
    /// Its environments, in the order of the configuration.
    pub environments: Vec<EnvironmentView>,
}

/// An environment of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentView {
    /// Its name.
    pub environment: String,
    /// Whether it is marked as production.
    pub production: bool,
    /// Where people see what is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The tasks that may be asked for.
    pub tasks: Vec<String>,
    /// Whether it is deployed without being asked for.
    pub auto_deploy: bool,
    /// What runs there: the last run that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<RunView>,
    /// How that stands to the default branch, as far as GitHub has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftView>,
    /// What was last tried there, where that is not what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<RunView>,
    /// What is being deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunView>,
    /// What comes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RunView>,
    /// How many wait in its lane.
    pub queued: u64,
    /// How many are held before it.
    pub held: u64,
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockView>,
}

/// The board, of one app where one is named.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn board(look: &Look<'_>, only: Option<&App>) -> Result<Board, StoreError> {
    let (locks, drifts) = (locks(look).await?, Drifts::read(look).await?);
    let mut apps = Vec::new();
    for app in look.apps().filter(|app| only.is_none_or(|only| only.name == app.name)) {
        let mut environments = Vec::with_capacity(app.environments.len());
        for environment in &app.environments {
            environments.push(one(look, (app, environment), &locks, &drifts).await?);
        }
        apps.push(AppView {
            app: app.name.to_string(),
            repository: app.repository.to_string(),
            head: drifts.head(look, app),
            head_trouble: drifts.trouble(app),
            environments,
        });
    }
    Ok(Board { apps })
}

/// One environment of it.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn environment(
    look: &Look<'_>,
    (app, environment): (&App, &Environment),
) -> Result<EnvironmentView, StoreError> {
    let (locks, drifts) = (locks(look).await?, Drifts::read(look).await?);
    one(look, (app, environment), &locks, &drifts).await
}

async fn locks(look: &Look<'_>) -> Result<HashMap<String, Held>, StoreError> {
    let held = look.store.locks(look.now).await?;
    Ok(held.into_iter().map(|one| (one.lock.place.key(), one)).collect())
}

async fn one(
    look: &Look<'_>,
    (app, environment): (&App, &Environment),
    locks: &HashMap<String, Held>,
    drifts: &Drifts,
) -> Result<EnvironmentView, StoreError> {
    let (store, at) = (look.store, look.at(app, environment));
    let (name, named) = (app.name.as_str(), environment.name.as_str());
    let current = store.current_at(at).await?;
    let last = store.last_at(at).await?;
    let last = last.filter(|last| current.as_ref().is_none_or(|current| current.run.id != last.run.id));
    let counts = store.open_counts(name, named).await?;
    let mut running = None;
    if counts.running > 0 {
        running = store.first_open(name, named, RunState::Running).await?;
    }
    let mut next = None;
    if counts.queued > 0 {
        next = store.first_open(name, named, RunState::Queued).await?;
    }
    let view = |listed: &crate::store::history::Listed| RunView::of(look.config, listed);
    let place = Place {
        app: app.name.clone(),
        environment: environment.name.clone(),
    };
    let lock = locks.get(&place.key());
    let drift = current
        .as_ref()
        .and_then(|current| drifts.drift(look, app, &current.run.sha));
    Ok(EnvironmentView {
        environment: environment.name.to_string(),
        production: environment.production,
        url: environment.url.clone(),
        tasks: environment.tasks.iter().map(ToString::to_string).collect(),
        auto_deploy: environment.auto_deploy.is_some(),
        current: current.as_ref().map(view),
        drift,
        last: last.as_ref().map(view),
        running: running.as_ref().map(view),
        next: next.as_ref().map(view),
        queued: counts.queued,
        held: counts.held,
        lock: lock.map(|held| LockView::of(&held.lock, &held.waiting)),
    })
}
