//! Events in any order, any number of times, or not at all; people who deploy in between.

use chima_simulator::github::deploy::DeploymentRequest;

use super::{app, deployed};
use crate::world::stage::{SITE, World};

#[tokio::test]
async fn a_status_that_comes_before_its_push_is_not_lost() {
    let mut world = deployed("true").await;
    world.hook.url("http://127.0.0.1:1/");
    let sha = world.land("two", &[]);
    let pushed = world.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
    let push = world.parcel(&pushed.deliveries[0].guid);
    world.hook.url(&format!("{}/webhooks/github", world.url));
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    assert_eq!(world.post(&push).await.status, 202);
    world.round().await;
    world.later(300).await;
    assert_eq!(world.made().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn when_every_event_is_lost_the_timer_finds_it() {
    let mut world = deployed("true").await;
    world.hook.events(&["deployment"]);
    world.push("two").await;
    let sha = world.sha("two");
    world.github.ci(SITE, &sha, "ci", "success").await.unwrap();
    world.later(299).await;
    assert_eq!(world.made().len(), 1);
    world.later(1).await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn what_happened_while_nobody_ran_is_found_at_the_start() {
    let mut world = deployed("{ on: push }").await;
    world.stop().await;
    let sha = world.land("two", &[]);
    world.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
    world.restart_with(&app("", "{ on: push }")).await;
    world.round().await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn events_that_come_again_and_again_make_one_deployment() {
    let mut world = deployed("true").await;
    let pushed = world.push("two").await;
    let sha = world.sha("two");
    let told = world.github.ci(SITE, &sha, "ci", "success").await.unwrap();
    for _ in 0..3 {
        for guid in [&pushed.deliveries[0].guid, &told[0].guid] {
            world.github.redeliver(guid).await;
        }
        world.round().await;
    }
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn late_events_of_earlier_commits_change_nothing() {
    let mut world = deployed("true").await;
    let first = world.push("two").await;
    world.push("three").await;
    world.status_of("three", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "three: success"]);
    world.github.redeliver(&first.deliveries[0].guid).await;
    world.status_of("two", "ci", "success").await;
    assert_eq!((world.why().await, world.made().len()), ("deployed", 2));
    world.end().await;
}

#[tokio::test]
async fn while_it_waits_the_head_moves_on_and_only_the_newest_is_deployed() {
    let mut world = deployed("true").await;
    for name in ["two", "three", "four"] {
        world.push(name).await;
        world.status_of(name, "ci", "pending").await;
    }
    for name in ["two", "three"] {
        world.status_of(name, "ci", "success").await;
    }
    assert_eq!(world.made().len(), 1);
    world.status_of("four", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "four: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_commit_whose_deployment_failed_is_not_deployed_again_by_itself() {
    let script = "#!/bin/sh\ntest \"$(cat version)\" != broken\n";
    let mut world = World::setup()
        .app(&app("required_contexts: []", "true"))
        .script(script)
        .start()
        .await;
    world.push("broken").await;
    world.round().await;
    assert_eq!(world.made(), ["broken: failure"]);
    world.later(3600).await;
    assert_eq!((world.why().await, world.made().len()), ("asked_before", 1));
    world.push("mended").await;
    world.round().await;
    assert_eq!(world.made(), ["broken: failure", "mended: success"]);
    world.end().await;
}

#[tokio::test]
async fn what_somebody_deploys_by_hand_is_not_deployed_again() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.settle().await;
    world.deploy("staging").await;
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    assert_eq!(world.why().await, "deployed");
    world.end().await;
}

#[tokio::test]
async fn something_newer_that_is_deployed_by_hand_stays() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.settle().await;
    let topic = world.land("topic", &[]);
    world.github.repository(SITE).branch("topic", &topic);
    world.ask(DeploymentRequest::to("staging").of("topic")).await;
    world.intake().await;
    world.status_of("two", "ci", "success").await;
    world.later(60).await;
    assert_eq!((world.why().await, world.made().len()), ("behind", 2));
    world.end().await;
}

#[tokio::test]
async fn nothing_is_put_behind_a_deployment_by_hand_that_it_would_undo() {
    let mut world = deployed("{ on: push }").await;
    let topic = world.land("topic", &[]);
    let one = world.sha("one");
    world.github.repository(SITE).branch("topic", &topic);
    world.ask(DeploymentRequest::to("staging").of("topic")).await;
    world.intake().await;
    let two = world.land("two", &[]);
    world.github.repository(SITE).commit(&two, "two", "mona", &[&one]);
    world.github.move_branch(SITE, "main", Some(&two)).await.unwrap();
    world.intake().await;
    world.auto().await;
    assert_eq!((world.why().await, world.made().len()), ("under_way", 2));
    world.settle().await;
    world.later(60).await;
    assert_eq!((world.why().await, world.made().len()), ("diverged", 2));
    world.end().await;
}

#[tokio::test]
async fn what_comes_while_another_is_under_way_takes_its_turn() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.intake().await;
    world.auto().await;
    world.push("three").await;
    world.intake().await;
    world.auto().await;
    assert_eq!(world.made(), ["one: success", "two: ", "three: "]);
    world.settle().await;
    assert_eq!(world.made(), ["one: success", "two: success", "three: success"]);
    world.end().await;
}
