//! Who hears what: by app, environment and state.

use chima_simulator::rooms::world::Service;
use serde_json::json;

use super::Town;
use crate::world::stage::{CHAT_TOKEN, World};
use crate::world::steps::PATIENCE;

/// The states that an entry of these filters hears: of a deployment to production that is held, then refused; of one to staging
/// that is carried out; of one that fails; and of a lock that somebody else ends.
async fn heard(filters: &str) -> Vec<String> {
    let notify = format!(
        "  - to: {{ webhook: {{ url: {{ file: '{{folder}}/program' }}, secret: {{ file: '{{folder}}/program-secret' }} }} }}\n{filters}"
    );
    let setup = World::setup().without_slack().app(
        "
provider: shell
with: { command: [./script/deploy] }
env: { JOURNAL: '{folder}' }
environments:
  production: { required_contexts: [ci/build] }
  staging: { required_contexts: [] }
  broken: { required_contexts: [], with: { command: ['false'] } }
",
    );
    let town = Town::with(setup, &notify).await;
    let world = &town.world;
    let held = world.deploy("production").await;
    world.settle_all().await;
    let sha = world.run(held).await.sha;
    world.github.ci("octo/site", &sha, "ci/build", "failure").await.unwrap();
    world.intake().await;
    world.sweep().await;
    world.settle_all().await;
    world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.hold();
    let running = world.begin(world.runs().await.last().unwrap().id);
    world.journal_of(1).await;
    world.outbox().await;
    world.release();
    running.await.unwrap();
    world.settle_all().await;
    world.deploy("broken").await;
    world.settle_all().await;
    world.say_in("ops", "lock staging on site").await;
    let body = json!({"user": "lisa", "room": "ops", "text": "unlock staging on site"});
    assert_eq!(world.said_with(CHAT_TOKEN, &body).await.0, 200);
    world.sweep().await;
    world.settle_all().await;
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    let types = town.posted(Service::Program).into_iter().map(|posted| {
        let environment = posted.body["data"]["environment"].as_str().unwrap().to_owned();
        format!("{environment} {}", posted.body["type"].as_str().unwrap())
    });
    let types = types.collect();
    town.end().await;
    types
}

#[tokio::test]
async fn without_filters_everything_is_told_but_that_it_waits_for_its_turn() {
    assert_eq!(
        heard("").await,
        [
            "production deployment.held",
            "production deployment.rejected",
            "staging deployment.running",
            "staging deployment.succeeded",
            "broken deployment.failed",
            "staging lock.ended",
        ]
    );
}

#[tokio::test]
async fn an_environment_hears_of_itself() {
    assert_eq!(
        heard("    environments: [Production]\n").await,
        ["production deployment.held", "production deployment.rejected"]
    );
}

#[tokio::test]
async fn a_state_is_told_alone() {
    assert_eq!(heard("    states: [failed]\n").await, ["broken deployment.failed"]);
    assert_eq!(heard("    states: [lock]\n").await, ["staging lock.ended"]);
}

#[tokio::test]
async fn every_state_of_a_run_can_be_chosen() {
    let all = heard(
        "    apps: [site]\n    states: [queued, held, rejected, running, succeeded]\n    environments: [staging]\n",
    )
    .await;
    assert_eq!(
        all,
        [
            "staging deployment.queued",
            "staging deployment.running",
            "staging deployment.succeeded",
        ]
    );
}
