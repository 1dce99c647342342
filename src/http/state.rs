//! What handlers work with.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::FromRef;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::flow::engine::Engine;
use crate::flow::set_up::SetUp;

/// Logs followed at once: each asks the ledger twice a second, and may stay for hours.
const FOLLOWERS: usize = 256;

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
    /// Says that the server is about to end: no new work.
    pub draining: CancellationToken,
    /// Where runs keep their logs.
    pub data_dir: PathBuf,
    /// The set-up that is offered as long as there are no credentials.
    pub set_up: Option<Arc<SetUp>>,
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
            draining,
            data_dir: engine.config.data_dir.clone(),
            set_up: doors.set_up,
            engine,
        }
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
