//! Answers jobs of GitHub Actions that wait for our word: the same policy as for deployments, looked at again until it has an
//! answer or the time of a hold is up. No run is made; the job does the work.

use std::time::Duration;

use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::deployment::{Deployment, Order};
use crate::domain::protection::ProtectionState;
use crate::domain::reason::Reason;
use crate::domain::run::LaneKey;
use crate::flow::decided::evidence;
use crate::flow::engine::Engine;
use crate::flow::gather::{further, lane_facts};
use crate::flow::rules::rules;
use crate::github::protection::ProtectionAnswer;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::{Contexts, Facts, History, LaneFacts, LockFacts, WhoFacts};
use crate::policy::protection::{all_contexts_count, decide, needs};
use crate::policy::rules::Rules;
use crate::report::protection::{approved, rejected, waits};
use crate::report::sentence::waited_for;
use crate::store::error::StoreError;
use crate::store::outbox::{Kind, Outgoing};
use crate::store::protection::{Settled, StoredRequest};
use crate::store::runs::Part;

const TICK: Duration = Duration::from_secs(1);
/// Webhooks and unlocking make it sooner; this makes it happen at all.
const PERIOD: Duration = Duration::from_secs(60);
/// GitHub could not be asked, or a run of ours is under way: soon again.
const SOON: Duration = Duration::from_secs(5);
const CLAIM: Duration = Duration::from_secs(120);
const BATCH: usize = 50;
/// GitHub takes ten words in between.
const REPORTS: u32 = 10;

/// Looks until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look at jobs that wait for an answer");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.protections.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Looks at every job that is due, once. Returns how many there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    for looked in 0..BATCH {
        let now = engine.now();
        let claimed = engine.store.claim_request(&engine.worker, now, now + CLAIM).await?;
        let Some(claimed) = claimed else {
            return Ok(looked);
        };
        // boxed: the client's futures are large
        Box::pin(look_at(engine, &claimed)).await?;
    }
    Ok(BATCH)
}

async fn look_at(engine: &Engine, claimed: &StoredRequest) -> Result<(), StoreError> {
    let deployment = &claimed.request.deployment;
    let rules = rules(&engine.config).for_repository(&deployment.repository);
    let facts = gather(engine, claimed, &rules).await?;
    let decision = decide(deployment, &facts, &rules);
    let mut settled = settle(engine, claimed, &decision, facts.now);
    settled.evidence = Some(evidence(engine, &facts, &rules, &decision));
    let written = engine.store.settle_request(claimed, &settled, facts.now).await?;
    let news = settled.state != ProtectionState::Waiting || claimed.reason != settled.reason;
    if written && news {
        tracing::info!(
            delivery.id = %claimed.delivery,
            deployment.id = %deployment.id,
            repository = deployment.repository,
            environment = deployment.environment,
            workflow_run = claimed.request.workflow_run,
            state = settled.state.as_str(),
            reason = settled.reason.as_ref().map(Reason::code),
            "a job of GitHub Actions asks whether it may deploy"
        );
        engine.outbox.notify_one();
    }
    Ok(())
}

/// What becomes of the request, and what is said.
fn settle(engine: &Engine, claimed: &StoredRequest, decision: &Decision, now: Timestamp) -> Settled {
    let deployment = &claimed.request.deployment;
    let reason = decision.reasons.first().cloned();
    let limit = engine
        .config
        .find(&deployment.repository, &deployment.environment)
        .map(|(_, environment)| environment.hold_timeout);
    let given_up = limit.filter(|limit| claimed.created_at + *limit <= now);
    let (state, reason) = match (decision.verdict, reason, given_up) {
        (Verdict::Run, ..) => (ProtectionState::Approved, None),
        (Verdict::Hold, Some(reason), Some(limit)) => {
            let expired = Reason::HoldExpired {
                limit_seconds: limit.as_secs(),
                waited_for: waited_for(&reason),
            };
            (ProtectionState::Rejected, Some(expired))
        }
        (Verdict::Hold, reason, _) => (ProtectionState::Waiting, reason),
        (Verdict::Reject | Verdict::Ignore, reason, _) => (ProtectionState::Rejected, reason),
    };
    let soon = matches!(reason, Some(Reason::FactsUnavailable { .. } | Reason::LaneBusy { .. }));
    let next = now + if soon { SOON } else { PERIOD };
    Settled {
        state,
        outgoing: said(engine, claimed, decision, state, reason.as_ref()),
        reason,
        evidence: None,
        next: limit.map_or(next, |limit| next.min(claimed.created_at + limit)),
    }
}

