//! Hooks and the log of their deliveries: the App's own, and a repository's.
//! <https://docs.github.com/en/rest/apps/webhooks> and <https://docs.github.com/en/rest/repos/webhooks>

use serde_json::{Map, Value, json};

use crate::github::event;
use crate::github::hook::{ContentType, Hook, HookDelivery, HookTarget};
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::{address, per_page};
use crate::github::shape;
use crate::github::world::World;
use crate::message::Answer;

/// `/app/hook/…`. An App has one hook; where a test gave it several, their deliveries are listed together.
pub(crate) fn of_app(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Option<Outcome> {
    let hooks: Vec<u64> = world
        .hooks
        .iter()
        .filter(|hook| hook.target == HookTarget::App)
        .map(|hook| hook.id)
        .collect();
    match (call.method(), rest) {
        ("GET", ["config"]) => {
            let first = world.hooks.iter().find(|hook| hooks.contains(&hook.id));
            Some(
                first
                    .map(|hook| Answer::json(200, &config(hook)))
                    .ok_or_else(Refused::not_found),
            )
        }
        (_, ["deliveries", rest @ ..]) => log(world, call, &hooks, rest),
        _ => None,
    }
}

/// `/repos/{owner}/{repo}/hooks/…`.
pub(crate) fn of_repository(world: &mut World, call: &Call<'_>, repository: u64, rest: &[&str]) -> Option<Outcome> {
    if let Err(refused) = call.needs("administration", "read") {
        return Some(Err(refused));
    }
    let own = |hook: &&Hook| hook.target == HookTarget::Repository(repository);
    let (id, rest) = match rest {
        [] if call.method() == "GET" => {
            let shown: Vec<Value> = world
                .hooks
                .iter()
                .filter(own)
                .map(|hook| shown(world, hook, repository))
                .collect();
            return Some(Ok(Answer::json(200, &json!(shown))));
        }
        [] => return None,
        [id, rest @ ..] => (*id, rest),
    };
    let Some(hook) = world.hooks.iter().filter(own).find(|hook| hook.id.to_string() == id) else {
        return Some(Err(Refused::not_found()));
    };
    let number = hook.id;
    match (call.method(), rest) {
        ("GET", []) => Some(Ok(Answer::json(200, &shown(world, hook, repository)))),
        ("POST", ["pings"]) => {
            event::ping(world, number);
            Some(Ok(Answer::empty(204)))
        }
        (_, ["deliveries", rest @ ..]) => log(world, call, &[number], rest),
        _ => None,
    }
}

fn log(world: &mut World, call: &Call<'_>, hooks: &[u64], rest: &[&str]) -> Option<Outcome> {
    match (call.method(), rest) {
        ("GET", []) => Some(list(world, call, hooks)),
        ("GET", [id]) => Some(one(world, call, hooks, id)),
        ("POST", [id, "attempts"]) => Some(attempt(world, hooks, id)),
        _ => None,
    }
}

/// Newest first, paged by a cursor. What is still under way is not listed.
fn list(world: &World, call: &Call<'_>, hooks: &[u64]) -> Outcome {
    let size = per_page(call);
    let before = match call.query("cursor") {
        Some(cursor) => Some(parse_cursor(cursor)?),
        None => None,
    };
    let mut rows: Vec<&HookDelivery> = world
        .deliveries
        .iter()
        .rev()
        .filter(|delivery| hooks.contains(&delivery.hook) && delivery.outcome.is_some())
        .filter(|delivery| before.is_none_or(|before| delivery.id <= before))
        .filter(|delivery| wanted(delivery, call.query("status")))
        .take(size + 1)
        .collect();
    let next = (rows.len() > size).then(|| rows.pop()).flatten();
    let shown: Vec<Value> = rows
        .iter()
        .map(|delivery| Value::Object(row(delivery, call, false)))
        .collect();
    let answer = Answer::json(200, &json!(shown));
    Ok(match next {
        Some(next) => {
            let next = address(call, "cursor", &format!("v1_{}", next.id));
            answer.with("link", format!("<{next}>; rel=\"next\""))
        }
        None => answer,
    })
}

/// As documented: success is 200 to 399, failure 400 to 599. A delivery without any answer is in neither.
fn wanted(delivery: &HookDelivery, status: Option<&str>) -> bool {
    let code = delivery.outcome.as_ref().map_or(0, |outcome| outcome.status_code);
    match status {
        Some("success") => (200..400).contains(&code),
        Some("failure") => (400..600).contains(&code),
        Some(_) | None => true,
    }
}

fn one(world: &World, call: &Call<'_>, hooks: &[u64], id: &str) -> Outcome {
    let delivery = find(world, hooks, id)?;
    let outcome = delivery.outcome.as_ref().ok_or_else(Refused::not_found)?;
    let mut shown = row(delivery, call, true);
    shown.insert(
        "request".to_owned(),
        json!({"headers": as_map(&delivery.headers), "payload": delivery.json}),
    );
    shown.insert(
        "response".to_owned(),
        json!({"headers": as_map(&outcome.headers), "payload": outcome.body}),
    );
    Ok(Answer::json(200, &Value::Object(shown)))
}

fn attempt(world: &mut World, hooks: &[u64], id: &str) -> Outcome {
    let number = find(world, hooks, id)?.id;
    world.redeliver(number);
    Ok(Answer::json(202, &json!({})))
}

fn find<'w>(world: &'w World, hooks: &[u64], id: &str) -> Result<&'w HookDelivery, Refused> {
    world
        .deliveries
        .iter()
        .find(|delivery| hooks.contains(&delivery.hook) && delivery.id.to_string() == id)
        .ok_or_else(Refused::not_found)
}

