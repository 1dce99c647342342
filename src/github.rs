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
pub mod hooks;
pub mod listing;
pub mod page;
pub mod pulls;
pub mod statuses;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId as OctocrabInstallationId};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::ids::InstallationId;
use crate::github::call::CallError;

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

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the GitHub client for `{api_url}`: {source}")]
pub struct SetupError {
    api_url: String,
    #[source]
    source: Box<octocrab::Error>,
}

/// A client of one GitHub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GitHub {
    client: Arc<Octocrab>,
    credentials: Arc<Credentials>,
    /// Shared and never cloned: a clone of octocrab's has a token of its own, and asks for it.
    installations: Arc<Mutex<HashMap<InstallationId, Arc<Octocrab>>>>,
    /// Until when GitHub asked the owner of a token not to call; `None` is the one token there is.
    silent_until: Arc<Mutex<HashMap<Option<InstallationId>, Timestamp>>>,
    /// Without a slash at its end.
    api_url: String,
    /// Our own App's name, once GitHub has said it.
    slug: Arc<Mutex<Option<String>>>,
    /// The name that our own statuses carry, once GitHub has said it.
    login: Arc<Mutex<Option<String>>>,
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
            client: Arc::new(builder.build().map_err(failed)?),
            credentials: Arc::new(credentials),
            installations: Arc::default(),
            silent_until: Arc::default(),
            slug: Arc::default(),
            login: Arc::default(),
            api_url: api_url.trim_end_matches('/').to_owned(),
            clock,
        })
    }

    /// A token with which git may read the installation's repositories over https; octocrab keeps it as long as it is good.
    ///
    /// # Errors
    ///
    /// When GitHub hands out none.
    pub async fn git_token(&self, installation: Option<InstallationId>) -> Result<Option<SecretString>, CallError> {
        match &*self.credentials {
            Credentials::None => Ok(None),
            Credentials::Token(token) => Ok(Some(token.clone())),
            Credentials::App { .. } => {
                let client = self.client_for(installation)?;
                let asked = tokio::time::timeout(ANSWER_TIMEOUT, client.installation_token()).await;
                let token = asked.map_err(|_| CallError::Unreachable {
                    detail: format!("nothing within {} s", ANSWER_TIMEOUT.as_secs()),
                })?;
                token.map(Some).map_err(|error| call::refused_early(&error))
            }
        }
    }

    /// Whose limits a call counts against.
    fn caller(&self, installation: Option<InstallationId>) -> Option<InstallationId> {
        match &*self.credentials {
            Credentials::App { .. } => installation,
            Credentials::None | Credentials::Token(_) => None,
        }
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

    /// The client that may speak for an installation: the App's own token for it, or the one token there is.
    fn client_for(&self, installation: Option<InstallationId>) -> Result<Arc<Octocrab>, CallError> {
        match (&*self.credentials, installation) {
            (Credentials::None, _) => Err(CallError::NotSetUp),
            (Credentials::Token(_), _) => Ok(Arc::clone(&self.client)),
            (Credentials::App { .. }, None) => Err(CallError::NoInstallation),
            (Credentials::App { .. }, Some(id)) => {
                let mut installations = self.installations.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(client) = installations.get(&id) {
                    return Ok(Arc::clone(client));
                }
                let client = self.client.installation(OctocrabInstallationId(id.0));
                let client = Arc::new(client.map_err(|error| CallError::Unreachable {
                    detail: call::chain(&error),
                })?);
                installations.insert(id, Arc::clone(&client));
                Ok(client)
            }
        }
    }
}
