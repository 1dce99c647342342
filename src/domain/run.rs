//! A run: our execution of one deployment, and the states it can be in.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::conversation::Listener;
use crate::domain::deployment::Order;
use crate::domain::ids::{DeliveryId, DeploymentId, Fence, InstallationId, LockId, RepositoryId, RunId};
use crate::domain::lock::{LockCommand, Place};
use crate::domain::names::{EnvironmentName, RepositoryName, is_its_sha};
use crate::domain::reason::Reason;
use crate::domain::warrant::Forced;

/// Where a run stands. The names are stored; add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Accepted, but something outside the lane must happen first. Does not occupy the lane.
    Held,
    /// Waiting for its turn in the lane.
    Queued,
    /// A worker has claimed it.
    Running,
    /// Every step ended with success.
    Succeeded,
    /// The deployment's own fault: an exit code, a time-out.
    Failed,
    /// Our fault: the checkout, the tool, the configuration.
    Errored,
    /// The policy refused it.
    Rejected,
    /// A person stopped it.
    Cancelled,
    /// The process that carried it out is gone without a result.
    Interrupted,
    /// A newer deployment took its place.
    Superseded,
}

impl RunState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Held,
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Errored,
        Self::Rejected,
        Self::Cancelled,
        Self::Interrupted,
        Self::Superseded,
    ];

    /// The state's stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Superseded => "superseded",
        }
    }

    /// Reads a stored name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// What GitHub is told. The one place where the two vocabularies meet.
    #[must_use]
    pub fn deployment_state(self) -> DeploymentState {
        match self {
            Self::Held => DeploymentState::Pending,
            Self::Queued => DeploymentState::Queued,
            Self::Running => DeploymentState::InProgress,
            Self::Succeeded => DeploymentState::Success,
            Self::Failed => DeploymentState::Failure,
            Self::Errored | Self::Rejected | Self::Cancelled | Self::Interrupted => DeploymentState::Error,
            Self::Superseded => DeploymentState::Inactive,
        }
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.deployment_state().is_terminal()
    }

    /// Whether a run may go from here to `next`. A terminal state is never left; a running one returns to the queue
    /// only while its command has not started (the ledger cannot see that; `flow` proves it first).
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Held => next != Self::Held && next != Self::Running && next != Self::Succeeded,
            Self::Queued => !matches!(next, Self::Queued | Self::Succeeded | Self::Rejected),
            Self::Running => !matches!(next, Self::Running | Self::Held | Self::Rejected | Self::Superseded),
            Self::Succeeded
            | Self::Failed
            | Self::Errored
            | Self::Rejected
            | Self::Cancelled
            | Self::Interrupted
            | Self::Superseded => false,
        }
    }
}

/// The state of a deployment status, in GitHub's words.
/// <https://docs.github.com/en/rest/deployments/statuses>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Held.
    Pending,
    /// In the lane.
    Queued,
    /// Claimed.
    InProgress,
    /// Done.
    Success,
    /// The deployment's own fault.
    Failure,
    /// Ours, or the policy's.
    Error,
    /// Superseded.
    Inactive,
}

impl DeploymentState {
    /// GitHub's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
        }
    }

    /// Whether nothing follows it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Queued | Self::InProgress => false,
            Self::Success | Self::Failure | Self::Error | Self::Inactive => true,
        }
    }
}

/// The lane of a run: one environment of one repository, on one GitHub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneKey(String);

impl LaneKey {
    /// The lane of an environment. Keyed by the repository's number, because names change. A plan has a lane beside the
    /// environment's own: it waits for no deployment, and none waits for it.
    #[must_use]
    pub fn new(host: &str, repository: RepositoryId, environment: &EnvironmentName, noop: bool) -> Self {
        let beside = if noop { "plan:" } else { "" };
        Self(format!(
            "{beside}{host}/{repository}/{}",
            environment.as_str().to_ascii_lowercase()
        ))
    }

