//! `/setup`: the page that makes Chima's GitHub App. Only its form may leave for GitHub, and only whoever has the word that the
//! server printed at its start sees it.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRef, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use url::Url;

use crate::flow::set_up::{Outcome, SetUp, SetUpError};
use crate::github::manifest::NAME_CHARACTERS;
use crate::github::needs::{EVENTS, PERMISSIONS, of_app};
use crate::http::pages::filters;
use crate::http::problem::server_fault;
use crate::http::{fixed_headers, pages};

/// A set-up that is offered; `None` where Chima is set up.
type Offer = Option<Arc<SetUp>>;

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    token: String,
}

#[derive(Debug, Deserialize)]
struct Back {
    code: Option<String>,
    #[serde(default)]
    state: String,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    stage: Stage,
}

enum Stage {
    Ask {
        action: String,
        manifest: String,
        whose: String,
        name: String,
        public_url: String,
        folder: String,
        permissions: Vec<PermissionRow>,
        events: String,
    },
    Made {
        slug: String,
        install_url: String,
        config: String,
        files: Vec<String>,
    },
    Told {
        title: &'static str,
        text: String,
        hint: String,
    },
}

struct PermissionRow {
    title: &'static str,
    level: &'static str,
    purpose: String,
}

/// The two addresses of the set-up, for a server of any state.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    Offer: FromRef<S>,
{
    Router::new()
        .route("/setup", get(ask))
        .route("/setup/callback", get(back))
}

/// A server for the set-up and nothing else.
pub fn router(set_up: Arc<SetUp>) -> Router {
    let public_url = set_up.wanted().public_url.clone();
    let alone = routes::<Offer>()
        .route("/assets/style.css", get(pages::style))
        .route("/assets/icon.svg", get(pages::icon))
        .fallback(pages::not_found);
    fixed_headers(alone.with_state(Some(set_up)), &public_url)
}

async fn ask(State(offer): State<Offer>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let set_up = match admitted(offer.as_ref()) {
        Ok(set_up) => set_up,
        Err(said) => return over(StatusCode::OK, said),
    };
    if !set_up.admits(&asked.token) {
        let stage = Stage::Told {
            title: "Not here",
            text: "This page opens only with the word that Chima printed where it was started.".to_owned(),
            hint: "Look for `/setup?token=…` in its log, and open that address".to_owned(),
        };
        return page(StatusCode::FORBIDDEN, stage);
    }
    let form = match set_up.form(&origin(&headers, &set_up.wanted().public_url)) {
        Ok(form) => form,
        Err(error) => return refused(&error),
    };
    let wanted = set_up.wanted();
    let levels = of_app(wanted.merges);
    let rows = PERMISSIONS.iter().map(|permission| PermissionRow {
        title: permission.title,
        level: levels.get(permission.name).map_or("", |level| level.as_str()),
        // these are marks of the documentation
        purpose: permission.purpose.replace('`', ""),
    });
    let stage = Stage::Ask {
        action: form.action,
        manifest: form.manifest,
        whose: match &wanted.organization {
            Some(organization) => format!("the organization {organization}"),
            None => "your own account".to_owned(),
        },
        name: wanted.name.chars().take(NAME_CHARACTERS).collect(),
        public_url: wanted.public_url.clone(),
        folder: wanted.folder.display().to_string(),
        permissions: rows.collect(),
        events: EVENTS.map(|event| event.name).join(", "),
    };
    let mut response = page(StatusCode::OK, stage);
    allow_form(&mut response, &wanted.github_url);
    response
}

async fn back(State(offer): State<Offer>, Query(back): Query<Back>) -> Response {
    let set_up = match admitted(offer.as_ref()) {
        Ok(set_up) => set_up,
        // whatever it brings is of no use any more
        Err(said) => return over(StatusCode::GONE, said),
    };
    // boxed: the client's futures are large
    match Box::pin(set_up.finish(back.code.as_deref(), &back.state)).await {
        Ok(outcome) => {
            tracing::info!(
                app = outcome.slug,
                "the GitHub App is made; write it into the configuration and start again"
            );
            page(StatusCode::OK, made(outcome))
        }
        Err(error) => {
            tracing::warn!(error = sentence(&error), "the GitHub App is not made");
            refused(&error)
        }
    }
}

/// The set-up, as long as there is something to set up; else what is said instead.
fn admitted(offer: Option<&Arc<SetUp>>) -> Result<Arc<SetUp>, [&'static str; 2]> {
    match offer {
        None => Err(["There are credentials for GitHub, so no other App is made here.", ""]),
        Some(set_up) if set_up.made().is_some() => Err([
            "The App is made, and its secrets are kept.",
            "Write it into the configuration and start Chima again",
        ]),
        Some(set_up) => Ok(Arc::clone(set_up)),
    }
}

fn over(status: StatusCode, [text, hint]: [&str; 2]) -> Response {
    let stage = Stage::Told {
        title: "Chima is set up",
        text: text.to_owned(),
        hint: hint.to_owned(),
    };
    page(status, stage)
}

fn made(outcome: Outcome) -> Stage {
    Stage::Made {
        slug: outcome.slug,
        install_url: outcome.install_url,
        config: outcome.config,
        files: outcome.files.iter().map(|file| file.display().to_string()).collect(),
    }
}

fn refused(error: &SetUpError) -> Response {
    let status = match error {
        SetUpError::ForeignState | SetUpError::NoCode | SetUpError::Refused { .. } => StatusCode::BAD_REQUEST,
        SetUpError::Exists(_) | SetUpError::NotPublic(_) => StatusCode::CONFLICT,
        SetUpError::Unavailable(_) => StatusCode::BAD_GATEWAY,
        SetUpError::Folder(_)
        | SetUpError::NoRandomness(_)
        | SetUpError::Lost { .. }
        | SetUpError::NoWebhookSecret { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let stage = Stage::Told {
        title: "No App was set up",
        text: sentence(error),
        hint: capitalized(&error.hint()),
    };
    page(status, stage)
}

/// An error with its causes, as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    format!("{}.", capitalized(&text))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// How the browser reaches us, to be sent back the same way: by its own words, which only who was let in can say.
fn origin(headers: &HeaderMap, public_url: &str) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = named.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    let public = Url::parse(public_url).ok();
    let same = |one: &Url, other: &Url| one.host_str() == other.host_str() && one.port() == other.port();
    match (named, public) {
        (Some(named), Some(public)) if !same(&named, &public) => named
            .as_str()
            .trim_end_matches('/')
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned(),
        (Some(_) | None, Some(_) | None) => public_url.to_owned(),
    }
}

fn page(status: StatusCode, stage: Stage) -> Response {
    match (SetupPage { stage }).render() {
        Ok(html) => {
            let mut response = (status, Html(html)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => server_fault(&error),
    }
}

/// The page's form may go to GitHub, and no other page's.
fn allow_form(response: &mut Response, github_url: &str) {
    let Ok(url) = Url::parse(github_url) else { return };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self' {}; frame-ancestors 'none'",
        url.origin().ascii_serialization()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_sent_back_the_way_it_came() {
        let public = "https://deploy.example.com";
        for (host, expected) in [
            ("deploy.example.com", public),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:9", "http://localhost:9"),
            ("a b", public),
            ("", public),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            assert_eq!(origin(&headers, public), expected, "{host}");
        }
        assert_eq!(origin(&HeaderMap::new(), public), public);
    }
}
