//! `chima runs`: the newest runs, for a person or for a script.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::foreign::ForeignDeployment;
use crate::domain::ids::DeliveryId;
use crate::domain::run::Run;
use crate::report::duration::span;
use crate::report::foreign;
use crate::report::sentence::why_of;
use crate::store::Store;
use crate::store::delivery_list::DeliveryFilter;

/// Of so many deliveries that wait it is looked which are deployments.
const COUNTED: u32 = 100;

/// What came and may still become a run; empty where there is nothing.
async fn undecided(store: &Store) -> anyhow::Result<String> {
    let filter = DeliveryFilter {
        disposition: Some(Disposition::Received),
        ..DeliveryFilter::default()
    };
    let mut waiting = store.delivery_list(&filter, None, COUNTED).await?;
    waiting.retain(|one| one.event == "deployment");
    let Some(newest) = waiting.first() else {
        return Ok(String::new());
    };
    let why = newest.detail.as_deref().map(|why| format!("; the newest waits: {why}"));
    let what = match waiting.len() {
        1 => "1 deployment was delivered and is".to_owned(),
        many => format!("{many} deployments were delivered and are"),
    };
    Ok(format!("\n{what} not decided yet{}\n", why.unwrap_or_default()))
}

/// A table of the newest runs, or one JSON object a line.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn list(store: &Store, limit: u32, as_json: bool, now: Timestamp) -> anyhow::Result<String> {
    let runs = store.recent_runs(limit).await?;
    let others = store.foreign_deployments(limit).await?;
    let deliveries: Vec<DeliveryId> = runs.iter().map(|run| run.delivery).collect();
    let listed = store.listed_among(&deliveries).await?;
    let mut text = String::new();
    if as_json {
        for run in &runs {
            writeln!(text, "{}", as_value(run, source(run, &listed)))?;
        }
        for one in &others {
            writeln!(text, "{}", other_as_value(one))?;
        }
        return Ok(text);
    }
    if runs.is_empty() && others.is_empty() {
        let none = "no runs yet: they begin with a deployment on GitHub\n";
        return Ok(format!("{none}{}", undecided(store).await?));
    }
    writeln!(
        text,
        "{:<26}  {:<11}  {:<9}  {:<34}  WHY",
        "RUN", "STATE", "AGE", "WHAT"
    )?;
    for run in &runs {
        let app = run
            .order
            .as_ref()
            .map_or(run.repository.as_str(), |order| order.app.as_str());
        let what = format!("{app}/{} to {}", run.git_ref, run.environment);
        let mut reason = why_of(run).unwrap_or_default();
        if source(run, &listed) == Source::Listing {
            let apart = if reason.is_empty() { "" } else { "; " };
            write!(reason, "{apart}found by listing")?;
        }
        let age = span(now - run.created_at);
        let line = format!(
            "{:<26}  {:<11}  {age:<9}  {what:<34}  {reason}",
            run.id.to_string(),
            run.state.as_str()
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    for one in &others {
        let id = format!("deployment {}", one.id);
        let (state, age) = (one.state(), span(now - one.created_at));
        let (what, why) = (foreign::what(one), foreign::why(one));
        writeln!(text, "{id:<26}  {state:<11}  {age:<9}  {what:<34}  {why}")?;
    }
    text.push_str(&undecided(store).await?);
    let lost = store.backlog().await?.dead;
    if lost > 0 {
        writeln!(
            text,
            "\n{lost} statuses or messages could not be delivered: `chima outbox --dead` says why"
        )?;
    }
    Ok(text)
}

/// A deployment of somebody else for a script: it has no `id`, because there is no run of it.
fn other_as_value(one: &ForeignDeployment) -> serde_json::Value {
    json!({
        "foreign": true,
        "state": one.state(),
        "repository": one.repository,
        "environment": one.environment,
        "ref": one.git_ref,
        "sha": one.sha,
        "task": one.task,
        "deployment": one.id,
        "creator": one.creator,
        "status": one.status,
        "created_at": one.created_at,
    })
}

fn source(run: &Run, listed: &HashSet<DeliveryId>) -> Source {
    if listed.contains(&run.delivery) {
        Source::Listing
    } else {
        Source::Webhook
    }
}

/// One run for a script.
#[must_use]
pub fn as_value(run: &Run, source: Source) -> serde_json::Value {
    json!({
        "id": run.id,
        "state": run.state,
        "app": run.order.as_ref().map(|order| &order.app),
        "repository": run.repository,
        "environment": run.environment,
        "ref": run.git_ref,
        "sha": run.sha,
        "task": run.task,
        "deployment": run.deployment,
        "delivery": run.delivery,
        "source": source,
        "requester": run.requester,
        "reason": run.reason,
        "attempts": run.attempts,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    })
}
