//! What a GitHub App can find out about itself. <https://docs.github.com/en/rest/apps/apps>

use std::sync::PoisonError;

use serde::Deserialize;

use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::github::GitHub;
use crate::github::call::CallError;

#[derive(Debug, Deserialize)]
struct Myself {
    slug: String,
}

#[derive(Debug, Deserialize)]
struct Installation {
    id: u64,
}

impl GitHub {
    /// The name under which deployments of our own App are made; `None` where there is no App. Asked for once.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn own_slug(&self) -> Result<Option<String>, CallError> {
        if !self.is_app() {
            return Ok(None);
        }
        let known = self.slug.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return Ok(known);
        }
        let myself: Myself = self.get_as_app("/app").await?;
        *self.slug.lock().unwrap_or_else(PoisonError::into_inner) = Some(myself.slug.clone());
        Ok(Some(myself.slug))
    }

    /// The installation that may speak for a repository; `None` where there is no App, and one token speaks for all.
    ///
    /// # Errors
    ///
    /// When GitHub does not say, or the App is not installed there (404).
    pub async fn installation_of(&self, repository: &RepositoryName) -> Result<Option<InstallationId>, CallError> {
        if !self.is_app() {
            return Ok(None);
        }
        let found: Installation = self.get_as_app(&format!("/repos/{repository}/installation")).await?;
        Ok(Some(InstallationId(found.id)))
    }
}
