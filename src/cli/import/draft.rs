//! What an importer found, in Chima's words: the form between the foreign files and the one writer.
//!
//! It holds no secret, only where one is to be put. Names and lanes are made to fit here, so that no importer can make a
//! configuration that is refused for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::import::secrets::{is_known_secret, told};
use crate::domain::names::{AppName, EnvironmentName, InvalidName};

/// A comment of the file that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// An explanation.
    Plain(String),
    /// Something of the foreign file that is not in the new one, and why.
    Lost(String),
    /// Something that a person must do or decide.
    Todo(String),
}

/// One key with its value, and the comments above it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) value: Value,
    pub(super) notes: Vec<Note>,
}

/// The keys of one map, in the order in which they are written.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Comments above the first key.
    pub(super) notes: Vec<Note>,
    pub(super) entries: Vec<Entry>,
}

/// One environment of an app.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    pub(super) name: String,
    pub(super) settings: Settings,
}

/// One app.
#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) repository: String,
    /// Comments above `repository`.
    pub(super) repository_notes: Vec<Note>,
    pub(super) settings: Settings,
    pub(super) environments: Vec<Environment>,
}

/// What stands under `apps`.
#[derive(Debug, Clone)]
pub(super) enum Item {
    App(App),
    /// In the place of an app that could not be made: why.
    LeftOut(Vec<Note>),
}

/// A whole configuration.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Comments at the top.
    pub(super) notes: Vec<Note>,
    /// Top-level maps above `apps`.
    pub(super) sections: Vec<(&'static str, Settings)>,
    pub(super) items: Vec<Item>,
    names: BTreeSet<String>,
    lanes: BTreeMap<(String, String), String>,
}

impl Note {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    pub(super) fn lost(text: impl Into<String>) -> Self {
        Self::Lost(text.into())
    }

    pub(super) fn todo(text: impl Into<String>) -> Self {
        Self::Todo(text.into())
    }
}

impl Settings {
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.set_with(key, value, Vec::new());
    }

    pub(super) fn set_with(&mut self, key: &'static str, value: impl Into<Value>, notes: Vec<Note>) {
        self.entries.push(Entry {
            key,
            value: value.into(),
            notes,
        });
    }

    /// Adds entries to a map that may be there already, as `with` or `secrets` is.
    pub(super) fn extend(
        &mut self,
        key: &'static str,
        more: impl IntoIterator<Item = (String, Value)>,
        note: Vec<Note>,
    ) {
        let found = self.entries.iter().position(|entry| entry.key == key);
        let index = found.unwrap_or_else(|| {
            self.set(key, serde_json::Map::new());
            self.entries.len() - 1
        });
        if let Some(entry) = self.entries.get_mut(index) {
            if let Value::Object(map) = &mut entry.value {
                map.extend(more);
            }
            entry.notes.extend(note);
        }
    }
}

impl Draft {
    pub(super) fn new(notes: Vec<Note>) -> Self {
        Self {
            notes,
            ..Self::default()
        }
    }

    /// Takes an app in: its name becomes one that can be typed and is not taken, and environments that belong to another
    /// app already are left out.
    pub(super) fn add(&mut self, mut app: App) {
        let wanted = app.name.clone();
        app.name = self.free_name(&wanted);
        if app.name != wanted {
            app.settings.notes.push(Note::plain(format!(
                "It was `{}` before, which Chima cannot take as a name or has for another app.",
                told(&wanted)
            )));
        }
        for environment in std::mem::take(&mut app.environments) {
            match self.claim(&app, &environment) {
                Ok(()) => app.environments.push(environment),
                Err(note) => app.settings.notes.push(note),
            }
        }
        if app.environments.is_empty() {
            let mut notes = vec![Note::lost(format!(
                "`{}`: nothing is left that could be deployed.",
                told(&wanted)
            ))];
            notes.append(&mut app.settings.notes);
            self.leave_out(notes);
            return;
        }
        self.names.insert(app.name.to_ascii_lowercase());
        self.items.push(Item::App(app));
    }

    pub(super) fn leave_out(&mut self, notes: Vec<Note>) {
        self.items.push(Item::LeftOut(notes));
    }

    pub(super) fn apps(&self) -> impl Iterator<Item = &App> {
        self.items.iter().filter_map(|item| match item {
            Item::App(app) => Some(app),
            Item::LeftOut(_) => None,
        })
    }

