//! Deployments that are lock commands, as hubot-deploy makes them: answered at once, and nothing runs.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::json;

use super::lisa;
use crate::world::stage::{APP, SITE, World};

fn asked(task: &str, by: &str, description: &str) -> DeploymentRequest {
    DeploymentRequest {
        task: task.to_owned(),
        creator: Some("hubot".to_owned()),
        description: Some(description.to_owned()),
        payload: json!({"name": "site", "notify": {"user_name": by, "room": "unknown"}, "hosts": ""}),
        ..DeploymentRequest::to("production")
    }
}

#[tokio::test]
async fn a_deployment_locks_and_another_unlocks() {
    let world = World::new().await;
    let lock = world.ask(asked("deploy:lock", "mona", "db migration")).await;
    world.settle().await;
    assert_snapshot!(world.told(lock).await, @r#"success: `production` is locked by @mona: "db migration""#);
    assert_snapshot!(world.last_word().await, @r#"succeeded: `deploy:lock` `site` on `production`: `production` is locked by @mona: "db migration" (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>"#);
    let refused = world.ask(lisa("production")).await;
    let own = world.ask(asked("deploy", "mona", "")).await;
    world.settle().await;
    assert_eq!(world.code(refused).await, "locked");
    assert_eq!(world.latest(own).state, "success");
    let unlock = world
        .ask(asked(
            "deploy:unlock",
            "mona",
            "deploy:unlock on production from hubot-deploy-v0.13.3",
        ))
        .await;
    world.settle().await;
    assert_snapshot!(world.told(unlock).await, @"success: `production` is unlocked by @mona");
    let free = world.ask(lisa("production")).await;
    world.settle().await;
    assert_eq!(world.latest(free).state, "success");
    // two deployments ran; the two commands took no place in the lane and started nothing
    assert_eq!(world.journal().len(), 4);
    let run = world.run(lock).await;
    assert_eq!((run.lane, run.attempts, run.state), (None, 0, RunState::Succeeded));
    world.end().await;
}

#[tokio::test]
async fn what_was_deployed_stays_what_github_shows() {
    let app = APP.replace("production: {", "production: { production: false, ");
    let world = World::setup().app(&app).start().await;
    let deployed = world.deploy("staging").await;
    world.settle().await;
    let lock = world
        .ask(DeploymentRequest {
            environment: "staging".to_owned(),
            ..asked("deploy:lock", "mona", "")
        })
        .await;
    world.settle().await;
    assert_eq!(
        (world.latest(deployed).state, world.latest(lock).state),
        ("success".into(), "success".into())
    );
    world.end().await;
}

#[tokio::test]
async fn what_is_so_already_is_refused_with_words() {
    let world = World::new().await;
    let early = world.ask(asked("deploy:unlock", "mona", "")).await;
    let first = world.ask(asked("deploy:lock", "mona", "db migration")).await;
    world.clock.advance(Duration::from_secs(1));
    let again = world.ask(asked("deploy:lock", "Mona", "")).await;
    world.clock.advance(Duration::from_secs(1));
    let other = world.ask(asked("deploy:lock", "lisa", "")).await;
    world.settle().await;
    let held = world
        .engine
        .store
        .locks(world.engine.now())
        .await
        .unwrap()
        .remove(0)
        .lock;
    assert_snapshot!(world.told(early).await, @"error: rejected: `production` is not locked");
    assert_eq!(world.latest(first).state, "success");
    assert_snapshot!(world.told_timeless(again, &held).await, @r#"error: rejected: you have locked it already: `production` is locked by @mona since <since>: "db migration""#);
    assert_snapshot!(world.told_timeless(other, &held).await, @r#"error: rejected: `production` is locked by @mona since <since>: "db migration""#);
    let codes = [
        world.code(early).await,
        world.code(again).await,
        world.code(other).await,
    ];
    assert_eq!(codes, ["not_locked", "already_locked", "already_locked"]);
    assert_eq!(world.held().await, ["production: mona"]);
    world.end().await;
}

#[tokio::test]
async fn a_command_that_is_delivered_again_is_no_second_command() {
    let world = World::new().await;
    let (id, parcel) = world.ask_unheard(asked("deploy:lock", "mona", "")).await;
    assert_eq!(world.post(&parcel).await.status, 202);
    world.settle().await;
    world.unlocked("mona", &["production"]).await;
    assert_eq!(
        world.post(&parcel.header("X-GitHub-Delivery", "another")).await.status,
        200
    );
    world.settle().await;
    assert_eq!(world.held().await, Vec::<String>::new());
    assert_eq!(world.states(id), ["success"]);
    // the one decision that was made is explained, and comes out the same
    let delivery = world.run(id).await.delivery.to_string();
    let (text, same) = chima::cli::decide::decide(&world.engine.store, &delivery, false)
        .await
        .unwrap();
    assert!(
        same && text.contains("passed    lock               found no lock, wanted no lock"),
        "{text}"
    );
    world.end().await;
}

#[tokio::test]
async fn whoever_unlocks_what_another_has_locked_tells_that_person() {
    let world = World::new().await;
    world.ask(asked("deploy:lock", "mona", "db migration")).await;
    world.settle().await;
    world.ask(asked("deploy:unlock", "lisa", "")).await;
    world.settle().await;
    world.sweep().await;
    world.outbox().await;
    assert_snapshot!(world.last_word().await, @r#"@mona: @lisa has unlocked `production` of `site`, which you had locked: "db migration""#);
    assert_eq!(world.github.statuses(SITE, world.runs().await[1].deployment.0).len(), 1);
    world.end().await;
}