fn parse_cursor(cursor: &str) -> Result<u64, Refused> {
    cursor
        .strip_prefix("v1_")
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Refused::new(422, format!("Invalid cursor: {cursor}")))
}

fn row(delivery: &HookDelivery, call: &Call<'_>, alone: bool) -> Map<String, Value> {
    let outcome = delivery.outcome.as_ref();
    let url = if alone {
        format!("{}{}", call.base, call.path)
    } else {
        String::new()
    };
    let row = json!({
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": shape::time(delivery.at),
        "redelivery": delivery.redelivery,
        "duration": outcome.map_or(0.0, |outcome| (outcome.duration.as_secs_f64() * 100.0).round() / 100.0),
        "status": outcome.map(|outcome| &outcome.status),
        "status_code": outcome.map(|outcome| outcome.status_code),
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation,
        "repository_id": delivery.repository,
        "throttled_at": delivery.throttled_at.map(shape::time),
        "url": url,
    });
    match row {
        Value::Object(row) => row,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn as_map(headers: &[(String, String)]) -> Value {
    headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn config(hook: &Hook) -> Value {
    let content_type = match hook.content_type {
        ContentType::Json => "json",
        ContentType::Form => "form",
    };
    let mut config = json!({"content_type": content_type, "insecure_ssl": if hook.insecure_ssl { "1" } else { "0" }, "url": hook.url});
    if hook.secret.is_some() {
        config["secret"] = json!("********");
    }
    config
}

fn shown(world: &World, hook: &Hook, repository: u64) -> Value {
    let name = world.repository_by_id(repository).map_or("", |found| &found.name);
    let url = format!("{}/repos/{name}/hooks/{}", world.api_url, hook.id);
    json!({
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": config(hook),
        "updated_at": "2024-01-02T03:04:05Z",
        "created_at": "2024-01-02T03:04:05Z",
        "url": url,
        "test_url": format!("{url}/test"),
        "ping_url": format!("{url}/pings"),
        "deliveries_url": format!("{url}/deliveries"),
        "last_response": {"code": null, "status": "unused", "message": null},
    })
}
