//! Asking for deployments: GitHub is asked, and delivers them by the same door as everybody else's.

use crate::chat::command::{Command, Deploy};
use crate::chat::grammar;
use crate::chat::target::Target;
use crate::domain::names::{HostName, RefName, TaskName};
use crate::domain::viewer::Scope;
use crate::flow::chat::preview::{Preview, preview};
use crate::flow::chat::{Conversation, command_here};
use crate::flow::view::Look;
use crate::flow::view::forms::{Done, NewDeployment, NewRollback};
use crate::http::api::Answered;
use crate::http::api::answer::refused;
use crate::http::api::board::spot;
use crate::http::api::given::Given;
use crate::http::api::guard::{Caller, scope_missing};
use crate::http::api::once::{Key, Work, chat_failed, once, speaker};
use crate::http::api::route::Api;
use crate::http::api::runs::done;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

pub(super) fn routes(api: &mut Api) {
    api.post("/deployments", "deploy", "Ask GitHub for a deployment", Scope::Deploy)
        .keyed()
        .body::<NewDeployment>()
        .answers::<Done>(201, "GitHub has made it; its run begins with GitHub's delivery")
        .by(deploy);
    api.post(
        "/deployments/preview",
        "preview",
        "What a deployment would come to: the decision as it would be now, commits, place in the lane. Changes nothing",
        Scope::Deploy,
    )
    .body::<NewDeployment>()
    .answers::<Preview>(200, "what it would come to")
    .by(look_ahead);
    api.post(
        "/rollbacks",
        "rollback",
        "Ask GitHub for a deployment of what an environment ran before",
        Scope::Deploy,
    )
    .keyed()
    .body::<NewRollback>()
    .answers::<Done>(201, "GitHub has made it")
    .by(rollback);
    api.post(
        "/rollbacks/preview",
        "preview_rollback",
        "Which commit a rollback would go back to, and what it would undo. Changes nothing",
        Scope::Deploy,
    )
    .body::<NewRollback>()
    .answers::<Done>(200, "what it would undo")
    .by(look_back);
}

async fn deploy(
    State(surface): State<Surface>,
    caller: Caller,
    key: Key,
    Given(wanted): Given<NewDeployment>,
) -> Result<Response, Problem> {
    let command = understood(&Look::of(&surface.engine, &caller.viewer), &wanted)?;
    let what = format!("deploy {}", serde_json::json!(wanted));
    let command = if wanted.plan {
        Command::Plan(command)
    } else {
        Command::Deploy(command)
    };
    once(&surface, &caller, key, Work { what, command }).await
}

async fn look_ahead(State(surface): State<Surface>, caller: Caller, Given(wanted): Given<NewDeployment>) -> Answered {
    let command = understood(&Look::of(&surface.engine, &caller.viewer), &wanted)?;
    let speaker = speaker(&caller, None)?;
    match Box::pin(preview(
        &Conversation::of(&surface.engine),
        &speaker,
        &command,
        wanted.plan,
    ))
    .await
    {
        Ok(Ok(preview)) => caller.answer(&preview),
        Ok(Err(reply)) => Err(refused(&reply)),
        Err(error) => Err(chat_failed(error)),
    }
}

/// The same in the words of chat, as far as the names in it are known and seen.
pub(crate) fn understood(look: &Look<'_>, wanted: &NewDeployment) -> Result<Deploy, Problem> {
    let (app, environment) = spot(look, &wanted.app, &wanted.environment)?;
    if wanted.force && !look.viewer.may_in(Scope::Admin, app.name.as_str()) {
        return Err(scope_missing(Scope::Admin));
    }
    if let Some(git_ref) = &wanted.git_ref {
        well_formed("ref_malformed", git_ref.parse::<RefName>())?;
    }
    let task = wanted.task.clone().unwrap_or_else(|| "deploy".to_owned());
    well_formed("task_malformed", task.parse::<TaskName>())?;
    for host in &wanted.hosts {
        well_formed("hosts_malformed", host.parse::<HostName>())?;
    }
    let hosts = match wanted.hosts.as_slice() {
        [] => String::new(),
        some => format!("/{}", some.join(",")),
    };
    Ok(Deploy {
        task,
        force: wanted.force,
        target: Target {
            app: app.name.to_string(),
            git_ref: wanted.git_ref.clone(),
            environment: Some(format!("{}{hosts}", environment.name)),
        },
        code: None,
        seen: None,
        called: None,
    })
}

fn well_formed<T, E: std::fmt::Display>(code: &'static str, parsed: Result<T, E>) -> Result<(), Problem> {
    match parsed {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, &error.to_string())),
    }
}

async fn rollback(
    State(surface): State<Surface>,
    caller: Caller,
    key: Key,
    Given(wanted): Given<NewRollback>,
) -> Result<Response, Problem> {
    let what = format!("rollback {}", serde_json::json!(wanted));
    let target = place(&surface, &caller, &wanted)?;
    let command = match &wanted.to {
        Some(to) => Command::Rollback {
            target,
            to: Some(to.clone()),
        },
        None => before(&surface, &caller, target).await?,
    };
    once(&surface, &caller, key, Work { what, command }).await
}

async fn look_back(State(surface): State<Surface>, caller: Caller, Given(wanted): Given<NewRollback>) -> Answered {
    let target = place(&surface, &caller, &wanted)?;
    let command = Command::Rollback { target, to: None };
    let reply = command_here(&surface.engine, &speaker(&caller, None)?, &command)
        .await
        .map_err(chat_failed)?;
    if reply.ok {
        done(StatusCode::OK, &reply.text, None)
    } else {
        Err(refused(&reply))
    }
}

/// The rollback that chat would offer: to the commit before the present one, by its name.
async fn before(surface: &Surface, caller: &Caller, target: Target) -> Result<Command, Problem> {
    let look = Command::Rollback { target, to: None };
    let reply = command_here(&surface.engine, &speaker(caller, None)?, &look)
        .await
        .map_err(chat_failed)?;
    let offered = reply.offers.first().and_then(|offer| grammar::parse(&offer.says).ok());
    match offered {
        Some(command @ Command::Rollback { to: Some(_), .. }) if reply.ok => Ok(command),
        _ => Err(refused(&reply)),
    }
}

fn place(surface: &Surface, caller: &Caller, wanted: &NewRollback) -> Result<Target, Problem> {
    let look = Look::of(&surface.engine, &caller.viewer);
    let (app, environment) = spot(&look, &wanted.app, &wanted.environment)?;
    if let Some(to) = &wanted.to {
        well_formed("ref_malformed", to.parse::<RefName>())?;
    }
    Ok(Target {
        app: app.name.to_string(),
        git_ref: None,
        environment: Some(environment.name.to_string()),
    })
}
