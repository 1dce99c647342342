//! `GET /api/v1/runs/{run}/log`: the log as text, or followed as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use crate::domain::run::Run;
use crate::domain::viewer::Viewer;
use crate::http::api::given::{Asked, At};
use crate::http::api::runs::see;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::provider::log::reader::LogReader;
use crate::provider::log::{self, reader};
use crate::report::log_text::whole_lines;
use crate::report::painted::Painted;
use crate::report::status::{self, Links, Place};

const CHUNK: usize = 64 * 1024;
const LONGEST_LINE: usize = 8 * 1024;
/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How often the ledger is asked whether its run has moved on.
const ASK: Duration = Duration::from_millis(500);

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

struct Follower {
    surface: Surface,
    run: Run,
    log: LogReader,
    from: u64,
    /// Bytes that do not make a whole line yet.
    held: Vec<u8>,
    shown: Option<String>,
    /// When the ledger was last asked.
    asked: Option<tokio::time::Instant>,
    ended: bool,
    over: bool,
    _place: OwnedSemaphorePermit,
}

fn follow(
    surface: Surface,
    run: Run,
    from: u64,
    place: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let log = reader_of(&surface, &run);
    let follower = Follower {
        surface,
        run,
        log,
        from,
        held: Vec::new(),
        shown: None,
        asked: None,
        ended: false,
        over: false,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// What a follower gets: text, and where it has colours, how long each stretch is, as JavaScript counts, and how it looks.
fn line(shown: &Painted) -> Value {
    let looks: Vec<Value> = shown
        .pieces()
        .map(|(text, look)| json!([text.encode_utf16().count(), look]))
        .collect();
    if looks.len() == 1 && shown.pieces().all(|(_, look)| look.is_empty()) {
        return json!({ "text": shown.text() });
    }
    json!({ "text": shown.text(), "looks": looks })
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.over || self.surface.draining.is_cancelled() {
                return None;
            }
            if let Some(event) = self.read().await {
                return Some(event);
            }
            if self.ended {
                self.over = true;
                return Some(Event::default().event("end").data("{}"));
            }
            if let Some(event) = self.state().await {
                return Some(event);
            }
            if !self.ended {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn read(&mut self) -> Option<Event> {
        let (log, at) = (self.log.clone(), self.from + self.held.len() as u64);
        let chunk = tokio::task::spawn_blocking(move || log.read(at, CHUNK))
            .await
            .ok()?
            .ok()?;
        let mut shown = Painted::default();
        if let Some(gap) = chunk.skipped {
            shown.print(&std::mem::take(&mut self.held));
            shown.say(&reader::gap_marker(gap));
            self.from = chunk.start;
        }
        self.held.extend_from_slice(&chunk.bytes);
        let whole = if self.ended && chunk.bytes.is_empty() {
            self.held.len()
        } else {
            whole_lines(&self.held, LONGEST_LINE)
        };
        if whole == 0 && shown.text().is_empty() {
            return None;
        }
        let rest = self.held.split_off(whole);
        shown.print(&std::mem::replace(&mut self.held, rest));
        self.from += whole as u64;
        Some(
            Event::default()
                .id(self.from.to_string())
                .data(line(&shown).to_string()),
        )
    }

    /// Whether the run has moved on.
    async fn state(&mut self) -> Option<Event> {
        if self.asked.is_some_and(|at| at.elapsed() < ASK) {
            return None;
        }
        self.asked = Some(tokio::time::Instant::now());
        let engine = &self.surface.engine;
        let run = engine.store.find_run(self.run.id).await.ok().flatten()?;
        // an attempt that was given up leaves its log behind
        if run.attempts != self.run.attempts {
            self.log = reader_of(&self.surface, &run);
            self.from = 0;
            self.held.clear();
        }
        self.ended = run.state.is_terminal();
        let position = engine.store.position(&run).await.ok().flatten();
        let place = position.map(|position| Place { position, behind: None });
        let description = status::deployment_status(&run, place.as_ref(), &Links::default()).description;
        self.run = run;
        let shown = json!({ "state": self.run.state.as_str(), "description": description }).to_string();
        if self.shown.as_ref() == Some(&shown) {
            return None;
        }
        self.shown = Some(shown.clone());
        Some(Event::default().event("state").data(shown))
    }
}
