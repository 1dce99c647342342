//! Locks that hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::lock::{Cause, Lock};
use crate::domain::person::Person;
use crate::domain::viewer::Viewer;
use crate::flow::view::Look;
use crate::report::lock as words;
use crate::store::error::StoreError;
use crate::store::locks::Held;

/// An environment held by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockView {
    /// Ours.
    pub id: String,
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// Who holds it.
    pub owner: String,
    /// Why, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run because of which Chima locked by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_cancel_of: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; without it, until somebody unlocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who waits for it, the first first.
    pub waiting: Vec<String>,
    /// In words: who holds it, and how it can be cleared.
    pub text: String,
}

impl LockView {
    /// A lock as it is shown.
    #[must_use]
    pub fn of(lock: &Lock, waiting: &[Person]) -> Self {
        Self {
            id: lock.id.to_string(),
            app: lock.place.app.to_string(),
            environment: lock.place.environment.to_string(),
            owner: lock.owner.name.clone(),
            reason: lock.reason.clone(),
            after_cancel_of: match lock.cause {
                Cause::Person => None,
                Cause::AfterCancel { run } => Some(run.to_string()),
            },
            since: lock.since,
            until: lock.until,
            waiting: waiting.iter().map(|person| person.name.clone()).collect(),
            text: format!("{}; {}", words::held(lock), words::way_out(lock)),
        }
    }
}

/// Every lock that holds and is seen, the oldest first.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn locks(look: &Look<'_>) -> Result<Vec<LockView>, StoreError> {
    Ok(seen(&look.store.locks(look.now).await?, look.viewer))
}

/// What a viewer sees of locks.
#[must_use]
pub fn seen(held: &[Held], viewer: &Viewer) -> Vec<LockView> {
    let seen = held.iter().filter(|one| viewer.sees(one.lock.place.app.as_str()));
    seen.map(|one| LockView::of(&one.lock, &one.waiting)).collect()
}
