//! `GET /statistics` and `GET /attention`: how it goes in numbers, and what needs a person.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::flow::view::Look;
use crate::flow::view::board::board;
use crate::flow::view::needs::{Needs, needs};
use crate::flow::view::statistics::{self, RANGES, Statistics};
use crate::http::api::Answered;
use crate::http::api::given::{Asked, bad};
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::state::Surface;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How many days, today among them: 30, 90 or 365; 90 where nothing is said.
    #[schemars(extend("enum" = RANGES))]
    days: Option<u32>,
    /// Only of this app.
    app: Option<String>,
    /// Only in this environment.
    environment: Option<String>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/statistics",
        "statistics",
        "How often is deployed, how fast, how often it goes wrong and how long that lasts",
    )
    .query::<Which>()
    .answers::<Statistics>(200, "the numbers")
    .by(show);
    api.get(
        "/attention",
        "attention",
        "Everything that needs a person, the most pressing first",
    )
    .answers::<Needs>(200, "what needs a person")
    .by(attention);
}

async fn show(State(surface): State<Surface>, caller: Caller, Asked(which): Asked<Which>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let days = which.days.unwrap_or(RANGES[1]);
    if !RANGES.contains(&days) {
        return Err(bad("`days` is 30, 90 or 365"));
    }
    let wanted = statistics::Which {
        days,
        app: which.app.as_deref(),
        environment: which.environment.as_deref(),
    };
    caller.answer(&statistics::statistics(&look, wanted).await?)
}

async fn attention(State(surface): State<Surface>, caller: Caller) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let board = board(&look, None).await?;
    caller.answer(&needs(&look, &board).await?)
}
