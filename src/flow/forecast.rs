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

/// The open runs of one moment, and what is known of how long their like take.
#[derive(Debug)]
pub struct Forecast<'a> {
    store: &'a Store,
    now: Timestamp,
    /// In the order in which they were asked for.
    open: Vec<Run>,
    /// Those of them that are silent, and of which that was said.
    silences: HashMap<RunId, SaidSilence>,
    known: HashMap<(String, String, String), Option<Estimate>>,
}

impl<'a> Forecast<'a> {
    /// Looks at what is open.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn begin(store: &'a Store, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            store,
            now,
            open: store.open_runs().await?,
            silences: store.said_silences().await?,
            known: HashMap::new(),
        })
    }

    /// Every run that has not ended.
    #[must_use]
    pub fn open(&self) -> &[Run] {
        &self.open
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
            let (position, wait) = self.line(lane, |one| is_before(one, run)).await?;
            outlook.place = Some(Place { position, behind: None });
            outlook.wait = wait.filter(|_| position > 1 || self.runs_in(lane));
        }
        Ok(outlook)
    }

    /// The place in a lane behind whatever works there and those of the queued runs that come `before`: 1 is next. And how long
    /// it takes until it is free.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn line(
        &mut self,
        lane: &LaneKey,
        comes_before: impl Fn(&Run) -> bool,
    ) -> Result<(u32, Option<TimeDelta>), StoreError> {
        let mut before = Vec::new();
        let mut position = 1;
        let there = self.open.iter().filter(|one| one.lane.as_ref() == Some(lane));
        let there: Vec<Run> = there.cloned().collect();
        for one in there {
            if one.state == RunState::Queued && comes_before(&one) {
                position += 1;
            } else if one.state != RunState::Running {
                continue;
            }
            let worked = one.started_at.filter(|_| one.state == RunState::Running);
            before.push(Before {
                estimate: self.estimate_of(&one).await?,
                worked: worked.map_or(TimeDelta::zero(), |since| self.now - since),
            });
        }
        Ok((position, until_free(&before)))
    }

    /// Whether something works in a lane.
    #[must_use]
    pub fn runs_in(&self, lane: &LaneKey) -> bool {
        let mut open = self.open.iter();
        open.any(|one| one.state == RunState::Running && one.lane.as_ref() == Some(lane))
    }
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

fn is_before(one: &Run, run: &Run) -> bool {
    (one.requested_at, one.deployment) < (run.requested_at, run.deployment)
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
