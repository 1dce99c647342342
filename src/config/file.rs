//! The configuration file as it is typed: every key that exists, with the words that explain it.
//!
//! The doc comments below are the documentation: the JSON schema and `docs/reference/configuration.md` are made from them.
//! Nothing is judged here; `interpret` says what the keys mean.

pub(super) mod apps;
pub(super) mod notify;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::defaults;
use crate::config::file::apps::App;
use crate::config::file::notify::{Notify, Smtp};

/// The configuration of Chima. All relative paths start at the working directory of the process, not at this file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Where Chima listens and under which address people and GitHub reach it.
    pub(super) server: Option<Server>,
    /// The GitHub whose deployments are executed, and how Chima proves who it is.
    pub(super) github: Option<GitHub>,
    /// Slack: notifications and commands. Without it, nothing is sent there.
    pub(super) slack: Option<Slack>,
    /// The bridge for other chat bots (`POST /chat`).
    pub(super) chat: Option<Chat>,
    /// Signing in to the pages with GitHub. Without it, whoever sits at this machine may look where Chima is bound to loopback, and
    /// nobody else sees the pages.
    pub(super) sign_in: Option<SignIn>,
    /// Who is who: logins on GitHub, and what their owners are told apart by in chats. What somebody who is linked asks for in a
    /// chat, they ask for as that login: GitHub shows it, and `deployers` and `admins` may name it.
    pub(super) people: Option<BTreeMap<String, Person>>,
    /// Who else is told what becomes of deployments: rooms of other chats, people by e-mail, programs. Each entry stands by itself;
    /// whoever is named by several is told once.
    pub(super) notify: Option<Vec<Notify>>,
    /// The mail server, for `email` in `notify`.
    pub(super) smtp: Option<Smtp>,
    /// Directory for logs, checkouts and runtime files; made when it is missing.
    #[schemars(extend("default" = defaults::DATA_DIR))]
    pub(super) data_dir: Option<String>,
    /// The ledger, as `sqlite:PATH`. Absent means `chima.db` in `data_dir`.
    #[schemars(extend("default" = "sqlite:data/chima.db"))]
    pub(super) store: Option<String>,
    /// Whether the ledger may lie on a file system in memory, which forgets it when the machine restarts. For trying out: what was
    /// acknowledged is lost then, and GitHub does not deliver it again by itself.
    #[schemars(extend("default" = false))]
    pub(super) ephemeral: Option<bool>,
    /// What wakes the workers: `sqlite`, or the address of a Redis server as `redis://HOST:PORT`. An address with a
    /// password is a secret: name where it is found, as `{ env: NAME }` or `{ file: PATH }`.
    #[schemars(extend("default" = "sqlite"))]
    pub(super) queue: Option<Queue>,
    /// Locks of environments.
    pub(super) locks: Option<Locks>,
    /// How long what is over is kept. What is open is never removed, nor what makes a deployment run once; the audit log is kept for
    /// good.
    pub(super) retention: Option<Retention>,
    /// What checkouts may take of the disk.
    pub(super) disk: Option<Disk>,
    /// Traces for OpenTelemetry. Without it, none are made.
    pub(super) telemetry: Option<Telemetry>,
    /// How many runs may execute at once. One environment never runs two.
    #[schemars(range(min = 1, max = 1000), extend("default" = defaults::WORKERS))]
    pub(super) workers: Option<u32>,
    /// Directories with further provider manifests, as `DIRECTORY/<name>/provider.yaml`; they may replace shipped ones.
    pub(super) providers: Option<Vec<String>>,
    /// What can be deployed, by the short name people use in chat.
    pub(super) apps: Option<BTreeMap<String, App>>,
}

/// Where Chima listens and under which address it is reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// IP address and port to listen on. Keep it on the loopback address behind a proxy that speaks TLS.
    #[schemars(extend("default" = defaults::LISTEN))]
    pub(super) listen: Option<String>,
    /// The address of this server in links, without a path. Absent means `http://` and `listen`.
    pub(super) public_url: Option<String>,
}

