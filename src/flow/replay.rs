//! Deciding again: from stored facts, to see that the same comes out; or anew, for a delivery that had no effect.

use serde::de::DeserializeOwned;

use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::flow::intake::read;
use crate::policy::decide::decide;
use crate::policy::decision::{Check, Decision};
use crate::policy::facts::Facts;
use crate::policy::rules::Rules;
use crate::store::Store;
use crate::store::decisions::StoredDecision;
use crate::store::deliveries::Delivery;

/// A stored decision beside the one that its stored facts and rules give now.
#[derive(Debug)]
pub struct Comparison {
    /// As stored.
    pub stored: StoredDecision,
    /// The stored facts.
    pub facts: Facts,
    /// The stored rules.
    pub rules: Rules,
    /// The stored decision.
    pub then: Decision,
    /// The decision of this version from the same facts and rules.
    pub now: Decision,
}

impl Comparison {
    /// Whether the same came out.
    #[must_use]
    pub fn agrees(&self) -> bool {
        // a check that is younger than the decision could not be made then
        let known = |check: &Check| self.then.checks.iter().any(|then| then.name == check.name);
        let mut now = self.now.clone();
        now.checks.retain(known);
        self.then == now
    }
}

/// Decides a delivery again from everything that was stored with its decisions.
///
/// # Errors
///
/// When the delivery is no deployment, was never decided, or its evidence cannot be read by this version.
pub async fn decide_again(store: &Store, delivery: &Delivery) -> anyhow::Result<Vec<Comparison>> {
    let told = deployment(delivery)?;
    // the one that was decided on carries the configured name of its repository, which may be an old one
    let accepted = store
        .accepted_deployment(&told.host, told.repository_id, told.id)
        .await?;
    let deployment = accepted.unwrap_or(told);
    let stored = store.decisions(&delivery.id.to_string()).await?;
    if stored.is_empty() {
        anyhow::bail!(
            "delivery `{}` was never decided: it is `{}`{}",
            delivery.id,
            delivery.disposition.as_str(),
            delivery
                .detail
                .as_ref()
                .map(|detail| format!(" ({detail})"))
                .unwrap_or_default()
        );
    }
    stored
        .into_iter()
        .map(|stored| {
            let facts: Facts = evidence(&stored.evidence.facts, "facts")?;
            let rules: Rules = evidence(&stored.evidence.rules, "rules")?;
            let then: Decision = evidence(&stored.evidence.decision, "decision")?;
            let now = decide(&deployment, &facts, &rules);
            Ok(Comparison {
                stored,
                facts,
                rules,
                then,
                now,
            })
        })
        .collect()
}

/// The deployment a delivery asks for.
///
/// # Errors
///
/// When it asks for none.
pub fn deployment(delivery: &Delivery) -> anyhow::Result<Deployment> {
    match read(delivery).map_err(|detail| anyhow::anyhow!("delivery `{}` cannot be read: {detail}", delivery.id))? {
        Event::Deployment(deployment) => Ok(*deployment),
        Event::Changed(_)
        | Event::Comment(_)
        | Event::Reported(_)
        | Event::Protection(_)
        | Event::Access(_)
        | Event::Ping
        | Event::Unhandled { .. } => {
            anyhow::bail!(
                "delivery `{}` is a `{}` event; only a `deployment` is decided on",
                delivery.id,
                delivery.event
            )
        }
    }
}

fn evidence<T: DeserializeOwned>(json: &str, what: &str) -> anyhow::Result<T> {
    serde_json::from_str(json)
        .map_err(|error| anyhow::anyhow!("the stored {what} cannot be read by this version of Chima: {error}"))
}
