//! `/runs/{run}`: one run, its log and why it is as it is.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::domain::deployment::Order;
use crate::domain::names::is_its_sha;
use crate::domain::run::{Run, RunState};
use crate::domain::viewer::{Scope, Viewer};
use crate::flow::contained;
use crate::flow::forecast::{Forecast, estimate_of, last_good};
use crate::flow::view::Look;
use crate::flow::view::run::{CheckView, find};
use crate::http::logs::reader_of;
use crate::http::pages::commits::{Brought, short};
use crate::http::pages::filters;
use crate::http::pages::log::ShownLog;
use crate::http::pages::looker::{Frame, Looker};
use crate::http::pages::query::address;
use crate::http::pages::run_acts::{Deed, next};
use crate::http::pages::steps::{self, HostRow, StepRow};
use crate::http::pages::{harmless, missing, page, precise, what};
use crate::http::problem::server_fault;
use crate::http::state::Surface;
use crate::policy::decision::Decision;
use crate::report::estimate::{begins_in, beside_its_like};
use crate::report::painted::Painted;
use crate::report::stages::{Stage, stages};
use crate::report::status::{self, Links, Place};
use crate::report::{duration, event, force, lock, sentence};
use crate::store::decisions::StoredDecision;
use crate::store::error::StoreError;
use crate::store::history::Listed;
use crate::store::outbox::{Kind, OutboxRow};

/// Among so many successes of an environment a commit is looked for to roll back to.
const EARLIER: u32 = 50;

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
    /// The delivery that brought it.
    delivery: String,
    title: String,
    acts: Vec<ActRow>,
    /// What a person is to do now.
    instructions: String,
    may_say: bool,
    prospect: String,
    estimate: String,
    forced: String,
    stages: Vec<StageRow>,
    brought: Option<Brought>,
    decisions: Vec<DecisionRow>,
    log: Painted,
    log_next: u64,
    cut: bool,
    steps: Vec<StepRow>,
    hosts: Vec<HostRow>,
    timeline: Vec<TimelineRow>,
    told: Vec<ToldRow>,
}

/// Something that whoever looks may do about it.
struct ActRow {
    name: String,
    address: String,
    danger: bool,
}

struct StageRow {
    name: &'static str,
    from: String,
    from_exact: String,
    took: String,
    goes_on: bool,
}

struct DecisionRow {
    at: String,
    at_exact: String,
    verdict: String,
    reasons: Vec<String>,
    checks: Vec<CheckView>,
}

struct TimelineRow {
    at: String,
    at_exact: String,
    what: String,
    /// How long after the one before.
    after: String,
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
    match run_page(&surface, (&viewer, frame), &listed).await {
        Ok(template) => page(&template),
        Err(error) => server_fault(error.as_ref()),
    }
}

async fn run_page(surface: &Surface, (viewer, frame): (&Viewer, Frame), listed: &Listed) -> anyhow::Result<RunPage> {
    let engine = &surface.engine;
    let (run, now) = (&listed.run, engine.now());
    let title = listed.title.as_deref().map(harmless).unwrap_or_default();
    let position = engine.store.position(run).await?;
    let events = engine.store.events(run.id).await?;
    let decisions = engine.store.decisions(&run.id.to_string()).await?;
    let told = engine.store.outbox_of(run.id).await?;
    let found_in_list = !engine.store.listed_among(&[run.delivery]).await?.is_empty();
    let outlook = Forecast::begin(&engine.store, now).await?.outlook(run).await?;
    let estimate = estimate_of(&engine.store, run).await?;
    let worked = run.started_at.map(|started| run.finished_at.unwrap_or(now) - started);
    let may =
        frame.may_deploy() && viewer.may_in(Scope::Deploy, run.order.as_ref().map_or("", |order| order.app.as_str()));
    let acts = if may {
        acts(&Look::of(engine, viewer), run).await?
    } else {
        Vec::new()
    };
    let brought = contained::known(&engine.store, run, now).await?;
    let (steps, hosts) = steps::rows(&engine.store.steps(run.id).await?);
    let log = reader_of(surface, run);
    let shown = tokio::task::spawn_blocking(move || ShownLog::read(&log)).await??;
    let place = position.map(|position| Place { position, behind: None });
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
        .filter(|lock| lock.holds_at(now))
        .map(|lock| format!("{}; {}", lock::held(&lock), lock::way_out(&lock)))
        .unwrap_or_default();
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
        git_ref: if is_its_sha(&run.git_ref, &run.sha) {
            String::new()
        } else {
            harmless(&run.git_ref)
        },
        environment: harmless(&run.environment),
        environment_url,
        lock,
        task: harmless(&run.task),
        who: run.requester.as_deref().map_or_else(|| "unknown".to_owned(), harmless),
        room: run.room.as_deref().map(harmless).unwrap_or_default(),
        deployment: run.deployment.to_string(),
        heard: if found_in_list {
            "found in GitHub's list"
        } else {
            "by webhook"
        },
        took: worked.map_or_else(|| "not started".to_owned(), duration::span),
        delivery: run.delivery.to_string(),
        title,
        acts,
        instructions: run.waits_for_person().map(harmless).unwrap_or_default(),
        may_say: may,
        prospect: outlook.wait.map(begins_in).or(outlook.noticed).unwrap_or_default(),
        estimate: estimate.map_or_else(
            || "too few runs of its kind have succeeded to tell".to_owned(),
            |estimate| beside_its_like(worked, &estimate),
        ),
        forced: run.forced.as_ref().map(force::told).unwrap_or_default(),
        stages: stages(run, &events, now).iter().map(stage_row).collect(),
        brought: brought.map(|found| Brought::of(&found, github, run.repository.as_str())),
        decisions: decisions.iter().rev().filter_map(decision_row).collect(),
        log: shown.log,
        log_next: shown.next,
        cut: shown.cut,
        steps,
        hosts,
        timeline: events
            .iter()
            .enumerate()
            .map(|(index, (at, event))| TimelineRow {
                at: precise(*at),
                at_exact: at.to_rfc3339(),
                what: event::wording(event),
                after: match index.checked_sub(1).and_then(|before| events.get(before)) {
                    Some((before, _)) => duration::span(*at - *before),
                    None => String::new(),
                },
            })
            .collect(),
        told: told
            .iter()
            .enumerate()
            .map(|(at, row)| told_row(row, &told[at + 1..]))
            .collect(),
    })
}

