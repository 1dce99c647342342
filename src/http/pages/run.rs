//! `/runs/{run}`: one run, its log and why it is as it is.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::domain::deployment::Order;
use crate::domain::run::Run;
use crate::flow::view::Look;
use crate::flow::view::run::find;
use crate::http::logs::reader_of;
use crate::http::pages::log::ShownLog;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::steps::{self, HostRow, StepRow};
use crate::http::pages::{harmless, missing, page, precise, what};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::policy::decision::{Check, Decision};
use crate::report::painted::Painted;
use crate::report::status::{self, Links, Place};
use crate::report::{duration, event, lock, sentence};
use crate::store::outbox::{Kind, OutboxRow};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    id: String,
    state: &'static str,
    what: String,
    description: String,
    hint: String,
    live: bool,
    repository: String,
    repository_url: String,
    commit_url: String,
    sha: String,
    git_ref: String,
    environment: String,
    environment_url: String,
    lock: String,
    task: String,
    who: String,
    room: String,
    deployment: String,
    /// How we heard of it.
    heard: &'static str,
    took: String,
    log: Painted,
    log_next: u64,
    cut: bool,
    steps: Vec<StepRow>,
    hosts: Vec<HostRow>,
    checks: Vec<CheckRow>,
    timeline: Vec<TimelineRow>,
    told: Vec<ToldRow>,
}

struct CheckRow {
    name: &'static str,
    verdict: &'static str,
    found: String,
    wanted: String,
}

struct TimelineRow {
    at: String,
    at_exact: String,
    what: String,
}

struct ToldRow {
    whom: &'static str,
    state: String,
    what: String,
    how: String,
}

/// `/runs/{run}`: one run, its log and why it is as it is.
pub async fn run(State(surface): State<Surface>, Looker { viewer, frame }: Looker, Path(id): Path<String>) -> Response {
    let found = match find(&Look::of(&surface.engine, &viewer), &id).await {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    let Some(listed) = found else {
        return missing(frame);
    };
    match run_page(&surface, frame, &listed.run).await {
        Ok(template) => page(&template),
        Err(error) => server_fault(error.as_ref()),
    }
}

async fn run_page(surface: &Surface, frame: Frame, run: &Run) -> anyhow::Result<RunPage> {
    let engine = &surface.engine;
    let position = engine.store.position(run).await?;
    let events = engine.store.events(run.id).await?;
    let decisions = engine.store.decisions(&run.id.to_string()).await?;
    let told = engine.store.outbox_of(run.id).await?;
    let listed = engine.store.listed_among(&[run.delivery]).await?;
    let (steps, hosts) = steps::rows(&engine.store.steps(run.id).await?);
    let log = reader_of(surface, run);
    let shown = tokio::task::spawn_blocking(move || ShownLog::read(&log)).await??;
    let place = position.map(|position| Place { position, behind: None });
    let decision: Option<Decision> = decisions
        .last()
        .and_then(|stored| serde_json::from_str(&stored.evidence.decision).ok());
    let github = &engine.config.github.url;
    let environment_url = engine
        .config
        .find(run.repository.as_str(), &run.environment)
        .and_then(|(_, environment)| environment.url.clone())
        .unwrap_or_default();
    let lock = match run.order.as_ref().map(Order::place) {
        Some(place) => engine.store.lock_of(&place).await?,
        None => None,
    };
    let lock = lock
        .filter(|lock| lock.holds_at(engine.now()))
        .map(|lock| format!("{}; {}", lock::held(&lock), lock::way_out(&lock)))
        .unwrap_or_default();
    let ended = run.finished_at.unwrap_or_else(|| engine.now());
    Ok(RunPage {
        frame,
        id: run.id.to_string(),
        state: run.state.as_str(),
        what: what(run),
        description: status::deployment_status(run, place.as_ref(), &Links::default()).description,
        hint: sentence::sentence_of(run).unwrap_or_default(),
        live: !run.state.is_terminal(),
        repository: run.repository.to_string(),
        repository_url: format!("{github}/{}", run.repository),
        commit_url: format!("{github}/{}/commit/{}", run.repository, run.sha),
        sha: run.sha.chars().take(12).collect(),
        git_ref: harmless(&run.git_ref),
        environment: harmless(&run.environment),
        environment_url,
        lock,
        task: harmless(&run.task),
        who: run.requester.as_deref().map_or_else(|| "unknown".to_owned(), harmless),
        room: run.room.as_deref().map(harmless).unwrap_or_default(),
        deployment: run.deployment.to_string(),
        heard: if listed.is_empty() {
            "by webhook"
        } else {
            "found in GitHub's list"
        },
        took: run
            .started_at
            .map_or_else(|| "not started".to_owned(), |started| duration::span(ended - started)),
        log: shown.log,
        log_next: shown.next,
        cut: shown.cut,
        steps,
        hosts,
        checks: decision
            .iter()
            .flat_map(|decision| &decision.checks)
            .map(check_row)
            .collect(),
        timeline: events
            .iter()
            .map(|(at, event)| TimelineRow {
                at: precise(*at),
                at_exact: at.to_rfc3339(),
                what: event::wording(event),
            })
            .collect(),
        told: told
            .iter()
            .enumerate()
            .map(|(at, row)| told_row(row, &told[at + 1..]))
            .collect(),
    })
}

fn check_row(check: &Check) -> CheckRow {
    CheckRow {
        name: check.name.as_str(),
        verdict: check.verdict.as_str(),
        found: check.found.clone(),
        wanted: check.wanted.clone(),
    }
}

fn told_row(row: &OutboxRow, later: &[OutboxRow]) -> ToldRow {
    let body = &row.outgoing.body;
    let text = |pointer: &str| {
        body.pointer(pointer)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
    };
    let (whom, state, what) = match row.outgoing.kind {
        Kind::DeploymentStatus => ("GitHub", text("/status/state"), text("/status/description")),
        Kind::SlackWebhook => ("Slack", "", text("/text")),
        Kind::SlackApi => ("Slack", "", text("/message/text")),
        Kind::ProtectionReport => ("GitHub Actions", text("/state"), text("/comment")),
        Kind::Comment => ("pull request", "", text("/text")),
        Kind::Notice => ("others", text("/to"), text("/news/what")),
    };
    let how = match (row.state.as_str(), row.sent_at) {
        ("sent", Some(at)) => format!("sent {}", precise(at)),
        ("dead", _) => {
            let why = row.last_error.as_deref().unwrap_or("unknown");
            let said_since = later.iter().any(|other| other.outgoing.key == row.outgoing.key);
            let again = if said_since {
                String::new()
            } else {
                format!(
                    "; once that is mended, `chima outbox --retry {}` sends it again",
                    row.outgoing.id
                )
            };
            format!("given up: {why}{again}")
        }
        _ => match &row.last_error {
            Some(error) => format!("not yet, after {} tries: {error}", row.attempts),
            None => "not yet".to_owned(),
        },
    };
    ToldRow {
        whom,
        state: state.to_owned(),
        what: what.to_owned(),
        how,
    }
}
