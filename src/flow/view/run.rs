//! Runs: as lines of lists, and one whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::domain::clock::Timestamp;
use crate::domain::delivery::Source;
use crate::domain::deployment::Order;
use crate::domain::estimate::Estimate;
use crate::domain::ids::RunId;
use crate::domain::run::RunState;
use crate::domain::timeline::RunEvent;
use crate::flow::announce::run_url;
use crate::flow::forecast::Forecast;
use crate::flow::view::lock::LockView;
use crate::flow::view::outbox::Told;
use crate::flow::view::steps::StepView;
use crate::flow::view::{Look, Page, Why};
use crate::policy::decision::{Check, Decision};
use crate::report::sentence::{sentence_of, why_of};
use crate::report::{event, status};
use crate::store::decisions::StoredDecision;
use crate::store::error::StoreError;
use crate::store::history::{Filter, Listed};

/// Of so many runs that begin alike it is looked which are seen.
const BEGINNINGS: u32 = 100;

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Ours.
    pub id: String,
    /// Where it stands.
    #[schemars(extend("enum" = state_names()))]
    pub state: String,
    /// Whether it is over.
    pub ended: bool,
    /// The app; absent where the form of the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// `owner/name`, as configured.
    pub repository: String,
    /// GitHub's environment.
    pub environment: String,
    /// Branch, tag or SHA, as it was asked for. Where Chima asked for a commit of a branch, such as after a merge, the branch.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The full commit id.
    pub sha: String,
    /// The title of the commit, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// GitHub's task.
    pub task: String,
    /// Whether it only showed what a deployment would do.
    pub plan: bool,
    /// Whether somebody made it pass what others have to wait for.
    pub forced: bool,
    /// GitHub's number of the deployment.
    pub deployment: u64,
    /// Who asked, as they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Where it stands, in a line.
    pub summary: String,
    /// Why it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// When the deployment was made.
    pub requested_at: Timestamp,
    /// When the ledger took it in.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Its page.
    pub url: String,
}

/// One run, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDetail {
    /// As in lists.
    #[serde(flatten)]
    pub run: RunView,
    /// The login that GitHub names as its creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// The chat room it was asked for in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Our id of the delivery that brought it.
    pub delivery: String,
    /// How that came: `webhook` or `listing`.
    pub source: String,
    /// Where it is deployed to, for people to visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
    /// All there is to explain: why, and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
    /// Place in its lane: 1 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// When it probably begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<Timestamp>,
    /// How long its like take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<EstimateView>,
    /// How often it was claimed.
    pub attempts: u32,
    /// The hosts it was narrowed to; empty for all.
    pub hosts: Vec<String>,
    /// What a person is to do now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for_person: Option<String>,
    /// Who asked to stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// The lock that holds its environment now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockView>,
    /// What happened, the oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// What was decided, each time it was, the oldest first.
    pub decisions: Vec<DecisionView>,
    /// Its parts.
    pub steps: Vec<StepView>,
    /// What was sent about it, or is to be.
    pub told: Vec<Told>,
    /// Digest of the configuration it was decided with.
    pub config_digest: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What: a stable word.
    pub event: String,
    /// In words.
    pub text: String,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
    /// When.
    pub at: Timestamp,
    /// `run`, `hold`, `reject` or `ignore`.
    pub verdict: String,
    /// Why, the deciding one first.
    pub reasons: Vec<Why>,
    /// Every gate, with its evidence.
    pub checks: Vec<CheckView>,
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Which: a stable word.
    pub name: String,
    /// `passed`, `held`, `rejected`, `ignored` or `skipped`.
    pub verdict: String,
    /// What was found.
    pub found: String,
    /// What would have passed.
    pub wanted: String,
}

/// How long runs take of one environment and task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateView {
    /// Half of them took no longer.
    pub usual_seconds: i64,
    /// Nine of ten took no longer.
    pub long_seconds: i64,
    /// Nineteen of twenty took no longer.
    #[serde(default)]
    pub rare_seconds: i64,
    /// How many of them there are.
    pub of: usize,
}

impl From<Estimate> for EstimateView {
    fn from(estimate: Estimate) -> Self {
        Self {
            usual_seconds: estimate.usual.num_seconds(),
            long_seconds: estimate.long.num_seconds(),
            rare_seconds: estimate.rare.num_seconds(),
            of: estimate.of,
        }
    }
}

impl CheckView {
    /// A gate as it is shown.
    #[must_use]
    pub fn of(check: &Check) -> Self {
        Self {
            name: check.name.as_str().to_owned(),
            verdict: check.verdict.as_str().to_owned(),
            found: check.found.clone(),
            wanted: check.wanted.clone(),
        }
    }
}

/// The states there are.
#[must_use]
pub fn state_names() -> Vec<&'static str> {
    RunState::ALL.into_iter().map(RunState::as_str).collect()
}

