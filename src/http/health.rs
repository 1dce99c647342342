//! `/healthz`: the process answers. `/readyz`: deliveries can be stored. A backlog does not make it red, nor does a disk that fills
//! up before it is full: both are told, for people and alerts.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::flow::engine::Engine;
use crate::flow::room::free as room_for_checkouts;
use crate::http::state::Surface;
use crate::report::health as words;
use crate::store::audit::Standing;
use crate::store::room::{self, Room};

/// Clocks of several machines, and GitHub's, never agree to the second.
const CLOCK_MAY_DIFFER: TimeDelta = TimeDelta::seconds(60);
/// 2026-01-01: no Chima is older.
const BEFORE_US: Option<Timestamp> = DateTime::from_timestamp(1_767_225_600, 0);

/// The process is alive.
pub async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether a delivery that came now would be stored, what waits, and what somebody should look at.
pub async fn readyz(State(surface): State<Surface>) -> Response {
    let engine = &surface.engine;
    let draining = surface.draining.is_cancelled();
    let probe = surface.probe().await;
    let problem = if draining {
        Some("going down".to_owned())
    } else {
        probe.problem
    };
    let backlog = engine.store.backlog().await.unwrap_or_default();
    let oldest = engine.store.oldest(engine.now()).await.unwrap_or_default();
    let rooms = rooms(engine);
    let set_up = !surface.webhook_secrets.is_empty() || engine.config.github.polling.is_some();
    let age = |since: Option<Timestamp>| since.map_or(0, |since| (engine.now() - since).num_seconds().max(0));
    let body = json!({
        "ready": problem.is_none(),
        "problem": problem,
        "draining": draining,
        "set_up": set_up,
        "warnings": warnings(engine, &rooms).await,
        "backlog": {
            "deliveries": backlog.deliveries,
            "held": backlog.held,
            "queued": backlog.queued,
            "running": backlog.running,
            "outbox": backlog.outbox,
            "dead": backlog.dead,
        },
        "oldest_seconds": {
            "delivery": age(oldest.delivery),
            "idle_lane": age(oldest.idle_head),
            "outbox": age(oldest.outgoing),
        },
        "ledger": { "write_seconds": probe.seconds },
        "disks": rooms.iter().map(as_value).collect::<Vec<Value>>(),
    });
    let status = if problem.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

/// The disks of the ledger and of logs and checkouts.
pub(super) fn rooms(engine: &Engine) -> Vec<Room> {
    let ledger = engine.store.path().parent().unwrap_or(Path::new("."));
    room::of_all(&[("ledger", ledger), ("data", &engine.config.data_dir)])
}

fn as_value(room: &Room) -> Value {
    json!({ "of": room.of, "free_bytes": room.free, "total_bytes": room.total, "low": room.is_low() })
}

/// What should be looked at before it stops anything. What cannot be asked now is a problem that the probe has told of.
async fn warnings(engine: &Engine, rooms: &[Room]) -> Vec<String> {
    let mut found: Vec<String> = rooms
        .iter()
        .filter(|room| room.is_low())
        .map(|room| words::little_room(room.of, room.free))
        .collect();
    let (free, needed) = (room_for_checkouts(engine), engine.config.disk.free);
    if free < needed {
        found.push(words::no_room_for_checkouts(free, needed));
    }
    let now = engine.now();
    if BEFORE_US.is_some_and(|us| now < us) {
        found.push(words::clock_before_us());
    }
    if let Ok(Some(newest)) = engine.store.newest_delivery().await
        && newest - now > CLOCK_MAY_DIFFER
    {
        found.push(words::clock_behind(newest - now));
    }
    if let Ok((_, standing)) = engine.store.audit_standing().await
        && standing != Standing::Agrees
    {
        found.push(words::audit_changed());
    }
    found
}
