//! What was written about the issues and pull requests of a repository, the longest unchanged first: for those who hear no webhook.
//! <https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository>

use serde::Deserialize;
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CommentId, InstallationId};
use crate::domain::names::{RepositoryName, shown};
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::listing::PAGE;
use crate::github::page::{News, Speaker};

/// A comment of a repository, with GitHub's own words.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedComment {
    /// GitHub's number.
    pub id: CommentId,
    /// Of which issue or pull request; the list does not say which of the two that is.
    pub issue: u64,
    /// All of it.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// GitHub's record, untouched.
    pub record: Value,
}

#[derive(Debug, Deserialize)]
struct Fields {
    id: u64,
    issue_url: String,
    body: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl GitHub {
    /// A page of the comments that were written or changed at a moment or later, the one first that was changed longest ago; unless
    /// the page is what `etag` names. Pages count from 1.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn comments_page(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        (since, page): (Timestamp, usize),
        etag: Option<&str>,
    ) -> Result<News<Vec<ListedComment>>, CallError> {
        let since = encoded(&since.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let path = format!(
            "/repos/{repository}/issues/comments?since={since}&sort=updated&direction=asc&per_page={PAGE}&page={page}"
        );
        let news = self.news(Speaker::Installation(installation), &path, etag).await?;
        let News::Changed { value, etag, next } = news else {
            return Ok(News::Unchanged);
        };
        let records: Vec<Value> = value;
        let value = records.into_iter().map(listed).collect::<Result<_, CallError>>()?;
        Ok(News::Changed { value, etag, next })
    }
}

fn listed(record: Value) -> Result<ListedComment, CallError> {
    let garbled = |detail: String| CallError::Garbled { status: 200, detail };
    let fields = Fields::deserialize(&record).map_err(|error| garbled(shown(&error.to_string())))?;
    // an address in an answer is never called: only its number is of interest
    let number = fields.issue_url.rsplit('/').next().and_then(|last| last.parse().ok());
    let issue = number.ok_or_else(|| garbled(format!("`{}` names no issue", shown(&fields.issue_url))))?;
    Ok(ListedComment {
        id: CommentId(fields.id),
        issue,
        text: fields.body.unwrap_or_default(),
        created_at: fields.created_at,
        updated_at: fields.updated_at,
        record,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(issue_url: &str) -> Value {
        json!({
            "id": 7,
            "issue_url": issue_url,
            "body": null,
            "created_at": "2026-01-01T10:00:00Z",
            "updated_at": "2026-01-01T10:00:00Z",
        })
    }

    #[test]
    fn the_number_of_an_issue_is_the_end_of_its_address() {
        let found = listed(record("https://api.example.com/repos/octo/site/issues/12")).unwrap();
        assert_eq!((found.id, found.issue, found.text.as_str()), (CommentId(7), 12, ""));
        for odd in ["https://api.example.com/repos/octo/site/issues/", "12?x=1", ""] {
            let error = listed(record(odd)).unwrap_err();
            assert!(error.to_string().contains("names no issue"), "{error}");
        }
    }
}
