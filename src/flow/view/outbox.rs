//! What was sent about a run, or is to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::store::outbox::{Kind, OutboxRow};

/// One status or message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// Ours; `chima outbox --retry` takes it.
    pub id: String,
    /// Whom: `github`, `slack`, `github_actions`, `pull_request`, or the name of a recipient.
    pub whom: String,
    /// GitHub's word for where the run stands, where it is a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What it says.
    pub text: String,
    /// `pending`, `sending`, `sent` or `dead`.
    pub delivery: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// What the last try came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Told {
    /// A row of the outbox as it is shown.
    #[must_use]
    pub fn of(row: &OutboxRow) -> Self {
        let body = &row.outgoing.body;
        let text = |pointer: &str| body.pointer(pointer).and_then(|value| value.as_str());
        let (whom, state, said) = match row.outgoing.kind {
            Kind::DeploymentStatus => ("github", text("/status/state"), text("/status/description")),
            Kind::SlackWebhook => ("slack", None, text("/text")),
            Kind::SlackApi => ("slack", None, text("/message/text")),
            Kind::ProtectionReport => ("github_actions", text("/state"), text("/comment")),
            Kind::Comment => ("pull_request", None, text("/text")),
            Kind::Notice => (text("/to").unwrap_or("others"), None, text("/news/what")),
        };
        Self {
            id: row.outgoing.id.clone(),
            whom: whom.to_owned(),
            state: state.map(str::to_owned),
            text: said.unwrap_or_default().to_owned(),
            delivery: row.state.clone(),
            tries: row.attempts,
            written_at: row.created_at,
            sent_at: row.sent_at,
            error: row.last_error.clone(),
        }
    }
}
