//! What runs and waits, why each waits, and when it probably begins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::estimate::{Before, Estimate, until_free};
use crate::domain::run::RunState;
use crate::flow::view::run::RunView;
use crate::flow::view::{Look, Page, Why};
use crate::report::queue::{self as words, Waits};
use crate::report::watch::on_its_way;
use crate::store::error::StoreError;
use crate::store::history::Listed;
use crate::store::open::Open;
use crate::store::reading::At;

/// The queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// What runs and waits, in the order in which it was asked for.
    #[serde(flatten)]
    pub page: Page<QueueEntry>,
    /// What GitHub was asked for and has not delivered yet.
    pub on_its_way: Vec<AskedView>,
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueEntry {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// Why it waits; absent where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Why>,
    /// Place in its lane: 1 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// When it probably begins; absent where history does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<Timestamp>,
    /// How long its like take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_seconds: Option<i64>,
}

/// A deployment that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedView {
    /// GitHub's number of it.
    pub deployment: u64,
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// Branch, tag or SHA.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The full commit id.
    pub sha: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In words.
    pub text: String,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Which<'a> {
    /// Of this app.
    pub app: Option<&'a str>,
    /// In this environment.
    pub environment: Option<&'a str>,
    /// Behind this one.
    pub after: Option<(i64, u64)>,
}

/// Where it stands in its lane.
#[derive(Debug, Clone, Copy)]
struct Standing {
    position: Option<u32>,
    wait: Option<TimeDelta>,
    busy: bool,
}

/// The queue, a page of it.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn queue(look: &Look<'_>, which: Which<'_>, size: u32) -> Result<Queue, StoreError> {
    let open = look.store.open_in_short().await?;
    let mut standings = standings(look, &open).await?;
    let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(found));
    let sees = |app: Option<&str>| app.map_or(look.viewer.sees_everything(), |app| look.viewer.sees(app));
    let mut shown: Vec<(&Open, (Standing, Option<Estimate>))> = open
        .iter()
        .zip(standings.drain(..))
        .filter(|(one, _)| sees(one.app.as_deref()))
        .filter(|(one, _)| which.app.is_none() || is(which.app, one.app.as_deref().unwrap_or_default()))
        .filter(|(one, _)| is(which.environment, &one.environment))
        .filter(|(one, _)| which.after.is_none_or(|after| key(one) > after))
        .collect();
    let most = usize::try_from(size).unwrap_or(usize::MAX);
    let more = shown.len() > most;
    shown.truncate(most);
    let ids: Vec<_> = shown.iter().map(|(one, _)| one.id).collect();
    let whole = look.store.listed_among_runs(&ids).await?;
    let mut whole: HashMap<_, Listed> = whole.into_iter().map(|one| (one.run.id, one)).collect();
    let next = shown.last().filter(|_| more).map(|(one, _)| cursor(key(one)));
    let items = shown
        .into_iter()
        .filter_map(|(one, standing)| Some(entry(look, &whole.remove(&one.id)?, standing)))
        .collect();
    let asked = look.store.asked_deployments().await?;
    let on_its_way = asked
        .iter()
        .filter(|one| look.viewer.sees(&one.app) && is(which.app, &one.app) && is(which.environment, &one.environment))
        .map(|one| AskedView {
            deployment: one.id.0,
            app: one.app.clone(),
            environment: one.environment.clone(),
            git_ref: one.git_ref.clone(),
            sha: one.sha.clone(),
            by: one.by.clone(),
            at: one.at,
            text: on_its_way(one, one.said_at.unwrap_or(one.at)),
        })
        .collect();
    Ok(Queue {
        page: Page { items, next },
        on_its_way,
    })
}

/// Where the next page begins.
fn key(one: &Open) -> (i64, u64) {
    (one.requested_at.timestamp_millis(), one.deployment.0)
}

fn cursor((at, deployment): (i64, u64)) -> String {
    format!("{at}-{deployment}")
}

/// Reads a cursor back.
#[must_use]
pub fn read_cursor(text: &str) -> Option<(i64, u64)> {
    let (at, deployment) = text.split_once('-')?;
    Some((at.parse().ok()?, deployment.parse().ok()?))
}

/// One pass over all of it: what comes before each in its lane, and how long that takes.
async fn standings(look: &Look<'_>, open: &[Open]) -> Result<Vec<(Standing, Option<Estimate>)>, StoreError> {
    let mut estimates: HashMap<(&str, String, &str), Option<Estimate>> = HashMap::new();
    for one in open {
        let key = (
            one.repository.as_str(),
            one.environment.to_ascii_lowercase(),
            one.task.as_str(),
        );
        if let Entry::Vacant(unknown) = estimates.entry(key) {
            let at = At {
                host: &one.host,
                repository: &one.repository,
                environment: &one.environment,
            };
            unknown.insert(Estimate::of(look.store.durations_of(at, &one.task).await?));
        }
    }
    let estimate = |one: &Open| {
        let key = (
            one.repository.as_str(),
            one.environment.to_ascii_lowercase(),
            one.task.as_str(),
        );
        estimates.get(&key).copied().flatten()
    };
    // what runs comes first, whenever it was asked for
    let mut lanes: HashMap<&str, (u32, bool, Option<TimeDelta>)> = HashMap::new();
    for one in open.iter().filter(|one| one.state == RunState::Running) {
        let worked = one.started_at.map_or(TimeDelta::zero(), |since| look.now - since);
        let left = until_free(&[Before {
            estimate: estimate(one),
            worked,
        }]);
        lanes.insert(one.lane.as_deref().unwrap_or_default(), (0, true, left));
    }
    Ok(open
        .iter()
        .map(|one| {
            let own = estimate(one);
            let mut standing = Standing {
                position: None,
                wait: None,
                busy: false,
            };
            if one.state == RunState::Queued {
                let lane =
                    lanes
                        .entry(one.lane.as_deref().unwrap_or_default())
                        .or_insert((0, false, Some(TimeDelta::zero())));
                lane.0 += 1;
                let first_of_idle = lane.0 == 1 && !lane.1;
                standing = Standing {
                    position: Some(lane.0),
                    wait: lane.2.filter(|_| !first_of_idle),
                    busy: lane.1,
                };
                lane.2 = lane.2.zip(own).and_then(|(sum, own)| sum.checked_add(&own.usual));
            }
            (standing, own)
        })
        .collect())
}

fn entry(look: &Look<'_>, listed: &Listed, (standing, estimate): (Standing, Option<Estimate>)) -> QueueEntry {
    let run = &listed.run;
    let Waits { code, text } = words::waits_for(run, standing.position, standing.busy);
    QueueEntry {
        waits_for: (run.state != RunState::Running).then(|| Why {
            code: code.to_owned(),
            text,
        }),
        position: standing.position,
        begins_at: standing.wait.map(|wait| look.now + wait),
        usual_seconds: estimate.map(|estimate| estimate.usual.num_seconds()),
        run: RunView::of(look.config, listed),
    }
}
