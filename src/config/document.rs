//! One file of YAML as it was read: its values, and where each of them stands.
//!
//! Whoever reads files of a form of their own (a manifest), or finds out later what a value means (the provider's inputs), says
//! what is wrong with a key path; this turns it into a problem at a line, in the words and form of every other.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::config::problem::{ConfigError, KeyPath, Problem};
use crate::config::schema::Schema;
use crate::config::tree::{self, Content, Node};
use crate::config::{read_text, walk};

/// A file of YAML and the places of its values.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
    root: Node,
}

/// Something wrong with a value, before it is known at which line that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The value. Where it is absent, the nearest map around it is shown.
    pub path: KeyPath,
    /// What was found, and what was expected.
    pub text: String,
    /// What to do, where that is not plain from the text.
    pub hint: Option<String>,
    /// What of it is shown.
    pub at: At,
}

/// Which line of a value is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Its key.
    Key,
    /// Where it begins.
    Value,
    /// The first text within it that holds this word; where there is none, as [`At::Value`].
    Word(String),
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is not YAML.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads the text of a file; `path` is how problems name it.
    ///
    /// # Errors
    /// When it is not YAML.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        // An editor's byte order mark is not part of the first key.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = tree::parse(text).map_err(|found| {
            let problem = KeyPath::default().problem(found.place, found.text, found.hint.map(str::to_owned));
            ConfigError::new(path, text, vec![problem])
        })?;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            root,
        })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a setting of an environment is written, such as `with` and one of its keys: at the environment, or at the app,
    /// or as near to it as the file comes.
    #[must_use]
    pub fn setting(&self, app: &str, environment: &str, keys: &[&str]) -> KeyPath {
        let app = KeyPath::of(&["apps", app]);
        let environment = app.key("environments").key(environment);
        for length in (1..=keys.len()).rev() {
            for around in [&environment, &app] {
                let path = keys[..length].iter().fold(around.clone(), |path, key| path.key(key));
                if path.node_in(&self.root).is_some() {
                    return path;
                }
            }
        }
        environment
    }

    /// The struct that `schema` was made from.
    ///
    /// # Errors
    /// With everything in which the file differs from the schema.
    pub fn read<T: DeserializeOwned>(&self, schema: &Schema) -> Result<T, ConfigError> {
        let (value, problems) = walk::walk(&self.root, schema);
        if !problems.is_empty() {
            return Err(ConfigError::new(&self.path, &self.text, problems));
        }
        serde_json::from_value(value).map_err(|error| {
            let problem = KeyPath::default().problem(self.root.place, error.to_string(), None);
            ConfigError::new(&self.path, &self.text, vec![problem])
        })
    }

    /// The refusal of this file for these faults, each at its line.
    #[must_use]
    pub fn refuse(&self, faults: Vec<Fault>) -> ConfigError {
        let problems = faults.into_iter().map(|fault| self.problem(fault)).collect();
        ConfigError::new(&self.path, &self.text, problems)
    }

    fn problem(&self, fault: Fault) -> Problem {
        let value = || fault.path.place_in(&self.root);
        let place = match &fault.at {
            At::Key => fault.path.key_place_in(&self.root),
            At::Value => value(),
            At::Word(word) => fault
                .path
                .node_in(&self.root)
                .and_then(|node| find(node, word))
                .map_or_else(value, |node| node.place),
        };
        fault.path.problem(place, fault.text, fault.hint)
    }
}

/// The first text at or below a node that holds `word`.
fn find<'a>(node: &'a Node, word: &str) -> Option<&'a Node> {
    match &node.content {
        Content::Text(text) => text.contains(word).then_some(node),
        Content::List(items) => items.iter().find_map(|item| find(item, word)),
        Content::Map(entries) => entries.iter().find_map(|entry| find(&entry.value, word)),
        Content::Nothing | Content::Flag(..) | Content::Number(..) => None,
    }
}
