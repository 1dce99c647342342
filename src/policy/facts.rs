//! What was gathered for one decision. Stored beside it, so that it can be replayed.

use serde::{Deserialize, Serialize};

use crate::domain::actor::Named;
use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::lock::Lock;
use crate::domain::warrant::Warrant;

/// Everything the decision may know beside the deployment and the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When they were gathered.
    pub now: Timestamp,
    /// Commit statuses and check runs of the commit.
    pub contexts: Contexts,
    /// Who else is in the lane.
    pub lane: LaneFacts,
    /// What happened before the deployment came to us, where it came late.
    #[serde(default, skip_serializing_if = "History::is_not_needed")]
    pub history: History,
    /// The lock of the environment, which may have expired. Absent in decisions of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockFacts>,
    /// What proves who asked. Absent in decisions of earlier versions.
    #[serde(default, skip_serializing_if = "WhoFacts::is_nothing")]
    pub who: WhoFacts,
}

/// What proves who asked, and what else must be known of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WhoFacts {
    /// What the ledger has under the nonce of the payload, whatever that says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warrant: Option<Warrant>,
    /// As whom we make deployments ourselves.
    #[serde(default)]
    pub own: Own,
    /// Who is in which team, as far as that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<Membership>,
}

impl WhoFacts {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// As whom we make deployments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// Nothing depends on it, so nobody asked.
    #[default]
    NotNeeded,
    /// With this login.
    Login(String),
    /// GitHub does not tell the kind of token that we have.
    Untold,
    /// GitHub did not answer.
    Unavailable {
        /// What happened, for people.
        detail: String,
    },
}

/// Whether somebody is in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Which: [`Named::Team`].
    pub team: Named,
    /// Whose.
    pub login: String,
    /// Whether they are.
    pub found: Found,
}

/// What GitHub says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// They are.
    Yes,
    /// They are not, or there is no such team.
    No,
    /// GitHub did not say.
    Unavailable {
        /// What happened, for people.
        detail: String,
    },
}

/// A lock, and what the ledger says of the deployment in its light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFacts {
    /// As the ledger has it.
    pub lock: Lock,
    /// Whether Chima itself asked for the deployment.
    pub automatic: bool,
}

/// What happened before a deployment came to us.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// It came when it was made, so nobody asked.
    #[default]
    NotNeeded,
    /// It came late: it was missed at first, or this ledger has forgotten it. Or nobody delivered it, and GitHub's list does not
    /// tell whether somebody else is at work on it.
    Gathered(Missed),
}

impl History {
    fn is_not_needed(&self) -> bool {
        *self == Self::NotNeeded
    }
}

/// What GitHub and the ledger know about a deployment that came late, or was not delivered but found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// When it came.
    pub came_at: Timestamp,
    /// Whether that is later than what is asked for regularly is found: then newer ones take its place.
    pub missed: bool,
    /// The latest status that GitHub shows.
    pub status: Option<ShownStatus>,
    /// Newer deployments of the environment that were deployed, or are being deployed, by what GitHub shows. Those of which
    /// the ledger knows are not among them.
    pub newer_there: Vec<Newer>,
    /// Newer deployments of the environment that the ledger has accepted.
    pub newer_here: Vec<Newer>,
}

/// A status that GitHub shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownStatus {
    /// GitHub's word.
    pub state: String,
    /// Whether it is one of ours.
    pub own: bool,
}

/// A newer deployment of the same environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newer {
    /// GitHub's number.
    pub deployment: DeploymentId,
    /// What is to be done.
    pub task: String,
    /// Whether its command was begun.
    pub begun: bool,
}

/// What GitHub reports about the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contexts {
    /// The decision does not depend on them, so nobody asked.
    NotNeeded,
    /// All of them, from both sources, latest of each name.
    Gathered(Vec<ContextState>),
    /// GitHub did not answer.
    Unavailable {
        /// What happened, for people.
        detail: String,
    },
}

/// One commit status or check run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextState {
    /// The context of a commit status, the name of a check run.
    pub name: String,
    /// Which of the two it is.
    pub source: Source,
    /// What it means to us, by the table in [`crate::policy::contexts`].
    pub verdict: ContextVerdict,
    /// GitHub's own word, for people.
    pub state: String,
}

/// Where GitHub keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A commit status.
    Status,
    /// A check run.
    CheckRun,
}

/// What a context means to us. Ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextVerdict {
    /// It does not stand in the way.
    Green,
    /// It may still become green by itself.
    Pending,
    /// It will not.
    Failed,
}

/// The lane of the deployment's environment, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LaneFacts {
    /// The run that a worker has claimed.
    pub active: Option<RunId>,
    /// Queued runs, in any order: all that give way, or the last before the deployment where everybody waits for their turn.
    pub waiting: Vec<Waiting>,
    /// Queued runs before those, of which only the number is known. Absent in decisions of earlier versions.
    #[serde(default, skip_serializing_if = "is_none")]
    pub further: u32,
    /// The newest deployment ever accepted in this lane.
    pub newest: Option<(DeploymentId, Timestamp)>,
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

/// A queued run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Ours.
    pub run: RunId,
    /// GitHub's.
    pub deployment: DeploymentId,
    /// When GitHub made the deployment.
    pub requested_at: Timestamp,
}
