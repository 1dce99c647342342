//! Apps and their environments: settings folded, names checked, every lane with one owner.

use std::collections::{BTreeMap, HashMap};

use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::problem::KeyPath;
use crate::config::suggest;
use crate::config::tree::{Entry, Node};
use crate::config::{App, Environment};
use crate::domain::actor::Named;
use crate::domain::names::{AppName, EnvironmentName, RepositoryName, shown};

/// Where the settings of an environment stand: its own map, and the app's below it.
pub(super) struct Places<'a> {
    app: &'a KeyPath,
    pub(super) environment: &'a KeyPath,
    own: Vec<&'a str>,
}

impl Places<'_> {
    /// The path of one entry of a map that is laid over the app's: each may stand at either.
    pub(super) fn of_entry(&self, key: &str, entry: &str, root: &Node) -> KeyPath {
        let own = self.environment.key(key).key(entry);
        if own.node_in(root).is_some() {
            own
        } else {
            self.app.key(key).key(entry)
        }
    }

    /// The path of a setting, where it is written.
    pub(super) fn of(&self, key: &str) -> KeyPath {
        if self.own.contains(&key) {
            self.environment.key(key)
        } else {
            self.app.key(key)
        }
    }
}

/// The entries of a map by their keys: there may be thousands, and to look for each of them in a list takes its time.
fn written<'r>(path: &KeyPath, root: &'r Node) -> HashMap<&'r str, &'r Entry> {
    let entries = path.node_in(root).into_iter().flat_map(Node::entries);
    entries.map(|entry| (entry.key.as_str(), entry)).collect()
}

impl Reading<'_> {
    pub(super) fn apps(
        &mut self,
        mut apps: BTreeMap<String, file::apps::App>,
        github_url: &str,
        viewers: Option<&Vec<Named>>,
    ) -> Vec<App> {
        let path = KeyPath::of(&["apps"]);
        let mut found: Vec<App> = Vec::new();
        let mut spellings: HashMap<String, String> = HashMap::new();
        let mut owners: HashMap<(String, String), KeyPath> = HashMap::new();
        let order: Vec<&str> = path
            .node_in(self.root)
            .into_iter()
            .flat_map(Node::entries)
            .map(|entry| entry.key.as_str())
            .collect();
        for name in order {
            let Some(app) = apps.remove(name) else {
                continue;
            };
            let path = path.key(name);
            if let Some(other) = spellings.insert(name.to_ascii_lowercase(), name.to_owned()) {
                let text = format!("app `{}` differs from `{}` only in case", shown(name), shown(&other));
                let _: Option<()> = self.refuse_key(
                    &path,
                    text,
                    Some("people type names in chat: choose another".to_owned()),
                );
            }
            self.lanes(&app, &path, &mut owners);
            let app = self.app(name, app, github_url, &path);
            found.extend(app.map(|app| App {
                viewers: app.viewers.or_else(|| viewers.cloned()),
                ..app
            }));
        }
        found
    }

    /// Every environment of a repository has one lane and so one owner, whatever case GitHub is asked in.
    fn lanes(&mut self, app: &file::apps::App, path: &KeyPath, owners: &mut HashMap<(String, String), KeyPath>) {
        let environments = path.key("environments");
        let written = written(&environments, self.root);
        let mut sorted: Vec<&String> = app.environments.keys().collect();
        sorted.sort_by_key(|name| written.get(name.as_str()).map(|entry| entry.place));
        for name in sorted {
            let path = environments.key(name);
            let lane = (app.repository.to_ascii_lowercase(), name.to_ascii_lowercase());
            let Some(owner) = owners.insert(lane, path.clone()) else {
                continue;
            };
            let (text, hint) = if owner.parent() == path.parent() {
                let text = format!("environment `{}` differs from `{owner}` only in case", shown(name));
                (text, "GitHub takes both for the same environment: keep one")
            } else {
                let text = format!(
                    "environment `{}` of `{}` belongs to `{owner}` already",
                    shown(name),
                    shown(&app.repository)
                );
                (
                    text,
                    "an environment of a repository has one owner: give one of them another name",
                )
            };
            let _: Option<()> = self.refuse_key(&path, text, Some(hint.to_owned()));
        }
    }

    fn app(&mut self, name: &str, mut app: file::apps::App, github_url: &str, path: &KeyPath) -> Option<App> {
        let app_name = self.key_name::<AppName>(name, path);
        let repository = self.name::<RepositoryName>(&app.repository, &path.key("repository"));
        let remote = match &app.remote {
            Some(remote) => self.remote(remote, &path.key("remote")),
            None => repository
                .as_ref()
                .map(|repository| format!("{github_url}/{repository}.git")),
        };
        let viewers = self.viewers(app.viewers.take(), &path.key("viewers"));
        let typed = std::mem::take(&mut app.environments);
        if typed.is_empty() {
            let hint = "write at least one, as in `environments: { production: {} }`";
            let text = format!("`{path}` has no environment");
            let _: Option<()> = self.refuse(&path.key("environments"), text, Some(hint.to_owned()));
        }
        let place = path.key("environments");
        let written = written(&place, self.root);
        let mut typed: Vec<(String, Option<file::apps::Environment>)> = typed.into_iter().collect();
        typed.sort_by_key(|(name, _)| written.get(name.as_str()).map(|entry| entry.place));
        let mut environments = Vec::new();
        for (name, own) in typed {
            let environment_path = place.key(&name);
            let settings = own.unwrap_or_default().over(&app);
            let own = written
                .get(name.as_str())
                .map_or(&[][..], |entry| entry.value.entries());
            let places = Places {
                app: path,
                environment: &environment_path,
                own: own.iter().map(|entry| entry.key.as_str()).collect(),
            };
            environments.extend(self.environment(&name, settings, &places));
        }
        let default_environment = self.default_environment(&app, &environments, path)?;
        Some(App {
            name: app_name?,
            repository: repository?,
            remote: remote?,
            viewers: viewers?,
            auto_merge: app.auto_merge.unwrap_or(false),
            public_badges: app.public_badges.unwrap_or(false),
            default_environment,
            environments,
        })
    }

    /// The environment that is meant where nobody names one, in the spelling of its own key.
    fn default_environment(
        &mut self,
        app: &file::apps::App,
        environments: &[Environment],
        path: &KeyPath,
    ) -> Option<Option<EnvironmentName>> {
        let Some(typed) = &app.default_environment else {
            return Some(match environments {
                [only] => Some(only.name.clone()),
                _ => None,
            });
        };
        let found = environments
            .iter()
            .find(|one| one.name.as_str().eq_ignore_ascii_case(typed));
        if let Some(found) = found {
            return Some(Some(found.name.clone()));
        }
        let path = path.key("default_environment");
        let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
        let text = format!(
            "`{path}` is `{}`, which is none of the app's environments",
            shown(typed)
        );
        self.refuse(&path, text, suggest::hint(typed, &names))
    }
}
