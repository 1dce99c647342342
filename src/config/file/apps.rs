//! What can be deployed, as it is typed: apps, their environments, and the settings that both may have.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::defaults;

/// Declares a struct with its own keys and the settings that an app and an environment share.
macro_rules! with_settings {
    ($(#[$meta:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::config) struct $name {
            $($own)*
            /// Name of the provider that carries out the deployment. Needed here or at the app.
            pub(in crate::config) provider: Option<String>,
            /// Inputs of the provider. An environment's are laid over the app's key by key; where the environment names
            /// another provider, they stand alone.
            pub(in crate::config) with: Option<Map<String, Value>>,
            /// Tasks that may be asked for. The first is not special: a request without one means `deploy`.
            #[schemars(extend("default" = [defaults::TASK]))]
            pub(in crate::config) tasks: Option<Vec<String>>,
            /// Commit statuses and check runs that must be green. Absent means all that have reported; `[]` means none.
            pub(in crate::config) required_contexts: Option<Vec<String>>,
            /// Deployments made without being asked for: `true` for the default branch once it is green, `false`, or a map. An
            /// app's is that of all its environments.
            #[schemars(extend("default" = false))]
            pub(in crate::config) auto_deploy: Option<AutoDeploy>,
            /// Chat rooms, by name or id, from which it may be deployed. Absent means all.
            pub(in crate::config) allowed_rooms: Option<Vec<String>>,
            /// Who may deploy, lock, cancel: GitHub logins (`mona`), teams (`octo/web`), people in chats (`slack:U024BE7LH`,
            /// `chat:mona.l`). Absent means everybody in an allowed room, and on GitHub whoever may create deployments.
            pub(in crate::config) deployers: Option<Vec<String>>,
            /// Who may also force (`deploy!`): past required contexts that are not green, and past the lock of somebody else.
            /// Named as `deployers` are, of whom they are some. Absent means nobody.
            pub(in crate::config) admins: Option<Vec<String>>,
            /// What becomes of a deployment that is asked for while somebody else has locked the environment: `reject` refuses
            /// it, `wait` holds it until the lock is gone. One that was asked for before the lock came waits in any case.
            #[schemars(extend("default" = "reject"))]
            pub(in crate::config) on_lock: Option<OnLock>,
            /// What follows a cancel where the command may go on at other hosts: `release` lets the next run begin, `hold` locks
            /// the environment until somebody has looked and unlocks it.
            #[schemars(extend("default" = "release"))]
            pub(in crate::config) after_cancel: Option<AfterCancel>,
            /// What happens to runs that wait: `fifo` executes all in order, `latest` only the newest.
            #[schemars(extend("default" = "fifo"))]
            pub(in crate::config) lane: Option<Lane>,
            /// Seconds a run may execute, all its steps together, before it is stopped. Absent means what the provider's
            /// manifest says, or 1800.
            #[schemars(range(min = 1, max = 2_592_000), extend("default" = defaults::TIMEOUT_SECONDS))]
            pub(in crate::config) timeout_seconds: Option<u64>,
            /// Seconds a run may wait for required contexts or an approval before it is given up.
            #[schemars(range(min = 1, max = 31_536_000), extend("default" = defaults::HOLD_TIMEOUT_SECONDS))]
            pub(in crate::config) hold_timeout_seconds: Option<u64>,
            /// Hosts of the environment. A request may narrow them, never add to them.
            pub(in crate::config) hosts: Option<Vec<String>>,
            /// Variables for the command. An environment's are laid over the app's. `PATH` is also where its program is
            /// looked for, in place of the server's own.
            pub(in crate::config) env: Option<BTreeMap<String, String>>,
            /// Secrets for the command, by the variable that holds them. An environment's are laid over the app's.
            pub(in crate::config) secrets: Option<BTreeMap<String, AppSecret>>,
            /// Secrets that the command gets as files which only its account can read, by the variable that holds the path.
            /// An environment's are laid over the app's.
            pub(in crate::config) secret_files: Option<BTreeMap<String, AppSecret>>,
            /// Names of variables of Chima's own process that the command also gets.
            pub(in crate::config) inherit_env: Option<Vec<String>>,
            /// The key and the known hosts for ssh. Absent leaves them to the tool's own settings.
            pub(in crate::config) ssh: Option<Ssh>,
            /// What a checkout holds beside the commit's own files: submodules, files of Git LFS. An environment's keys are
            /// laid over the app's.
            pub(in crate::config) checkout: Option<Checkout>,
            /// Channel of Slack, by id or name, in the place of `slack.channel`.
            pub(in crate::config) slack_channel: Option<String>,
            /// Address people visit to see what was deployed; shown on GitHub.
            pub(in crate::config) url: Option<String>,
            /// Whether GitHub marks it as production. Absent means that the name is `production`.
            pub(in crate::config) production: Option<bool>,
            /// Whether GitHub marks it as one that will cease to exist, such as a review app.
            #[schemars(extend("default" = false))]
            pub(in crate::config) transient: Option<bool>,
        }
    };
}

