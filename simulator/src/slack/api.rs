//! Slack's Web API methods, incoming webhooks and response addresses.
//! <https://docs.slack.dev/reference/methods/chat.postMessage>

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::fault::Hit;
use crate::journal::Recorded;
use crate::message::{Answer, Ending, Request, decoded_parts};
use crate::slack::blocks::check_blocks;
use crate::slack::world::{Message, Way, World};

/// Characters in `text`.
const TEXT_LIMIT: usize = 40_000;

/// How often one response address works.
const RESPONSE_LIMIT: u32 = 5;

/// Answers a request, and writes it into the journal.
pub(crate) fn respond(world: &mut World, request: &Request) -> Ending {
    let now = world.clock.now();
    let mut record = Recorded::new(request, &request.path, now);
    if world.wait_until.is_some_and(|until| now < until) {
        record.inside_wait_window = true;
        world.inside_wait_window += 1;
    }
    let hit = world.faults.take(&request.method, &request.path);
    record.faulted = hit.is_some();
    let ending = match &hit {
        Some(hit) if !hit.takes_effect => faulty(hit, world),
        Some(_) | None => {
            let (answer, planned) = answer(world, request, &mut record);
            record.planned = planned;
            match &hit {
                Some(hit) => faulty(hit, world),
                None => Ending::Answer(answer),
            }
        }
    };
    if let Some(until) = hit.as_ref().and_then(|hit| hit.wait(now)) {
        world.wait_until = Some(until);
    }
    record.ended(&ending);
    world.requests.push(record);
    ending
}

/// A fault in Slack's words: its 429 has a body of its own.
fn faulty(hit: &Hit, world: &World) -> Ending {
    match hit.ending(world.clock.now()) {
        Ending::Answer(mut answer) if answer.status == 429 => {
            answer.body = failure("ratelimited").body;
            Ending::Answer(answer)
        }
        other @ (Ending::Answer(_) | Ending::Half(_) | Ending::Silence | Ending::Close | Ending::Reset) => other,
    }
}

fn answer(world: &mut World, request: &Request, record: &mut Recorded) -> (Answer, bool) {
    let parts = decoded_parts(&request.path);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["services", _, _, _]) => (incoming_webhook(world, request), true),
        ("POST", ["commands", _, id, _]) => (response(world, request, id), true),
        ("POST", ["api", method]) => {
            let arguments = match arguments(request) {
                Ok(arguments) => arguments,
                Err(code) => return (failure(code), true),
            };
            if *method == "apps.connections.open" {
                return (open_connection(world, request), true);
            }
            if let Err(code) = authenticate(world, request, &arguments) {
                return (failure(code), true);
            }
            "the bot".clone_into(&mut record.identity);
            call(world, method, &arguments)
        }
        _ => (Answer::text(404, "not found"), false),
    }
}

fn call(world: &mut World, method: &str, arguments: &Map<String, Value>) -> (Answer, bool) {
    let outcome = match method {
        "auth.test" => Ok(
            json!({"ok": true, "url": world.url, "team": "octo", "user": "chima", "team_id": "T0000001", "user_id": "U0BOT", "bot_id": "B0BOT"}),
        ),
        "users.info" => user_info(world, arguments),
        "conversations.info" => channel_info(world, arguments),
        "conversations.history" => history(world, arguments, None),
        "conversations.replies" => match text_of(arguments, "ts") {
            Some(thread) => history(world, arguments, Some(&thread)),
            None => Err(refuse("invalid_arguments")),
        },
        "chat.postMessage" => post_message(world, arguments),
        "chat.postEphemeral" => post_ephemeral(world, arguments),
        "chat.update" => update(world, arguments),
        _ => return (failure("unknown_method"), false),
    };
    let scopes = world.scopes.join(",");
    match outcome {
        Ok(body) => (Answer::json(200, &body).with("x-oauth-scopes", &scopes), true),
        Err(answer) => (*answer, true),
    }
}

type Outcome = Result<Value, Box<Answer>>;

fn post_message(world: &mut World, arguments: &Map<String, Value>) -> Outcome {
    let channel = channel(world, arguments)?;
    let (text, blocks) = content(arguments)?;
    let thread_ts = text_of(arguments, "thread_ts");
    pace(world, &channel)?;
    let ts = add(world, &channel, text, blocks, thread_ts, Way::Posted);
    if let (Some(message), Some(metadata)) = (world.messages.last_mut(), arguments.get("metadata")) {
        message.metadata.clone_from(metadata);
    }
    let message = world.messages.last().map_or(Value::Null, shown);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": message}))
}

fn post_ephemeral(world: &mut World, arguments: &Map<String, Value>) -> Outcome {
    let channel = channel(world, arguments)?;
    let user = text_of(arguments, "user").ok_or_else(|| refuse("invalid_arguments"))?;
    let (text, blocks) = content(arguments)?;
    let thread_ts = text_of(arguments, "thread_ts");
    let ts = add(world, &channel, text, blocks, thread_ts, Way::Ephemeral { user });
    Ok(json!({"ok": true, "message_ts": ts}))
}

