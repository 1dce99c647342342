//! `/badges/{app}/{environment}.svg`: a small picture of how an environment stands, for READMEs. Everybody sees those of apps with
//! `public_badges`; of any other app, whoever sees it. What is not seen is answered as what is not there.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::domain::viewer::Viewer;
use crate::flow::view::Look;
use crate::flow::view::board::{EnvironmentView, environment};
use crate::flow::view::needs::is_bad;
use crate::http::pages::rows::short;
use crate::http::pages::watcher::Watcher;
use crate::http::pages::{harmless, not_found};
use crate::http::problem::server_fault;
use crate::http::state::Surface;

const LONGEST: usize = 40;
/// About as wide as a letter of 11 px is.
const LETTER: usize = 7;
const PADDING: usize = 12;

#[derive(Template)]
#[template(path = "badge.svg", escape = "html")]
struct Badge {
    name: String,
    said: String,
    colour: &'static str,
    left: usize,
    right: usize,
    width: usize,
}

/// `/badges/{app}/{environment}.svg`.
pub async fn show(
    State(surface): State<Surface>,
    Path((app, file)): Path<(String, String)>,
    watcher: Result<Watcher, Response>,
) -> Response {
    let Some(name) = file.strip_suffix(".svg") else {
        return not_found().await;
    };
    let config = &surface.engine.config;
    let public = config.app(&app).is_some_and(|app| app.public_badges);
    let viewer = match (public, watcher) {
        (true, _) => Viewer::local(),
        (false, Ok(Watcher(viewer))) => viewer,
        (false, Err(refused)) => return refused,
    };
    let look = Look::of(&surface.engine, &viewer);
    let Some(spot) = look.environment(&app, name) else {
        return not_found().await;
    };
    let found = match environment(&look, spot).await {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let text = match badge(&found).render() {
        Ok(text) => text,
        Err(error) => return server_fault(&error),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("image/svg+xml; charset=utf-8"),
    );
    if public {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0"));
        // other sites may show it
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}

fn badge(place: &EnvironmentView) -> Badge {
    let broken = place.last.as_ref().filter(|last| is_bad(&last.state));
    let (said, colour) = match (&place.running, broken, &place.current) {
        (Some(running), _, _) => (format!("deploying {}", short(&running.sha)), "#0a56b5"),
        (None, Some(last), _) => (format!("{} {}", last.state, short(&last.sha)), "#9d1220"),
        (None, None, Some(current)) => (short(&current.sha), "#14632b"),
        (None, None, None) => ("nothing yet".to_owned(), "#515b68"),
    };
    let behind = place
        .drift
        .as_ref()
        .and_then(|drift| drift.behind)
        .filter(|behind| *behind > 0);
    let said = match behind {
        Some(behind) => format!("{said} · {behind} behind"),
        None => said,
    };
    let name: String = harmless(&place.environment).chars().take(LONGEST).collect();
    let wide = |text: &str| text.chars().count() * LETTER + PADDING;
    let (left, right) = (wide(&name), wide(&said));
    Badge {
        name,
        said,
        colour,
        left,
        right,
        width: left + right,
    }
}
