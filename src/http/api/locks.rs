//! Locks: who holds what; to lock, and to unlock.

use axum::extract::State;
use axum::http::StatusCode;

use crate::chat::command::{Command, Lock};
use crate::domain::length::Length;
use crate::domain::lock::Otherwise;
use crate::domain::viewer::Scope;
use crate::flow::chat::command_here;
use crate::flow::view::Look;
use crate::flow::view::forms::{Done, IfLocked, Locks, NewLock};
use crate::flow::view::lock::locks;
use crate::http::api::Answered;
use crate::http::api::answer::refused;
use crate::http::api::board::spot;
use crate::http::api::given::{At, Given};
use crate::http::api::guard::Caller;
use crate::http::api::once::{chat_failed, speaker};
use crate::http::api::route::Api;
use crate::http::api::runs::done;
use crate::http::problem::Problem;
use crate::http::state::Surface;

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/locks",
        "list_locks",
        "Who holds what, since when, for how long, why, and who waits for it",
    )
    .answers::<Locks>(200, "the locks")
    .by(list);
    api.post("/locks", "lock", "Lock environments of an app", Scope::Lock)
        .body::<NewLock>()
        .answers::<Done>(200, "it is locked, or you wait in line for it")
        .by(lock);
    api.delete(
        "/apps/{app}/environments/{environment}/lock",
        "unlock",
        "Unlock an environment, whoever has locked it; another owner is told",
        Scope::Lock,
    )
    .answers::<Done>(200, "it is free, or belongs to whoever waited for it")
    .by(unlock);
}

async fn list(State(surface): State<Surface>, caller: Caller) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    caller.answer(&Locks {
        items: locks(&look).await?,
    })
}

async fn lock(State(surface): State<Surface>, caller: Caller, Given(wanted): Given<NewLock>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let invalid = |detail: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail);
    let mut environments = Vec::new();
    let mut named = String::new();
    for environment in &wanted.environments {
        let (app, known) = spot(&look, &wanted.app, environment)?;
        named = app.name.to_string();
        environments.push(known.name.to_string());
    }
    if environments.is_empty() {
        return Err(invalid("`environments` is empty; name at least one"));
    }
    let length = wanted
        .length
        .as_deref()
        .map(str::parse::<Length>)
        .transpose()
        .map_err(|error| invalid(&error.to_string()))?;
    let command = Command::Lock(Lock {
        app: named,
        environments,
        length,
        reason: wanted.reason,
        otherwise: match wanted.otherwise {
            IfLocked::Refuse => Otherwise::Refuse,
            IfLocked::Steal => Otherwise::Steal,
            IfLocked::Wait => Otherwise::Wait,
        },
    });
    carry_out(&surface, &caller, &command).await
}

async fn unlock(
    State(surface): State<Surface>,
    caller: Caller,
    At((app, environment)): At<(String, String)>,
) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let (app, environment) = spot(&look, &app, &environment)?;
    let command = Command::Unlock {
        app: app.name.to_string(),
        environments: vec![environment.name.to_string()],
    };
    carry_out(&surface, &caller, &command).await
}

async fn carry_out(surface: &Surface, caller: &Caller, command: &Command) -> Answered {
    let reply = command_here(&surface.engine, &speaker(caller, None)?, command)
        .await
        .map_err(chat_failed)?;
    if reply.ok {
        done(StatusCode::OK, &reply.text, None)
    } else {
        Err(refused(&reply))
    }
}
