//! The same news in every room, each in its own form.

use chima_simulator::rooms::world::Service;
use insta::assert_snapshot;
use serde_json::json;

use super::Town;
use crate::world::foreign::{job, report};
use crate::world::setup::Setup;
use crate::world::stage::World;

const EVERYBODY: &str = "
  - to: { mattermost: { file: '{folder}/mattermost' } }
  - to: { rocket_chat: { file: '{folder}/rocket_chat' } }
  - to: { discord: { file: '{folder}/discord' } }
  - to: { teams: { file: '{folder}/teams' } }
  - to: { webhook: { url: { file: '{folder}/program' }, secret: { file: '{folder}/program-secret' } } }
";

fn failing() -> Setup {
    World::setup()
        .without_slack()
        .script("#!/bin/sh\necho 'one *two* _three_'; exit 3\n")
}

#[tokio::test]
async fn every_room_hears_of_a_failure_in_its_own_form() {
    let town = Town::with(failing(), EVERYBODY).await;
    town.world.deploy("production").await;
    town.world.settle_all().await;
    let last = |service| {
        let posted = town.posted(service).pop().unwrap();
        let world = &town.world;
        async move { world.redacted(&posted.text).await }
    };
    assert_snapshot!(last(Service::Mattermost).await, @"
    **failed**: deploy `site` to `production`
    step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    ```
    $ ./script/deploy
    one *two* _three_
    [chima: exited with code 3]
    ```
    [run page](<chima>/runs/<run 1>)
    ");
    assert_snapshot!(last(Service::RocketChat).await, @"
    *failed*: deploy `site` to `production`
    step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    ```
    $ ./script/deploy
    one *two* _three_
    [chima: exited with code 3]
    ```
    [run page](<chima>/runs/<run 1>)
    ");
    assert_snapshot!(last(Service::Discord).await, @"
    **failed**: deploy `site` to `production`
    step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    ```
    $ ./script/deploy
    one *two* _three_
    [chima: exited with code 3]
    ```
    [run page](<chima>/runs/<run 1>)
    ");
    assert_snapshot!(last(Service::Teams).await, @"
    failed: deploy site to production
    step deploy exited with code 3; read the log, fix the cause, then deploy again
    octo/site at <one> (main), asked for by @mona, took 0 s
    $ ./script/deploy
    one *two* _three_
    [chima: exited with code 3]
    ");
    assert_snapshot!(last(Service::Program).await, @"
    failed: deploy `site` to `production`: step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    ```
    $ ./script/deploy
    one *two* _three_
    [chima: exited with code 3]
    ```
    <chima>/runs/<run 1>
    ");
    town.end().await;
}

#[tokio::test]
async fn every_room_hears_of_a_success_with_where_to_look() {
    let town = Town::new(EVERYBODY).await;
    town.world.deploy("production").await;
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::Discord).await.rsplit("---\n").next().unwrap(), @"
    **succeeded**: deploy `site` to `production`
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    [run page](<chima>/runs/<run 1>) · [visit](https://site.example.com/)
    ");
    let card = town.posted(Service::Teams).pop().unwrap().body;
    let titles = &card["attachments"][0]["content"]["actions"];
    assert_eq!(
        (&titles[0]["title"], &titles[1]["title"]),
        (&json!("run page"), &json!("visit"))
    );
    assert_eq!(titles[1]["url"], json!("https://site.example.com/"));
    town.end().await;
}

#[tokio::test]
async fn a_program_gets_what_it_can_work_with() {
    let town = Town::new(EVERYBODY).await;
    let id = town.world.deploy("production").await;
    town.world.settle_all().await;
    let posted = town.posted(Service::Program).pop().unwrap();
    let run = town.world.run(id).await;
    let body = &posted.body;
    assert_eq!(body["type"], json!("deployment.succeeded"));
    assert_eq!(body["key"], json!(posted.id));
    assert_eq!(
        body["data"],
        json!({
            "app": "site", "repository": "octo/site", "environment": "production", "ref": "main", "sha": run.sha,
            "task": "deploy", "state": "succeeded", "reason": null, "requester": run.requester, "deployment": id,
            "run": run.id.to_string(), "url": town.world.engine.run_url(run.id),
            "environment_url": "https://site.example.com/",
        })
    );
    town.end().await;
}

/// Three entries, one channel.
#[tokio::test]
async fn whoever_is_named_twice_is_told_once() {
    let twice = "
  - to: { discord: { file: '{folder}/discord' } }
  - to: { discord: { file: '{folder}/discord' } }
    states: [succeeded]
";
    let town = Town::new(twice).await;
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    let succeeded = town.posted(Service::Discord);
    let succeeded = succeeded.iter().filter(|posted| posted.text.starts_with("**succeeded"));
    assert_eq!(succeeded.count(), 1);
    town.end().await;
}

#[tokio::test]
async fn news_of_locks_and_of_other_tools_reach_the_rooms() {
    let town = Town::new(EVERYBODY).await;
    town.world.say_in("ops", "lock staging on site: migration").await;
    town.world
        .said_with(
            crate::world::stage::CHAT_TOKEN,
            &json!({"user": "lisa", "room": "ops", "text": "unlock staging on site"}),
        )
        .await;
    town.world.sweep().await;
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::Mattermost).await, @r#"@mona: @lisa has unlocked `staging` of `site`, which you had locked: "migration""#);
    assert_eq!(
        town.posted(Service::Program).pop().unwrap().body["type"],
        json!("lock.ended")
    );
    let id = town.world.ask(job("production")).await;
    town.world
        .told_by(id, report("failure", "broke"), "github-actions[bot]")
        .await;
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::RocketChat).await.rsplit("---\n").next().unwrap(), @"
    failure: <one> (main) of octo/site to production, says @github-actions[bot]
    [run page](https://ci.example.com/log)
    ");
    let last = town.posted(Service::Program).pop().unwrap();
    assert_eq!(last.body["type"], json!("other_deployment.failure"));
    town.end().await;
}
