//! `lane: latest`: of those that wait only the newest runs, and the others are told so.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};

async fn latest() -> World {
    World::setup().with("lane: latest").start().await
}

#[tokio::test]
async fn a_newer_deployment_takes_the_place_of_those_that_wait() {
    let world = latest().await;
    let running = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let first = world.begin(world.run(running).await.id);
    world.journal_of(1).await;
    world.clock.advance(Duration::from_secs(1));
    let waiting = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.clock.advance(Duration::from_secs(1));
    let newest = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    assert_snapshot!(world.told(waiting).await, @"
    queued: queued: position 2, behind run of <one>
    inactive: superseded by deployment <3>
    ");
    assert_snapshot!(world.told(newest).await, @"queued: queued: position 2, behind run of <one>");
    world.release();
    first.await.unwrap();
    world.settle().await;
    let began: Vec<String> = world
        .journal()
        .into_iter()
        .filter(|line| line.starts_with("begin"))
        .collect();
    assert_eq!(
        began,
        [format!("begin staging {running}"), format!("begin staging {newest}")]
    );
    world.end().await;
}

#[tokio::test]
async fn of_several_that_arrive_together_only_the_newest_runs() {
    let world = latest().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(world.deploy("staging").await);
    }
    assert_eq!(world.intake().await, 5);
    world.settle().await;
    let newest = asked[4];
    assert_eq!(
        world.journal(),
        [format!("begin staging {newest}"), format!("end staging {newest}")]
    );
    for id in &asked[..4] {
        assert_eq!(world.state(*id).await, RunState::Superseded, "{id}");
    }
    world.end().await;
}

#[tokio::test]
async fn an_older_deployment_that_is_delivered_late_is_superseded() {
    let world = latest().await;
    let (older, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    world.clock.advance(Duration::from_secs(5));
    let newer = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.post(&parcel).await.status, 202);
    world.settle().await;
    assert_snapshot!(world.told(older).await, @"inactive: superseded by deployment <2>");
    assert_eq!(world.state(newer).await, RunState::Succeeded);
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn one_that_is_held_gives_way_too() {
    let app = APP.replace("required_contexts: []", "required_contexts: [ci]\nlane: latest");
    let mut world = World::setup().app(&app).start().await;
    let held = world.deploy("staging").await;
    world.settle().await;
    world.clock.advance(Duration::from_secs(1));
    let sha = world.commit("two");
    world.github.repository(SITE).status(&sha, "ci", "success");
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.states(held), ["pending", "inactive"]);
    world.end().await;
}

#[tokio::test]
async fn environments_do_not_supersede_each_other() {
    let world = latest().await;
    let (staging, production) = (world.deploy("staging").await, world.deploy("production").await);
    world.settle().await;
    assert_eq!(
        [world.latest(staging).state, world.latest(production).state],
        ["success", "success"]
    );
    world.end().await;
}