impl RunView {
    /// A run as lists show it.
    #[must_use]
    pub fn of(config: &Config, listed: &Listed) -> Self {
        let Listed { run, title } = listed;
        let why = run.reason.as_ref().map(|reason| Why {
            code: reason.code().to_owned(),
            text: why_of(run).unwrap_or_default(),
        });
        Self {
            id: run.id.to_string(),
            state: run.state.as_str().to_owned(),
            ended: run.state.is_terminal(),
            app: run.order.as_ref().map(|order| order.app.to_string()),
            repository: run.repository.to_string(),
            environment: run.environment.clone(),
            git_ref: run.git_ref.clone(),
            sha: run.sha.clone(),
            title: title.clone(),
            task: run.task.clone(),
            plan: run.is_plan(),
            forced: run.forced.is_some(),
            deployment: run.deployment.0,
            requester: run.requester.clone(),
            summary: status::summary(run),
            why,
            requested_at: run.requested_at,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            url: run_url(config, run.id),
        }
    }
}

/// Runs that are looked for, a page of them.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn history(look: &Look<'_>, filter: &Filter, size: u32) -> Result<Page<RunView>, StoreError> {
    let seen = look.seen_apps();
    let found = look.store.history(filter, seen.as_deref(), size + 1).await?;
    let items = found.iter().map(|one| RunView::of(look.config, one)).collect();
    Ok(Page::cut(items, size, |one: &RunView| one.id.clone()))
}

/// A run that the viewer sees.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn find(look: &Look<'_>, id: &str) -> Result<Option<Listed>, StoreError> {
    let Ok(id) = id.parse::<RunId>() else {
        return Ok(None);
    };
    let found = look.store.listed(id).await?;
    Ok(found.filter(|one| look.viewer.sees_run(&one.run)))
}

/// The runs that are seen whose ids begin like this, at most two: enough to tell whether it is unique. Fewer than six characters are
/// no beginning.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn beginning_with(look: &Look<'_>, beginning: &str) -> Result<Vec<Listed>, StoreError> {
    if !matches!(beginning.len(), 6..26) || !beginning.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(Vec::new());
    }
    let all = look
        .store
        .first_starting_with(&beginning.to_ascii_uppercase(), BEGINNINGS)
        .await?;
    let mut found = Vec::new();
    for run in all.iter().filter(|run| look.viewer.sees_run(run)).take(2) {
        found.extend(look.store.listed(run.id).await?);
    }
    Ok(found)
}

/// One run, whole.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn detail(look: &Look<'_>, listed: &Listed) -> Result<RunDetail, StoreError> {
    let run = &listed.run;
    let store = look.store;
    let (position, begins_at, estimate) = if run.state.is_terminal() {
        (None, None, crate::flow::forecast::estimate_of(store, run).await?)
    } else {
        let mut forecast = Forecast::begin(store, look.now).await?;
        let outlook = forecast.outlook(run).await?;
        let position = outlook.place.map(|place| place.position);
        (position, outlook.wait.map(|wait| look.now + wait), outlook.estimate)
    };
    let lock = match run.order.as_ref().map(Order::place) {
        Some(place) => store.lock_of(&place).await?.filter(|lock| lock.holds_at(look.now)),
        None => None,
    };
    let found_in_list = !store.listed_among(&[run.delivery]).await?.is_empty();
    let source = if found_in_list {
        Source::Listing
    } else {
        Source::Webhook
    };
    let configured = look.config.find(run.repository.as_str(), &run.environment);
    let order = run.order.as_ref();
    Ok(RunDetail {
        creator: run.creator.clone(),
        room: run.room.clone(),
        delivery: run.delivery.to_string(),
        source: source.as_str().to_owned(),
        environment_url: configured.and_then(|(_, environment)| environment.url.clone()),
        explained: sentence_of(run),
        position,
        begins_at,
        estimate: estimate.map(EstimateView::from),
        attempts: run.attempts,
        hosts: order.map_or_else(Vec::new, |order| order.hosts.iter().map(ToString::to_string).collect()),
        waits_for_person: run.waits_for_person().map(str::to_owned),
        cancelled_by: run.cancel.as_ref().map(|cancel| cancel.by.clone()),
        lock: lock.map(|lock| LockView::of(&lock, &[])),
        timeline: store.events(run.id).await?.iter().map(entry).collect(),
        decisions: store
            .decisions(&run.id.to_string())
            .await?
            .iter()
            .filter_map(decision)
            .collect(),
        steps: store.steps(run.id).await?.iter().map(StepView::of).collect(),
        told: store.outbox_of(run.id).await?.iter().map(Told::of).collect(),
        config_digest: run.config_digest.clone(),
        run: RunView::of(look.config, listed),
    })
}

fn entry((at, event): &(Timestamp, RunEvent)) -> TimelineEntry {
    TimelineEntry {
        at: *at,
        event: event_name(event),
        text: event::wording(event),
    }
}

/// The word by which an entry of a timeline is stored.
#[must_use]
pub fn event_name(event: &RunEvent) -> String {
    let stored = serde_json::to_value(event).unwrap_or_default();
    stored["event"].as_str().unwrap_or_default().to_owned()
}

fn decision(stored: &StoredDecision) -> Option<DecisionView> {
    let decision: Decision = serde_json::from_str(&stored.evidence.decision).ok()?;
    Some(DecisionView {
        at: stored.evidence.at,
        verdict: decision.verdict.as_str().to_owned(),
        reasons: decision.reasons.iter().map(Why::of).collect(),
        checks: decision.checks.iter().map(CheckView::of).collect(),
    })
}
