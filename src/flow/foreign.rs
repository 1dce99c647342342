//! What others carry out, and what others say: recorded for the history, told where people want to hear of it. Nothing of it
//! starts, stops or changes a run.

use crate::domain::deployment::Deployment;
use crate::domain::foreign::{ForeignDeployment, Reported};
use crate::domain::timeline::RunEvent;
use crate::flow::engine::Engine;
use crate::store::error::StoreError;

/// Keeps a deployment that the policy leaves to others.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn keep(engine: &Engine, deployment: &Deployment) -> Result<(), StoreError> {
    let one = ForeignDeployment::of(deployment, None);
    engine
        .store
        .record_foreign(&deployment.host, &one, &[], engine.now())
        .await
        .map(drop)
}

/// Takes note of a status of a deployment of a configured repository. Returns what was done, for the delivery's row; `None`
/// where it is our own word that comes back.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn note(engine: &Engine, reported: &Reported) -> Result<Option<String>, StoreError> {
    let Reported { deployment, status } = reported;
    let run = engine
        .store
        .run_of_deployment(&deployment.host, deployment.repository_id, deployment.id)
        .await?;
    if let Some(run) = run {
        if engine.store.said_of_run(run.id, status).await? {
            return Ok(None);
        }
        let by = status.by.clone().unwrap_or_else(|| "somebody".to_owned());
        tracing::warn!(run.id = %run.id, deployment.id = %run.deployment, by, state = status.state, "somebody else reported on a deployment of ours");
        let event = RunEvent::ReportedByOther {
            by,
            state: status.state.clone(),
            description: status.description.clone().unwrap_or_default(),
        };
        let known = engine.store.events(run.id).await?;
        if known.iter().all(|(_, before)| *before != event) {
            engine.store.append_event(run.id, engine.now(), &event).await?;
        }
        return Ok(Some(format!("noted on run {}", run.id)));
    }
    let one = ForeignDeployment::of(deployment, Some(status.clone()));
    let ours_to_tell = status.is_terminal()
        && engine
            .config
            .find(&deployment.repository, &deployment.environment)
            .is_some();
    let outgoing = if ours_to_tell {
        engine.voice().about_foreign(&deployment.host, &one)
    } else {
        Vec::new()
    };
    let news = engine
        .store
        .record_foreign(&deployment.host, &one, &outgoing, engine.now())
        .await?;
    if news && !outgoing.is_empty() {
        engine.outbox.notify_one();
    }
    let what = if news { "recorded" } else { "a newer word is known" };
    Ok(Some(format!("a deployment of somebody else: {what}")))
}
