//! A world behind a lock that can be waited on: every change wakes whoever waits for a condition over it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// A value, its lock, and the bell that rings when it changed.
#[derive(Debug)]
pub(crate) struct Watched<W> {
    world: Mutex<W>,
    version: watch::Sender<u64>,
}

impl<W: fmt::Display> Watched<W> {
    pub(crate) fn new(world: W) -> Self {
        Self {
            world: Mutex::new(world),
            version: watch::Sender::new(0),
        }
    }

    /// Looks without waking anybody.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&W) -> T) -> T {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the world and wakes everybody who waits.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut W) -> T) -> T {
        let outcome = act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
        outcome
    }

    /// Waits until `find` finds something.
    pub(crate) async fn wait<T>(&self, find: impl Fn(&W) -> Option<T>, limit: Duration) -> Result<T, Unmet> {
        let mut version = self.version.subscribe();
        let found = tokio::time::timeout(limit, async {
            loop {
                // Marked as seen before looking, so that a change in between is noticed.
                version.borrow_and_update();
                if let Some(found) = self.read(&find) {
                    return Some(found);
                }
                if version.changed().await.is_err() {
                    return None;
                }
            }
        })
        .await;
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(Unmet {
                limit,
                world: self.read(ToString::to_string),
            }),
        }
    }
}

/// A condition that did not come true in time. Shows the whole world, also when a test unwraps it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the condition did not come true within {limit:?}; the world stands like this:\n{world}")]
pub struct Unmet {
    limit: Duration,
    world: String,
}

impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
