//! `/healthz`: the process answers. `/readyz`: deliveries can be stored. A backlog makes neither of them red.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::state::Surface;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether a delivery that came now would be stored, and what waits.
pub async fn readyz(State(surface): State<Surface>) -> Response {
    let engine = &surface.engine;
    let problem = if surface.draining.is_cancelled() {
        Some("going down".to_owned())
    } else {
        engine.store.probe_write().await.err().map(|error| error.to_string())
    };
    let backlog = engine.store.backlog().await.unwrap_or_default();
    let set_up = !surface.webhook_secrets.is_empty() || engine.config.github.polling.is_some();
    let body = json!({
        "ready": problem.is_none(),
        "problem": problem,
        "set_up": set_up,
        "backlog": {
            "deliveries": backlog.deliveries,
            "held": backlog.held,
            "queued": backlog.queued,
            "running": backlog.running,
            "outbox": backlog.outbox,
            "dead": backlog.dead,
        },
    });
    let status = if problem.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}
