//! What was gathered for one decision. Stored beside it, so that it can be replayed.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::lock::Lock;

/// Everything the decision may know beside the deployment and the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When they were gathered.
    pub now: Timestamp,
    /// Commit statuses and check runs of the commit.
    pub contexts: Contexts,
    /// Who else is in the lane.
    pub lane: LaneFacts,
    /// The lock of the environment, which may have expired. Absent in decisions of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockFacts>,
}

/// A lock, and what the ledger says of the deployment in its light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFacts {
    /// As the ledger has it.
    pub lock: Lock,
    /// Whether Chima itself asked for the deployment.
    pub automatic: bool,
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
    /// Queued runs, in any order.
    pub waiting: Vec<Waiting>,
    /// The newest deployment ever accepted in this lane.
    pub newest: Option<(DeploymentId, Timestamp)>,
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