    /// As stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Run {
    /// Whether it only shows what a deployment would do.
    #[must_use]
    pub fn is_plan(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.noop)
    }

    /// What its commit is called, where that is more than its SHA.
    #[must_use]
    pub fn called(&self) -> Option<String> {
        (!is_its_sha(&self.git_ref, &self.sha)).then(|| self.git_ref.clone())
    }

    /// The environment that a lock of it would keep it from changing. A plan changes nothing.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let order = self.order.as_ref().filter(|order| !order.noop)?;
        Some(order.place())
    }

    /// What GitHub is told. A plan that went well deployed nothing: it must not count as what the environment runs.
    #[must_use]
    pub fn deployment_state(&self) -> DeploymentState {
        if self.is_plan() && self.state == RunState::Succeeded {
            DeploymentState::Inactive
        } else {
            self.state.deployment_state()
        }
    }

    /// What a person is to do, while nobody has said how it went, or that it should stop.
    #[must_use]
    pub fn waits_for_person(&self) -> Option<&str> {
        let open = self.state == RunState::Running && self.verdict.is_none() && self.cancel.is_none();
        self.instructions.as_deref().filter(|_| open)
    }

    /// A person's word about a run that it was asked about.
    #[must_use]
    pub fn persons_verdict(&self) -> Option<&PersonsVerdict> {
        self.verdict.as_ref().filter(|_| self.instructions.is_some())
    }
}

/// Our execution of one deployment, as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Ours.
    pub id: RunId,
    /// The delivery that brought it.
    pub delivery: DeliveryId,
    /// Host name of the GitHub it came from.
    pub host: String,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// The repository's name when the deployment was made.
    pub repository: RepositoryName,
    /// GitHub's number of the deployment.
    pub deployment: DeploymentId,
    /// Which installation's token may speak for it.
    pub installation: Option<InstallationId>,
    /// What is to be done: absent when the policy refused the form of the request itself.
    pub order: Option<Order>,
    /// GitHub's text of the environment, also when it is refused.
    pub environment: String,
    /// What people call the commit: the branch that it was of when Chima asked for it by its SHA, GitHub's text of the ref otherwise.
    pub git_ref: String,
    /// GitHub's text of the SHA.
    pub sha: String,
    /// GitHub's text of the task.
    pub task: String,
    /// Login of the person or App that made the deployment.
    pub creator: Option<String>,
    /// Who asked, for people to read: the chat user where the payload names one, else the creator.
    pub requester: Option<String>,
    /// Chat room the request came from, where the payload names one.
    pub room: Option<String>,
    /// The bot that wants to hear what becomes of it.
    pub listener: Option<Listener>,
    /// The lane; absent when there is no such environment.
    pub lane: Option<LaneKey>,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there.
    pub reason: Option<Reason>,
    /// The fence of the latest claim, 0 before the first.
    pub fence: Fence,
    /// How often it was claimed.
    pub attempts: u32,
    /// When GitHub made the deployment.
    pub requested_at: Timestamp,
    /// When the ledger took it in.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal state.
    pub finished_at: Option<Timestamp>,
    /// When a hold ends by itself.
    pub hold_until: Option<Timestamp>,
    /// The worker that holds the latest claim.
    pub worker: Option<String>,
    /// Until when that claim is good without renewal.
    pub lease_until: Option<Timestamp>,
    /// The first request to stop it.
    pub cancel: Option<Cancellation>,
    /// What a person is to do, where the present attempt is carried out by one.
    pub instructions: Option<String>,
    /// The first word of a person about how that went.
    pub verdict: Option<PersonsVerdict>,
    /// The lock that the decision let it pass: of the environment's owner.
    pub passes_lock: Option<LockId>,
    /// That somebody made it pass what others have to wait for.
    pub forced: Option<Forced>,
    /// The command on our own ledger that it was, in place of a run in a lane.
    pub command: Option<LockCommand>,
    /// Digest of the configuration it was decided with.
    pub config_digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_that_reads_back() {
        for state in RunState::ALL {
            assert_eq!(RunState::from_name(state.as_str()), Some(state));
        }
    }

    #[test]
    fn a_terminal_state_is_never_left() {
        for from in RunState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for to in RunState::ALL {
                assert!(!from.may_become(to), "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn success_comes_only_from_running() {
        for from in RunState::ALL {
            assert_eq!(
                from.may_become(RunState::Succeeded),
                from == RunState::Running,
                "{from:?}"
            );
        }
    }
}
