//! Whether somebody has locked the environment, and what a deployment that is a lock command itself comes to.
//!
//! A lock keeps people from getting into each other's way. It is no border: whoever may create deployments may unlock.

use crate::domain::deployment::{Deployment, Order};
use crate::domain::ids::LockId;
use crate::domain::lock::{Lock, LockTask};
use crate::domain::names::shown;
use crate::domain::person::Source;
use crate::domain::reason::Reason;
use crate::policy::checks::Finding;
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::facts::{Facts, LockFacts};
use crate::policy::rules::{EnvironmentRules, OnLock};

/// The lock that is passed, if there is one. A plan changes nothing and asks for no lock.
pub(crate) fn check(
    deployment: &Deployment,
    order: &Order,
    facts: &Facts,
    (environment, known_apps): (&EnvironmentRules, &[String]),
) -> Finding<Option<LockId>> {
    let wanted = "no lock, or one's own";
    if order.noop {
        return Finding::passed(
            CheckName::Lock,
            "a plan, which changes nothing".to_owned(),
            wanted.to_owned(),
            None,
        );
    }
    let Some(LockFacts { lock, automatic }) = holding(facts) else {
        return Finding::passed(CheckName::Lock, "no lock".to_owned(), wanted.to_owned(), None);
    };
    let found = found(lock);
    if !automatic && passes(deployment, lock, known_apps) {
        return Finding::passed(CheckName::Lock, found, wanted.to_owned(), Some(lock.id));
    }
    // Whoever asked before the lock came could not know of it. Nobody would ask again for an automatic one.
    // GitHub's times are whole seconds: within the same one, nobody can say that it came first.
    let earlier = deployment.created_at.timestamp() < lock.since.timestamp();
    let waits = environment.on_lock == OnLock::Wait || *automatic || earlier;
    let verdict = if waits {
        CheckVerdict::Held
    } else {
        CheckVerdict::Rejected
    };
    let lock = Box::new(lock.clone());
    let reasons = vec![Reason::Locked { lock }];
    Finding::against(CheckName::Lock, verdict, found, wanted.to_owned(), reasons)
}

/// A deployment that locks or unlocks. What is so already is refused: whoever asks should know.
pub(crate) fn command(deployment: &Deployment, order: &Order, task: LockTask, facts: &Facts) -> Finding<LockTask> {
    let held = holding(facts).map(|held| &held.lock);
    let (found, wanted) = (
        held.map_or_else(|| "no lock".to_owned(), found),
        wanted(task).to_owned(),
    );
    let reason = match (task, held) {
        (LockTask::Lock, None) | (LockTask::Unlock, Some(_)) => {
            return Finding::passed(CheckName::Lock, found, wanted, task);
        }
        (LockTask::Lock, Some(lock)) => Reason::AlreadyLocked {
            own: lock.lets_its_owner_pass() && lock.owner.is_called(&deployment.person().name),
            lock: Box::new(lock.clone()),
        },
        (LockTask::Unlock, None) => Reason::NotLocked { place: order.place() },
    };
    Finding::rejected(CheckName::Lock, found, wanted, reason)
}

fn wanted(task: LockTask) -> &'static str {
    match task {
        LockTask::Lock => "no lock",
        LockTask::Unlock => "a lock",
    }
}

fn found(lock: &Lock) -> String {
    format!("locked by {}", shown(&lock.owner.name))
}

/// The lock that holds now: one that has expired is free, whether or not anybody has noticed.
fn holding(facts: &Facts) -> Option<&LockFacts> {
    facts.lock.as_ref().filter(|held| held.lock.holds_at(facts.now))
}

/// Whether the owner asks. A name in a payload is as good as whoever made the deployment: it does for an owner whom a chat or a
/// terminal named too, but not in the place of a login that GitHub vouches for, unless an App of ours says so.
fn passes(deployment: &Deployment, lock: &Lock, known_apps: &[String]) -> bool {
    if !lock.lets_its_owner_pass() || deployment.says_automatic() {
        return false;
    }
    let creator = deployment.creator.as_deref().unwrap_or_default();
    match deployment.named_in_payload() {
        None => lock.owner.is_called(creator),
        Some(name) => {
            let ours = |slug: &str| known_apps.iter().any(|app| app.eq_ignore_ascii_case(slug));
            let vouched = lock.owner.is_called(creator) || creator.strip_suffix("[bot]").is_some_and(ours);
            lock.owner.is_called(&name) && (lock.owner.source != Source::GitHub || vouched)
        }
    }
}
