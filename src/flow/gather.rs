//! Collects every fact a decision needs, and no other. Reads only.

use crate::domain::deployment::{Deployment, Order};
use crate::domain::run::LaneKey;
use crate::flow::engine::Engine;
use crate::flow::history;
use crate::policy::facts::{Contexts, Facts, History, LaneFacts, LockFacts, Waiting};
use crate::policy::needs::needs;
use crate::policy::rules::{LaneOrder, Rules};
use crate::store::error::StoreError;
use crate::store::runs::{LaneContents, SeenLane};

/// The facts of a decision, and the lane as it was when they were gathered.
#[derive(Debug)]
pub struct Gathered {
    /// What the decision reads.
    pub facts: Facts,
    /// What must still be true when the decision is written; none where it does not depend on a lane.
    pub seen: Option<SeenLane>,
}

/// The facts about a deployment. What GitHub cannot tell is a fact too: the policy holds then.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn gather(engine: &Engine, deployment: &Deployment, rules: &Rules) -> Result<Gathered, StoreError> {
    let needs = needs(deployment, rules);
    let contexts = match &needs.order {
        Some(order) if needs.contexts => {
            // boxed: the client's futures are large, and most decisions do not need them
            match Box::pin(
                engine
                    .github
                    .contexts(&deployment.repository, deployment.installation, &order.sha),
            )
            .await
            {
                Ok(contexts) => Contexts::Gathered(contexts),
                Err(error) => {
                    tracing::warn!(
                        deployment.id = %deployment.id,
                        repository = deployment.repository,
                        error = %error,
                        "cannot read the required contexts; the deployment is held"
                    );
                    Contexts::Unavailable {
                        detail: error.to_string(),
                    }
                }
            }
        }
        Some(_) | None => Contexts::NotNeeded,
    };
    let mut gathered = Gathered {
        facts: Facts {
            now: engine.now(),
            contexts,
            lane: LaneFacts::default(),
            history: History::NotNeeded,
            lock: None,
        },
        seen: match &needs.order {
            Some(order) if needs.lane => Some(SeenLane {
                lane: LaneKey::new(
                    &deployment.host,
                    deployment.repository_id,
                    &order.environment,
                    order.noop,
                ),
                place: (!order.noop).then(|| order.place()),
                contents: LaneContents::default(),
            }),
            Some(_) | None => None,
        },
    };
    look_at_lane(engine, deployment, rules, &mut gathered).await?;
    Ok(gathered)
}

/// Looks at the lane and its lock alone, for the first time or because it has moved.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn look_at_lane(
    engine: &Engine,
    deployment: &Deployment,
    rules: &Rules,
    gathered: &mut Gathered,
) -> Result<(), StoreError> {
    let Some(seen) = &mut gathered.seen else {
        return Ok(());
    };
    seen.contents = engine.store.lane(&seen.lane, seen.place.as_ref()).await?;
    let contents = seen.contents.clone();
    if let History::Gathered(missed) = &mut gathered.facts.history {
        missed.newer_here = history::newer_here(engine, deployment, &seen.lane).await?;
    }
    gathered.facts.lock = match contents.lock {
        Some(lock) => {
            let (sha, id) = (&deployment.sha, deployment.id);
            let automatic = engine.store.asked_by_itself(&lock.place, sha, id).await?;
            Some(LockFacts { lock, automatic })
        }
        None => None,
    };
    // a newer deployment of a `latest` lane takes the place of held ones too; in a `fifo` lane they take no place
    let held = match needs(deployment, rules).order {
        Some(order) if !order.noop && latest(rules, &order) => contents.held,
        Some(_) | None => Vec::new(),
    };
    gathered.facts.lane = LaneFacts {
        active: contents.active,
        waiting: contents
            .queued
            .into_iter()
            .chain(held)
            .filter(|(_, id, _)| *id != deployment.id)
            .map(|(run, deployment, requested_at)| Waiting {
                run,
                deployment,
                requested_at,
            })
            .collect(),
        newest: contents.newest.filter(|(id, _)| *id != deployment.id),
    };
    Ok(())
}

fn latest(rules: &Rules, order: &Order) -> bool {
    rules
        .apps
        .iter()
        .flat_map(|app| &app.environments)
        .any(|environment| environment.name == order.environment && environment.lane == LaneOrder::Latest)
}
