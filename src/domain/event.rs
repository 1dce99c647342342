//! Our typed reading of a delivery.

use serde::{Deserialize, Serialize};

use crate::domain::access::Access;
use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::foreign::Reported;
use crate::domain::ids::{CommentId, InstallationId, RepositoryId};
use crate::domain::protection::ProtectionRequest;

/// What a delivery means to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asks for a deployment: the one event that can start a run.
    Deployment(Box<Deployment>),
    /// Something about a commit or a branch changed: held runs of it are looked at again, and so are environments that are
    /// deployed without being asked for.
    Changed(Box<Change>),
    /// Somebody reported on a deployment: we, or whoever carries it out.
    Reported(Box<Reported>),
    /// A job of GitHub Actions asks whether it may deploy.
    Protection(Box<ProtectionRequest>),
    /// What the App reaches, or what it is called, has changed.
    Access(Access),
    /// Somebody wrote about a pull request; it may ask for something.
    Comment(Box<Comment>),
    /// GitHub tries the hook.
    Ping,
    /// An event type (or an action of one) that means nothing to us.
    Unhandled {
        /// GitHub's name of it, with the action where there is one.
        name: String,
    },
}

/// What changed. Nothing is done because of the change itself: it only says where to look, so that one that is lost, comes
/// twice or comes late changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose.
    pub repository_id: RepositoryId,
    /// `owner/name`, as it is now.
    pub repository: Option<String>,
    /// The branch that is meant where nobody named one.
    pub default_branch: Option<String>,
    /// Where the App is installed.
    pub installation: Option<InstallationId>,
    /// Which branches it is about; `None` where it does not say.
    pub branches: Option<Vec<String>>,
    /// What it is.
    pub what: What,
}

/// A comment on a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Whose.
    pub repository_id: RepositoryId,
    /// `owner/name`, as it is now.
    pub repository: String,
    /// Where the App is installed.
    pub installation: Option<InstallationId>,
    /// The pull request's number.
    pub pull_request: u64,
    /// GitHub's number of it.
    pub id: CommentId,
    /// A login.
    pub author: String,
    /// Whether a program wrote it.
    pub by_a_program: bool,
    /// Whether the author belongs to the repository: strangers may write on public ones.
    pub known_there: bool,
    /// Markdown.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Kinds of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Commit statuses or check runs of a commit, or a workflow that makes some.
    Contexts {
        /// Which commit.
        sha: String,
    },
    /// A branch moved, by a push or by the merge of a pull request.
    Moved {
        /// Where to; `None` where it is gone, or nobody says.
        sha: Option<String>,
        /// Whose doing it was.
        by: Option<String>,
    },
}
