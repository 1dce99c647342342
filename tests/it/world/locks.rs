//! Locks through the whole flow: who is let through, who waits, what a deployment that is a lock command comes to, and what
//! people hear.

mod alone;
mod automatic;
mod commands;
mod line;

use std::time::Duration;

use chima::domain::length::Length;
use chima::domain::lock::{Lock, LockRequest, Otherwise, Place};
use chima::domain::person::{Person, Source};
use chima::domain::run::RunState;
use chima::flow::lock::{lock, places, unlock};
use chima::store::claims::Claim;
use chima::store::locks::{Locked, Unlocked};
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::{APP, World};

/// Whoever is not named otherwise is mona.
fn lisa(environment: &str) -> DeploymentRequest {
    DeploymentRequest {
        creator: Some("lisa".to_owned()),
        ..DeploymentRequest::to(environment)
    }
}

fn person(name: &str) -> Person {
    Person::new(Source::Terminal, name)
}

impl World {
    fn places(&self, environments: &[&str]) -> Vec<Place> {
        places(&self.engine.config, "site", environments).unwrap()
    }

    /// Somebody beside the server asks.
    async fn ask_to_lock(&self, by: &str, environments: &[&str], length: Option<&str>, otherwise: Otherwise) -> Locked {
        let length: Option<Length> = length.map(|length| length.parse().unwrap());
        let places = self.places(environments);
        let request = LockRequest {
            otherwise,
            ..LockRequest::new(person(by), places, Some("db migration"), length)
        };
        lock(&self.engine.desk(), &request).await.unwrap()
    }

    /// The lock of somebody who finds the environment free.
    async fn locked(&self, by: &str, environment: &str, length: Option<&str>) -> Lock {
        match self.ask_to_lock(by, &[environment], length, Otherwise::Refuse).await {
            Locked::Taken { mut locks, .. } => locks.remove(0),
            other @ (Locked::InTheWay(_) | Locked::Waits { .. }) => panic!("not locked: {other:?}"),
        }
    }

    /// A lock until somebody unlocks, for tests of other things.
    pub async fn lock_for_test(&self, by: &str, environment: &str) -> Lock {
        self.locked(by, environment, None).await
    }

    /// The same in an environment of another app.
    pub async fn lock_in(&self, app: &str, environment: &str) {
        let places = places(&self.engine.config, app, &[environment]).unwrap();
        let request = LockRequest::new(person("mona"), places, Some("quiet"), None);
        assert!(matches!(
            lock(&self.engine.desk(), &request).await.unwrap(),
            Locked::Taken { .. }
        ));
    }

    async fn unlocked(&self, by: &str, environments: &[&str]) -> Unlocked {
        let places = self.places(environments);
        unlock(&self.engine.desk(), &places, &person(by)).await.unwrap()
    }

    /// Who holds what.
    async fn held(&self) -> Vec<String> {
        let held = self.engine.store.locks(self.engine.now()).await.unwrap();
        let held = held
            .iter()
            .map(|held| (held.lock.place.environment.as_str(), held.lock.owner.name.as_str()));
        held.map(|(environment, owner)| format!("{environment}: {owner}"))
            .collect()
    }

    /// The last message, with times replaced by how long ago they are.
    async fn last_word(&self) -> String {
        self.chat().await.lines().last().unwrap_or_default().to_owned()
    }

    /// Times, which differ from day to day, replaced by what they are to the test.
    async fn told_timeless(&self, deployment: u64, lock: &Lock) -> String {
        self.timeless(&self.told(deployment).await, lock)
    }

    fn timeless(&self, text: &str, lock: &Lock) -> String {
        let shown = |at: chima::domain::clock::Timestamp| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let text = match lock.until {
            Some(until) => text.replace(&shown(until), "<until>"),
            None => text.to_owned(),
        };
        text.replace(&shown(lock.since), "<since>")
    }
}

