//! Who is told of deployments, as it is typed.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::file::Secret;

/// Somebody who is told, and of what.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Notify {
    /// Who is told.
    pub(in crate::config) to: NotifyTo,
    /// Names of apps. Absent means all.
    pub(in crate::config) apps: Option<Vec<String>>,
    /// Names of environments. Absent means all.
    pub(in crate::config) environments: Option<Vec<String>>,
    /// What is told. Absent means everything but `queued`.
    pub(in crate::config) states: Option<Vec<NotifyState>>,
}

/// Who is told: exactly one of the keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::config) struct NotifyTo {
    /// A program of yours: JSON, signed as Standard Webhooks describe it.
    pub(in crate::config) webhook: Option<NotifyWebhook>,
    /// Address of an incoming webhook of Mattermost; whoever knows it can post, so it is a secret.
    pub(in crate::config) mattermost: Option<Secret>,
    /// Address of an incoming webhook of Rocket.Chat.
    pub(in crate::config) rocket_chat: Option<Secret>,
    /// Address of a webhook of a Discord channel.
    pub(in crate::config) discord: Option<Secret>,
    /// Address of a workflow of Microsoft Teams that posts to a channel when a webhook request is received.
    pub(in crate::config) teams: Option<Secret>,
    /// People, by e-mail; needs `smtp`.
    pub(in crate::config) email: Option<NotifyEmail>,
}

/// A program that is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct NotifyWebhook {
    /// Its address.
    pub(in crate::config) url: Secret,
    /// Signs what is posted, at least 16 bytes; the program has the same.
    pub(in crate::config) secret: Secret,
}

/// People who are told by e-mail.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct NotifyEmail {
    /// Addresses, such as `ops@example.com`.
    pub(in crate::config) to: Vec<String>,
    /// The sender's address.
    pub(in crate::config) from: String,
}

/// What somebody is told.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum NotifyState {
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
pub(in crate::config) struct Smtp {
    /// Its name.
    pub(in crate::config) host: String,
    /// Absent means 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    #[schemars(range(min = 1, max = 65535))]
    pub(in crate::config) port: Option<u16>,
    /// Whom Chima logs in as. Absent means that it does not.
    pub(in crate::config) username: Option<String>,
    /// The password of that name.
    pub(in crate::config) password: Option<Secret>,
    /// How the connection is kept secret.
    #[schemars(extend("default" = "starttls"))]
    pub(in crate::config) tls: Option<SmtpTls>,
}

/// How a connection to a mail server is kept secret.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum SmtpTls {
    /// It begins in the open and changes over before anything is said; a server that cannot is not used.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a server on this machine. A password is sent only there.
    None,
}
