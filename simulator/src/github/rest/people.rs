//! People, teams, and what GitHub says about itself.

use serde_json::{Value, json};

use crate::github::app::Identity;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::shape;
use crate::github::world::World;
use crate::message::Answer;

/// Free of charge.
pub(crate) fn rate_limit(world: &World, call: &Call<'_>) -> Outcome {
    let core = world.books.standing(&call.identity.name(&world.app), world.now());
    let body = json!({
        "resources": {"core": core, "search": core, "graphql": core, "integration_manifest": core},
        "rate": core,
    });
    Ok(Answer::json(200, &body))
}

/// The addresses webhooks come from: this machine's.
pub(crate) fn meta() -> Outcome {
    let body = json!({
        "verifiable_password_authentication": false,
        "hooks": ["127.0.0.1/32"],
        "web": ["127.0.0.1/32"],
        "api": ["127.0.0.1/32"],
        "git": ["127.0.0.1/32"],
    });
    Ok(Answer::json(200, &body))
}

pub(crate) fn myself(world: &World, call: &Call<'_>) -> Outcome {
    match &call.identity {
        Identity::User(login) => Ok(Answer::json(200, &shape::user(world, login))
            .with("x-oauth-scopes", "repo, repo_deployment, admin:repo_hook")),
        Identity::App | Identity::Installation(_) | Identity::Nobody => Err(Refused::not_accessible()),
    }
}

/// The account that has a login, as everybody may see it.
pub(crate) fn user(world: &World, login: &str) -> Outcome {
    if world.free.contains(login) {
        return Err(Refused::not_found());
    }
    let mut user = shape::user(world, login);
    for unsaid in ["name", "company", "location", "email", "hireable", "bio"] {
        user[unsaid] = Value::Null;
    }
    for count in ["public_repos", "public_gists", "followers", "following"] {
        user[count] = json!(0);
    }
    user["blog"] = json!("");
    for moment in ["created_at", "updated_at"] {
        user[moment] = json!(shape::time(world.now()));
    }
    Ok(Answer::json(200, &user))
}

pub(crate) fn membership(world: &World, call: &Call<'_>, organization: &str, team: &str, login: &str) -> Outcome {
    call.needs("members", "read")?;
    let is_member = world.teams.iter().any(|(known, its_team, member)| {
        known.eq_ignore_ascii_case(organization)
            && its_team.eq_ignore_ascii_case(team)
            && member.eq_ignore_ascii_case(login)
    });
    if !is_member {
        return Err(Refused::not_found());
    }
    let url = format!("{}/orgs/{organization}/teams/{team}/memberships/{login}", world.api_url);
    Ok(Answer::json(
        200,
        &json!({"url": url, "role": "member", "state": "active"}),
    ))
}

/// What a person may do. Whoever is not named reads what is public, and has nothing of what is private.
pub(crate) fn permission(world: &World, repository: u64, login: &str) -> Outcome {
    let found = world.find(repository)?;
    let permission = found
        .permissions
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(login))
        .map(|(_, permission)| permission.as_str())
        .unwrap_or(if found.private { "none" } else { "read" });
    let mut user: Value = shape::user(world, login);
    user["role_name"] = json!(permission);
    let body = json!({"permission": permission, "role_name": permission, "user": user});
    Ok(Answer::json(200, &body))
}
