//! Finds runs whose worker is gone and brings each to its true end: adopted where its runner lives, reported where it has
//! ended, queued again where it is proven never to have started, interrupted otherwise.

use std::io;

use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::cancel;
use crate::flow::engine::Engine;
use crate::flow::execute::{finish, interrupted, watch_to_end};
use crate::flow::intake::ring;
use crate::flow::outcome::{self, Ending};
use crate::flow::prepare::lock_file;
use crate::flow::tidy::{remove_checkout, remove_scratch};
use crate::flow::traces::told;
use crate::provider::marker::seal;
use crate::provider::watch::{Condition, inspect};
use crate::provider::worker::is_dead;
use crate::store::claims::GivenBack;
use crate::store::error::StoreError;

/// Adopts what nobody watches any more. Returns how much that was.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let mut adopted = 0;
    for run in engine.store.claimed_runs().await? {
        if engine.is_watching(run.id) || !is_abandoned(engine, &run) {
            continue;
        }
        match engine
            .store
            .adopt(&run, &engine.worker, engine.lease.length, engine.now())
            .await
        {
            Ok(fence) => {
                adopted += 1;
                tracing::warn!(run.id = %run.id, worker = run.worker, "adopting a run whose worker is gone");
                if let Some(watching) = engine.begin_watching(run.id) {
                    let (engine, run) = (engine.clone(), Run { fence, ..run });
                    engine.tasks.clone().spawn(async move {
                        settle(&engine, &run).await;
                        drop(watching);
                    });
                }
            }
            Err(StoreError::Stale) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(adopted)
}

/// Whether the worker that claimed a run is dead for certain, or has not renewed its claim in time.
fn is_abandoned(engine: &Engine, run: &Run) -> bool {
    let lapsed = run.lease_until.is_none_or(|until| until <= engine.now());
    lapsed || run.worker.as_deref().is_some_and(is_dead)
}

async fn settle(engine: &Engine, run: &Run) {
    let Some(lane) = &run.lane else {
        let reason = Reason::Interrupted {
            detail: "the run has no lane".to_owned(),
        };
        return finish(engine, run, Ending::plain(RunState::Errored, reason)).await;
    };
    let dir = engine.attempt_dir(run.id, run.attempts);
    let lock = lock_file(&engine.config.data_dir, lane);
    loop {
        let ending = match inspect(&dir, &lock) {
            Ok(Condition::Ended(exit)) => Some(outcome::of_exit(&exit)),
            Ok(Condition::Alive) => watch_to_end(engine, run).await,
            Ok(Condition::Gone { .. }) => interrupted(engine, run).await,
            Ok(Condition::Sealed) => return requeue(engine, run).await,
            Ok(Condition::NotStarted) => match seal(&dir) {
                Ok(true) => return requeue(engine, run).await,
                // it started just now: look again
                Ok(false) => continue,
                Err(error) => Some(unknown(&error)),
            },
            Err(error) => Some(unknown(&error)),
        };
        if let Some(ending) = ending {
            finish(engine, run, ending).await;
        }
        return;
    }
}

fn unknown(error: &io::Error) -> Ending {
    let detail = format!("cannot tell whether it had started: {error}");
    Ending::plain(RunState::Interrupted, Reason::Interrupted { detail })
}

async fn requeue(engine: &Engine, run: &Run) {
    let detail = "its worker ended before the command had started";
    // the next attempt has a folder of its own
    remove_checkout(engine, run).await;
    remove_scratch(engine, run).await;
    match engine.store.requeue(run.id, run.fence, detail, engine.now()).await {
        Ok(GivenBack::Queued) => {
            told::attempted(engine, run, &[]).await;
            ring(engine, run.id).await;
        }
        Ok(GivenBack::ToStop) => finish(engine, run, cancel::stopped()).await,
        Err(StoreError::Stale) => {}
        Err(error) => {
            tracing::error!(run.id = %run.id, error = %error, "cannot queue a run again; the next sweep tries")
        }
    }
}
