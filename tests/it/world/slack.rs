//! Slack may be slow, rude or away: the deployment goes on, and every message arrives once.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};

use crate::world::ending::Left;
use crate::world::stage::World;

/// How many messages of each word there are.
fn words(world: &World) -> Vec<String> {
    let messages = world.slack.messages();
    messages
        .iter()
        .map(|message| message.text.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

/// A deployment of which Slack should hear twice: that it began, and how it ended.
async fn deployed(world: &World) -> u64 {
    let id = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    world.outbox().await;
    world.release();
    running.await.unwrap();
    world.outbox().await;
    id
}

#[tokio::test]
async fn while_slack_is_away_github_hears_everything_and_slack_the_end_later() {
    let world = World::new().await;
    world.slack.down();
    let id = deployed(&world).await;
    assert_eq!(world.latest(id).state, "success", "told without Slack");
    world.slack.up();
    world.settle_all().await;
    assert_eq!(words(&world), ["succeeded"], "that it began is no news any more");
    world.end().await;
}

#[tokio::test]
async fn a_message_that_slack_put_off_arrives_once_and_in_order() {
    let world = World::new().await;
    world
        .slack
        .fail(Fault::on_any("/services/", FaultKind::TooManyRequests { seconds: 30 }));
    let id = deployed(&world).await;
    assert_eq!(world.latest(id).state, "success", "told without Slack");
    world.settle_all().await;
    assert_eq!(words(&world).last().map(String::as_str), Some("succeeded"));
    world.end().await;
}

#[tokio::test]
async fn while_slack_asks_to_wait_no_other_message_is_sent_either() {
    let world = World::new().await;
    world
        .slack
        .fail(Fault::on_any("/services/", FaultKind::TooManyRequests { seconds: 30 }));
    let first = world.deploy("staging").await;
    world.settle().await;
    world.clock.advance(Duration::from_secs(5));
    let second = world.deploy("production").await;
    world.settle_all().await;
    assert_eq!(
        [world.latest(first).state, world.latest(second).state],
        ["success", "success"]
    );
    assert_eq!(words(&world).iter().filter(|word| *word == "succeeded").count(), 2);
    world.end().await;
}

#[tokio::test]
async fn trouble_at_slack_is_tried_again() {
    let world = World::new().await;
    world
        .slack
        .fail(Fault::on_any("/services/", FaultKind::InternalError).times(3));
    deployed(&world).await;
    world.settle_all().await;
    assert_eq!(words(&world).last().map(String::as_str), Some("succeeded"));
    world.end().await;
}

#[tokio::test]
async fn a_webhook_that_slack_has_withdrawn_is_given_up_and_shown_without_its_address() {
    let world = World::new().await;
    world
        .slack
        .fail(Fault::on_any("/services/", FaultKind::NotFound).always());
    let id = world.deploy("staging").await;
    world.settle_all().await;
    assert_eq!(world.latest(id).state, "success");
    let page = world.run_page(id).await;
    assert!(page.contains("given up: Slack answered 404"), "{page}");
    assert!(!page.contains("simulatorwebhook"));
    world.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn without_slack_nobody_tries() {
    let world = World::setup().without_slack().start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(
        (world.latest(id).state.as_str(), world.slack.requests().len()),
        ("success", 0)
    );
    world.end().await;
}
