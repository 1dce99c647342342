//! How what runs somewhere stands to the default branch of its repository, as far as GitHub has said. It is for people to read:
//! nothing is decided by it.

use serde::{Deserialize, Serialize};

/// What has been reported about a commit, all contexts together. The names are stored and shown: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ci {
    /// Nothing has been reported.
    #[default]
    None,
    /// Something has not ended.
    Pending,
    /// All of it went well.
    Green,
    /// Something went wrong.
    Red,
}

impl Ci {
    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Green => "green",
            Self::Red => "red",
        }
    }
}

/// The newest commit of the default branch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// Its id.
    pub sha: String,
    /// The first line of its message.
    pub title: String,
    /// What has been reported about it.
    pub ci: Ci,
}

/// How a commit stands to the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Both are in one history.
    Compared {
        /// Commits that only the branch has.
        behind: u64,
        /// Commits that only this one has.
        ahead: u64,
    },
    /// GitHub knows the commit no more, or it has nothing in common with the branch.
    Apart,
}
