//! Learns how what runs stands to the default branches: how many commits behind, and what is reported about the newest one. For
//! people alone: nothing is decided by it, and no page waits for it.
//!
//! A push, a report about the newest commit and the end of a run make a repository due; a slow tick makes it happen at all. Rushes
//! of events lead to one look.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::drift::{Ci, Head, Standing};
use crate::domain::event::{Change, What};
use crate::domain::names::RepositoryName;
use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::flow::obstacle::Obstacle;
use crate::github::call::CallError;
use crate::github::page::News;
use crate::policy::contexts::overall;
use crate::store::claimants::Claims;
use crate::store::drifts::{Drift, Found, Looked};
use crate::store::error::StoreError;
use crate::store::reading::At;

const TICK: Duration = Duration::from_secs(2);
const AT_ONCE: usize = 2;
/// Looked at in one step.
const IN_A_STEP: u32 = 8;
/// A server that has just started has more pressing questions.
const FIRST: TimeDelta = TimeDelta::seconds(15);
/// What leads to a look seldom comes alone.
const SOON: TimeDelta = TimeDelta::seconds(3);
/// However much happens, a repository is not looked at more often.
const PAUSE: TimeDelta = TimeDelta::seconds(20);
/// While reports are awaited, and no event may tell of them.
const AWAITED: TimeDelta = TimeDelta::minutes(2);
const RESTING: TimeDelta = TimeDelta::minutes(15);
/// No look takes longer; its claim is good for longer.
const LOOK_LIMIT: Duration = Duration::from_secs(60);
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// Commits that are compared in one look.
const COMPARED: usize = 50;
const TITLE: usize = 200;
const REPOSITORY: &str = "repository";
const BRANCH: &str = "branch";

/// Looks until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look at default branches");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Looks at what is configured from now on.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn follow(engine: &Engine) -> Result<(), StoreError> {
    let mut wanted: Vec<String> = Vec::new();
    if engine.github.is_set_up() {
        for app in &engine.config.apps {
            let name = app.repository.as_str();
            if !wanted.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                wanted.push(name.to_owned());
            }
        }
    }
    let first = engine.now() + FIRST;
    engine
        .store
        .follow_drifts(&engine.config.github.host, &wanted, first)
        .await
}

/// A change may be about what was found.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn mark(engine: &Engine, repository: &str, change: &Change) -> Result<bool, StoreError> {
    let sha = match &change.what {
        What::Contexts { sha } => Some(sha.as_str()),
        What::Moved { .. } => None,
    };
    let elsewhere = match (&change.branches, &change.default_branch) {
        (Some(branches), Some(default)) => sha.is_none() && !branches.contains(default),
        (None, _) | (_, None) => false,
    };
    if elsewhere {
        return Ok(false);
    }
    let pace = (engine.now() + SOON, PAUSE);
    engine
        .store
        .mark_drift(&engine.config.github.host, repository, sha, pace)
        .await
}

/// Something else may run somewhere now. Nobody waits for it.
pub async fn ran(engine: &Engine, run: &Run) {
    let pace = (engine.now() + SOON, PAUSE);
    let host = &engine.config.github.host;
    let marked = engine.store.mark_drift(host, run.repository.as_str(), None, pace);
    if let Err(error) = marked.await {
        tracing::debug!(run.id = %run.id, error = %error, "cannot note that a default branch is to be looked at");
    }
}

/// Looks at what is due and that nobody else looks at. Returns how much there was.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.now();
    engine.release_dead(Claims::Drifts).await?;
    let due = engine
        .store
        .due_drifts(&engine.config.github.host, now, IN_A_STEP)
        .await?;
    let mut looks = Vec::with_capacity(due.len());
    for one in &due {
        // boxed: the client's futures are large
        looks.push(Box::pin(look_at(engine, &one.repository)));
    }
    let looked: Vec<Result<bool, StoreError>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    let looked: Vec<bool> = looked.into_iter().collect::<Result<_, StoreError>>()?;
    Ok(looked.into_iter().filter(|one| *one).count())
}

/// One look; `false` where somebody else looks.
async fn look_at(engine: &Engine, repository: &str) -> Result<bool, StoreError> {
    let (host, now) = (&engine.config.github.host, engine.now());
    let claim = engine
        .store
        .claim_drift(host, repository, &engine.worker, (now, now + CLAIM));
    let Some(claimed) = claim.await? else {
        return Ok(false);
    };
    let mut found = claimed.found.clone();
    let came = tokio::time::timeout(LOOK_LIMIT, Box::pin(find(engine, repository, &mut found))).await;
    let (trouble, wait) = match came {
        Ok(Ok(())) => (None, None),
        Ok(Err(Obstacle::Ledger(error))) => return Err(error),
        Ok(Err(Obstacle::GitHub(error))) => {
            if let CallError::Refused { .. } = error {
                // it may speak for another repository by now
                found.installation = None;
                found.etags.clear();
            }
            (Some(error.to_string()), error.wait())
        }
        Err(_) => (Some(format!("it took longer than {} s", LOOK_LIMIT.as_secs())), None),
    };
    let pause = pause(&claimed, &found, trouble.is_some());
    let wait = wait.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
    if let Some(trouble) = trouble.as_ref().filter(|_| claimed.failures == 0) {
        tracing::warn!(
            repository,
            error = trouble,
            "cannot tell how what runs stands to the default branch; trying again"
        );
    }
    let looked = Looked {
        at: engine.now(),
        next: now + pause.max(wait),
        trouble,
        found,
    };
    engine.store.finish_drift(host, &claimed, &looked).await?;
    Ok(true)
}