/// Blocks that are left out stay; an empty list removes them.
fn update(world: &mut World, arguments: &Map<String, Value>) -> Outcome {
    let channel = channel(world, arguments)?;
    let ts = text_of(arguments, "ts").ok_or_else(|| refuse("invalid_arguments"))?;
    let (text, blocks) = content(arguments)?;
    let message = world
        .messages
        .iter_mut()
        .find(|message| message.channel == channel && message.ts == ts)
        .ok_or_else(|| refuse("message_not_found"))?;
    match message.way {
        Way::Posted => {}
        Way::Ephemeral { .. } | Way::Webhook | Way::Response { .. } => return Err(refuse("cant_update_message")),
    }
    message.former_texts.push(std::mem::replace(&mut message.text, text));
    if arguments.contains_key("blocks") {
        message.blocks = blocks;
    }
    let shown = shown(message);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "text": message.text, "message": shown}))
}

/// The token of an app, not that of a bot.
fn open_connection(world: &World, request: &Request) -> Answer {
    let token = request.header("authorization").unwrap_or_default();
    let app = token.strip_prefix("Bearer ") == Some(crate::slack::socket::DEFAULT_APP_TOKEN);
    match &world.socket_url {
        Some(url) if app => Answer::json(200, &json!({"ok": true, "url": url})),
        Some(_) => failure("not_allowed_token_type"),
        None => failure("internal_error"),
    }
}

fn user_info(world: &World, arguments: &Map<String, Value>) -> Outcome {
    needs(world, "users:read")?;
    let id = text_of(arguments, "user").unwrap_or_default();
    let name = world.users.get(&id).ok_or_else(|| refuse("user_not_found"))?;
    Ok(json!({"ok": true, "user": {"id": id, "name": name, "profile": {"display_name": name}}}))
}

/// A conversation of two has no name.
fn channel_info(world: &World, arguments: &Map<String, Value>) -> Outcome {
    let id = channel(world, arguments)?;
    if id.starts_with('D') {
        return Ok(json!({"ok": true, "channel": {"id": id, "is_im": true}}));
    }
    needs(world, "channels:read")?;
    let name = world.channels.get(&id).ok_or_else(|| refuse("channel_not_found"))?;
    Ok(json!({"ok": true, "channel": {"id": id, "name": name, "is_channel": true, "is_member": true}}))
}

/// The newest first, without those in threads; or a thread, the oldest first.
fn history(world: &World, arguments: &Map<String, Value>, thread: Option<&str>) -> Outcome {
    needs(world, "channels:history")?;
    let id = channel(world, arguments)?;
    let metadata = text_of(arguments, "include_all_metadata").is_some_and(|value| value == "true");
    let oldest: f64 = text_of(arguments, "oldest")
        .and_then(|at| at.parse().ok())
        .unwrap_or(0.0);
    let found = world.in_channel(&id).into_iter().filter(|message| {
        let of_thread = match thread {
            Some(thread) => message.ts == thread || message.thread_ts.as_deref() == Some(thread),
            None => message.thread_ts.is_none(),
        };
        let recent = message.ts.parse::<f64>().is_ok_and(|at| at > oldest);
        of_thread && recent && message.way == Way::Posted
    });
    let mut found: Vec<Value> = found
        .map(|message| {
            let mut value = shown(message);
            if metadata && !message.metadata.is_null() {
                value["metadata"].clone_from(&message.metadata);
            }
            value
        })
        .collect();
    if thread.is_none() {
        found.reverse();
    }
    Ok(json!({"ok": true, "messages": found, "has_more": false}))
}

fn needs(world: &World, scope: &str) -> Result<(), Box<Answer>> {
    if world.scopes.iter().any(|own| own == scope) {
        return Ok(());
    }
    Err(refuse("missing_scope"))
}

/// Answers plain text: `ok`, or the code of what is wrong.
fn incoming_webhook(world: &mut World, request: &Request) -> Answer {
    let path = request.path.trim_start_matches("/services/").to_owned();
    if path != crate::slack::WEBHOOK_PATH {
        return Answer::text(404, "no_service");
    }
    match arguments(request).and_then(|arguments| unpacked(&arguments)) {
        Ok(arguments) => match content(&arguments) {
            Ok((text, blocks)) => {
                let thread_ts = text_of(&arguments, "thread_ts");
                add(world, "webhook", text, blocks, thread_ts, Way::Webhook);
                Answer::text(200, "ok")
            }
            Err(refused) => Answer::text(400, &code_of(&refused)),
        },
        Err(_) => Answer::text(400, "invalid_payload"),
    }
}

fn response(world: &mut World, request: &Request, id: &str) -> Answer {
    match world.response_urls.get_mut(id) {
        None => return Answer::text(404, "expired_url"),
        Some(uses) if *uses >= RESPONSE_LIMIT => return Answer::text(404, "used_url"),
        Some(uses) => *uses += 1,
    }
    let Ok(arguments) = arguments(request) else {
        return Answer::text(400, "invalid_payload");
    };
    match content(&arguments) {
        Ok((text, blocks)) => {
            let visible_to_all = arguments.get("response_type").and_then(Value::as_str) == Some("in_channel");
            let way = Way::Response { visible_to_all };
            add(world, id, text, blocks, text_of(&arguments, "thread_ts"), way);
            Answer::text(200, "ok")
        }
        Err(refused) => Answer::text(400, &code_of(&refused)),
    }
}

