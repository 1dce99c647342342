//! What every stage works with, put together by `app`: what lasts as long as the process, and what the configuration makes of it.
//!
//! An [`Engine`] is one configuration, whole. Whoever begins something asks for the [`Engine::current`] one and keeps it to the
//! end, so that no piece of work ever sees half of a new one.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Notify, RwLock, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::ids::RunId;
use crate::domain::pace::Pace;
use crate::flow::announce::{Voice, run_url};
use crate::flow::audit::Told;
use crate::flow::command::Desk;
use crate::flow::notices::Recipients;
use crate::flow::set_up::SetUp;
use crate::flow::sign_in::Door;
use crate::flow::traces::Traces;
use crate::flow::turns::Turns;
use crate::github::GitHub;
use crate::notify::otlp::Collector;
use crate::notify::slack::SlackWebhook;
use crate::notify::slack::api::{SlackApi, SlackResponder};
use crate::provider::attempt;
use crate::provider::checkout::Checkouts;
use crate::provider::launch::Launcher;
use crate::provider::manifest::catalogue::Catalogue;
use crate::provider::versions::Versions;
use crate::provider::worker::is_dead;
use crate::queue::Queue;
use crate::store::Store;
use crate::store::claimants::Claims;
use crate::store::error::StoreError;
use crate::store::outbox::{Kind, Line};

/// How long a claim is good, and how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Without renewal. A worker that is paused for longer loses its runs.
    pub length: Duration,
    /// How often it is renewed: often enough that two lost renewals do not lose the claim.
    pub renewal: Duration,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            length: Duration::from_secs(30),
            renewal: Duration::from_secs(8),
        }
    }
}

/// A run that took its worker down this often is given up.
pub const MAX_ATTEMPTS: u32 = 3;

/// Everything the stages need, as one configuration has it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Parts>,
    newest: Arc<watch::Sender<Arc<Parts>>>,
}

/// The parts of an [`Engine`] that a configuration decides on.
#[derive(Debug)]
pub struct Parts {
    /// What the configuration means.
    pub config: Config,
    /// GitHub.
    pub github: GitHub,
    /// Slack, where it is set up.
    pub slack: Option<SlackWebhook>,
    /// Who else is told, as far as they can be reached.
    pub recipients: Recipients,
    /// Slack's bot, where it has a token.
    pub slack_bot: Option<SlackApi>,
    /// Slack's app, where it has a token: it opens sockets.
    pub slack_app: Option<SlackApi>,
    /// Who is told of traces, where they can be reached.
    pub collector: Option<Collector>,
    /// What others show when they come to us.
    pub doors: Doors,
    /// Makes checkouts.
    pub checkouts: Checkouts,
    /// What can be run.
    pub manifests: Catalogue,
    /// Values that must not be seen in any log, beside the secrets of a run itself.
    pub secrets: Vec<(String, SecretString)>,
    /// Limits statuses to GitHub.
    pub pace: Pace,
    /// Limits how fast GitHub is asked to deliver again.
    pub redeliveries: Pace,
    /// Limits messages to Slack.
    pub chat_pace: Pace,
    /// What no configuration changes.
    pub process: Arc<Process>,
}

/// What others show when they come to us.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Secrets a delivery may be signed with; none means "not set up".
    pub webhook_secrets: Arc<[SecretString]>,
    /// What a bot shows at the chat bridge; none means "not set up".
    pub chat_token: Option<Arc<SecretString>>,
    /// What Slack signs its requests with; none means "not set up".
    pub slack_signing: Option<Arc<SecretString>>,
    /// How people sign in to the pages; none means "not set up".
    pub sign_in: Option<Arc<Door>>,
    /// The set-up that is offered as long as there are no credentials.
    pub set_up: Option<Arc<SetUp>>,
}

/// The parts of every [`Engine`] of a process.
#[derive(Debug)]
pub struct Process {
    /// The ledger.
    pub store: Store,
    /// The doorbell.
    pub queue: Queue,
    /// Answers at the addresses that Slack names.
    pub slack_responder: SlackResponder,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Starts runners.
    pub launcher: Launcher,
    /// Versions of the programs it is run with.
    pub versions: Versions,
    /// This process, as claims name it.
    pub worker: String,
    /// How long its claims are good.
    pub lease: Lease,
    /// Shared by preparations; held alone by that of a run that has taken its worker down before, so that it takes nobody with it.
    pub preparing: Arc<RwLock<()>>,
    /// Where background work is counted.
    pub tasks: TaskTracker,
    /// Says that this process is to end.
    pub stop: CancellationToken,
    /// Rung when a delivery was stored.
    pub deliveries: Notify,
    /// Rung when something was put into the outbox.
    pub outbox: Notify,
    /// Rung when held runs may be due.
    pub rechecks: Notify,
    /// Rung when environments that are deployed without being asked for may be due.
    pub auto_deploys: Notify,
    /// Rung when jobs of GitHub Actions may be due an answer.
    pub protections: Notify,
    /// Rung when somebody asked for something in a comment.
    pub comments: Notify,
    /// Rung when somebody said something in Slack.
    pub slack_asks: Notify,
    /// Rung when the next sweep should not wait.
    pub sweeps: Notify,
    /// How many sweeps have come to their end, well or not.
    pub swept: watch::Sender<u64>,
    /// What this process has said about the audit log.
    pub audit_told: Told,
    /// What this process tells of deployments, where somebody collects traces.
    pub traces: Traces,
    /// How far the passes have come that look at a part at a time.
    pub turns: Turns,
    /// Runs this process watches, and how whoever prepares one hears that somebody wants it to stop.
    pub watched: Mutex<HashMap<RunId, CancellationToken>>,
}

