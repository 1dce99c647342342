//! What became of deployments that came late, before they came: only GitHub knows.
//!
//! A deployment that comes when it is made needs none of this. A late one was missed; or this ledger is an older copy of itself
//! and has forgotten it, and then it may have run.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::clock::Timestamp;
use crate::domain::delivery::Source;
use crate::domain::deployment::Deployment;
use crate::domain::ids::DeploymentId;
use crate::domain::names::RepositoryName;
use crate::domain::run::{DeploymentState, LaneKey, RunState};
use crate::flow::engine::Engine;
use crate::github::call::CallError;
use crate::github::listing::{ListedDeployment, SignedStatus};
use crate::github::page::News;
use crate::policy::auto::is_ours;
use crate::policy::facts::{Missed, Newer, ShownStatus};
use crate::store::deliveries::Delivery;
use crate::store::error::StoreError;

/// GitHub delivers within seconds. What takes longer was asked for again, or found.
const LATE: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 8;
/// What is newer than a thousand others is not looked for.
const PAGES: usize = 10;
/// So many newer deployments of one environment are asked about.
const NEWER: usize = 10;
/// As many runs of a lane as are looked at.
const RUNS: u32 = 30;

/// A deployment that came late.
#[derive(Debug, Clone, Copy)]
pub struct Late<'a> {
    /// Which.
    pub deployment: &'a Deployment,
    /// When it came.
    pub came_at: Timestamp,
    /// How late.
    pub lateness: Lateness,
}

/// How late a deployment came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    /// When it was made.
    Delivered,
    /// Nobody delivered it, but it was found as soon as it could be.
    Found,
    /// It was missed: others may have overtaken it.
    Missed,
}

/// Why nobody can tell now.
#[derive(Debug)]
pub enum Unknown {
    /// GitHub did not say.
    GitHub(CallError),
    /// The ledger did not.
    Ledger(StoreError),
}

impl From<CallError> for Unknown {
    fn from(error: CallError) -> Self {
        Self::GitHub(error)
    }
}

impl From<StoreError> for Unknown {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

/// How late a deployment came. In pull mode nothing is missed that was found by one of the next two questions.
#[must_use]
pub fn lateness(engine: &Engine, delivery: &Delivery, deployment: &Deployment) -> Lateness {
    let usual = match (delivery.source, engine.config.github.polling) {
        (Source::Listing, Some(interval)) => LATE.max(interval * 2),
        (Source::Listing | Source::Webhook, _) => LATE,
    };
    match delivery.source {
        _ if delivery.recovered || deployment.created_at + usual < delivery.received_at => Lateness::Missed,
        Source::Listing => Lateness::Found,
        Source::Webhook => Lateness::Delivered,
    }
}

/// What GitHub shows about deployments of one repository, in their order.
pub async fn look_back(engine: &Engine, late: &[Late<'_>]) -> Vec<Result<Missed, Unknown>> {
    let nothing_known = |late: &Late<'_>| Missed {
        came_at: late.came_at,
        missed: late.lateness == Lateness::Missed,
        status: None,
        newer_there: Vec::new(),
        newer_here: Vec::new(),
    };
    if !engine.github.is_set_up() {
        return late.iter().map(|one| Ok(nothing_known(one))).collect();
    }
    let mut asked = Vec::with_capacity(late.len());
    for one in late {
        // boxed: the client's futures are large
        asked.push(Box::pin(statuses(engine, one.deployment, one.deployment.id)));
    }
    let shown: Vec<Result<Vec<SignedStatus>, CallError>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let own = match engine.github.own_login().await {
        Ok(own) => own,
        Err(error) => return late.iter().map(|_| Err(error.clone().into())).collect(),
    };
    let mut beyond = Beyond::new(engine, late, &shown);
    let mut found = Vec::with_capacity(late.len());
    for (late, shown) in late.iter().zip(shown) {
        let look = async {
            let mut missed = nothing_known(late);
            missed.status = shown?.into_iter().next().map(|status| ShownStatus {
                own: own.is_some() && status.creator == own,
                state: status.state,
            });
            if missed.status.is_none() && missed.missed {
                missed.newer_there = beyond.newer_than(late.deployment).await?;
            }
            Ok(missed)
        };
        found.push(Box::pin(look).await);
    }
    found
}

/// Newer deployments of the environment that the ledger has accepted.
///
/// # Errors
///
/// When it cannot be read.
pub async fn newer_here(engine: &Engine, deployment: &Deployment, lane: &LaneKey) -> Result<Vec<Newer>, StoreError> {
    let runs = engine.store.newest_of_lane(lane, RUNS).await?;
    let own = (deployment.created_at, deployment.id);
    Ok(runs
        .into_iter()
        .filter(|run| (run.requested_at, run.deployment) > own)
        .filter(|run| !matches!(run.state, RunState::Rejected | RunState::Superseded))
        .map(|run| Newer {
            deployment: run.deployment,
            begun: run.started_at.is_some(),
            task: run.task,
        })
        .collect())
}

async fn statuses(engine: &Engine, deployment: &Deployment, id: DeploymentId) -> Result<Vec<SignedStatus>, CallError> {
    let (installation, repository) = (deployment.installation, &deployment.repository);
    engine.github.signed_statuses(installation, repository, id).await
}

/// The newer deployments of one repository that the ledger has no run for, read once for all that need them.
struct Beyond<'a> {
    engine: &'a Engine,
    /// The oldest deployment that needs them.
    since: Option<Timestamp>,
    listed: Option<Vec<ListedDeployment>>,
    /// Whether their commands were begun.
    begun: HashMap<DeploymentId, bool>,
}

