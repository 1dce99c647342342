//! Puts an engine together from a configuration: secrets, ledger, queue, clients, this process' name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::clock::SystemClock;
use crate::app::paced::{pace, paced};
use crate::app::recipients::recipients;
use crate::app::setup;
use crate::config::secret::{self, SecretSource};
use crate::config::{Config, GitHub as GitHubConfig, GitHubAuth, QueueAddress as ConfiguredQueue, environment};
use crate::domain::clock::Clock;
use crate::domain::pace::Pace;
use crate::flow::audit::{self, Told};
use crate::flow::auto_deploy;
use crate::flow::catch_up;
use crate::flow::engine::{Engine, Lease, Parts};
use crate::flow::rehearse;
use crate::flow::repositories;
use crate::flow::set_up::SetUp;
use crate::github::{Credentials, GitHub};
use crate::notify::slack::SlackWebhook;
use crate::notify::slack::api::{SlackApi, SlackResponder};
use crate::provider::checkout::Checkouts;
use crate::provider::git::Git;
use crate::provider::launch::Launcher;
use crate::provider::manifest::catalogue::{Broken, Catalogue};
use crate::provider::versions::Versions;
use crate::provider::{processes, worker};
use crate::queue::Queue;
use crate::queue::address::{QueueAddress, WorkerName};
use crate::queue::findings::Severity;
use crate::queue::options::QueueOptions;
use crate::store::Store;

/// A clone of a large repository takes its time; a git that hangs does not end by itself.
const GIT_LIMIT: Duration = Duration::from_secs(600);
/// Far more than any honest repository needs; a small one can name files without end.
const GIT_MEMORY: u64 = 4 << 30;

/// Slack takes one message a second from an incoming webhook, and short bursts.
/// <https://docs.slack.dev/apis/web-api/rate-limits>
const SLACK_PER_MINUTE: u32 = 60;

/// An engine and what only a server needs.
#[derive(Debug)]
pub struct Started {
    /// The stages.
    pub engine: Engine,
    /// Secrets a delivery may be signed with.
    pub webhook_secrets: Vec<SecretString>,
    /// What a bot shows at the chat bridge.
    pub chat_token: Option<SecretString>,
    /// What Slack signs with.
    pub slack_signing: Option<SecretString>,
    /// What is not set up, one sentence each with the remedy.
    pub missing: Vec<String>,
    /// The set-up that is offered as long as there are no credentials.
    pub set_up: Option<Arc<SetUp>>,
    /// What is wrong with manifests and with inputs of providers, one sentence each.
    pub unfit: Vec<String>,
}

/// What differs between the real program and a test of it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The program that has the `runner` subcommand.
    pub program: PathBuf,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// How long GitHub's answers are waited for, where that is not as usual.
    pub answer_timeout: Option<Duration>,
}

impl Surroundings {
    /// Those of the real program.
    ///
    /// # Errors
    ///
    /// When the system does not tell which program this is.
    pub fn real() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell which program this is")?;
        Ok(Self {
            program,
            clock: Arc::new(SystemClock::default()),
            answer_timeout: None,
        })
    }
}

/// Reads the secrets, opens ledger and queue, and names this process.
///
/// # Errors
///
/// When a secret is unfit, the ledger is unsafe, or the queue's address cannot be used. A Redis that is away is no error.
pub async fn start(config: &Config, surroundings: &Surroundings) -> anyhow::Result<Started> {
    start_with(config, surroundings, Lease::default()).await
}

