//! What an App may ask about itself with its JWT, and the tokens it gets for its installations.
//! <https://docs.github.com/en/rest/apps/apps>

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::github::app::{Identity, Installation, Token, token_value};
use crate::github::refused::Refused;
use crate::github::rest::call::Call;
use crate::github::rest::fields::Fields;
use crate::github::rest::page::Page;
use crate::github::rest::{Outcome, deliveries};
use crate::github::shape;
use crate::github::world::{Repository, World};
use crate::message::Answer;

/// How long an installation token opens the API.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);

pub(crate) fn route(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Option<Outcome> {
    if call.identity != Identity::App {
        return Some(Err(Refused::new(401, "A JSON web token could not be decoded")));
    }
    match (call.method(), rest) {
        ("GET", []) => Some(myself(world)),
        ("GET", ["installations"]) => Some(installations(world, call)),
        ("GET", ["installations", id]) => Some(installation(world, id)),
        ("POST", ["installations", id, "access_tokens"]) => Some(issue_token(world, call, id)),
        (_, ["hook", rest @ ..]) => deliveries::of_app(world, call, rest),
        _ => None,
    }
}

fn myself(world: &World) -> Outcome {
    let mut shown = shape::app(world, &world.app.slug);
    shown["installations_count"] = json!(world.app.installations.len());
    Ok(Answer::json(200, &shown))
}

fn installations(world: &World, call: &Call<'_>) -> Outcome {
    let page = Page::of(world.app.installations.iter().collect(), call);
    let shown: Vec<Value> = page.items.iter().map(|found| shown(world, found)).collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

fn installation(world: &World, id: &str) -> Outcome {
    Ok(Answer::json(200, &shown(world, known(world, id)?)))
}

/// Which installation a repository belongs to.
pub(crate) fn installation_of(world: &World, repository: u64) -> Outcome {
    let found = world.find(repository)?;
    let installation = world
        .app
        .installations
        .iter()
        .find(|installation| installation.account.eq_ignore_ascii_case(found.owner()))
        .filter(|_| !world.app.excluded.contains(&repository))
        .ok_or_else(Refused::not_found)?;
    Ok(Answer::json(200, &shown(world, installation)))
}

/// What an installation token reaches.
pub(crate) fn repositories(world: &World, call: &Call<'_>) -> Outcome {
    if !matches!(call.identity, Identity::Installation(_)) {
        return Err(Refused::not_accessible());
    }
    let reached: Vec<&Repository> = world
        .repositories
        .iter()
        .filter(|repository| call.reaches(world, repository.id).is_ok())
        .collect();
    let total = reached.len();
    let page = Page::of(reached, call);
    let shown: Vec<Value> = page.items.iter().map(|found| shape::repository(world, found)).collect();
    Ok(page.linked(Answer::json(200, &json!({"total_count": total, "repositories": shown}))))
}

fn issue_token(world: &mut World, call: &Call<'_>, id: &str) -> Outcome {
    let installation = known(world, id)?.clone();
    if installation.suspended {
        return Err(Refused::suspended());
    }
    let fields = call.fields()?;
    let repositories = chosen_repositories(world, &installation, &fields)?;
    let permissions = chosen_permissions(world, &fields)?;
    let number = world.fresh_id();
    let token = Token {
        value: token_value(world.app.id, number),
        owner: Identity::Installation(installation.id),
        expires_at: Some(world.now() + TOKEN_LIFETIME),
        repositories,
        permissions,
    };
    let selected = token.repositories.as_ref().map(|chosen| {
        world
            .repositories
            .iter()
            .filter(|repository| chosen.contains(&repository.id))
            .map(|repository| shape::repository(world, repository))
            .collect::<Vec<_>>()
    });
    let mut body = json!({
        "token": token.value,
        "expires_at": token.expires_at.map(shape::time),
        "permissions": token.permissions,
        "repository_selection": if selected.is_some() { "selected" } else { "all" },
    });
    if let Some(selected) = selected {
        body["repositories"] = json!(selected);
    }
    world.tokens.push(token);
    Ok(Answer::json(201, &body))
}

/// Named by number or by name without the owner; all of the installation's where nothing is named.
fn chosen_repositories(
    world: &World,
    installation: &Installation,
    fields: &Fields,
) -> Result<Option<BTreeSet<u64>>, Refused> {
    let numbers = fields.numbers("repository_ids")?;
    let names = fields.texts("repositories")?;
    if numbers.is_none() && names.is_none() {
        return Ok(None);
    }
    let mut chosen: BTreeSet<u64> = numbers.unwrap_or_default().into_iter().collect();
    for name in names.unwrap_or_default() {
        let full = format!("{}/{name}", installation.account);
        chosen.insert(world.repository(&full).map_or(0, |found| found.id));
    }
    let all_installed = chosen.iter().all(|id| {
        let owned = world
            .repository_by_id(*id)
            .is_some_and(|found| found.owner().eq_ignore_ascii_case(&installation.account));
        owned && !world.app.excluded.contains(id)
    });
    if all_installed {
        Ok(Some(chosen))
    } else {
        Err(Refused::new(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ))
    }
}

/// At most what the installation was granted.
fn chosen_permissions(world: &World, fields: &Fields) -> Result<BTreeMap<String, String>, Refused> {
    let Some(Value::Object(wanted)) = fields.value("permissions") else {
        return Ok(world.app.permissions.clone());
    };
    let mut chosen = BTreeMap::from([("metadata".to_owned(), "read".to_owned())]);
    for (name, level) in wanted {
        let level = level.as_str().unwrap_or_default();
        let granted = world.app.permissions.get(name).map(String::as_str);
        if granted != Some(level) && granted != Some("write") {
            return Err(Refused::new(
                422,
                "The permissions requested are not granted to this installation.",
            ));
        }
        chosen.insert(name.clone(), level.to_owned());
    }
    Ok(chosen)
}

fn known<'w>(world: &'w World, id: &str) -> Result<&'w Installation, Refused> {
    world
        .app
        .installations
        .iter()
        .find(|found| found.id.to_string() == id)
        .ok_or_else(Refused::not_found)
}

fn shown(world: &World, installation: &Installation) -> Value {
    let id = installation.id;
    json!({
        "id": id,
        "account": shape::user(world, &installation.account),
        "repository_selection": if world.app.excluded.is_empty() { "all" } else { "selected" },
        "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", world.api_url),
        "repositories_url": format!("{}/installation/repositories", world.api_url),
        "html_url": format!("{}/settings/installations/{id}", world.url),
        "app_id": world.app.id,
        "app_slug": world.app.slug,
        "target_id": shape::user(world, &installation.account)["id"],
        "target_type": "Organization",
        "permissions": world.app.permissions,
        "events": world.app.events,
        "single_file_name": null,
        "created_at": "2024-01-02T03:04:05Z",
        "updated_at": "2024-01-02T03:04:05Z",
        "suspended_at": installation.suspended.then_some("2024-01-02T03:04:05Z"),
    })
}
