//! What is understood of Slack's forms.

use serde_json::{Value, json};

use crate::chat::slack::heard::{Heard, Request, Way, command, event, interaction};
use crate::chat::slack::text::{as_typed, without_mention};

fn said(request: Request) -> Heard {
    match request {
        Request::Said(heard) => *heard,
        other @ (Request::Challenge(_) | Request::Nothing) => panic!("{other:?}"),
    }
}

#[test]
fn what_people_typed_is_found_again() {
    for (sent, typed) in [
        ("deploy site to staging", "deploy site to staging"),
        ("deploy site/a&amp;b to staging", "deploy site/a&b to staging"),
        ("lock site production: a &lt; b", "lock site production: a < b"),
        ("a &amp;lt; b", "a &lt; b"),
        (
            "deploy <http://site.com|site.com> to staging",
            "deploy site.com to staging",
        ),
        ("see <https://x.example/y>", "see https://x.example/y"),
        ("write to <mailto:a@b.example|a@b.example>", "write to a@b.example"),
        ("for <@U0MONA>", "for @U0MONA"),
        ("for <@U0MONA|mona>", "for @mona"),
        ("in <#C0DEPLOY|deployment>", "in #deployment"),
        ("in <#C0DEPLOY|> now", "in #C0DEPLOY now"),
        ("<!here> <!channel>", "@here @channel"),
        ("<!subteam^S1|@team> <!date^1^x|then>", "@team then"),
        ("lock “site” ‘x’\u{a0}y", "lock \"site\" 'x' y"),
        ("`deploy site to staging`", "deploy site to staging"),
        ("```deploy site```", "deploy site"),
        ("deploy `site` to `staging`", "deploy `site` to `staging`"),
        ("`a` to `b`", "`a` to `b`"),
        ("a < b", "a < b"),
        ("", ""),
    ] {
        assert_eq!(as_typed(sent), typed, "{sent}");
    }
}

#[test]
fn the_bots_name_is_no_part_of_what_is_said() {
    for sent in [
        "<@U0BOT> deploy site",
        "<@U0BOT|chima>: deploy site",
        "  <@U0BOT>, deploy site",
        "deploy site",
    ] {
        assert_eq!(without_mention(sent), "deploy site", "{sent}");
    }
    assert_eq!(without_mention("<@U0BOT deploy"), "<@U0BOT deploy");
    assert_eq!(without_mention("<@U0BOT>"), "");
}

fn mention() -> Value {
    json!({
        "type": "event_callback", "event_id": "Ev1", "authorizations": [{"user_id": "U0BOT"}],
        "event": {"type": "app_mention", "user": "U0MONA", "text": "<@U0BOT> status", "ts": "1.2", "channel": "C0DEPLOY"},
    })
}

#[test]
fn a_mention_is_said_in_its_thread() {
    let mut body = mention();
    body["event"]["thread_ts"] = json!("1.0");
    let heard = said(event(&body).unwrap());
    assert_eq!(
        (heard.key.as_str(), heard.way, heard.said.as_str()),
        ("event Ev1", Way::Mention, "status")
    );
    assert_eq!(
        (heard.thread.as_deref(), heard.message.as_deref()),
        (Some("1.0"), Some("1.2"))
    );
}

#[test]
fn bots_and_changes_are_not_answered() {
    for (key, value) in [
        ("bot_id", json!("B1")),
        ("app_id", json!("A1")),
        ("bot_profile", json!({"id": "B1"})),
        ("subtype", json!("message_changed")),
        ("edited", json!({"ts": "1"})),
        ("user", json!("U0BOT")),
        ("user", json!("USLACKBOT")),
        ("type", json!("reaction_added")),
    ] {
        let mut body = mention();
        body["event"][key] = value;
        assert_eq!(event(&body), Ok(Request::Nothing), "{key}");
    }
    let in_a_channel = json!({"type": "message", "channel_type": "channel", "user": "U1", "text": "deploy", "ts": "1", "channel": "C1"});
    let body = json!({"type": "event_callback", "event_id": "Ev1", "event": in_a_channel});
    assert_eq!(event(&body), Ok(Request::Nothing));
}

#[test]
fn an_address_proves_itself() {
    let body = json!({"type": "url_verification", "challenge": "xyz", "token": "legacy"});
    assert_eq!(event(&body), Ok(Request::Challenge("xyz".to_owned())));
}

#[test]
fn what_slack_would_not_send_is_named() {
    assert_eq!(
        event(&json!([])).unwrap_err().to_string(),
        "`type` is missing, or is no text"
    );
    let mut body = mention();
    body["event_id"] = json!(7);
    assert_eq!(
        event(&body).unwrap_err().to_string(),
        "`event_id` is missing, or is no text"
    );
    let fields = json!({"user_id": "U1", "channel_id": "C1", "text": "status"});
    assert_eq!(
        command(&fields).unwrap_err().to_string(),
        "`trigger_id` is missing, or is no text"
    );
    assert!(interaction(&json!({"type": "block_actions", "actions": [{"value": "why"}]})).is_err());
}

#[test]
fn a_private_channel_has_no_name_there() {
    let fields =
        json!({"user_id": "U1", "channel_id": "G1", "channel_name": "privategroup", "trigger_id": "1", "text": ""});
    assert_eq!(said(command(&fields).unwrap()).channel_name, None);
    assert_eq!(command(&json!({"ssl_check": "1"})), Ok(Request::Nothing));
}

#[test]
fn a_button_says_what_is_written_in_it() {
    let body = json!({
        "type": "block_actions", "trigger_id": "9", "user": {"id": "U1", "username": "mona", "name": "m"},
        "channel": {"id": "C1", "name": "deployment"}, "container": {"message_ts": "1.2", "thread_ts": "1.0", "is_ephemeral": true},
        "actions": [{"action_id": "say-0", "value": "retry site staging"}], "response_url": "https://hooks.slack.com/actions/1",
    });
    let heard = said(interaction(&body).unwrap());
    assert_eq!(
        (heard.way, heard.said.as_str()),
        (Way::PrivateButton, "retry site staging")
    );
    let mut link = body;
    link["actions"][0].as_object_mut().unwrap().remove("value");
    assert_eq!(interaction(&link), Ok(Request::Nothing));
    assert_eq!(interaction(&json!({"type": "view_submission"})), Ok(Request::Nothing));
}
