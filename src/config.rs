//! From what was typed in the configuration file to what it means.
//!
//! `tree` reads YAML with places, `walk` holds it against the schema of `file`, `interpret` turns it into a [`Config`]. All
//! problems are collected before any is reported. The environment of the process and named secrets are read here and
//! nowhere else; nothing here starts a program or opens a socket.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::interpret::Surroundings;
use crate::config::notify::{Notify, Recipient, Smtp};
use crate::config::people::People;
use crate::config::problem::ConfigError;
use crate::config::secret::SecretSource;
use crate::domain::actor::Named;
use crate::domain::glob::PathGlob;
use crate::domain::names::{AppName, EnvironmentName, HostName, RefName, RepositoryName, TaskName};

mod defaults;
pub mod document;
pub mod environment;
mod file;
mod interpret;
pub mod notify;
pub mod people;
pub mod problem;
pub mod reach;
pub mod reference;
mod restart;
pub mod schema;
pub mod secret;
pub mod suggest;
pub mod table;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

/// What other rooms know and the file may name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Names of the compiled-in providers; those in the `providers:` directories are found by themselves. Empty: names are
    /// not checked.
    pub providers: &'a [&'a str],
}

/// The configuration, with every default filled in. Relative paths start at the working directory of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The server's own address in links, without a slash at its end.
    pub public_url: String,
    /// Directory for logs, checkouts and runtime files.
    pub data_dir: PathBuf,
    /// The SQLite file of the ledger.
    pub store: PathBuf,
    /// Whether the ledger may vanish with a restart of the machine.
    pub ephemeral: bool,
    /// What wakes the workers.
    pub queue: QueueAddress,
    /// How many runs may execute at once.
    pub workers: usize,
    /// The GitHub that is served.
    pub github: GitHub,
    /// Slack, as far as it is set up.
    pub slack: Slack,
    /// What a chat bot shows at the bridge.
    pub chat_token: Option<SecretSource>,
    /// Where bots take later news, by name.
    pub callbacks: Vec<Recipient>,
    /// Who else is told of what, in the order of the file.
    pub notify: Vec<Notify>,
    /// The mail server.
    pub smtp: Option<Smtp>,
    /// Directories with further provider manifests.
    pub providers: Vec<PathBuf>,
    /// After how long the owner of a lock is reminded of it; `None` for never.
    pub nag_after: Option<Duration>,
    /// How long what is over is kept.
    pub retention: Retention,
    /// What checkouts may take of the disk.
    pub disk: Disk,
    /// Who is told of traces.
    pub telemetry: Option<Telemetry>,
    /// How people sign in to the pages; `None` where they cannot.
    pub sign_in: Option<SignIn>,
    /// Who is who.
    pub people: People,
    /// What can be deployed, in the order of the file.
    pub apps: Vec<App>,
    /// SHA-256 of the file's bytes, in hexadecimal digits: stored with each run.
    pub digest: String,
    /// The file it was read from.
    pub path: PathBuf,
}

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Deliveries, and whatever else is only needed for days.
    pub deliveries: Duration,
    /// Runs.
    pub runs: Duration,
    /// Their logs.
    pub logs: Duration,
}

/// What checkouts may take of the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What may be kept of all repositories together.
    pub mirrors: u64,
    /// What has to be free before a checkout begins.
    pub free: u64,
}

/// Who is told of traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Address of a collector, without a slash at its end.
    pub endpoint: String,
    /// What collectors call this installation.
    pub service_name: String,
    /// What the collector wants to be shown, by name.
    pub headers: Vec<(String, SecretSource)>,
    /// Of how many deployments in a hundred there are traces.
    pub sample_percent: u8,
}

/// How people sign in to the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// What GitHub knows the App by.
    pub client_id: String,
    /// What proves to GitHub that it is us.
    pub client_secret: SecretSource,
    /// How long somebody stays signed in.
    pub session: Duration,
}

/// What wakes the workers.
#[derive(Clone, PartialEq, Eq)]
pub enum QueueAddress {
    /// The ledger's own database.
    Sqlite,
    /// A Redis server; the address may hold a password.
    Redis(String),
}

