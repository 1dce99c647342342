//! What a file of good form means: the typed keys become a [`Config`], and every fault of meaning is collected.
//!
//! Each part is judged on its own, so that one bad address does not hide the next.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::config::file::{self, File, Queue, Secret, Server};
use crate::config::interpret::addresses::Address;
use crate::config::problem::{KeyPath, Problem};
use crate::config::schema;
use crate::config::secret::{MASKABLE_BYTES, STRONG_BYTES, SecretError, SecretSource};
use crate::config::tree::{self, Node};
use crate::config::walk;
use crate::config::{Config, Disk, Known, QueueAddress, Retention, defaults, secret};
use crate::domain::names::shown;

mod access;
mod addresses;
mod apps;
mod environment;
mod lists;
mod notify;
mod people;
mod services;
mod sign_in;
mod telemetry;

/// What the meaning of a file depends on besides its text.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) known: Known<'a>,
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
}

/// Reads a file's text. Digest and path are the caller's to fill in.
pub(super) fn config(text: &str, surroundings: &Surroundings<'_>) -> Result<Config, Vec<Problem>> {
    let root = tree::parse(text)
        .map_err(|found| vec![KeyPath::default().problem(found.place, found.text, found.hint.map(str::to_owned))])?;
    let (value, problems) = walk::walk(&root, schema::configuration());
    if !problems.is_empty() {
        return Err(problems);
    }
    let file: File = serde_json::from_value(value)
        .map_err(|error| vec![KeyPath::default().problem(root.place, error.to_string(), None)])?;
    let mut reading = Reading {
        root: &root,
        surroundings,
        problems: Vec::new(),
        providers: BTreeSet::new(),
    };
    match reading.file(file) {
        Some(config) if reading.problems.is_empty() => Ok(config),
        Some(_) | None => Err(reading.problems),
    }
}

fn retention(typed: file::Retention) -> Retention {
    let days = |days: Option<u64>, default: u64| Duration::from_secs(days.unwrap_or(default) * 86_400);
    Retention {
        deliveries: days(typed.deliveries_days, defaults::DELIVERIES_DAYS),
        runs: days(typed.runs_days, defaults::RUNS_DAYS),
        logs: days(typed.logs_days, defaults::LOGS_DAYS),
    }
}

fn disk(typed: file::Disk) -> Disk {
    let bytes = |mib: Option<u64>, default: u64| mib.unwrap_or(default) << 20;
    Disk {
        mirrors: bytes(typed.mirrors_mib, defaults::MIRRORS_MIB),
        free: bytes(typed.free_mib, defaults::FREE_MIB),
    }
}

/// One reading of one file. Its methods return `None` after they have noted a problem.
struct Reading<'a> {
    root: &'a Node,
    surroundings: &'a Surroundings<'a>,
    problems: Vec<Problem>,
    providers: BTreeSet<String>,
}

