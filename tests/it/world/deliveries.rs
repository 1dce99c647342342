//! However often a deployment is delivered, it runs once.

use chima_simulator::github::deploy::DeploymentRequest;
use futures_util::future::join_all;

use crate::world::stage::{APP, World};

#[tokio::test]
async fn a_redelivery_is_a_duplicate_before_and_after_the_run() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    let guid = world.github.read(|found| found.deliveries[0].guid.clone());
    assert_eq!(world.github.redeliver(&guid).await[0].status, 200);
    world.settle().await;
    let again = world.github.redeliver(&guid).await;
    assert_eq!(again[0].status, 200);
    assert!(again[0].body.contains("duplicate of"), "{}", again[0].body);
    world.settle().await;
    assert_eq!(world.journal().len(), 2);
    assert_eq!(world.run(id).await.attempts, 1);
    world.end().await;
}

#[tokio::test]
async fn another_guid_makes_no_other_deployment() {
    let world = World::new().await;
    world.deploy("staging").await;
    let parcel = world.parcel(&world.github.read(|found| found.deliveries[0].guid.clone()));
    let other = parcel.header("X-GitHub-Delivery", "11111111-2222-3333-4444-555555555555");
    assert_eq!(world.post(&other).await.status, 200);
    world.settle().await;
    assert_eq!(
        (world.disposition(&other).await, world.runs().await.len()),
        ("duplicate", 1)
    );
    world.end().await;
}

#[tokio::test]
async fn of_ten_deliveries_at_once_one_is_accepted() {
    let world = World::new().await;
    let (id, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    let answers = join_all((0..10).map(|_| world.post(&parcel))).await;
    let mut codes: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 200, 200, 200, 200, 200, 200, 200, 200, 202]);
    world.settle().await;
    assert_eq!((world.runs().await.len(), world.journal().len()), (1, 2));
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn two_hooks_for_one_repository_make_one_run() {
    let world = World::new().await;
    world
        .github
        .hook(&format!("{}/webhooks/github", world.url), crate::world::stage::SECRET);
    let deployed = world
        .github
        .deploy(crate::world::stage::SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap();
    let mut codes: Vec<u16> = deployed.deliveries.iter().map(|delivered| delivered.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 202]);
    world.settle().await;
    assert_eq!(world.runs().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_was_ignored_for_want_of_configuration_may_be_delivered_again() {
    let mut world = World::new().await;
    world.github.repository("octo/other");
    let ours = format!("{}\n", APP.trim());
    world.restart_with(&ours).await;
    let deployed = world
        .github
        .deploy("octo/other", DeploymentRequest::to("staging"))
        .await
        .unwrap();
    let guid = deployed.deliveries[0].guid.clone();
    world.settle().await;
    let parcel = world.parcel(&guid);
    assert_eq!(world.disposition(&parcel).await, "ignored");
    assert_eq!(
        world.github.redeliver(&guid).await[0].status,
        202,
        "not a duplicate: the first had no effect"
    );
    world.settle().await;
    assert_eq!(world.github.statuses("octo/other", deployed.id), []);
    world.end().await;
}

#[tokio::test]
async fn what_is_not_decided_yet_is_named_among_the_runs() {
    let world = World::new().await;
    world.deploy("staging").await;
    let listed = || async {
        let (store, now) = (&world.engine.store, world.engine.now());
        chima::cli::runs::list(store, 5, false, now).await.unwrap()
    };
    assert_eq!(
        listed().await,
        "no runs yet: they begin with a deployment on GitHub\n\n1 deployment was delivered and is not decided yet\n"
    );
    world.settle().await;
    let text = listed().await;
    assert!(
        text.contains("succeeded") && !text.contains("not decided yet"),
        "{text}"
    );
    world.end().await;
}
