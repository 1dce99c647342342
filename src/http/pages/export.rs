//! `/history.csv` and `/history.json`: the history with the same filters, whole, written as it is read. However long it is, a page
//! of it is in memory and no more.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use crate::domain::viewer::Viewer;
use crate::flow::engine::Engine;
use crate::flow::view::Look;
use crate::flow::view::run::{RunView, history};
use crate::http::pages::looker::Looker;
use crate::http::pages::wanted::Wanted;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::report::csv;
use crate::store::error::StoreError;
use crate::store::history::Filter;

/// Read at once.
const AT_ONCE: u32 = 500;
const COLUMNS: [&str; 15] = [
    "run",
    "state",
    "app",
    "environment",
    "ref",
    "sha",
    "title",
    "task",
    "requester",
    "requested_at",
    "created_at",
    "started_at",
    "finished_at",
    "why",
    "url",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Csv,
    Json,
}

/// `/history.csv`.
pub async fn as_csv(
    State(surface): State<Surface>,
    Looker { viewer, .. }: Looker,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    export(surface, viewer, query, Kind::Csv)
}

/// `/history.json`.
pub async fn as_json(
    State(surface): State<Surface>,
    Looker { viewer, .. }: Looker,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    export(surface, viewer, query, Kind::Json)
}

fn export(surface: Surface, viewer: Viewer, query: Result<Query<Wanted>, QueryRejection>, kind: Kind) -> Response {
    let filter = match Wanted::read(query).and_then(|wanted| wanted.filter()) {
        Ok(filter) => filter,
        Err(problem) => return Problem::new(StatusCode::BAD_REQUEST, "bad_request", &problem).into_response(),
    };
    let Ok(place) = std::sync::Arc::clone(&surface.followers).try_acquire_owned() else {
        let detail = "too many read at once; ask again in a moment";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail);
        return problem.again_in(10).into_response();
    };
    let reading = Reading {
        engine: surface.engine,
        viewer,
        filter,
        kind,
        stage: Stage::Begin,
        _place: place,
    };
    let parts = stream::unfold(reading, |mut reading| async move {
        let part = reading.next().await.transpose()?;
        Some((part, reading))
    });
    let mut response = Body::from_stream(parts).into_response();
    let (content, name) = match kind {
        Kind::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"history.csv\""),
        Kind::Json => ("application/json", "attachment; filename=\"history.json\""),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    /// Whether something was written before.
    Rows(bool),
    Over,
}

struct Reading {
    engine: Engine,
    viewer: Viewer,
    filter: Filter,
    kind: Kind,
    stage: Stage,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    /// The next part. One that cannot be read ends the answer before its end, so that nobody takes a part for the whole.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let follows = match self.stage {
            Stage::Over => return Ok(None),
            Stage::Begin => {
                self.stage = Stage::Rows(false);
                return Ok(Some(match self.kind {
                    Kind::Csv => csv::line(COLUMNS),
                    Kind::Json => "{\"items\":[".to_owned(),
                }));
            }
            Stage::Rows(follows) => follows,
        };
        let look = Look::of(&self.engine, &self.viewer);
        let found = match history(&look, &self.filter, AT_ONCE).await {
            Ok(found) => found,
            Err(error) => {
                self.stage = Stage::Over;
                tracing::warn!(error = %error, "the history could not be read to its end");
                return Err(error);
            }
        };
        let mut text = String::new();
        for (at, run) in found.items.iter().enumerate() {
            match self.kind {
                Kind::Csv => text.push_str(&csv_line(run)),
                Kind::Json => {
                    if follows || at > 0 {
                        text.push(',');
                    }
                    text.push('\n');
                    // a form of ours has no keys that are no text
                    text.push_str(&serde_json::to_string(run).unwrap_or_default());
                }
            }
        }
        self.filter.before = found.next.and_then(|next| next.parse().ok());
        self.stage = if self.filter.before.is_some() {
            Stage::Rows(true)
        } else {
            if self.kind == Kind::Json {
                text.push_str("\n]}\n");
            }
            Stage::Over
        };
        Ok(Some(text))
    }
}

fn csv_line(run: &RunView) -> String {
    let time = |at: Option<crate::domain::clock::Timestamp>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let (requested, created) = (time(Some(run.requested_at)), time(Some(run.created_at)));
    let (started, finished) = (time(run.started_at), time(run.finished_at));
    csv::line([
        run.id.as_str(),
        &run.state,
        run.app.as_deref().unwrap_or_default(),
        &run.environment,
        &run.git_ref,
        &run.sha,
        run.title.as_deref().unwrap_or_default(),
        &run.task,
        run.requester.as_deref().unwrap_or_default(),
        &requested,
        &created,
        &started,
        &finished,
        run.why.as_ref().map_or("", |why| why.text.as_str()),
        &run.url,
    ])
}
