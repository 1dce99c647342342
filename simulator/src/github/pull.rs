//! Pull requests, and how they end: merged into a branch, or closed without that.
//! <https://docs.github.com/en/rest/pulls/pulls>

use chrono::{DateTime, Utc};

use crate::github::GitHub;
use crate::github::event::{self, NO_COMMIT};
use crate::github::graph::Merge;
use crate::github::refused::Refused;
use crate::github::sending::Delivered;
use crate::github::world::World;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Counts within the repository.
    pub number: u64,
    /// The branch it was for.
    pub base: String,
    /// The branch it came from.
    pub head: String,
    /// The commit it came from.
    pub head_sha: String,
    /// Whose repository it came from: another `owner/name` where it is a fork.
    pub head_repository: String,
    /// A login.
    pub author: String,
    /// A login; absent where it was not merged.
    pub merged_by: Option<String>,
    /// What the branch was at after the merge; absent where it was not merged.
    pub merge_commit: Option<String>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was closed; absent while it is open.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A pull request that is about to be closed. The default is one by `mona` into `main`, merged by `hubot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The branch it is for.
    pub base: String,
    /// The branch, tag or commit it comes from.
    pub head: String,
    /// Another `owner/name` where it comes from a fork.
    pub fork: Option<String>,
    /// The commit that the merge makes; it must be there, on top of `base`. None: one is made.
    pub merge_commit: Option<String>,
    /// Whether it is merged.
    pub merged: bool,
}

impl Closing {
    /// The merge of a branch, tag or commit into `main`.
    #[must_use]
    pub fn of(head: &str) -> Self {
        Self {
            base: "main".to_owned(),
            head: head.to_owned(),
            fork: None,
            merge_commit: None,
            merged: true,
        }
    }

    /// Into another branch.
    #[must_use]
    pub fn into(mut self, base: &str) -> Self {
        base.clone_into(&mut self.base);
        self
    }

    /// With a merge commit that is there already.
    #[must_use]
    pub fn with(mut self, merge_commit: &str) -> Self {
        self.merge_commit = Some(merge_commit.to_owned());
        self
    }

    /// From a fork.
    #[must_use]
    pub fn from(mut self, fork: &str) -> Self {
        self.fork = Some(fork.to_owned());
        self
    }

    /// Without a merge.
    #[must_use]
    pub fn unmerged(mut self) -> Self {
        self.merged = false;
        self
    }
}

/// A closed pull request, and who heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Its number.
    pub number: u64,
    /// What the branch is at now.
    pub sha: String,
    /// `push` first, where there was a merge, then `pull_request`.
    pub deliveries: Vec<Delivered>,
}

impl GitHub {
    /// A pull request ends; sends `push` where that moves the branch, and `pull_request`.
    ///
    /// # Errors
    /// When there is no such repository, branch or commit, or the two conflict.
    pub async fn close_pull(&self, repository: &str, closing: Closing) -> Result<Closed, Refused> {
        let (closed, deliveries) = self
            .tell(|world| {
                let id = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                world.close_pull(id, closing)
            })
            .await;
        closed.map(|(number, sha)| Closed {
            number,
            sha,
            deliveries,
        })
    }
}

impl World {
    fn close_pull(&mut self, repository: u64, closing: Closing) -> Result<(u64, String), Refused> {
        let now = self.now();
        let by = "hubot";
        let found = self.find_mut(repository)?;
        let number = found.pulls.len() as u64 + 1;
        let no_head = || Refused::new(422, "Head does not exist");
        let head_sha = found.resolve(&closing.head).ok_or_else(no_head)?.to_owned();
        let before = found.branches.get(&closing.base).cloned();
        let mut after = before.clone().ok_or_else(|| Refused::new(422, "Base does not exist"))?;
        let before = before.unwrap_or_else(|| NO_COMMIT.to_owned());
        if closing.merged {
            after = match closing.merge_commit {
                Some(sha) if found.commits.contains_key(&sha) => sha,
                Some(sha) => return Err(Refused::new(422, format!("No commit found for SHA: {sha}"))),
                None => {
                    let message = format!("Merge pull request #{number}");
                    match found.merge(&closing.base, &closing.head, by, message, now) {
                        Some(Merge::Merged(sha)) => sha,
                        Some(Merge::UpToDate) => after,
                        Some(Merge::Conflict) | None => return Err(Refused::new(405, "Pull Request is not mergeable")),
                    }
                }
            };
            found.branches.insert(closing.base.clone(), after.clone());
        }
        found.pulls.push(PullRequest {
            number,
            base: closing.base.clone(),
            head: closing.head,
            head_sha,
            head_repository: closing.fork.unwrap_or_else(|| found.name.clone()),
            author: "mona".to_owned(),
            merged_by: closing.merged.then(|| by.to_owned()),
            merge_commit: closing.merged.then(|| after.clone()),
            opened_at: now,
            closed_at: Some(now),
        });
        if before != after {
            event::push(self, repository, &closing.base, &before, &after, by);
        }
        event::pull_closed(self, repository, number, by);
        Ok((number, after))
    }
}
