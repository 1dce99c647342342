//! Who asked through a bot hears what becomes of it in the room.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::rooms::SECRET;
use chima_simulator::rooms::world::Service;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::Town;
use crate::world::stage::{CHAT_TOKEN, World};
use crate::world::steps::PATIENCE;

impl Town {
    /// What somebody says in a room, through the bot.
    async fn say(&self, user: &str, text: &str) -> Value {
        let body = json!({"user": user, "room": "ops", "thread": "t1", "text": text, "callback": "bot"});
        let (status, answer) = self.world.said_with(CHAT_TOKEN, &body).await;
        assert_eq!(status, 200, "{answer}");
        self.world.github.wait_for_deliveries(PATIENCE).await.unwrap();
        answer
    }
}

const FAILING: &str = "#!/bin/sh
echo one; echo 'two ``` three'; exit 3
";

#[tokio::test]
async fn the_room_hears_how_a_deployment_begins_and_ends() {
    let town = Town::new("").await;
    town.say("mona", "deploy site to staging").await;
    town.world.intake().await;
    town.world.hold();
    let run = town.world.runs().await.pop().unwrap();
    let running = town.world.begin(run.id);
    town.world.journal_of(1).await;
    town.world.outbox().await;
    town.world.release();
    running.await.unwrap();
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::Bot).await, @"
    started: deploy `site` to `staging`
    `octo/site` at <one> (main), asked for by @mona
    <chima>/runs/<run 1>
    ---
    succeeded: deploy `site` to `staging`
    `octo/site` at <one> (main), asked for by @mona, took 0 s
    <chima>/runs/<run 1>
    ");
    let last = town.posted(Service::Bot).pop().unwrap();
    let fields = ["room", "thread", "user", "state", "deployment", "run", "kind"].map(|key| last.body[key].clone());
    let expected = json!([
        "ops",
        "t1",
        "mona",
        "succeeded",
        run.deployment.0,
        run.id.to_string(),
        "deployment"
    ]);
    assert_eq!(json!(fields), expected);
    assert_eq!(last.body["key"], json!(last.id), "the key is the id that was signed");
    assert_eq!(last.body["url"], json!(town.world.engine.run_url(run.id)));
    town.end().await;
}

#[tokio::test]
async fn of_a_failure_the_room_hears_the_log_and_what_runs_in_spite_of_it() {
    let mut town = Town::new("").await;
    town.say("mona", "deploy site to staging").await;
    town.world.settle_all().await;
    town.world.git.write("script/deploy", FAILING).unwrap();
    town.world.commit_all("two");
    town.say("mona", "deploy site to staging").await;
    town.world.settle_all().await;
    let text = town.told(Service::Bot).await;
    assert_snapshot!(text.rsplit("---").next().unwrap(), @"

    failed: deploy `site` to `staging`: step `deploy` exited with code 3; read the log, fix the cause, then deploy again
    `octo/site` at <two> (main), asked for by @mona, took 0 s
    `staging` runs <one> (main) as before
    ```
    $ ./script/deploy
    one
    two ''' three
    [chima: exited with code 3]
    ```
    <chima>/runs/<run 2>
    ");
    town.end().await;
}

#[tokio::test]
async fn what_is_held_or_rejected_is_told_too() {
    let town = Town::with(World::setup().without_slack().required("[ci/build]"), "").await;
    town.say("mona", "deploy site to staging").await;
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::Bot).await, @"
    held: deploy `site` to `staging`: waiting for `ci/build` (missing); it goes on by itself once they are green; if one never starts, whoever runs the checks can look
    `octo/site` at <one> (main), asked for by @mona
    <chima>/runs/<run 1>
    ");
    let run = town.world.runs().await.pop().unwrap();
    town.world
        .github
        .ci("octo/site", &run.sha, "ci/build", "failure")
        .await
        .unwrap();
    town.world.intake().await;
    town.world.sweep().await;
    town.world.settle_all().await;
    let text = town.told(Service::Bot).await;
    assert_snapshot!(text.rsplit("---").next().unwrap(), @"

    rejected: deploy `site` to `staging`: required context failed: `ci/build` (failure); whoever can make it green does so, then deploy again
    `octo/site` at <one> (main), asked for by @mona
    <chima>/runs/<run 1>
    ");
    town.end().await;
}

#[tokio::test]
async fn who_waits_for_a_lock_hears_in_the_room_when_it_is_theirs() {
    let town = Town::new("").await;
    town.say("lisa", "lock staging on site: migration").await;
    let waits = town.say("mona", "wait for staging on site").await;
    assert_eq!(waits["ok"], true, "{waits}");
    town.say("lisa", "unlock staging on site").await;
    town.world.sweep().await;
    town.world.settle_all().await;
    assert_snapshot!(town.told(Service::Bot).await, @"@mona: `staging` of `site` is yours now; you waited for it");
    town.say("hubot", "unlock staging on site").await;
    town.world.clock.advance(Duration::from_secs(1));
    town.world.sweep().await;
    town.world.settle_all().await;
    let last = town.posted(Service::Bot).pop().unwrap();
    assert_snapshot!(last.text, @"@mona: @hubot has unlocked `staging` of `site`, which you had locked");
    assert_eq!(
        (&last.body["room"], &last.body["user"]),
        (&json!("ops"), &json!("mona"))
    );
    town.end().await;
}

#[tokio::test]
async fn a_callback_that_nobody_configured_is_refused_and_nothing_is_done() {
    let town = Town::new("").await;
    for callback in ["bod", "https://evil.example/", ""] {
        let body = json!({"user": "mona", "room": "ops", "text": "deploy site to staging", "callback": callback});
        let (status, answer) = town.world.said_with(CHAT_TOKEN, &body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("callback_unknown")), "{answer}");
    }
    assert_snapshot!(town.world.said_with(CHAT_TOKEN, &json!({"user": "mona", "room": "ops", "text": "status", "callback": "bod"})).await.1["detail"].as_str().unwrap(), @"there is no callback `bod` in `chat.callbacks`, or its secret is not there; set up: `bot`; nothing was done");
    town.world.settle_all().await;
    assert!(town.world.runs().await.is_empty());
    town.end().await;
}

