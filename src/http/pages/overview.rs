//! `/`: what runs, waits and ran.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::run::Run;
use crate::http::pages::looker::{Frame, Looker, Section};
use crate::http::pages::others::{self, JobRow, OtherRow};
use crate::http::pages::{harmless, moment, page, what};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::report::sentence;

const RUNS_SHOWN: u32 = 100;
const OTHERS_SHOWN: u32 = 20;

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    set_up: bool,
    deliveries: u64,
    held: u64,
    queued: u64,
    running: u64,
    outbox: u64,
    dead: u64,
    rows: Vec<RunRow>,
    jobs: Vec<JobRow>,
    others: Vec<OtherRow>,
}

struct RunRow {
    id: String,
    state: &'static str,
    what: String,
    why: String,
    sha: String,
    who: String,
    at: String,
    at_exact: String,
}

/// `/`: what runs, waits and ran.
pub async fn runs(State(surface): State<Surface>, Looker { frame, .. }: Looker) -> Response {
    let engine = &surface.engine;
    let read = tokio::try_join!(
        engine.store.recent_runs(RUNS_SHOWN),
        engine.store.backlog(),
        engine.store.protection_requests(OTHERS_SHOWN),
        engine.store.foreign_deployments(OTHERS_SHOWN),
    );
    let (runs, backlog, jobs, others) = match read {
        Ok(found) => found,
        Err(error) => return server_fault(&error),
    };
    page(&RunsPage {
        frame: frame.at(Section::Overview),
        set_up: !surface.webhook_secrets.is_empty() || engine.config.github.polling.is_some(),
        deliveries: backlog.deliveries,
        held: backlog.held,
        queued: backlog.queued,
        running: backlog.running,
        outbox: backlog.outbox,
        dead: backlog.dead,
        rows: runs.iter().map(row).collect(),
        jobs: jobs.iter().map(others::job).collect(),
        others: others.iter().map(others::other).collect(),
    })
}

fn row(run: &Run) -> RunRow {
    RunRow {
        id: run.id.to_string(),
        state: run.state.as_str(),
        what: what(run),
        why: sentence::why_of(run).unwrap_or_default(),
        sha: run.sha.chars().take(8).collect(),
        who: run.requester.as_deref().map(harmless).unwrap_or_default(),
        at: moment(run.created_at),
        at_exact: run.created_at.to_rfc3339(),
    }
}
