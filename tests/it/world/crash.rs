//! Processes that die at the worst moment, as far as one process can play them. The journal is the judge.

use std::time::Duration;

use chima::domain::run::{Run, RunState};
use chima::flow::announce::announce;
use chima::flow::engine::MAX_ATTEMPTS;
use chima::flow::outcome::Ending;
use chima::flow::{execute, outbox, sweep};
use chima::store::claims::Claim;
use chima::store::ends::End;
use chima::store::error::StoreError;
use chima::store::outbox::{Claimed, Kind};
use insta::assert_snapshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::stage::World;

/// Longer than a claim is good for.
const LAPSED: Duration = Duration::from_secs(31);

impl World {
    /// Somebody takes every bell and does nothing with it.
    pub async fn lose_bells(&self) {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let taking = self.engine.queue.work(1, |_| async {}, &tasks, stop);
        let gone = async {
            while self.engine.queue.waiting().await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = taking => {}
            () = gone => {}
        }
    }

    /// Some worker claims the head of a deployment's lane, and dies.
    pub async fn claimed(&self, deployment: u64) -> Run {
        let run = self.run(deployment).await.id;
        let claim = self
            .engine
            .store
            .claim(
                run,
                "elsewhere/boot/1/2/3",
                self.engine.lease.length,
                MAX_ATTEMPTS,
                chima::domain::clock::Clock::now(&self.clock),
            )
            .await
            .unwrap();
        match claim {
            Claim::Taken(run) => *run,
            other @ (Claim::GivenUp(_) | Claim::Busy | Claim::Empty) => panic!("{other:?}"),
        }
    }

