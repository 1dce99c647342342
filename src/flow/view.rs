//! What there is to look at, as a viewer may see it: one answer to each question, for pages, the API and the command line.
//!
//! These are the forms in which things are shown: names in them are promised (fields are added, never renamed). Nothing in
//! them depends on when somebody looks, only on what has happened: a form that has not changed reads the same again.

pub mod board;
pub mod commits;
pub mod delivery;
pub mod drift;
pub mod forms;
pub mod lock;
pub mod log;
pub mod needs;
pub mod outbox;
pub mod queue;
pub mod run;
pub mod statistics;
pub mod steps;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{App, Config, Environment};
use crate::domain::clock::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::engine::Engine;
use crate::report::sentence::sentence;
use crate::store::Store;
use crate::store::reading::At;

/// Somebody who looks, and at what.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The ledger.
    pub store: &'a Store,
    /// The configuration.
    pub config: &'a Config,
    /// Who looks.
    pub viewer: &'a Viewer,
    /// When.
    pub now: Timestamp,
}

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// A stable code, of the reference of reasons.
    pub code: String,
    /// A sentence: why, and what to do next.
    pub text: String,
}

/// A page of a longer list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// With which `cursor` the next page is asked for; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Why {
    /// A reason in its two forms.
    #[must_use]
    pub fn of(reason: &Reason) -> Self {
        Self {
            code: reason.code().to_owned(),
            text: sentence(reason),
        }
    }
}

impl<T> Page<T> {
    /// Cuts a page from what was read, which is one more than a page holds where there is another.
    #[must_use]
    pub fn cut(mut items: Vec<T>, size: u32, cursor: impl Fn(&T) -> String) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}

impl<'a> Look<'a> {
    /// A look of a server.
    #[must_use]
    pub fn of(engine: &'a Engine, viewer: &'a Viewer) -> Self {
        Self {
            store: &engine.store,
            config: &engine.config,
            viewer,
            now: engine.now(),
        }
    }

    /// The apps that are configured and seen, in the order of the file.
    pub fn apps(&self) -> impl Iterator<Item = &'a App> + use<'a> {
        let viewer = self.viewer;
        self.config
            .apps
            .iter()
            .filter(move |app| viewer.sees(app.name.as_str()))
    }

    /// An app by its name, if it is there and seen.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&'a App> {
        self.config.app(name).filter(|app| self.viewer.sees(app.name.as_str()))
    }

    /// An environment by its names, if it is there and seen.
    #[must_use]
    pub fn environment(&self, app: &str, environment: &str) -> Option<(&'a App, &'a Environment)> {
        let app = self.app(app)?;
        let mut own = app.environments.iter();
        let found = own.find(|own| own.name.as_str().eq_ignore_ascii_case(environment))?;
        Some((app, found))
    }

    /// Where the ledger has it.
    #[must_use]
    pub fn at(&self, app: &'a App, environment: &'a Environment) -> At<'a> {
        At {
            host: &self.config.github.host,
            repository: app.repository.as_str(),
            environment: environment.name.as_str(),
        }
    }

    /// The names of the apps that may be seen; `None` for all, also of those that are configured no more.
    #[must_use]
    pub fn seen_apps(&self) -> Option<Vec<String>> {
        let seen = self.viewer.apps.as_ref()?;
        Some(seen.iter().map(ToString::to_string).collect())
    }

    /// Whether they may ask for what takes this scope, about everything that a repository is deployed as. What no app is of concerns
    /// only those who see everything.
    #[must_use]
    pub fn may_about(&self, scope: Scope, repository: Option<&str>) -> bool {
        let mut apps = self.config.apps_of(repository.unwrap_or_default()).peekable();
        if apps.peek().is_none() {
            return self.viewer.sees_everything() && self.viewer.may(scope);
        }
        apps.all(|app| self.viewer.may_in(scope, app.name.as_str()))
    }

    /// Repositories of which everything may be seen; `None` for all. One that an unseen app shares is none of them.
    #[must_use]
    pub fn seen_repositories(&self) -> Option<Vec<String>> {
        self.viewer.apps.as_ref()?;
        let mut seen: Vec<String> = Vec::new();
        for app in self.apps() {
            let repository = app.repository.as_str();
            let all = self
                .config
                .apps_of(repository)
                .all(|app| self.viewer.sees(app.name.as_str()));
            if all && !seen.iter().any(|known| known.eq_ignore_ascii_case(repository)) {
                seen.push(repository.to_owned());
            }
        }
        Some(seen)
    }
}
