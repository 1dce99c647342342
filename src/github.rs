//! The only room that knows octocrab: calls to GitHub, over HTTP, with our own error type and no retries of its own.
//!
//! octocrab authenticates and speaks TLS. Requests are sent raw, because its typed calls hide the headers that say how
//! long to wait, and a retried POST would create a second deployment; the outbox retries instead.

pub mod apps;
pub mod branches;
pub mod call;
pub mod comments;
pub mod commits;
pub mod contexts;
pub mod deployments;
pub mod examine;
pub mod hooks;
mod jwt;
pub mod listing;
pub mod manifest;
mod names;

pub mod needs;
pub mod page;
mod permissions;
pub mod places;
pub mod protection;
pub mod pulls;
mod send;
pub mod sign_in;
pub mod statuses;
pub mod teams;
mod tokens;
mod users;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use octocrab::Octocrab;
use secrecy::SecretString;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::github::call::{Asked, CallError};
use crate::github::jwt::Signer;
use crate::github::needs::Purpose;
use crate::github::places::Places;
use crate::github::teams::Memberships;
use crate::github::tokens::{Key, Reach, Tokens};

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

/// The credentials or certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the GitHub client for `{api_url}`")]
pub struct SetupError {
    api_url: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Who proves to be whom.
#[derive(Debug)]
enum Identity {
    None,
    Token(SecretString),
    App(Signer),
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
    /// Without credentials: each call brings its own.
    client: Octocrab,
    /// The same below octocrab, for what is no call of the API.
    http: reqwest::Client,
    identity: Arc<Identity>,
    tokens: Arc<Tokens>,
    /// Whom GitHub asked not to call; `None` is the one token there is, or the App itself.
    silences: Arc<Mutex<HashMap<Option<InstallationId>, Silence>>>,
    answer_timeout: Duration,
    /// Without a slash at its end.
    api_url: String,
    /// What repositories are called now, by their configured names in lower case.
    names: Arc<Mutex<HashMap<String, String>>>,
    /// Our own App's name, once GitHub has said it.
    slug: Arc<Mutex<Option<String>>>,
    /// The name that our own statuses carry, once GitHub has said it.
    login: Arc<Mutex<Option<String>>>,
    memberships: Arc<Memberships>,
    clock: Arc<dyn Clock>,
    /// Where places are taken for deployments.
    places: Option<Places>,
    /// By how many seconds GitHub's clock is ahead of ours, once it has refused us for that.
    ahead: Arc<AtomicI64>,
}

impl GitHub {
    /// A client of the API at `api_url`, which believes the system's certificates and those of `authorities`, in PEM.
    ///
    /// # Errors
    ///
    /// When the URL, the App's key or the certificates cannot be read.
    pub fn new(
        api_url: &str,
        credentials: &Credentials,
        authorities: Option<&[u8]>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let api_url = api_url.trim_end_matches('/').to_owned();
        let failed = |source| SetupError {
            api_url: api_url.clone(),
            source,
        };
        let identity = match credentials {
            Credentials::None => Identity::None,
            Credentials::Token(token) => Identity::Token(token.clone()),
            Credentials::App { id, private_key } => {
                Identity::App(Signer::new(*id, private_key).map_err(|error| failed(error.into()))?)
            }
        };
        let (client, http) = send::client(&api_url, authorities).map_err(failed)?;
        Ok(Self {
            client,
            http,
            identity: Arc::new(identity),
            tokens: Arc::default(),
            names: Arc::default(),
            silences: Arc::default(),
            answer_timeout: ANSWER_TIMEOUT,
            slug: Arc::default(),
            login: Arc::default(),
            memberships: Arc::default(),
            api_url,
            clock,
            places: None,
            ahead: Arc::default(),
        })
    }

    /// The same, but it waits so long for each answer.
    #[must_use]
    pub fn waiting(self, answer_timeout: Duration) -> Self {
        Self { answer_timeout, ..self }
    }

    /// Whether Chima acts as an App here.
    #[must_use]
    pub fn is_app(&self) -> bool {
        matches!(&*self.identity, Identity::App(_))
    }

    /// A token with which git may fetch the repository over https and nothing else; `others` of the installation's too, where
    /// submodules need them.
    ///
    /// # Errors
    ///
    /// When GitHub hands out none.
    pub async fn git_token(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        others: bool,
    ) -> Result<Option<SecretString>, CallError> {
        match &*self.identity {
            Identity::None => Ok(None),
            Identity::Token(token) => Ok(Some(token.clone())),
            Identity::App(_) => {
                let reach = if others {
                    Reach::All
                } else {
                    Reach::of_path(&format!("/repos/{repository}"))
                };
                let key = Key {
                    installation: installation.ok_or(CallError::NoInstallation)?,
                    reach,
                    purpose: Purpose::Fetch,
                };
                Ok(Some(self.token(&key).await?.value))
            }
        }
    }

    /// The time as GitHub has it.
    fn githubs_now(&self) -> Timestamp {
        self.clock.now() + TimeDelta::seconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Whose limits a call counts against.
    fn caller(&self, installation: Option<InstallationId>) -> Option<InstallationId> {
        installation.filter(|_| self.is_app())
    }

    /// GitHub bans those who go on calling while they were asked to wait: such a call is refused before it leaves.
    fn keep_silence(&self, installation: Option<InstallationId>) -> Result<(), CallError> {
        let until = self
            .silences()
            .get(&self.caller(installation))
            .map(|silence| silence.until);
        match until.map(|until| (until - self.clock.now()).to_std()) {
            Some(Ok(wait)) if !wait.is_zero() => Err(CallError::RateLimited { wait }),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps a wait. One that GitHub did not name doubles each time in a row: it asks for that.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>
    fn note_silence(&self, installation: Option<InstallationId>, asked: Asked) -> Duration {
        let now = self.clock.now();
        let mut silences = self.silences();
        let silence = silences
            .entry(self.caller(installation))
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
    fn note_answer(&self, installation: Option<InstallationId>) {
        if let Some(silence) = self.silences().get_mut(&self.caller(installation)) {
            silence.unnamed = 0;
        }
    }

    fn silences(&self) -> MutexGuard<'_, HashMap<Option<InstallationId>, Silence>> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