fn pause(claimed: &Drift, found: &Found, failed: bool) -> TimeDelta {
    let awaited = found.head.as_ref().is_some_and(|head| head.ci == Ci::Pending);
    match (failed, awaited) {
        (true, _) => (AWAITED * 2_i32.pow(claimed.failures.min(4))).min(RESTING),
        (false, true) => AWAITED,
        (false, false) => RESTING,
    }
}

async fn find(engine: &Engine, configured: &str, found: &mut Found) -> Result<(), Obstacle> {
    let github = &engine.github;
    let configured: RepositoryName = configured.parse().map_err(|_| CallError::Garbled {
        status: 200,
        detail: format!("`{configured}` is no repository's name"),
    })?;
    let installation = match found.installation {
        Some(known) => Some(known),
        None => github.installation_of(&configured).await?,
    };
    found.installation = installation;
    let etag = found.etags.get(REPOSITORY).cloned().filter(|_| found.branch.is_some());
    let news = github.repository_news(installation, &configured, etag.as_deref());
    if let News::Changed { value, etag, .. } = news.await? {
        if found.branch.as_deref() != Some(value.default_branch.as_str()) {
            found.etags.remove(BRANCH);
        }
        found.full_name = Some(value.full_name.to_string());
        found.branch = Some(value.default_branch);
        note(found, REPOSITORY, etag);
    }
    let name = found.full_name.as_deref().and_then(|name| name.parse().ok());
    let name: RepositoryName = name.unwrap_or_else(|| configured.clone());
    let branch = found.branch.clone().unwrap_or_default();
    let etag = found.etags.get(BRANCH).cloned().filter(|_| found.head.is_some());
    let news = github.branch_news(installation, &name, &branch, etag.as_deref());
    if let News::Changed { value: sha, etag, .. } = news.await? {
        let before = found.head.as_ref().map(|head| head.sha.as_str());
        if before != sha.as_deref() {
            found.standings.clear();
            found.head = None;
        }
        if let (Some(sha), None) = (sha, &found.head) {
            let commit = github.commit(installation, &name, &sha).await?;
            let message = commit.map(|commit| commit.message).unwrap_or_default();
            let title = message.lines().next().unwrap_or_default().trim();
            found.head = Some(Head {
                sha,
                title: title.chars().take(TITLE).collect(),
                ci: Ci::None,
            });
        }
        note(found, BRANCH, etag);
    }
    if let Some(head) = &mut found.head {
        let sha = head.sha.parse().map_err(|_| CallError::Garbled {
            status: 200,
            detail: "the branch is at no full commit id".to_owned(),
        })?;
        head.ci = overall(&Box::pin(github.contexts(name.as_str(), installation, &sha)).await?);
    }
    compare(engine, &configured, &name, found).await?;
    found.at = Some(engine.now());
    Ok(())
}

/// How each commit that runs somewhere stands to the head. What was compared with this head already stays as it is.
async fn compare(
    engine: &Engine,
    configured: &RepositoryName,
    name: &RepositoryName,
    found: &mut Found,
) -> Result<(), Obstacle> {
    let Some(head) = found.head.as_ref().map(|head| head.sha.clone()) else {
        found.standings.clear();
        return Ok(());
    };
    let mut running: Vec<String> = Vec::new();
    for app in engine.config.apps_of(configured.as_str()) {
        for environment in &app.environments {
            let at = At {
                host: &engine.config.github.host,
                repository: app.repository.as_str(),
                environment: environment.name.as_str(),
            };
            let current = engine.store.current_at(at).await?;
            running.extend(current.map(|current| current.run.sha));
        }
    }
    running.sort();
    running.dedup();
    found.standings.retain(|sha, _| running.contains(sha));
    for sha in running.into_iter().take(COMPARED) {
        if found.standings.contains_key(&sha) {
            continue;
        }
        let standing = if sha == head {
            Standing::Compared { behind: 0, ahead: 0 }
        } else {
            let between = engine.github.between(found.installation, name, (&sha, &head));
            match between.await? {
                Some(between) => Standing::Compared {
                    behind: between.ahead,
                    ahead: between.behind,
                },
                None => Standing::Apart,
            }
        };
        found.standings.insert(sha, standing);
    }
    Ok(())
}

fn note(found: &mut Found, what: &str, etag: Option<String>) {
    match etag {
        Some(etag) => found.etags.insert(what.to_owned(), etag),
        None => found.etags.remove(what),
    };
}
