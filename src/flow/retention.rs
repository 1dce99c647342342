//! Removes what is older than the configuration wants it kept: rows of the ledger, logs of runs, mirrors that nobody uses.
//!
//! A few rows at a time with pauses between, once an hour. What is open stays, and what makes a deployment run once stays for good.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::flow::engine::Engine;
use crate::flow::room;
use crate::flow::tidy::remove_leftovers;
use crate::provider::checkout::remove_folder;
use crate::store::error::StoreError;
use crate::store::retention::Old;

const EVERY: Duration = Duration::from_secs(3600);
/// Between two transactions, so that whoever waits for the ledger comes first.
const PAUSE: Duration = Duration::from_millis(20);

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Rows of the ledger that were removed or emptied.
    pub rows: u64,
    /// Folders of runs, with their logs.
    pub folders: u64,
    /// Mirrors of repositories.
    pub mirrors: u64,
}

/// Once an hour until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        match pass(&engine.current(), PAUSE).await {
            Ok(removed) if removed != Removed::default() => tracing::info!(
                rows = removed.rows,
                runs = removed.folders,
                mirrors = removed.mirrors,
                "removed what is older than `retention` says"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "cannot remove what is old; trying again in an hour"),
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Everything that is old now, without pauses.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<Removed, StoreError> {
    pass(engine, Duration::ZERO).await
}

async fn pass(engine: &Engine, pause: Duration) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    // nobody knows yet what is open in it
    if engine.store.copied_at().await?.is_some() {
        return Ok(removed);
    }
    for what in Old::ALL {
        let before = before(engine, what);
        let mut at = String::new();
        loop {
            let gone = engine.store.remove_old(what, &at, before).await?;
            removed.rows += gone.rows;
            match gone.at {
                Some(last) if !engine.stop.is_cancelled() => at = last,
                Some(_) | None => break,
            }
            tokio::time::sleep(pause).await;
        }
    }
    let keep = &engine.config.retention;
    removed.rows += engine
        .store
        .remove_never_heard_of(engine.now() - keep.deliveries)
        .await?;
    removed.folders = remove_logs(engine, engine.now() - keep.logs, pause).await?;
    remove_leftovers(engine).await;
    removed.mirrors = remove_mirrors(engine, engine.now() - keep.logs).await?;
    Ok(removed)
}

fn before(engine: &Engine, what: Old) -> Timestamp {
    let keep = &engine.config.retention;
    let length = match what {
        Old::Runs | Old::Locks | Old::Answers => keep.runs,
        Old::IgnoredDecisions | Old::Sent | Old::Deliveries | Old::Warrants | Old::SlackAsks => keep.deliveries,
    };
    engine.now() - length
}

/// The folders of runs that ended, with logs and results; also of runs that the ledger does not know any more.
async fn remove_logs(engine: &Engine, before: Timestamp, pause: Duration) -> Result<u64, StoreError> {
    let runs = engine.config.data_dir.join("runs");
    let listed = names(runs.clone()).await;
    let old = listed.iter().filter_map(|name| {
        let made = Ulid::from_string(name).ok()?.timestamp_ms();
        let run: RunId = name.parse().ok()?;
        (made < before.timestamp_millis().unsigned_abs()).then_some(run)
    });
    let mut removed = 0;
    for id in old {
        if engine.stop.is_cancelled() {
            break;
        }
        let over = match engine.store.find_run(id).await? {
            Some(run) => run.state.is_terminal() && run.finished_at.is_none_or(|at| at < before),
            None => true,
        };
        if over && remove(runs.join(id.to_string())).await {
            removed += 1;
            tokio::time::sleep(pause).await;
        }
    }
    Ok(removed)
}

/// Mirrors of repositories that are not configured any more, of which nothing is open, and that nobody has used for long; then what
/// all together are too large. They are a cache: whoever needs one again fetches.
async fn remove_mirrors(engine: &Engine, before: Timestamp) -> Result<u64, StoreError> {
    let known = engine.store.repositories(&engine.config.github.host).await?.into_iter();
    let mut used: HashSet<u64> = known
        .filter(|one| engine.config.apps_of(&one.configured).next().is_some())
        .map(|one| one.id.0)
        .collect();
    used.extend(engine.store.open_runs().await?.iter().map(|run| run.repository_id.0));
    let checkouts = engine.checkouts.clone();
    let removed = tokio::task::spawn_blocking(move || {
        let kept = checkouts.kept().into_iter();
        let unused = kept.filter(|one| !used.contains(&one.repository.0) && one.used_at < SystemTime::from(before));
        let given_up = unused.map(|one| checkouts.give_up(one.repository).unwrap_or_else(|error| {
            tracing::warn!(repository.id = one.repository.0, error = %error, "cannot remove a mirror; trying again in an hour");
            false
        }));
        given_up.map(u64::from).sum::<u64>()
    });
    Ok(removed.await.unwrap_or_default() + room::trim(engine).await)
}

async fn names(folder: PathBuf) -> Vec<String> {
    let listed = tokio::task::spawn_blocking(move || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    });
    listed.await.unwrap_or_default()
}

async fn remove(folder: PathBuf) -> bool {
    let shown = folder.display().to_string();
    match tokio::task::spawn_blocking(move || remove_folder(&folder)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(folder = shown, error = %error, "cannot remove an old folder; trying again in an hour");
            false
        }
        Err(_) => false,
    }
}
