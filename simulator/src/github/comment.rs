//! Open pull requests and what people write about them.
//! <https://docs.github.com/en/rest/issues/comments>

use chrono::{DateTime, Utc};

use crate::github::GitHub;
use crate::github::event;
use crate::github::pull::PullRequest;
use crate::github::refused::Refused;
use crate::github::sending::Delivered;

/// A comment on an issue or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// GitHub's number.
    pub id: u64,
    /// Of which issue or pull request.
    pub issue: u64,
    /// A login.
    pub author: String,
    /// Markdown.
    pub body: String,
    /// How often its text was changed.
    pub edits: u32,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// When its text was last changed; when it was written, where it never was.
    pub changed_at: DateTime<Utc>,
}

/// A comment that was written, and who heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commented {
    /// GitHub's number.
    pub id: u64,
    /// One for each hook that hears of comments.
    pub deliveries: Vec<Delivered>,
}

/// A branch that moved, as the log of the repository has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// GitHub's number.
    pub id: u64,
    /// The branch.
    pub branch: String,
    /// Where it was; forty zeros where it was nowhere.
    pub before: String,
    /// Where it is; forty zeros where it is gone.
    pub after: String,
    /// A login.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl GitHub {
    /// Opens a pull request by `mona` from a branch into `main`; from a fork where one is named. Nobody is told.
    ///
    /// # Errors
    /// When there is no such repository or branch.
    pub fn open_pull(&self, repository: &str, head: &str, fork: Option<&str>) -> Result<u64, Refused> {
        self.change(|world| {
            let now = world.now();
            let found = world.repository_mut(repository).ok_or_else(Refused::not_found)?;
            let number = found.pulls.len() as u64 + 1;
            let no_head = || Refused::new(422, "Head does not exist");
            let head_sha = found.resolve(head).ok_or_else(no_head)?.to_owned();
            found.pulls.push(PullRequest {
                number,
                base: "main".to_owned(),
                head: head.to_owned(),
                head_sha,
                head_repository: fork.unwrap_or(repository).to_owned(),
                author: "mona".to_owned(),
                merged_by: None,
                merge_commit: None,
                opened_at: now,
                closed_at: None,
            });
            Ok(number)
        })
    }

    /// Somebody writes about an issue or a pull request; sends `issue_comment`.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn comment(&self, repository: &str, issue: u64, login: &str, body: &str) -> Result<Commented, Refused> {
        let (written, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                let id = world.add_comment(found, issue, login, body)?;
                Ok(id)
            })
            .await;
        written.map(|id| Commented { id, deliveries })
    }

    /// Somebody changes what a comment says; sends `issue_comment`.
    ///
    /// # Errors
    /// When there is no such repository or comment.
    pub async fn rewrite(&self, repository: &str, comment: u64, body: &str) -> Result<(), Refused> {
        let (written, _) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                world.change_comment(found, comment, body)
            })
            .await;
        written
    }

    /// Tells of a comment that is there: of one that was written while no hook was active.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn tell_of_comment(&self, repository: &str, comment: u64) -> Result<Vec<Delivered>, Refused> {
        let (found, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                event::issue_comment(world, found, comment, "created");
                Ok(())
            })
            .await;
        found.map(|()| deliveries)
    }

    /// Somebody deletes everything that a person wrote about an issue or a pull request. Nobody is told.
    pub fn delete_comments(&self, repository: &str, issue: u64, author: &str) {
        self.change(|world| {
            if let Some(found) = world.repository_mut(repository) {
                found
                    .comments
                    .retain(|comment| comment.issue != issue || comment.author != author);
            }
        });
    }

    /// What was written about an issue or a pull request, the oldest first.
    #[must_use]
    pub fn comments(&self, repository: &str, issue: u64) -> Vec<Comment> {
        self.read(|world| {
            let found = world.repository(repository);
            let all = found.map(|found| found.comments.clone()).unwrap_or_default();
            all.into_iter().filter(|comment| comment.issue == issue).collect()
        })
    }
}

impl crate::github::world::World {
    pub(crate) fn add_comment(&mut self, repository: u64, issue: u64, login: &str, body: &str) -> Result<u64, Refused> {
        let (id, now) = (self.fresh_id(), self.now());
        self.find_mut(repository)?.comments.push(Comment {
            id,
            issue,
            author: login.to_owned(),
            body: body.to_owned(),
            edits: 0,
            at: now,
            changed_at: now,
        });
        event::issue_comment(self, repository, id, "created");
        Ok(id)
    }

    pub(crate) fn change_comment(&mut self, repository: u64, id: u64, body: &str) -> Result<(), Refused> {
        let now = self.now();
        let comments = &mut self.find_mut(repository)?.comments;
        let found = comments.iter_mut().find(|comment| comment.id == id);
        let comment = found.ok_or_else(Refused::not_found)?;
        body.clone_into(&mut comment.body);
        comment.edits += 1;
        comment.changed_at = now;
        event::issue_comment(self, repository, id, "edited");
        Ok(())
    }
}
