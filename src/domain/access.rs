//! What the App reaches, and which repository is meant by which name.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{InstallationId, RepositoryId};

/// A repository as a delivery names it: the name may change, the number never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRepository {
    /// GitHub's number.
    pub id: RepositoryId,
    /// `owner/name`, as it was when GitHub wrote the delivery.
    pub name: String,
    /// Where the App is installed, as far as the delivery says.
    pub installation: Option<InstallationId>,
}

/// What changed about what the App reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The App reaches these from now on; of an installation as a whole where none are named.
    Given {
        /// Which installation.
        installation: InstallationId,
        /// The repositories that are named.
        repositories: Vec<NamedRepository>,
    },
    /// The App reaches these no longer; nothing of the installation where none are named.
    Taken {
        /// Which installation.
        installation: InstallationId,
        /// The repositories that are named.
        repositories: Vec<NamedRepository>,
    },
    /// The repository has a new name or a new owner.
    Renamed(NamedRepository),
    /// The repository takes no writes any more, or takes them again.
    Archived {
        /// Which.
        repository: NamedRepository,
        /// Whether it is archived now.
        archived: bool,
    },
    /// The repository is gone for good.
    Deleted(NamedRepository),
}

/// Which repository a delivery is about, in the light of the configuration and of what was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The one that is configured, under this name.
    Configured(String),
    /// Another one, under a name by which the configuration means a repository that was seen before.
    Replaced {
        /// GitHub's number of the one that is meant.
        meant: RepositoryId,
        /// What that one is called now, as far as we know.
        now: String,
    },
    /// One that the configuration does not name.
    Unknown,
}

/// A repository that the configuration names, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRepository {
    /// GitHub's number.
    pub id: RepositoryId,
    /// The name in the configuration, in lower case.
    pub configured: String,
    /// What GitHub calls it now.
    pub name: String,
    /// Where the App is installed.
    pub installation: Option<InstallationId>,
    /// Whether GitHub said that it was deleted.
    pub gone: bool,
}

impl KnownRepository {
    /// Whether the configuration calls it by an old name.
    #[must_use]
    pub fn is_renamed(&self) -> bool {
        !self.name.eq_ignore_ascii_case(&self.configured)
    }
}
