//! What handlers work with.

use std::path::PathBuf;
use std::sync::Arc;

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
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            draining,
            data_dir,
            set_up: None,
        }
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
