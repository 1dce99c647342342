//! What Heaven read: the payload of a deployment, with the app's entry as its `config`.
//!
//! Any wrapping will do: a whole webhook delivery, a deployment as the API shows it, its payload, the `config` alone, or a list
//! of any of these. Several that speak of one app are one app.

use serde_json::{Map, Value};

use crate::cli::import::draft::{Draft, Note};
use crate::cli::import::entry::{Entries, Source};
use crate::cli::import::secrets::told;
use crate::cli::import::shape::{kind_of, unexpected};
use crate::domain::names::RepositoryName;

/// Keys by which a `config` is known where it stands alone.
const CONFIG_KEYS: [&str; 3] = ["provider", "deploy_script", "heroku_name"];

/// Whether this is one of the forms.
pub(super) fn is_one(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| item.is_object() && is_one(item)),
        Value::Object(map) => {
            ["deployment", "config"]
                .iter()
                .any(|key| map.get(*key).is_some_and(Value::is_object))
                || map
                    .get("payload")
                    .is_some_and(|payload| payload.is_object() || payload.is_string())
                || is_config(map)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_config(map: &Map<String, Value>) -> bool {
    let is_text = |key: &&str| map.get(*key).is_some_and(Value::is_string);
    CONFIG_KEYS.iter().any(is_text)
}

/// Reads the file, or says what is wrong with it.
pub(super) fn draft(value: &Value) -> Result<Draft, Vec<String>> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(Block::of(item, &format!("[{index}]"), &mut problems));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            found.extend(Block::of(value, "", &mut problems));
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut differing = Vec::new();
    for block in found {
        match blocks.iter_mut().find(|other| other.is_of_the_app_of(&block)) {
            Some(other) => {
                for (key, value) in block.config {
                    match other.config.get(&key) {
                        None => _ = other.config.insert(key, value),
                        Some(first) if *first != value => differing.push(format!("`{}.{}`", block.at, told(&key))),
                        Some(_) => {}
                    }
                }
                other.environments.extend(block.environments);
                other.tasks.extend(block.tasks);
            }
            None => blocks.push(block),
        }
    }
    let sources: Vec<Source<'_>> = blocks.iter().map(Block::source).collect();
    let mut entries = Entries::new(&sources);
    entries.reader.problems = problems;
    let mut draft = Draft::new(vec![Note::todo(
        "Heaven's own settings are not in this file: its keys and tokens, `DEPLOYMENT_TIMEOUT` (`timeout_seconds` here), \
             `DEPLOY_COMMAND_FORMAT`, and Slack's address, which goes into `slack: { incoming_webhook: { env: \
             SLACK_INCOMING_WEBHOOK } }`.",
    )]);
    draft.notes.push(Note::todo(
        "Heaven deployed a green default branch to every environment by itself. Here that is `auto_deploy: true`, at each app or \
         environment that should have it.",
    ));
    if !differing.is_empty() {
        draft.notes.push(Note::lost(format!(
            "{}: an earlier payload of the same app says something else, and the earlier one counts here.",
            differing.join(", ")
        )));
    }
    for source in &sources {
        entries.add(&mut draft, source);
    }
    draft
        .sections
        .push(("github", entries.github("which was in `GITHUB_TOKEN` of Heaven")));
    if entries.reader.problems.is_empty() {
        Ok(draft)
    } else {
        Err(entries.reader.problems)
    }
}

/// One `config`, and what stood around it.
#[derive(Debug)]
struct Block {
    at: String,
    name: Option<String>,
    config: Map<String, Value>,
    repository: Option<String>,
    environments: Vec<String>,
    tasks: Vec<String>,
}

impl Block {
    /// Finds it, however deep it is.
    fn of(value: &Value, at: &str, problems: &mut Vec<String>) -> Option<Self> {
        let path = |key: &str| {
            if at.is_empty() {
                key.to_owned()
            } else {
                format!("{at}.{key}")
            }
        };
        let mut refuse = |problem: String| {
            problems.push(problem);
            None
        };
        let Value::Object(map) = value else {
            return refuse(unexpected(at, value, "a deployment or its payload"));
        };
        if let Some(deployment @ Value::Object(_)) = map.get("deployment") {
            let mut block = Self::of(deployment, &path("deployment"), problems)?;
            block.repository = full_name(map).or(block.repository);
            return Some(block);
        }
        let mut block = match map.get("payload") {
            Some(payload @ Value::Object(_)) => Self::of(payload, &path("payload"), problems)?,
            Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(payload @ Value::Object(_)) => Self::of(&payload, &path("payload"), problems)?,
                Ok(_) | Err(_) => {
                    return refuse(format!(
                        "`{}` is a text that is no JSON map; expected Heaven's payload, not an encrypted one",
                        path("payload")
                    ));
                }
            },
            Some(other) => {
                return refuse(format!(
                    "`{}` is {}; expected Heaven's payload",
                    path("payload"),
                    kind_of(other)
                ));
            }
            None => {
                let (config, at) = match map.get("config") {
                    Some(Value::Object(config)) => (config, path("config")),
                    Some(other) => return refuse(unexpected(&path("config"), other, "a map with `provider`")),
                    None if is_config(map) => (
                        map,
                        if at.is_empty() {
                            "config".to_owned()
                        } else {
                            at.to_owned()
                        },
                    ),
                    None => {
                        return refuse(format!(
                            "{} holds no `config`; expected a payload as hubot-deploy made it",
                            if at.is_empty() {
                                "the payload".to_owned()
                            } else {
                                format!("`{at}`")
                            }
                        ));
                    }
                };
                Self {
                    at,
                    name: None,
                    config: config.clone(),
                    repository: None,
                    environments: Vec::new(),
                    tasks: Vec::new(),
                }
            }
        };
        if map.get("config").is_some() {
            block.name = text(map, "name");
        }
        // where the config stands alone these would be keys of the app itself
        if !is_config(map) {
            block.environments.extend(text(map, "environment"));
            block.tasks.extend(text(map, "task"));
            block.repository = block.repository.or_else(|| repository_of_address(map));
        }
        Some(block)
    }

    fn source(&self) -> Source<'_> {
        let repository = self
            .repository
            .as_deref()
            .or_else(|| self.config.get("repository")?.as_str());
        let last = repository.and_then(|name| name.rsplit('/').next()).unwrap_or("app");
        Source {
            name: self.name.clone().unwrap_or_else(|| last.to_owned()),
            at: self.at.clone(),
            map: &self.config,
            repository: self.repository.clone(),
            environments: self.environments.clone(),
            tasks: self.tasks.clone(),
        }
    }

    fn is_of_the_app_of(&self, other: &Self) -> bool {
        let (own, other) = (self.source(), other.source());
        own.name == other.name && own.repository == other.repository
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn full_name(map: &Map<String, Value>) -> Option<String> {
    map.get("repository")?
        .as_object()
        .and_then(|repository| text(repository, "full_name"))
}

/// `owner/name` at the end of the API's `repository_url`.
fn repository_of_address(map: &Map<String, Value>) -> Option<String> {
    let address = text(map, "repository_url")?;
    let (_, name) = address.split_once("/repos/")?;
    name.parse::<RepositoryName>().ok().map(String::from)
}
