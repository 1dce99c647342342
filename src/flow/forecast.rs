//! What can be said of runs that have not ended: where they stand, and how long it takes, as far as history tells.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::estimate::{Before, Estimate, until_free};
use crate::domain::ids::RunId;
use crate::domain::run::{LaneKey, Run, RunState};
use crate::domain::watch::SaidSilence;
use crate::report::outlook::{self, Outlook};
use crate::report::status::Place;
use crate::report::watch::without_output;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::reading::At;
use crate::store::runs::Age;

/// What is known at one moment of how long runs take. It looks at no more than it is asked about: any number of runs may wait.
#[derive(Debug)]
pub struct Forecast<'a> {
    store: &'a Store,
    now: Timestamp,
    /// Runs that are silent, and of which that was said.
    silences: HashMap<RunId, SaidSilence>,
    known: HashMap<(String, String, String), Option<Estimate>>,
}

impl<'a> Forecast<'a> {
    /// Begins.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn begin(store: &'a Store, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            store,
            now,
            silences: store.said_silences().await?,
            known: HashMap::new(),
        })
    }

    /// How long a task takes there.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn estimate(&mut self, at: At<'_>, task: &str) -> Result<Option<Estimate>, StoreError> {
        let key = (
            at.repository.to_ascii_lowercase(),
            at.environment.to_ascii_lowercase(),
            task.to_owned(),
        );
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let found = Estimate::of(self.store.durations_of(at, task).await?);
        self.known.insert(key, found);
        Ok(found)
    }

    /// How long a run's like take.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn estimate_of(&mut self, run: &Run) -> Result<Option<Estimate>, StoreError> {
        self.estimate(at_of(run), &run.task).await
    }

    /// All that can be said of a run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn outlook(&mut self, run: &Run) -> Result<Outlook, StoreError> {
        let mut outlook = Outlook::of(run.clone());
        if run.state.is_terminal() {
            return Ok(outlook);
        }
        outlook.estimate = self.estimate_of(run).await?;
        let silence = self.silences.get(&run.id).filter(|said| !said.over);
        outlook.noticed = silence.map(|said| without_output(self.now - said.heard_at));
        if run.state == RunState::Queued
            && let Some(lane) = &run.lane
        {
            let line = self.line(lane, Some((run.requested_at, run.deployment)), true).await?;
            outlook.place = Some(Place {
                position: line.position,
                behind: None,
            });
            outlook.wait = line.wait.filter(|_| line.position > 1 || line.works);
        }
        Ok(outlook)
    }

    /// The line of a lane before a deployment, or all of it. `waits`: those that are queued come first; else they give way.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn line(&mut self, lane: &LaneKey, before: Option<Age>, waits: bool) -> Result<Line, StoreError> {
        let (queued, works) = self.store.line_before(lane, before).await?;
        let mut wait = Some(TimeDelta::zero());
        let mut position = 1;
        if let Some(run) = &works {
            let worked = run.started_at.map_or(TimeDelta::zero(), |since| self.now - since);
            let estimate = self.estimate_of(run).await?;
            wait = until_free(&[Before { estimate, worked }]);
        }
        for (run, count) in queued.iter().filter(|_| waits) {
            let count = u32::try_from(*count).unwrap_or(u32::MAX);
            position = count.saturating_add(position);
            let one = until_free(&[Before {
                estimate: self.estimate_of(run).await?,
                worked: TimeDelta::zero(),
            }]);
            let all = one.and_then(|one| one.checked_mul(i32::try_from(count).ok()?));
            wait = wait.and_then(|wait| wait.checked_add(&all?));
        }
        Ok(Line {
            position,
            wait,
            works: works.is_some(),
        })
    }
}

/// A lane, from the point of view of a run that comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its place behind whatever works there and those that come before: 1 is next.
    pub position: u32,
    /// How long it takes until the lane is free for it, where that can be told.
    pub wait: Option<TimeDelta>,
    /// Whether something works there.
    pub works: bool,
}

/// How long a run's like take.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn estimate_of(store: &Store, run: &Run) -> Result<Option<Estimate>, StoreError> {
    Ok(Estimate::of(store.durations_of(at_of(run), &run.task).await?))
}

fn at_of(run: &Run) -> At<'_> {
    At {
        host: &run.host,
        repository: run.repository.as_str(),
        environment: &run.environment,
    }
}

/// What an environment runs after a run that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastGood {
    /// In words.
    pub says: String,
    /// The commit, where there is one and it is another.
    pub sha: Option<String>,
}

/// Looks that up; nothing where it goes without saying.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn last_good(store: &Store, run: &Run, now: Timestamp) -> Result<Option<LastGood>, StoreError> {
    if !run.state.is_terminal() || run.state == RunState::Succeeded {
        return Ok(None);
    }
    let current = store.successes_of(at_of(run), 1).await?.pop();
    let says = outlook::last_good(run, current.as_ref(), now);
    Ok(says.map(|says| LastGood {
        says,
        sha: current.map(|current| current.sha).filter(|sha| *sha != run.sha),
    }))
}
