//! Why there is no checkout, and what to do about it.

use std::io;
use std::time::Duration;

use crate::domain::names::Sha;
use crate::provider::checkout::lfs::LfsError;
use crate::provider::checkout::submodules::SubmoduleError;
use crate::provider::git::GitError;

/// Why there is no checkout.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The remote has no such commit.
    #[error("`{remote}` has no commit `{sha}`; push it again or deploy another ref")]
    MissingCommit {
        /// The commit.
        sha: Sha,
        /// The remote, as configured.
        remote: String,
    },
    /// The remote is a path where there is no repository.
    #[error("remote `{remote}` is not an absolute path of a folder; correct `remote` of the app")]
    NoSuchPath {
        /// The remote, as configured.
        remote: String,
    },
    /// The remote wants to know who asks, and believes nobody or not the token.
    #[error("`{remote}` does not let Chima in; {}", remedy(*had_token))]
    Denied {
        /// The remote.
        remote: String,
        /// Whether a token was shown.
        had_token: bool,
    },
    /// The remote is elsewhere now, and the token is not taken there.
    #[error("`{remote}` has moved, and the token is not sent on; write its new address")]
    Moved {
        /// The remote.
        remote: String,
    },
    /// What was checked out is another commit.
    #[error("checked out `{found}`, expected `{expected}`; nothing was run")]
    WrongHead {
        /// What it is.
        found: String,
        /// What was asked for.
        expected: Sha,
    },
    /// Somebody else fetched into the mirror all the time.
    #[error("the mirror of the repository was busy for {} s; it is tried again", limit.as_secs())]
    Busy {
        /// How long it was waited.
        limit: Duration,
    },
    /// A submodule cannot be brought here.
    #[error("submodule `{path}`")]
    Submodule {
        /// Where it belongs, from the top of the checkout.
        path: String,
        /// Why not.
        source: Box<CheckoutError>,
    },
    /// What the repository says about its submodules cannot be followed.
    #[error(transparent)]
    Submodules(#[from] SubmoduleError),
    /// A file that is kept in LFS cannot be brought here.
    #[error(transparent)]
    Lfs(#[from] LfsError),
    /// Git said no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The disk said no.
    #[error("cannot {action}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl CheckoutError {
    /// Whether it may work later as it stands.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::MissingCommit { .. }
            | Self::NoSuchPath { .. }
            | Self::Denied { .. }
            | Self::Moved { .. }
            | Self::WrongHead { .. }
            | Self::Submodules(_)
            | Self::Disk { .. } => false,
            Self::Busy { .. } => true,
            Self::Submodule { source, .. } => source.is_transient(),
            Self::Lfs(error) => error.is_transient(),
            Self::Git(error) => error.is_transient(),
        }
    }
}

fn remedy(had_token: bool) -> &'static str {
    if had_token {
        "allow the App or the token of `github` to read that repository"
    } else {
        "there is no token for its host: set up `github`, or use an ssh address and `ssh: { key, known_hosts }`"
    }
}

pub(super) fn disk(action: &'static str) -> impl FnOnce(io::Error) -> CheckoutError {
    move |source| CheckoutError::Disk { action, source }
}
