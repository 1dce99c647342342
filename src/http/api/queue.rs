//! `GET /queue`.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::flow::view::Look;
use crate::flow::view::queue::{self, Queue, read_cursor};
use crate::http::api::Answered;
use crate::http::api::given::{Asked, bad};
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::api::runs::size;
use crate::http::state::Surface;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only of this app.
    app: Option<String>,
    /// Only for this environment.
    environment: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many are on a page; 50 where nothing is said.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/queue",
        "queue",
        "What runs and waits, why each waits, and when it probably begins",
    )
    .query::<Which>()
    .answers::<Queue>(200, "a page of it")
    .by(list);
}

async fn list(State(surface): State<Surface>, caller: Caller, Asked(which): Asked<Which>) -> Answered {
    let look = Look::of(&surface.engine, &caller.viewer);
    let after = which
        .cursor
        .as_deref()
        .map(|cursor| read_cursor(cursor).ok_or_else(|| bad("`cursor` is none that a page gave")))
        .transpose()?;
    let wanted = queue::Which {
        app: which.app.as_deref(),
        environment: which.environment.as_deref(),
        after,
    };
    caller.answer(&queue::queue(&look, wanted, size(which.limit)?).await?)
}
