//! The axum surface: webhooks, pages, API, health.
//!
//! Handlers translate and nothing more; what happens is `flow`'s business.

pub mod access;
pub mod api;
pub mod chat;
mod follow;
pub mod health;
mod inbound;
pub mod logs;
pub mod metrics;
pub mod pages;
mod places;
pub mod problem;
pub mod serve;
mod session;
pub mod setup;
pub mod sign_in;
pub mod slack;
mod stall;
pub mod state;
pub mod webhooks;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::pages::run_acts::{self, Deed};
use crate::http::state::{Live, Surface};

/// Only our own style sheet and script, which makes no HTML of strings; nobody may frame us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
/// One year; only where the public address is one of https, because a browser would not come back over http.
const ONLY_TLS: &str = "max-age=31536000";

/// Every route of the server.
pub fn router(surface: Surface) -> Router {
    let public_url = surface.engine.config.public_url.clone();
    let live = Live(surface);
    let routes = Router::new()
        .route("/webhooks/github", post(webhooks::receive))
        .route("/chat", post(chat::say))
        .route("/", get(pages::overview::show))
        .route("/history", get(pages::history::show))
        .route("/history.csv", get(pages::export::as_csv))
        .route("/history.json", get(pages::export::as_json))
        .route("/queue", get(pages::queue::show))
        .route("/locks", post(pages::locks::lock))
        .route("/locks/{id}/unlock", post(pages::locks::unlock))
        .route("/statistics", get(pages::statistics::show))
        .route("/sessions", get(pages::sessions::show))
        .route("/sessions/{session}/end", post(pages::sessions::end))
        .route("/sessions/others/end", post(pages::sessions::end_others))
        .route(
            "/sessions/all/end",
            get(pages::sessions::ask_all).post(pages::sessions::end_all),
        )
        .route("/badges/{app}/{file}", get(pages::badge::show))
        .route("/cctray.xml", get(pages::monitor::cctray))
        .route("/monitor.json", get(pages::monitor::monitor))
        .route("/runs/{run}", get(pages::run::run))
        .route("/assets/style.css", get(pages::style))
        .route("/assets/icon.svg", get(pages::icon))
        .merge(run_pages())
        .route("/assets/run.js", get(pages::script))
        .route("/assets/log.js", get(pages::log_script))
        .route("/assets/board.js", get(pages::board_script))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(api::routes(&live))
        .merge(slack::routes())
        .route("/metrics", get(metrics::metrics))
        .merge(sign_in::routes())
        .merge(setup::routes())
        .fallback(pages::nowhere);
    fixed_headers(routes.with_state(live), &public_url)
}

/// The pages of runs, and those to deploy and to look at deliveries.
fn run_pages() -> Router<Live> {
    let asked = |deed: Deed| move |State(surface), looker, Path(id)| run_acts::confirm(surface, looker, id, deed);
    let done = |deed: Deed| move |State(surface), Path(id), act| run_acts::act(surface, act, id, deed);
    Router::new()
        .route("/runs/{run}/log", get(pages::log_lines::log))
        .route("/runs/{run}/commits", get(pages::commits::commits))
        .route("/runs/{run}/cancel", get(asked(Deed::Cancel)).post(done(Deed::Cancel)))
        .route("/runs/{run}/retry", get(asked(Deed::Retry)).post(done(Deed::Retry)))
        .route(
            "/runs/{run}/rollback",
            get(asked(Deed::Rollback)).post(done(Deed::Rollback)),
        )
        .route(
            "/runs/{run}/promote",
            get(asked(Deed::Promote)).post(done(Deed::Promote)),
        )
        .route("/runs/{run}/verdict", post(run_acts::verdict))
        .route("/deployments/{deployment}", get(pages::sent::sent))
        .route("/deploy", get(pages::deploy::deploy).post(pages::deploy::ordered))
        .route("/deliveries", get(pages::deliveries::list))
        .route("/deliveries/{delivery}", get(pages::deliveries::one))
        .route("/deliveries/{delivery}/replay", post(pages::deliveries::replay))
}

/// What every answer has, also one to a panic. Nothing of it may be kept but what says so itself.
fn fixed_headers(routes: Router, public_url: &str) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let only_tls = public_url
        .starts_with("https://")
        .then(|| HeaderValue::from_static(ONLY_TLS));
    routes
        .layer(CatchPanicLayer::new())
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        // a form sent under `no-referrer` would not say which page sends it
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
        .layer(fixed(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::STRICT_TRANSPORT_SECURITY,
            move |_: &axum::response::Response| only_tls.clone(),
        ))
}
