//! Runs: the history, one run, its log, and what may be asked of it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chat::command::Command;
use crate::chat::target::Target;
use crate::domain::clock::Timestamp;
use crate::domain::command::PersonsVerdict;
use crate::domain::ids::DeploymentId;
use crate::domain::run::RunState;
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::chat::{command_here, may_change_run};
use crate::flow::finish::{answered, finish_here};
use crate::flow::people;
use crate::flow::view::forms::{Done, Stop, Verdict};
use crate::flow::view::run::{RunDetail, RunView, beginning_with, detail, find, history, state_names};
use crate::flow::view::{Look, Page};
use crate::http::api::Answered;
use crate::http::api::answer::{json, refused};
use crate::http::api::given::{Asked, At, Given, bad};
use crate::http::api::guard::Caller;
use crate::http::api::once::{Key, Work, chat_failed, once, speaker};
use crate::http::api::route::Api;
use crate::http::logs;
use crate::http::problem::{Problem, fault};
use crate::http::state::Surface;
use crate::store::history::{Filter, Listed};
use crate::store::verdict::Heard;

/// Where nothing is said.
const USUAL: u32 = 50;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only of this app.
    app: Option<String>,
    /// Only in this environment.
    environment: Option<String>,
    /// Only what this person asked for.
    person: Option<String>,
    /// Only in this state.
    #[schemars(extend("enum" = state_names()))]
    state: Option<String>,
    /// Only of this deployment.
    deployment: Option<u64>,
    /// Only what was taken in at that time or later.
    since: Option<Timestamp>,
    /// Only what was taken in before that time.
    until: Option<Timestamp>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many are on a page; 50 where nothing is said.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/runs",
        "list_runs",
        "Runs, the newest first; every filter that is given must hold",
    )
    .query::<Which>()
    .answers::<Page<RunView>>(200, "a page of them")
    .by(list);
    api.get(
        "/runs/{run}",
        "run",
        "One run: timeline, decisions with every gate, steps, what was sent about it",
    )
    .answers::<RunDetail>(200, "the run")
    .by(one);
    api.get(
        "/runs/{run}/log",
        "log",
        "The log of a run as text, from the byte `from` on; with `Accept: text/event-stream` it is followed to the end",
    )
    .query::<logs::From>()
    .tells("text/plain", "the log")
    .by(logs::log);
    api.post("/runs/{run}/cancel", "cancel", "Stop a run", Scope::Deploy)
        .body::<Stop>()
        .answers::<Done>(200, "it stops, or has")
        .by(cancel);
    api.post(
        "/runs/{run}/retry",
        "retry",
        "Ask GitHub once more for what a run deployed: the same commit, task and hosts",
        Scope::Deploy,
    )
    .keyed()
    .answers::<Done>(201, "GitHub has made the deployment")
    .by(retry);
    api.post(
        "/runs/{run}/verdict",
        "say_how_it_went",
        "Say how a run went that a person carries out",
        Scope::Deploy,
    )
    .body::<Verdict>()
    .answers::<Done>(200, "it is written down")
    .by(verdict);
}

/// How many are on a page.
pub(super) fn size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(USUAL),
        Some(limit @ 1..=100) => Ok(limit),
        Some(_) => Err(bad("`limit` is a number from 1 to 100")),
    }
}

async fn list(State(surface): State<Surface>, caller: Caller, Asked(which): Asked<Which>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let state = which
        .state
        .as_deref()
        .map(|name| RunState::from_name(name).ok_or_else(|| bad("there is no such `state`")))
        .transpose()?;
    let before = which
        .cursor
        .as_deref()
        .map(|cursor| cursor.parse().map_err(|_| bad("`cursor` is none that a page gave")))
        .transpose()?;
    let filter = Filter {
        app: which.app,
        environment: which.environment,
        person: which.person,
        state,
        deployment: which.deployment.map(DeploymentId),
        since: which.since,
        until: which.until,
        before,
    };
    caller.answer(&history(&look, &filter, size(which.limit)?).await?)
}

async fn one(State(surface): State<Surface>, caller: Caller, At(id): At<String>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let listed = seen(&look, &id).await?;
    caller.answer(&detail(&look, &listed).await?)
}

