//! Chima as a GitHub App: tokens that can do no more than they must, replaced before they end and where they were revoked.

use std::time::Duration;

use chima::domain::ids::InstallationId;
use chima::domain::run::RunState;
use chima_simulator::clock::Clock;
use chima_simulator::fault::{Fault, FaultKind};
use chrono::TimeDelta;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::world::stage::{APP, SITE, World};
use crate::world::steps::PATIENCE;

const HOUR: Duration = Duration::from_secs(3600);

async fn world() -> World {
    World::setup().github_app().start().await
}

/// What tokens were asked for, and how that ended.
fn asked_for(world: &World) -> Vec<(Value, u16)> {
    let asked = world.github.requests().into_iter();
    asked
        .filter(|request| request.path.ends_with("/access_tokens"))
        .map(|request| (request.body, request.status.unwrap_or_default()))
        .collect()
}

async fn deployed(world: &World) -> u64 {
    let id = world.deploy("production").await;
    world.settle_all().await;
    id
}

#[tokio::test]
async fn a_token_is_for_one_repository_and_for_what_is_done_there() {
    let world = world().await;
    let id = deployed(&world).await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    let asked = asked_for(&world);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_snapshot!(asked[0].0, @r#"{"permissions":{"checks":"read","contents":"read","deployments":"write","metadata":"read","pull_requests":"write","statuses":"read"},"repositories":["site"]}"#);
    world.end().await;
}

#[tokio::test]
async fn a_token_reaches_no_other_repository_and_no_other_permission() {
    let world = world().await;
    world.github.repository("octo/other");
    let installation = world.github.read(|world| world.app.installation_of("octo"));
    let installation = installation.map(InstallationId);
    let site = SITE.parse().unwrap();
    let git = world.engine.github.git_token(installation, &site, false).await;
    let others = world.engine.github.git_token(installation, &site, true).await;
    let (git, others) = (git.unwrap().unwrap(), others.unwrap().unwrap());
    let client = reqwest::Client::builder().user_agent("a test").build().unwrap();
    let ask = async |token: &secrecy::SecretString, method: &str, path: &str| {
        let request = client
            .request(method.parse().unwrap(), format!("{}{path}", world.github.api_url()))
            .bearer_auth(secrecy::ExposeSecret::expose_secret(token));
        request
            .body("{\"ref\":\"main\"}")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(ask(&git, "GET", "/repos/octo/site/branches/main").await, 200);
    assert_eq!(ask(&git, "GET", "/repos/octo/other/branches/main").await, 404);
    assert_eq!(ask(&git, "GET", "/repos/octo/site/deployments").await, 403);
    assert_eq!(ask(&git, "POST", "/repos/octo/site/deployments").await, 403);
    assert_eq!(ask(&others, "GET", "/repos/octo/other/branches/main").await, 200);
    assert_eq!(ask(&others, "POST", "/repos/octo/other/deployments").await, 403);
    world.end().await;
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends() {
    let world = world().await;
    deployed(&world).await;
    world.pass(HOUR - Duration::from_secs(301)).await;
    deployed(&world).await;
    assert_eq!(asked_for(&world).len(), 1);
    world.pass(Duration::from_secs(2)).await;
    deployed(&world).await;
    assert_eq!(asked_for(&world).len(), 2);
    world.end().await;
}

#[tokio::test]
async fn while_github_gives_out_no_other_an_ending_token_serves() {
    let world = world().await;
    deployed(&world).await;
    world.pass(HOUR - Duration::from_secs(200)).await;
    world
        .github
        .fail(Fault::on("POST", "/access_tokens", FaultKind::BadGateway).always());
    let id = world.deploy("production").await;
    world.settle_all().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_token_that_was_revoked_costs_one_more_try() {
    let world = world().await;
    deployed(&world).await;
    world.github.revoke_installation_tokens();
    let id = deployed(&world).await;
    assert_eq!(world.latest(id).state, "success");
    let asked = asked_for(&world);
    assert_eq!(asked.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [201, 201]);
    let refused = world
        .github
        .requests()
        .iter()
        .filter(|request| request.status == Some(401))
        .count();
    assert_eq!(refused, 1);
    world.end().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_put_right_by_githubs() {
    for wrong_by in [TimeDelta::minutes(20), TimeDelta::minutes(-20)] {
        let world = world().await;
        let ours = world.clock.simulators();
        world.github.set_clock(Clock::from_fn(move || ours.now() + wrong_by));
        let id = deployed(&world).await;
        assert_eq!(world.latest(id).state, "success");
        let asked = asked_for(&world);
        assert_eq!(asked.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [401, 201]);
        world.end().await;
    }
}

#[tokio::test]
async fn what_was_not_granted_is_left_out_and_asked_for_again_when_it_is_missed() {
    let world = world().await;
    world.github.grant("checks", None);
    let id = deployed(&world).await;
    assert_eq!(world.latest(id).state, "success");
    let asked = asked_for(&world);
    assert_eq!(asked.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [422, 201]);
    assert_eq!(asked[1].0["permissions"]["checks"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_found_by_its_number() {
    let world = World::setup().github_app().renamed_from("octo/old").start().await;
    let installation = world.github.read(|world| world.app.installation_of("octo"));
    let old = "octo/old".parse().unwrap();
    let found = world
        .engine
        .github
        .repository(installation.map(InstallationId), &old)
        .await;
    assert_eq!(found.unwrap().full_name.as_str(), SITE);
    let asked = asked_for(&world);
    let id = world.github.repository(SITE).id();
    assert_eq!(asked.last().unwrap().0["repository_ids"], json!([id]));
    world.end().await;
}

#[tokio::test]
async fn only_an_app_that_merges_may_write_contents() {
    for (merges, level) in [(false, "read"), (true, "write")] {
        let app = format!("auto_merge: {merges}\n{APP}");
        let world = World::setup().github_app().app(&app).start().await;
        let installation = world
            .github
            .read(|world| world.app.installation_of("octo"))
            .map(InstallationId);
        let new = chima::github::deployments::NewDeployment {
            git_ref: "main".to_owned(),
            task: "deploy".to_owned(),
            environment: "staging".to_owned(),
            description: String::new(),
            auto_merge: merges,
            required_contexts: Vec::new(),
            production_environment: false,
            transient_environment: false,
            payload: json!({}),
        };
        world
            .engine
            .github
            .create_deployment(installation, &SITE.parse().unwrap(), &new)
            .await
            .unwrap();
        assert_eq!(asked_for(&world)[0].0["permissions"]["contents"], level);
        world.github.wait_for_deliveries(PATIENCE).await.unwrap();
        world.settle_all().await;
        world.end().await;
    }
}
