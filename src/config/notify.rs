//! Who is told what becomes of deployments, beside GitHub and Slack.

use std::fmt;

use crate::config::secret::SecretSource;
use crate::config::{App, Config};
use crate::domain::run::RunState;

/// Somebody who is told, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Who.
    pub recipient: Recipient,
    /// Names of apps; `None` for all.
    pub apps: Option<Vec<String>>,
    /// Names of environments; `None` for all.
    pub environments: Option<Vec<String>>,
    /// What is told; `None` for what is usual.
    pub subjects: Option<Vec<Subject>>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// By what the recipient is, not by the place in the file: whoever edits the file sends nothing that waits to somebody else.
    pub name: String,
    /// How they are reached.
    pub to: To,
}

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A bot that passes on what people say.
    Callback {
        /// Its address.
        url: String,
        /// Signs what is sent.
        secret: SecretSource,
    },
    /// A program.
    Webhook {
        /// Its address.
        url: SecretSource,
        /// Signs what is sent.
        secret: SecretSource,
    },
    /// An incoming webhook of Mattermost.
    Mattermost(SecretSource),
    /// An incoming webhook of Rocket.Chat.
    RocketChat(SecretSource),
    /// A webhook of Discord.
    Discord(SecretSource),
    /// A workflow of Microsoft Teams.
    Teams(SecretSource),
    /// People by e-mail.
    Email {
        /// Their addresses; at least one.
        to: Vec<String>,
        /// The sender's.
        from: String,
    },
}

impl To {
    /// The secrets without which they cannot be reached.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretSource> {
        match self {
            Self::Callback { secret, .. } => vec![secret],
            Self::Webhook { url, secret } => vec![url, secret],
            Self::Mattermost(url) | Self::RocketChat(url) | Self::Discord(url) | Self::Teams(url) => vec![url],
            Self::Email { .. } => Vec::new(),
        }
    }
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A run that is in this state now.
    Run(RunState),
    /// A lock.
    Lock,
    /// A deployment that another tool carries out.
    OtherDeployment,
    /// Something that should have happened and has not.
    Watchdog,
}

impl Notify {
    /// Whether this is something for them. `apps` are those that it may be about: of an environment that nobody knows, all of the
    /// repository's. `usual` says whether it is told where nothing is said about it.
    #[must_use]
    pub fn wants(&self, apps: &[&App], environment: &str, subject: Subject, usual: bool) -> bool {
        let app = self.apps.as_ref().is_none_or(|own| {
            let mut about = apps.iter();
            about.any(|app| own.iter().any(|name| name == app.name.as_str()))
        });
        let place = self
            .environments
            .as_ref()
            .is_none_or(|own| own.iter().any(|name| name.eq_ignore_ascii_case(environment)));
        let told = self.subjects.as_ref().map_or(usual, |own| own.contains(&subject));
        app && place && told
    }
}

impl Config {
    /// Everybody who may be told, each once.
    #[must_use]
    pub fn recipients(&self) -> Vec<&Recipient> {
        let mut all: Vec<&Recipient> = self.callbacks.iter().collect();
        for one in &self.notify {
            if all.iter().all(|known| known.name != one.recipient.name) {
                all.push(&one.recipient);
            }
        }
        all
    }

    /// The same, without those whom `reached` says no to: as if they were not in the file.
    pub fn keep_recipients(&mut self, reached: impl Fn(&Recipient) -> bool) {
        self.callbacks.retain(&reached);
        self.notify.retain(|one| reached(&one.recipient));
    }
}

/// The line in the outbox of the bot that has this name in `chat.callbacks`.
#[must_use]
pub fn callback_line(name: &str) -> String {
    format!("callback/{name}")
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whom Chima logs in as, and with which password.
    pub login: Option<(String, SecretSource)>,
    /// How the connection is kept secret.
    pub tls: SmtpTls,
}

/// How a connection to a mail server is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// It begins in the open and changes over, or is given up.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
