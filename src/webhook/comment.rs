//! A comment on a pull request. <https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment>

use serde::Deserialize;

use crate::domain::event::{Comment, Event};
use crate::domain::ids::{CommentId, InstallationId, RepositoryId};
use crate::webhook::lenient::{self, Present, number, object, text};
use crate::webhook::parse::{ParseError, full_name, time};
use crate::webhook::shape::Root;

#[derive(Debug, Deserialize)]
struct CommentBody {
    #[serde(default, deserialize_with = "object")]
    issue: Option<Issue>,
    #[serde(default, deserialize_with = "object")]
    comment: Option<Fields>,
}

#[derive(Debug, Deserialize)]
struct Issue {
    #[serde(default, deserialize_with = "number")]
    number: Option<u64>,
    /// Only where the issue is a pull request.
    #[serde(default, deserialize_with = "object")]
    pull_request: Option<Present>,
}

#[derive(Debug, Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    body: Option<String>,
    #[serde(default, deserialize_with = "text")]
    created_at: Option<String>,
    #[serde(default, deserialize_with = "text")]
    author_association: Option<String>,
    #[serde(default, deserialize_with = "object")]
    user: Option<User>,
    #[serde(default, deserialize_with = "object")]
    performed_via_github_app: Option<Present>,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "text")]
    login: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "text")]
    kind: Option<String>,
}

/// Reads the body of a comment. One on an issue means nothing to us.
pub(crate) fn read(event: &str, json: &[u8], root: &Root) -> Result<Event, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let body: CommentBody = lenient::document(json).map_err(ParseError::Json)?;
    let issue = body.issue.ok_or_else(|| missing("issue"))?;
    if issue.pull_request.is_none() {
        return Ok(Event::Unhandled {
            name: full_name(event, root.action.as_deref()),
        });
    }
    let comment = body.comment.ok_or_else(|| missing("comment"))?;
    let user = comment.user.ok_or_else(|| missing("comment.user"))?;
    let created_at = comment.created_at.ok_or_else(|| missing("comment.created_at"))?;
    let repository = root.repository.as_ref();
    let id = repository.and_then(|repository| repository.id);
    let name = repository.and_then(|repository| repository.full_name.clone());
    let installation = root.installation.as_ref().and_then(|installation| installation.id);
    Ok(Event::Comment(Box::new(Comment {
        repository_id: RepositoryId(id.ok_or_else(|| missing("repository.id"))?),
        repository: name.ok_or_else(|| missing("repository.full_name"))?,
        installation: installation.map(InstallationId),
        pull_request: issue.number.ok_or_else(|| missing("issue.number"))?,
        id: CommentId(comment.id.ok_or_else(|| missing("comment.id"))?),
        author: user.login.ok_or_else(|| missing("comment.user.login"))?,
        by_a_program: user.kind.is_some_and(|kind| kind == "Bot") || comment.performed_via_github_app.is_some(),
        known_there: matches!(
            comment.author_association.as_deref(),
            Some("OWNER" | "MEMBER" | "COLLABORATOR")
        ),
        text: comment.body.unwrap_or_default(),
        created_at: time("comment.created_at", &created_at)?,
    })))
}
