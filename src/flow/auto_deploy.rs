//! Deploys environments that nobody needs to ask for: one level-triggered pass, whatever woke it.
//!
//! Events only write down, in the ledger, that somebody should look. A look asks which commit the environment should run now,
//! and where that is another one than it runs, asks GitHub for a deployment of exactly that commit. GitHub delivers it, and it
//! comes in by the same door as everybody else's. So an event that is lost, comes twice or comes late changes nothing, and one
//! merge makes one deployment.

mod create;
mod look;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::config::{App, AutoDeploy, Environment};
use crate::domain::auto_deploy::{AutoReason, Outcome};
use crate::domain::event::{Change, What};
use crate::domain::lock::Place;
use crate::flow::auto_deploy::look::{Asker, Trouble};
use crate::flow::engine::Engine;
use crate::policy::auto::{self, Decision};
use crate::report::auto_deploy::sentence;
use crate::store::auto_deploys::{AutoDeploy as Row, Followed, Looked, Mark};
use crate::store::claimants::Claims;
use crate::store::error::StoreError;

const TICK: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 4;
/// Webhooks make it sooner; this makes it happen at all.
const WAITING: Duration = Duration::from_secs(60);
/// As long as nothing is to be expected.
const RESTING: Duration = Duration::from_secs(300);
/// After GitHub refused to make a deployment: nothing changes by itself then.
const REFUSED: Duration = Duration::from_secs(1800);
/// After GitHub could not be asked, doubled with each look in a row, up to [`RESTING`].
const SOON: Duration = Duration::from_secs(5);
/// No look takes longer; its claim is good for longer.
const LOOK_LIMIT: Duration = Duration::from_secs(120);
const CLAIM: Duration = Duration::from_secs(300);

/// An environment with what makes it deploy by itself.
#[derive(Debug, Clone, Copy)]
struct Target<'a> {
    app: &'a App,
    environment: &'a Environment,
    auto: &'a AutoDeploy,
}

/// Looks until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if targets(&engine).next().is_none() {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.superseded() => {}
            }
            continue;
        }
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look at environments that are deployed without being asked for");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.auto_deploys.notified() => {}
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
    let wanted: Vec<Followed> = targets(engine).map(Target::followed).collect();
    engine
        .store
        .follow(&engine.config.github.host, &wanted, engine.now())
        .await
}

/// Writes down which environments a change is a reason to look at. Returns how many there are.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn mark(engine: &Engine, change: &Change) -> Result<usize, StoreError> {
    let host = &engine.config.github.host;
    let mut mark = Mark::default();
    if let What::Moved {
        sha: Some(sha),
        by: Some(by),
    } = &change.what
    {
        mark.moved = Some((by.clone(), sha.clone()));
    }
    let mut marked = 0;
    for row in engine.store.auto_deploys(host).await? {
        let same = match row.repository_id {
            Some(id) => id == change.repository_id,
            None => change
                .repository
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(&row.followed.repository)),
        };
        let followed = auto::Followed {
            branch: row.followed.branch.as_deref(),
            default_branch: row.default_branch.as_deref(),
            sha: row.sha.as_deref(),
        };
        if same && auto::concerns(followed, change) {
            engine
                .store
                .mark_auto_deploy(host, &row.followed, &mark, engine.now())
                .await?;
            marked += 1;
        }
    }
    Ok(marked)
}

/// Looks at every environment that is due and that nobody else looks at. Returns how many there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    engine.release_dead(Claims::AutoDeploys).await?;
    let now = engine.now();
    let known = engine.store.auto_deploys(&engine.config.github.host).await?;
    let mut looks = Vec::new();
    for target in targets(engine) {
        let followed = target.followed();
        if known.iter().any(|row| row.followed == followed && row.due_at <= now) {
            // boxed: the client's futures are large
            looks.push(Box::pin(look_at(engine, target)));
        }
    }
    let looked: Vec<Result<bool, StoreError>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    // every one was looked at: one that cannot be read stands in nobody's way
    let looked: Vec<bool> = looked.into_iter().collect::<Result<_, StoreError>>()?;
    Ok(looked.into_iter().filter(|one| *one).count())
}

