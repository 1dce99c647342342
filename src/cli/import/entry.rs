//! One entry of hubot-deploy's `apps.json`. Heaven found the same keys as `config` in a deployment's payload, so both files
//! are read here: what chat and GitHub made of an entry in this file, what the executor made of it in `executor`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use url::Url;

use crate::cli::import::draft::{App, Draft, Environment, Note, Settings};
use crate::cli::import::executor;
use crate::cli::import::secrets::{is_secret_name, is_secret_text, told};
use crate::cli::import::shape::{Keys, Reader};
use crate::domain::names::{InvalidName, RepositoryName, TaskName};

/// hubot-deploy's own default.
const GITHUB_API: &str = "https://api.github.com";

/// What is known of all entries of a file.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) reader: Reader,
    /// The API of most entries; none for github.com.
    api: Option<String>,
    /// Apps that had a token of their own.
    with_token: Vec<String>,
    /// What was explained already, so that it is not explained again at every app.
    said: BTreeSet<&'static str>,
}

/// An entry, and what was known beside it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: String,
    /// How the entry is named to people.
    pub(super) at: String,
    pub(super) map: &'a Map<String, Value>,
    /// Where the entry itself names none.
    pub(super) repository: Option<String>,
    /// Environments that were seen in payloads, beside the entry's own.
    pub(super) environments: Vec<String>,
    /// Tasks that were seen in payloads.
    pub(super) tasks: Vec<String>,
}