/// The GitHub that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    /// Address of pages and git, without a slash at its end.
    pub url: String,
    /// Base address of the REST API, without a slash at its end.
    pub api_url: String,
    /// Host of `url` in lower case, as deliveries name it, with the port where it is not the scheme's own.
    pub host: String,
    /// Further certificate authorities, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Who Chima is there.
    pub auth: GitHubAuth,
    /// Secrets that may sign a delivery.
    pub webhook_secrets: Vec<SecretSource>,
    /// The most writes in a minute.
    pub writes_per_minute: u32,
    /// The most writes in an hour.
    pub writes_per_hour: u32,
    /// Slugs of other Apps whose deployments are ours.
    pub known_apps: Vec<String>,
    /// How often GitHub is asked for new deployments; `None` where it delivers them.
    pub polling: Option<Duration>,
}

/// Who Chima is on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitHubAuth {
    /// Nobody: nothing private can be read and nothing reported.
    None,
    /// The owner of a token.
    Token(SecretSource),
    /// A GitHub App.
    App {
        /// Its number.
        app_id: u64,
        /// Its private key in PEM form.
        private_key: SecretSource,
    },
}

/// Slack, as far as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// Base address of the API, without a slash at its end.
    pub api_url: String,
    /// Address of an incoming webhook.
    pub incoming_webhook: Option<SecretSource>,
    /// Token of the bot.
    pub bot_token: Option<SecretSource>,
    /// Proves that a request comes from Slack.
    pub signing_secret: Option<SecretSource>,
    /// Token of the app, for Socket Mode.
    pub app_token: Option<SecretSource>,
    /// Where the bot tells of what nobody asked for in Slack.
    pub channel: Option<String>,
    /// Whether people hear how deployments of other tools end.
    pub other_deployments: bool,
}

/// One thing that can be deployed.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// What people call it in chat.
    pub name: AppName,
    /// Its repository on GitHub.
    pub repository: RepositoryName,
    /// What git fetches from: an address or an absolute path.
    pub remote: String,
    /// Who may look at it on the pages; `None` for whoever may push to the repository. Who may more may look too.
    pub viewers: Option<Vec<Named>>,
    /// Whether GitHub may merge the default branch into the ref.
    pub auto_merge: bool,
    /// Whether everybody sees the badges of its environments.
    pub public_badges: bool,
    /// The one that is meant where nobody names one; `None` where there are several and none is.
    pub default_environment: Option<EnvironmentName>,
    /// Its environments, in the order of the file; at least one.
    pub environments: Vec<Environment>,
}

/// One environment of an app, with the app's settings where it has none of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// GitHub's name of it, as the file spells it.
    pub name: EnvironmentName,
    /// What carries out a deployment.
    pub provider: String,
    /// Inputs of the provider. Numbers that would not print as they were typed are text.
    pub with: Map<String, Value>,
    /// Contexts that must be green; `None` for all that have reported.
    pub required_contexts: Option<Vec<String>>,
    /// Rooms it may be deployed from, without `#`; `None` for all.
    pub allowed_rooms: Option<Vec<String>>,
    /// Tasks that may be asked for; at least one.
    pub tasks: Vec<TaskName>,
    /// What happens to runs that wait.
    pub lane: LaneOrder,
    /// What becomes of a deployment that is asked for while somebody else has locked it.
    pub on_lock: OnLock,
    /// What follows a cancel where the command may go on elsewhere.
    pub after_cancel: AfterCancel,
    /// How long a run may execute; `None` where the file does not say.
    pub timeout: Option<Duration>,
    /// How long a run may be held.
    pub hold_timeout: Duration,
    /// Where Slack's bot tells of deployments that nobody asked for there; its own, the app's, or that of all.
    pub slack_channel: Option<String>,
    /// Where people see what was deployed.
    pub url: Option<String>,
    /// Whether GitHub marks it as production.
    pub production: bool,
    /// Whether GitHub marks it as one that will cease to exist.
    pub transient: bool,
    /// What is deployed without being asked for.
    pub auto_deploy: Option<AutoDeploy>,
    /// Its hosts, which a request may narrow; `None` where it declares none.
    pub hosts: Option<Vec<HostName>>,
    /// Variables for the command.
    pub env: BTreeMap<String, String>,
    /// Secrets for the command, by variable.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Secrets that the command gets as files, by the variable that holds the path.
    pub secret_files: BTreeMap<String, SecretSource>,
    /// Variables of this process that the command also gets.
    pub inherit_env: Vec<String>,
    /// Key and known hosts for ssh.
    pub ssh: Option<Ssh>,
    /// What a checkout holds beside the commit's own files.
    pub checkout: CheckoutOptions,
    /// Who may deploy; empty for everybody in an allowed room.
    pub deployers: Vec<Named>,
    /// Who may also force; empty for nobody.
    pub admins: Vec<Named>,
}