fn add(world: &mut World, channel: &str, text: String, blocks: Value, thread_ts: Option<String>, way: Way) -> String {
    let ts = world.fresh_ts();
    world.messages.push(Message {
        ts: ts.clone(),
        channel: channel.to_owned(),
        text,
        blocks,
        thread_ts,
        way,
        metadata: Value::Null,
        former_texts: Vec::new(),
        at: world.clock.now(),
    });
    ts
}

/// About one message a second and channel, where that is switched on.
fn pace(world: &mut World, channel: &str) -> Result<(), Box<Answer>> {
    let now = world.clock.now();
    let second = TimeDelta::seconds(1);
    let latest = world.in_channel(channel).last().map(|message| message.at);
    if world.one_per_second && latest.is_some_and(|at| now - at < second) {
        world.wait_until = Some(now + second);
        let mut answer = failure("ratelimited").with("retry-after", "1");
        answer.status = 429;
        return Err(Box::new(answer));
    }
    Ok(())
}

fn channel(world: &World, arguments: &Map<String, Value>) -> Result<String, Box<Answer>> {
    let channel = text_of(arguments, "channel").ok_or_else(|| refuse("channel_not_found"))?;
    match world.refusing.get(&channel) {
        Some(code) => Err(refuse(code)),
        None => Ok(channel),
    }
}

/// `text` and `blocks`, of which one must be there.
fn content(arguments: &Map<String, Value>) -> Result<(String, Value), Box<Answer>> {
    let text = text_of(arguments, "text").unwrap_or_default();
    if text.chars().count() > TEXT_LIMIT {
        return Err(refuse("msg_too_long"));
    }
    let blocks = match arguments.get("blocks") {
        // In a form, and in older clients, the list is a string.
        Some(Value::String(json)) => serde_json::from_str(json).map_err(|_| refuse("invalid_blocks_format"))?,
        Some(blocks) => blocks.clone(),
        None => Value::Null,
    };
    if !blocks.is_null()
        && let Err(error) = check_blocks(&blocks)
    {
        let detail = error.to_string();
        let body = json!({
            "ok": false,
            "error": error.code(),
            "errors": [detail],
            "response_metadata": {"messages": [format!("[ERROR] {detail}")]},
        });
        return Err(Box::new(Answer::json(200, &body)));
    }
    if text.is_empty() && blocks.as_array().is_none_or(Vec::is_empty) {
        return Err(refuse("no_text"));
    }
    Ok((text, blocks))
}

/// The arguments of a JSON or form body.
fn arguments(request: &Request) -> Result<Map<String, Value>, &'static str> {
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type.starts_with("application/json") {
        return match serde_json::from_slice(&request.body) {
            Ok(Value::Object(arguments)) => Ok(arguments),
            Ok(_) | Err(_) => Err("invalid_json"),
        };
    }
    if content_type.starts_with("application/x-www-form-urlencoded") || request.body.is_empty() {
        return Ok(form_urlencoded::parse(&request.body)
            .map(|(key, value)| (key.into_owned(), json!(value)))
            .collect());
    }
    Err("invalid_post_type")
}

/// A webhook's form has the JSON in one field.
fn unpacked(arguments: &Map<String, Value>) -> Result<Map<String, Value>, &'static str> {
    match arguments.get("payload") {
        Some(Value::String(json)) => serde_json::from_str(json).map_err(|_| "invalid_payload"),
        Some(_) | None => Ok(arguments.clone()),
    }
}

fn authenticate(world: &World, request: &Request, arguments: &Map<String, Value>) -> Result<(), &'static str> {
    let header = request.header("authorization").and_then(|value| value.split_once(' '));
    let token = match header {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim().to_owned()),
        Some(_) | None => text_of(arguments, "token"),
    };
    match token {
        None => Err("not_authed"),
        Some(token) if world.tokens.contains(&token) => Ok(()),
        Some(_) => Err("invalid_auth"),
    }
}

fn text_of(arguments: &Map<String, Value>, key: &str) -> Option<String> {
    arguments
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn shown(message: &Message) -> Value {
    let mut shown =
        json!({"type": "message", "bot_id": "B0BOT", "user": "U0BOT", "ts": message.ts, "text": message.text});
    if !message.blocks.is_null() {
        shown["blocks"].clone_from(&message.blocks);
    }
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = json!(thread);
    }
    if !message.former_texts.is_empty() {
        shown["edited"] = json!({"user": "B0BOT", "ts": message.ts});
    }
    shown
}

/// HTTP 200 all the same: that is Slack's way.
fn failure(code: &str) -> Answer {
    Answer::json(200, &json!({"ok": false, "error": code}))
}

fn refuse(code: &str) -> Box<Answer> {
    Box::new(failure(code))
}

fn code_of(answer: &Answer) -> String {
    serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|body| body["error"].as_str().map(str::to_owned))
        .unwrap_or_default()
}
