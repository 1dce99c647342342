//! The deployment's place among the runs of its environment, and whether a newer one has made it pointless.
//!
//! GitHub delivers out of order, so its own time of each deployment decides what is newer, never the time of arrival.

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::reason::Reason;
use crate::policy::checks::Finding;
use crate::policy::decision::CheckName;
use crate::policy::facts::{LaneFacts, Waiting};
use crate::policy::rules::LaneOrder;

/// Where the run would stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// 1 is next.
    pub(crate) position: u32,
    /// The run directly before it.
    pub(crate) behind: Option<RunId>,
    /// Waiting runs that it makes pointless.
    pub(crate) supersedes: Vec<RunId>,
}

/// Age of a deployment: GitHub's times have whole seconds, its numbers break the tie.
type Age = (Timestamp, DeploymentId);

pub(crate) fn check(deployment: &Deployment, lane: &LaneFacts, order: LaneOrder) -> Finding<Place> {
    let own: Age = (deployment.created_at, deployment.id);
    // A decision made again finds its own run already waiting.
    let mut others: Vec<&Waiting> = lane
        .waiting
        .iter()
        .filter(|waiting| waiting.deployment != deployment.id)
        .collect();
    others.sort_by_key(|waiting| age(waiting));
    match order {
        LaneOrder::Fifo => {
            let ahead: Vec<&Waiting> = others.into_iter().filter(|waiting| age(waiting) < own).collect();
            let behind = ahead.last().map(|waiting| waiting.run).or(lane.active);
            let place = Place {
                position: position(lane, ahead.len()).saturating_add(lane.further),
                behind,
                supersedes: Vec::new(),
            };
            passed(lane, "its turn", place)
        }
        LaneOrder::Latest => match newest(lane, &others).filter(|newest| *newest > own) {
            Some((_, by)) => Finding::rejected(
                CheckName::Lane,
                format!("deployment {by} is newer"),
                "the newest deployment of the environment".to_owned(),
                Reason::Superseded { by },
            ),
            None => {
                let supersedes = others.iter().map(|waiting| waiting.run).collect();
                let place = Place {
                    position: position(lane, 0),
                    behind: lane.active,
                    supersedes,
                };
                passed(lane, "the newest deployment of the environment", place)
            }
        },
    }
}

fn age(waiting: &Waiting) -> Age {
    (waiting.requested_at, waiting.deployment)
}

fn newest(lane: &LaneFacts, others: &[&Waiting]) -> Option<Age> {
    let accepted = lane.newest.map(|(deployment, requested_at)| (requested_at, deployment));
    accepted.max(others.last().map(|waiting| age(waiting)))
}

fn position(lane: &LaneFacts, ahead: usize) -> u32 {
    let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
    ahead.saturating_add(1 + u32::from(lane.active.is_some()))
}

fn passed(lane: &LaneFacts, wanted: &str, place: Place) -> Finding<Place> {
    let active = if lane.active.is_some() {
        "one run is active"
    } else {
        "no run is active"
    };
    let found = format!("position {}, {active}", place.position);
    Finding::passed(CheckName::Lane, found, wanted.to_owned(), place)
}
