//! What Chima itself asks GitHub for, as it writes it down before it asks: the proof of who asked.
//!
//! A deployment's payload says a nonce, which finds the record in the ledger. The nonce is no secret (whoever may read the
//! repository reads payloads) and proves nothing by itself: `policy` compares all of the record with the deployment.

use serde::{Deserialize, Serialize};

use crate::domain::actor::Actor;
use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::reason::Reason;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warrant {
    /// What its deployment's payload says.
    pub nonce: String,
    /// Host name of the GitHub that is asked.
    pub host: String,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// Where to.
    pub place: Place,
    /// What for, with `:plan` where it is only to be planned.
    pub task: String,
    /// Branch, tag or SHA, for people.
    pub git_ref: String,
    /// What the commit was called when it was asked for by its SHA, so that nothing that is pushed meanwhile takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Who asks.
    pub actor: Actor,
    /// The room it was said in, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Whether it is to pass what others have to wait for.
    pub force: bool,
    /// When.
    pub at: Timestamp,
    /// The one deployment that it is the proof of, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
}

/// That somebody who may made a deployment pass what others have to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Who.
    pub by: String,
    /// What stood in its way; empty where nothing did.
    pub past: Vec<Reason>,
}
