//! Reads of a verified delivery only what is needed to store and index it.
//!
//! This runs before GitHub is answered, so it stays one pass that keeps a handful of values. The delivery's meaning is
//! read later, from the stored bytes, by [`crate::webhook::parse`].

use crate::domain::names::shown;
use crate::webhook::body::{self, BodyError};
use crate::webhook::headers::{HeaderError, RawHeaders};
use crate::webhook::lenient::{self, JsonError};
use crate::webhook::shape::Root;

/// What a delivery is to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// GitHub tries the hook.
    Ping,
    /// It may have an effect: it is stored and worked on.
    Handled,
    /// It is stored and left alone.
    Unhandled,
}

impl Class {
    /// The class of an event and its action, as GitHub spells them.
    #[must_use]
    pub fn of(event: &str, action: Option<&str>) -> Self {
        match (event, action) {
            ("ping", _) => Self::Ping,
            ("deployment", None | Some("created")) => Self::Handled,
            ("status" | "push", _) => Self::Handled,
            ("check_run" | "check_suite" | "workflow_run", Some("completed")) => Self::Handled,
            ("pull_request", Some("closed")) | ("issue_comment", Some("created")) => Self::Handled,
            ("deployment_status", None | Some("created")) => Self::Handled,
            ("deployment_protection_rule", Some("requested")) => Self::Handled,
            ("repository", Some("renamed" | "transferred" | "archived" | "unarchived" | "deleted")) => Self::Handled,
            ("installation", Some("created" | "deleted" | "suspend" | "unsuspend")) => Self::Handled,
            ("installation_repositories", Some("added" | "removed")) => Self::Handled,
            _ => Self::Unhandled,
        }
    }
}

/// The index of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// GitHub's name of the event; it agrees with the body.
    pub event: String,
    /// The event's action, where it has one.
    pub action: Option<String>,
    /// GitHub's GUID. Unsigned and not unique: for looking up, never a key.
    pub guid: Option<String>,
    /// Which hook sent it. Unsigned.
    pub hook_id: Option<u64>,
    /// GitHub's number of the repository.
    pub repository_id: Option<u64>,
    /// `owner/name` as it was then.
    pub repository: Option<String>,
    /// GitHub's number of the installation.
    pub installation_id: Option<u64>,
    /// GitHub's number of the deployment.
    pub deployment_id: Option<u64>,
    /// GitHub's number of the comment.
    pub comment_id: Option<u64>,
    /// The commit, where the delivery says that its contexts changed.
    pub sha: Option<String>,
}

/// Why a delivery cannot be read. The words hold nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A header came twice or holds odd bytes.
    #[error(transparent)]
    Header(HeaderError),
    /// Not GitHub's form of an event name, or none.
    #[error("header `x-github-event` is `{found}`, expected 1 to 64 lower-case letters, digits and `_`")]
    EventName {
        /// As it came, cut.
        found: String,
    },
    /// The body holds no JSON to read.
    #[error(transparent)]
    Body(BodyError),
    /// The JSON is broken.
    #[error(transparent)]
    Json(JsonError),
    /// Somebody sent the body of one event under the name of another.
    #[error("header `x-github-event` says `{event}`, but the body is not one of that event")]
    EventMismatch {
        /// The header's name.
        event: String,
    },
    /// The event can have an effect, but the body does not say on what.
    #[error("the body of `{event}` has no `{field}`")]
    Incomplete {
        /// The header's name.
        event: String,
        /// The missing field.
        field: &'static str,
    },
}

/// The key of a deployment, however it came to us.
#[must_use]
pub fn effect_key(host: &str, repository_id: u64, deployment_id: u64) -> String {
    format!("{}/{repository_id}/{deployment_id}", host.to_ascii_lowercase())
}

/// The key of a comment, however it came to us.
#[must_use]
pub fn comment_key(host: &str, repository_id: u64, comment_id: u64) -> String {
    format!("{}/{repository_id}/comment/{comment_id}", host.to_ascii_lowercase())
}

