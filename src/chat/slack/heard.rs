//! Slack's requests, as far as they say something to Chima: slash commands, events, pressed buttons. The same over HTTP and over
//! a socket.
//!
//! The legacy `token` in them is not looked at: the signature, or the socket, vouches for all of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::slack::text::{as_typed, without_mention};

/// Nobody types more.
const SAID_LIMIT: usize = 4_000;
/// Longer ids and names are nobody's.
const NAME_LIMIT: usize = 200;

/// Something that was said, who said it, where, and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Slack's own name of it: the same one comes again when Slack is not sure that it arrived.
    pub key: String,
    /// In which way.
    pub way: Way,
    /// The command, for the grammar.
    pub said: String,
    /// Id of the person.
    pub user: String,
    /// Name of the person, where Slack says it.
    pub user_name: Option<String>,
    /// Id of the channel.
    pub channel: String,
    /// Name of the channel, where Slack says it.
    pub channel_name: Option<String>,
    /// The thread in which it was said.
    pub thread: Option<String>,
    /// The message in which it was said, or whose button was pressed.
    pub message: Option<String>,
    /// Where an answer may be sent for half an hour. From outside: not to be used before it was looked at.
    pub response_url: Option<String>,
}

/// In which way something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A slash command.
    Command,
    /// In a channel, to the bot by its name.
    Mention,
    /// In a conversation with the bot alone.
    Direct,
    /// By a button under a message that all can see.
    Button,
    /// By a button under a message that only this person sees: it has no thread.
    PrivateButton,
}

/// What a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Somebody says something.
    Said(Box<Heard>),
    /// Slack wants to know whether this is the right address, and gets this back.
    Challenge(String),
    /// Nothing for us: a bot's words, our own, a changed message, a link that somebody followed.
    Nothing,
}

/// A request that Slack would not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is missing, or is no text")]
pub struct NotSlack(&'static str);

/// A slash command. <https://docs.slack.dev/interactivity/implementing-slash-commands>
///
/// # Errors
///
/// When it does not say who, where or by which trigger.
pub fn command(fields: &Value) -> Result<Request, NotSlack> {
    if text(fields, "/ssl_check") == Some("1") {
        return Ok(Request::Nothing);
    }
    let said = text(fields, "/text").unwrap_or_default();
    Ok(Request::Said(Box::new(Heard {
        key: format!("command {}", needed(fields, "/trigger_id")?),
        way: Way::Command,
        said: cut(&as_typed(without_mention(said)), SAID_LIMIT),
        user: needed(fields, "/user_id")?,
        user_name: name(fields, "/user_name"),
        channel: needed(fields, "/channel_id")?,
        channel_name: name(fields, "/channel_name").filter(|name| tells_apart(name)),
        thread: None,
        message: None,
        response_url: text(fields, "/response_url").map(str::to_owned),
    })))
}

/// A body of the Events API. <https://docs.slack.dev/apis/events-api>
///
/// # Errors
///
/// When something that one of our events must have is not there.
pub fn event(body: &Value) -> Result<Request, NotSlack> {
    match text(body, "/type") {
        Some("url_verification") => {
            let challenge = text(body, "/challenge").ok_or(NotSlack("challenge"))?;
            return Ok(Request::Challenge(challenge.to_owned()));
        }
        Some("event_callback") => {}
        Some(_) => return Ok(Request::Nothing),
        None => return Err(NotSlack("type")),
    }
    let event = body.get("event").ok_or(NotSlack("event"))?;
    let way = match (text(event, "/type"), text(event, "/channel_type")) {
        (Some("app_mention"), _) => Way::Mention,
        (Some("message"), Some("im")) => Way::Direct,
        _ => return Ok(Request::Nothing),
    };
    // whoever answers bots answers itself one day
    let by_a_bot = ["/bot_id", "/bot_profile", "/app_id"]
        .iter()
        .any(|path| event.pointer(path).is_some_and(|value| !value.is_null()));
    let altered = event.get("subtype").is_some() || event.get("edited").is_some();
    let by_us = [text(body, "/authorizations/0/user_id")]
        .into_iter()
        .flatten()
        .any(|bot| text(event, "/user") == Some(bot));
    if by_a_bot || altered || by_us || text(event, "/user") == Some("USLACKBOT") {
        return Ok(Request::Nothing);
    }
    let said = text(event, "/text").unwrap_or_default();
    Ok(Request::Said(Box::new(Heard {
        key: format!("event {}", needed(body, "/event_id")?),
        way,
        said: cut(&as_typed(without_mention(said)), SAID_LIMIT),
        user: needed(event, "/user")?,
        user_name: None,
        channel: needed(event, "/channel")?,
        channel_name: None,
        thread: name(event, "/thread_ts"),
        message: Some(needed(event, "/ts")?),
        response_url: None,
    })))
}

/// A pressed button: it says what is written in it. <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>
///
/// # Errors
///
/// When it does not say who pressed it, where, or by which trigger.
pub fn interaction(body: &Value) -> Result<Request, NotSlack> {
    match text(body, "/type") {
        Some("block_actions") => {}
        Some(_) => return Ok(Request::Nothing),
        None => return Err(NotSlack("type")),
    }
    // a link has no value: whoever follows it asks nothing of us
    let Some(said) = text(body, "/actions/0/value").filter(|said| !said.is_empty()) else {
        return Ok(Request::Nothing);
    };
    let channel = needed(body, "/channel/id").or_else(|_| needed(body, "/container/channel_id"))?;
    let private = body.pointer("/container/is_ephemeral") == Some(&Value::Bool(true));
    Ok(Request::Said(Box::new(Heard {
        key: format!("button {}", needed(body, "/trigger_id")?),
        way: if private { Way::PrivateButton } else { Way::Button },
        said: cut(said, SAID_LIMIT),
        user: needed(body, "/user/id")?,
        user_name: name(body, "/user/username").or_else(|| name(body, "/user/name")),
        channel,
        channel_name: name(body, "/channel/name").filter(|name| tells_apart(name)),
        thread: name(body, "/container/thread_ts").or_else(|| name(body, "/message/thread_ts")),
        message: name(body, "/container/message_ts").or_else(|| name(body, "/message/ts")),
        response_url: text(body, "/response_url").map(str::to_owned),
    })))
}

/// Slack calls every private channel, and every conversation of two, by one name each.
fn tells_apart(name: &str) -> bool {
    !matches!(name, "privategroup" | "directmessage")
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

fn name(value: &Value, path: &str) -> Option<String> {
    let name = text(value, path).map(str::trim).filter(|name| !name.is_empty());
    name.map(|name| cut(name, NAME_LIMIT))
}

fn needed(value: &Value, path: &'static str) -> Result<String, NotSlack> {
    let last = path.rsplit('/').next().unwrap_or(path);
    name(value, path).ok_or(NotSlack(last))
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
