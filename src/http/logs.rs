//! `GET /api/v1/runs/{run}/log`: the log as text, or followed as server-sent events.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::run::Run;
use crate::domain::viewer::Viewer;
use crate::http::api::given::{Asked, At};
use crate::http::api::runs::see;
use crate::http::follow::stream::follow;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::provider::log::reader::LogReader;
use crate::provider::log::{self, reader};

const CHUNK: usize = 64 * 1024;

/// Where to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// So many bytes of it are known already.
    #[serde(default)]
    from: u64,
}

/// The reader of a run's log: that of its latest attempt.
#[must_use]
pub fn reader_of(surface: &Surface, run: &Run) -> LogReader {
    LogReader::open(log::dir(&surface.engine.attempt_dir(run.id, run.attempts.max(1))))
}

/// Looks at a log beside the threads that answer.
pub(crate) async fn blocking<T: Send + 'static>(
    look: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// Serves the log.
pub(crate) async fn log(
    State(surface): State<Surface>,
    Extension(viewer): Extension<Viewer>,
    At(id): At<String>,
    Asked(from): Asked<From>,
    headers: HeaderMap,
) -> Response {
    let run = match see(&surface, &viewer, &id).await {
        Ok(listed) => listed.run,
        Err(problem) => return problem.into_response(),
    };
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accepts.contains("text/event-stream") {
        // a browser that lost its connection says how far it came
        let resumed = headers
            .get("last-event-id")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let Ok(place) = Arc::clone(&surface.followers).try_acquire_owned() else {
            let detail = "too many logs are followed at once; the text of this one can be read all the same";
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_followers", detail).into_response();
        };
        return follow(surface, run, resumed.unwrap_or(from.from), place).into_response();
    }
    text(&surface, &run, from.from)
}

fn text(surface: &Surface, run: &Run, from: u64) -> Response {
    let log = reader_of(surface, run);
    let chunks = stream::unfold(Some(from), move |from| {
        let log = log.clone();
        async move {
            let from = from?;
            let read = tokio::task::spawn_blocking(move || log.read(from, CHUNK)).await;
            let chunk = match read {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(error)) => return Some((Err(error), None)),
                Err(error) => return Some((Err(std::io::Error::other(error)), None)),
            };
            if chunk.bytes.is_empty() {
                return None;
            }
            let next = chunk.next();
            let mut bytes = Vec::new();
            if let Some(gap) = chunk.skipped {
                bytes.extend_from_slice(reader::gap_marker(gap).as_bytes());
            }
            bytes.extend(chunk.bytes);
            Some((Ok(bytes), Some(next)))
        }
    });
    let mut response = Response::new(axum::body::Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
