//! What `chima doctor` asks GitHub about itself and about us. Answers are read as they are; what they mean is the doctor's.
//! <https://docs.github.com/en/rest/apps/apps>, <https://docs.github.com/en/rest/apps/webhooks>

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::Purpose;
use crate::github::send::Request;

/// So many deliveries are looked at.
pub const DELIVERIES: usize = 50;

/// The App, as its owner has made it.
#[derive(Debug, Clone, Deserialize)]
pub struct AppFound {
    /// Its name in addresses.
    pub slug: String,
    /// Whose it is.
    #[serde(default)]
    owner: Option<Owner>,
    /// What it asks for, by GitHub's names and words.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// What it subscribes to.
    #[serde(default)]
    pub events: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Owner {
    #[serde(default)]
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl AppFound {
    /// The path of its settings, below GitHub's address.
    #[must_use]
    pub fn settings(&self) -> String {
        let slug = encoded(&self.slug);
        match &self.owner {
            Some(owner) if owner.kind == "Organization" => {
                format!("organizations/{}/settings/apps/{slug}", encoded(&owner.login))
            }
            Some(_) | None => format!("settings/apps/{slug}"),
        }
    }
}

/// Whose token it is.
#[derive(Debug, Clone, Deserialize)]
pub struct OwnerFound {
    /// Their name.
    pub login: String,
    /// The scopes of a classic token; `None` for one that has permissions instead.
    #[serde(skip)]
    pub scopes: Option<Vec<String>>,
}

/// Who we are to GitHub.
#[derive(Debug, Clone)]
pub enum Myself {
    /// An App.
    App(AppFound),
    /// The owner of a token.
    Owner(OwnerFound),
}

/// The App's webhook.
#[derive(Debug, Clone, Deserialize)]
pub struct HookFound {
    /// Where to.
    #[serde(default)]
    pub url: String,
    /// `json` or `form`.
    #[serde(default)]
    pub content_type: String,
    /// `1` where any certificate will do. A number or a text.
    #[serde(default)]
    insecure_ssl: serde_json::Value,
    /// Not the secret itself: only whether there is one.
    #[serde(default)]
    secret: Option<String>,
}

impl HookFound {
    /// Whether GitHub posts to whoever has that address, certificate or not.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.insecure_ssl == "1" || self.insecure_ssl == 1
    }

    /// Whether deliveries are signed.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.secret.as_deref().is_some_and(|secret| !secret.is_empty())
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, Deserialize)]
pub struct AttemptFound {
    /// `OK`, or GitHub's words for what happened.
    #[serde(default)]
    pub status: String,
    /// Ours; 0 where there was no answer.
    #[serde(default)]
    pub status_code: u16,
}

impl AttemptFound {
    /// Whether it arrived.
    #[must_use]
    pub fn arrived(&self) -> bool {
        (200..400).contains(&self.status_code)
    }
}

/// The App's installation on a repository.
#[derive(Debug, Clone, Deserialize)]
pub struct InstallationFound {
    /// GitHub's number.
    pub id: u64,
    /// Set while its owner has put it aside.
    #[serde(default)]
    pub suspended_at: Option<String>,
    /// What its owner has agreed to.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
}

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub struct RepositoryFound {
    /// Its present name.
    pub full_name: RepositoryName,
    /// Whether it is read only.
    #[serde(default)]
    pub archived: bool,
    /// What the owner of the token may do there; nothing is said to Apps.
    #[serde(default)]
    pub permissions: Option<Rights>,
}

/// What a person may do in a repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Rights {
    /// To change it, which also takes statuses of deployments.
    #[serde(default)]
    pub push: bool,
}

impl GitHub {
    /// Who we are, and by how much GitHub's clock is ahead of ours.
    ///
    /// # Errors
    ///
    /// When GitHub does not take the credentials, or does not answer.
    pub async fn myself(&self) -> Result<(Myself, Option<TimeDelta>), CallError> {
        let path = if self.is_app() { "/app" } else { "/user" };
        let answer = self.send_as_app(&Request::get(path)).await?;
        let skew = self.skew(&answer.headers);
        if self.is_app() {
            return Ok((Myself::App(answer.read()?), skew));
        }
        let mut owner: OwnerFound = answer.read()?;
        let scopes = answer
            .headers
            .get("x-oauth-scopes")
            .and_then(|value| value.to_str().ok());
        owner.scopes = scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
        Ok((Myself::Owner(owner), skew))
    }

    /// The settings of the App's webhook.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn hook_settings(&self) -> Result<HookFound, CallError> {
        self.get_as_app("/app/hook/config").await
    }

    /// The newest attempts to deliver to us.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn newest_attempts(&self) -> Result<Vec<AttemptFound>, CallError> {
        self.get_as_app(&format!("/app/hook/deliveries?per_page={DELIVERIES}"))
            .await
    }

    /// The App's installation on a repository.
    ///
    /// # Errors
    ///
    /// When there is none (404), or GitHub does not say.
    pub async fn installation_found(&self, repository: &RepositoryName) -> Result<InstallationFound, CallError> {
        self.get_as_app(&format!("/repos/{repository}/installation")).await
    }

    /// A repository, as we see it.
    ///
    /// # Errors
    ///
    /// When we do not see it (404), or GitHub does not say.
    pub async fn repository_found(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
    ) -> Result<RepositoryFound, CallError> {
        let path = format!("/repos/{repository}");
        let answer = self.send(installation, &Request::get(&path), Purpose::Identify).await?;
        answer.read()
    }
}
