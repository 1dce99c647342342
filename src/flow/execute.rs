//! Carries out a run: claim, prepare, start the runner, watch it, write down how it ended.
//!
//! The runner is a process of its own. This only watches: when this process is told to stop it lets go, and the next
//! one finds the run by its claim and its folder.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
use tracing::Instrument as _;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::flow::announce::announce;
use crate::flow::cancel;
use crate::flow::command;
use crate::flow::drift;
use crate::flow::engine::{Engine, MAX_ATTEMPTS, Watching};
use crate::flow::finish::of_verdict;
use crate::flow::forecast::last_good;
use crate::flow::intake::ring;
use crate::flow::lock::after_cancel;
use crate::flow::outcome::{self, Ending};
use crate::flow::prepare::{is_for_a_person, lock_file, prepare, works_elsewhere};
use crate::flow::tidy::{remove_checkout, remove_scratch};
use crate::flow::title;
use crate::flow::traces::told;
use crate::provider::launch::{Running, Start};
use crate::provider::spec::{Graces, RunnerSpec};
use crate::provider::watch::{self, Ended};
use crate::store::claims::Claim;
use crate::store::ends::End;
use crate::store::error::StoreError;

/// How long a run waits for what an earlier one left behind in its environment.
const OCCUPIED: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Between tries to write into a ledger that refuses.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);

