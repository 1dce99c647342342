//! What was decided, and how: every check with what it found and what it wanted.

use serde::{Deserialize, Serialize};

use crate::domain::deployment::Order;
use crate::domain::ids::{DeploymentId, LockId, RunId};
use crate::domain::lock::LockTask;
use crate::domain::reason::Reason;
use crate::domain::warrant::Forced;

/// The answer to one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What happens with it.
    pub verdict: Verdict,
    /// Why, the deciding one first. Of a run that waits its turn, what it waits behind.
    pub reasons: Vec<Reason>,
    /// Every check, in the order in which they are made.
    pub checks: Vec<Check>,
    /// What is to be done. Absent where the form of the request itself is refused, or it is not ours.
    pub order: Option<Order>,
    /// Place in the lane, the claimed run counted: 1 is next. 0 unless it runs.
    pub position: u32,
    /// Waiting runs that this one makes pointless.
    pub supersedes: Vec<RunId>,
    /// The newer deployment that makes this one pointless.
    pub superseded_by: Option<DeploymentId>,
    /// The lock that it passes, because its owner asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_lock: Option<LockId>,
    /// The record that proves who asked, by its nonce, where one was relied on: from then on it proves nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warrant: Option<String>,
    /// That it passes what others have to wait for, because somebody wants it to who may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
    /// What is done at once, with the decision: then nothing goes into a lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<LockTask>,
}

/// The four decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes into the lane.
    Run,
    /// Something outside the lane must happen first.
    Hold,
    /// It will not run, and the requester is told.
    Reject,
    /// It is not ours: nobody is told anything.
    Ignore,
}

impl Verdict {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Hold => "hold",
            Self::Reject => "reject",
            Self::Ignore => "ignore",
        }
    }
}

/// One check and its finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which one.
    pub name: CheckName,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// What was found, cut and without control characters.
    pub found: String,
    /// What would have passed.
    pub wanted: String,
}

/// The checks. The names are stored and shown: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Whether the deployment was made for somebody else.
    Foreign,
    /// Whether the repository is configured.
    Repository,
    /// Whether the environment is.
    Environment,
    /// Whether the task may be asked for.
    Task,
    /// The form of the ref.
    Ref,
    /// The form of the SHA.
    Sha,
    /// Whether the hosts are among the environment's.
    Hosts,
    /// Whether the room may ask.
    Room,
    /// Whether a newer deployment took its place, and what comes first.
    Lane,
    /// Whether somebody has locked the environment.
    Lock,
    /// Commit statuses and check runs.
    RequiredContexts,
    /// Whether whoever asks is one of those who may. Only made where the configuration names some.
    Deployer,
    /// Whether whoever asks may make it pass what others have to wait for. Only made for those who ask for that.
    Force,
    /// What became of one that came late. Only made for such.
    History,
}

impl CheckName {
    /// Every check that each decision makes, in that order.
    pub const ALL: [Self; 11] = [
        Self::Foreign,
        Self::Repository,
        Self::Environment,
        Self::Task,
        Self::Ref,
        Self::Sha,
        Self::Hosts,
        Self::Room,
        Self::Lane,
        Self::Lock,
        Self::RequiredContexts,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Repository => "repository",
            Self::Environment => "environment",
            Self::Task => "task",
            Self::Ref => "ref",
            Self::Sha => "sha",
            Self::Hosts => "hosts",
            Self::Room => "room",
            Self::Lane => "lane",
            Self::Lock => "lock",
            Self::RequiredContexts => "required_contexts",
            Self::Deployer => "deployer",
            Self::Force => "force",
            Self::History => "history",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// Nothing against it.
    Passed,
    /// Not yet.
    Held,
    /// No.
    Rejected,
    /// Not ours.
    Ignored,
    /// An earlier check had decided, or could not say what to compare with.
    Skipped,
}

impl CheckVerdict {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Ignored => "ignored",
            Self::Skipped => "skipped",
        }
    }
}
