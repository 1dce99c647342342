//! Identifiers, one type each, so that a run can never be looked up by a delivery.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// An identifier of ours that is not a ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; expected 26 characters such as `01JD0000000000000000000000`")]
pub struct InvalidId {
    found: String,
    what: &'static str,
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// Wraps a fresh identifier from the clock.
            #[must_use]
            pub fn new(ulid: Ulid) -> Self {
                Self(ulid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Ulid::from_string(text)
                    .map(Self)
                    .map_err(|_| InvalidId { found: text.chars().take(40).collect(), what: $what })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

ulid_id!(
    /// Our execution of a deployment.
    RunId,
    "a run id"
);
ulid_id!(
    /// One HTTP POST from GitHub, as we stored it. GitHub's own GUID is only an index beside it: it is unsigned, and
    /// one GUID can arrive with several bodies.
    DeliveryId,
    "a delivery id"
);
ulid_id!(
    /// One lock of an environment, from the moment in which somebody asked for it.
    LockId,
    "a lock id"
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id!(
    /// GitHub's number of a deployment, unique on its host.
    DeploymentId
);
number_id!(
    /// GitHub's number of a repository; it survives renames and transfers.
    RepositoryId
);
number_id!(
    /// GitHub's number of a comment on an issue or a pull request.
    CommentId
);
number_id!(
    /// GitHub's number of an App installation.
    InstallationId
);
number_id!(
    /// Grows with every claim in a lane. A write that carries an older fence than the run's is refused, and the command
    /// gets it too, so that a target can refuse a stale one.
    Fence
);
