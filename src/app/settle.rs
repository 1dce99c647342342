//! What a configuration comes to: its secrets read, its clients made, its manifests loaded. At the start of a process, and whenever
//! another configuration is to take over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use secrecy::SecretString;

use crate::app::paced::{pace, paced};
use crate::app::recipients::collector;
use crate::app::recipients::recipients;
use crate::app::setup;
use crate::app::start::{Surroundings, credentials, github};
use crate::config::secret::{self, SecretSource};
use crate::config::{Config, GitHub as GitHubConfig, environment};
use crate::domain::pace::Pace;
use crate::flow::engine::{Doors, Parts, Process};
use crate::flow::notices::Recipients;
use crate::flow::rehearse;
use crate::flow::set_up::SetUp;
use crate::flow::sign_in::Door;
use crate::github::sign_in::Client;
use crate::github::{Credentials, GitHub};
use crate::notify::otlp::Collector;
use crate::notify::slack::SlackWebhook;
use crate::notify::slack::api::SlackApi;
use crate::provider::checkout::Checkouts;
use crate::provider::git::Git;
use crate::provider::manifest::catalogue::{Broken, Catalogue};

/// A clone of a large repository takes its time; a git that hangs does not end by itself.
const GIT_LIMIT: Duration = Duration::from_secs(600);
/// Far more than any honest repository needs; a small one can name files without end.
const GIT_MEMORY: u64 = 4 << 30;

/// Slack takes one message a second from an incoming webhook, and short bursts.
/// <https://docs.slack.dev/apis/web-api/rate-limits>
const SLACK_PER_MINUTE: u32 = 60;

/// What a configuration comes to, before there is a process to work by it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// With absolute paths, and without whom cannot be reached.
    pub(crate) config: Config,
    /// What is not set up, one sentence each with the remedy.
    pub(crate) missing: Vec<String>,
    /// What is wrong with manifests and with inputs of providers, one sentence each.
    pub(crate) unfit: Vec<String>,
    github: GitHub,
    slack: Option<SlackWebhook>,
    recipients: Recipients,
    collector: Option<Collector>,
    slack_bot: Option<SlackApi>,
    slack_app: Option<SlackApi>,
    doors: Doors,
    checkouts: Checkouts,
    manifests: Catalogue,
    secrets: Vec<(String, SecretString)>,
}

/// Reads the secrets, makes the clients and loads the manifests. Opens nothing. A set-up that is offered already goes on, as long
/// as it would make the same.
///
/// # Errors
///
/// When a secret is unfit, or a client cannot be made.
pub(crate) fn settle(
    config: &Config,
    surroundings: &Surroundings,
    offered: Option<&Arc<SetUp>>,
) -> anyhow::Result<Settings> {
    let mut config = rooted(config)?;
    let mut missing = Vec::new();
    let mut webhook_secrets = Vec::new();
    for source in &config.github.webhook_secrets {
        webhook_secrets.extend(secret::read_strong(source)?);
    }
    if webhook_secrets.is_empty() && config.github.polling.is_none() {
        let place = places(&config.github.webhook_secrets);
        missing.push(format!(
            "no webhook secret: deliveries are answered with 503; make one with `openssl rand -hex 32`, give it to GitHub's \
             webhook and put it into {place}"
        ));
    }
    let mut named: Vec<(String, SecretString)> = Vec::new();
    let recipients = recipients(&mut config, &mut named, &mut missing)?;
    let collector = collector(&config, &mut named, &mut missing)?;
    let credentials = credentials(&config, &mut named, &mut missing)?;
    if config.github.polling.is_some() && matches!(credentials, Credentials::None) {
        missing.push(
            "`github.polling` asks nothing until there are GitHub credentials: no deployment is heard of".to_owned(),
        );
    }
    let slack = read_named(
        config.slack.incoming_webhook.as_ref(),
        "slack.incoming_webhook",
        &mut named,
    )?
    .map(SlackWebhook::new)
    .transpose()?;
    let slack_bot = read_named(config.slack.bot_token.as_ref(), "slack.bot_token", &mut named)?
        .map(|token| SlackApi::new(&config.slack.api_url, token))
        .transpose()?;
    let slack_app = read_named(config.slack.app_token.as_ref(), "slack.app_token", &mut named)?
        .map(|token| SlackApi::new(&config.slack.api_url, token))
        .transpose()?;
    let slack_signing = read_proof(config.slack.signing_secret.as_ref(), "slack.signing_secret", &mut named)?;
    let chat_token = read_proof(config.chat_token.as_ref(), "chat.token", &mut named)?;
    let door = door(&mut config, &mut named, &mut missing)?;
    let signing = webhook_secrets.iter().cloned();
    named.extend(signing.map(|value| ("github.webhook_secrets".to_owned(), value)));
    let manifests = Catalogue::read(&config.providers);
    let unfit = unfit(&config, &manifests);
    let clock = Arc::clone(&surroundings.clock);
    let mut github = github(&config, &credentials, Arc::clone(&clock))?;
    if let Some(timeout) = surroundings.answer_timeout {
        github = github.waiting(timeout);
    }
    let set_up = match &credentials {
        Credentials::None => {
            let wanted = setup::wanted(&config);
            let going_on = offered.filter(|offered| *offered.wanted() == wanted).cloned();
            Some(match going_on {
                Some(offered) => offered,
                None => Arc::new(SetUp::new(wanted, github.clone(), clock)?),
            })
        }
        Credentials::Token(_) | Credentials::App { .. } => None,
    };
    let checkouts = checkouts(&config, &surroundings.program);
    if slack_bot.is_none() {
        // named, and not set: nothing is put into the outbox that nobody could send
        config.slack.bot_token = None;
    }
    Ok(Settings {
        config,
        missing,
        unfit,
        github,
        slack,
        recipients,
        collector,
        slack_bot,
        slack_app,
        doors: Doors {
            webhook_secrets: webhook_secrets.into(),
            chat_token: chat_token.map(Arc::new),
            slack_signing: slack_signing.map(Arc::new),
            sign_in: door.map(Arc::new),
            set_up,
        },
        checkouts,
        manifests,
        secrets: named,
    })
}