/// What may be done about it now, by somebody who may do such things in its app.
async fn acts(look: &Look<'_>, run: &Run) -> Result<Vec<ActRow>, StoreError> {
    let deed = |name: String, deed: Deed| ActRow {
        name,
        address: format!("/runs/{}/{}", run.id, deed.as_str()),
        danger: matches!(deed, Deed::Cancel | Deed::Rollback),
    };
    if !run.state.is_terminal() {
        let asked = run.cancel.is_some();
        return Ok((!asked)
            .then(|| deed("Cancel".to_owned(), Deed::Cancel))
            .into_iter()
            .collect());
    }
    let mut acts = Vec::new();
    let Some(order) = run.order.as_ref().filter(|_| run.command.is_none()) else {
        return Ok(acts);
    };
    let Some((app, environment)) = look.environment(order.app.as_str(), order.environment.as_str()) else {
        return Ok(acts);
    };
    acts.push(deed("Retry".to_owned(), Deed::Retry));
    if run.is_plan() {
        return Ok(acts);
    }
    if run.state == RunState::Succeeded {
        if let Some(next) = next(app, environment) {
            acts.push(deed(format!("Promote to {}", next.name), Deed::Promote));
        }
        let ran = look.store.successes_of(look.at(app, environment), EARLIER).await?;
        let is_current = ran.first().is_some_and(|current| current.id == run.id);
        if is_current && ran.iter().any(|earlier| earlier.sha != run.sha) {
            acts.push(deed("Roll back".to_owned(), Deed::Rollback));
        }
    } else if let Some(sha) = last_good(look.store, run, look.now).await?.and_then(|good| good.sha) {
        let parts = [
            ("app", app.name.as_str()),
            ("environment", environment.name.as_str()),
            ("ref", sha.as_str()),
        ];
        acts.push(ActRow {
            name: format!("Deploy {} again, the last that worked", short(&sha)),
            address: address("/deploy", &parts),
            danger: false,
        });
    }
    Ok(acts)
}

fn stage_row(stage: &Stage) -> StageRow {
    StageRow {
        name: stage.name,
        from: precise(stage.from),
        from_exact: stage.from.to_rfc3339(),
        took: duration::span(stage.took),
        goes_on: stage.goes_on,
    }
}

fn decision_row(stored: &StoredDecision) -> Option<DecisionRow> {
    let decision: Decision = serde_json::from_str(&stored.evidence.decision).ok()?;
    Some(DecisionRow {
        at: precise(stored.evidence.at),
        at_exact: stored.evidence.at.to_rfc3339(),
        verdict: decision.verdict.as_str().to_owned(),
        reasons: decision.reasons.iter().map(sentence::sentence).collect(),
        checks: decision.checks.iter().map(CheckView::of).collect(),
    })
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