/// One look; `false` where somebody else looks.
async fn look_at(engine: &Engine, target: Target<'_>) -> Result<bool, StoreError> {
    let (host, now, followed) = (&engine.config.github.host, engine.now(), target.followed());
    let claim = engine
        .store
        .claim_auto_deploy(host, &followed, &engine.worker, now, now + CLAIM);
    let Some(claimed) = claim.await? else {
        return Ok(false);
    };
    let mut looked = Looked {
        at: now,
        repository_id: None,
        installation: claimed.installation,
        default_branch: None,
        sha: None,
        outcome: Outcome::Unavailable {
            detail: format!("it took longer than {} s", LOOK_LIMIT.as_secs()),
        },
        // as it was: only an answer settles it
        unanswered: claimed.asked_sha.is_some(),
        next: now,
    };
    let found = tokio::time::timeout(LOOK_LIMIT, Box::pin(find(engine, target, &claimed, &mut looked)));
    let trouble = match found.await {
        Ok(Ok(Written::Overtaken)) => return Ok(true),
        Ok(Ok(Written::NotYet)) => None,
        Ok(Err(Trouble::Ledger(error))) => return Err(error),
        Ok(Err(Trouble::GitHub { error, detail })) => {
            if let crate::github::call::CallError::Refused { .. } = error {
                looked.installation = None;
            }
            looked.outcome = Outcome::Unavailable { detail };
            error.wait()
        }
        Err(_) => None,
    };
    looked.next = now + pause(&claimed, &looked.outcome).max(trouble.unwrap_or_default());
    tell(target, &claimed, &looked);
    engine.store.finish_auto_deploy(host, &claimed, &looked).await?;
    Ok(true)
}

/// Whether a look may still be written down.
enum Written {
    NotYet,
    /// Somebody else has taken it over.
    Overtaken,
}

async fn find(engine: &Engine, target: Target<'_>, claimed: &Row, looked: &mut Looked) -> Result<Written, Trouble> {
    if let Some(reason) = locked(engine, target).await? {
        looked.outcome = reason.into();
        return Ok(Written::NotYet);
    }
    let mut asker = Asker::new(engine, target, claimed, looked).await?;
    let decision = asker.decide().await;
    looked.sha = asker.sha().cloned();
    let choice = match decision? {
        Decision::Deploy(choice) => choice,
        Decision::Wait(reason) | Decision::Nothing(reason) => {
            looked.unanswered = false;
            looked.outcome = reason.into();
            return Ok(Written::NotYet);
        }
    };
    create::create(engine, target, claimed, &asker, &choice, looked).await
}

/// Whether somebody has locked the environment.
async fn locked(engine: &Engine, target: Target<'_>) -> Result<Option<AutoReason>, StoreError> {
    let place = Place {
        app: target.app.name.clone(),
        environment: target.environment.name.clone(),
    };
    let lock = engine.store.lock_of(&place).await?;
    Ok(auto::stopped_by(lock.as_ref(), engine.now()))
}

fn pause(claimed: &Row, outcome: &Outcome) -> Duration {
    match outcome {
        Outcome::Waits { .. } => WAITING,
        Outcome::Nothing {
            reason: AutoReason::Refused { .. },
        } => REFUSED,
        Outcome::Asked { .. } | Outcome::Nothing { .. } => RESTING,
        Outcome::Unavailable { .. } => (SOON * 2_u32.pow(claimed.failures.min(10))).min(RESTING),
    }
}

/// Says in the log what has changed since the last look.
fn tell(target: Target<'_>, claimed: &Row, looked: &Looked) {
    let sha = looked.sha.as_ref().map(crate::domain::names::Sha::as_str);
    if claimed.outcome.as_ref() == Some(&looked.outcome) && (sha.is_none() || claimed.sha.as_deref() == sha) {
        return;
    }
    let (app, environment) = (target.app.name.as_str(), target.environment.name.as_str());
    let (code, sentence) = (looked.outcome.code(), sentence(&looked.outcome));
    if matches!(looked.outcome, Outcome::Unavailable { .. }) {
        tracing::warn!(
            app,
            environment,
            sha,
            code,
            "auto-deploy of `{app}` to `{environment}`: {sentence}"
        );
    } else {
        tracing::info!(
            app,
            environment,
            sha,
            code,
            "auto-deploy of `{app}` to `{environment}`: {sentence}"
        );
    }
}

fn targets(engine: &Engine) -> impl Iterator<Item = Target<'_>> {
    engine.config.apps.iter().flat_map(|app| {
        app.environments.iter().filter_map(move |environment| {
            let auto = environment.auto_deploy.as_ref()?;
            Some(Target { app, environment, auto })
        })
    })
}

impl Target<'_> {
    fn followed(self) -> Followed {
        Followed {
            app: self.app.name.to_string(),
            environment: self.environment.name.to_string(),
            repository: self.app.repository.to_string(),
            branch: self.auto.branch.as_ref().map(ToString::to_string),
        }
    }
}