impl Deref for Engine {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.inner
    }
}

impl Deref for Parts {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Engine {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let inner = Arc::new(parts);
        let newest = Arc::new(watch::Sender::new(Arc::clone(&inner)));
        Self { inner, newest }
    }

    /// The engine of the newest configuration: for whoever begins something.
    #[must_use]
    pub fn current(&self) -> Self {
        Self {
            inner: Arc::clone(&self.newest.borrow()),
            newest: Arc::clone(&self.newest),
        }
    }

    /// An engine of another configuration for the same process. Nobody works with it before it [takes over](Self::take_over).
    #[must_use]
    pub fn with(&self, parts: Parts) -> Self {
        Self {
            inner: Arc::new(parts),
            newest: Arc::clone(&self.newest),
        }
    }

    /// From here on this is the current one.
    pub fn take_over(&self) {
        self.newest.send_replace(Arc::clone(&self.inner));
    }

    /// Until the current engine is as asked for.
    pub async fn until(&self, mut is_so: impl FnMut(&Parts) -> bool) {
        // the other end is ours: it cannot be gone
        let _ = self.newest.subscribe().wait_for(|newest| is_so(newest)).await;
    }

    /// Until another configuration has taken over.
    pub async fn superseded(&self) {
        self.until(|newest| !std::ptr::eq(newest, &raw const *self.inner)).await;
    }

    /// How fast things of a line may leave.
    #[must_use]
    pub fn pace_of(&self, line: &Line) -> Pace {
        match line.kind {
            Kind::DeploymentStatus | Kind::ProtectionReport | Kind::Comment => self.pace,
            Kind::SlackWebhook | Kind::SlackApi => self.chat_pace,
            Kind::Notice => self.recipients.pace(line.recipient.as_deref().unwrap_or_default()),
        }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh identifier as text.
    #[must_use]
    pub fn fresh_id(&self) -> String {
        self.clock.fresh_ulid().to_string()
    }

    /// The folder of one attempt at a run.
    #[must_use]
    pub fn attempt_dir(&self, run: RunId, attempt: u32) -> PathBuf {
        attempt::dir(&self.config.data_dir, run, attempt)
    }

    /// Begins to watch a run; `None` when this process does so already. Only watched runs have their claims renewed.
    #[must_use]
    pub fn begin_watching(&self, run: RunId) -> Option<Watching> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.contains_key(&run) {
            return None;
        }
        let to_stop = CancellationToken::new();
        watched.insert(run, to_stop.clone());
        Some(Watching {
            engine: self.clone(),
            run,
            to_stop,
        })
    }

    /// Tells whoever prepares a run in this process that somebody wants it to stop. One that has started hears it otherwise.
    pub fn tell_to_stop(&self, run: RunId) {
        if let Some(to_stop) = self.watched.lock().unwrap_or_else(PoisonError::into_inner).get(&run) {
            to_stop.cancel();
        }
    }

    /// Whether this process watches a run.
    #[must_use]
    pub fn is_watching(&self, run: RunId) -> bool {
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&run)
    }

    /// The runs this process watches.
    #[must_use]
    pub fn watched_runs(&self) -> Vec<RunId> {
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    /// Makes anybody's what processes held that are gone. Returns whether there was any.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used.
    pub async fn release_dead(&self, claims: Claims) -> Result<bool, StoreError> {
        let mut any = false;
        for worker in self.store.claimants(claims).await? {
            if worker != self.worker && is_dead(&worker) {
                self.store.release(claims, &worker).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Where a run's page is.
    #[must_use]
    pub fn run_url(&self, run: RunId) -> String {
        run_url(&self.config, run)
    }

    /// How this process words what it tells.
    #[must_use]
    pub fn voice(&self) -> Voice<'_> {
        Voice {
            config: &self.config,
            clock: self.clock.as_ref(),
            slack: self.slack.is_some(),
        }
    }

    /// Where commands on the ledger are given in this process.
    #[must_use]
    pub fn desk(&self) -> Desk<'_> {
        Desk {
            store: &self.store,
            voice: self.voice(),
        }
    }
}

/// As long as this lives, the run counts as watched: also across a panic, after which its claim lapses.
#[derive(Debug)]
pub struct Watching {
    engine: Engine,
    run: RunId,
    to_stop: CancellationToken,
}

impl Watching {
    /// Until somebody wants the run to stop.
    pub async fn told_to_stop(&self) {
        self.to_stop.cancelled().await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.engine
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.run);
    }
}