/// The answer, or a word in between where there is news and GitHub still takes one.
fn said(
    engine: &Engine,
    claimed: &StoredRequest,
    decision: &Decision,
    state: ProtectionState,
    reason: Option<&Reason>,
) -> Vec<Outgoing> {
    let deployment = &claimed.request.deployment;
    let comment = match (state, reason) {
        (ProtectionState::Approved, _) => {
            let app = decision.order.as_ref().map_or("", |order| order.app.as_str());
            approved(app, &deployment.environment)
        }
        (ProtectionState::Rejected, Some(reason)) => rejected(reason),
        (ProtectionState::Waiting, Some(reason)) => {
            let news = claimed.reason.as_ref().map(Reason::code) != Some(reason.code()) || is_lock(reason);
            let same = claimed.reason.as_ref() == Some(reason);
            // while GitHub cannot be asked it cannot be told either
            let mute = matches!(reason, Reason::FactsUnavailable { .. });
            if same || !news || mute || claimed.reports >= REPORTS {
                return Vec::new();
            }
            waits(reason)
        }
        (ProtectionState::Rejected | ProtectionState::Waiting | ProtectionState::Ignored, _) => return Vec::new(),
    };
    let answer = state != ProtectionState::Waiting;
    vec![Outgoing {
        id: engine.fresh_id(),
        kind: Kind::ProtectionReport,
        key: format!("protection/{}", claimed.id),
        run: None,
        terminal: answer,
        says: if answer {
            state.as_str().to_owned()
        } else {
            comment.clone()
        },
        body: json!(ProtectionAnswer {
            repository: deployment.repository.clone(),
            installation: deployment.installation,
            workflow_run: claimed.request.workflow_run,
            environment: deployment.environment.clone(),
            state: answer.then(|| state.as_str().to_owned()),
            comment,
        }),
    }]
}

/// Another lock is another owner to ask.
fn is_lock(reason: &Reason) -> bool {
    matches!(reason, Reason::Locked { .. })
}

async fn gather(engine: &Engine, claimed: &StoredRequest, rules: &Rules) -> Result<Facts, StoreError> {
    let deployment = &claimed.request.deployment;
    let needs = needs(deployment, rules);
    let mut facts = Facts {
        now: engine.now(),
        contexts: Contexts::NotNeeded,
        lane: LaneFacts::default(),
        lock: None,
        history: History::NotNeeded,
        who: WhoFacts::default(),
    };
    let Some(order) = needs.order else {
        return Ok(facts);
    };
    if needs.contexts {
        facts.contexts = contexts(engine, claimed, &order, all_contexts_count(deployment, rules)).await;
    }
    let lane = LaneKey::new(&deployment.host, deployment.repository_id, &order.environment, false);
    let mut contents = engine.store.lane(&lane, Some(&order.place()), Part::Last).await?;
    let further = further(&engine.store, &lane, None, &contents).await?;
    facts.lock = contents.lock.take().map(|lock| LockFacts { lock, automatic: false });
    facts.lane = lane_facts(contents, further);
    Ok(facts)
}

/// Where every context counts, what the waiting workflow itself reports does not: it would wait for itself. Its own jobs are put
/// in order by its `needs`.
async fn contexts(engine: &Engine, claimed: &StoredRequest, order: &Order, all: bool) -> Contexts {
    let deployment: &Deployment = &claimed.request.deployment;
    let beside = all.then_some(claimed.request.workflow_run);
    let asked = engine
        .github
        .contexts_beside(&deployment.repository, deployment.installation, &order.sha, beside);
    match Box::pin(asked).await {
        Ok(contexts) => Contexts::Gathered(contexts),
        Err(error) => {
            tracing::warn!(deployment.id = %deployment.id, error = %error, "cannot read the required contexts; a job waits");
            Contexts::Unavailable {
                detail: error.to_string(),
            }
        }
    }
}