#[tokio::test]
async fn nobody_but_the_owner_deploys_to_a_locked_environment() {
    let world = World::new().await;
    let lock = world.locked("mona", "production", Some("2h")).await;
    let refused = world.ask(lisa("production")).await;
    let own = world.deploy("production").await;
    let elsewhere = world.ask(lisa("staging")).await;
    world.settle().await;
    assert_snapshot!(world.told_timeless(refused, &lock).await, @r#"error: rejected: `production` is locked by @mona since <since> until <until>: "db migration""#);
    let page = world.run_page(refused).await;
    assert!(page.contains("ask @mona, or unlock it yourself"), "the way out: {page}");
    let codes = (world.code(refused).await, world.state(refused).await);
    assert_eq!(codes, ("locked", RunState::Rejected));
    assert_eq!(
        (world.latest(own).state, world.latest(elsewhere).state),
        ("success".into(), "success".into())
    );
    // and what was decided is explained from what was stored
    let delivery = world.run(own).await.delivery;
    let (text, same) = chima::cli::decide::decide(&world.engine.store, &delivery.to_string(), false)
        .await
        .unwrap();
    assert!(
        same && text.contains("passed    lock               found locked by mona"),
        "{text}"
    );
    world.end().await;
}

#[tokio::test]
async fn what_waits_its_turn_when_the_lock_comes_waits_on_and_what_has_begun_goes_on() {
    let world = World::new().await;
    world.hold();
    let first = world.ask(lisa("staging")).await;
    world.intake().await;
    let running = world.begin(world.run(first).await.id);
    world.journal_of(1).await;
    let second = world.ask(lisa("staging")).await;
    let owners = world.deploy("staging").await;
    world.settle_but_bells().await;
    world.clock.advance(Duration::from_secs(5));
    let locked = world.ask_to_lock("mona", &["staging"], None, Otherwise::Refuse).await;
    let Locked::Taken { locks, under_way, .. } = &locked else {
        panic!("{locked:?}")
    };
    assert_eq!(
        under_way.iter().map(|run| run.deployment.0).collect::<Vec<_>>(),
        [first]
    );
    // nobody has decided again, and yet nothing can start
    assert_eq!(
        [world.state(second).await, world.state(owners).await],
        [RunState::Held; 2]
    );
    world.sweep().await;
    assert_eq!(
        [world.state(second).await, world.state(owners).await],
        [RunState::Held, RunState::Queued]
    );
    world.release();
    running.await.unwrap();
    world.settle().await;
    assert_eq!(
        [world.state(first).await, world.state(owners).await],
        [RunState::Succeeded; 2]
    );
    let told = world.told_timeless(second, &locks[0]).await;
    assert_snapshot!(told, @r#"
    queued: queued: position 2, behind run of <one>
    pending: held: `staging` is locked by @mona since <since>: "db migration"
    "#);
    world.unlocked("mona", &["staging"]).await;
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.latest(second).state, "success");
    world.end().await;
}

#[tokio::test]
async fn where_the_configuration_says_so_a_deployment_waits_for_the_lock_to_go() {
    let world = World::setup().with("on_lock: wait").start().await;
    let lock = world.locked("mona", "production", None).await;
    let id = world.ask(lisa("production")).await;
    world.settle().await;
    assert_snapshot!(world.told_timeless(id, &lock).await, @r#"pending: held: `production` is locked by @mona since <since>: "db migration""#);
    world.pass(Duration::from_secs(300)).await;
    assert_eq!(world.state(id).await, RunState::Held);
    // due at once, not at the next minute
    world.unlocked("lisa", &["production"]).await;
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_hold_for_a_lock_ends_too() {
    let app = APP.replace("staging: {}", "staging: { on_lock: wait, hold_timeout_seconds: 600 }");
    let world = World::setup().app(&app).start().await;
    let lock = world.locked("mona", "staging", None).await;
    let id = world.ask(lisa("staging")).await;
    world.settle().await;
    world.pass(Duration::from_secs(600)).await;
    assert_snapshot!(world.told_timeless(id, &lock).await.lines().last().unwrap(), @r#"error: error: still held after 10 min, waiting for `staging` is locked by @mona since <since>: "db migration""#);
    world.end().await;
}

#[tokio::test]
async fn a_run_that_comes_back_from_a_dead_worker_does_not_start_under_a_lock() {
    let world = World::new().await;
    let id = world.ask(lisa("staging")).await;
    world.intake().await;
    let claimed = world.claimed_by_nobody(id).await;
    world.clock.advance(Duration::from_secs(5));
    world.locked("mona", "staging", None).await;
    let store = &world.engine.store;
    store
        .requeue(claimed.id, claimed.fence, "x", world.engine.now())
        .await
        .unwrap();
    assert_eq!(world.state(id).await, RunState::Queued);
    world.answer_bells().await;
    assert_eq!((world.state(id).await, world.journal().len()), (RunState::Held, 0));
    world.unlocked("mona", &["staging"]).await;
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_lock_survives_a_restart() {
    let mut world = World::new().await;
    world.locked("mona", "staging", None).await;
    world.restart_with(APP).await;
    assert_eq!(world.held().await, ["staging: mona"]);
    let id = world.ask(lisa("staging")).await;
    world.settle().await;
    assert_eq!(world.code(id).await, "locked");
    world.end().await;
}

#[tokio::test]
async fn a_plan_is_not_stopped_by_a_lock() {
    let app = APP.replace(
        "command: [./script/deploy]",
        "command: [./script/deploy], dry_run: true",
    );
    let world = World::setup().app(&app).start().await;
    world.locked("mona", "staging", None).await;
    let id = world
        .ask(DeploymentRequest {
            task: "deploy:plan".to_owned(),
            ..lisa("staging")
        })
        .await;
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    world.end().await;
}

impl World {
    async fn settle_but_bells(&self) {
        while self.intake().await > 0 {}
        self.outbox().await;
    }

    /// The run, claimed by a process that does nothing with it.
    async fn claimed_by_nobody(&self, deployment: u64) -> chima::domain::run::Run {
        let (run, lease) = (self.run(deployment).await.id, Duration::from_secs(30));
        let claim = self
            .engine
            .store
            .claim(run, "nobody", lease, 3, self.engine.now())
            .await
            .unwrap();
        match claim {
            Claim::Taken(run) => *run,
            other @ (Claim::GivenUp(_) | Claim::Busy | Claim::Empty) => panic!("{other:?}"),
        }
    }
}
