//! The configuration as the policy sees it.

use crate::config::{Config, Environment};
use crate::domain::deployment::Deployment;
use crate::flow::engine::Engine;
use crate::github::call::CallError;
use crate::policy::rules::{AppRules, EnvironmentRules, LaneOrder, OnLock, Rules};

/// The rules for one deployment. What our own App makes is ours; GitHub is asked for its name where an App made it.
///
/// # Errors
///
/// When GitHub does not say: then nobody can tell whether it is meant for us.
pub async fn rules_for(engine: &Engine, deployment: &Deployment) -> Result<Rules, CallError> {
    let mut rules = rules(&engine.config).for_repository(&deployment.repository);
    let bot = deployment
        .creator
        .as_deref()
        .is_some_and(|login| login.ends_with("[bot]"));
    if !rules.apps.is_empty() && (bot || deployment.app_slug.is_some()) {
        // boxed: the client's futures are large, and most deployments do not need them
        rules.known_apps.extend(Box::pin(engine.github.own_slug()).await?);
    }
    Ok(rules)
}

/// The rules of every app.
#[must_use]
pub fn rules(config: &Config) -> Rules {
    Rules {
        known_apps: config.github.known_apps.clone(),
        apps: config
            .apps
            .iter()
            .map(|app| AppRules {
                app: app.name.clone(),
                repository: app.repository.clone(),
                environments: app.environments.iter().map(of_environment).collect(),
            })
            .collect(),
    }
}

/// The rules of one environment.
#[must_use]
pub fn of_environment(environment: &Environment) -> EnvironmentRules {
    EnvironmentRules {
        name: environment.name.clone(),
        tasks: environment.tasks.clone(),
        required_contexts: environment.required_contexts.clone(),
        allowed_rooms: environment.allowed_rooms.clone(),
        deployers: environment.deployers.clone(),
        admins: environment.admins.clone(),
        hosts: environment.hosts.clone(),
        lane: match environment.lane {
            crate::config::LaneOrder::Fifo => LaneOrder::Fifo,
            crate::config::LaneOrder::Latest => LaneOrder::Latest,
        },
        on_lock: match environment.on_lock {
            crate::config::OnLock::Reject => OnLock::Reject,
            crate::config::OnLock::Wait => OnLock::Wait,
        },
    }
}
