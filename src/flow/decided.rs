//! What a decision comes to: the run that it makes, who gives way to it, where it stands, and what it was made from.
//!
//! The intake writes that down for a new deployment, the recheck for one that is held.

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeliveryId, Fence, LockId, RunId};
use crate::domain::lock::{self, Cause, Lock, LockCommand, LockTask};
use crate::domain::reason::Reason;
use crate::domain::run::{LaneKey, Run, RunState};
use crate::flow::announce::announce;
use crate::flow::engine::Engine;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::Facts;
use crate::policy::rules::Rules;
use crate::policy::who;
use crate::report::status::Place;
use crate::store::decisions::{Displaced, Evidence};
use crate::store::error::StoreError;

/// The run a decision makes; none where the deployment is not ours.
pub(super) fn new_run(
    engine: &Engine,
    delivery: DeliveryId,
    deployment: &Deployment,
    decision: &Decision,
    facts: &Facts,
) -> Option<Run> {
    let repository = deployment.repository.parse().ok()?;
    let state = first_state(decision)?;
    let hold_until = hold_until(engine, decision, deployment, facts.now);
    Some(Run {
        id: RunId::new(engine.clock.fresh_ulid()),
        delivery,
        host: deployment.host.clone(),
        repository_id: deployment.repository_id,
        repository,
        deployment: deployment.id,
        installation: deployment.installation,
        // a command waits for nobody, and nobody waits for it
        lane: decision
            .order
            .as_ref()
            .filter(|_| !is_command(deployment))
            .map(|order| {
                LaneKey::new(
                    &deployment.host,
                    deployment.repository_id,
                    &order.environment,
                    order.noop,
                )
            }),
        order: decision.order.clone(),
        environment: deployment.environment.clone(),
        git_ref: called(deployment, decision, facts),
        sha: deployment.sha.clone(),
        task: deployment.task.clone(),
        creator: deployment.creator.clone(),
        requester: deployment.requester(),
        room: deployment.room().map(str::to_owned),
        listener: deployment.listener(),
        state,
        reason: decision.reasons.first().cloned(),
        fence: Fence(0),
        attempts: 0,
        requested_at: deployment.created_at,
        created_at: facts.now,
        started_at: None,
        finished_at: state.is_terminal().then_some(facts.now),
        hold_until,
        worker: None,
        lease_until: None,
        cancel: None,
        instructions: None,
        verdict: None,
        passes_lock: decision.passes_lock,
        forced: decision.forced.clone(),
        command: command(engine, deployment, decision, facts),
        config_digest: engine.config.digest.clone(),
    })
}

/// What people call its commit: the branch that it was of when Chima asked for it by its SHA, GitHub's own ref otherwise.
fn called(deployment: &Deployment, decision: &Decision, facts: &Facts) -> String {
    let branch = decision
        .order
        .as_ref()
        .and_then(|order| who::branch(deployment, order, &facts.who));
    branch.unwrap_or(&deployment.git_ref).to_owned()
}

/// When a hold that a decision begins ends by itself.
#[must_use]
pub fn hold_until(engine: &Engine, decision: &Decision, deployment: &Deployment, now: Timestamp) -> Option<Timestamp> {
    let order = decision.order.as_ref().filter(|_| decision.verdict == Verdict::Hold)?;
    let (_, environment) = engine.config.find(&deployment.repository, order.environment.as_str())?;
    Some(now + environment.hold_timeout)
}

fn is_command(deployment: &Deployment) -> bool {
    LockTask::from_name(&deployment.task).is_some()
}

/// What a deployment that is a command does, with the decision.
fn command(engine: &Engine, deployment: &Deployment, decision: &Decision, facts: &Facts) -> Option<LockCommand> {
    let by = deployment.person();
    match decision.command? {
        LockTask::Lock => Some(LockCommand::Lock {
            lock: Box::new(Lock {
                id: LockId::new(engine.clock.fresh_ulid()),
                place: decision.order.as_ref()?.place(),
                owner: by,
                reason: lock::words(deployment.words().as_deref()),
                cause: Cause::Person,
                since: facts.now,
                until: None,
            }),
        }),
        LockTask::Unlock => Some(LockCommand::Unlock {
            lock: Box::new(facts.lock.as_ref()?.lock.clone()),
            by,
        }),
    }
}

/// The state in which a decision leaves a run.
#[must_use]
pub fn first_state(decision: &Decision) -> Option<RunState> {
    match decision.verdict {
        Verdict::Ignore => None,
        Verdict::Run if decision.command.is_some() => Some(RunState::Succeeded),
        Verdict::Run => Some(RunState::Queued),
        Verdict::Hold => Some(RunState::Held),
        Verdict::Reject if decision.superseded_by.is_some() => Some(RunState::Superseded),
        Verdict::Reject => Some(RunState::Rejected),
    }
}

/// The runs that give way to this one, with what is said about them.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn displaced(engine: &Engine, decision: &Decision, by: &Deployment) -> Result<Vec<Displaced>, StoreError> {
    let mut all = Vec::new();
    for id in &decision.supersedes {
        if let Some(mut run) = engine.store.find_run(*id).await? {
            let reason = Reason::Superseded { by: by.id };
            run.state = RunState::Superseded;
            run.reason = Some(reason.clone());
            run.finished_at = Some(engine.now());
            let outgoing = announce(engine, &run, None);
            all.push(Displaced {
                run: *id,
                reason,
                outgoing,
            });
        }
    }
    Ok(all)
}

/// Where a run that waits its turn stands.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn place(engine: &Engine, decision: &Decision) -> Result<Option<Place>, StoreError> {
    if decision.position == 0 {
        return Ok(None);
    }
    let mut behind = None;
    for reason in &decision.reasons {
        if let Reason::LaneBusy { behind: run, .. } = reason {
            behind = engine.store.find_run(*run).await?.map(|run| run.sha);
        }
    }
    Ok(Some(Place {
        position: decision.position,
        behind,
    }))
}

/// What a decision was made from.
#[must_use]
pub fn evidence(engine: &Engine, facts: &Facts, rules: &Rules, decision: &Decision) -> Evidence {
    let text = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "null".to_owned());
    Evidence {
        id: engine.fresh_id(),
        verdict: decision.verdict.as_str().to_owned(),
        facts: text(serde_json::to_string(facts)),
        rules: text(serde_json::to_string(rules)),
        decision: text(serde_json::to_string(decision)),
        config_digest: engine.config.digest.clone(),
        at: facts.now,
        warrant: decision.warrant.clone(),
    }
}
