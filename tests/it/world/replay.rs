//! Deciding again: the same from what was stored, something else after the configuration was mended.

use chima::cli::decide;
use chima::domain::audit::By;
use chima::flow::replay::decide_again;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::ending::Left;
use crate::world::stage::{APP, SITE, World};

#[tokio::test]
async fn a_decision_comes_out_the_same_from_what_was_stored() {
    let world = World::setup().required("[ci]").start().await;
    let held = world.deploy("staging").await;
    world.deploy("nowhere").await;
    world.settle().await;
    world
        .github
        .repository(SITE)
        .status(&world.commits[0].1, "ci", "success");
    world.pass(std::time::Duration::from_secs(61)).await;
    let store = &world.engine.store;
    let deliveries = world.github.read(|found| found.deliveries.clone());
    let mut made = 0;
    for sent in deliveries.iter().filter(|sent| sent.event == "deployment") {
        let delivery = decide::find(store, &sent.guid).await.unwrap();
        let comparisons = decide_again(store, &delivery).await.unwrap();
        assert!(comparisons.iter().all(|one| one.agrees()), "{comparisons:#?}");
        made += comparisons.len();
    }
    assert_eq!(made, 3, "held, released, rejected");
    assert_eq!(world.latest(held).state, "success");
    world.end().await;
}

#[tokio::test]
async fn an_ignored_delivery_runs_when_it_is_replayed_after_the_configuration_was_mended() {
    let mut world = World::new().await;
    let deployed = world
        .github
        .deploy(
            SITE,
            DeploymentRequest {
                app: Some("release-bot".to_owned()),
                ..DeploymentRequest::to("staging")
            },
        )
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.states(deployed.id), Vec::<String>::new());
    world.know_app("release-bot").await;
    let guid = &deployed.deliveries[0].guid;
    let text = decide::replay(&world.engine.store, guid, By::called("mona"), world.engine.now())
        .await
        .unwrap();
    assert!(
        text.contains("was `ignored` and is now before the door again"),
        "{text}"
    );
    world.settle().await;
    assert_eq!(world.latest(deployed.id).state, "success");
    let again = decide::replay(&world.engine.store, guid, By::called("mona"), world.engine.now())
        .await
        .unwrap();
    assert!(again.contains("has had its effect"), "{again}");
    world.settle().await;
    assert_eq!(world.journal().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn what_was_rejected_is_not_replayed_and_says_what_to_do() {
    let mut world = World::new().await;
    let id = world.deploy("nowhere").await;
    world.settle().await;
    world.restart_with(&APP.replace("staging:", "nowhere:")).await;
    let guid = world.github.read(|found| found.deliveries[0].guid.clone());
    let text = decide::replay(&world.engine.store, &guid, By::called("mona"), world.engine.now())
        .await
        .unwrap();
    assert_snapshot!(world.redacted(text.split_once("has had").unwrap().1).await, @" its effect (run <run 1>); a deployment runs once. To deploy again, create a new deployment");
    world.settle().await;
    assert_eq!(world.states(id), ["error"]);
    world.end_with(Left::default()).await;
}

#[tokio::test]
async fn the_decision_is_told_for_people() {
    let world = World::new().await;
    world.deploy("nowhere").await;
    world.settle().await;
    let guid = world.github.read(|found| found.deliveries[0].guid.clone());
    let (text, agrees) = decide::decide(&world.engine.store, &guid, false).await.unwrap();
    assert!(agrees);
    let (_, told) = text.split_once('\n').unwrap();
    assert_snapshot!(world.redacted(told).await, @"
    environment_unknown: environment `nowhere` is not configured; configured: `production`, `staging`; ask again with a configured one, or have an operator add it under `environments`
    passed    foreign            found mona, wanted a person
    passed    repository         found octo/site, wanted octo/site
    rejected  environment        found nowhere, wanted one of production, staging
    passed    task               found deploy, wanted a task name
    passed    ref                found main, wanted a ref name
    passed    sha                found <one>, wanted a full commit SHA
    passed    hosts              found all of the environment's, wanted host names
    skipped   room
    skipped   lane
    skipped   lock
    skipped   required_contexts
    decided again from the stored facts: the same
    ");
    world.end().await;
}
