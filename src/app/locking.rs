//! Locks from the command line.

use crate::app::clock::SystemClock;
use crate::app::offline::{desk, with_store};
use crate::app::{Exit, complain, say};
use crate::cli::lock as words;
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::lock::{Lock, LockRequest, Place};
use crate::domain::person::Person;
use crate::flow::lock::{self, NoSuchPlace, places};
use crate::store::Store;
use crate::store::locks::Locked;

/// `chima lock`. Ends with 1 when nothing was locked; waiting in line is what was asked for.
///
/// # Errors
///
/// When the ledger cannot be written.
pub fn lock(config: &Config, request: &LockRequest) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let clock = SystemClock::default();
        let locked = lock::lock(&desk(config, &store, &clock), request).await?;
        let text = lock::answered(&request.by, &locked, clock.now());
        if matches!(locked, Locked::InTheWay(_)) {
            complain(&anyhow::Error::msg(text));
            return Ok(Exit::Failed);
        }
        say(&format!("{text}\n"))
    })
}

/// `chima unlock`: what is named, or everything of a person. Ends with 1 when something named was not locked.
///
/// # Errors
///
/// When there is no such environment, or the ledger cannot be written.
pub fn unlock(config: &Config, by: &Person, named: Option<(&str, &[String])>) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let clock = SystemClock::default();
        let desk = desk(config, &store, &clock);
        let unlocked = match named {
            Some((app, environments)) => {
                let places = to_unlock(config, &store, app, environments).await?;
                lock::unlock(&desk, &places, by).await?
            }
            None => lock::unlock_all(&desk, by).await?,
        };
        let text = lock::unlocked(by, &unlocked, clock.now());
        if unlocked.free.is_empty() {
            return say(&format!("{text}\n"));
        }
        complain(&anyhow::Error::msg(text));
        Ok(Exit::Failed)
    })
}

/// What was locked and is not configured any more can be unlocked too.
async fn to_unlock(config: &Config, store: &Store, app: &str, environments: &[String]) -> anyhow::Result<Vec<Place>> {
    let mut all = Vec::new();
    for environment in environments {
        match places(config, app, std::slice::from_ref(environment)) {
            Ok(found) => all.extend(found),
            Err(unknown) => all.push(left_over(store, app, environment.trim()).await?.ok_or(unknown)?),
        }
    }
    Ok(all)
}

async fn left_over(store: &Store, app: &str, environment: &str) -> anyhow::Result<Option<Place>> {
    let (Ok(app), Ok(environment)) = (app.parse(), environment.parse()) else {
        return Ok(None);
    };
    let place = Place { app, environment };
    Ok(store.lock_of(&place).await?.map(|lock| lock.place))
}

/// `chima locks`.
///
/// # Errors
///
/// When the ledger cannot be read.
pub fn locks(config: &Config, app: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let now = SystemClock::default().now();
        let mut held = store.locks(now).await?;
        if let Some(app) = app {
            // also what is not configured any more
            held.retain(|one| one.lock.place.app.as_str().eq_ignore_ascii_case(app));
        }
        let is_configured = |lock: &Lock| {
            let Place { app, environment } = &lock.place;
            let found: Result<Vec<Place>, NoSuchPlace> = places(config, app.as_str(), &[environment.as_str()]);
            found.is_ok()
        };
        say(&words::list(&held, json, now, is_configured))
    })
}
