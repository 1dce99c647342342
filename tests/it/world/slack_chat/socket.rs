//! Socket Mode: the same, for a server that Slack cannot reach.

use chima::flow::slack::socket;
use chima_simulator::slack::socket::{DEFAULT_APP_TOKEN, SocketMode};
use serde_json::{Value, json};

use crate::world::slack_chat::content;
use crate::world::stage::World;

/// A world whose app has a token, and the place where its connections come in. It hears from now on.
async fn hearing() -> (World, SocketMode) {
    let world = World::setup()
        .beside("slack-app", DEFAULT_APP_TOKEN)
        .slack_bot("app_token: { file: '{folder}/slack-app' }")
        .start()
        .await;
    let slack = world.slack.socket_mode().await.unwrap();
    drop(world.engine.tasks.spawn(socket::run(world.engine.clone())));
    world
        .until("a connection is open", || (slack.open() == 1).then_some(()))
        .await;
    (world, slack)
}

fn command(text: &str, trigger: &str) -> Value {
    json!({
        "command": "/chima", "text": text, "user_id": "U0MONA", "user_name": "mona", "channel_id": "C0DEPLOY",
        "channel_name": "deployment", "trigger_id": trigger, "team_id": "T0000001",
    })
}

fn mention(id: &str, text: &str) -> Value {
    json!({
        "type": "event_callback", "event_id": id,
        "event": {"type": "app_mention", "user": "U0MONA", "text": format!("<@U0BOT> {text}"), "ts": "1.5", "channel": "C0DEPLOY"},
    })
}

#[tokio::test]
async fn commands_events_and_buttons_come_through_the_socket() {
    let (world, slack) = hearing().await;
    let answer = slack
        .send("slash_commands", &command("status site", "1"))
        .await
        .unwrap();
    assert!(
        content(&answer["payload"]["blocks"]).starts_with("`site` (octo/site):"),
        "{answer}"
    );
    let event = mention("Ev1", "deploy site to staging");
    let acknowledged = slack.send("events_api", &event).await.unwrap();
    assert_eq!(acknowledged.get("payload"), None);
    assert!(
        slack.send("events_api", &event).await.is_some(),
        "again, and acknowledged again"
    );
    world.settle_slack().await;
    assert_eq!(world.journal().len(), 2, "one deployment");
    let message = world.slack.messages().into_iter().next().unwrap();
    let mut press = world.slack.pressed(&message, "say-0", ("U0HUBOT", "hubot"));
    press["actions"][0]["value"] = json!("version");
    assert!(slack.send("interactive", &press).await.is_some());
    assert!(slack.send("something_new", &json!({})).await.is_some());
    assert!(
        slack.send("slash_commands", &json!({"text": "status"})).await.is_some(),
        "nonsense does not come again"
    );
    world.settle_slack().await;
    assert!(world.in_slack().await.contains("Chima 0."));
    world.end().await;
}

#[tokio::test]
async fn another_connection_is_opened_when_slack_asks_and_when_one_breaks() {
    let (world, slack) = hearing().await;
    slack.refresh();
    world
        .until("it is opened anew", || (slack.opened() == 2).then_some(()))
        .await;
    world.until("one is open", || (slack.open() == 1).then_some(())).await;
    assert!(slack.send("events_api", &mention("Ev1", "status site")).await.is_some());
    slack.cut();
    world
        .until("it is opened once more", || (slack.opened() == 3).then_some(()))
        .await;
    assert!(slack.send("events_api", &mention("Ev2", "status site")).await.is_some());
    world.slack.down();
    slack.cut();
    world.until("none is open", || (slack.open() == 0).then_some(())).await;
    world.slack.up();
    world
        .until("after an outage too", || (slack.opened() == 4).then_some(()))
        .await;
    world.settle_slack().await;
    assert_eq!(world.slack.messages().len(), 2);
    world.end().await;
}
