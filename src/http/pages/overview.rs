//! `/`: what needs a person, what runs where, and what is about to.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::viewer::{Scope, Viewer};
use crate::flow::view::Look;
use crate::flow::view::board::{AppView, EnvironmentView, board};
use crate::flow::view::drift::HeadView;
use crate::flow::view::needs::{Need, is_bad, needs};
use crate::flow::view::run::RunView;
use crate::http::pages::filters;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::others::{self, JobRow, OtherRow};
use crate::http::pages::rows::{Line, address, short};
use crate::http::pages::{harmless, moment, page};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::needs::counted;
use crate::store::error::StoreError;

const OTHERS_SHOWN: u32 = 20;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    set_up: bool,
    /// What goes in and out, for whoever sees everything.
    traffic: String,
    needs: Vec<NeedRow>,
    apps: Vec<AppRow>,
    jobs: Vec<JobRow>,
    others: Vec<OtherRow>,
}

struct NeedRow {
    /// A word, and its colour.
    word: &'static str,
    look: &'static str,
    place: String,
    text: String,
    link: String,
    linked: &'static str,
    since: String,
    since_exact: String,
}

struct AppRow {
    app: String,
    repository: String,
    repository_url: String,
    history: String,
    head: Option<HeadRow>,
    trouble: String,
    places: Vec<PlaceRow>,
}

struct HeadRow {
    branch: String,
    sha: String,
    title: String,
    ci: String,
    ci_text: String,
    url: String,
    at: String,
    at_exact: String,
}

struct DriftRow {
    text: String,
    url: String,
    far: bool,
}

struct PlaceRow {
    id: String,
    environment: String,
    production: bool,
    auto: bool,
    url: String,
    state: String,
    bad: bool,
    current: Option<Line>,
    drift: Option<DriftRow>,
    /// What went another way since.
    last: Option<Line>,
    running: Option<Line>,
    next: Option<Line>,
    waiting: String,
    lock: String,
    history: String,
    /// Where a deployment to it is asked for; empty where they may not.
    deploy: String,
}

/// `/`.
pub async fn show(State(surface): State<Surface>, Looker { viewer, frame }: Looker) -> Response {
    match overview(&surface, &viewer, frame).await {
        Ok(template) => page(&template),
        Err(error) => server_fault(&error),
    }
}

async fn overview(surface: &Surface, viewer: &Viewer, frame: Frame) -> Result<OverviewPage, StoreError> {
    let engine = &surface.engine;
    let look = Look::of(engine, viewer);
    let (board, jobs, others) = tokio::try_join!(
        board(&look, None),
        engine.store.protection_requests(OTHERS_SHOWN),
        engine.store.foreign_deployments(OTHERS_SHOWN),
    )?;
    let needed = needs(&look, &board).await?;
    let seen = look.seen_repositories();
    let sees = |repository: &str| {
        let named = |seen: &Vec<String>| seen.iter().any(|own| own.eq_ignore_ascii_case(repository));
        seen.as_ref().is_none_or(named)
    };
    Ok(OverviewPage {
        frame: frame.at(Section::Overview),
        set_up: !surface.webhook_secrets.is_empty() || engine.config.github.polling.is_some(),
        traffic: traffic(&look).await?,
        needs: needed.items.iter().map(need).collect(),
        apps: board.apps.iter().map(|app| app_row(&look, app)).collect(),
        jobs: jobs
            .iter()
            .filter(|one| sees(&one.request.deployment.repository))
            .map(others::job)
            .collect(),
        others: others
            .iter()
            .filter(|one| sees(&one.repository))
            .map(others::other)
            .collect(),
    })
}

async fn traffic(look: &Look<'_>) -> Result<String, StoreError> {
    if !look.viewer.sees_everything() {
        return Ok(String::new());
    }
    let backlog = look.store.backlog().await?;
    let mut parts = vec![format!(
        "{} running, {} queued, {} held",
        backlog.running, backlog.queued, backlog.held
    )];
    if backlog.deliveries > 0 {
        parts.push(format!(
            "{} to work on",
            counted(backlog.deliveries, "delivery", "deliveries")
        ));
    }
    if backlog.outbox > 0 {
        parts.push(format!(
            "{} to send",
            counted(backlog.outbox, "status or message", "statuses and messages")
        ));
    }
    Ok(parts.join(" · "))
}

