//! The API: everything that pages and chat can do, for programs.
//!
//! Every route is made by [`route::Api`], which puts the guard before it and describes it at once: a route that is not guarded, or
//! not described, cannot be spelled.

pub(super) mod answer;
mod board;
pub(super) mod commits;
pub(super) mod deliveries;
pub(super) mod deployments;
pub mod description;
mod events;
pub(super) mod given;
mod guard;
pub(super) mod limit;
mod locks;
mod log;
mod me;
pub(super) mod once;
mod queue;
pub mod route;
pub(super) mod runs;
pub mod standing;
mod statistics;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use crate::http::api::route::Api;
use crate::http::problem::Problem;
use crate::http::state::Live;

/// What every address begins with.
pub const BASE: &str = "/api/v1";
/// Nobody asks for more at once.
const BODY_LIMIT: usize = 64 * 1024;

/// Every route, with its description.
#[must_use]
pub fn api() -> Api {
    let mut api = Api::new();
    me::routes(&mut api);
    board::routes(&mut api);
    runs::routes(&mut api);
    log::routes(&mut api);
    deployments::routes(&mut api);
    commits::routes(&mut api);
    queue::routes(&mut api);
    locks::routes(&mut api);
    deliveries::routes(&mut api);
    statistics::routes(&mut api);
    events::routes(&mut api);
    api
}

/// The routes as the server has them.
pub fn routes(live: &Live) -> Router<Live> {
    let mut router = Router::new();
    for route in api().routes {
        let guarded = guard::guarded(route.handler, live, route.needs);
        router = router.route(&format!("{BASE}{}", route.path), guarded);
    }
    router
        .route("/api/openapi.json", get(description::openapi))
        .route("/api/{*rest}", axum::routing::any(no_such_route))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn no_such_route() -> Problem {
    let detail = "there is no such address; `/api/openapi.json` describes those there are";
    Problem::new(StatusCode::NOT_FOUND, "route_unknown", detail)
}

/// What handlers answer.
type Answered = Result<Response, Problem>;
