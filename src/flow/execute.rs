//! Carries out a run: claim, prepare, start the runner, watch it, write down how it ended.
//!
//! The runner is a process of its own. This only watches: when this process is told to stop it lets go, and the next
//! one finds the run by its claim and its folder.

use std::io;
use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::flow::announce::announce;
use crate::flow::cancel;
use crate::flow::engine::{Engine, MAX_ATTEMPTS, Watching};
use crate::flow::intake::ring;
use crate::flow::outcome::{self, Ending};
use crate::flow::prepare::{lock_file, prepare};
use crate::flow::tidy::{remove_checkout, remove_scratch};
use crate::provider::launch::{Running, Start};
use crate::provider::spec::{Graces, RunnerSpec};
use crate::provider::watch::{self, Ended};
use crate::store::claims::Claim;
use crate::store::error::StoreError;

/// How long a run waits for what an earlier one left behind in its environment.
const OCCUPIED: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Between tries to write into a ledger that refuses.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);

/// Answers a bell: takes what is due in the lane of `run`, and carries it out to its end.
pub async fn answer(engine: Engine, run: RunId) {
    if engine.stop.is_cancelled() {
        return;
    }
    match engine
        .store
        .claim(run, &engine.worker, engine.lease.length, MAX_ATTEMPTS, engine.now())
        .await
    {
        Ok(Claim::Taken(run)) => carry_out(&engine, *run).await,
        Ok(Claim::GivenUp(run)) => {
            let reason = Reason::AttemptsExhausted {
                attempts: run.attempts.saturating_sub(1),
            };
            finish(&engine, &run, Ending::plain(RunState::Errored, reason)).await;
        }
        Ok(Claim::Busy | Claim::Empty) => {}
        // the sweep rings again
        Err(error) => tracing::error!(run.id = %run, error = %error, "cannot claim a run"),
    }
}

#[tracing::instrument(
    name = "run",
    skip_all,
    fields(run.id = %run.id, delivery.id = %run.delivery, deployment.id = %run.deployment, repository = %run.repository,
           environment = run.environment, attempt = run.attempts)
)]
async fn carry_out(engine: &Engine, run: Run) {
    let Some(watching) = engine.begin_watching(run.id) else {
        return;
    };
    tracing::info!("claimed");
    if let Some(ending) = start_and_watch(engine, &run, &watching).await {
        finish(engine, &run, ending).await;
    }
}

/// How the run ended; nothing where it goes on without us, or is no longer ours.
async fn start_and_watch(engine: &Engine, run: &Run, watching: &Watching) -> Option<Ending> {
    let (Some(order), Some(lane)) = (&run.order, &run.lane) else {
        let detail = "the run has no order to carry out".to_owned();
        return Some(Ending::plain(
            RunState::Errored,
            Reason::ConfigurationChanged { detail },
        ));
    };
    let began = engine.now();
    let outgoing = announce(engine, run, None);
    let told = engine.store.report_progress(run.id, run.fence, &[], &outgoing, began);
    // without orders for a runner: how the run ends, or that it goes on without us
    let failed = |reason| Some(Ending::plain(RunState::Errored, reason));
    let prepared = async {
        tokio::select! {
            prepared = prepare(engine, run, order, lane) => prepared.map_err(failed),
            () = watching.told_to_stop() => Err(Some(cancel::stopped())),
            () = engine.stop.cancelled() => Err(None),
        }
    };
    let (told, prepared) = tokio::join!(told, prepared);
    engine.outbox.notify_one();
    if let Err(error) = told {
        tracing::error!(error = %error, "cannot write the progress of a run");
        if matches!(error, StoreError::Stale) {
            // it was taken from us before it began: this attempt never will
            remove_checkout(engine, run).await;
            remove_scratch(engine, run).await;
            return None;
        }
    }
    let spec = match prepared {
        Ok(spec) => spec,
        Err(ending) => {
            // no runner will do it
            remove_scratch(engine, run).await;
            return ending;
        }
    };
    let prepared_at = engine.now();
    let mut runner = match start(engine, &spec, watching).await {
        Begun::Started(runner) => runner,
        Begun::Elsewhere => return watch_to_end(engine, run).await,
        Begun::Not(ending) => {
            remove_scratch(engine, run).await;
            return Some(ending);
        }
    };
    let pid = runner.pid().unwrap_or_default();
    tracing::info!(pid, "started");
    let milliseconds = (prepared_at - began).num_milliseconds().unsigned_abs();
    let events = [RunEvent::CheckedOut { milliseconds }, RunEvent::Started { pid }];
    if let Err(error) = engine
        .store
        .report_progress(run.id, run.fence, &events, &[], engine.now())
        .await
    {
        tracing::warn!(error = %error, "cannot write that the run has started");
    }
    let ended = tokio::select! {
        ended = runner.ended() => ended,
        () = engine.stop.cancelled() => return None,
    };
    conclude(engine, run, ended).await
}

/// What starting came to.
enum Begun {
    Started(Running),
    /// Another process has started this very attempt, or sealed it.
    Elsewhere,
    Not(Ending),
}

