//! `GET /events`: what happens to runs and locks, as server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>
//!
//! All who follow along share one look at the ledger. Each event has a number; whoever lost the connection says which was the
//! last, and gets what came since, as far as that is not too much: then an event `gap` says that some are missing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::time::Instant;

use crate::domain::viewer::Viewer;
use crate::flow::engine::Engine;
use crate::flow::view::lock::seen;
use crate::flow::view::run::event_name;
use crate::http::api::given::Asked;
use crate::http::api::guard::Caller;
use crate::http::api::route::Api;
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::report::event::wording;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::locks::Held;
use crate::store::news::News;

/// How often the ledger is looked at, by all together.
const LOOK: Duration = Duration::from_millis(300);
/// How often each looks whether there is something.
const TICK: Duration = Duration::from_millis(250);
/// How often locks are compared.
const LOCKS: Duration = Duration::from_secs(1);
/// More of what was missed is not told.
const REMEMBERED: usize = 1000;
const AT_ONCE: u32 = 500;
/// After that a stream ends, and whoever follows comes again with a token that is looked at anew.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The number of the last event that is known; `Last-Event-ID` says the same.
    after: Option<i64>,
}

pub(super) fn routes(api: &mut Api) {
    api.get(
        "/events",
        "events",
        "What happens to runs (`run`) and locks (`locks`), as server-sent events",
    )
    .query::<Since>()
    .tells("text/event-stream", "events")
    .by(follow);
}

/// What has happened of late, for all who follow along.
#[derive(Debug, Default)]
pub(super) struct Feed {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The newest that was seen; none before the first look.
    newest: Option<i64>,
    looked: Option<Instant>,
    late: VecDeque<News>,
    locks: Arc<Vec<Held>>,
    locks_looked: Option<Instant>,
}

impl Feed {
    /// The newest number.
    async fn newest(&self, store: &Store) -> Result<i64, StoreError> {
        let mut known = self.known.lock().await;
        known.refresh(store).await?;
        Ok(known.newest.unwrap_or(0))
    }

    /// What came after a number, and whether some of it is missing.
    async fn after(&self, store: &Store, number: i64) -> Result<(Vec<News>, bool), StoreError> {
        let mut known = self.known.lock().await;
        known.refresh(store).await?;
        if known.newest.is_none_or(|newest| newest <= number) {
            return Ok((Vec::new(), false));
        }
        let from_memory = known.late.front().is_some_and(|oldest| oldest.number <= number + 1);
        if from_memory {
            let late = known.late.iter().filter(|one| one.number > number);
            return Ok((late.cloned().collect(), false));
        }
        let newest = known.newest.unwrap_or(number);
        drop(known);
        let most = i64::try_from(REMEMBERED).unwrap_or(i64::MAX);
        let gap = newest - number > most;
        let from = if gap { newest - most } else { number };
        Ok((store.news_after(from, AT_ONCE).await?, gap))
    }

    /// The locks that hold: the same list as long as nothing has changed. Whoever is new gets those of now.
    async fn locks(&self, engine: &Engine, is_new: bool) -> Result<Arc<Vec<Held>>, StoreError> {
        let mut known = self.known.lock().await;
        if is_new || known.locks_looked.is_none_or(|at| at.elapsed() >= LOCKS) {
            let held = engine.store.locks(engine.now()).await?;
            known.locks_looked = Some(Instant::now());
            if *known.locks != held {
                known.locks = Arc::new(held);
            }
        }
        Ok(Arc::clone(&known.locks))
    }
}

impl Known {
    async fn refresh(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        let Some(newest) = self.newest else {
            self.newest = Some(store.newest_news().await?);
            self.looked = Some(Instant::now());
            return Ok(());
        };
        for one in store.news_after(newest, AT_ONCE).await? {
            self.newest = Some(one.number);
            self.late.push_back(one);
        }
        while self.late.len() > REMEMBERED {
            self.late.pop_front();
        }
        self.looked = Some(Instant::now());
        Ok(())
    }
}

async fn follow(
    State(surface): State<Surface>,
    caller: Caller,
    Asked(since): Asked<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Ok(place) = Arc::clone(&surface.api.streams).try_acquire_owned() else {
        let detail = "too many follow along at once; ask again in a moment";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail).again_in(10));
    };
    let said = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let known = said.and_then(|said| said.parse().ok()).or(since.after);
    let newest = surface.api.feed.newest(&surface.engine.store).await?;
    let follower = Follower {
        surface,
        viewer: caller.viewer,
        known: known.map_or(newest, |known: i64| known.clamp(0, newest)),
        waiting: VecDeque::new(),
        locks: None,
        shown: None,
        ends: Instant::now() + LONGEST,
        _place: place,
    };
    Ok(stream_of(follower).into_response())
}

struct Follower {
    surface: Surface,
    viewer: Viewer,
    known: i64,
    waiting: VecDeque<Event>,
    /// As they were when last looked at.
    locks: Option<Arc<Vec<Held>>>,
    /// As they were last told.
    shown: Option<String>,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

fn stream_of(follower: Follower) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.surface.draining.is_cancelled() || Instant::now() > self.ends {
                return None;
            }
            // what cannot be read now is told a little later
            if let Err(error) = self.look().await {
                tracing::debug!(error = %error, "cannot look at what has happened");
            }
            if self.waiting.is_empty() {
                tokio::time::sleep(TICK).await;
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let store = &self.surface.engine.store;
        let (news, gap) = self.surface.api.feed.after(store, self.known).await?;
        if gap {
            let newest = news.first().map_or(self.known, |first| first.number - 1);
            self.waiting
                .push_back(Event::default().event("gap").id(newest.to_string()).data("{}"));
        }
        for one in &news {
            self.known = one.number;
            let seen = one
                .app
                .as_deref()
                .map_or(self.viewer.sees_everything(), |app| self.viewer.sees(app));
            if seen {
                self.waiting.push_back(told(one));
            }
        }
        let held = self
            .surface
            .api
            .feed
            .locks(&self.surface.engine, self.locks.is_none())
            .await?;
        if self.locks.as_ref().is_some_and(|known| Arc::ptr_eq(known, &held)) {
            return Ok(());
        }
        let text = json!({ "items": seen(&held, &self.viewer) }).to_string();
        self.locks = Some(held);
        if self.shown.as_ref() != Some(&text) {
            self.waiting.push_back(Event::default().event("locks").data(&text));
            self.shown = Some(text);
        }
        Ok(())
    }
}

fn told(one: &News) -> Event {
    let data = json!({
        "run": one.run,
        "app": one.app,
        "environment": one.environment,
        "state": one.state,
        "at": one.at,
        "event": event_name(&one.event),
        "text": wording(&one.event),
    });
    Event::default()
        .event("run")
        .id(one.number.to_string())
        .data(data.to_string())
}
