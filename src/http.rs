//! The axum surface: webhooks, pages, API, health.
//!
//! Handlers translate and nothing more; what happens is `flow`'s business.

pub mod chat;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod pages;
pub mod problem;
pub mod serve;
pub mod setup;
pub mod slack;
pub mod state;
pub mod webhooks;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::state::{Live, Surface};

/// Only our own style sheet and script; nobody may frame us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Every route of the server.
pub fn router(surface: Surface) -> Router {
    let routes = Router::new()
        .route("/webhooks/github", post(webhooks::receive))
        .route("/chat", post(chat::say).layer(DefaultBodyLimit::max(chat::BODY_LIMIT)))
        .route("/", get(pages::runs))
        .route("/runs/{run}", get(pages::run))
        .route("/assets/style.css", get(pages::style))
        .route("/assets/run.js", get(pages::script))
        .route("/api/v1/runs/{run}/log", get(logs::log))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(slack::routes())
        .route("/metrics", get(metrics::metrics))
        .merge(setup::routes())
        .fallback(pages::not_found);
    fixed_headers(routes.with_state(Live(surface)))
}

/// What every answer has, also one to a panic.
fn fixed_headers(routes: Router) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    routes
        .layer(CatchPanicLayer::new())
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
}