async fn start(engine: &Engine, spec: &RunnerSpec, watching: &Watching) -> Begun {
    let give_up_at = engine.now() + OCCUPIED;
    loop {
        match engine.launcher.start(spec).await {
            Ok(Start::Started(runner)) => return Begun::Started(runner),
            Ok(Start::AlreadyStarted) => return Begun::Elsewhere,
            Ok(Start::LaneBusy) if engine.now() < give_up_at => {
                tracing::warn!("the environment is still occupied by an earlier run; waiting");
                tokio::select! {
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                    () = watching.told_to_stop() => return Begun::Not(cancel::stopped()),
                }
            }
            Ok(Start::LaneBusy) => {
                let detail = format!(
                    "processes of an earlier run still occupy the environment after {} s; stop whatever holds `{}`",
                    OCCUPIED.as_secs(),
                    spec.lock_file.display()
                );
                return Begun::Not(Ending::plain(RunState::Errored, Reason::Interrupted { detail }));
            }
            Err(error) => {
                let detail = format!("{:#}", anyhow::Error::from(error));
                let reason = Reason::CommandNotStarted {
                    program: "the runner".to_owned(),
                    detail,
                };
                return Begun::Not(Ending::plain(RunState::Errored, reason));
            }
        }
    }
}

/// Watches a started run to its end; nothing where this process is told to stop first.
pub async fn watch_to_end(engine: &Engine, run: &Run) -> Option<Ending> {
    let dir = engine.attempt_dir(run.id, run.attempts);
    let ended = tokio::select! {
        ended = watch::watch(&dir) => ended,
        () = engine.stop.cancelled() => return None,
    };
    conclude(engine, run, ended).await
}

async fn conclude(engine: &Engine, run: &Run, ended: io::Result<Ended>) -> Option<Ending> {
    match ended {
        Ok(Ended::Exit(exit)) => Some(outcome::of_exit(&exit)),
        Ok(Ended::Gone) => interrupted(engine, run).await,
        Ok(Ended::Sealed) => {
            // whoever sealed it has taken the run from us, and could not know of a checkout made since
            remove_checkout(engine, run).await;
            None
        }
        Err(error) => {
            let detail = format!("cannot read how it went: {error}");
            Some(Ending::plain(RunState::Interrupted, Reason::Interrupted { detail }))
        }
    }
}

/// The runner is gone without a result. What it left is stopped first: a lane is freed by proof only.
pub async fn interrupted(engine: &Engine, run: &Run) -> Option<Ending> {
    let mut detail = "its runner was killed, or the machine went down".to_owned();
    let dir = engine.attempt_dir(run.id, run.attempts);
    let lock = run.lane.as_ref().map(|lane| lock_file(&engine.config.data_dir, lane))?;
    loop {
        match watch::stop_survivors(&dir, &lock, &Graces::default()).await {
            Ok(stopped) if stopped.remaining.is_empty() => {
                if !stopped.found.is_empty() {
                    detail = format!(
                        "its runner was killed; stopped what it left behind: {}",
                        stopped.found.join(", ")
                    );
                }
                remove_scratch(engine, run).await;
                match engine.store.find_run(run.id).await {
                    // what was asked for has come about, whoever killed the runner
                    Ok(Some(Run { cancel: Some(_), .. })) => return Some(cancel::stopped()),
                    Ok(_) => return Some(Ending::plain(RunState::Interrupted, Reason::Interrupted { detail })),
                    Err(error) => {
                        tracing::error!(run.id = %run.id, error = %error, "cannot tell whether a run was to stop");
                    }
                }
            }
            Ok(stopped) => {
                let processes = stopped.remaining.join(", ");
                tracing::error!(run.id = %run.id, processes, "processes of a dead runner cannot be stopped; the lane waits for them");
            }
            Err(error) => {
                tracing::error!(run.id = %run.id, error = %error, "cannot look for processes of a dead runner")
            }
        }
        tokio::select! {
            () = engine.stop.cancelled() => return None,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Writes down how a run ended, tells it, and rings for the next of its lane. Does not give up on a ledger that refuses,
/// unless the run has a new owner.
pub async fn finish(engine: &Engine, run: &Run, ending: Ending) {
    loop {
        let now = engine.now();
        match try_finish(engine, run, &ending, now).await {
            Ok(next) => {
                let milliseconds = run.started_at.map(|at| (now - at).num_milliseconds());
                let reason = ending.reason.as_ref().map(Reason::code);
                tracing::info!(run.id = %run.id, state = ending.state.as_str(), reason, duration_ms = milliseconds, "finished");
                engine.outbox.notify_one();
                if let Some(next) = next {
                    ring(engine, next).await;
                }
                break;
            }
            Err(StoreError::Stale) => {
                tracing::warn!(run.id = %run.id, "the run has a new owner; its end is not ours to write");
                break;
            }
            Err(error) => {
                tracing::error!(run.id = %run.id, error = %error, "cannot write the end of a run; trying again");
                tokio::select! {
                    () = engine.stop.cancelled() => return,
                    () = tokio::time::sleep(LEDGER_PAUSE) => {}
                }
            }
        }
    }
    remove_checkout(engine, run).await;
}

async fn try_finish(engine: &Engine, run: &Run, ending: &Ending, now: Timestamp) -> Result<Option<RunId>, StoreError> {
    let ended = cancel::ended(engine, run, ending, now).await?;
    let outgoing = announce(engine, &ended, None);
    engine
        .store
        .finish(run, ended.state, ended.reason.as_ref(), &ending.steps, &outgoing, now)
        .await
}
