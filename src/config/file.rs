//! The configuration file as it is typed: every key that exists, with the words that explain it.
//!
//! The doc comments below are the documentation: the JSON schema and `docs/reference/configuration.md` are made from them.
//! Nothing is judged here; `interpret` says what the keys mean.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::defaults;

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

/// Somebody who is told, and of what.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    /// Who is told.
    pub(super) to: NotifyTo,
    /// Names of apps. Absent means all.
    pub(super) apps: Option<Vec<String>>,
    /// Names of environments. Absent means all.
    pub(super) environments: Option<Vec<String>>,
    /// What is told. Absent means everything but `queued`.
    pub(super) states: Option<Vec<NotifyState>>,
}

/// Who is told: exactly one of the keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct NotifyTo {
    /// A program of yours: JSON, signed as Standard Webhooks describe it.
    pub(super) webhook: Option<NotifyWebhook>,
    /// Address of an incoming webhook of Mattermost; whoever knows it can post, so it is a secret.
    pub(super) mattermost: Option<Secret>,
    /// Address of an incoming webhook of Rocket.Chat.
    pub(super) rocket_chat: Option<Secret>,
    /// Address of a webhook of a Discord channel.
    pub(super) discord: Option<Secret>,
    /// Address of a workflow of Microsoft Teams that posts to a channel when a webhook request is received.
    pub(super) teams: Option<Secret>,
    /// People, by e-mail; needs `smtp`.
    pub(super) email: Option<NotifyEmail>,
}

/// A program that is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyWebhook {
    /// Its address.
    pub(super) url: Secret,
    /// Signs what is posted, at least 16 bytes; the program has the same.
    pub(super) secret: Secret,
}

/// People who are told by e-mail.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyEmail {
    /// Addresses, such as `ops@example.com`.
    pub(super) to: Vec<String>,
    /// The sender's address.
    pub(super) from: String,
}

/// What somebody is told.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NotifyState {
    /// It waits for something, such as a context.
    Held,
    /// It waits for its turn.
    Queued,
    /// It has begun.
    Running,
    /// It is deployed.
    Succeeded,
    /// The deployment itself went wrong.
    Failed,
    /// Something around it went wrong.
    Errored,
    /// It may not be deployed.
    Rejected,
    /// Somebody stopped it.
    Cancelled,
    /// Its machine died; it is not known how far it came.
    Interrupted,
    /// A newer one took its place.
    Superseded,
    /// News of locks: who holds one now, that one ended or is old.
    Lock,
    /// How a deployment ended that another tool carries out.
    OtherDeployment,
    /// What should have happened and has not: a deployment that nobody delivers, a run that is silent for long.
    Watchdog,
}

/// The mail server.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    /// Its name.
    pub(super) host: String,
    /// Absent means 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// Whom Chima logs in as. Absent means that it does not.
    pub(super) username: Option<String>,
    /// The password of that name.
    pub(super) password: Option<Secret>,
    /// How the connection is kept secret.
    #[schemars(extend("default" = "starttls"))]
    pub(super) tls: Option<SmtpTls>,
}

/// How a connection to a mail server is kept secret.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SmtpTls {
    /// It begins in the open and changes over before anything is said; a server that cannot is not used.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a server on this machine. A password is sent only there.
    None,
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

/// Where a secret of an app is found: exactly one of the keys. The secret itself never stands in this file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1, "x-secret" = true))]
pub(super) struct AppSecret {
    /// Name of an environment variable of Chima's process.
    pub(super) env: Option<String>,
    /// Path of a file that others cannot read; one newline at its end is cut off.
    pub(super) file: Option<String>,
    /// A command, as a list of program and arguments, that prints the secret when a step needs it.
    pub(super) command: Option<Vec<String>>,
}

/// The key and the known hosts that a step uses for ssh.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ssh {
    /// Private key: the path of a file, or where the secret is found.
    pub(super) key: Option<SshKey>,
    /// Path of a `known_hosts` file; host keys are always checked.
    pub(super) known_hosts: Option<String>,
}

/// A private key: a path, or the place of a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SshKey {
    /// Path of the key file.
    Path(String),
    /// Where the key is found.
    Secret(AppSecret),
}

/// What a checkout holds beside the commit's own files. Whatever is not asked for costs nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkout {
    /// Whether submodules are checked out, at all levels, each at its recorded commit. Only https and ssh addresses are
    /// fetched, and paths where `remote` is a path; the token goes to the app's own host alone.
    #[schemars(extend("default" = false))]
    pub(super) submodules: Option<bool>,
    /// Whether files kept in Git LFS stand in the place of their pointers; needs the program `git-lfs`. They come from the
    /// remote's own LFS server: `.lfsconfig` is not read.
    #[schemars(extend("default" = false))]
    pub(super) lfs: Option<bool>,
}