async fn seen(look: &Look<'_>, id: &str) -> Result<Listed, Problem> {
    if let Some(found) = find(look, id).await? {
        return Ok(found);
    }
    let mut begin_so = beginning_with(look, id).await?;
    match (begin_so.pop(), begin_so.pop()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(no_such_run()),
        (Some(_), Some(_)) => {
            let detail = "more than one run begins like this; say more of its id";
            Err(Problem::new(StatusCode::CONFLICT, "run_ambiguous", detail))
        }
    }
}

/// What is answered of a run that is not there, or not seen.
pub(crate) fn no_such_run() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "run_unknown",
        "there is no such run; `chima runs` lists those there are",
    )
}

/// Whether a run is seen, for routes that need no more of it.
pub(crate) async fn see(surface: &Surface, viewer: &Viewer, id: &str) -> Result<Listed, Problem> {
    seen(&Look::of(&surface.engine, viewer), id).await
}

fn target(listed: &Listed) -> Target {
    Target {
        app: listed.run.id.to_string(),
        git_ref: None,
        environment: None,
    }
}

async fn cancel(
    State(surface): State<Surface>,
    caller: Caller,
    At(id): At<String>,
    Given(stop): Given<Stop>,
) -> Answered {
    let listed = see(&surface, &caller.viewer, &id).await?;
    let command = Command::Cancel {
        target: target(&listed),
        reason: stop.reason,
    };
    let speaker = speaker(&caller, None)?;
    let reply = command_here(&surface.engine, &speaker, &command)
        .await
        .map_err(chat_failed)?;
    if !reply.ok {
        return Err(refused(&reply));
    }
    done(StatusCode::OK, &reply.text, reply.deployment.map(|id| id.0))
}

pub(super) fn done(status: StatusCode, text: &str, deployment: Option<u64>) -> Answered {
    let done = Done {
        text: text.to_owned(),
        deployment,
    };
    let body = serde_json::to_string(&done).map_err(|error| fault(&error))?;
    Ok(json(status, body))
}

async fn retry(
    State(surface): State<Surface>,
    caller: Caller,
    At(id): At<String>,
    key: Key,
) -> Result<Response, Problem> {
    let listed = see(&surface, &caller.viewer, &id).await?;
    let work = Work {
        what: format!("retry {}", listed.run.id),
        command: Command::Retry {
            target: target(&listed),
        },
    };
    once(&surface, &caller, key, work).await
}

async fn verdict(
    State(surface): State<Surface>,
    caller: Caller,
    At(id): At<String>,
    Given(said): Given<Verdict>,
) -> Answered {
    let listed = see(&surface, &caller.viewer, &id).await?;
    let engine = &surface.engine;
    let speaker = speaker(&caller, None)?;
    // what may be cancelled by somebody may be finished by them
    if let Some(refusal) = may_change_run(engine, &speaker, &listed.run)
        .await
        .map_err(chat_failed)?
    {
        return Err(refused(&refusal));
    }
    let by = people::actor(&engine.config, &speaker);
    let verdict = PersonsVerdict::new(by.known_as(), said.done, said.note.as_deref());
    let heard = finish_here(engine, &listed.run, &verdict).await?;
    let text = answered(&heard, engine.now());
    let text = said_so(&heard, &verdict, text)?;
    done(StatusCode::OK, &text, Some(listed.run.deployment.0))
}

/// What is answered to a person's word, where it is one that counts.
pub(crate) fn said_so(heard: &Heard, verdict: &PersonsVerdict, text: String) -> Result<String, Problem> {
    let taken = match heard {
        Heard::Taken(_) => true,
        // the same word twice is no contradiction
        Heard::SaidBefore(run) => run.verdict.as_ref().is_some_and(|first| first.done == verdict.done),
        Heard::NotAsked(_) => false,
    };
    if taken {
        return Ok(text);
    }
    let code = match heard {
        Heard::NotAsked(_) => "not_asked",
        Heard::Taken(_) | Heard::SaidBefore(_) => "said_before",
    };
    Err(Problem::new(StatusCode::CONFLICT, code, &text))
}
