//! Pull requests, who may act on them, and what is written about them.
//! <https://docs.github.com/en/rest/pulls/pulls>, <https://docs.github.com/en/rest/issues/comments>

use serde::Deserialize;
use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CommentId, InstallationId, RepositoryId};
use crate::domain::names::{RepositoryName, Sha};
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};

/// Pushes that are looked at to find out where a branch was.
const PUSHES: usize = 100;

/// An open or closed pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Whether it can still be merged.
    pub open: bool,
    /// Its branch.
    pub branch: String,
    /// Where the branch is now.
    pub head: Sha,
    /// Whose branch it is; absent where that repository is gone.
    pub head_repository: Option<RepositoryId>,
}

/// Where a branch was at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadThen {
    /// There.
    At(Sha),
    /// Where it is now: nobody ever pushed to it, as far as GitHub remembers.
    Unmoved,
    /// Somebody pushed within the same second, or more often since than GitHub lists.
    Unknown,
}

#[derive(Debug, Deserialize)]
struct Pull {
    state: String,
    head: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    git_ref: String,
    sha: Sha,
    repo: Option<Numbered>,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
}

#[derive(Debug, Deserialize)]
struct Push {
    before: Sha,
    after: Sha,
    timestamp: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Written {
    id: u64,
    body: Option<String>,
}

impl GitHub {
    /// One pull request.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn pull_request(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        number: u64,
    ) -> Result<PullRequest, CallError> {
        let pull: Pull = self
            .get(installation, &format!("/repos/{repository}/pulls/{number}"))
            .await?;
        Ok(PullRequest {
            open: pull.state == "open",
            branch: pull.head.git_ref,
            head: pull.head.sha,
            head_repository: pull.head.repo.and_then(|repo| repo.id).map(RepositoryId),
        })
    }

    /// Where a branch was at a moment, by GitHub's own clock: what a commit says of its date is its author's to choose.
    /// <https://docs.github.com/en/rest/repos/repos#list-repository-activities>
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn head_at(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        (branch, at): (&str, Timestamp),
    ) -> Result<HeadThen, CallError> {
        let git_ref = encoded(&format!("refs/heads/{branch}"));
        let path = format!("/repos/{repository}/activity?ref={git_ref}&per_page={PUSHES}");
        let pushes: Vec<Push> = self.get(installation, &path).await?;
        Ok(head_then(&pushes, at))
    }

    /// Whether a person may push to a repository.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn may_write(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        login: &str,
    ) -> Result<bool, CallError> {
        let path = format!("/repos/{repository}/collaborators/{}/permission", encoded(login));
        match self.get::<Permission>(installation, &path).await {
            Ok(found) => Ok(matches!(found.permission.as_str(), "admin" | "maintain" | "write")),
            Err(CallError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a comment on an issue or a pull request.
    ///
    /// # Errors
    ///
    /// When GitHub did not take it. After [`CallError::Unreachable`] it may have.
    pub async fn create_comment(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        number: u64,
        text: &str,
    ) -> Result<CommentId, CallError> {
        let path = format!("/repos/{repository}/issues/{number}/comments");
        let written: Written = self.post(installation, &path, &json!({"body": text})).await?;
        Ok(CommentId(written.id))
    }

    /// Changes the text of a comment.
    ///
    /// # Errors
    ///
    /// When GitHub did not take it.
    pub async fn edit_comment(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        comment: CommentId,
        text: &str,
    ) -> Result<(), CallError> {
        let path = format!("/repos/{repository}/issues/comments/{comment}");
        let _: Written = self.patch(installation, &path, &json!({"body": text})).await?;
        Ok(())
    }

    /// The comment, among those written since, that holds a mark of ours.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn find_comment(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        (number, since, mark): (u64, Timestamp, &str),
    ) -> Result<Option<CommentId>, CallError> {
        let since = encoded(&since.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let path = format!("/repos/{repository}/issues/{number}/comments?since={since}&per_page=100");
        let written: Vec<Written> = self.get(installation, &path).await?;
        let found = written
            .into_iter()
            .find(|comment| comment.body.as_deref().is_some_and(|body| body.contains(mark)));
        Ok(found.map(|comment| CommentId(comment.id)))
    }
}

/// `pushes`: the newest first, to the second.
fn head_then(pushes: &[Push], at: Timestamp) -> HeadThen {
    let second = |time: Timestamp| time.timestamp();
    if pushes.iter().any(|push| second(push.timestamp) == second(at)) {
        return HeadThen::Unknown;
    }
    let later = pushes.iter().take_while(|push| push.timestamp > at).last();
    let before = pushes.iter().find(|push| push.timestamp < at);
    match (before, later) {
        // not the head that is seen now: this list may lag behind it
        (Some(before), _) => HeadThen::At(before.after.clone()),
        (None, None) => HeadThen::Unmoved,
        // all that is listed came later: the first of it says what was there before it, unless there is more
        (None, Some(first)) if pushes.len() < PUSHES && first.before != Sha::null() => {
            HeadThen::At(first.before.clone())
        }
        (None, Some(_)) => HeadThen::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::*;

    fn sha(digit: char) -> Sha {
        std::iter::repeat_n(digit, 40).collect::<String>().parse().unwrap()
    }

    /// Pushes from `a` to `b`, `b` to `c` …, at these seconds, the newest first.
    fn pushes(seconds: &[i64]) -> Vec<Push> {
        let letters = ['a', 'b', 'c', 'd'];
        let made = seconds.iter().enumerate().map(|(number, second)| Push {
            before: sha(letters[number]),
            after: sha(letters[number + 1]),
            timestamp: Utc.timestamp_opt(*second, 0).unwrap(),
        });
        let mut made: Vec<Push> = made.collect();
        made.reverse();
        made
    }

    #[test]
    fn what_is_meant_is_what_was_there_when_it_was_written() {
        let at = Utc.timestamp_opt(100, 0).unwrap();
        for (seconds, expected) in [
            (&[][..], HeadThen::Unmoved),
            (&[10], HeadThen::At(sha('b'))),
            (&[10, 20], HeadThen::At(sha('c'))),
            (&[10, 120], HeadThen::At(sha('b'))),
            (&[10, 20, 120], HeadThen::At(sha('c'))),
            (&[110, 120], HeadThen::At(sha('a'))),
            // nobody can tell which came first
            (&[10, 100], HeadThen::Unknown),
            (&[100, 120], HeadThen::Unknown),
        ] {
            assert_eq!(head_then(&pushes(seconds), at), expected, "{seconds:?}");
        }
        // within the second it was written in, whatever the fraction
        let fraction = at + TimeDelta::milliseconds(900);
        assert_eq!(head_then(&pushes(&[10, 100]), fraction), HeadThen::Unknown);
    }

    #[test]
    fn a_branch_that_was_made_later_was_nowhere() {
        let mut made = pushes(&[110]);
        made[0].before = Sha::null();
        let at = Utc.timestamp_opt(100, 0).unwrap();
        assert_eq!(head_then(&made, at), HeadThen::Unknown);
    }
}
