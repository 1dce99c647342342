//! Stored bytes to a typed event.
//!
//! Lenient where GitHub is: only what we cannot act without is missed. Whether a value is acceptable is for `policy` to
//! say, so that a bad one is answered on the deployment itself.

use chrono::{DateTime, Utc};

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};
use crate::domain::names::shown;
use crate::webhook::access;
use crate::webhook::change;
use crate::webhook::comment;
use crate::webhook::envelope::Class;
use crate::webhook::lenient::{self, JsonError};
use crate::webhook::payload::{DeploymentBody, normal};
use crate::webhook::protection;
use crate::webhook::reported;
use crate::webhook::shape::Root;

/// Why a stored body is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The JSON is broken.
    #[error(transparent)]
    Json(JsonError),
    /// Something we cannot act without.
    #[error("the body of `{event}` has no `{field}`")]
    Missing {
        /// GitHub's name of the event.
        event: String,
        /// The missing field.
        field: &'static str,
    },
    /// A time in a form GitHub does not use.
    #[error("`{field}` is `{found}`, expected a time such as `2026-01-31T12:00:00Z`")]
    Time {
        /// Which field.
        field: &'static str,
        /// As it came, cut.
        found: String,
    },
}

/// Reads an event from the JSON of a delivery. `host` is the GitHub we received it from, by our own configuration.
///
/// # Errors
/// When the JSON is broken, or lacks what the event cannot be acted on without.
pub fn parse(event: &str, json: &[u8], host: &str) -> Result<Event, ParseError> {
    let root: Root = lenient::document(json).map_err(ParseError::Json)?;
    match (Class::of(event, root.action.as_deref()), event) {
        (Class::Ping, _) => Ok(Event::Ping),
        (Class::Unhandled, _) => Ok(Event::Unhandled {
            name: full_name(event, root.action.as_deref()),
        }),
        (Class::Handled, "deployment") => Ok(Event::Deployment(Box::new(deployment(event, json, host)?))),
        (Class::Handled, "deployment_status") => reported::read(event, json, host),
        (Class::Handled, "deployment_protection_rule") => protection::read(event, json, host),
        (Class::Handled, "installation" | "installation_repositories" | "repository") => {
            access::read(event, json, &root)
        }
        (Class::Handled, "issue_comment") => comment::read(event, json, &root),
        (Class::Handled, _) => change::read(event, json, &root),
    }
}

/// The name of an event with its action.
pub(crate) fn full_name(event: &str, action: Option<&str>) -> String {
    match action {
        Some(action) => format!("{event}.{}", shown(action)),
        None => event.to_owned(),
    }
}

/// The deployment that the body of an event is about.
pub(crate) fn deployment(event: &str, json: &[u8], host: &str) -> Result<Deployment, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let body: DeploymentBody = lenient::document(json).map_err(ParseError::Json)?;
    let fields = body.deployment.ok_or_else(|| missing("deployment"))?;
    let repository = body.repository.ok_or_else(|| missing("repository"))?;
    let created_at = fields.created_at.ok_or_else(|| missing("deployment.created_at"))?;
    Ok(Deployment {
        host: host.to_ascii_lowercase(),
        repository_id: RepositoryId(repository.id.ok_or_else(|| missing("repository.id"))?),
        repository: repository.full_name.ok_or_else(|| missing("repository.full_name"))?,
        id: DeploymentId(fields.id.ok_or_else(|| missing("deployment.id"))?),
        // Without these two the policy rejects, and that is an answer the requester can see.
        sha: fields.sha.unwrap_or_default(),
        git_ref: fields.git_ref.unwrap_or_default(),
        // GitHub's own defaults: https://docs.github.com/en/rest/deployments/deployments#create-a-deployment
        task: fields.task.unwrap_or_else(|| "deploy".to_owned()),
        environment: fields.environment.unwrap_or_else(|| "production".to_owned()),
        payload: normal(fields.payload),
        description: fields.description,
        creator: fields.creator.and_then(|creator| creator.login),
        app_slug: fields.performed_via_github_app.and_then(|app| app.slug),
        from_workflow: body.workflow_run.is_some(),
        installation: body
            .installation
            .and_then(|installation| installation.id)
            .map(InstallationId),
        created_at: time("deployment.created_at", &created_at)?,
    })
}

/// A time in GitHub's form.
pub(crate) fn time(field: &'static str, found: &str) -> Result<Timestamp, ParseError> {
    DateTime::parse_from_rfc3339(found)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| ParseError::Time {
            field,
            found: shown(found),
        })
}
