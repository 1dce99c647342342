//! What the configuration allows, in the form the decision reads. Stored beside each decision, so it holds no secret and
//! nothing that only the execution needs.

use serde::{Deserialize, Serialize};

use crate::domain::actor::Named;
use crate::domain::names::{AppName, EnvironmentName, HostName, RepositoryName, TaskName};

/// The rules of every app, or of those that one decision needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// Slugs of the GitHub Apps whose deployments are meant for us, our own among them.
    pub known_apps: Vec<String>,
    /// The apps.
    pub apps: Vec<AppRules>,
}

/// The rules of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRules {
    /// Its short name.
    pub app: AppName,
    /// Where its deployments are made.
    pub repository: RepositoryName,
    /// Its environments, with what they override already applied.
    pub environments: Vec<EnvironmentRules>,
}

/// The rules of one environment of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRules {
    /// The name, as people should read it.
    pub name: EnvironmentName,
    /// What may be asked for.
    pub tasks: Vec<TaskName>,
    /// `None`: everything that was reported must be green. Empty: nothing is required.
    pub required_contexts: Option<Vec<String>>,
    /// Names or ids of chat rooms. `None`: every room.
    pub allowed_rooms: Option<Vec<String>>,
    /// Who may deploy. Empty: anybody in an allowed room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployers: Vec<Named>,
    /// Who may deploy, and may make a deployment pass what others have to wait for. Empty: nobody may do the latter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<Named>,
    /// What a request may narrow to. `None`: nothing.
    pub hosts: Option<Vec<HostName>>,
    /// What happens when several wait.
    pub lane: LaneOrder,
    /// What becomes of a deployment that is asked for while somebody else has locked it.
    #[serde(default)]
    pub on_lock: OnLock,
}

/// What becomes of a deployment of an environment that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLock {
    /// It is refused.
    #[default]
    Reject,
    /// It is held until the lock is gone.
    Wait,
}

/// What happens to waiting runs when a newer deployment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneOrder {
    /// Every one runs, oldest first.
    #[default]
    Fifo,
    /// Only the newest runs.
    Latest,
}

impl Rules {
    /// Only what a decision about this repository needs.
    #[must_use]
    pub fn for_repository(&self, repository: &str) -> Self {
        Self {
            known_apps: self.known_apps.clone(),
            apps: self
                .apps
                .iter()
                .filter(|app| app.repository.matches(repository))
                .cloned()
                .collect(),
        }
    }
}
