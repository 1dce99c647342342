//! What a ref stands for, and which commits lie between two.
//! <https://docs.github.com/en/rest/commits/commits>

use serde::Deserialize;

use crate::domain::ids::InstallationId;
use crate::domain::names::{RepositoryName, Sha};
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::policy::auto::Relation;

/// So many commits of a comparison are named; the numbers count all.
const NAMED: usize = 100;

/// A commit, as far as people want to read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub sha: String,
    /// Login of its author, or the name in the commit where GitHub knows none.
    pub author: Option<String>,
    /// All of its message.
    pub message: String,
}

/// What a head has that a base lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// How the head stands to the base.
    pub relation: Relation,
    /// Commits that only the head has.
    pub ahead: u64,
    /// Commits that only the base has.
    pub behind: u64,
    /// The first hundred of the head's own, oldest first.
    pub commits: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Compared {
    status: String,
    ahead_by: u64,
    behind_by: u64,
    commits: Vec<Fields>,
}

#[derive(Debug, Deserialize)]
struct Fields {
    sha: String,
    commit: Inner,
    author: Option<Login>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    message: String,
    author: Option<Name>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found {
    sha: Sha,
}

impl GitHub {
    /// The commit that a branch, a tag or the beginning of an id stands for; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn commit_of(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        git_ref: &str,
    ) -> Result<Option<Sha>, CallError> {
        let path = format!("/repos/{repository}/commits/{}", encoded(git_ref));
        match self.get::<Found>(installation, &path).await {
            Ok(found) => Ok(Some(found.sha)),
            Err(CallError::Refused { status: 404 | 422, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A commit by its id, a branch or a tag; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn commit(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        git_ref: &str,
    ) -> Result<Option<Named>, CallError> {
        let path = format!("/repos/{repository}/commits/{}", encoded(git_ref));
        match self.get::<Fields>(installation, &path).await {
            Ok(found) => Ok(Some(named(found))),
            Err(CallError::Refused { status: 404 | 422, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What `head` has that `base` lacks; `None` where GitHub knows one of them no more, or they have nothing in common.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn between(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        (base, head): (&str, &str),
    ) -> Result<Option<Between>, CallError> {
        let path = format!(
            "/repos/{repository}/compare/{}...{}?per_page={NAMED}&page=1",
            encoded(base),
            encoded(head)
        );
        let compared: Compared = match self.get(installation, &path).await {
            Ok(compared) => compared,
            Err(CallError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Between {
            relation: Relation::from_word(&compared.status),
            ahead: compared.ahead_by,
            behind: compared.behind_by,
            commits: compared.commits.into_iter().map(named).collect(),
        }))
    }
}

fn named(fields: Fields) -> Named {
    let login = fields.author.and_then(|author| author.login);
    Named {
        sha: fields.sha,
        author: login.or_else(|| fields.commit.author.and_then(|author| author.name)),
        message: fields.commit.message,
    }
}