    /// Whether an environment of a repository belongs to an app already.
    pub(super) fn has_lane(&self, repository: &str, environment: &str) -> bool {
        self.lanes.contains_key(&lane(repository, environment))
    }

    /// Values that are secrets beyond doubt. Importers copy none on purpose; this is for what people write into wrong places.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        for app in self.apps() {
            let of_environments = app.environments.iter().map(|environment| &environment.settings);
            for settings in of_environments.chain([&app.settings]) {
                let entries = settings.entries.iter().filter(|entry| holds_a_secret(&entry.value));
                found.extend(entries.map(|entry| {
                    format!(
                        "what becomes `{}` of `{}` holds a secret; expected none there",
                        entry.key, app.name
                    )
                }));
            }
        }
        found
    }

    fn claim(&mut self, app: &App, environment: &Environment) -> Result<(), Note> {
        let name = told(&environment.name);
        if let Err(InvalidName { expected, .. }) = environment.name.parse::<EnvironmentName>() {
            return Err(Note::lost(format!(
                "environment `{name}`: not a name that Chima takes; expected {expected}."
            )));
        }
        let lane = lane(&app.repository, &environment.name);
        if let Some(owner) = self.lanes.get(&lane) {
            return Err(Note::lost(format!(
                "environment `{name}`: `{owner}` has it already; an environment of a repository belongs to one app."
            )));
        }
        self.lanes.insert(lane, app.name.clone());
        Ok(())
    }

    fn free_name(&self, wanted: &str) -> String {
        let typed: String = wanted
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                    c
                } else {
                    '-'
                }
            })
            .skip_while(|c| !c.is_ascii_alphanumeric())
            .take(90)
            .collect();
        let base = if typed.parse::<AppName>().is_ok() {
            typed
        } else {
            "app".to_owned()
        };
        let mut name = base.clone();
        let mut number = 2;
        while self.names.contains(&name.to_ascii_lowercase()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        name
    }
}

fn holds_a_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => is_known_secret(text),
        Value::Array(items) => items.iter().any(holds_a_secret),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| is_known_secret(key) || holds_a_secret(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// GitHub ignores case in both names.
fn lane(repository: &str, environment: &str) -> (String, String) {
    (repository.to_ascii_lowercase(), environment.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, repository: &str, environments: &[&str]) -> App {
        App {
            name: name.to_owned(),
            repository: repository.to_owned(),
            repository_notes: Vec::new(),
            settings: Settings::default(),
            environments: environments
                .iter()
                .map(|name| Environment {
                    name: (*name).to_owned(),
                    settings: Settings::default(),
                })
                .collect(),
        }
    }

    fn names(draft: &Draft) -> Vec<&str> {
        draft.apps().map(|app| app.name.as_str()).collect()
    }

    #[test]
    fn names_are_made_to_fit_and_kept_apart() {
        let mut draft = Draft::default();
        for (index, name) in ["site", "Site", "my site", "-x", "  ", "é"].iter().enumerate() {
            draft.add(app(name, &format!("o/r{index}"), &["production"]));
        }
        assert_eq!(names(&draft), ["site", "Site-2", "my-site", "x", "app", "app-2"]);
    }

    #[test]
    fn an_environment_of_a_repository_stays_with_the_first_app() {
        let mut draft = Draft::default();
        draft.add(app("site", "o/r", &["production"]));
        draft.add(app("www", "O/R", &["Production", "staging"]));
        draft.add(app("alias", "o/r", &["staging"]));
        assert_eq!(names(&draft), ["site", "www"]);
        let environments: Vec<_> = draft.apps().flat_map(|app| &app.environments).collect();
        assert_eq!(environments.len(), 2);
        assert!(matches!(draft.items.last(), Some(Item::LeftOut(notes)) if notes.len() == 2));
    }

    #[test]
    fn an_environment_that_cannot_be_named_is_left_out() {
        let mut draft = Draft::default();
        draft.add(app("site", "o/r", &["production", "$(id)"]));
        let [site] = draft.apps().collect::<Vec<_>>()[..] else {
            panic!("one app");
        };
        assert_eq!(site.environments.len(), 1);
        assert!(matches!(&site.settings.notes[..], [Note::Lost(text)] if text.starts_with("environment `$(id)`")));
    }
}