/// Whether, and for what, deployments are made without being asked for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum AutoDeploy {
    /// `true` is the default branch, once it is green; `false` is never.
    Switch(bool),
    /// A branch and the moment.
    When(AutoDeployWhen),
}

/// What is deployed without being asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AutoDeployWhen {
    /// The branch. Absent means the repository's default branch.
    pub(super) branch: Option<String>,
    /// The moment: when the required contexts are `green` (without a list, when something has been reported and all of it is);
    /// at the `push`; or when a pull request was merged (`merged_pull_request`), for what it brought and nothing else.
    #[schemars(extend("default" = "green"))]
    pub(super) on: Option<AutoDeployOn>,
    /// Globs, relative to the repository, such as `web/**`; a commit counts only where a matching file has changed since the
    /// one that is deployed. Absent means every change.
    pub(super) paths: Option<Vec<String>>,
}

/// The moment of an automatic deployment.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AutoDeployOn {
    Green,
    Push,
    MergedPullRequest,
}

/// The order in which waiting runs of an environment execute.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lane {
    Fifo,
    Latest,
}

/// What becomes of a deployment of an environment that somebody else has locked.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnLock {
    Reject,
    Wait,
}

/// What follows a cancel where the command may go on elsewhere.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AfterCancel {
    Release,
    Hold,
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

/// Declares a struct with its own keys and the settings that an app and an environment share.
macro_rules! with_settings {
    ($(#[$meta:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($own)*
            /// Name of the provider that carries out the deployment. Needed here or at the app.
            pub(super) provider: Option<String>,
            /// Inputs of the provider. An environment's are laid over the app's key by key; where the environment names
            /// another provider, they stand alone.
            pub(super) with: Option<Map<String, Value>>,
            /// Tasks that may be asked for. The first is not special: a request without one means `deploy`.
            #[schemars(extend("default" = [defaults::TASK]))]
            pub(super) tasks: Option<Vec<String>>,
            /// Commit statuses and check runs that must be green. Absent means all that have reported; `[]` means none.
            pub(super) required_contexts: Option<Vec<String>>,
            /// Deployments made without being asked for: `true` for the default branch once it is green, `false`, or a map. An
            /// app's is that of all its environments.
            #[schemars(extend("default" = false))]
            pub(super) auto_deploy: Option<AutoDeploy>,
            /// Chat rooms, by name or id, from which it may be deployed. Absent means all.
            pub(super) allowed_rooms: Option<Vec<String>>,
            /// Who may deploy, lock, cancel: GitHub logins (`mona`), teams (`octo/web`), people in chats (`slack:U024BE7LH`,
            /// `chat:mona.l`). Absent means everybody in an allowed room, and on GitHub whoever may create deployments.
            pub(super) deployers: Option<Vec<String>>,
            /// Who may also force (`deploy!`): past required contexts that are not green, and past the lock of somebody else.
            /// Named as `deployers` are, of whom they are some. Absent means nobody.
            pub(super) admins: Option<Vec<String>>,
            /// What becomes of a deployment that is asked for while somebody else has locked the environment: `reject` refuses
            /// it, `wait` holds it until the lock is gone. One that was asked for before the lock came waits in any case.
            #[schemars(extend("default" = "reject"))]
            pub(super) on_lock: Option<OnLock>,
            /// What follows a cancel where the command may go on at other hosts: `release` lets the next run begin, `hold` locks
            /// the environment until somebody has looked and unlocks it.
            #[schemars(extend("default" = "release"))]
            pub(super) after_cancel: Option<AfterCancel>,
            /// What happens to runs that wait: `fifo` executes all in order, `latest` only the newest.
            #[schemars(extend("default" = "fifo"))]
            pub(super) lane: Option<Lane>,
            /// Seconds a run may execute, all its steps together, before it is stopped. Absent means what the provider's
            /// manifest says, or 1800.
            #[schemars(range(min = 1, max = 2_592_000), extend("default" = defaults::TIMEOUT_SECONDS))]
            pub(super) timeout_seconds: Option<u64>,
            /// Seconds a run may wait for required contexts or an approval before it is given up.
            #[schemars(range(min = 1, max = 31_536_000), extend("default" = defaults::HOLD_TIMEOUT_SECONDS))]
            pub(super) hold_timeout_seconds: Option<u64>,
            /// Hosts of the environment. A request may narrow them, never add to them.
            pub(super) hosts: Option<Vec<String>>,
            /// Variables for the command. An environment's are laid over the app's. `PATH` is also where its program is
            /// looked for, in place of the server's own.
            pub(super) env: Option<BTreeMap<String, String>>,
            /// Secrets for the command, by the variable that holds them. An environment's are laid over the app's.
            pub(super) secrets: Option<BTreeMap<String, AppSecret>>,
            /// Secrets that the command gets as files which only its account can read, by the variable that holds the path.
            /// An environment's are laid over the app's.
            pub(super) secret_files: Option<BTreeMap<String, AppSecret>>,
            /// Names of variables of Chima's own process that the command also gets.
            pub(super) inherit_env: Option<Vec<String>>,
            /// The key and the known hosts for ssh. Absent leaves them to the tool's own settings.
            pub(super) ssh: Option<Ssh>,
            /// What a checkout holds beside the commit's own files: submodules, files of Git LFS. An environment's keys are
            /// laid over the app's.
            pub(super) checkout: Option<Checkout>,
            /// Channel of Slack, by id or name, in the place of `slack.channel`.
            pub(super) slack_channel: Option<String>,
            /// Address people visit to see what was deployed; shown on GitHub.
            pub(super) url: Option<String>,
            /// Whether GitHub marks it as production. Absent means that the name is `production`.
            pub(super) production: Option<bool>,
            /// Whether GitHub marks it as one that will cease to exist, such as a review app.
            #[schemars(extend("default" = false))]
            pub(super) transient: Option<bool>,
        }
    };
}

