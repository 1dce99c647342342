//! What happened to a run, one entry each, for the timeline of its page.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::ids::{DeliveryId, DeploymentId, Fence};
use crate::domain::reason::Reason;
use crate::domain::run::RunState;
use crate::domain::warrant::Forced;

/// One entry of a run's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The delivery was stored.
    Delivered { delivery: DeliveryId },
    /// No delivery had come: it was found in GitHub's list of deployments, and stored as one.
    Listed { delivery: DeliveryId },
    /// The policy decided, or decided again; the run went to `state`.
    Decided { state: RunState, reasons: Vec<Reason> },
    /// Somebody who may made it pass what others have to wait for.
    Forced(Forced),
    /// A worker took it.
    Claimed { worker: String, attempt: u32, fence: Fence },
    /// The commit is checked out.
    CheckedOut { milliseconds: u64 },
    /// The runner has written its marker: from here on the command may have had an effect.
    Started { pid: u32 },
    /// Another worker found it running and watches it now.
    Adopted { worker: String, fence: Fence },
    /// Claimed but not started; back in the lane.
    Requeued { detail: String },
    /// A newer deployment took its place.
    Superseded { by: DeploymentId },
    /// A person is to carry it out, and to say how it went.
    AwaitsPerson,
    /// A person said how it went.
    PersonSaid(PersonsVerdict),
    /// A person asked to stop it.
    CancelRequested(Cancellation),
    /// Somebody else reported on the deployment.
    ReportedByOther {
        by: String,
        state: String,
        description: String,
    },
    /// The ledger is a backup's copy: what happened since was looked up.
    Restored { made_at: Timestamp },
    /// Not all of its output could be kept.
    LogIncomplete { detail: String },
    /// It is over.
    Finished { state: RunState, reason: Option<Reason> },
}
