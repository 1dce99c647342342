//! Where a delivery came from, and what became of it.

use serde::{Deserialize, Serialize};

/// Where a stored delivery stands. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Stored, not worked on yet.
    Received,
    /// Worked on: its decision is in the ledger, or held runs were looked at again.
    Processed,
    /// A deployment that is not ours.
    Ignored,
    /// Says what an earlier delivery said.
    Duplicate,
    /// An event type that means nothing to us.
    Unhandled,
    /// GitHub tried the hook.
    Ping,
    /// Signed, but not what its headers say.
    Malformed,
    /// Could not be worked on, time and again; `chima replay` starts it anew.
    Parked,
}

impl Disposition {
    /// Every disposition.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::Processed,
        Self::Ignored,
        Self::Duplicate,
        Self::Unhandled,
        Self::Ping,
        Self::Malformed,
        Self::Parked,
    ];

    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::Unhandled => "unhandled",
            Self::Ping => "ping",
            Self::Malformed => "malformed",
            Self::Parked => "parked",
        }
    }

    /// Reads a stored name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|disposition| disposition.as_str() == name)
    }
}

/// How a delivery came to us. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// GitHub sent it, signed.
    #[default]
    Webhook,
    /// We found the deployment in GitHub's list: the body is made from GitHub's own answer.
    Listing,
}

impl Source {
    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Listing => "listing",
        }
    }

    /// Reads a stored name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Webhook, Self::Listing]
            .into_iter()
            .find(|source| source.as_str() == name)
    }
}
