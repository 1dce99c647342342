//! What handlers work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::flow::engine::Engine;
use crate::flow::set_up::SetUp;

/// Bodies in memory at once, all connections together, in KiB.
const BODY_BUDGET_KIB: usize = 96 * 1024;

/// A delivery that waits longer is refused: `src/store/deliveries.rs`.
const PROBE_LIMIT: Duration = Duration::from_secs(8);
const PROBE_AGAIN: Duration = Duration::from_secs(1);

/// Shared by all handlers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surface {
    /// The stages and the ledger.
    pub engine: Engine,
    /// Secrets a delivery may be signed with; none means "not set up".
    pub webhook_secrets: Arc<[SecretString]>,
    /// What a bot shows at the bridge; none means "not set up".
    pub chat_token: Option<Arc<SecretString>>,
    /// What Slack signs its requests with; none means "not set up".
    pub slack_signing: Option<Arc<SecretString>>,
    /// What is left of the memory for bodies, in KiB.
    pub body_budget: Arc<Semaphore>,
    /// Says that the server is about to end: no new work.
    pub draining: CancellationToken,
    /// Where runs keep their logs.
    pub data_dir: PathBuf,
    /// The set-up that is offered as long as there are no credentials.
    pub set_up: Option<Arc<SetUp>>,
    /// The last look whether the ledger takes a write.
    probed: Arc<Mutex<Option<(Instant, Probe)>>>,
}

/// Whether the ledger takes a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Why not.
    pub problem: Option<String>,
    /// How long it took, until it was on the disk.
    pub seconds: f64,
}

impl Surface {
    /// The state of a server.
    #[must_use]
    pub fn new(
        engine: Engine,
        webhook_secrets: Vec<SecretString>,
        chat_token: Option<SecretString>,
        draining: CancellationToken,
    ) -> Self {
        let data_dir = engine.config.data_dir.clone();
        Self {
            engine,
            webhook_secrets: webhook_secrets.into(),
            chat_token: chat_token.map(Arc::new),
            slack_signing: None,
            body_budget: Arc::new(Semaphore::new(BODY_BUDGET_KIB)),
            draining,
            data_dir,
            set_up: None,
            probed: Arc::default(),
        }
    }

    /// Whether a delivery that came now would be stored. Whoever asks within the same second gets the same answer: each look costs
    /// a sync of the disk, and anybody may ask.
    pub async fn probe(&self) -> Probe {
        let mut probed = self.probed.lock().await;
        if let Some((_, probe)) = probed.as_ref().filter(|(at, _)| at.elapsed() < PROBE_AGAIN) {
            return probe.clone();
        }
        let began = Instant::now();
        let problem = match tokio::time::timeout(PROBE_LIMIT, self.engine.store.probe_write()).await {
            Ok(answer) => answer.err().map(|error| error.to_string()),
            Err(_) => Some(format!("the ledger takes no write within {} s", PROBE_LIMIT.as_secs())),
        };
        let probe = Probe {
            problem,
            seconds: began.elapsed().as_secs_f64(),
        };
        *probed = Some((Instant::now(), probe.clone()));
        probe
    }

    /// The same, and hears Slack.
    #[must_use]
    pub fn hearing_slack(self, signing: Option<SecretString>) -> Self {
        Self {
            slack_signing: signing.map(Arc::new),
            ..self
        }
    }

    /// The same, and offers a set-up.
    #[must_use]
    pub fn offering(self, set_up: Option<Arc<SetUp>>) -> Self {
        Self { set_up, ..self }
    }
}