with_settings! {
    /// One thing that can be deployed. Every key but the first six may also stand at an environment, where it wins.
    struct App {
        /// The repository on GitHub, as `owner/name`.
        pub(super) repository: String,
        /// What git fetches from: any address or path. Absent means the repository on `github.url`.
        pub(super) remote: Option<String>,
        /// Whether GitHub may merge the default branch into the ref when a deployment is made.
        #[schemars(extend("default" = false))]
        pub(super) auto_merge: Option<bool>,
        /// Who may look at it on the pages, beside those who may deploy it: GitHub logins (`mona`) and teams (`octo/web`). To everybody
        /// else it is not there. Absent means `sign_in.viewers`.
        pub(super) viewers: Option<Vec<String>>,
        /// Whether everybody who knows the address sees the badges of its environments, for READMEs: which commit runs there, whether
        /// it went well, and how far it is behind.
        #[schemars(extend("default" = false))]
        pub(super) public_badges: Option<bool>,
        /// The environment that is meant where nobody names one. Absent: the only one, if there is one only.
        pub(super) default_environment: Option<String>,
        /// The environments, by the name GitHub shows. `{}` takes everything from the app.
        #[schemars(extend("x-hint" = "write a map, as in `environments: { production: {} }`"))]
        pub(super) environments: BTreeMap<String, Option<Environment>>,
    }
}

with_settings! {
    /// One environment of an app. What is absent here is taken from the app.
    struct Environment {}
}

impl Environment {
    /// The settings with the app's where the environment has none. Maps are laid over each other, all else replaces.
    pub(super) fn over(self, app: &App) -> Self {
        let same_provider = self.provider.is_none() || self.provider == app.provider;
        Self {
            with: if same_provider {
                overlay(app.with.as_ref(), self.with)
            } else {
                self.with
            },
            env: overlay(app.env.as_ref(), self.env),
            secrets: overlay(app.secrets.as_ref(), self.secrets),
            secret_files: overlay(app.secret_files.as_ref(), self.secret_files),
            provider: self.provider.or_else(|| app.provider.clone()),
            tasks: self.tasks.or_else(|| app.tasks.clone()),
            required_contexts: self.required_contexts.or_else(|| app.required_contexts.clone()),
            auto_deploy: self.auto_deploy.or_else(|| app.auto_deploy.clone()),
            allowed_rooms: self.allowed_rooms.or_else(|| app.allowed_rooms.clone()),
            deployers: self.deployers.or_else(|| app.deployers.clone()),
            admins: self.admins.or_else(|| app.admins.clone()),
            on_lock: self.on_lock.or(app.on_lock),
            after_cancel: self.after_cancel.or(app.after_cancel),
            lane: self.lane.or(app.lane),
            timeout_seconds: self.timeout_seconds.or(app.timeout_seconds),
            hold_timeout_seconds: self.hold_timeout_seconds.or(app.hold_timeout_seconds),
            hosts: self.hosts.or_else(|| app.hosts.clone()),
            inherit_env: self.inherit_env.or_else(|| app.inherit_env.clone()),
            ssh: self.ssh.or_else(|| app.ssh.clone()),
            checkout: match (self.checkout, app.checkout) {
                (Some(own), Some(below)) => Some(Checkout {
                    submodules: own.submodules.or(below.submodules),
                    lfs: own.lfs.or(below.lfs),
                }),
                (own, below) => own.or(below),
            },
            slack_channel: self.slack_channel.or_else(|| app.slack_channel.clone()),
            url: self.url.or_else(|| app.url.clone()),
            production: self.production.or(app.production),
            transient: self.transient.or(app.transient),
        }
    }
}

fn overlay<M, K, V>(below: Option<&M>, above: Option<M>) -> Option<M>
where
    M: Clone + Extend<(K, V)> + IntoIterator<Item = (K, V)>,
{
    match (below.cloned(), above) {
        (Some(mut below), Some(above)) => {
            below.extend(above);
            Some(below)
        }
        (below, above) => above.or(below),
    }
}
