//! `/deliveries`: everything that GitHub delivered, or that was found in its lists, with what became of it and why. This is the page
//! that answers "why did nothing happen?".

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::domain::delivery::Disposition;
use crate::domain::ids::DeliveryId;
use crate::domain::viewer::Scope;
use crate::flow::view::Look;
use crate::flow::view::delivery::{DeliveryView, deliveries, disposition_names};
use crate::http::api::deliveries::{detail, masked, replayed, seen};
use crate::http::pages::act::Act;
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::query::{Query, address};
use crate::http::pages::{harmless, may_only_look, missing, page, refused};
use crate::http::problem::Problem;
use crate::http::state::Surface;
use crate::store::deliveries::Delivery;
use crate::store::delivery_list::DeliveryFilter;

/// So many are on a page.
const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "deliveries.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<Row>,
    event: String,
    repository: String,
    run: String,
    dispositions: Vec<(&'static str, bool)>,
    older: String,
    newest: String,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct OnePage {
    frame: Frame,
    row: Row,
    reasons: Vec<String>,
    source: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Why there is no body.
    no_body: &'static str,
    can_replay: bool,
    attempts: u64,
}

struct Row {
    id: String,
    event: String,
    repository: String,
    at: String,
    at_exact: String,
    disposition: String,
    detail: String,
    verdict: String,
    run: String,
}

/// Nothing but the proof.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

impl Row {
    fn of(one: &DeliveryView) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(harmless).unwrap_or_default();
        Self {
            id: one.id.clone(),
            event: harmless(&one.event),
            repository: text(&one.repository),
            at: one.received_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            at_exact: one.received_at.to_rfc3339(),
            disposition: one.disposition.clone(),
            detail: text(&one.detail),
            verdict: one.verdict.clone().unwrap_or_default(),
            run: one.run.clone().unwrap_or_default(),
        }
    }
}

/// The list.
pub async fn list(State(surface): State<Surface>, Looker { viewer, frame }: Looker, query: Query) -> Response {
    let frame = frame.at(Section::Deliveries);
    let look = Look::of(&surface.engine, &viewer);
    let run = query.get("run").map(str::to_ascii_uppercase);
    let filter = DeliveryFilter {
        repository: query.get("repository").map(str::to_owned),
        event: query.get("event").map(str::to_owned),
        disposition: query.get("disposition").and_then(Disposition::from_name),
        run: run.as_deref().and_then(|run| run.parse().ok()),
        before: query.get("before").and_then(|before| before.parse::<DeliveryId>().ok()),
    };
    // what cannot be the id of a run is that of none
    let nothing = run.is_some() && filter.run.is_none();
    let found = match deliveries(&look, &filter, SHOWN).await {
        Ok(found) => found,
        Err(error) => return refused(frame, &error.into()),
    };
    let get = |name: &str| query.get(name).unwrap_or_default();
    let with = |before: &str| {
        let names = ["event", "repository", "disposition", "run"];
        let mut parts: Vec<(&str, &str)> = names.map(|name| (name, get(name))).to_vec();
        parts.push(("before", before));
        address("/deliveries", &parts)
    };
    page(&ListPage {
        rows: if nothing {
            Vec::new()
        } else {
            found.items.iter().map(Row::of).collect()
        },
        event: harmless(get("event")),
        repository: harmless(get("repository")),
        run: harmless(get("run")),
        dispositions: disposition_names()
            .into_iter()
            .map(|name| (name, filter.disposition.is_some_and(|chosen| chosen.as_str() == name)))
            .collect(),
        older: found.next.as_deref().map(with).unwrap_or_default(),
        newest: filter.before.map(|_| with("")).unwrap_or_default(),
        frame,
    })
}

/// One delivery, whole.
pub async fn one(State(surface): State<Surface>, Looker { viewer, frame }: Looker, Path(id): Path<String>) -> Response {
    let frame = frame.at(Section::Deliveries);
    let look = Look::of(&surface.engine, &viewer);
    let read = async {
        let delivery = seen(&look, &id).await?;
        let detail = detail(&surface, &look, &delivery).await?;
        Ok::<_, Problem>((delivery, detail))
    };
    let (delivery, detail) = match read.await {
        Ok(read) => read,
        Err(problem) if problem.status() == axum::http::StatusCode::NOT_FOUND => return missing(frame),
        Err(problem) => return refused(frame, &problem),
    };
    let no_body = match (&detail.body, delivery.body.is_empty()) {
        (_, true) => "Its bytes were removed after the time that retention keeps them.",
        (None, false) => "It is too large to show.",
        (Some(_), false) => "",
    };
    // what was written with escapes is not any more: nothing of it may be a secret either
    let body = match detail
        .body
        .map(|body| masked(&surface, pretty(body).as_bytes()))
        .transpose()
    {
        Ok(body) => body,
        Err(problem) => return refused(frame, &problem),
    };
    page(&OnePage {
        can_replay: detail.can_replay && look.may_about(Scope::Admin, delivery.repository.as_deref()),
        row: Row::of(&detail.delivery),
        reasons: detail.reasons.into_iter().map(|why| why.text).collect(),
        source: detail.delivery.source,
        headers: headers(&delivery),
        body: body.as_deref().map(harmless).unwrap_or_default(),
        no_body,
        attempts: delivery.attempts,
        frame,
    })
}

/// What of the headers was kept, as GitHub calls them.
fn headers(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let all = [
        ("X-GitHub-Delivery", delivery.guid.as_deref()),
        ("X-GitHub-Event", Some(delivery.event.as_str())),
        ("Content-Type", delivery.content_type.as_deref()),
    ];
    let kept = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, harmless(value?))));
    kept.collect()
}

/// JSON is shown in lines; what is none, as it came.
fn pretty(body: String) -> String {
    let read: Option<serde_json::Value> = serde_json::from_str(&body).ok();
    read.and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or(body)
}

/// Works on one again.
pub async fn replay(
    State(surface): State<Surface>,
    Path(id): Path<String>,
    Act { viewer, frame, form: _ }: Act<Nothing>,
) -> Response {
    let look = Look::of(&surface.engine, &viewer);
    let acted = async {
        let delivery = seen(&look, &id).await?;
        if !look.may_about(Scope::Admin, delivery.repository.as_deref()) {
            return Err(may_only_look());
        }
        replayed(&surface, &viewer, &delivery).await?;
        Ok(delivery.id)
    };
    match acted.await {
        Ok(id) => Redirect::to(&format!("/deliveries/{id}")).into_response(),
        Err(problem) if problem.status() == axum::http::StatusCode::NOT_FOUND => missing(frame),
        Err(problem) => refused(frame, &problem),
    }
}
