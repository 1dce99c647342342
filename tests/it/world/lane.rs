//! One environment, one run at a time, in GitHub's order. The journal, written by the deployed script, is the judge.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::World;

/// Whether every run ended before the next of its environment began.
fn never_overlap(journal: &[String], environment: &str) -> bool {
    let own: Vec<&str> = journal
        .iter()
        .filter(|line| line.split(' ').nth(1) == Some(environment))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    own.chunks(2).all(|pair| pair == ["begin", "end"])
}

#[tokio::test]
async fn runs_of_one_environment_follow_each_other_in_githubs_order() {
    let world = World::new().await;
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.push(world.deploy("staging").await);
        world.clock.advance(Duration::from_secs(1));
    }
    world.run_by_itself();
    world
        .until("all have run", || (world.journal().len() == 8).then_some(()))
        .await;
    world.quiet().await;
    let journal = world.journal();
    assert!(never_overlap(&journal, "staging"), "{journal:?}");
    let began: Vec<String> = journal
        .iter()
        .filter(|line| line.starts_with("begin"))
        .cloned()
        .collect();
    let expected: Vec<String> = asked.iter().map(|id| format!("begin staging {id}")).collect();
    assert_eq!(began, expected);
    world.end().await;
}

#[tokio::test]
async fn whoever_waits_is_told_where_it_stands() {
    let mut world = World::new().await;
    let first = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(first).await.id);
    world.journal_of(1).await;
    world.commit("two");
    let second = world.deploy("staging").await;
    world.intake().await;
    world.commit("three");
    let third = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    assert_snapshot!(world.told(second).await, @"queued: queued: position 2, behind run of <one>");
    assert_snapshot!(world.told(third).await, @"queued: queued: position 3, behind run of <two>");
    assert!(world.run_page(third).await.contains("position 3"));
    world.release();
    running.await.unwrap();
    world.settle().await;
    assert_eq!(world.journal().len(), 6);
    assert!(!world.chat().await.contains("position"), "{}", world.chat().await);
    assert!(world.log(third).await.contains("version three"));
    world.end().await;
}

#[tokio::test]
async fn what_began_is_not_told_with_the_reason_why_it_had_waited() {
    let world = World::new().await;
    let first = world.deploy("staging").await;
    world.intake().await;
    let second = world.deploy("staging").await;
    world.intake().await;
    chima::flow::execute::answer(world.engine.clone(), world.run(first).await.id).await;
    world.hold();
    let running = world.begin(world.run(second).await.id);
    world.journal_of(3).await;
    world.outbox().await;
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @"started: deploy `site` to `staging` (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 2>");
    assert!(
        !world.run_page(second).await.contains("class=\"notice\""),
        "it waits no more"
    );
    world.release();
    running.await.unwrap();
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn two_that_arrive_together_are_told_different_places() {
    let world = World::new().await;
    let (first, second) = (world.deploy("staging").await, world.deploy("staging").await);
    assert_eq!(world.intake().await, 2);
    world.outbox().await;
    assert!(
        world.latest(first).description.starts_with("queued: "),
        "{}",
        world.latest(first).description
    );
    assert!(
        world.latest(second).description.starts_with("queued: position 2"),
        "{}",
        world.latest(second).description
    );
    world.settle().await;
    world.end().await;
}

#[tokio::test]
async fn the_older_goes_first_although_it_was_delivered_later() {
    let world = World::new().await;
    let (older, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    world.clock.advance(Duration::from_secs(2));
    let newer = world.deploy("staging").await;
    world.intake().await;
    assert_eq!(world.post(&parcel).await.status, 202);
    world.settle().await;
    let journal = world.journal();
    assert_eq!(journal[0], format!("begin staging {older}"));
    assert_eq!(journal[2], format!("begin staging {newer}"));
    world.end().await;
}

#[tokio::test]
async fn different_environments_run_side_by_side() {
    let world = World::new().await;
    let (one, other) = (world.deploy("staging").await, world.deploy("production").await);
    world.intake().await;
    world.hold();
    let first = world.begin(world.run(one).await.id);
    let second = world.begin(world.run(other).await.id);
    let journal = world.journal_of(2).await;
    assert!(journal.iter().all(|line| line.starts_with("begin")), "{journal:?}");
    world.release();
    first.await.unwrap();
    second.await.unwrap();
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn a_bell_for_a_busy_lane_starts_nothing() {
    let world = World::new().await;
    let first = world.deploy("staging").await;
    let second = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(first).await.id);
    world.journal_of(1).await;
    for deployment in [first, second, second] {
        let run = world.run(deployment).await.id;
        chima::flow::execute::answer(world.engine.clone(), run).await;
    }
    assert_eq!(world.journal().len(), 1);
    assert_eq!(world.state(second).await, RunState::Queued);
    world.release();
    running.await.unwrap();
    world.settle().await;
    assert!(never_overlap(&world.journal(), "staging"));
    world.end().await;
}

#[tokio::test]
async fn a_failure_does_not_stop_the_next_of_the_lane() {
    let world = World::setup()
        .script("#!/bin/sh\n[ \"$CHIMA_REF\" = main ]\n")
        .start()
        .await;
    world
        .github
        .repository(crate::world::stage::SITE)
        .branch("other", &world.commits[0].1);
    let first = world.ask(DeploymentRequest::to("staging").of("other")).await;
    let second = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(
        [world.latest(first).state, world.latest(second).state],
        ["failure", "success"]
    );
    world.end().await;
}
