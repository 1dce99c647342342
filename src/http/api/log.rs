//! The log of a run by lines.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::flow::view::log::{LogHit, LogLines, MOST};
use crate::http::api::Answered;
use crate::http::api::given::{Asked, At, bad};
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::api::runs::see;
use crate::http::logs::{blocking, reader_of};
use crate::http::problem::fault;
use crate::http::state::Surface;

/// Where nothing is said.
const USUAL: u64 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Window {
    /// The number of the first line; 1 where nothing is said.
    from: Option<u64>,
    /// How many lines; 200 where nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    count: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// What is looked for: exactly that, whatever its case and its colours. Nothing stands nowhere.
    #[schemars(length(max = 200))]
    q: Option<String>,
    /// In this line or a later one; in an earlier one where `backwards` is true.
    from: Option<u64>,
    /// Whether earlier lines are looked through, the latest first.
    backwards: Option<bool>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/runs/{run}/log/lines",
        "log_lines",
        "A window of the lines of a log, with their numbers, times and colours",
    )
    .query::<Window>()
    .answers::<LogLines>(200, "the lines")
    .by(lines);
    api.get(
        "/runs/{run}/log/search",
        "search_log",
        "In which line of a log a text stands next",
    )
    .query::<Wanted>()
    .answers::<LogHit>(200, "the line, where there is one")
    .by(search);
}

async fn lines(
    State(surface): State<Surface>,
    caller: Caller,
    At(id): At<String>,
    Asked(window): Asked<Window>,
) -> Answered {
    let count = window.count.unwrap_or(USUAL);
    if !(1..=MOST).contains(&count) {
        return Err(bad("`count` is a number from 1 to 1000"));
    }
    let listed = see(&surface, &caller.viewer, &id).await?;
    let log = reader_of(&surface, &listed.run);
    let from = window.from.unwrap_or(1);
    let found = blocking(move || LogLines::read(&log, from, count)).await;
    caller.answer(&found.map_err(|error| fault(&error))?)
}

async fn search(
    State(surface): State<Surface>,
    caller: Caller,
    At(id): At<String>,
    Asked(wanted): Asked<Wanted>,
) -> Answered {
    let listed = see(&surface, &caller.viewer, &id).await?;
    let log = reader_of(&surface, &listed.run);
    let backwards = wanted.backwards.unwrap_or(false);
    let from = wanted.from.unwrap_or(if backwards { u64::MAX } else { 1 });
    let q = wanted.q.unwrap_or_default();
    let found = blocking(move || log.search(&q, from, backwards)).await;
    caller.answer(&LogHit {
        line: found.map_err(|error| fault(&error))?,
    })
}
