//! Finds what was missed: GitHub delivers each event once, and never again by itself.
//!
//! Two ways. GitHub's log of deliveries says which never arrived; GitHub is asked for them, and they come in by the signed door.
//! And the list of deployments shows those that nobody heard of; each is stored as a delivery of its own, made from GitHub's
//! answer, and is decided on like any other. In pull mode the list is the only way, and is read all the time.
//!
//! Every process looks at the ledger each second for what is due. What is due is told by the wall clock, so that a machine that
//! slept looks at once; what failed is due again soon, so that the end of an outage is noticed.

mod comments;
mod heads;
mod listing;
mod log;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::clock::Timestamp;
use crate::domain::names::RepositoryName;
use crate::flow::engine::Engine;
use crate::flow::obstacle::Obstacle;
use crate::github::call::CallError;
use crate::github::hooks::HookLog;
use crate::store::catch_ups::{APP, CatchUp, Looked, Progress};
use crate::store::claimants::Claims;
use crate::store::error::StoreError;

const TICK: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 4;
/// The log of the App's hook: one call, unless something is there.
const LOG_PERIOD: Duration = Duration::from_secs(60);
/// The lists of one repository, where a hook brings deployments.
const LIST_PERIOD: Duration = Duration::from_secs(300);
/// The same, where the repository has its own hook.
const BOTH_PERIOD: Duration = Duration::from_secs(120);
/// After GitHub could not be asked, doubled with each look in a row.
const SOON: Duration = Duration::from_secs(5);
/// GitHub was away: so long after it is back it is noticed at the latest.
const AWAY: Duration = Duration::from_secs(60);
/// GitHub refuses: that takes somebody to mend it.
const REFUSED: Duration = Duration::from_secs(300);
/// No look takes longer; its claim is good for longer.
const LOOK_LIMIT: Duration = Duration::from_secs(240);
const CLAIM: Duration = Duration::from_secs(300);
/// What is due later than this was written down by a clock that was wrong.
const NEVER_LATER: Duration = Duration::from_secs(2 * 60 * 60);
/// After an outage everything is looked through that was not looked through just now.
const JUST_NOW: Duration = Duration::from_secs(30);
/// As long as GitHub keeps its log. What is older is not looked for.
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks>
const WINDOW: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// One look through one source, and how far it has come.
#[derive(Debug)]
struct Look<'a> {
    engine: &'a Engine,
    host: &'a str,
    source: &'a str,
    now: Timestamp,
    since: Timestamp,
    progress: Progress,
    /// When to look next.
    next: Timestamp,
}

impl Look<'_> {
    /// Nothing older is looked for. GitHub's times have whole seconds.
    fn oldest(&self) -> Timestamp {
        self.since.max(self.now - WINDOW) - Duration::from_secs(1)
    }

    fn no_later_than(&mut self, at: Timestamp) {
        self.next = self.next.min(at.max(self.now));
    }
}

/// Looks until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if sources(&engine).is_empty() {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.superseded() => {}
            }
            continue;
        }
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look for what was missed");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Follows what is configured from now on, and makes all of it due.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn follow(engine: &Engine) -> Result<(), StoreError> {
    engine
        .store
        .follow_sources(&engine.config.github.host, &sources(engine), engine.now())
        .await
}

/// Looks through everything that is due and that nobody else looks through. Returns how much there was.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    engine.release_dead(Claims::CatchUps).await?;
    let now = engine.now();
    let known = engine.store.catch_ups(&engine.config.github.host).await?;
    let due = known
        .into_iter()
        .filter(|one| one.due_at <= now || one.due_at > now + NEVER_LATER);
    let (app, repositories): (Vec<CatchUp>, Vec<CatchUp>) = due.partition(|one| one.source == APP);
    let mut looked = 0;
    // what the log brings again need not be read from a list
    for one in &app {
        looked += usize::from(Box::pin(look_through(engine, one)).await?);
    }
    let mut looks = Vec::with_capacity(repositories.len());
    for one in &repositories {
        looks.push(Box::pin(look_through(engine, one)));
    }
    let all: Vec<Result<bool, StoreError>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    for one in all {
        looked += usize::from(one?);
    }
    Ok(looked)
}

