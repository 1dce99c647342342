//! Slack: messages and edits, refusals in its own way, block limits, and signed requests to an app.

use std::time::Duration;

use chima_simulator::clock::ManualClock;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::sign::slack_signed;
use chima_simulator::slack::world::Way;
use chima_simulator::slack::{DEFAULT_TOKEN, Slack};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use crate::client::http;
use crate::receiver::Receiver;

async fn call(slack: &Slack, method: &str, body: Value) -> Value {
    let url = format!("{}/{method}", slack.api_url());
    let response = http()
        .post(url)
        .bearer_auth(DEFAULT_TOKEN)
        .json(&body)
        .send()
        .await
        .unwrap();
    response.json().await.unwrap()
}

async fn post(slack: &Slack, body: Value) -> Value {
    call(slack, "chat.postMessage", body).await
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

#[tokio::test]
async fn posts_edits_and_threads() {
    let slack = Slack::start().await.unwrap();
    let first = post(
        &slack,
        json!({"channel": "C1", "text": "queued", "blocks": [section("*queued*")]}),
    )
    .await;
    assert_eq!(first["ok"], true);
    let ts = first["ts"].as_str().unwrap();
    post(&slack, json!({"channel": "C1", "text": "details", "thread_ts": ts})).await;
    let edit = json!({"channel": "C1", "ts": ts, "text": "done"});
    assert_eq!(call(&slack, "chat.update", edit).await["ok"], true);
    let messages = slack.messages();
    assert_eq!(messages[0].text, "done");
    assert_eq!(messages[0].former_texts, ["queued"]);
    assert_eq!(messages[0].blocks[0], section("*queued*"));
    assert_eq!(messages[1].thread_ts.as_deref(), Some(ts));
    assert_ne!(messages[1].ts, ts);
}

#[tokio::test]
async fn refuses_with_http_200() {
    let slack = Slack::start().await.unwrap();
    slack.refuse("C9", "not_in_channel");
    for (method, body, code) in [
        (
            "chat.postMessage",
            json!({"channel": "C9", "text": "x"}),
            "not_in_channel",
        ),
        ("chat.postMessage", json!({"text": "x"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "C1"}), "no_text"),
        (
            "chat.postMessage",
            json!({"channel": "C1", "text": "x".repeat(40_001)}),
            "msg_too_long",
        ),
        (
            "chat.update",
            json!({"channel": "C1", "ts": "1.2", "text": "x"}),
            "message_not_found",
        ),
        ("chat.everything", json!({}), "unknown_method"),
    ] {
        let got = call(&slack, method, body).await;
        assert_eq!(got, json!({"ok": false, "error": code}));
    }
    let url = format!("{}/chat.postMessage", slack.api_url());
    let stranger = http()
        .post(&url)
        .json(&json!({"channel": "C1", "text": "x"}))
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.json::<Value>().await.unwrap()["error"], "not_authed");
    let wrong = http()
        .post(&url)
        .bearer_auth("nonsense")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.json::<Value>().await.unwrap()["error"], "invalid_auth");
    assert!(slack.messages().is_empty());
    assert_eq!(slack.unplanned().len(), 1);
}

#[tokio::test]
async fn takes_forms_with_blocks_as_text() {
    let slack = Slack::start().await.unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", DEFAULT_TOKEN)
        .append_pair("channel", "C1")
        .append_pair("blocks", &json!([section("hello")]).to_string())
        .finish();
    let response = http()
        .post(format!("{}/chat.postMessage", slack.api_url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["ok"], true);
    assert_eq!(slack.messages()[0].blocks, json!([section("hello")]));
}

#[tokio::test]
async fn blocks_at_their_limits_pass_and_beyond_them_do_not() {
    let slack = Slack::start().await.unwrap();
    let header = |length: usize| json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(length)}});
    let button = |text: usize, value: usize| {
        json!({"type": "actions", "elements": [{
            "type": "button", "action_id": "a", "value": "v".repeat(value),
            "text": {"type": "plain_text", "text": "x".repeat(text)},
        }]})
    };
    let fields = |count: usize, length: usize| {
        let field = json!({"type": "mrkdwn", "text": "x".repeat(length)});
        json!({"type": "section", "fields": vec![field; count]})
    };
    let context =
        |count: usize| json!({"type": "context", "elements": vec![json!({"type": "mrkdwn", "text": "x"}); count]});
    for (blocks, ok) in [
        (json!([section(&"x".repeat(3_000))]), true),
        (json!([section(&"x".repeat(3_001))]), false),
        (json!([section("")]), false),
        (json!([fields(10, 10)]), true),
        (json!([fields(11, 10)]), false),
        (json!([fields(1, 2_001)]), false),
        (json!([header(150)]), true),
        (json!([header(151)]), false),
        (
            json!([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]),
            false,
        ),
        (json!([context(10)]), true),
        (json!([context(11)]), false),
        (json!([button(75, 2_000)]), true),
        (json!([button(76, 1)]), false),
        (json!([button(1, 2_001)]), false),
        (json!(vec![json!({"type": "divider"}); 50]), true),
        (json!(vec![json!({"type": "divider"}); 51]), false),
        (json!([{"type": "divider", "block_id": "x".repeat(256)}]), false),
        (json!([{"type": "nonsense"}]), false),
        (json!({"type": "divider"}), false),
    ] {
        let got = post(&slack, json!({"channel": "C1", "text": "x", "blocks": blocks})).await;
        assert_eq!(got["ok"], ok, "{blocks} {got}");
        assert_eq!(got["error"] == "invalid_blocks", !ok);
    }
    let long = json!(vec![section(&"x".repeat(3_000)); 5]);
    let got = post(&slack, json!({"channel": "C1", "text": "x", "blocks": long})).await;
    assert_eq!(got["error"], "msg_blocks_too_long");
}