/// Whoever may create deployments may write any payload.
#[tokio::test]
async fn a_forged_callback_reaches_configured_bots_only() {
    let town = Town::new("").await;
    for callback in ["http://127.0.0.1:1/", "callback/bot", "nobody"] {
        let notify = json!({"callback": callback, "room": "ops", "user_name": "mallory"});
        let request = DeploymentRequest {
            payload: json!({"notify": notify}),
            ..DeploymentRequest::to("staging")
        };
        town.world.ask(request).await;
        town.world.settle_all().await;
    }
    assert_eq!(town.rooms.requests(), vec![], "nobody was told");
    town.end().await;
}

/// The signature, by an implementation that is not ours.
#[tokio::test]
async fn python_verifies_what_a_bot_is_sent() {
    let town = Town::new("").await;
    town.say("mona", "deploy site to staging").await;
    town.world.settle_all().await;
    let request = town.rooms.requests().pop().unwrap();
    let header = |name: &str| request.header(name).unwrap().to_owned();
    let script = "import sys, hmac, hashlib, base64
secret, id, at = sys.argv[1:]
signed = b'.'.join([id.encode(), at.encode(), sys.stdin.buffer.read()])
print('v1,' + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode())";
    #[expect(clippy::disallowed_methods, reason = "another implementation is another program")]
    let mut python = Command::new("python3")
        .args([
            "-c",
            script,
            SECRET,
            &header("webhook-id"),
            &header("webhook-timestamp"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(request.body.to_string().as_bytes())
        .unwrap();
    let said = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(said.trim(), header("webhook-signature"));
    town.end().await;
}

#[tokio::test]
async fn the_room_hears_that_github_does_not_deliver_what_was_asked_for() {
    let town = Town::new("  - to: { discord: { file: '{folder}/discord' } }\n    states: [watchdog]\n").await;
    town.world.hook.url("http://127.0.0.1:1/");
    town.say("mona", "deploy site to staging").await;
    town.world.clock.advance(Duration::from_secs(31));
    for _ in 0..2 {
        town.world.sweep().await;
        town.world.settle_all().await;
    }
    assert_snapshot!(town.told(Service::Bot).await, @"deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: GitHub has it and has not delivered it for 31 s; `chima doctor` looks whether the webhook arrives here");
    assert_snapshot!(town.told(Service::Discord).await, @"deployment <1> of <one> (main) to `staging` of `site`, asked for by @mona: GitHub has it and has not delivered it for 31 s; `chima doctor` looks whether the webhook arrives here");
    let posted = town.posted(Service::Bot).pop().unwrap();
    let fields = ["room", "thread", "kind", "state"].map(|key| posted.body[key].clone());
    assert_eq!(json!(fields), json!(["ops", "t1", "watchdog", "unheard"]));
    town.end().await;
}