/// Kept from before the claim until the runner has started: what takes the worker down by then counts as an attempt of every
/// run that is claimed and not started.
enum Preparing {
    Shared(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

impl Preparing {
    /// Where a run of the lane is at its last attempt, it is prepared alone: whoever is innocent of a crash then goes on, and
    /// whoever is not is given up by itself.
    async fn begin(engine: &Engine, run: RunId) -> Result<Self, StoreError> {
        let attempts = engine.store.most_attempts_beside(run).await?;
        let preparing = Arc::clone(&engine.preparing);
        Ok(if attempts + 1 < MAX_ATTEMPTS {
            Self::Shared(preparing.read_owned().await)
        } else {
            Self::Alone(preparing.write_owned().await)
        })
    }

    fn end(self) {
        match self {
            Self::Shared(place) => drop(place),
            Self::Alone(place) => drop(place),
        }
    }
}

/// Answers a bell: takes what is due in the lane of `run`, and carries it out to its end.
pub async fn answer(engine: Engine, run: RunId) {
    let preparing = tokio::select! {
        preparing = Preparing::begin(&engine, run) => preparing,
        () = engine.stop.cancelled() => return,
    };
    let preparing = match preparing {
        Ok(preparing) => preparing,
        // the sweep rings again
        Err(error) => return tracing::error!(run.id = %run, error = %error, "cannot look at a lane"),
    };
    if engine.stop.is_cancelled() {
        return;
    }
    let from = engine.now();
    match engine
        .store
        .claim(run, &engine.worker, engine.lease.length, MAX_ATTEMPTS, engine.now())
        .await
    {
        Ok(Claim::Taken(run)) => {
            told::claimed(&engine, &run, from);
            carry_out(&engine, *run, preparing).await;
        }
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
async fn carry_out(engine: &Engine, mut run: Run, preparing: Preparing) {
    let Some(watching) = engine.begin_watching(run.id) else {
        return;
    };
    tracing::info!("claimed");
    let stand = begin(engine, &mut run, &watching).await;
    preparing.end();
    let runner = match stand {
        Stand::Started(runner) => Some(runner),
        Stand::Elsewhere => None,
        Stand::Over(Some(ending)) => return finish(engine, &run, ending).await,
        Stand::Over(None) => return,
    };
    let by_person = run.instructions.is_some();
    let watch = watch_over(engine.clone(), run, runner, watching);
    if by_person {
        // A person takes as long as it takes, and what has work to do needs the place meanwhile.
        engine.tasks.spawn(watch.in_current_span());
    } else {
        watch.await;
    }
}

/// Watches a run that has started, and writes down how it ended.
async fn watch_over(engine: Engine, run: Run, runner: Option<Running>, _watching: Watching) {
    let ending = match runner {
        Some(mut runner) => {
            let ended = tokio::select! {
                (ended, ()) = async { tokio::join!(runner.ended(), title::note(&engine, &run)) } => ended,
                () = engine.stop.cancelled() => return,
            };
            conclude(&engine, &run, ended).await
        }
        None => watch_to_end(&engine, &run).await,
    };
    if let Some(ending) = ending {
        finish(&engine, &run, ending).await;
    }
}

/// Where a claimed run stands once this process has done what it can.
enum Stand {
    /// Its runner is ours.
    Started(Running),
    /// Another process has started this very attempt, or sealed it.
    Elsewhere,
    /// No runner of ours ever will: how the run ended, or nothing where it is no longer ours, or goes on without us.
    Over(Option<Ending>),
}

/// Everything up to the start of the runner.
async fn begin(engine: &Engine, run: &mut Run, watching: &Watching) -> Stand {
    let (Some(order), Some(lane)) = (run.order.clone(), run.lane.clone()) else {
        let detail = "the run has no order to carry out".to_owned();
        return over(Reason::ConfigurationChanged { detail });
    };
    let began = engine.now();
    let told = async {
        // what a person is to do is told as soon as that is known
        if is_for_a_person(engine, run) {
            return Ok(());
        }
        let outgoing = announce(engine, run, None);
        engine
            .store
            .report_progress(run.id, run.fence, &[], &outgoing, began)
            .await
    };
    let prepared = async {
        tokio::select! {
            prepared = prepare(engine, run, &order, &lane) => prepared.map_err(over),
            () = watching.told_to_stop() => Err(Stand::Over(Some(cancel::stopped()))),
            () = engine.stop.cancelled() => Err(Stand::Over(None)),
        }
    };
    let (told, prepared) = tokio::join!(told, prepared);
    engine.outbox.notify_one();
    if let Err(error) = told {
        tracing::error!(error = %error, "cannot write the progress of a run");
        if matches!(error, StoreError::Stale) {
            return lost(engine, run).await;
        }
    }
    let spec = match prepared {
        Ok(spec) => spec,
        Err(stand) => {
            // no runner will do it
            remove_scratch(engine, run).await;
            return stand;
        }
    };
    let prepared_at = engine.now();
    if let Some(instructions) = spec.instructions() {
        run.instructions = Some(instructions.to_owned());
        match await_person(engine, run, instructions).await {
            Ok(()) => {}
            Err(StoreError::Stale) => return lost(engine, run).await,
            Err(_) => return Stand::Over(None),
        }
    }
    let runner = match start(engine, &spec, watching).await {
        Begun::Started(runner) => runner,
        Begun::Elsewhere => return Stand::Elsewhere,
        Begun::Not(ending) => {
            remove_scratch(engine, run).await;
            return Stand::Over(Some(ending));
        }
    };
    let pid = runner.pid().unwrap_or_default();
    tracing::info!(pid, "started");
    if run.instructions.is_some() {
        // nothing was prepared, and no command has started
        return Stand::Started(runner);
    }
    let milliseconds = (prepared_at - began).num_milliseconds().unsigned_abs();
    let events = [RunEvent::CheckedOut { milliseconds }, RunEvent::Started { pid }];
    if let Err(error) = engine
        .store
        .report_progress(run.id, run.fence, &events, &[], engine.now())
        .await
    {
        tracing::warn!(error = %error, "cannot write that the run has started");
    }
    Stand::Started(runner)
}

fn over(reason: Reason) -> Stand {
    Stand::Over(Some(Ending::plain(RunState::Errored, reason)))
}

/// It was taken from us before it began: this attempt never will.
async fn lost(engine: &Engine, run: &Run) -> Stand {
    remove_checkout(engine, run).await;
    remove_scratch(engine, run).await;
    Stand::Over(None)
}

/// Writes down that the run waits for a person, and tells it. Before the runner starts, so that whoever adopts the run knows
/// of it; and not given up, because nobody could answer what the ledger does not know. An error is the last word: the run has
/// a new owner, or this process is to stop.
async fn await_person(engine: &Engine, run: &Run, instructions: &str) -> Result<(), StoreError> {
    loop {
        let outgoing = announce(engine, run, None);
        let now = engine.now();
        let written = engine
            .store
            .await_person(run.id, run.fence, instructions, &outgoing, now)
            .await;
        match written {
            Ok(()) | Err(StoreError::Stale) => {
                engine.outbox.notify_one();
                return written;
            }
            Err(error) => {
                tracing::error!(error = %error, "cannot write that a run waits for a person; trying again");
                tokio::select! {
                    () = engine.stop.cancelled() => return Err(error),
                    () = tokio::time::sleep(LEDGER_PAUSE) => {}
                }
            }
        }
    }
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
                let current = engine.store.find_run(run.id).await;
                if let Ok(Some(run)) = &current
                    && let Some(verdict) = run.persons_verdict()
                {
                    // it is as they say, whether or not the runner still heard of it
                    return Some(of_verdict(verdict));
                }
                match current {
                    // what was asked for has come about, whoever killed the runner
                    Ok(Some(Run { cancel: Some(_), .. })) => {
                        return Some(cancel::stopped_with(works_elsewhere(engine, run)));
                    }
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
                if let Some(trouble) = &ending.log_trouble {
                    tracing::warn!(run.id = %run.id, trouble, "the log of a run is not complete");
                }
                tracing::info!(run.id = %run.id, state = ending.state.as_str(), reason, duration_ms = milliseconds, "finished");
                engine.outbox.notify_one();
                if let Some(next) = next {
                    ring(engine, next).await;
                }
                drift::ran(engine, run).await;
                told::attempted(engine, run, &ending.steps).await;
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
    let ended = command::ended(engine, run, ending, now).await?;
    let good = last_good(&engine.store, &ended, now).await?;
    let outgoing = engine.voice().announce_with(&ended, None, good.map(|good| good.says));
    let lock = after_cancel(engine, &ended, now);
    let end = End {
        state: ended.state,
        reason: ended.reason.as_ref(),
        steps: &ending.steps,
        log_trouble: ending.log_trouble.as_deref(),
        lock: lock.as_ref(),
    };
    engine.store.finish(run, &end, &outgoing, now).await
}