/// As [`start`], with claims of another length: a test does not wait for half a minute.
///
/// # Errors
///
/// As [`start`].
pub async fn start_with(config: &Config, surroundings: &Surroundings, lease: Lease) -> anyhow::Result<Started> {
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
    let config = &config;
    let credentials = credentials(config, &mut named, &mut missing)?;
    if config.github.polling.is_some() && matches!(credentials, Credentials::None) {
        missing.push(
            "`github.polling` asks nothing until there are GitHub credentials: no deployment is heard of".to_owned(),
        );
    }
    let slack = match &config.slack.incoming_webhook {
        Some(source) => secret::read(source)?.map(|url| {
            named.push(("slack.incoming_webhook".to_owned(), url.clone()));
            SlackWebhook::new(url)
        }),
        None => None,
    }
    .transpose()?;
    let slack_bot = match read_named(config.slack.bot_token.as_ref(), "slack.bot_token", &mut named)? {
        Some(token) => Some(SlackApi::new(&config.slack.api_url, token)?),
        None => None,
    };
    let slack_app = match read_named(config.slack.app_token.as_ref(), "slack.app_token", &mut named)? {
        Some(token) => Some(SlackApi::new(&config.slack.api_url, token)?),
        None => None,
    };
    let slack_signing = match &config.slack.signing_secret {
        Some(source) => secret::read_strong(source)?,
        None => None,
    };
    named.extend(
        slack_signing
            .iter()
            .map(|value| ("slack.signing_secret".to_owned(), value.clone())),
    );
    named.extend(
        webhook_secrets
            .iter()
            .map(|value| ("github.webhook_secrets".to_owned(), value.clone())),
    );
    let chat_token = match &config.chat_token {
        Some(source) => secret::read_strong(source)?,
        None => None,
    };
    named.extend(chat_token.iter().map(|value| ("chat.token".to_owned(), value.clone())));
    let manifests = Catalogue::read(&config.providers);
    let unfit = unfit(config, &manifests);
    let store = Store::open(&config.store).await?;
    let clock = Arc::clone(&surroundings.clock);
    let name = WorkerName::new(&host(), &processes::boot_id().unwrap_or_default(), clock.fresh_ulid());
    let options = QueueOptions {
        installation: installation(&config.store),
        ..QueueOptions::default()
    };
    let queue = Queue::open_with(&queue_address(config), name, options)
        .await
        .context("cannot open the queue")?;
    refuse_unsafe_queue(&queue).await?;
    let mut github = github(config, &credentials, Arc::clone(&clock))?;
    if let Some(timeout) = surroundings.answer_timeout {
        github = github.waiting(timeout);
    }
    let set_up = match &credentials {
        Credentials::None => {
            let wanted = setup::wanted(config);
            Some(Arc::new(SetUp::new(wanted, github.clone(), Arc::clone(&clock))?))
        }
        Credentials::Token(_) | Credentials::App { .. } => None,
    };
    let github = paced(github, config, &store, Arc::clone(&clock));
    let mut known = config.clone();
    if slack_bot.is_none() {
        // named, and not set: nothing is put into the outbox that nobody could send
        known.slack.bot_token = None;
    }
    let engine = Engine::new(Parts {
        config: known,
        store,
        queue,
        github,
        slack,
        recipients,
        slack_bot,
        slack_app,
        slack_responder: SlackResponder::new()?,
        clock,
        launcher: Launcher {
            program: surroundings.program.clone(),
        },
        checkouts: checkouts(config, &surroundings.program),
        manifests,
        versions: Versions::default(),
        secrets: named,
        worker: worker::name(&host()),
        lease,
        pace: pace(config),
        // half as many: statuses are said at the same time
        redeliveries: Pace::new((config.github.writes_per_minute / 2).max(1)),
        chat_pace: Pace::new(SLACK_PER_MINUTE),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        deliveries: Notify::new(),
        outbox: Notify::new(),
        rechecks: Notify::new(),
        auto_deploys: Notify::new(),
        protections: Notify::new(),
        comments: Notify::new(),
        slack_asks: Notify::new(),
        sweeps: Notify::new(),
        audit_told: Told::default(),
        watched: Mutex::default(),
    });
    audit::configured(&engine).await?;
    auto_deploy::follow(&engine).await?;
    repositories::call_by_present_names(&engine).await?;
    catch_up::follow(&engine).await?;
    Ok(Started {
        engine,
        webhook_secrets,
        chat_token,
        slack_signing,
        missing,
        set_up,
        unfit,
    })
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

/// What cannot be deployed as it is configured. One broken app does not stop the others.
fn unfit(config: &Config, manifests: &Catalogue) -> Vec<String> {
    let broken = manifests.broken().iter().flat_map(Broken::lines);
    let faults = rehearse::faults(config, manifests);
    let faults = faults
        .iter()
        .map(|fault| format!("{}; its deployments end in `error` until this is mended", fault.line()));
    broken.chain(faults).collect()
}

/// A queue whose settings lose bells at will is refused; one that cannot be asked now is not.
async fn refuse_unsafe_queue(queue: &Queue) -> anyhow::Result<()> {
    let findings = match queue.findings().await {
        Ok(findings) => findings,
        Err(error) => {
            tracing::warn!(error = %error, "the queue cannot be asked now; deliveries are accepted, and runs follow when it is back");
            return Ok(());
        }
    };
    for finding in &findings {
        tracing::warn!(code = finding.code, fix = finding.fix, "{}", finding.text);
    }
    match findings.iter().find(|finding| finding.severity == Severity::Refuse) {
        Some(finding) => anyhow::bail!("the queue is unsafe: {}; {}", finding.text, finding.fix),
        None => Ok(()),
    }
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

/// What tells the bells of this ledger from those of others on the same Redis.
fn installation(store: &Path) -> String {
    let digest = hex::encode(Sha256::digest(format!("{}:{}", host(), store.display())));
    digest.chars().take(12).collect()
}

/// Where the jobs are.
#[must_use]
pub fn queue_address(config: &Config) -> QueueAddress {
    match &config.queue {
        ConfiguredQueue::Sqlite => {
            let folder = config.store.parent().map(PathBuf::from).unwrap_or_default();
            QueueAddress::Sqlite(folder.join("queue.db"))
        }
        ConfiguredQueue::Redis(url) => QueueAddress::Redis {
            url: SecretString::from(url.clone()),
        },
    }
}

/// A client of GitHub alone, for commands that need nothing else.
///
/// # Errors
///
/// When there are no credentials, or they cannot be used.
pub fn client(config: &Config) -> anyhow::Result<GitHub> {
    let (mut named, mut missing) = (Vec::new(), Vec::new());
    let credentials = credentials(config, &mut named, &mut missing)?;
    if let Some(missing) = missing.first() {
        anyhow::bail!("{missing}");
    }
    github(config, &credentials, Arc::new(SystemClock::default()))
}

/// As [`client`], for commands of which some need nobody's credentials.
///
/// # Errors
///
/// When there are credentials that cannot be used.
pub fn client_if_any(config: &Config) -> anyhow::Result<GitHub> {
    let (mut named, mut missing) = (Vec::new(), Vec::new());
    let credentials = credentials(config, &mut named, &mut missing)?;
    github(config, &credentials, Arc::new(SystemClock::default()))
}

/// A client of the configured GitHub.
///
/// # Errors
///
/// When the credentials or the certificates cannot be used.
pub(crate) fn github(config: &Config, credentials: &Credentials, clock: Arc<dyn Clock>) -> anyhow::Result<GitHub> {
    let authorities = match &config.github.ca_file {
        Some(file) => Some(
            std::fs::read(file)
                .with_context(|| format!("cannot read `github.ca_file`, which is `{}`", file.display()))?,
        ),
        None => None,
    };
    Ok(GitHub::new(
        &config.github.api_url,
        credentials,
        authorities.as_deref(),
        clock,
    )?)
}

pub(crate) fn credentials(
    config: &Config,
    named: &mut Vec<(String, SecretString)>,
    missing: &mut Vec<String>,
) -> anyhow::Result<Credentials> {
    let (source, key) = match &config.github.auth {
        GitHubAuth::None => {
            missing.push(
                "no GitHub credentials: statuses cannot be sent; set `github.token`, or `github.app_id` with \
                 `github.private_key`"
                    .to_owned(),
            );
            return Ok(Credentials::None);
        }
        GitHubAuth::Token(source) => (source, "github.token"),
        GitHubAuth::App { private_key, .. } => (private_key, "github.private_key"),
    };
    let Some(value) = secret::read(source)? else {
        missing.push(format!(
            "no GitHub credentials: statuses cannot be sent; put `{key}` into {source}"
        ));
        return Ok(Credentials::None);
    };
    named.push((key.to_owned(), value.clone()));
    Ok(match &config.github.auth {
        GitHubAuth::App { app_id, .. } => Credentials::App {
            id: *app_id,
            private_key: value,
        },
        GitHubAuth::None | GitHubAuth::Token(_) => Credentials::Token(SecretString::from(value.expose_secret().trim())),
    })
}

fn places(sources: &[SecretSource]) -> String {
    if sources.is_empty() {
        return "one of `github.webhook_secrets`".to_owned();
    }
    sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
