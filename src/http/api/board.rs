//! `GET /overview` and one environment of it.

use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{App, Environment};
use crate::flow::view::Look;
use crate::flow::view::board::{Board, EnvironmentView, board, environment};
use crate::http::api::Answered;
use crate::http::api::given::{Asked, At};
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::problem::Problem;
use crate::http::state::Surface;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only this app.
    app: Option<String>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/overview",
        "overview",
        "Every app and environment: what runs there, what is next, who holds it",
    )
    .query::<Which>()
    .answers::<Board>(200, "the board")
    .by(overview);
    api.get(
        "/apps/{app}/environments/{environment}",
        "environment",
        "One environment of an app",
    )
    .answers::<EnvironmentView>(200, "the environment")
    .by(one);
}

async fn overview(State(surface): State<Surface>, caller: Caller, Asked(which): Asked<Which>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let app = match which.app.as_deref() {
        Some(name) => Some(look.app(name).ok_or_else(no_such_app)?),
        None => None,
    };
    caller.answer(&board(&look, app).await?)
}

async fn one(State(surface): State<Surface>, caller: Caller, At((app, named)): At<(String, String)>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let spot = spot(&look, &app, &named)?;
    caller.answer(&environment(&look, spot).await?)
}

/// An environment by its names. What is not seen is answered as what is not there.
pub(super) fn spot<'a>(look: &Look<'a>, app: &str, environment: &str) -> Result<(&'a App, &'a Environment), Problem> {
    let known = look.app(app).ok_or_else(no_such_app)?;
    look.environment(app, environment).ok_or_else(|| {
        let names: Vec<String> = known.environments.iter().map(|own| format!("`{}`", own.name)).collect();
        let detail = format!("`{}` has no such environment; it has {}", known.name, names.join(", "));
        Problem::new(StatusCode::NOT_FOUND, "environment_unknown", &detail)
    })
}

/// What is answered of an app that is not there, or not seen.
pub(super) fn no_such_app() -> Problem {
    let detail = "there is no such app, or you may not see it; `/api/v1/overview` lists those you may";
    Problem::new(StatusCode::NOT_FOUND, "app_unknown", detail)
}