/// What a checkout holds beside the commit's own files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckoutOptions {
    /// The recorded commits of submodules, at all levels.
    pub submodules: bool,
    /// The files that are kept in Git LFS, in the place of their pointers.
    pub lfs: bool,
}

/// In which order waiting runs of an environment execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneOrder {
    /// All, the oldest first.
    Fifo,
    /// Only the newest; the others are superseded.
    Latest,
}

/// What becomes of a deployment of an environment that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLock {
    /// It is refused.
    Reject,
    /// It is held until the lock is gone.
    Wait,
}

/// What follows a cancel where the command may go on elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCancel {
    /// The next run begins.
    Release,
    /// The environment is locked until somebody has looked.
    Hold,
}

/// What is deployed without being asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoDeploy {
    /// The branch; `None` for the repository's default branch.
    pub branch: Option<RefName>,
    /// The moment.
    pub on: AutoDeployOn,
    /// Globs of files of which one must have changed; empty for every change.
    pub paths: Vec<PathGlob>,
}

/// The moment of an automatic deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoDeployOn {
    /// When the required contexts are green.
    Green,
    /// At the push.
    Push,
    /// When a pull request was merged into the branch.
    MergedPullRequest,
}

/// What a step uses for ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The private key.
    pub key: Option<SecretSource>,
    /// The file of known host keys.
    pub known_hosts: Option<PathBuf>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or with every problem that is in it.
    pub fn load(path: &Path, known: &Known<'_>) -> Result<Self, ConfigError> {
        Self::parse(path, &read_text(path)?, known)
    }

    /// Reads the text of a file; `path` is how problems name it. Named secrets are looked at, as far as they are there.
    ///
    /// # Errors
    /// With every problem that is in it.
    pub fn parse(path: &Path, text: &str, known: &Known<'_>) -> Result<Self, ConfigError> {
        Self::parse_with(
            path,
            text,
            &Surroundings {
                known: *known,
                variable: &environment::variable_os,
            },
        )
    }

    fn parse_with(path: &Path, text: &str, surroundings: &Surroundings<'_>) -> Result<Self, ConfigError> {
        // An editor's byte order mark is not part of the first key.
        let yaml = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut config = interpret::config(yaml, surroundings).map_err(|found| ConfigError::new(path, yaml, found))?;
        config.digest = hex::encode(Sha256::digest(text.as_bytes()));
        config.path = path.to_owned();
        Ok(config)
    }

    /// The environment of a repository, and the app it belongs to. GitHub ignores case in both names, so this does too.
    #[must_use]
    pub fn find(&self, repository: &str, environment: &str) -> Option<(&App, &Environment)> {
        self.apps_of(repository).find_map(|app| {
            let found = app
                .environments
                .iter()
                .find(|own| own.name.as_str().eq_ignore_ascii_case(environment))?;
            Some((app, found))
        })
    }

    /// The apps that name a repository; several may share one, each with environments of its own.
    pub fn apps_of<'a>(&'a self, repository: &str) -> impl Iterator<Item = &'a App> {
        self.apps.iter().filter(move |app| app.repository.matches(repository))
    }

    /// The app of a name, as typed in chat.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&App> {
        self.apps
            .iter()
            .find(|app| app.name.as_str().eq_ignore_ascii_case(name))
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let bytes = fs::read(path).map_err(|error| {
        let hint = "name another file with `--config PATH` or in `CHIMA_CONFIG`";
        ConfigError::unreadable(path, format!("cannot read the configuration: {error}"), hint)
    })?;
    String::from_utf8(bytes).map_err(|_| {
        let text = "the configuration is not UTF-8 text".to_owned();
        ConfigError::unreadable(path, text, "save it as UTF-8")
    })
}

impl fmt::Debug for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "Sqlite",
            // The address may hold a password.
            Self::Redis(_) => "Redis(..)",
        })
    }
}
