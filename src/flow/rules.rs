//! The configuration as the policy sees it.

use crate::config::Config;
use crate::policy::rules::{AppRules, EnvironmentRules, LaneOrder, Rules};

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
                environments: app
                    .environments
                    .iter()
                    .map(|environment| EnvironmentRules {
                        name: environment.name.clone(),
                        tasks: environment.tasks.clone(),
                        required_contexts: environment.required_contexts.clone(),
                        allowed_rooms: environment.allowed_rooms.clone(),
                        hosts: environment.hosts.clone(),
                        lane: match environment.lane {
                            crate::config::LaneOrder::Fifo => LaneOrder::Fifo,
                            crate::config::LaneOrder::Latest => LaneOrder::Latest,
                        },
                    })
                    .collect(),
            })
            .collect(),
    }
}
