//! The level-triggered pass: whatever a lost bell or a dead process left behind is found here. It asks the ledger and this
//! machine only, so that nobody who is slow holds it up.

use std::time::Duration;

use crate::flow::engine::Engine;
use crate::flow::{adopt, audit, command, lock, outbox, repositories, restore, tidy, watchdog};
use crate::store::bells::Head;
use crate::store::error::StoreError;

const TICK: Duration = Duration::from_secs(1);
/// A bell that nobody answered for this long, though none waits in the queue, is lost.
const BELL_LOST: Duration = Duration::from_secs(5);
/// So many lanes are looked at in one pass.
const LANES: u32 = 1000;

/// Sweeps until this process is to stop.
pub async fn run(engine: Engine) {
    let leftovers = engine.clone();
    engine
        .tasks
        .spawn(async move { tidy::remove_leftovers(&leftovers).await });
    // whoever worked here before may have taken a bell and died: nobody waits for it to count as lost
    let mut ring_all = true;
    while !engine.stop.is_cancelled() {
        if let Err(error) = pass(&engine.current(), &mut ring_all).await {
            tracing::error!(error = %error, "cannot sweep the ledger");
        }
        engine.swept.send_modify(|count| *count += 1);
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.sweeps.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// One pass.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<(), StoreError> {
    pass(engine, &mut false).await
}

/// One pass. `ring_all`: every bell that is due is rung, in this pass or in the next ones, until all of them could be.
async fn pass(engine: &Engine, ring_all: &mut bool) -> Result<(), StoreError> {
    if !restore::step(engine).await? {
        return Ok(());
    }
    outbox::release_dead(engine).await?;
    // a worker that died with a run may have died with a bell too
    *ring_all |= adopt::step(engine).await? > 0;
    command::step(engine).await?;
    lock::step(engine).await?;
    watchdog::step(engine).await?;
    audit::step(engine).await;
    // another process may have heard of a new name
    repositories::call_by_present_names(engine).await?;
    if ring_again(engine, *ring_all).await? {
        *ring_all = false;
    }
    Ok(())
}

/// Rings for the heads of idle lanes whose bell was not rung or may be lost, in the lanes whose turn it is; whether that was the
/// last of them, and every bell that was due could be rung. While bells still wait in the queue none is lost: every worker is
/// busy, and more would only pile up.
async fn ring_again(engine: &Engine, ring_all: bool) -> Result<bool, StoreError> {
    let age = if ring_all { Duration::ZERO } else { BELL_LOST };
    let stale = engine.now() - age;
    let turn = &engine.turns.lanes;
    let after = turn.after();
    let mut heads = engine.store.heads(&after, LANES).await?;
    let last = turn.went(heads.len(), LANES, heads.last().map(|head| head.lane.as_str()));
    heads.retain(|head| !head.busy && head.rung_at.is_none_or(|at| at <= stale));
    if heads.is_empty() {
        return Ok(last);
    }
    let idle = match engine.queue.is_idle().await {
        Ok(idle) => idle,
        Err(error) => {
            tracing::warn!(error = %error, runs = heads.len(), "the queue does not answer; runs wait in the ledger");
            return Ok(false);
        }
    };
    let mut rung = Vec::with_capacity(heads.len());
    let mut all = last;
    for Head { run, .. } in heads
        .into_iter()
        .filter(|head| ring_all || idle || head.rung_at.is_none())
    {
        match engine.queue.ring(run).await {
            Ok(()) => rung.push(run),
            Err(error) => {
                tracing::warn!(run.id = %run, error = %error, "cannot ring for waiting runs; trying again");
                all = false;
                break;
            }
        }
    }
    if !rung.is_empty() {
        engine.store.mark_rung(&rung, engine.now()).await?;
    }
    Ok(all)
}

/// Renews the claims of this process until it is to stop.
pub async fn renew(engine: Engine) {
    loop {
        tokio::select! {
            () = engine.stop.cancelled() => return,
            () = tokio::time::sleep(engine.lease.renewal) => {}
        }
        let watched = engine.watched_runs();
        if watched.is_empty() {
            continue;
        }
        if let Err(error) = engine
            .store
            .renew_leases(&engine.worker, &watched, engine.now() + engine.lease.length)
            .await
        {
            tracing::error!(error = %error, "cannot renew the claims of this worker; others may take its runs over");
        }
    }
}
