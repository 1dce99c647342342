//! `chima decide` and `chima replay`: what was decided about a delivery, and deciding it again.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::audit::By;
use crate::domain::clock::Timestamp;
use crate::domain::delivery::Disposition;
use crate::flow::replay::{self, Comparison};
use crate::report::sentence::sentence;
use crate::store::Store;
use crate::store::deliveries::Delivery;

/// A delivery by our id or GitHub's GUID.
///
/// # Errors
///
/// When there is none.
pub async fn find(store: &Store, id: &str) -> anyhow::Result<Delivery> {
    store.find_delivery(id).await?.ok_or_else(|| {
        anyhow::anyhow!(
            "no delivery `{id}` in `{}`; ids are shown by the log and on GitHub's hook page",
            store.path().display()
        )
    })
}

/// Decides a stored delivery again from its stored facts. Returns the text, and whether the same came out.
///
/// # Errors
///
/// When there is nothing to decide.
pub async fn decide(store: &Store, id: &str, as_json: bool) -> anyhow::Result<(String, bool)> {
    let delivery = find(store, id).await?;
    let comparisons = replay::decide_again(store, &delivery).await?;
    let agree = comparisons.iter().all(Comparison::agrees);
    let mut text = String::new();
    for comparison in &comparisons {
        if as_json {
            let line = json!({
                "delivery": delivery.id,
                "run": comparison.stored.run,
                "decided_at": comparison.stored.evidence.at,
                "config_digest": comparison.stored.evidence.config_digest,
                "facts": comparison.facts,
                "rules": comparison.rules,
                "stored": comparison.then,
                "again": comparison.now,
                "agrees": comparison.agrees(),
            });
            writeln!(text, "{line}")?;
        } else {
            text.push_str(&told(comparison)?);
        }
    }
    Ok((text, agree))
}

fn told(comparison: &Comparison) -> anyhow::Result<String> {
    let mut text = String::new();
    let at = comparison.stored.evidence.at.format("%Y-%m-%d %H:%M:%S UTC");
    let run = comparison
        .stored
        .run
        .map(|run| format!(", run {run}"))
        .unwrap_or_default();
    writeln!(text, "{at}: {}{run}", comparison.then.verdict.as_str())?;
    for reason in &comparison.then.reasons {
        writeln!(text, "  {}: {}", reason.code(), sentence(reason))?;
    }
    for check in &comparison.then.checks {
        let (verdict, name) = (check.verdict.as_str(), check.name.as_str());
        if check.found.is_empty() && check.wanted.is_empty() {
            writeln!(text, "  {verdict:<9} {name}")?;
        } else {
            writeln!(
                text,
                "  {verdict:<9} {name:<18} found {}, wanted {}",
                check.found, check.wanted
            )?;
        }
    }
    if comparison.agrees() {
        writeln!(text, "  decided again from the stored facts: the same")?;
    } else {
        writeln!(
            text,
            "  decided again from the stored facts: {}",
            comparison.now.verdict.as_str()
        )?;
        for reason in &comparison.now.reasons {
            writeln!(text, "    {}: {}", reason.code(), sentence(reason))?;
        }
    }
    Ok(text)
}

/// Puts a stored delivery before the door again; a running server takes it up within a second.
///
/// # Errors
///
/// When there is none.
pub async fn replay(store: &Store, id: &str, by: By, now: Timestamp) -> anyhow::Result<String> {
    let delivery = find(store, id).await?;
    if delivery.disposition == Disposition::Received {
        return Ok(format!(
            "delivery `{}` is waiting to be worked on already; is a server running?\n",
            delivery.id
        ));
    }
    if delivery.body.is_empty() {
        anyhow::bail!(
            "nothing is left of delivery `{}` but that it came: its bytes were removed after the time that `retention.deliveries_days` \
             keeps them",
            delivery.id
        );
    }
    if store.reopen_delivery(delivery.id, by, now).await? {
        return Ok(format!(
            "delivery `{}` was `{}` and is now before the door again; a running server takes it up within a second\n",
            delivery.id,
            delivery.disposition.as_str()
        ));
    }
    let decisions = store.decisions(&delivery.id.to_string()).await?;
    let run = decisions.iter().find_map(|decision| decision.run);
    Ok(format!(
        "delivery `{}` has had its effect{}; a deployment runs once. To deploy again, create a new deployment\n",
        delivery.id,
        run.map(|run| format!(" (run {run})")).unwrap_or_default()
    ))
}