impl Entries {
    pub(super) fn new(sources: &[Source<'_>]) -> Self {
        let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for source in sources {
            *counts.entry(api_of(source.map)).or_default() += 1;
        }
        Self {
            reader: Reader::default(),
            api: counts
                .into_iter()
                .max_by_key(|(_, count)| *count)
                .and_then(|(api, _)| api),
            with_token: Vec::new(),
            said: BTreeSet::new(),
        }
    }

    /// Whether this is the first time that `what` is explained.
    pub(super) fn say(&mut self, what: &'static str) -> bool {
        self.said.insert(what)
    }

    pub(super) fn add(&mut self, draft: &mut Draft, source: &Source<'_>) {
        let mut keys = Keys::of(&source.at, source.map);
        let Some(repository) = self.repository(&mut keys, source) else {
            return;
        };
        let _ = keys.take("github_api");
        if api_of(source.map) != self.api {
            draft.leave_out(vec![Note::lost(format!(
                "`{}`: it is on another GitHub than the others, and a configuration is for one. Give it a Chima of its own.",
                told(&source.name)
            ))]);
            return;
        }
        if keys.take("github_token").is_some() {
            self.with_token.push(format!("`{}`", told(&source.name)));
        }
        let mut settings = Settings::default();
        self.chat(&mut keys, &mut settings);
        let mut tasks = vec!["deploy".to_owned()];
        for task in &source.tasks {
            // locks are commands, which need no list
            let is_lock = matches!(task.as_str(), "deploy:lock" | "deploy:unlock");
            if !is_lock && !tasks.contains(task) && task.parse::<TaskName>().is_ok() {
                tasks.push(task.clone());
            }
        }
        if tasks.len() > 1 {
            settings.set("tasks", tasks);
        }
        let mut environments = self.environments(&mut keys, source);
        executor::carry_out(self, &mut keys, &mut settings, &mut environments);
        self.leftovers(&keys, &mut settings);
        draft.add(App {
            name: source.name.clone(),
            repository,
            repository_notes: Vec::new(),
            settings,
            environments,
        });
    }

    fn repository(&mut self, keys: &mut Keys<'_>, source: &Source<'_>) -> Option<String> {
        let at = keys.name("repository");
        let own = match keys.take("repository") {
            Some(value) => Some(self.reader.text(&at, value)?.to_owned()),
            None => None,
        };
        let Some(name) = source.repository.clone().or(own) else {
            self.reader
                .problems
                .push(format!("`{}` names no `repository`; expected `owner/name`", keys.at));
            return None;
        };
        if let Err(InvalidName { expected, .. }) = name.parse::<RepositoryName>() {
            // not shown: people write addresses here, with their token in them
            let text = format!("`{at}` is no repository; expected {expected}");
            self.reader.problems.push(text);
            return None;
        }
        Some(name)
    }

    /// What the bot and GitHub read.
    fn chat(&mut self, keys: &mut Keys<'_>, settings: &mut Settings) {
        match keys.take("auto_merge") {
            None => settings.set_with("auto_merge", true, vec![Note::plain("hubot-deploy's own default.")]),
            Some(value) => {
                if let Some(flag) = self.reader.flag(&keys.name("auto_merge"), value) {
                    settings.set("auto_merge", flag);
                }
            }
        }
        if let Some(contexts) = self.names(keys, "required_contexts") {
            settings.set("required_contexts", contexts);
        }
        match self.names(keys, "allowed_rooms") {
            Some(rooms) if rooms.is_empty() => {
                let note = "an empty list let no room deploy it, and no room has the name below. Name the rooms, or remove \
                            the key to allow all.";
                settings.set_with("allowed_rooms", vec!["no-room"], vec![Note::todo(note)]);
            }
            Some(rooms) => settings.set("allowed_rooms", rooms),
            None => {}
        }
        // a fork's way to say who may deploy; to drop it would let everybody
        if let Some(people) = self
            .names(keys, "authorized_usernames")
            .filter(|people| !people.is_empty())
        {
            settings.set("deployers", people);
        }
    }

    fn environments(&mut self, keys: &mut Keys<'_>, source: &Source<'_>) -> Vec<Environment> {
        let listed = self.names(keys, "environments").unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for name in listed.into_iter().chain(source.environments.iter().cloned()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            // hubot-deploy's own default
            names.push("production".to_owned());
        }
        let mut environments = Vec::new();
        for name in names {
            let mut settings = Settings::default();
            let key = format!("{name}_url");
            if let Some(address) = keys.take(&key)
                && let Some(address) = self
                    .reader
                    .text(&keys.name(&key), address)
                    .filter(|text| !text.is_empty())
            {
                match page(address) {
                    Some(address) => settings.set("url", address),
                    None => settings.notes.push(Note::lost(format!(
                        "`{}`: expected an address that begins with `https://` or `http://`, without a password.",
                        told(&key)
                    ))),
                }
            }
            environments.push(Environment { name, settings });
        }
        environments
    }

    fn names(&mut self, keys: &mut Keys<'_>, key: &str) -> Option<Vec<String>> {
        let value = keys.take(key)?;
        self.reader.names(&keys.name(key), value)
    }

    pub(super) fn text<'a>(&mut self, keys: &mut Keys<'a>, key: &str) -> Option<&'a str> {
        let value = keys.take(key)?;
        self.reader.text(&keys.name(key), value).filter(|text| !text.is_empty())
    }

    /// Keys that nobody here knows: named, never quoted.
    fn leftovers(&self, keys: &Keys<'_>, settings: &mut Settings) {
        let mut plain = Vec::new();
        for (key, value) in keys.left() {
            let is_secret = is_secret_name(key) || value.as_str().is_some_and(is_secret_text);
            if is_secret {
                let name = variable(key);
                settings.notes.push(Note::todo(format!(
                    "`{}` looks like a secret, and each deployment published it in its payload: replace it. If the command needs \
                     it, name it here as `secrets: {{ {name}: {{ env: {name} }} }}`.",
                    told(key)
                )));
            } else {
                plain.push(format!("`{}`", told(key)));
            }
        }
        if !plain.is_empty() {
            settings.notes.push(Note::lost(format!(
                "{}: no such key here. Each deployment published it in its payload, for others to read.",
                plain.join(", ")
            )));
        }
    }

    /// The top-level map `github`.
    pub(super) fn github(&self, token: &str) -> Settings {
        let mut github = Settings::default();
        if let Some(api) = &self.api {
            match api.strip_suffix("/api/v3") {
                Some(url) => github.set("url", url),
                None => github
                    .notes
                    .push(Note::todo("write the address of this GitHub's pages as `url`.")),
            }
            github.set("api_url", api.as_str());
        }
        let mut notes = vec![Note::todo(format!(
            "put the token, {token}, into the variable below of Chima's process, or make a GitHub App."
        ))];
        if !self.with_token.is_empty() {
            notes.push(Note::lost(format!(
                "the `github_token` of {}: there is one for all apps, and its owner must reach their repositories too.",
                self.with_token.join(", ")
            )));
        }
        github.set_with("token", named("GITHUB_TOKEN"), notes);
        github.set_with(
            "webhook_secrets",
            vec![named("CHIMA_WEBHOOK_SECRET")],
            vec![Note::todo(
                "make a secret with `openssl rand -hex 32` and give it to the webhook of each repository.",
            )],
        );
        github
    }
}

/// Where a secret is found.
pub(super) fn named(variable: &str) -> Value {
    Value::Object(Map::from_iter([("env".to_owned(), Value::from(variable))]))
}

/// The name of a variable for what had another name. Chima keeps names with its own prefix for itself.
pub(super) fn variable(name: &str) -> String {
    let upper: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .take(60)
        .collect();
    if upper.is_empty() || upper.starts_with(|c: char| c.is_ascii_digit()) || upper.starts_with("CHIMA_") {
        format!("DEPLOY_{upper}")
    } else {
        upper
    }
}

/// An address that may be shown to everybody.
pub(super) fn page(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let is_open = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && !is_secret_text(address);
    is_open.then(|| address.to_owned())
}

/// The API that an entry is for; none for github.com's.
fn api_of(map: &Map<String, Value>) -> Option<String> {
    let api = Keys::of("", map).take("github_api")?.as_str()?;
    let api = page(api)?.trim_end_matches('/').to_owned();
    (api != GITHUB_API).then_some(api)
}
