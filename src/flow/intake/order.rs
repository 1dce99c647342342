//! The order in which deployments that arrived together are decided on, and what must be known of those that came late.

use std::cmp::Reverse;

use crate::domain::clock::Timestamp;
use crate::domain::ids::DeploymentId;
use crate::flow::engine::Engine;
use crate::flow::history::{self, Late, Lateness, Unknown};
use crate::flow::intake::{Open, put_off, wait_for_github};
use crate::policy::facts::History;

/// GitHub's order, and then those that were missed: of them the newest first, because it may make the others pointless. Those of
/// which nobody can tell now what became of them are left for later.
pub(super) async fn in_order(engine: &Engine, open: Vec<Open>) -> Vec<Open> {
    let (mut ordered, others): (Vec<Open>, Vec<Open>) =
        open.into_iter().partition(|one| one.lateness == Lateness::Delivered);
    let (mut missed, found): (Vec<Open>, Vec<Open>) = look_back(engine, others)
        .await
        .into_iter()
        .partition(|one| one.lateness == Lateness::Missed);
    ordered.extend(found);
    ordered.sort_by_key(age);
    missed.sort_by_key(|one| Reverse(age(one)));
    ordered.extend(missed);
    ordered
}

fn age(open: &Open) -> (Timestamp, DeploymentId) {
    (open.deployment.created_at, open.deployment.id)
}

/// Finds out what became of deployments before they came. Those of which nobody can tell now are left for later.
async fn look_back(engine: &Engine, late: Vec<Open>) -> Vec<Open> {
    if late.is_empty() {
        return late;
    }
    let asked: Vec<Late<'_>> = late
        .iter()
        .map(|one| Late {
            deployment: &one.deployment,
            came_at: one.came_at,
            lateness: one.lateness,
        })
        .collect();
    // boxed: the client's futures are large
    let found = Box::pin(history::look_back(engine, &asked)).await;
    let mut known = Vec::with_capacity(late.len());
    for (mut one, found) in late.into_iter().zip(found) {
        match found {
            Ok(missed) => {
                one.gathered.facts.history = History::Gathered(missed);
                known.push(one);
            }
            Err(Unknown::Ledger(error)) => put_off(engine, one.delivery, &error).await,
            Err(Unknown::GitHub(error)) => {
                let waits = wait_for_github(engine, one.delivery, "what became of it", &error);
                if let Err(error) = waits.await {
                    put_off(engine, one.delivery, &error).await;
                }
            }
        }
    }
    known
}
