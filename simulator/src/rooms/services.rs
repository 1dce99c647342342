//! What each of them takes, and how it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::journal::Recorded;
use crate::message::{Answer, Ending, Request};
use crate::rooms::SECRET;
use crate::rooms::world::{Posted, Service, World};

/// A signature is good for so long, on both sides of now.
const TOLERANCE_SECONDS: i64 = 300;

/// Answers a request, and writes it into the journal.
pub(crate) fn respond(world: &mut World, request: &Request) -> Ending {
    let now = world.clock.now();
    let mut record = Recorded::new(request, &request.path, now);
    let service = addressed(request);
    record.planned = service.is_some();
    if let Some(service) = service
        && world.wait_until.get(&service).is_some_and(|until| now < *until)
    {
        record.inside_wait_window = true;
        world.inside_wait_window += 1;
    }
    let hit = world.faults.take(&request.method, &request.path);
    record.faulted = hit.is_some();
    let ending = match (&hit, service) {
        (Some(hit), _) if !hit.takes_effect => hit.ending(now),
        (_, None) => Ending::Answer(Answer::text(404, "404 page not found")),
        (hit, Some(service)) => {
            let answer = take(world, request, service);
            match hit {
                Some(hit) => hit.ending(now),
                None => Ending::Answer(answer),
            }
        }
    };
    if let (Some(service), Some(until)) = (service, hit.as_ref().and_then(|hit| hit.wait(now))) {
        world.wait_until.insert(service, until);
    }
    // Discord says it in the body, and others in a header
    if let (Some(Service::Discord), Ending::Answer(answer)) = (service, &ending)
        && answer.status == 429
    {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if let Some(seconds) = said["retry_after"].as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "a test waits for less than a day")]
            let wait = TimeDelta::milliseconds((seconds * 1000.0) as i64);
            world.wait_until.insert(Service::Discord, now + wait);
        }
    }
    record.ended(&ending);
    world.requests.push(record);
    ending
}

fn addressed(request: &Request) -> Option<Service> {
    if request.method != "POST" {
        return None;
    }
    Service::ALL.into_iter().find(|service| {
        let (path, query) = service.path().split_once('?').unwrap_or((service.path(), ""));
        let asked = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .all(|(key, value)| request.query(key) == Some(value));
        request.path == path && asked
    })
}

fn take(world: &mut World, request: &Request, service: Service) -> Answer {
    if !request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
    {
        return Answer::text(400, "not JSON");
    }
    let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&request.body) else {
        return Answer::text(400, "no JSON object");
    };
    let judged = match service {
        Service::Mattermost => mattermost(&body),
        Service::RocketChat => rocket_chat(&body),
        Service::Discord => discord(&body),
        Service::Teams => teams(request, &body),
        Service::Program | Service::Bot => signed(world, request, &body),
    };
    let (text, calls_everybody, answer) = match judged {
        Ok(taken) => taken,
        Err(refusal) => return *refusal,
    };
    world.posted.push(Posted {
        service,
        at: world.clock.now(),
        body,
        text,
        calls_everybody,
        id: request.header("webhook-id").map(str::to_owned),
    });
    answer
}

/// What people see, whether it calls everybody, and the answer.
type Judged = Result<(String, bool, Answer), Box<Answer>>;

/// <https://developers.mattermost.com/integrate/webhooks/incoming/>
fn mattermost(body: &Value) -> Judged {
    let refusal = |message: &str| {
        Box::new(Answer::json(
            400,
            &json!({"id": "web.incoming_webhook", "message": message}),
        ))
    };
    let text = body["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(refusal("No text specified."));
    }
    if text.chars().count() > 16_383 {
        return Err(refusal("Invalid text."));
    }
    let calls = calls(text, &["@channel", "@all", "@here"]);
    Ok((text.to_owned(), calls, Answer::text(200, "ok")))
}

/// <https://docs.rocket.chat/docs/integrations>
fn rocket_chat(body: &Value) -> Judged {
    let refusal = |error: &str| Box::new(Answer::json(400, &json!({"success": false, "error": error})));
    let text = body["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(refusal("body-empty"));
    }
    if text.chars().count() > 5_000 {
        return Err(refusal("error-message-size-exceeded"));
    }
    let calls = calls(text, &["@all", "@here"]);
    Ok((text.to_owned(), calls, Answer::json(200, &json!({"success": true}))))
}

