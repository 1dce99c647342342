//! What handlers work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRef;
use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::flow::engine::Engine;
use crate::flow::set_up::SetUp;
use crate::http::api::standing::Standing;
use crate::http::follow::Follows;
use crate::http::sign_in;

/// Who follows a log at once, and may stay for hours. Each costs a connection and what waits for it there; those of one run share
/// all looks.
const FOLLOWERS: usize = 2048;

/// A delivery that waits longer is refused: `src/store/inbox.rs`.
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
    /// What is left of the places for those who follow a log.
    pub followers: Arc<Semaphore>,
    /// The logs that are followed.
    pub follows: Arc<Follows>,
    /// Says that the server is about to end: no new work.
    pub draining: CancellationToken,
    /// Where runs keep their logs.
    pub data_dir: PathBuf,
    /// The set-up that is offered as long as there are no credentials.
    pub set_up: Option<Arc<SetUp>>,
    /// What signing in keeps in memory.
    pub sign_in: sign_in::Standing,
    /// What the API keeps in memory.
    pub api: Standing,
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
    pub fn new(engine: Engine, draining: CancellationToken) -> Self {
        let doors = engine.doors.clone();
        Self {
            webhook_secrets: doors.webhook_secrets,
            chat_token: doors.chat_token,
            slack_signing: doors.slack_signing,
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            follows: Arc::default(),
            draining,
            data_dir: engine.config.data_dir.clone(),
            set_up: doors.set_up,
            sign_in: sign_in::Standing::default(),
            api: Standing::default(),
            probed: Arc::default(),
            engine,
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

    /// The same server with its newest configuration.
    fn current(&self) -> Self {
        let engine = self.engine.current();
        let doors = engine.doors.clone();
        Self {
            webhook_secrets: doors.webhook_secrets,
            chat_token: doors.chat_token,
            slack_signing: doors.slack_signing,
            set_up: doors.set_up,
            engine,
            ..self.clone()
        }
    }
}

/// What the routes keep: every request gets a [`Surface`] of the configuration that holds when it comes, and ends with it.
#[derive(Debug, Clone)]
pub struct Live(pub Surface);

impl FromRef<Live> for Surface {
    fn from_ref(live: &Live) -> Self {
        live.0.current()
    }
}

impl FromRef<Live> for Option<Arc<SetUp>> {
    fn from_ref(live: &Live) -> Self {
        live.0.engine.current().doors.set_up.clone()
    }
}