/// The GitHub whose deployments are executed. Either `app_id` with `private_key`, or `token`; without both, nothing can be
/// reported.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GitHub {
    /// Address of the pages and of git.
    #[schemars(extend("default" = defaults::GITHUB_URL))]
    pub(super) url: Option<String>,
    /// Base address of the REST API. For a GitHub Enterprise Server in `url`, absent means `URL/api/v3`.
    #[schemars(extend("default" = defaults::GITHUB_API_URL))]
    pub(super) api_url: Option<String>,
    /// File of further certificate authorities in PEM form, where GitHub's certificate, or that of a proxy on the way, was
    /// made by one that the system does not know. Used for the API and for git.
    pub(super) ca_file: Option<String>,
    /// Number of the GitHub App that Chima acts as.
    #[schemars(range(min = 1))]
    pub(super) app_id: Option<u64>,
    /// Private key of that App, in PEM form.
    pub(super) private_key: Option<Secret>,
    /// A personal or machine token, where there is no App.
    pub(super) token: Option<Secret>,
    /// Secrets of the webhook, at least 16 bytes each; any of them may sign, so that one can be replaced without a gap.
    pub(super) webhook_secrets: Option<Vec<Secret>>,
    /// The most statuses sent to GitHub in a minute. github.com allows 80; a GitHub Enterprise Server of your own may allow
    /// any number.
    #[schemars(range(min = 1, max = 100_000), extend("default" = defaults::WRITES_PER_MINUTE))]
    pub(super) writes_per_minute: Option<u32>,
    /// The most statuses sent to GitHub in an hour, a quarter of them at once. Where little is left, intermediate states wait and
    /// give way to what comes after them. github.com allows 500.
    #[schemars(range(min = 1, max = 1_000_000), extend("default" = defaults::WRITES_PER_HOUR))]
    pub(super) writes_per_hour: Option<u32>,
    /// Slugs of other GitHub Apps whose deployments Chima executes; those of all others are left alone.
    pub(super) known_apps: Option<Vec<String>>,
    /// Whether Chima asks GitHub for what is new, for servers that GitHub cannot reach: `true`, `false`, or a map. No
    /// webhook is needed then, and one that comes all the same is taken.
    #[schemars(extend("default" = false))]
    pub(super) polling: Option<Polling>,
}

/// Whether, and how often, GitHub is asked for new deployments and commands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Polling {
    /// `true` asks at the usual pace; `false` is never.
    Switch(bool),
    /// How often.
    Every(PollingEvery),
}

/// How often GitHub is asked for new deployments and commands.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PollingEvery {
    /// Seconds between two questions about one repository. A deployment is begun about so long after it was made, and no sooner
    /// than five seconds after.
    #[schemars(range(min = 1, max = 3600), extend("default" = defaults::POLLING_SECONDS))]
    pub(super) interval_seconds: Option<u64>,
}

/// Slack: `incoming_webhook` or `bot_token` to send; `signing_secret`, or `app_token` where Slack cannot reach this server, to
/// receive commands.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Slack {
    /// Base address of Slack's API.
    #[schemars(extend("default" = defaults::SLACK_API_URL))]
    pub(super) api_url: Option<String>,
    /// Address of an incoming webhook; whoever knows it can post, so it is a secret.
    pub(super) incoming_webhook: Option<Secret>,
    /// Bot token (`xoxb-…`); lets Chima edit its messages and answer in threads.
    pub(super) bot_token: Option<Secret>,
    /// Signing secret of the Slack app, at least 16 bytes: proves that a request comes from Slack.
    pub(super) signing_secret: Option<Secret>,
    /// App-level token (`xapp-…`) for Socket Mode: Chima opens a connection to Slack and hears commands through it.
    pub(super) app_token: Option<Secret>,
    /// Channel, by id or name, in which the bot tells of deployments that nobody asked for in a channel of Slack. The bot must be
    /// a member of it.
    pub(super) channel: Option<String>,
    /// Whether Slack also hears how deployments of other tools to configured environments end.
    #[schemars(extend("default" = true))]
    pub(super) other_deployments: Option<bool>,
}

/// The bridge for other chat bots.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Chat {
    /// The bearer token a bot shows, at least 16 bytes.
    pub(super) token: Option<Secret>,
    /// Where bots are told what becomes of what was asked through them, by names of your choice: a request names one of them, never
    /// an address.
    pub(super) callbacks: Option<BTreeMap<String, Callback>>,
}

/// Where a bot takes later news.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Callback {
    /// Address of the bot; news are posted there.
    pub(super) url: String,
    /// Signs what is posted, at least 16 bytes; the bot has the same.
    pub(super) secret: Secret,
}

