//! Where branches are, what was merged into them, and how commits stand to each other.
//! <https://docs.github.com/en/rest/branches/branches>, <https://docs.github.com/en/rest/pulls/pulls>,
//! <https://docs.github.com/en/rest/commits/commits#compare-two-commits>

use serde::Deserialize;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::domain::names::{RefName, RepositoryName, Sha};
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::policy::auto::{Comparison, Head, Merge, Relation};

/// GitHub names at most so many files of a comparison.
const FILES: usize = 300;

#[derive(Debug, Deserialize)]
struct Branch {
    name: String,
    commit: Commit,
}

#[derive(Debug, Deserialize)]
struct Commit {
    sha: Sha,
}

#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    /// Of a pull request that was not merged, this is the commit with which GitHub tried whether it could be.
    merge_commit_sha: Option<Sha>,
    merged_at: Option<Timestamp>,
    base: Base,
}

#[derive(Debug, Deserialize)]
struct Base {
    #[serde(rename = "ref")]
    git_ref: String,
}

#[derive(Debug, Deserialize)]
struct Compared {
    status: String,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

impl GitHub {
    /// Where a branch is. The old name of a renamed one redirects to a branch that nobody configured: it is gone.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn head_of(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        branch: &RefName,
    ) -> Result<Head, CallError> {
        let path = format!("/repos/{repository}/branches/{}", encoded(branch.as_str()));
        match self.get::<Branch>(installation, &path).await {
            Ok(found) if found.name == branch.as_str() => Ok(Head::At(found.commit.sha)),
            Ok(_) | Err(CallError::Refused { status: 404, .. }) => Ok(Head::Gone),
            Err(error) => Err(error),
        }
    }

    /// The pull request that was merged into a branch last. The ones that changed last are listed, and a merge is a change.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn last_merge(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        branch: &RefName,
    ) -> Result<Option<Merge>, CallError> {
        let path = format!(
            "/repos/{repository}/pulls?state=closed&base={}&sort=updated&direction=desc&per_page=100",
            encoded(branch.as_str())
        );
        let pulls: Vec<Pull> = self.get(installation, &path).await?;
        let merged = pulls.into_iter().filter(|pull| pull.base.git_ref == branch.as_str());
        let newest = merged
            .filter_map(|pull| Some(((pull.merged_at?, pull.number), pull.merge_commit_sha?)))
            .max_by_key(|(at, _)| *at);
        Ok(newest.map(|((_, pull_request), sha)| Merge { pull_request, sha }))
    }

    /// How a commit stands to an earlier one, and which files differ. A commit that GitHub does not know any more has nothing
    /// to do with any other.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn compare(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        base: &Sha,
        head: &Sha,
    ) -> Result<Comparison, CallError> {
        // files come with the first page of commits, however short that is
        let path = format!("/repos/{repository}/compare/{base}...{head}?per_page=1&page=1");
        let compared: Compared = match self.get(installation, &path).await {
            Ok(compared) => compared,
            Err(CallError::Refused { status: 404, .. }) => Compared {
                status: "diverged".to_owned(),
                files: Vec::new(),
            },
            Err(error) => return Err(error),
        };
        let relation = Relation::from_word(&compared.status);
        let files_cut = compared.files.len() >= FILES;
        let names = compared
            .files
            .into_iter()
            .flat_map(|file| [Some(file.filename), file.previous_filename]);
        Ok(Comparison {
            relation,
            files: names.flatten().collect(),
            files_cut,
        })
    }
}