/// <https://discord.com/developers/docs/resources/webhook#execute-webhook>
fn discord(body: &Value) -> Judged {
    let refusal = |error: &str| {
        let body = json!({"message": "Invalid Form Body", "code": 50035, "errors": {"content": error}});
        Box::new(Answer::json(400, &body))
    };
    let text = body["content"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(Box::new(Answer::json(
            400,
            &json!({"message": "Cannot send an empty message", "code": 50006}),
        )));
    }
    if text.encode_utf16().count() > 2_000 {
        return Err(refusal("Must be 2000 or fewer in length."));
    }
    let nobody = body["allowed_mentions"]["parse"].as_array().is_some_and(Vec::is_empty);
    let calls = !nobody && calls(text, &["@everyone", "@here"]);
    Ok((text.to_owned(), calls, Answer::empty(204)))
}

/// A workflow answers before it has posted anything; what it could not post it does not tell, so this one does.
fn teams(request: &Request, body: &Value) -> Judged {
    let refusal = |message: &str| {
        let body = json!({"error": {"code": "TriggerInputSchemaMismatch", "message": message}});
        Box::new(Answer::json(400, &body))
    };
    if request.body.len() > 28 * 1024 {
        return Err(Box::new(Answer::json(
            413,
            &json!({"error": {"code": "RequestEntityTooLarge", "message": "larger than 28 KB"}}),
        )));
    }
    let attachments = body["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [attachment] = attachments else {
        return Err(refusal("no attachment"));
    };
    let card = &attachment["content"];
    if body["type"] != "message" || attachment["contentType"] != "application/vnd.microsoft.card.adaptive" {
        return Err(refusal("not a message with an Adaptive Card"));
    }
    if card["type"] != "AdaptiveCard" || !card["version"].is_string() || !card["body"].is_array() {
        return Err(refusal("not an Adaptive Card"));
    }
    let mut lines = Vec::new();
    for element in card["body"].as_array().into_iter().flatten() {
        match element["type"].as_str() {
            Some("RichTextBlock") => {
                let runs = element["inlines"].as_array().map(Vec::as_slice).unwrap_or_default();
                if runs.is_empty()
                    || runs
                        .iter()
                        .any(|run| run["type"] != "TextRun" || !run["text"].is_string())
                {
                    return Err(refusal("a RichTextBlock has inlines of type TextRun"));
                }
                lines.push(runs.iter().filter_map(|run| run["text"].as_str()).collect::<String>());
            }
            _ => return Err(refusal("an element that this card cannot have")),
        }
    }
    for action in card["actions"].as_array().into_iter().flatten() {
        let url = action["url"].as_str().unwrap_or_default();
        if action["type"] != "Action.OpenUrl" || !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(refusal("an action opens a web address"));
        }
    }
    // people are called by entities, never by words
    let calls = !card["msteams"].is_null();
    Ok((lines.join("\n"), calls, Answer::empty(202)))
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn signed(world: &World, request: &Request, body: &Value) -> Judged {
    let refusal = |text: &str| Box::new(Answer::text(401, text));
    let header = |name: &str| request.header(name).unwrap_or_default();
    let (id, timestamp, signatures) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    );
    let age = timestamp
        .parse::<i64>()
        .map(|at| (world.clock.now().timestamp() - at).abs());
    if id.is_empty() || !age.is_ok_and(|age| age <= TOLERANCE_SECONDS) {
        return Err(refusal("no id, or signed at another time"));
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else {
        return Err(refusal("no key"));
    };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    let good = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if !signatures.split(' ').any(|signature| signature == good) {
        return Err(refusal("the signature does not match"));
    }
    let text = body["text"].as_str().unwrap_or_default();
    let calls = calls(text, &["@channel", "@all", "@here", "@everyone", "<!"]);
    Ok((text.to_owned(), calls, Answer::empty(204)))
}

fn calls(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}
