//! Keeps what checkouts take of the disk within what the configuration allows, so that the ledger and the logs keep their room.

use crate::domain::ids::RepositoryId;
use crate::domain::reason::Reason;
use crate::flow::engine::Engine;
use crate::flow::tidy::remove_leftovers;
use crate::store::room;

/// Sees that there is room before something is checked out: what nobody uses goes first, last that of this repository.
///
/// # Errors
///
/// The reason with which a run ends for which there is no room all the same.
pub async fn make(engine: &Engine, repository: RepositoryId) -> Result<(), Reason> {
    let needed = engine.config.disk.free;
    if free(engine) >= needed {
        return Ok(());
    }
    remove_leftovers(engine).await;
    let looking = engine.clone();
    give_up(engine, Some(repository), move |_| free(&looking) < needed).await;
    let free = free(engine);
    if free >= needed {
        return Ok(());
    }
    Err(Reason::NoRoom {
        free_mib: free >> 20,
        needed_mib: needed >> 20,
    })
}

/// Gives up what is kept of repositories beyond what may be. Says of how many.
pub async fn trim(engine: &Engine) -> u64 {
    let limit = engine.config.disk.mirrors;
    give_up(engine, None, move |kept| kept > limit).await
}

/// The least that is free where checkouts and mirrors are.
#[must_use]
pub fn free(engine: &Engine) -> u64 {
    let runs = engine.config.data_dir.join("runs");
    let rooms = room::of_all(&[("runs", &runs), ("mirrors", &engine.checkouts.mirrors)]);
    rooms.iter().map(|room| room.free).min().unwrap_or(u64::MAX)
}

/// Gives up what was used longest ago, as long as there is too much: that is asked of how many bytes are kept. Never what is in use.
async fn give_up(
    engine: &Engine,
    spared: Option<RepositoryId>,
    is_too_much: impl Fn(u64) -> bool + Send + 'static,
) -> u64 {
    let checkouts = engine.checkouts.clone();
    let given_up = tokio::task::spawn_blocking(move || {
        let kept = checkouts.kept();
        let mut bytes: u64 = kept.iter().map(|one| one.bytes).sum();
        let mut given_up = 0;
        for one in kept.iter().filter(|one| Some(one.repository) != spared) {
            if !is_too_much(bytes) {
                break;
            }
            match checkouts.give_up(one.repository) {
                Ok(true) => {
                    bytes = bytes.saturating_sub(one.bytes);
                    given_up += 1;
                    tracing::info!(
                        repository.id = one.repository.0,
                        mebibytes = one.bytes >> 20,
                        "gave up a mirror to make room on the disk; the next deployment from it fetches again"
                    );
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(repository.id = one.repository.0, error = %error, "cannot remove a mirror");
                }
            }
        }
        given_up
    });
    given_up.await.unwrap_or_default()
}
