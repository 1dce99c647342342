//! Locks: what people ask of them, and what becomes of them by themselves.
//!
//! The commands are transactions on the ledger, as those about runs are; they need no server. Who is to be told of what they
//! change follows from the ledger too, and every sweep tells it.

use std::time::Duration;

use crate::config::{AfterCancel, Config};
use crate::domain::clock::Timestamp;
use crate::domain::ids::LockId;
use crate::domain::lock::{Cause, Lock, LockRequest, Place};
use crate::domain::names::shown;
use crate::domain::person::{Person, Source};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::command::Desk;
use crate::flow::engine::Engine;
use crate::report::lock::{self as report, Answer, news};
use crate::store::error::StoreError;
use crate::store::locks::{Locked, Unlocked};

/// Between one word about an old lock and the next.
const NAG_AGAIN: Duration = Duration::from_secs(86_400);

/// What was named is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchPlace {
    /// No app of this name.
    #[error("there is no app `{found}`; configured: {configured}")]
    App {
        /// As typed.
        found: String,
        /// The names there are.
        configured: String,
    },
    /// The app has no environment of this name.
    #[error("`{app}` has no environment `{found}`; configured: {configured}")]
    Environment {
        /// The app.
        app: String,
        /// As typed.
        found: String,
        /// The names there are.
        configured: String,
    },
}

/// Environments as people type them, in the spelling of the configuration, each once.
///
/// # Errors
///
/// When one of them is not configured: then none is meant.
pub fn places<S: AsRef<str>>(config: &Config, app: &str, environments: &[S]) -> Result<Vec<Place>, NoSuchPlace> {
    let list =
        |names: &mut dyn Iterator<Item = &str>| names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let Some(known) = config.app(app) else {
        return Err(NoSuchPlace::App {
            found: shown(app),
            configured: list(&mut config.apps.iter().map(|app| app.name.as_str())),
        });
    };
    let mut places: Vec<Place> = Vec::new();
    for typed in environments {
        let typed = typed.as_ref().trim();
        let mut own = known.environments.iter();
        let Some(environment) = own.find(|own| own.name.as_str().eq_ignore_ascii_case(typed)) else {
            return Err(NoSuchPlace::Environment {
                app: known.name.to_string(),
                found: shown(typed),
                configured: list(&mut known.environments.iter().map(|own| own.name.as_str())),
            });
        };
        let place = Place {
            app: known.name.clone(),
            environment: environment.name.clone(),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

/// Locks all of what is asked for, or nothing.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn lock(desk: &Desk<'_>, request: &LockRequest) -> Result<Locked, StoreError> {
    let ids: Vec<LockId> = request
        .places
        .iter()
        .map(|_| LockId::new(desk.voice.clock.fresh_ulid()))
        .collect();
    let locked = desk.store.lock(request, &ids, desk.now()).await?;
    if let Locked::Taken { locks, .. } = &locked {
        for lock in locks {
            log("locked", lock);
        }
    }
    Ok(locked)
}

/// Unlocks whatever of this is locked, whoever holds it.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn unlock(desk: &Desk<'_>, places: &[Place], by: &Person) -> Result<Unlocked, StoreError> {
    let unlocked = desk.store.unlock(places, by, desk.now()).await?;
    tell_ended(&unlocked, by);
    Ok(unlocked)
}

/// Unlocks whatever a person has locked, and takes that person out of every line.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn unlock_all(desk: &Desk<'_>, by: &Person) -> Result<Unlocked, StoreError> {
    let unlocked = desk.store.unlock_all_of(by, desk.now()).await?;
    tell_ended(&unlocked, by);
    Ok(unlocked)
}

/// What whoever asked to lock hears.
#[must_use]
pub fn answered(by: &Person, locked: &Locked, now: Timestamp) -> String {
    let answer = match locked {
        Locked::Taken {
            locks,
            stolen,
            under_way,
        } => Answer::Taken {
            locks,
            stolen,
            under_way,
        },
        Locked::InTheWay(locks) => Answer::InTheWay(locks),
        Locked::Waits {
            behind,
            position,
            already,
        } => Answer::Waits {
            behind,
            position: *position,
            already: *already,
        },
    };
    report::answer(by, answer, now)
}

/// What whoever unlocked hears.
#[must_use]
pub fn unlocked(by: &Person, unlocked: &Unlocked, now: Timestamp) -> String {
    let Unlocked {
        ended,
        free,
        next,
        given_up,
    } = unlocked;
    report::unlocked(by, (ended, free), (next, given_up), now)
}

/// Wakes everybody in this process for whom something may have changed with a lock.
pub(crate) fn changed(engine: &Engine) {
    engine.sweeps.notify_one();
    engine.rechecks.notify_one();
    engine.auto_deploys.notify_one();
    engine.protections.notify_one();
}

/// What happens to locks by themselves: those whose time is up end, and people are told what they should know. Returns how
/// much there was.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.now();
    let ended = engine.store.expire_locks(now).await?;
    if ended > 0 {
        engine.rechecks.notify_one();
        engine.auto_deploys.notify_one();
        engine.protections.notify_one();
    }
    // without an age at which one is old, none was there by the beginning of time
    let older_than = engine.config.nag_after.map_or(Timestamp::UNIX_EPOCH, |age| now - age);
    let notices = engine.store.lock_notices(older_than, now - NAG_AGAIN).await?;
    let mut told = 0;
    for one in notices.iter() {
        let outgoing = engine.voice().about_lock(one, now);
        if engine.store.tell_about_lock(one, &outgoing, now).await? {
            tracing::info!(
                lock.id = %one.lock.id,
                app = one.lock.place.app.as_str(),
                environment = one.lock.place.environment.as_str(),
                "{}",
                news(&one.lock, one.news(), now)
            );
            told += 1;
        }
    }
    if told > 0 {
        engine.outbox.notify_one();
    }
    Ok(ended + told)
}

/// The lock that keeps everybody out of an environment after a run was stopped that may go on elsewhere, where the
/// configuration wants one. Nobody passes it, not even whoever cancelled.
#[must_use]
pub fn after_cancel(engine: &Engine, ended: &Run, now: Timestamp) -> Option<Lock> {
    let may_go_on = matches!(ended.reason, Some(Reason::Cancelled { remote: true, .. }));
    if ended.state != RunState::Cancelled || !may_go_on {
        return None;
    }
    let place = ended.place()?;
    let (_, environment) = engine
        .config
        .find(ended.repository.as_str(), place.environment.as_str())?;
    if environment.after_cancel != AfterCancel::Hold {
        return None;
    }
    let by = ended.cancel.as_ref().map(|cancellation| cancellation.by.as_str());
    Some(Lock {
        id: LockId::new(engine.clock.fresh_ulid()),
        place,
        owner: Person::new(Source::Chima, by.unwrap_or_default()),
        reason: None,
        cause: Cause::AfterCancel { run: ended.id },
        since: now,
        until: None,
    })
}

fn tell_ended(unlocked: &Unlocked, by: &Person) {
    for lock in &unlocked.ended {
        tracing::info!(
            by = by.name,
            "unlocked `{}` on `{}`",
            lock.place.environment,
            lock.place.app
        );
    }
}

fn log(what: &'static str, lock: &Lock) {
    tracing::info!(
        lock.id = %lock.id,
        app = lock.place.app.as_str(),
        environment = lock.place.environment.as_str(),
        owner = lock.owner.name,
        until = lock.until.map(|until| until.to_rfc3339()),
        "{what}"
    );
}
