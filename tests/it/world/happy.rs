//! A deployment from the webhook to its last status, as people see it.

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::json;

use crate::world::stage::{SITE, World};
use crate::world::steps::PATIENCE;

#[tokio::test]
async fn a_deployment_is_told_from_queued_to_success() {
    let world = World::new().await;
    let id = world.deploy("production").await;
    assert_eq!(world.intake().await, 1);
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 1, "bells");
    world.outbox().await;
    world.hold();
    let run = world.run(id).await.id;
    let running = world.begin(run);
    world.journal_of(1).await;
    world.outbox().await;
    assert_eq!(world.state(id).await, RunState::Running);
    world.release();
    running.await.unwrap();
    world.outbox().await;
    assert_snapshot!(world.told(id).await, @"
    queued: queued: <one> (main) to production
    in_progress: deploying <one> (main) to production
    success: deployed <one> (main) to production in 0 s
    ");
    world.end().await;
}

#[tokio::test]
async fn every_status_leads_to_the_run_and_only_success_to_the_environment() {
    let world = World::new().await;
    let id = world.deploy("production").await;
    world.intake().await;
    world.outbox().await;
    world.settle().await;
    let page = format!("{}/runs/{}", world.url, world.run(id).await.id);
    let statuses = world.github.statuses(SITE, id);
    let found: Vec<(&str, &str, &str)> = statuses
        .iter()
        .map(|status| {
            (
                status.state.as_str(),
                status.log_url.as_str(),
                status.environment_url.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("queued", page.as_str(), ""),
            ("success", page.as_str(), "https://site.example.com/"),
        ]
    );
    assert!(statuses.iter().all(|status| status.environment == "production"));
    world.end().await;
}

#[tokio::test]
async fn slack_hears_of_the_start_and_of_the_end() {
    let world = World::new().await;
    let payload = json!({"notify": {"room": "deploys", "user_name": "hubot"}});
    let request = DeploymentRequest {
        payload,
        ..DeploymentRequest::default()
    };
    world.ask(request).await;
    world.intake().await;
    world.hold();
    let run = world.runs().await[0].id;
    let running = world.begin(run);
    world.journal_of(1).await;
    world.outbox().await;
    world.release();
    running.await.unwrap();
    world.outbox().await;
    assert_snapshot!(world.chat().await, @"
    started: deploy `site` to `production` (`octo/site` at <one> (main), asked for by @hubot) <chima>/runs/<run 1>
    succeeded: deploy `site` to `production` (`octo/site` at <one> (main), asked for by @hubot, took 0 s) <chima>/runs/<run 1>
    ");
    world.end().await;
}

#[tokio::test]
async fn the_page_behind_a_status_shows_state_decision_log_and_what_was_told() {
    let world = World::new().await;
    let id = world.deploy("production").await;
    world.settle().await;
    let page = world.page(&world.latest(id).log_url).await;
    for text in [
        "succeeded",
        "version one",
        "required_contexts",
        "deployed ",
        "https://site.example.com",
        "taken by a worker",
        "sent ",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(world.page("/").await.contains("https://site.example.com"));
    world.end().await;
}

#[tokio::test]
async fn the_log_can_be_read_and_followed() {
    let world = World::new().await;
    let id = world.deploy("production").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    let (followed, ()) = tokio::join!(world.followed(id), async {
        world.release();
        running.await.unwrap();
    });
    assert_snapshot!(world.log(id).await, @"
    $ ./script/deploy
    version one
    ");
    let events: Vec<serde_json::Value> = followed
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let all = |key: &str| -> Vec<&str> { events.iter().filter_map(|event| event[key].as_str()).collect() };
    assert_eq!(all("text").concat(), world.log(id).await);
    assert_eq!(all("state").last(), Some(&"succeeded"));
    assert!(followed.ends_with("event: end\ndata: {}\n\n"), "{followed}");
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn a_hook_with_form_bodies_works_as_well() {
    let world = World::setup().form().start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.latest(id).description.split(' ').next(), Some("deployed"));
    world.end().await;
}

#[tokio::test]
async fn a_github_app_speaks_with_the_token_of_its_installation() {
    let world = World::setup().github_app().start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    assert_eq!(world.latest(id).app.as_deref(), Some("chima"));
    world.end().await;
}

#[tokio::test]
async fn the_queue_itself_brings_a_deployment_to_its_end() {
    let world = World::new().await;
    world.run_by_itself();
    let id = world.deploy("production").await;
    let succeeded = |found: &chima_simulator::github::world::World| {
        found.deployment(SITE, id).and_then(|found| found.state()) == Some("success")
    };
    world.github.wait_for(succeeded, PATIENCE).await.unwrap();
    world
        .slack
        .wait_for(|found| found.messages.len() == 2, PATIENCE)
        .await
        .unwrap();
    world.quiet().await;
    world.end().await;
}
