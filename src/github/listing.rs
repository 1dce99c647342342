//! Deployments as GitHub lists them, whole, and what is shown about each: for those that nobody delivered.
//! <https://docs.github.com/en/rest/deployments/deployments#list-deployments>

use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, InstallationId};
use crate::domain::names::RepositoryName;
use crate::github::call::CallError;
use crate::github::deployments::Repository;
use crate::github::page::{News, Speaker};
use crate::github::{GitHub, Identity};

/// So many make a page.
pub const PAGE: usize = 100;
/// The newest status decides, and a success is found although another deployment has ended it since.
const STATUSES: usize = 30;

/// A deployment of a repository, with GitHub's own words.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedDeployment {
    /// GitHub's number.
    pub id: DeploymentId,
    /// Where to.
    pub environment: String,
    /// What is to be done.
    pub task: String,
    /// Login of the person or App that made it.
    pub creator: Option<String>,
    /// Slug of the App through which it was made.
    pub app_slug: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// GitHub's record, untouched.
    pub record: Value,
}

/// A status that GitHub shows, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatus {
    /// GitHub's word.
    pub state: String,
    /// Login of whoever said it.
    pub creator: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Fields {
    id: u64,
    environment: String,
    task: String,
    creator: Option<Login>,
    performed_via_github_app: Option<Slug>,
    created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct StatusFields {
    state: String,
    creator: Option<Login>,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Slug {
    slug: String,
}

#[derive(Debug, Deserialize)]
struct Branch {
    name: String,
    commit: Commit,
}

#[derive(Debug, Deserialize)]
struct Commit {
    sha: String,
}

impl GitHub {
    /// What GitHub says of a repository, unless it is what `etag` names.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn repository_news(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        etag: Option<&str>,
    ) -> Result<News<Repository>, CallError> {
        let path = format!("/repos/{repository}");
        self.news(Speaker::Installation(installation), &path, etag).await
    }

    /// A page of all deployments of a repository, the newest first, unless the page is what `etag` names. Pages count from 1.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn deployments_page(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        page: usize,
        etag: Option<&str>,
    ) -> Result<News<Vec<ListedDeployment>>, CallError> {
        let path = format!("/repos/{repository}/deployments?per_page={PAGE}&page={page}");
        let news = self.news(Speaker::Installation(installation), &path, etag).await?;
        let News::Changed { value, etag, next } = news else {
            return Ok(News::Unchanged);
        };
        let records: Vec<Value> = value;
        let value = records.into_iter().map(listed).collect::<Result<_, CallError>>()?;
        Ok(News::Changed { value, etag, next })
    }

    /// The newest statuses of a deployment, the newest first.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn signed_statuses(
        &self,
        installation: Option<InstallationId>,
        repository: &str,
        deployment: DeploymentId,
    ) -> Result<Vec<SignedStatus>, CallError> {
        let path = format!("/repos/{repository}/deployments/{deployment}/statuses?per_page={STATUSES}");
        let found: Vec<StatusFields> = self.get(installation, &path).await?;
        let signed = found.into_iter().map(|one| SignedStatus {
            state: one.state,
            creator: one.creator.map(|creator| creator.login),
        });
        Ok(signed.collect())
    }

    /// The commit that a branch is at, unless it is where it was when the answer was called `etag`. A branch that is not
    /// there, or is called something else now, is nowhere.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn branch_news(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<News<Option<String>>, CallError> {
        let path = format!("/repos/{repository}/branches/{}", crate::github::call::encoded(branch));
        let gone = News::Changed {
            value: None,
            etag: None,
            next: None,
        };
        match self
            .news::<Branch>(Speaker::Installation(installation), &path, etag)
            .await
        {
            Ok(News::Unchanged) => Ok(News::Unchanged),
            Ok(News::Changed { value, etag, next }) if value.name == branch => Ok(News::Changed {
                value: Some(value.commit.sha),
                etag,
                next,
            }),
            Ok(News::Changed { .. }) | Err(CallError::Refused { status: 404, .. }) => Ok(gone),
            Err(error) => Err(error),
        }
    }

    /// The login that our own statuses carry; `None` where GitHub does not tell a token whose it is.
    ///
    /// # Errors
    ///
    /// When GitHub could not be asked.
    pub async fn own_login(&self) -> Result<Option<String>, CallError> {
        if let Some(slug) = self.own_slug().await? {
            return Ok(Some(format!("{slug}[bot]")));
        }
        if !matches!(&*self.identity, Identity::Token(_)) {
            return Ok(None);
        }
        let known = self.login.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return Ok(known);
        }
        let myself: Login = match self.get(None, "/user").await {
            Ok(myself) => myself,
            Err(CallError::Refused { status: 403 | 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(myself.login.clone());
        Ok(Some(myself.login))
    }

    /// Whether there is anybody to ask as.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        !matches!(&*self.identity, Identity::None)
    }
}

fn listed(record: Value) -> Result<ListedDeployment, CallError> {
    let fields = Fields::deserialize(&record).map_err(|error| CallError::Garbled {
        status: 200,
        detail: crate::domain::names::shown(&error.to_string()),
    })?;
    Ok(ListedDeployment {
        id: DeploymentId(fields.id),
        environment: fields.environment,
        task: fields.task,
        creator: fields.creator.map(|creator| creator.login),
        app_slug: fields.performed_via_github_app.map(|app| app.slug),
        created_at: fields.created_at,
        record,
    })
}