impl<'a> Beyond<'a> {
    fn new(engine: &'a Engine, late: &[Late<'_>], shown: &[Result<Vec<SignedStatus>, CallError>]) -> Self {
        let untold = late.iter().zip(shown).filter_map(|(late, shown)| {
            let none = late.lateness == Lateness::Missed && shown.as_ref().is_ok_and(Vec::is_empty);
            none.then_some(late.deployment)
        });
        Self {
            engine,
            since: untold.clone().map(|one| one.created_at).min(),
            listed: None,
            begun: untold.map(|one| (one.id, false)).collect(),
        }
    }

    async fn newer_than(&mut self, deployment: &Deployment) -> Result<Vec<Newer>, Unknown> {
        let own = (deployment.created_at, deployment.id);
        let newer: Vec<(DeploymentId, String)> = self
            .listed(deployment)
            .await?
            .iter()
            .filter(|one| (one.created_at, one.id) > own)
            .filter(|one| one.environment.eq_ignore_ascii_case(&deployment.environment))
            .take(NEWER)
            .map(|one| (one.id, one.task.clone()))
            .collect();
        for (id, task) in newer {
            if self.has_begun(deployment, id).await? {
                return Ok(vec![Newer {
                    deployment: id,
                    task,
                    begun: true,
                }]);
            }
        }
        Ok(Vec::new())
    }

    async fn has_begun(&mut self, of: &Deployment, id: DeploymentId) -> Result<bool, Unknown> {
        if let Some(known) = self.begun.get(&id) {
            return Ok(*known);
        }
        let shown = statuses(self.engine, of, id).await?;
        let is = |status: &SignedStatus, state: DeploymentState| status.state == state.as_str();
        let succeeded = shown.iter().any(|status| is(status, DeploymentState::Success));
        let runs = shown
            .first()
            .is_some_and(|latest| is(latest, DeploymentState::InProgress));
        self.begun.insert(id, succeeded || runs);
        Ok(succeeded || runs)
    }

    /// The newest first.
    async fn listed(&mut self, deployment: &Deployment) -> Result<&[ListedDeployment], Unknown> {
        let listed = match self.listed.take() {
            Some(listed) => listed,
            None => self.list(deployment).await?,
        };
        Ok(self.listed.insert(listed))
    }

    async fn list(&self, of: &Deployment) -> Result<Vec<ListedDeployment>, Unknown> {
        let engine = self.engine;
        let since = self.since.unwrap_or(of.created_at);
        let Ok(name) = of.repository.parse::<RepositoryName>() else {
            return Ok(Vec::new());
        };
        let mut known_apps = engine.config.github.known_apps.clone();
        known_apps.extend(engine.github.own_slug().await?);
        let here = engine
            .store
            .deployments_since(&of.host, of.repository_id, since)
            .await?;
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let asked = engine
                .github
                .deployments_page(of.installation, &name, page, None)
                .await?;
            let News::Changed { value, next, .. } = asked else {
                break;
            };
            let reached = value.last().is_none_or(|oldest| oldest.created_at < since) || next.is_none();
            all.extend(value.into_iter().filter(|one| {
                let ours = is_ours(one.creator.as_deref(), one.app_slug.as_deref(), &known_apps);
                ours && !here.contains(&one.id)
            }));
            if reached {
                break;
            }
        }
        Ok(all)
    }
}
