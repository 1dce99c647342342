//! What needs a person: everything that will not go on, or come right, by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::run::{Run, RunState};
use crate::flow::view::Look;
use crate::flow::view::board::{AppView, Board, EnvironmentView};
use crate::flow::view::lock::LockView;
use crate::flow::view::run::RunView;
use crate::report::needs as words;
use crate::report::sentence::sentence_of;
use crate::store::error::StoreError;

/// More of one kind is not told.
const MOST: usize = 20;
/// A hold that lasts longer is somebody's business, whatever it waits for.
const LONG_HOLD: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// A lock that is older may have been forgotten.
const OLD_LOCK: chrono::TimeDelta = chrono::TimeDelta::days(1);
/// What went wrong with deliveries before that is over.
const LATE: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// Everything that needs a person, the most pressing first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Needs {
    /// One each.
    pub items: Vec<Need>,
}

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    /// What it is: `manual_step`, `failed`, `held`, `old_lock`, `undelivered` or `unread`.
    pub kind: String,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Why, and what to do next.
    pub text: String,
    /// The run that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Everything that needs a person, of what is seen. The board is what [`crate::flow::view::board::board`] made of the same look.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn needs(look: &Look<'_>, board: &Board) -> Result<Needs, StoreError> {
    let mut items = Vec::new();
    manual_steps(look, &mut items).await?;
    failed(look, board, &mut items).await?;
    held(look, &mut items).await?;
    old_locks(look, board, &mut items);
    if look.viewer.sees_everything() {
        faults(look, &mut items).await?;
    }
    Ok(Needs { items })
}

async fn manual_steps(look: &Look<'_>, items: &mut Vec<Need>) -> Result<(), StoreError> {
    let all = look.store.with_instructions().await?;
    let waiting = all
        .iter()
        .filter(|run| run.waits_for_person().is_some() && look.viewer.sees_run(run));
    items.extend(waiting.take(MOST).map(|run| of_run("manual_step", run, run.started_at)));
    Ok(())
}

/// Environments in which the last that was tried went wrong. What was refused or stopped was not tried.
async fn failed(look: &Look<'_>, board: &Board, items: &mut Vec<Need>) -> Result<(), StoreError> {
    for app in &board.apps {
        for place in &app.environments {
            let Some(tried) = gone_wrong(look, app, place).await? else {
                continue;
            };
            items.push(Need {
                kind: "failed".to_owned(),
                app: Some(app.app.clone()),
                environment: Some(place.environment.clone()),
                text: tried.summary,
                since: tried.finished_at,
                run: Some(tried.id),
            });
        }
    }
    Ok(())
}

/// What was last tried in an environment, where that went wrong and nothing came right since.
async fn gone_wrong(look: &Look<'_>, app: &AppView, place: &EnvironmentView) -> Result<Option<RunView>, StoreError> {
    let Some(last) = &place.last else {
        return Ok(None);
    };
    let tried = if is_bad(&last.state) {
        Some(last.clone())
    } else {
        let Some((app, environment)) = look.environment(&app.app, &place.environment) else {
            return Ok(None);
        };
        let tried = look.store.last_tried_at(look.at(app, environment)).await?;
        tried.map(|listed| RunView::of(look.config, &listed))
    };
    let over = |run: &RunView| run.finished_at.unwrap_or(run.created_at);
    Ok(tried.filter(|tried| {
        let mended = place
            .current
            .as_ref()
            .is_some_and(|current| over(current) > over(tried));
        is_bad(&tried.state) && !mended
    }))
}

/// Whether a run that ended so leaves something to mend.
#[must_use]
pub fn is_bad(state: &str) -> bool {
    [RunState::Failed, RunState::Errored, RunState::Interrupted]
        .iter()
        .any(|bad| bad.as_str() == state)
}

async fn held(look: &Look<'_>, items: &mut Vec<Need>) -> Result<(), StoreError> {
    let all = look.store.first_held(500).await?;
    let stuck = all.iter().filter(|run| look.viewer.sees_run(run)).filter(|run| {
        let locked = run.reason.as_ref().is_some_and(|reason| reason.code() == "locked");
        locked || look.now - run.created_at >= LONG_HOLD
    });
    items.extend(stuck.take(MOST).map(|run| of_run("held", run, Some(run.created_at))));
    Ok(())
}

fn of_run(kind: &str, run: &Run, since: Option<Timestamp>) -> Need {
    Need {
        kind: kind.to_owned(),
        app: run.order.as_ref().map(|order| order.app.to_string()),
        environment: Some(run.environment.clone()),
        text: sentence_of(run).unwrap_or_default(),
        run: Some(run.id.to_string()),
        since,
    }
}

fn of_lock(lock: &LockView) -> Need {
    Need {
        kind: "old_lock".to_owned(),
        app: Some(lock.app.clone()),
        environment: Some(lock.environment.clone()),
        text: lock.text.clone(),
        run: None,
        since: Some(lock.since),
    }
}

fn old_locks(look: &Look<'_>, board: &Board, items: &mut Vec<Need>) {
    let all = board.apps.iter().flat_map(|app| &app.environments);
    let held = all.filter_map(|place| place.lock.as_ref());
    let old = held.filter(|lock| look.now - lock.since >= OLD_LOCK);
    items.extend(old.take(MOST).map(of_lock));
}

/// What concerns no app alone.
async fn faults(look: &Look<'_>, items: &mut Vec<Need>) -> Result<(), StoreError> {
    let faults = look.store.faults(look.now - LATE).await?;
    let plain = |kind: &str, text: String| Need {
        kind: kind.to_owned(),
        app: None,
        environment: None,
        text,
        run: None,
        since: None,
    };
    if faults.dead > 0 {
        items.push(plain("undelivered", words::undelivered(faults.dead)));
    }
    if faults.parked > 0 {
        items.push(plain("unread", words::parked(faults.parked)));
    }
    if faults.malformed > 0 {
        items.push(plain("unread", words::malformed(faults.malformed)));
    }
    Ok(())
}
