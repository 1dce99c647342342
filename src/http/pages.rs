//! The pages people look at, one file each. They work without JavaScript; with it a log is followed.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::domain::clock::Timestamp;
use crate::domain::names::is_its_sha;
use crate::domain::run::Run;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::problem::{Problem, server_fault};
use crate::report::log_text::plain;

pub mod act;
pub mod badge;
pub mod commits;
pub mod deliveries;
pub mod deploy;
pub mod export;
pub mod filters;
pub mod history;
pub mod locks;
pub mod log;
pub mod log_lines;
pub mod looker;
pub mod monitor;
mod others;
pub mod overview;
pub mod query;
pub mod queue;
mod rows;
pub mod run;
pub mod run_acts;
pub mod sent;
pub mod sessions;
pub mod statistics;
mod steps;
pub mod wanted;
pub mod watcher;
mod words;

/// The style sheet, one idea a file; what comes later wins.
pub const STYLE: &str = concat!(
    include_str!("assets/style/base.css"),
    include_str!("assets/style/layout.css"),
    include_str!("assets/style/tables.css"),
    include_str!("assets/style/states.css"),
    include_str!("assets/style/forms.css"),
    include_str!("assets/style/log.css"),
    include_str!("assets/style/board.css"),
    include_str!("assets/style/plots.css"),
    include_str!("assets/style/run.css"),
    include_str!("assets/style/setup.css"),
    include_str!("assets/style/sign-in.css"),
);

/// A page that says one thing.
#[derive(Template)]
#[template(path = "told.html")]
struct Told {
    frame: Frame,
    title: String,
    text: String,
    hint: String,
}

fn what(run: &Run) -> String {
    let app = run
        .order
        .as_ref()
        .map_or(run.repository.as_str(), |order| order.app.as_str());
    format!(
        "{app}/{} to {}",
        ref_of(&run.git_ref, &run.sha),
        harmless(&run.environment)
    )
}

/// What was asked for; a commit as short as commits are shown.
fn ref_of(git_ref: &str, sha: &str) -> String {
    if is_its_sha(git_ref, sha) {
        return harmless(&sha.chars().take(8).collect::<String>());
    }
    harmless(git_ref)
}

/// A value of a request, without what would change how others are shown; the template escapes the rest.
pub(super) fn harmless(text: &str) -> String {
    plain(text.as_bytes())
}

fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

fn precise(at: Timestamp) -> String {
    at.format("%H:%M:%S%.3f").to_string()
}

pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => server_fault(&error),
    }
}

/// The style sheet.
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// The picture beside the page's name, which browsers ask for anyway.
pub async fn icon() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "image/svg+xml")],
        include_str!("assets/icon.svg"),
    )
}

/// The script that follows a log.
pub async fn script() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("assets/run.js"),
    )
}

/// The script that rolls through a log.
pub async fn log_script() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("assets/log.js"),
    )
}

/// The script that keeps the overview and the queue up to date.
pub async fn board_script() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("assets/board.js"),
    )
}

/// An address that leads nowhere.
pub async fn nowhere(looker: Result<Looker, Response>) -> Response {
    // strangers learn nothing from it either
    missing(looker.map_or_else(|_| Frame::nobodys(), |looker| looker.frame))
}

/// The same where there are no other pages.
pub async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
}

/// What is answered to somebody who asks for something and may not.
fn may_only_look() -> Problem {
    let detail = "you may look here, and no more: whoever may deploy it can do this";
    Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail)
}

/// What is answered where something is not there, and where somebody may not know that it is.
fn missing(frame: Frame) -> Response {
    told(
        StatusCode::NOT_FOUND,
        Told {
            frame,
            title: "Not here".to_owned(),
            text: "There is nothing at this address.".to_owned(),
            hint: "What the link was for may have been removed since, or it is not for you to see.".to_owned(),
        },
    )
}

/// What is answered where something that was asked for on a page is not done.
pub(crate) fn refused(frame: Frame, problem: &Problem) -> Response {
    let status = problem.status();
    let title = match status {
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "You may not",
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::TOO_MANY_REQUESTS => "Not so fast",
        _ => "Not done",
    };
    told(
        status,
        Told {
            frame,
            title: title.to_owned(),
            text: capitalized(&harmless(problem.detail())),
            hint: String::new(),
        },
    )
}

/// A page that says one thing and is nobody's in particular.
pub(crate) fn says(status: StatusCode, frame: Frame, title: &str, text: &str, hint: &str) -> Response {
    let (title, text, hint) = (title.to_owned(), text.to_owned(), hint.to_owned());
    told(
        status,
        Told {
            frame,
            title,
            text,
            hint,
        },
    )
}

/// A sentence of ours as one of a page.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let begun = letters.next().map(char::to_uppercase).into_iter().flatten();
    let ended = begun.chain(letters).collect::<String>();
    if ended.ends_with('.') {
        ended
    } else {
        format!("{ended}.")
    }
}

fn told(status: StatusCode, told: Told) -> Response {
    (status, page(&told)).into_response()
}
