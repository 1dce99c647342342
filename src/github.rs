//! The only room that knows octocrab: calls to GitHub, over HTTP, with our own error type and no retries of its own.
//!
//! octocrab authenticates and speaks TLS. Requests are sent raw, because its typed calls hide the headers that say how
//! long to wait, and a retried POST would create a second deployment; the outbox retries instead.

pub(crate) mod access;
pub mod apps;
pub mod branches;
pub mod call;
pub mod contexts;
pub mod deployments;
mod permissions;
pub mod statuses;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octocrab::Octocrab;
use octocrab::models::AppId;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::ids::InstallationId;
use crate::github::access::{Slot, Speaker};
use crate::github::call::{Asked, CallError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What GitHub asks for when it names no time: at least a minute, and more each time.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);
const LONGEST_UNNAMED_WAIT: Duration = Duration::from_secs(960);

/// As whom Chima calls.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody yet: every call is refused before it leaves.
    None,
    /// A person's or machine user's token.
    Token(SecretString),
    /// A GitHub App with its private key in PEM.
    App {
        /// GitHub's number of the App.
        id: u64,
        /// RSA key.
        private_key: SecretString,
    },
}

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the GitHub client for `{api_url}`: {source}")]
pub struct SetupError {
    api_url: String,
    #[source]
    source: Box<octocrab::Error>,
}

#[derive(Debug)]
struct Silence {
    until: Timestamp,
    /// How often in a row GitHub asked to wait without saying for how long.
    unnamed: u32,
}

/// A client of one GitHub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GitHub {
    client: Octocrab,
    credentials: Arc<Credentials>,
    installations: Arc<Mutex<HashMap<InstallationId, Slot>>>,
    /// Whom GitHub asked not to call; `None` is the one token there is, or the App itself.
    silences: Arc<Mutex<HashMap<Option<InstallationId>, Silence>>>,
    answer_timeout: Duration,
    /// Without a slash at its end.
    api_url: String,
    /// Our own App's name, once GitHub has said it.
    slug: Arc<Mutex<Option<String>>>,
    clock: Arc<dyn Clock>,
}

impl GitHub {
    /// A client of the API at `api_url`.
    ///
    /// # Errors
    ///
    /// When the URL or the App's key cannot be read.
    pub fn new(api_url: &str, credentials: Credentials, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let failed = |source| SetupError {
            api_url: api_url.to_owned(),
            source: Box::new(source),
        };
        let mut builder = Octocrab::builder()
            .base_uri(format!("{}/", api_url.trim_end_matches('/')))
            .map_err(failed)?
            .set_connect_timeout(Some(CONNECT_TIMEOUT))
            .set_read_timeout(Some(ANSWER_TIMEOUT))
            .set_write_timeout(Some(ANSWER_TIMEOUT));
        builder = match &credentials {
            Credentials::None => builder,
            Credentials::Token(token) => builder.personal_token(token.expose_secret().to_owned()),
            Credentials::App { id, private_key } => builder
                .app_from_rsa_pem(AppId(*id), private_key.expose_secret().as_bytes())
                .map_err(failed)?,
        };
        Ok(Self {
            client: builder.build().map_err(failed)?,
            credentials: Arc::new(credentials),
            installations: Arc::default(),
            silences: Arc::default(),
            answer_timeout: ANSWER_TIMEOUT,
            slug: Arc::default(),
            api_url: api_url.trim_end_matches('/').to_owned(),
            clock,
        })
    }

    /// The same, but it waits so long for each answer.
    #[must_use]
    pub fn waiting(self, answer_timeout: Duration) -> Self {
        Self { answer_timeout, ..self }
    }

    /// Whose limits a call counts against.
    fn caller(&self, speaker: Speaker) -> Option<InstallationId> {
        match (&*self.credentials, speaker) {
            (Credentials::App { .. }, Speaker::Installation(installation)) => installation,
            (Credentials::App { .. }, Speaker::App) | (Credentials::None | Credentials::Token(_), _) => None,
        }
    }

    /// GitHub bans those who go on calling while they were asked to wait: such a call is refused before it leaves.
    fn keep_silence(&self, speaker: Speaker) -> Result<(), CallError> {
        let until = self.silences().get(&self.caller(speaker)).map(|silence| silence.until);
        match until.map(|until| (until - self.clock.now()).to_std()) {
            Some(Ok(wait)) if !wait.is_zero() => Err(CallError::RateLimited { wait }),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps a wait. One that GitHub did not name doubles each time in a row: it asks for that.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>
    fn note_silence(&self, speaker: Speaker, asked: Asked) -> Duration {
        let now = self.clock.now();
        let mut silences = self.silences();
        let silence = silences
            .entry(self.caller(speaker))
            .or_insert(Silence { until: now, unnamed: 0 });
        let wait = match asked {
            Asked::Named(wait) => wait,
            Asked::Unnamed => {
                let wait = (UNNAMED_WAIT * 2_u32.pow(silence.unnamed)).min(LONGEST_UNNAMED_WAIT);
                silence.unnamed = (silence.unnamed + 1).min(8);
                wait
            }
        };
        silence.until = silence.until.max(now + wait);
        wait
    }

    /// An answer came that asked for nothing.
    fn note_answer(&self, speaker: Speaker) {
        if let Some(silence) = self.silences().get_mut(&self.caller(speaker)) {
            silence.unnamed = 0;
        }
    }

    fn silences(&self) -> MutexGuard<'_, HashMap<Option<InstallationId>, Silence>> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