impl Settings {
    /// As a process works by it.
    pub(crate) fn parts(self, process: Arc<Process>) -> Parts {
        let writes_per_minute = self.config.github.writes_per_minute;
        Parts {
            github: paced(self.github, &self.config, &process.store, Arc::clone(&process.clock)),
            slack: self.slack,
            recipients: self.recipients,
            collector: self.collector,
            slack_bot: self.slack_bot,
            slack_app: self.slack_app,
            doors: self.doors,
            checkouts: self.checkouts,
            manifests: self.manifests,
            secrets: self.secrets,
            pace: pace(&self.config),
            // half as many: statuses are said at the same time
            redeliveries: Pace::new((writes_per_minute / 2).max(1)),
            chat_pace: Pace::new(SLACK_PER_MINUTE),
            config: self.config,
            process,
        }
    }
}

/// A secret that is also masked wherever it could be seen.
fn read_named(
    source: Option<&SecretSource>,
    key: &str,
    named: &mut Vec<(String, SecretString)>,
) -> anyhow::Result<Option<SecretString>> {
    let Some(source) = source else {
        return Ok(None);
    };
    let value = secret::read(source)?;
    named.extend(value.iter().map(|value| (key.to_owned(), value.clone())));
    Ok(value)
}

/// How people sign in. What is named and not there is said, and nobody signs in until it is.
fn door(
    config: &mut Config,
    named: &mut Vec<(String, SecretString)>,
    missing: &mut Vec<String>,
) -> anyhow::Result<Option<Door>> {
    let Some(sign_in) = config.sign_in.clone() else {
        if !config.is_for_this_machine() {
            missing.push(
                "nobody can look at the pages, because nobody can sign in: set up `sign_in`; `chima token break-glass` lets you in for \
                 an hour"
                    .to_owned(),
            );
        }
        return Ok(None);
    };
    let Some(secret) = read_proof(Some(&sign_in.client_secret), "sign_in.client_secret", named)? else {
        missing.push(format!(
            "nobody can sign in to the pages: make a client secret on the App's page and put it into {}",
            sign_in.client_secret
        ));
        config.sign_in = None;
        return Ok(None);
    };
    Ok(Some(Door {
        client: Client {
            id: sign_in.client_id,
            secret,
        },
        session: TimeDelta::from_std(sign_in.session).unwrap_or(TimeDelta::hours(1)),
    }))
}

/// As [`read_named`], where somebody proves with it who is speaking.
fn read_proof(
    source: Option<&SecretSource>,
    key: &str,
    named: &mut Vec<(String, SecretString)>,
) -> anyhow::Result<Option<SecretString>> {
    let value = source.map(secret::read_strong).transpose()?.flatten();
    named.extend(value.iter().map(|value| (key.to_owned(), value.clone())));
    Ok(value)
}

/// What cannot be deployed as it is configured. One broken app does not stop the others.
fn unfit(config: &Config, manifests: &Catalogue) -> Vec<String> {
    let broken = manifests.broken().iter().flat_map(Broken::lines);
    let faults = rehearse::faults(config, manifests);
    let faults = faults
        .iter()
        .map(|fault| format!("{}; its deployments end in `error` until this is mended", fault.line()));
    broken.chain(faults).collect()
}

/// The configuration with absolute paths: runners do not share our working directory.
fn rooted(config: &Config) -> anyhow::Result<Config> {
    let absolute =
        |path: &PathBuf| std::path::absolute(path).with_context(|| format!("cannot resolve `{}`", path.display()));
    Ok(Config {
        data_dir: absolute(&config.data_dir)?,
        store: absolute(&config.store)?,
        github: GitHubConfig {
            ca_file: config.github.ca_file.as_ref().map(absolute).transpose()?,
            ..config.github.clone()
        },
        ..config.clone()
    })
}

/// Git gets its way to programs and proxies from our environment, and nothing else.
fn checkouts(config: &Config, program: &Path) -> Checkouts {
    let names = [
        "PATH",
        "HOME",
        "SSH_AUTH_SOCK",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    let own = names
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), environment::variable(name)?)));
    let authorities = config
        .github
        .ca_file
        .iter()
        .map(|file| ("GIT_SSL_CAINFO".to_owned(), file.display().to_string()));
    let environment = own.chain(authorities).collect();
    Checkouts {
        mirrors: config.data_dir.join("mirrors"),
        git: Git {
            program: PathBuf::from("git"),
            askpass: program.to_owned(),
            environment,
            time_limit: GIT_LIMIT,
            memory_limit: GIT_MEMORY,
        },
    }
}

fn places(sources: &[SecretSource]) -> String {
    if sources.is_empty() {
        return "one of `github.webhook_secrets`".to_owned();
    }
    sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