/// Signing in to the pages, as the App that Chima is: the App's page shows both, and has `PUBLIC_URL/sign-in/callback` as its callback
/// URL.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The App's client id, which everybody may know.
    pub(super) client_id: String,
    /// A client secret of that App.
    pub(super) client_secret: Secret,
    /// After how many hours people sign in again.
    #[schemars(range(min = 1, max = 720), extend("default" = defaults::SESSION_HOURS))]
    pub(super) session_hours: Option<u64>,
    /// Who may look at apps that name no `viewers` of their own: GitHub logins (`mona`) and teams (`octo/web`). Absent means whoever
    /// may push to an app's repository. Deployers and admins may look too.
    pub(super) viewers: Option<Vec<String>>,
}

/// What the owner of a login on GitHub is told apart by in chats.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    /// Member ids in Slack, such as `U024BE7LH`; one, or a list. Names can be changed, so they are not looked at.
    pub(super) slack: Option<Names>,
    /// What the bridge's bot says as `user`; one, or a list.
    pub(super) chat: Option<Names>,
}

/// One name, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// The queue: a name, or the place of an address that is secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Queue {
    /// `sqlite` or `redis://…`.
    Address(String),
    /// Where the address is found.
    Secret(Secret),
}

/// Where a secret is found: exactly one of the keys. The secret itself never stands in this file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1, "x-secret" = true))]
pub(super) struct Secret {
    /// Name of an environment variable of Chima's process. Not set means not set up.
    pub(super) env: Option<String>,
    /// Path of a file that others cannot read. Missing means not set up; one newline at its end is cut off.
    pub(super) file: Option<String>,
}

/// How long what is over is kept, in days. Space that becomes free is used again; the ledger's file does not shrink.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    /// Deliveries and their bytes, what was sent, proofs of who asked. GitHub delivers again for three days.
    #[schemars(range(min = 7, max = 36_500), extend("default" = defaults::DELIVERIES_DAYS))]
    pub(super) deliveries_days: Option<u64>,
    /// Runs with their timelines, steps and evidence, ended locks. The newest 20 runs of each environment stay, and the newest 5 that
    /// succeeded.
    #[schemars(range(min = 30, max = 36_500), extend("default" = defaults::RUNS_DAYS))]
    pub(super) runs_days: Option<u64>,
    /// Logs and results of runs, mirrors of repositories that are not configured any more.
    #[schemars(range(min = 1, max = 36_500), extend("default" = defaults::LOGS_DAYS))]
    pub(super) logs_days: Option<u64>,
}

/// What checkouts may take of the disk, so that the ledger and the logs keep their room.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Disk {
    /// So many MiB may be kept of all repositories together, to be checked out from again: mirrors, those of submodules, files of Git LFS.
    /// Beyond it those go first that were used longest ago, and none that is in use.
    #[schemars(range(min = 1, max = 1_000_000_000), extend("default" = defaults::MIRRORS_MIB))]
    pub(super) mirrors_mib: Option<u64>,
    /// With fewer MiB free no checkout begins: what is kept and not in use is removed first, then the run ends in `error`. `0` means that
    /// nobody looks. More than your largest checkout takes, with what its command makes.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("default" = defaults::FREE_MIB))]
    pub(super) free_mib: Option<u64>,
}

/// Traces: what becomes of each deployment, from the delivery to the last status, with the time that each stage took.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Telemetry {
    /// Address of a collector that takes OTLP over HTTP, without `/v1/traces`. For one on this machine usually
    /// `http://127.0.0.1:4318`.
    pub(super) otlp_endpoint: String,
    /// What collectors call this installation.
    #[schemars(extend("default" = defaults::SERVICE_NAME))]
    pub(super) service_name: Option<String>,
    /// What the collector wants to be shown, by the name of the header. Each value is a secret.
    pub(super) headers: Option<BTreeMap<String, Secret>>,
    /// Of how many deployments in a hundred there are traces.
    #[schemars(range(min = 1, max = 100), extend("default" = defaults::SAMPLE_PERCENT))]
    pub(super) sample_percent: Option<u8>,
}

/// Locks of environments.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Locks {
    /// Seconds after which the owner of a lock is reminded of it in chat, and then every day; `0` means never.
    #[schemars(range(min = 0, max = 31_536_000), extend("default" = defaults::NAG_AFTER_SECONDS))]
    pub(super) nag_after_seconds: Option<u64>,
}