/// Reads the envelope of a delivery whose signature was verified.
///
/// # Errors
/// When headers or body are not what GitHub sends, or do not belong together.
pub fn read(headers: &RawHeaders, raw_body: &[u8]) -> Result<Envelope, EnvelopeError> {
    let event = event_name(headers)?;
    let json = body::json(headers, raw_body).map_err(EnvelopeError::Body)?;
    let root: Root = lenient::document(&json).map_err(EnvelopeError::Json)?;
    if !root.agrees_with(&event) {
        return Err(EnvelopeError::EventMismatch { event });
    }
    let envelope = Envelope {
        guid: guid(headers),
        hook_id: hook_id(headers),
        repository_id: root.repository.as_ref().and_then(|repository| repository.id),
        installation_id: root.installation.as_ref().and_then(|installation| installation.id),
        deployment_id: root.deployment.as_ref().and_then(|deployment| deployment.id),
        comment_id: root.comment.as_ref().and_then(|comment| comment.id),
        sha: root.commit().map(shown),
        action: root.action.as_deref().map(shown),
        repository: root
            .repository
            .and_then(|repository| repository.full_name)
            .filter(|name| name.len() <= 201),
        event,
    };
    match envelope.missing_field() {
        Some(field) => Err(EnvelopeError::Incomplete {
            event: envelope.event,
            field,
        }),
        None => Ok(envelope),
    }
}

/// The event named in the header.
///
/// # Errors
/// When it is missing, repeated, or not a lower-case name.
pub fn event_name(headers: &RawHeaders) -> Result<String, EnvelopeError> {
    let found = headers
        .only("x-github-event")
        .map_err(EnvelopeError::Header)?
        .unwrap_or("");
    // `projects_v2_item` is one of GitHub's: digits are part of the form.
    let in_form = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let valid = matches!(found.len(), 1..=64) && found.bytes().all(in_form);
    if valid {
        Ok(found.to_owned())
    } else {
        Err(EnvelopeError::EventName { found: shown(found) })
    }
}

/// GitHub's GUID where there is a usable one. It is only an index, so an odd one is no reason to refuse a delivery.
#[must_use]
pub fn guid(headers: &RawHeaders) -> Option<String> {
    let found = headers.only("x-github-delivery").ok().flatten()?;
    matches!(found.len(), 1..=100).then(|| found.to_owned())
}

/// GitHub's number of the hook, where it is one.
#[must_use]
pub fn hook_id(headers: &RawHeaders) -> Option<u64> {
    headers.only("x-github-hook-id").ok().flatten()?.parse().ok()
}

impl Envelope {
    /// What the receiver does with it.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::of(&self.event, self.action.as_deref())
    }

    /// The key under which a deployment or a comment has its one effect, however often and by whichever hook it is delivered.
    /// All of it comes from the signed body and from our own knowledge of which GitHub that is.
    #[must_use]
    pub fn effect_key(&self, host: &str) -> Option<String> {
        let repository_id = self.repository_id.filter(|_| self.class() == Class::Handled)?;
        match self.event.as_str() {
            "deployment" => Some(effect_key(host, repository_id, self.deployment_id?)),
            "issue_comment" => Some(comment_key(host, repository_id, self.comment_id?)),
            _ => None,
        }
    }

    fn missing_field(&self) -> Option<&'static str> {
        if self.class() != Class::Handled {
            return None;
        }
        match (self.event.as_str(), self.repository_id, self.deployment_id, &self.sha) {
            ("installation" | "installation_repositories", ..) => {
                self.installation_id.is_none().then_some("installation.id")
            }
            (_, None, _, _) => Some("repository.id"),
            ("deployment" | "deployment_status" | "deployment_protection_rule", _, None, _) => Some("deployment.id"),
            ("check_run", _, _, None) => Some("check_run.head_sha"),
            ("check_suite", _, _, None) => Some("check_suite.head_sha"),
            ("workflow_run", _, _, None) => Some("workflow_run.head_sha"),
            _ => None,
        }
    }
}
