//! Puts an engine together from a configuration: secrets, ledger, queue, clients, this process' name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::clock::SystemClock;
use crate::app::settle::settle;
use crate::config::secret;
use crate::config::{Config, GitHubAuth, QueueAddress as ConfiguredQueue};
use crate::domain::clock::{Clock, Timestamp};
use crate::flow::audit::{self, Told};
use crate::flow::auto_deploy;
use crate::flow::catch_up;
use crate::flow::drift;
use crate::flow::engine::{Engine, Lease, Process};
use crate::flow::repositories;
use crate::flow::traces::Traces;
use crate::flow::turns::Turns;
use crate::github::{Credentials, GitHub};
use crate::notify::slack::api::SlackResponder;
use crate::provider::launch::Launcher;
use crate::provider::versions::Versions;
use crate::provider::{processes, worker};
use crate::queue::Queue;
use crate::queue::address::{QueueAddress, WorkerName};
use crate::queue::findings::Severity;
use crate::queue::options::QueueOptions;
use crate::store::error::StoreError;
use crate::store::{Store, disk};

/// A file may have been copied from where clocks show another zone.
const EARLY: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// An engine, and what is to be said about it.
#[derive(Debug)]
pub struct Started {
    /// The stages.
    pub engine: Engine,
    /// What is not set up, one sentence each with the remedy.
    pub missing: Vec<String>,
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
    refuse_unsafe_lease(lease)?;
    refuse_early_clock(surroundings)?;
    let settings = settle(config, surroundings, None)?;
    let config = &settings.config;
    disk::check(&config.store, config.ephemeral)?;
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
    let process = Process {
        store,
        queue,
        slack_responder: SlackResponder::new()?,
        clock,
        launcher: Launcher {
            program: surroundings.program.clone(),
        },
        versions: Versions::default(),
        worker: worker::name(&host()),
        lease,
        preparing: Arc::default(),
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
        swept: watch::Sender::new(0),
        audit_told: Told::default(),
        traces: Traces::default(),
        turns: Turns::default(),
        watched: Mutex::default(),
    };
    let (missing, unfit) = (settings.missing.clone(), settings.unfit.clone());
    let engine = Engine::new(settings.parts(Arc::new(process)));
    audit::configured(&engine).await?;
    follow(&engine).await?;
    repositories::call_by_present_names(&engine).await?;
    Ok(Started { engine, missing, unfit })
}

/// Writes down what is looked at without being asked for, and makes all of it due.
pub(crate) async fn follow(engine: &Engine) -> Result<(), StoreError> {
    auto_deploy::follow(engine).await?;
    catch_up::follow(engine).await?;
    drift::follow(engine).await
}

/// A claim that lapses although its worker lives lets others take its runs over.
fn refuse_unsafe_lease(lease: Lease) -> anyhow::Result<()> {
    let (length, renewal) = (lease.length.as_millis(), lease.renewal.as_millis());
    anyhow::ensure!(
        length >= 3 * renewal && renewal > 0,
        "a claim is good for {length} ms and renewed every {renewal} ms; expected to be good for three times as long at least, so \
         that two renewals may fail"
    );
    Ok(())
}

/// Leases, tokens and time-outs are told by the clock; one that is behind its own program is wrong for certain.
fn refuse_early_clock(surroundings: &Surroundings) -> anyhow::Result<()> {
    let written = std::fs::metadata(&surroundings.program).and_then(|file| file.modified());
    let Ok(written) = written.map(Timestamp::from) else {
        return Ok(());
    };
    let now = surroundings.clock.now();
    let shown = |at: Timestamp| at.format("%Y-%m-%d %H:%M UTC").to_string();
    anyhow::ensure!(
        now + EARLY >= written,
        "the clock says {}, but this program's file is from {}; set the clock: claims, tokens and time-outs depend on it",
        shown(now),
        shown(written)
    );
    Ok(())
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

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