impl Reading<'_> {
    fn file(&mut self, file: File) -> Option<Config> {
        let top = KeyPath::default();
        let server = self.server(file.server.unwrap_or_default());
        let github = self.github(file.github.unwrap_or_default());
        let slack = self.slack(file.slack.unwrap_or_default());
        let chat = file.chat.unwrap_or_default();
        let chat_token = self.chat(chat.token);
        let callbacks = self.callbacks(chat.callbacks.unwrap_or_default());
        let smtp = self.smtp(file.smtp);
        let data_dir = self.path(
            file.data_dir.as_deref().unwrap_or(defaults::DATA_DIR),
            &top.key("data_dir"),
        );
        let store = match file.store {
            Some(store) => self.store(&store),
            None => data_dir.as_ref().map(|dir| dir.join(defaults::STORE_FILE)),
        };
        let queue = self.queue(file.queue);
        let providers = self.provider_dirs(&file.providers.unwrap_or_default());
        let github_url = github
            .as_ref()
            .map_or(defaults::GITHUB_URL, |github| github.url.as_str())
            .to_owned();
        let (sign_in, viewers) = self.sign_in(file.sign_in);
        let apps = self.apps(file.apps.unwrap_or_default(), &github_url, viewers.as_ref());
        let people = self.people(file.people.unwrap_or_default());
        let notify = self.notify(
            file.notify.unwrap_or_default(),
            smtp.as_ref().is_some_and(Option::is_none),
            &apps,
        );
        let telemetry = self.telemetry(file.telemetry);
        let (listen, public_url) = server?;
        Some(Config {
            listen,
            public_url,
            data_dir: data_dir?,
            store: store?,
            ephemeral: file.ephemeral.unwrap_or(false),
            queue: queue?,
            workers: file.workers.unwrap_or(defaults::WORKERS) as usize,
            github: github?,
            slack: slack?,
            chat_token: chat_token?,
            callbacks,
            notify,
            smtp: smtp?,
            providers,
            nag_after: match file.locks.unwrap_or_default().nag_after_seconds {
                Some(0) => None,
                seconds => Some(Duration::from_secs(seconds.unwrap_or(defaults::NAG_AFTER_SECONDS))),
            },
            retention: retention(file.retention.unwrap_or_default()),
            disk: disk(file.disk.unwrap_or_default()),
            telemetry: telemetry?,
            sign_in: sign_in?,
            people,
            apps,
            digest: String::new(),
            path: PathBuf::new(),
        })
    }

    fn server(&mut self, server: Server) -> Option<(SocketAddr, String)> {
        let path = KeyPath::of(&["server"]);
        let text = server.listen.as_deref().unwrap_or(defaults::LISTEN);
        let listen = match text.parse() {
            Ok(listen) => Some(listen),
            Err(_) => self.refuse(
                &path.key("listen"),
                format!(
                    "`{}` is not an address to listen on; expected an IP address and a port",
                    shown(text)
                ),
                Some("for this machine alone `127.0.0.1:8080`, for all networks `0.0.0.0:8080`".to_owned()),
            ),
        };
        let public_url = match server.public_url {
            None => listen.map(|listen: SocketAddr| format!("http://{listen}")),
            Some(text) => self.address(&text, Address::Origin, &path.key("public_url")),
        };
        Some((listen?, public_url?))
    }

    fn store(&mut self, store: &str) -> Option<PathBuf> {
        let path = KeyPath::of(&["store"]);
        let hint = |text: &str| Some(text.to_owned());
        if let Some(file) = store.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if file.is_empty() || file.starts_with(':') || file.contains('?') {
                let text = format!("`{}` names no file; expected `sqlite:PATH`", shown(store));
                return self.refuse(
                    &path,
                    text,
                    hint("the ledger must outlive the process: `sqlite:data/chima.db`"),
                );
            }
            return self.path(file, &path);
        }
        if store.starts_with("postgres:") || store.starts_with("postgresql:") {
            let text = "PostgreSQL is not supported yet; expected `sqlite:PATH`".to_owned();
            return self.refuse(
                &path,
                text,
                hint("PostgreSQL comes later; several processes of one machine can share SQLite"),
            );
        }
        self.refuse(
            &path,
            format!("`{}` is not a store; expected `sqlite:PATH`", shown(store)),
            hint("for example `sqlite:data/chima.db`"),
        )
    }

    fn queue(&mut self, queue: Option<Queue>) -> Option<QueueAddress> {
        let path = KeyPath::of(&["queue"]);
        let (address, is_secret) = match queue {
            None => return Some(QueueAddress::Sqlite),
            Some(Queue::Address(address)) => (address, false),
            Some(Queue::Secret(named)) => {
                let source = self.secret(named, &path);
                (self.queue_secret(&source?, &path)?, true)
            }
        };
        match addresses::queue(&address, is_secret) {
            Ok(address) => Some(address),
            Err((text, hint)) => self.refuse(&path, text, Some(hint.to_owned())),
        }
    }

    /// The queue's address is needed at once: unlike other secrets, it cannot be left for later.
    fn queue_secret(&mut self, source: &SecretSource, path: &KeyPath) -> Option<String> {
        match secret::read_with(source, MASKABLE_BYTES, self.surroundings.variable) {
            Ok(Some(address)) => Some(address.expose_secret().to_owned()),
            Ok(None) => {
                let text = format!("{source} is not set, required by `queue`");
                self.refuse(
                    path,
                    text,
                    Some("set it to `redis://…`, or write `queue: sqlite`".to_owned()),
                )
            }
            Err(error) => self.refuse_secret(path, &error),
        }
    }

    fn provider_dirs(&mut self, dirs: &[String]) -> Vec<PathBuf> {
        self.providers
            .extend(self.surroundings.known.providers.iter().map(|name| (*name).to_owned()));
        let path = KeyPath::of(&["providers"]);
        let mut found = Vec::new();
        for (index, dir) in dirs.iter().enumerate() {
            let path = path.index(index);
            let Some(dir) = self.path(dir, &path) else {
                continue;
            };
            match fs::read_dir(&dir) {
                Ok(entries) => {
                    let manifests = entries
                        .flatten()
                        .filter(|entry| entry.path().join("provider.yaml").is_file());
                    self.providers
                        .extend(manifests.filter_map(|entry| entry.file_name().into_string().ok()));
                    found.push(dir);
                }
                Err(error) => {
                    let text = format!("cannot read directory `{}`: {error}", shown(&dir.to_string_lossy()));
                    let hint = "relative paths start at the working directory";
                    let _: Option<()> = self.refuse(&path, text, Some(hint.to_owned()));
                }
            }
        }
        found
    }

    fn path(&mut self, text: &str, path: &KeyPath) -> Option<PathBuf> {
        if text.trim().is_empty() || text.contains(char::is_control) {
            return self.refuse(path, format!("`{path}` is `{}`; expected a path", shown(text)), None);
        }
        Some(PathBuf::from(text))
    }

    /// Where a secret of Chima's own is found. Whether it is there, and long enough, is the caller's question.
    fn secret(&mut self, named: Secret, path: &KeyPath) -> Option<SecretSource> {
        match (named.env, named.file) {
            (Some(name), _) => self.variable_name(&name, &path.key("env")).map(SecretSource::Env),
            (None, Some(file)) => self.path(&file, &path.key("file")).map(SecretSource::File),
            (None, None) => self.refuse(
                path,
                format!("`{path}` names no secret; expected `env` or `file`"),
                None,
            ),
        }
    }

    /// Notes what is wrong with a secret that is there already; one that is not there is not set up, which is no fault.
    fn examine(&mut self, source: &SecretSource, least: usize, path: &KeyPath) {
        if matches!(source, SecretSource::Command(_)) {
            return;
        }
        if let Err(error) = secret::read_with(source, least, self.surroundings.variable) {
            let _: Option<()> = self.refuse_secret(path, &error);
        }
    }

    fn strong_secret(&mut self, named: Option<Secret>, path: &KeyPath) -> Option<Option<SecretSource>> {
        self.examined(named, STRONG_BYTES, path)
    }

    fn plain_secret(&mut self, named: Option<Secret>, path: &KeyPath) -> Option<Option<SecretSource>> {
        self.examined(named, MASKABLE_BYTES, path)
    }

    fn examined(&mut self, named: Option<Secret>, least: usize, path: &KeyPath) -> Option<Option<SecretSource>> {
        let Some(named) = named else {
            return Some(None);
        };
        let source = self.secret(named, path)?;
        self.examine(&source, least, path);
        Some(Some(source))
    }

    fn refuse_secret<T>(&mut self, path: &KeyPath, error: &SecretError) -> Option<T> {
        let reason = std::error::Error::source(error)
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        self.refuse(path, format!("{error}{reason}, required by `{path}`"), error.hint())
    }

    fn refuse<T>(&mut self, path: &KeyPath, text: String, hint: Option<String>) -> Option<T> {
        self.problems.push(path.problem(path.place_in(self.root), text, hint));
        None
    }

    fn refuse_key<T>(&mut self, path: &KeyPath, text: String, hint: Option<String>) -> Option<T> {
        self.problems
            .push(path.problem(path.key_place_in(self.root), text, hint));
        None
    }
}
