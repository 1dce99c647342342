//! Looks at held runs again: the same decision from fresh facts, as often as it takes, until the hold's time is up.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::deployment::Deployment;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::announce::announce;
use crate::flow::decided::{displaced, evidence, first_state, hold_until, place};
use crate::flow::engine::Engine;
use crate::flow::gather::{Gathered, gather, look_at_lane};
use crate::flow::intake::ring;
use crate::flow::rules::rules_for;
use crate::flow::traces::told::{self, Times};
use crate::policy::decide::decide;
use crate::policy::rules::Rules;
use crate::report::sentence::waited_for;
use crate::store::decisions::Rechecked;
use crate::store::error::StoreError;

/// Webhooks make a hold end sooner; this makes it end at all.
const PERIOD: Duration = Duration::from_secs(60);
/// GitHub could not be asked: soon again.
const SOON: Duration = Duration::from_secs(5);
const BATCH: u32 = 50;
const AT_ONCE: usize = 8;
const TICK: Duration = Duration::from_secs(1);

/// Looks until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look at held runs");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.rechecks.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Looks at every held run that is due. Returns how many there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let due = engine.store.held_runs_due(engine.now(), BATCH).await?;
    let count = due.len();
    let looked: Vec<Result<(), StoreError>> = stream::iter(due)
        .map(|run| Box::pin(async move { recheck(engine, &run).await }))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // every one was looked at: one that cannot be read stands in nobody's way
    looked.into_iter().collect::<Result<(), StoreError>>()?;
    Ok(count)
}

async fn recheck(engine: &Engine, run: &Run) -> Result<(), StoreError> {
    let Some(deployment) = engine.store.find_deployment(run).await? else {
        return Ok(());
    };
    let now = engine.now();
    if let Some(until) = run.hold_until.filter(|until| *until <= now) {
        let limit_seconds = (until - run.created_at).num_seconds().unsigned_abs();
        let waited_for = run.reason.as_ref().map_or_else(|| "a decision".to_owned(), waited_for);
        let reason = Reason::HoldExpired {
            limit_seconds,
            waited_for,
        };
        return end(engine, run, RunState::Errored, reason).await;
    }
    let rules = match rules_for(engine, &deployment).await {
        Ok(rules) => rules,
        Err(error) => {
            tracing::warn!(run.id = %run.id, error = %error, "cannot tell whether our own App made a held deployment");
            return engine.store.postpone_recheck(run.id, now + SOON, now).await;
        }
    };
    let mut gathered = gather(engine, &deployment, &rules).await?;
    let gathered_at = engine.now();
    let times = Times {
        began: now,
        gather: now,
        gathered: gathered_at,
        decide: gathered_at,
    };
    while record(engine, run, (&deployment, &rules), &gathered, times).await? == Rechecked::LaneMoved {
        look_at_lane(engine, &deployment, &rules, &mut gathered).await?;
    }
    Ok(())
}

/// Decides from what was gathered, and moves the run there unless its lane has moved meanwhile.
async fn record(
    engine: &Engine,
    run: &Run,
    (deployment, rules): (&Deployment, &Rules),
    gathered: &Gathered,
    times: Times,
) -> Result<Rechecked, StoreError> {
    let facts = &gathered.facts;
    let now = facts.now;
    let decision = decide(deployment, facts, rules);
    let Some(state) = first_state(&decision) else {
        let detail = format!("`{}` is not configured any more", deployment.repository);
        end(engine, run, RunState::Errored, Reason::ConfigurationChanged { detail }).await?;
        return Ok(Rechecked::Written);
    };
    let reason = decision.reasons.first().cloned();
    let pause = if matches!(reason, Some(Reason::FactsUnavailable { .. })) {
        SOON
    } else {
        PERIOD
    };
    // one that a lock kept from its turn is held from now on
    let hold_until = run
        .hold_until
        .or_else(|| hold_until(engine, &decision, deployment, now));
    let check_after = hold_until.map_or(now + pause, |until| until.min(now + pause));
    if state == RunState::Held && waits_for_the_same(reason.as_ref(), run.reason.as_ref()) {
        engine.store.postpone_recheck(run.id, check_after, now).await?;
        return Ok(Rechecked::Written);
    }
    let moved = Run {
        state,
        reason,
        finished_at: state.is_terminal().then_some(now),
        hold_until,
        passes_lock: decision.passes_lock,
        forced: decision.forced.clone(),
        ..run.clone()
    };
    let displaced = displaced(engine, &decision, deployment).await?;
    let place = place(engine, &decision).await?;
    let outgoing = announce(engine, &moved, place.as_ref());
    let evidence = evidence(engine, facts, rules, &decision);
    let check_after = (state == RunState::Held).then_some(check_after);
    let recorded = engine
        .store
        .record_recheck(
            &moved,
            &evidence,
            check_after,
            gathered.seen.as_ref(),
            &displaced,
            &outgoing,
        )
        .await?;
    if recorded == Rechecked::Written {
        tracing::info!(run.id = %run.id, verdict = decision.verdict.as_str(), "decided again");
        told::decided(engine, deployment, &evidence.id, &decision, times);
        engine.outbox.notify_one();
        if state == RunState::Queued && decision.position <= 1 {
            ring(engine, run.id).await;
        }
    }
    Ok(recorded)
}

/// What GitHub says while it cannot be asked differs from call to call, and is no news.
fn waits_for_the_same(now: Option<&Reason>, before: Option<&Reason>) -> bool {
    let unavailable = |reason: Option<&Reason>| matches!(reason, Some(Reason::FactsUnavailable { .. }));
    now == before || (unavailable(now) && unavailable(before))
}

async fn end(engine: &Engine, run: &Run, state: RunState, reason: Reason) -> Result<(), StoreError> {
    let now = engine.now();
    let ended = Run {
        state,
        reason: Some(reason.clone()),
        finished_at: Some(now),
        ..run.clone()
    };
    let outgoing = announce(engine, &ended, None);
    if engine.store.finish_waiting(run, state, &reason, &outgoing, now).await? {
        engine.outbox.notify_one();
    }
    Ok(())
}