#[tokio::test]
async fn an_ephemeral_message_is_for_one_and_cannot_be_edited() {
    let slack = Slack::start().await.unwrap();
    let body = json!({"channel": "C1", "user": "U1", "text": "no"});
    let got = call(&slack, "chat.postEphemeral", body).await;
    let edit = json!({"channel": "C1", "ts": got["message_ts"], "text": "yes"});
    assert_eq!(call(&slack, "chat.update", edit).await["error"], "cant_update_message");
    assert_eq!(slack.messages()[0].way, Way::Ephemeral { user: "U1".to_owned() });
}

#[tokio::test]
async fn an_incoming_webhook_answers_ok() {
    let slack = Slack::start().await.unwrap();
    let send = |url: String, body: Value| async move {
        let response = http().post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let hook = slack.webhook_url();
    assert_eq!(
        send(hook.clone(), json!({"text": "done"})).await,
        (200, "ok".to_owned())
    );
    assert_eq!(send(hook, json!({})).await, (400, "no_text".to_owned()));
    let unknown = format!("{}/services/T/B/x", slack.url());
    assert_eq!(
        send(unknown, json!({"text": "x"})).await,
        (404, "no_service".to_owned())
    );
    assert_eq!(slack.messages().len(), 1);
}

#[tokio::test]
async fn limits_the_pace_of_a_channel_where_asked() {
    let slack = Slack::start().await.unwrap();
    let clock = ManualClock::at(DateTime::from_timestamp(1_760_000_000, 0).unwrap());
    slack.set_clock(clock.clock());
    slack.limit_to_one_per_second(true);
    let url = format!("{}/chat.postMessage", slack.api_url());
    let send = || async {
        let request = http().post(&url).bearer_auth(DEFAULT_TOKEN);
        request
            .json(&json!({"channel": "C1", "text": "x"}))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(send().await.status(), 200);
    let refused = send().await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    send().await;
    assert_eq!(slack.requests_inside_wait_window(), 1);
    clock.advance(TimeDelta::seconds(2));
    assert_eq!(send().await.status(), 200);
}

#[tokio::test]
async fn faults_and_outages_hit_slack_too() {
    let slack = Slack::start().await.unwrap();
    let url = format!("{}/chat.postMessage", slack.api_url());
    let send = || {
        http()
            .post(&url)
            .bearer_auth(DEFAULT_TOKEN)
            .json(&json!({"channel": "C1", "text": "x"}))
            .send()
    };
    slack.fail(Fault::on(
        "POST",
        "chat.postMessage",
        FaultKind::TooManyRequests { seconds: 7 },
    ));
    let limited = send().await.unwrap();
    assert_eq!(limited.headers()["retry-after"], "7");
    assert_eq!(limited.json::<Value>().await.unwrap()["error"], "ratelimited");
    slack.fail(Fault::on("POST", "chat.postMessage", FaultKind::LostAnswer));
    assert!(send().await.is_err());
    assert_eq!(slack.messages().len(), 1);
    slack.down();
    assert!(send().await.is_err());
    slack.up();
    assert_eq!(send().await.unwrap().status(), 200);
    slack
        .wait_for(|world| world.in_channel("C1").len() == 2, Duration::from_secs(1))
        .await
        .unwrap();
    assert!(!slack.describe().contains(DEFAULT_TOKEN));
}

#[tokio::test]
async fn a_response_address_works_five_times() {
    let slack = Slack::start().await.unwrap();
    let url = slack.response_url();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let request = http()
            .post(&url)
            .json(&json!({"text": "x", "response_type": "in_channel"}));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 404]);
    assert_eq!(slack.messages()[0].way, Way::Response { visible_to_all: true });
}

#[tokio::test]
async fn sends_signed_commands_events_and_interactions() {
    let slack = Slack::start().await.unwrap();
    let receiver = Receiver::start().await;
    let command = slack.slash_command("/deploy", "trelhub to live");
    let reply = slack
        .send_command(&receiver.url, "signing secret", &command)
        .await
        .unwrap();
    assert_eq!(reply.status, 202);
    let event = json!({"type": "app_mention", "user": "U1", "text": "<@U0BOT> status"});
    slack
        .send_event(&receiver.url, "signing secret", "Ev1", &event)
        .await
        .unwrap();
    let pressed = json!({"type": "block_actions", "actions": []});
    slack
        .send_interaction(&receiver.url, "signing secret", &pressed)
        .await
        .unwrap();
    for received in receiver.received() {
        let time = received.header("x-slack-request-timestamp").parse().unwrap();
        let expected = slack_signed(&received.body, "signing secret", time);
        assert_eq!(received.header("x-slack-signature"), expected[1].1);
    }
    let received = receiver.received();
    let form: Vec<(String, String)> = form_urlencoded::parse(&received[0].body).into_owned().collect();
    assert!(form.contains(&("text".to_owned(), "trelhub to live".to_owned())));
    assert_eq!(received[1].json()["event"]["type"], "app_mention");
}