with_settings! {
    /// One thing that can be deployed. Every key but the first six may also stand at an environment, where it wins.
    struct App {
        /// The repository on GitHub, as `owner/name`.
        pub(in crate::config) repository: String,
        /// What git fetches from: any address or path. Absent means the repository on `github.url`.
        pub(in crate::config) remote: Option<String>,
        /// Whether GitHub may merge the default branch into the ref when a deployment is made.
        #[schemars(extend("default" = false))]
        pub(in crate::config) auto_merge: Option<bool>,
        /// Who may look at it on the pages, beside those who may deploy it: GitHub logins (`mona`) and teams (`octo/web`). To everybody
        /// else it is not there. Absent means `sign_in.viewers`.
        pub(in crate::config) viewers: Option<Vec<String>>,
        /// Whether everybody who knows the address sees the badges of its environments, for READMEs: which commit runs there, whether
        /// it went well, and how far it is behind.
        #[schemars(extend("default" = false))]
        pub(in crate::config) public_badges: Option<bool>,
        /// The environment that is meant where nobody names one. Absent: the only one, if there is one only.
        pub(in crate::config) default_environment: Option<String>,
        /// The environments, by the name GitHub shows. `{}` takes everything from the app.
        #[schemars(extend("x-hint" = "write a map, as in `environments: { production: {} }`"))]
        pub(in crate::config) environments: BTreeMap<String, Option<Environment>>,
    }
}

with_settings! {
    /// One environment of an app. What is absent here is taken from the app.
    struct Environment {}
}

impl Environment {
    /// The settings with the app's where the environment has none. Maps are laid over each other, all else replaces.
    pub(in crate::config) fn over(self, app: &App) -> Self {
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

/// Whether, and for what, deployments are made without being asked for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum AutoDeploy {
    /// `true` is the default branch, once it is green; `false` is never.
    Switch(bool),
    /// A branch and the moment.
    When(AutoDeployWhen),
}

/// What is deployed without being asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AutoDeployWhen {
    /// The branch. Absent means the repository's default branch.
    pub(in crate::config) branch: Option<String>,
    /// The moment: when the required contexts are `green` (without a list, when something has been reported and all of it is);
    /// at the `push`; or when a pull request was merged (`merged_pull_request`), for what it brought and nothing else.
    #[schemars(extend("default" = "green"))]
    pub(in crate::config) on: Option<AutoDeployOn>,
    /// Globs, relative to the repository, such as `web/**`; a commit counts only where a matching file has changed since the
    /// one that is deployed. Absent means every change.
    pub(in crate::config) paths: Option<Vec<String>>,
}

/// The moment of an automatic deployment.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AutoDeployOn {
    Green,
    Push,
    MergedPullRequest,
}

/// The order in which waiting runs of an environment execute.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Lane {
    Fifo,
    Latest,
}

/// What becomes of a deployment of an environment that somebody else has locked.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum OnLock {
    Reject,
    Wait,
}

/// What follows a cancel where the command may go on elsewhere.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AfterCancel {
    Release,
    Hold,
}

/// Where a secret of an app is found: exactly one of the keys. The secret itself never stands in this file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1, "x-secret" = true))]
pub(in crate::config) struct AppSecret {
    /// Name of an environment variable of Chima's process.
    pub(in crate::config) env: Option<String>,
    /// Path of a file that others cannot read; one newline at its end is cut off.
    pub(in crate::config) file: Option<String>,
    /// A command, as a list of program and arguments, that prints the secret when a step needs it.
    pub(in crate::config) command: Option<Vec<String>>,
}

/// The key and the known hosts that a step uses for ssh.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Ssh {
    /// Private key: the path of a file, or where the secret is found.
    pub(in crate::config) key: Option<SshKey>,
    /// Path of a `known_hosts` file; host keys are always checked.
    pub(in crate::config) known_hosts: Option<String>,
}

/// A private key: a path, or the place of a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum SshKey {
    /// Path of the key file.
    Path(String),
    /// Where the key is found.
    Secret(AppSecret),
}

/// What a checkout holds beside the commit's own files. Whatever is not asked for costs nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Checkout {
    /// Whether submodules are checked out, at all levels, each at its recorded commit. Only https and ssh addresses are
    /// fetched, and paths where `remote` is a path; the token goes to the app's own host alone.
    #[schemars(extend("default" = false))]
    pub(in crate::config) submodules: Option<bool>,
    /// Whether files kept in Git LFS stand in the place of their pointers; needs the program `git-lfs`. They come from the
    /// remote's own LFS server: `.lfsconfig` is not read.
    #[schemars(extend("default" = false))]
    pub(in crate::config) lfs: Option<bool>,
}
