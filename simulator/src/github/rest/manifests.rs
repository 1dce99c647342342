//! Apps made from a manifest: the form that a browser posts, and the code that comes back with it.
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::github::app::App;
use crate::github::hook::{ContentType, Hook, HookTarget};
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::shape;
use crate::github::world::World;
use crate::keys;
use crate::message::Answer;

/// How long a code is good.
const CODE_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// The permission that lets an App subscribe to an event.
const PERMISSION_OF: [(&str, &str); 11] = [
    ("check_run", "checks"),
    ("check_suite", "checks"),
    ("deployment", "deployments"),
    ("deployment_protection_rule", "deployments"),
    ("deployment_status", "deployments"),
    ("issue_comment", "issues"),
    ("pull_request", "pull_requests"),
    ("push", "contents"),
    ("repository", "metadata"),
    ("status", "statuses"),
    ("workflow_run", "actions"),
];

/// A manifest whose App was agreed to.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    code: String,
    at: DateTime<Utc>,
    name: String,
    hook_url: String,
    permissions: BTreeMap<String, String>,
    events: Vec<String>,
}

/// What the browser posts. The person agrees at once, and is sent back with a code.
pub(crate) fn submit(world: &mut World, call: &Call<'_>) -> Outcome {
    let text = call
        .form_field("manifest")
        .ok_or_else(|| Refused::malformed("\"manifest\" wasn't supplied."))?;
    let fields: Value = serde_json::from_str(&text).map_err(|_| Refused::malformed("manifest is not JSON"))?;
    let word = |pointer: &str| fields.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let needed =
        |pointer: &str| word(pointer).ok_or_else(|| Refused::malformed(&format!("{pointer} wasn't supplied.")));
    needed("/url")?;
    let redirect = needed("/redirect_url")?;
    let permissions: BTreeMap<String, String> =
        serde_json::from_value(fields["default_permissions"].clone()).unwrap_or_default();
    let events: Vec<String> = serde_json::from_value(fields["default_events"].clone()).unwrap_or_default();
    for event in &events {
        let known = PERMISSION_OF.iter().find(|(name, _)| name == event);
        if known.is_none_or(|(_, permission)| !permissions.contains_key(*permission)) {
            return Err(Refused::malformed(&format!("Default events unsupported: {event}")));
        }
    }
    let name = needed("/name")?;
    if name.len() > 34 {
        return Err(Refused::malformed("Name is too long (maximum is 34 characters)"));
    }
    let code = format!("code-of-a-manifest-{}", world.fresh_id());
    world.manifests.push(Manifest {
        code: code.clone(),
        at: world.now(),
        name,
        hook_url: needed("/hook_attributes/url")?,
        permissions,
        events,
    });
    let state = call.query("state").unwrap_or_default();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", &code)
        .append_pair("state", state)
        .finish();
    Ok(Answer::empty(302).with("location", format!("{redirect}?{query}")))
}

/// Makes the App and hands out its secrets, once.
pub(crate) fn convert(world: &mut World, code: &str) -> Outcome {
    let now = world.now();
    let place = world
        .manifests
        .iter()
        .position(|manifest| manifest.code == code && manifest.at + CODE_LIFETIME > now)
        .ok_or_else(Refused::not_found)?;
    let manifest = world.manifests.remove(place);
    let pair = keys::pair().map_err(|error| Refused::new(500, error.to_string()))?;
    let slug: String = manifest.name.to_lowercase().replace(' ', "-");
    let (id, hook) = (world.fresh_id(), world.fresh_id());
    let secret = format!("{:064x}", u128::from(hook) * 0x9e37_79b9_7f4a_7c15);
    world.app = App {
        id,
        slug: slug.clone(),
        permissions: manifest.permissions,
        events: manifest.events.clone(),
        public_key: Some(pair.public_der.clone()),
        ..world.app.clone()
    };
    world.hooks.push(Hook {
        id: hook,
        url: manifest.hook_url,
        secret: Some(secret.clone()),
        content_type: ContentType::Json,
        events: manifest.events,
        target: HookTarget::App,
        insecure_ssl: false,
        active: true,
    });
    let mut shown = shape::app(world, &slug);
    shown["client_secret"] = json!(format!("client-secret-of-{slug}-0123456789"));
    shown["webhook_secret"] = json!(secret);
    shown["pem"] = json!(pair.private_pem);
    Ok(Answer::json(201, &shown))
}
