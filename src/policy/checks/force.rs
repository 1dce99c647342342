//! What an admin may pass: contexts that are not green, and the lock of somebody else. Nothing else.

use crate::domain::deployment::Deployment;
use crate::domain::ids::LockId;
use crate::domain::reason::Reason;
use crate::policy::checks::Finding;
use crate::policy::decision::CheckVerdict;

/// Contexts that failed, or have not become green yet. Not those that GitHub did not tell of: nobody knows what would be passed.
pub(crate) fn past_contexts(contexts: &mut Finding<()>) -> Vec<Reason> {
    if !are_passable(contexts) {
        return Vec::new();
    }
    pass(contexts, ());
    std::mem::take(&mut contexts.reasons)
}

/// The lock of a person, which was there when it was asked to be passed. One that is left behind by a cancel stays: somebody must
/// look first. One that came later stays too: nobody who forced it knew of it.
pub(crate) fn past_lock(lock: &mut Finding<Option<LockId>>, deployment: &Deployment) -> Vec<Reason> {
    let Some(id) = passable(lock, deployment) else {
        return Vec::new();
    };
    pass(lock, Some(id));
    std::mem::take(&mut lock.reasons)
}

/// As long as nobody knows whether they may be passed, red ones are no reason to reject.
pub(crate) fn wait_contexts(contexts: &mut Finding<()>) {
    if are_passable(contexts) {
        contexts.check.verdict = CheckVerdict::Held;
    }
}

/// The same of a lock.
pub(crate) fn wait_lock(lock: &mut Finding<Option<LockId>>, deployment: &Deployment) {
    if passable(lock, deployment).is_some() {
        lock.check.verdict = CheckVerdict::Held;
    }
}

fn are_passable(contexts: &Finding<()>) -> bool {
    let passable = |reason: &Reason| {
        matches!(
            reason,
            Reason::RequiredContextFailed { .. } | Reason::RequiredContextPending { .. }
        )
    };
    !contexts.reasons.is_empty() && contexts.reasons.iter().all(passable)
}

fn passable(lock: &Finding<Option<LockId>>, deployment: &Deployment) -> Option<LockId> {
    let [Reason::Locked { lock: held }] = lock.reasons.as_slice() else {
        return None;
    };
    let earlier = deployment.created_at.timestamp() < held.since.timestamp();
    (held.lets_its_owner_pass() && !earlier).then_some(held.id)
}

fn pass<T>(finding: &mut Finding<T>, value: T) {
    finding.check.verdict = CheckVerdict::Passed;
    finding.check.found = format!("{}, and passed by force", finding.check.found);
    finding.value = Some(value);
}
