//! As whom a call is made, and the token for it. An installation's token is asked for when it is needed, kept until shortly
//! before it ends, and thrown away when GitHub refuses it: somebody may have revoked it.
//!
//! octocrab could do that too, but it hides the headers of a refusal, so that a wait looked like a denial, and judges by the
//! machine's clock. <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::github::call::{CallError, Question};
use crate::github::{Credentials, GitHub};

/// A clone with a token goes on for minutes, and clocks differ.
const MARGIN: Duration = Duration::from_secs(300);

/// As whom a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The App itself.
    App,
    /// One of its installations, or the owner of the one token there is.
    Installation(Option<InstallationId>),
}

/// A client that may speak, and what it speaks with where that can be had anew.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) client: Octocrab,
    token: Option<SecretString>,
    until: Option<Timestamp>,
}

/// The token of one installation; who waits for it here does not ask for another.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Access>>>;

#[derive(Deserialize)]
struct Issued {
    token: String,
    expires_at: Timestamp,
}

impl GitHub {
    /// A client that may speak for somebody.
    pub(crate) async fn access(&self, speaker: Speaker) -> Result<Access, CallError> {
        let own = Access {
            client: self.client.clone(),
            token: None,
            until: None,
        };
        match (&*self.credentials, speaker) {
            (Credentials::None, _) => Err(CallError::NotSetUp),
            (Credentials::Token(_), _) | (Credentials::App { .. }, Speaker::App) => Ok(own),
            (Credentials::App { .. }, Speaker::Installation(None)) => Err(CallError::NoInstallation),
            (Credentials::App { .. }, Speaker::Installation(Some(id))) => {
                let slot = self.slot(id);
                let mut known = slot.lock().await;
                let now = self.clock.now();
                if let Some(access) = known
                    .as_ref()
                    .filter(|access| access.until.is_none_or(|until| now < until))
                {
                    return Ok(access.clone());
                }
                // boxed: the client's futures are large, and this one is inside of others
                let access = Box::pin(self.issue(id)).await?;
                *known = Some(access.clone());
                Ok(access)
            }
        }
    }

    async fn issue(&self, id: InstallationId) -> Result<Access, CallError> {
        let path = format!("/app/installations/{id}/access_tokens");
        let question = Question::Post(&path, &json!({}));
        let answer = self.whole(Speaker::App, &self.client, &question).await?;
        let issued: Issued = answer.read().map_err(|error| {
            let CallError::Refused { status: 404, message } = error else {
                return error;
            };
            let message = format!("{message}; the App is not installed there any more");
            CallError::Refused { status: 404, message }
        })?;
        let token = SecretString::from(issued.token);
        let client = self
            .client
            .user_access_token(token.clone())
            .map_err(|error| CallError::Unreachable {
                detail: crate::github::call::chain(&error),
            })?;
        Ok(Access {
            client,
            token: Some(token),
            until: Some(issued.expires_at - MARGIN),
        })
    }

    /// Forgets a token that GitHub refused; whether another can be had.
    pub(crate) async fn forget(&self, speaker: Speaker, refused: &Access) -> bool {
        let (Speaker::Installation(Some(id)), Some(token)) = (speaker, &refused.token) else {
            return false;
        };
        let slot = self.slot(id);
        let mut known = slot.lock().await;
        let same = |access: &&Access| {
            let known = access.token.as_ref().map(ExposeSecret::expose_secret);
            known == Some(token.expose_secret())
        };
        if known.as_ref().filter(same).is_some() {
            *known = None;
        }
        true
    }

    /// A token with which git may read the installation's repositories over https.
    ///
    /// # Errors
    ///
    /// When GitHub hands out none.
    pub async fn git_token(&self, installation: Option<InstallationId>) -> Result<Option<SecretString>, CallError> {
        match &*self.credentials {
            Credentials::None => Ok(None),
            Credentials::Token(token) => Ok(Some(token.clone())),
            Credentials::App { .. } => Ok(self.access(Speaker::Installation(installation)).await?.token),
        }
    }

    fn slot(&self, id: InstallationId) -> Slot {
        let mut installations = self.installations.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(installations.entry(id).or_default())
    }
}