fn need(one: &Need) -> NeedRow {
    let (word, look, other_link) = match one.kind.as_str() {
        "manual_step" => ("your turn", "waiting", ""),
        "failed" => ("failed", "failed", ""),
        "held" => ("held", "held", ""),
        "old_lock" => ("old lock", "locked", "/queue"),
        "undelivered" => ("not told", "dead", ""),
        "unread" => ("not read", "dead", "/deliveries"),
        _ => ("look", "waiting", ""),
    };
    let names = [one.app.as_deref(), one.environment.as_deref()];
    let names: Vec<String> = names.into_iter().flatten().map(harmless).collect();
    let (link, linked) = match &one.run {
        Some(run) => (format!("/runs/{run}"), "the run"),
        None if other_link == "/queue" => (other_link.to_owned(), "the locks"),
        None if other_link == "/deliveries" => (other_link.to_owned(), "the deliveries"),
        None => (String::new(), ""),
    };
    NeedRow {
        word,
        look,
        place: names.join(" · "),
        text: one.text.clone(),
        link,
        linked,
        since: one.since.map(moment).unwrap_or_default(),
        since_exact: one.since.map(|at| at.to_rfc3339()).unwrap_or_default(),
    }
}

fn app_row(look: &Look<'_>, app: &AppView) -> AppRow {
    AppRow {
        app: app.app.clone(),
        repository: app.repository.clone(),
        repository_url: format!("{}/{}", look.config.github.url, app.repository),
        history: address("/history", &[("app", &app.app)]),
        head: app.head.as_ref().map(head_row),
        trouble: app.head_trouble.as_deref().map(harmless).unwrap_or_default(),
        places: app
            .environments
            .iter()
            .map(|place| place_row(look, app, place))
            .collect(),
    }
}

fn head_row(head: &HeadView) -> HeadRow {
    HeadRow {
        branch: harmless(&head.branch),
        sha: short(&head.sha),
        title: harmless(&head.title),
        ci: head.ci.clone(),
        ci_text: head.ci_text.clone(),
        url: head.url.clone(),
        at: head.known_at.map(moment).unwrap_or_default(),
        at_exact: head.known_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
    }
}

fn place_row(look: &Look<'_>, app: &AppView, place: &EnvironmentView) -> PlaceRow {
    let line = |run: &RunView| Line::of(look.config, run);
    let over = |run: &RunView| line(run).timed(run.finished_at.unwrap_or(run.created_at));
    let bad = place.last.as_ref().is_some_and(|last| is_bad(&last.state));
    let state = match (&place.running, &place.last, &place.current) {
        (Some(running), _, _) => running.state.as_str(),
        (None, Some(last), _) if bad => last.state.as_str(),
        (None, _, Some(current)) => current.state.as_str(),
        (None, _, None) => "none",
    };
    let counts = [(place.queued, "queued"), (place.held, "held")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let waiting: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    PlaceRow {
        id: format!("place-{}-{}", app.app, place.environment)
            .replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-"),
        environment: place.environment.clone(),
        // once is enough
        production: place.production && !place.environment.eq_ignore_ascii_case("production"),
        auto: place.auto_deploy,
        url: place.url.clone().unwrap_or_default(),
        state: if state == "none" {
            "nothing yet".to_owned()
        } else {
            state.to_owned()
        },
        bad,
        current: place.current.as_ref().map(over),
        drift: place.drift.as_ref().map(|drift| DriftRow {
            text: drift.text.clone(),
            url: drift.url.clone(),
            far: drift.behind != Some(0) || drift.ahead != Some(0),
        }),
        last: place.last.as_ref().map(over),
        running: place.running.as_ref().map(line),
        next: place.next.as_ref().map(line),
        waiting: waiting.join(", "),
        lock: place.lock.as_ref().map(|lock| lock.text.clone()).unwrap_or_default(),
        history: address("/history", &[("app", &app.app), ("environment", &place.environment)]),
        deploy: if look.viewer.may_in(Scope::Deploy, &app.app) {
            address("/deploy", &[("app", &app.app), ("environment", &place.environment)])
        } else {
            String::new()
        },
    }
}
