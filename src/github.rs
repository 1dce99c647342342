//! The only room that knows octocrab: calls to GitHub, over HTTP, with our own error type and no retries of its own.
//!
//! octocrab authenticates and speaks TLS. Requests are sent raw, because its typed calls hide the headers that say how
//! long to wait, and a retried POST would create a second deployment; the outbox retries instead.

pub mod apps;
pub mod branches;
pub mod call;
pub mod commits;
pub mod contexts;
pub mod deployments;
pub mod examine;
pub mod hooks;
mod jwt;
pub mod listing;
pub mod manifest;

pub mod needs;
pub mod page;
pub mod pulls;
mod send;
pub mod statuses;
mod tokens;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use octocrab::Octocrab;
use secrecy::SecretString;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::github::call::CallError;
use crate::github::jwt::Signer;
use crate::github::needs::Purpose;
use crate::github::tokens::{Key, Reach, Tokens};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

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

/// A client of one GitHub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// Without credentials: each call brings its own.
    client: Octocrab,
    identity: Arc<Identity>,
    tokens: Arc<Tokens>,
    /// Until when GitHub asked the owner of a token not to call; `None` is the one token there is, or the App itself.
    silent_until: Arc<Mutex<HashMap<Option<InstallationId>, Timestamp>>>,
    /// Without a slash at its end.
    api_url: String,
    /// Our own App's name, once GitHub has said it.
    slug: Arc<Mutex<Option<String>>>,
    /// The name that our own statuses carry, once GitHub has said it.
    login: Arc<Mutex<Option<String>>>,
    clock: Arc<dyn Clock>,
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
        Ok(Self {
            client: send::client(&api_url, authorities).map_err(failed)?,
            identity: Arc::new(identity),
            tokens: Arc::default(),
            silent_until: Arc::default(),
            slug: Arc::default(),
            login: Arc::default(),
            api_url,
            clock,
            ahead: Arc::default(),
        })
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
            .silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&self.caller(installation))
            .copied();
        match until.map(|until| (until - self.clock.now()).to_std()) {
            Some(Ok(wait)) if !wait.is_zero() => Err(CallError::RateLimited { wait }),
            Some(_) | None => Ok(()),
        }
    }

    fn note_silence(&self, installation: Option<InstallationId>, wait: Duration) {
        let until = self.clock.now() + wait;
        let mut silent = self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = silent.entry(self.caller(installation)).or_insert(until);
        *noted = until.max(*noted);
    }
}