    /// Sweeps, and waits until what was adopted is settled.
    async fn adopt(&self) {
        self.sweep().await;
        self.until("nothing is watched", || {
            self.engine.watched_runs().is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_run_whose_worker_died_before_the_start_runs_once_after_its_claim_lapsed() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.claimed(id).await;
    world.adopt().await;
    assert_eq!(world.state(id).await, RunState::Running, "the claim is still good");
    world.clock.advance(LAPSED);
    world.adopt().await;
    assert_eq!(world.state(id).await, RunState::Queued);
    world.settle().await;
    assert_eq!((world.journal().len(), world.run(id).await.attempts), (2, 2));
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_second_attempt_does_not_say_a_second_time_that_it_began() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    let run = world.claimed(id).await;
    let outgoing = announce(&world.engine, &run, None);
    let now = world.engine.now();
    world
        .engine
        .store
        .report_progress(run.id, run.fence, &[], &outgoing, now)
        .await
        .unwrap();
    world.outbox().await;
    world.clock.advance(LAPSED);
    world.adopt().await;
    world.hold();
    let running = world.begin(run.id);
    world.journal_of(1).await;
    world.outbox().await;
    world.release();
    running.await.unwrap();
    world.outbox().await;
    assert_eq!(world.states(id), ["queued", "in_progress", "success"]);
    assert_eq!(world.slack.messages().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn the_writes_of_a_worker_that_lost_its_run_are_refused() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    let stale = world.claimed(id).await;
    world.clock.advance(LAPSED);
    world.adopt().await;
    refused(&world, &stale).await;
    let ending = Ending {
        state: RunState::Failed,
        reason: None,
        steps: Vec::new(),
        log_trouble: None,
    };
    execute::finish(&world.engine, &stale, ending).await;
    assert_eq!(world.state(id).await, RunState::Queued);
    // somebody else has it now: only the fence tells the two apart
    let fresh = world.claimed(id).await;
    refused(&world, &stale).await;
    assert_eq!(
        (world.state(id).await, world.run(id).await.fence),
        (RunState::Running, fresh.fence)
    );
    world.clock.advance(LAPSED);
    world.adopt().await;
    world.settle().await;
    assert_eq!(world.states(id).last().map(String::as_str), Some("success"));
    world.end().await;
}

/// Whatever this worker writes about its run is refused.
async fn refused(world: &World, stale: &Run) {
    let (store, now) = (&world.engine.store, world.engine.now());
    let end = End {
        state: RunState::Failed,
        reason: None,
        steps: &[],
        log_trouble: None,
        lock: None,
    };
    let finished = store.finish(stale, &end, &[], now).await;
    assert!(matches!(finished, Err(StoreError::Stale)), "{finished:?}");
    let progress = store.report_progress(stale.id, stale.fence, &[], &[], now).await;
    assert!(matches!(progress, Err(StoreError::Stale)), "{progress:?}");
    let requeued = store.requeue(stale.id, stale.fence, "x", now).await;
    assert!(matches!(requeued, Err(StoreError::Stale)), "{requeued:?}");
}

#[tokio::test]
async fn a_lost_bell_is_rung_again_and_one_that_waits_is_not() {
    let world = World::new().await;
    world.deploy("staging").await;
    world.intake().await;
    world.clock.advance(Duration::from_secs(20));
    world.sweep().await;
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 1, "it still waits");
    world.lose_bells().await;
    world.sweep().await;
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 1, "rung again");
    world.lose_bells().await;
    world.clock.advance(Duration::from_secs(2));
    world.sweep().await;
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 0, "it was rung just now");
    world.clock.advance(Duration::from_secs(20));
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn what_was_stored_before_a_stop_is_decided_after_the_start() {
    let mut world = World::new().await;
    let id = world.deploy("staging").await;
    world.restart_with(crate::world::stage::APP).await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_deployment_goes_on_while_its_server_is_replaced() {
    let mut world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    world.engine.stop.cancel();
    running.await.unwrap();
    world.restart_with(crate::world::stage::APP).await;
    world.clock.advance(LAPSED);
    world.sweep().await;
    world.release();
    world.adopt().await;
    world.outbox().await;
    assert_eq!(world.journal().len(), 2);
    assert_eq!(world.states(id).last().map(String::as_str), Some("success"));
    assert!(world.log(id).await.contains("version one"));
    assert_eq!(world.run(id).await.attempts, 1);
    world.end().await;
}

#[tokio::test]
async fn a_worker_that_was_paused_too_long_does_not_tell_the_end_a_second_time() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let paused = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    world.clock.advance(LAPSED);
    let other = world.second_worker().await;
    sweep::step(&other).await.unwrap();
    world.release();
    paused.await.unwrap();
    world
        .until("the other is done", || other.watched_runs().is_empty().then_some(()))
        .await;
    world.outbox().await;
    assert_eq!((world.state(id).await, world.journal().len()), (RunState::Succeeded, 2));
    other.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_killed_runner_is_an_interruption_and_what_it_left_is_stopped() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    let marker = world.path(&format!("data/runs/{}/attempt-1/started", world.run(id).await.id));
    let marker: serde_json::Value = serde_json::from_slice(&std::fs::read(marker).unwrap()).unwrap();
    let runner = rustix::process::Pid::from_raw(i32::try_from(marker["pid"].as_i64().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(runner, rustix::process::Signal::KILL).unwrap();
    running.await.unwrap();
    world.outbox().await;
    assert_eq!(
        (world.state(id).await, world.latest(id).state.as_str()),
        (RunState::Interrupted, "error")
    );
    assert!(
        world.latest(id).description.contains("stopped what it left behind"),
        "{}",
        world.latest(id).description
    );
    world.release();
    assert_eq!(world.journal().len(), 1, "it never reached its end");
    let next = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.latest(next).state, "success", "the lane is free");
    world.end().await;
}

#[tokio::test]
async fn a_run_that_takes_its_worker_down_again_and_again_is_given_up() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    for _ in 0..MAX_ATTEMPTS {
        world.claimed(id).await;
        world.clock.advance(LAPSED);
        world.adopt().await;
    }
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"error: error: it took its worker down 3 times");
    assert_eq!(world.journal().len(), 0);
    world.end().await;
}

/// What is to be told, claimed by a sender that then dies.
async fn claimed_by_the_dead(world: &World) -> Claimed {
    let (store, now) = (&world.engine.store, world.engine.now());
    let (line, limit) = (Kind::DeploymentStatus.into(), Duration::from_secs(60));
    let claimed = store
        .claim_outgoing(&line, "a sender that died", now, limit, &world.engine.pace)
        .await;
    claimed.unwrap().unwrap()
}

#[tokio::test]
async fn what_a_sender_that_died_did_not_send_is_sent_all_the_same() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.answer_bells().await;
    let claimed = claimed_by_the_dead(&world).await;
    assert!(claimed.outgoing.terminal, "{claimed:?}");
    world.clock.advance(Duration::from_secs(61));
    world.settle_all().await;
    assert_eq!(world.states(id), ["queued", "success"]);
    world.end().await;
}

#[tokio::test]
async fn a_sender_that_died_after_sending_sends_nothing_twice() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    let claimed = claimed_by_the_dead(&world).await;
    let message: outbox::StatusMessage = serde_json::from_value(claimed.outgoing.body.clone()).unwrap();
    world
        .engine
        .github
        .create_status(&message.target, &message.status)
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(61));
    world.outbox().await;
    assert_eq!(world.states(id), ["queued"]);
    world.settle().await;
    assert_eq!(world.states(id), ["queued", "success"]);
    world.end().await;
}