/// One look; `false` where somebody else looks.
async fn look_through(engine: &Engine, known: &CatchUp) -> Result<bool, StoreError> {
    let (host, now) = (engine.config.github.host.as_str(), engine.now());
    let claim = engine
        .store
        .claim_catch_up(host, known, &engine.worker, now, now + CLAIM);
    let Some(claimed) = claim.await? else {
        return Ok(false);
    };
    let mut look = Look {
        engine,
        host,
        source: &claimed.source,
        now,
        since: claimed.since,
        progress: claimed.progress.clone(),
        next: now + period(engine, &claimed.source),
    };
    let found = tokio::time::timeout(LOOK_LIMIT, Box::pin(find(&mut look))).await;
    let (trouble, pause) = match found {
        Ok(Ok(())) => (None, None),
        Ok(Err(Obstacle::GitHub(error))) => {
            if let CallError::Refused { .. } = error {
                // it may speak for another repository by now
                look.progress.installation = None;
            }
            let longest = if error.is_transient() { AWAY } else { REFUSED };
            (
                Some(error.to_string()),
                Some(growing(&claimed, longest).max(error.wait().unwrap_or_default())),
            )
        }
        Ok(Err(Obstacle::Ledger(error))) => (Some(error.to_string()), Some(growing(&claimed, AWAY))),
        Err(_) => {
            let trouble = format!("it took longer than {} s", LOOK_LIMIT.as_secs());
            (Some(trouble), Some(growing(&claimed, AWAY)))
        }
    };
    let looked = Looked {
        at: engine.now(),
        since: look.since,
        next: pause.map_or(look.next, |pause| now + pause),
        trouble,
        progress: look.progress,
    };
    tell(&claimed, &looked);
    engine.store.finish_catch_up(host, &claimed, &looked).await?;
    if claimed.failures > 0 && looked.trouble.is_none() {
        engine.store.look_again(host, now - JUST_NOW, now).await?;
    }
    Ok(true)
}

async fn find(look: &mut Look<'_>) -> Result<(), Obstacle> {
    if look.source == APP {
        return log::catch_up(look, &HookLog::App).await;
    }
    let place = listing::resolve(look).await?;
    // a log that cannot be read is no reason not to read the list
    let read = if look.engine.config.github.polling.is_none() && !look.engine.github.is_app() {
        log::of_repository(look, &place).await
    } else {
        Ok(())
    };
    listing::adopt(look, &place).await?;
    read?;
    if look.engine.config.github.polling.is_some() {
        // whatever one of the two comes to, it holds up nothing of the other
        let followed = heads::follow(look, &place).await;
        comments::adopt(look, &place).await?;
        followed?;
    }
    Ok(())
}

fn growing(claimed: &CatchUp, longest: Duration) -> Duration {
    (SOON * 2_u32.pow(claimed.failures.min(8))).min(longest)
}

/// How often a source is looked through when all is well.
fn period(engine: &Engine, source: &str) -> Duration {
    match engine.config.github.polling {
        Some(interval) => interval,
        None if source == APP => LOG_PERIOD,
        None if engine.github.is_app() => LIST_PERIOD,
        None => BOTH_PERIOD,
    }
}

/// Says in the log what has changed since the last look.
fn tell(claimed: &CatchUp, looked: &Looked) {
    let what = if claimed.source == APP {
        "the deliveries of the App's hook".to_owned()
    } else {
        format!("the deployments of `{}`", claimed.source)
    };
    match &looked.trouble {
        Some(trouble) if claimed.failures == 0 => {
            tracing::warn!(
                error = trouble,
                "cannot look through {what} for what was missed; trying again"
            );
        }
        None if claimed.failures > 0 => tracing::info!("{what} can be looked through again"),
        Some(_) | None => {}
    }
    if let Some(why) = &looked.progress.no_log
        && claimed.progress.no_log.as_ref() != Some(why)
    {
        tracing::warn!(
            "lost deliveries of `{}` cannot be asked for: {why}; its deployments are found by listing",
            claimed.source
        );
    }
    if let Some(why) = &looked.progress.no_comments
        && claimed.progress.no_comments.as_ref() != Some(why)
    {
        tracing::warn!(
            "comments on pull requests of `{}` cannot be read, so that commands in them are not heard: {why}",
            claimed.source
        );
    }
}

/// What is looked through: each configured repository, and the log of the App's hook unless nothing is delivered anyway.
fn sources(engine: &Engine) -> Vec<String> {
    if !engine.github.is_set_up() {
        return Vec::new();
    }
    let mut repositories: Vec<&RepositoryName> = Vec::new();
    for app in &engine.config.apps {
        if !repositories.iter().any(|known| known.matches(app.repository.as_str())) {
            repositories.push(&app.repository);
        }
    }
    let has_log = engine.github.is_app() && engine.config.github.polling.is_none() && !repositories.is_empty();
    let log = has_log.then(|| APP.to_owned());
    log.into_iter()
        .chain(repositories.into_iter().map(ToString::to_string))
        .collect()
}
