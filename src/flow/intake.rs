//! Works on stored deliveries: parse, gather, decide, enqueue.

mod order;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::access::{NamedRepository, Standing};
use crate::domain::clock::Timestamp;
use crate::domain::delivery::Disposition;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::reason::Reason;
use crate::domain::run::RunState;
use crate::flow::announce::announce;
use crate::flow::decided::{displaced, evidence, new_run, place};
use crate::flow::engine::Engine;
use crate::flow::foreign;
use crate::flow::gather::{Gathered, gather, look_at_lane};
use crate::flow::history::{self, Lateness};
use crate::flow::lock::changed;
use crate::flow::repositories::{self, refusal, standing};
use crate::flow::rules::rules_for;
use crate::flow::traces::told::{self, Times};
use crate::flow::{auto_deploy, comment, drift};
use crate::github::call::CallError;
use crate::policy::decide::decide;
use crate::policy::decision::Decision;
use crate::policy::needs::needs;
use crate::policy::rules::Rules;
use crate::store::decisions::{Evidence, Recorded};
use crate::store::deliveries::Delivery;
use crate::store::error::StoreError;
use crate::store::runs::LISTED;
use crate::webhook::headers::RawHeaders;
use crate::webhook::{body, parse};

/// Repositories, and deliveries of one, worked on at once.
const AT_ONCE: usize = 8;
const BATCH: u32 = 64;
const TICK: Duration = Duration::from_secs(1);
/// The longest that one step waits for deliveries that come in a rush: they are stored first, and decided on soon after.
const GIVE_WAY: Duration = Duration::from_millis(100);
/// After GitHub did not say what the decision cannot do without.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Works on deliveries until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        give_way(&engine).await;
        let worked = match step(&engine).await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::error!(error = %error, "cannot work on deliveries");
                0
            }
        };
        if worked == 0 {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.deliveries.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

/// GitHub waits for its answers and nobody waits for a decision that long: while deliveries queue up to be stored, they go
/// first, within a limit.
async fn give_way(engine: &Engine) {
    let deadline = tokio::time::Instant::now() + GIVE_WAY;
    while engine.store.is_rushed() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A deployment that can be decided on.
#[derive(Debug)]
struct Open {
    delivery: DeliveryId,
    came_at: Timestamp,
    lateness: Lateness,
    deployment: Box<Deployment>,
    rules: Rules,
    gathered: Gathered,
    times: Times,
}

/// Works on every delivery that is due, once. Returns how many there were.
///
/// Repositories side by side: a slow answer of GitHub about one holds up no other. What arrived together about one
/// repository is decided in GitHub's order, or the newer of two deployments could be under way before the older has a
/// place in the lane.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    let due = engine.store.open_deliveries(engine.now(), BATCH).await?;
    let mut repositories: BTreeMap<Option<u64>, Vec<DeliveryId>> = BTreeMap::new();
    for delivery in &due {
        repositories
            .entry(delivery.repository_id)
            .or_default()
            .push(delivery.id);
    }
    stream::iter(repositories.into_values())
        .for_each_concurrent(AT_ONCE, |deliveries| settle(engine, deliveries))
        .await;
    Ok(due.len())
}

/// Works on deliveries of one repository; a fault of ours puts one off.
async fn settle(engine: &Engine, deliveries: Vec<DeliveryId>) {
    let examined: Vec<(DeliveryId, Result<Option<Open>, StoreError>)> = stream::iter(deliveries)
        .map(|id| async move { (id, Box::pin(examine(engine, id)).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut open = Vec::new();
    for (id, examined) in examined {
        match examined {
            Ok(found) => open.extend(found),
            Err(error) => put_off(engine, id, &error).await,
        }
    }
    let open = order::in_order(engine, open).await;
    let mut ignored = Vec::new();
    for one in open {
        let id = one.delivery;
        if let Err(error) = decide_on(engine, one, &mut ignored).await {
            put_off(engine, id, &error).await;
        }
    }
    if let Err(error) = engine.store.record_ignored(&ignored).await {
        for (id, _) in &ignored {
            put_off(engine, *id, &error).await;
        }
    }
}

/// Leaves a delivery for later, because GitHub does not say what the decision cannot do without. Only a refusal counts against
/// the delivery: it may be one for ever.
async fn wait_for_github(engine: &Engine, id: DeliveryId, what: &str, error: &CallError) -> Result<(), StoreError> {
    let detail = format!("cannot tell {what}: {error}");
    tracing::warn!(delivery.id = %id, error = detail, "a delivery is put off");
    let now = engine.now();
    if error.is_transient() {
        let pause = error.wait().unwrap_or(ASK_AGAIN);
        return engine.store.let_wait(id, &detail, now + pause).await;
    }
    engine.store.postpone_delivery(id, &detail, now).await
}

async fn put_off(engine: &Engine, id: DeliveryId, error: &StoreError) {
    tracing::error!(delivery.id = %id, error = %error, "cannot work on a delivery; it is put off");
    if let Err(error) = engine
        .store
        .postpone_delivery(id, &error.to_string(), engine.now())
        .await
    {
        tracing::error!(delivery.id = %id, error = %error, "cannot put a delivery off; it stays due");
        tokio::time::sleep(TICK).await;
    }
}

/// Reads a stored delivery, and does what it asks for unless that takes a decision. For a deployment, gathers the facts.
async fn examine(engine: &Engine, id: DeliveryId) -> Result<Option<Open>, StoreError> {
    let began = engine.now();
    let Some(delivery) = engine.store.find_delivery(&id.to_string()).await? else {
        return Ok(None);
    };
    let settle = async |disposition: Disposition, detail: Option<&str>| {
        let now = engine.now();
        engine.store.settle_delivery(id, disposition, detail, now).await
    };
    let event = match read(&delivery) {
        Ok(event) => event,
        Err(detail) => {
            tracing::warn!(delivery.id = %id, event.name = delivery.event, error = detail, "cannot read a delivery");
            settle(Disposition::Malformed, Some(&detail)).await?;
            return Ok(None);
        }
    };
    match event {
        Event::Deployment(mut deployment) => {
            match standing(engine, &named(&deployment)).await? {
                Standing::Configured(name) => deployment.repository = name,
                Standing::Replaced { meant, now } => {
                    let detail = refusal(&named(&deployment), meant, &now);
                    settle(Disposition::Ignored, Some(&detail)).await?;
                    return Ok(None);
                }
                Standing::Unknown => {}
            }
            let gather_began = engine.now();
            let rules = match rules_for(engine, &deployment).await {
                Ok(rules) => rules,
                Err(error) => {
                    wait_for_github(engine, id, "whether our own App made it", &error).await?;
                    return Ok(None);
                }
            };
            let gathered = gather(engine, &deployment, &rules).await?;
            let now = engine.now();
            return Ok(Some(Open {
                times: Times {
                    began,
                    gather: gather_began,
                    gathered: now,
                    decide: now,
                },
                delivery: id,
                came_at: delivery.received_at,
                lateness: if needs(&deployment, &rules).history {
                    history::lateness(engine, &delivery, &deployment)
                } else {
                    // somebody else's, whenever it came
                    Lateness::Delivered
                },
                deployment,
                rules,
                gathered,
            }));
        }
        Event::Changed(change) => {
            if let Some(name) = &change.repository {
                let seen = NamedRepository {
                    id: change.repository_id,
                    name: name.clone(),
                    installation: change.installation,
                };
                if let Standing::Configured(name) = standing(engine, &seen).await? {
                    drift::mark(engine, &name, &change).await?;
                }
            }
            let jobs = match &change.what {
                What::Contexts { sha } => {
                    let repository = change.repository_id.0;
                    engine.store.mark_requests(repository, sha, engine.now()).await?
                }
                What::Moved { .. } => 0,
            };
            if jobs > 0 {
                engine.protections.notify_one();
            }
            let held = match &change.what {
                What::Contexts { sha } => {
                    let repository = change.repository_id.0;
                    engine.store.recheck_commit(repository, sha, engine.now()).await?
                }
                What::Moved { .. } => 0,
            };
            let followed = auto_deploy::mark(engine, &change).await?;
            let detail = format!("{held} held runs of this commit, {followed} environments that follow this branch");
            settle(Disposition::Processed, Some(&detail)).await?;
            if held > 0 {
                engine.rechecks.notify_one();
            }
            if followed > 0 {
                engine.auto_deploys.notify_one();
            }
        }
        Event::Reported(mut reported) => {
            let (disposition, detail) = match standing(engine, &named(&reported.deployment)).await? {
                Standing::Configured(name) => {
                    reported.deployment.repository = name;
                    match foreign::note(engine, &reported).await? {
                        Some(detail) => (Disposition::Processed, detail),
                        None => (Disposition::Ignored, "our own status, coming back".to_owned()),
                    }
                }
                Standing::Replaced { meant, now } => {
                    (Disposition::Ignored, refusal(&named(&reported.deployment), meant, &now))
                }
                Standing::Unknown => (Disposition::Ignored, "not a configured repository".to_owned()),
            };
            settle(disposition, Some(&detail)).await?;
        }
        Event::Protection(mut request) => {
            match standing(engine, &named(&request.deployment)).await? {
                Standing::Configured(name) => request.deployment.repository = name,
                Standing::Replaced { meant, now } => {
                    let detail = refusal(&named(&request.deployment), meant, &now);
                    settle(Disposition::Ignored, Some(&detail)).await?;
                    return Ok(None);
                }
                // it is refused, or the job would wait for ever
                Standing::Unknown => {}
            }
            let fresh = engine
                .store
                .record_request(&engine.fresh_id(), id, &request, engine.now())
                .await?;
            let disposition = if fresh {
                Disposition::Processed
            } else {
                Disposition::Duplicate
            };
            settle(disposition, None).await?;
            engine.protections.notify_one();
        }
        Event::Access(access) => {
            let detail = repositories::note(engine, &access).await?;
            settle(Disposition::Processed, Some(&detail)).await?;
        }
        Event::Comment(mut said) => {
            let named = NamedRepository {
                id: said.repository_id,
                name: said.repository.clone(),
                installation: said.installation,
            };
            match standing(engine, &named).await? {
                Standing::Configured(name) => {
                    said.repository = name;
                    let detail = comment::take(engine, &said).await?;
                    settle(Disposition::Processed, Some(detail)).await?;
                }
                Standing::Replaced { meant, now } => {
                    settle(Disposition::Ignored, Some(&refusal(&named, meant, &now))).await?;
                }
                Standing::Unknown => {
                    settle(Disposition::Ignored, Some("not a configured repository")).await?;
                }
            }
        }
        Event::Ping => settle(Disposition::Ping, None).await?,
        Event::Unhandled { name } => {
            settle(
                Disposition::Unhandled,
                Some(&format!("`{name}` means nothing to Chima")),
            )
            .await?;
        }
    }
    Ok(None)
}

/// The repository of a deployment, as the delivery names it.
fn named(deployment: &Deployment) -> NamedRepository {
    NamedRepository {
        id: deployment.repository_id,
        name: deployment.repository.clone(),
        installation: deployment.installation,
    }
}

/// The typed reading of a stored delivery.
///
/// # Errors
///
/// What is wrong with it, for people.
pub fn read(delivery: &Delivery) -> Result<Event, String> {
    if delivery.body.is_empty() {
        return Err("its bytes were removed after the time that `retention.deliveries_days` keeps them".to_owned());
    }
    let headers = RawHeaders::from_iter(
        delivery
            .content_type
            .iter()
            .map(|value| ("content-type", value.as_bytes())),
    );
    let json = body::json(&headers, &delivery.body).map_err(|error| error.to_string())?;
    parse::parse(&delivery.event, &json, &delivery.host).map_err(|error| error.to_string())
}

/// Deployments that are not ours, written together at the end.
type Ignored = Vec<(DeliveryId, Evidence)>;

async fn decide_on(engine: &Engine, mut open: Open, ignored: &mut Ignored) -> Result<(), StoreError> {
    open.times.decide = engine.now();
    // others have been decided on since
    look_at_lane(engine, &open.deployment, &open.rules, &mut open.gathered).await?;
    while record(engine, &open, ignored).await? == Recorded::LaneMoved {
        look_at_lane(engine, &open.deployment, &open.rules, &mut open.gathered).await?;
    }
    give_way_further(engine, &mut open).await
}

/// Where more runs wait in a lane than one decision lists, the others give way too.
async fn give_way_further(engine: &Engine, open: &mut Open) -> Result<(), StoreError> {
    let full = |open: &Open| {
        let contents = open.gathered.seen.as_ref().map(|seen| &seen.contents);
        contents.is_some_and(|seen| seen.queued.len().max(seen.held.len()) >= LISTED)
    };
    while full(open) {
        look_at_lane(engine, &open.deployment, &open.rules, &mut open.gathered).await?;
        let facts = &open.gathered.facts;
        let decision = decide(&open.deployment, facts, &open.rules);
        let displaced = displaced(engine, &decision, &open.deployment).await?;
        if displaced.is_empty() {
            break;
        }
        engine.store.record_displaced(&displaced, engine.now()).await?;
        engine.outbox.notify_one();
    }
    Ok(())
}

/// Decides from what was gathered, and writes it down unless the lane has moved meanwhile.
async fn record(engine: &Engine, open: &Open, ignored: &mut Ignored) -> Result<Recorded, StoreError> {
    let Open {
        delivery,
        deployment,
        rules,
        gathered,
        times,
        came_at,
        ..
    } = open;
    let (delivery, facts) = (*delivery, &gathered.facts);
    let decision = decide(deployment, facts, rules);
    let evidence = evidence(engine, facts, rules, &decision);
    let Some(run) = new_run(engine, delivery, deployment, &decision, facts) else {
        told_of(delivery, deployment, &decision);
        told::decided(engine, deployment, &evidence.id, &decision, *times);
        told::ignored(engine, delivery, deployment, &decision, *came_at);
        if engine.config.apps_of(&deployment.repository).next().is_some() {
            foreign::keep(engine, deployment).await?;
        }
        ignored.push((delivery, evidence));
        return Ok(Recorded::Written);
    };
    let displaced = displaced(engine, &decision, deployment).await?;
    let place = place(engine, &decision).await?;
    let outgoing = announce(engine, &run, place.as_ref());
    let recorded = engine
        .store
        .record_run(
            deployment,
            &run,
            &evidence,
            gathered.seen.as_ref(),
            &displaced,
            &outgoing,
        )
        .await?;
    match &recorded {
        Recorded::Written => {
            told_of(delivery, deployment, &decision);
            told::decided(engine, deployment, &evidence.id, &decision, *times);
            engine.outbox.notify_one();
            if run.command.is_some() {
                changed(engine);
            }
            if run.state == RunState::Queued && decision.position <= 1 {
                ring(engine, run.id).await;
            }
        }
        Recorded::AlreadyRun(earlier) => {
            tracing::info!(delivery.id = %delivery, run.id = earlier.map(|run| run.to_string()), "the deployment has a run already");
        }
        Recorded::LaneMoved => tracing::debug!(delivery.id = %delivery, "the lane has moved; deciding again"),
    }
    Ok(recorded)
}

fn told_of(delivery: DeliveryId, deployment: &Deployment, decision: &Decision) {
    tracing::info!(
        delivery.id = %delivery,
        deployment.id = %deployment.id,
        repository = deployment.repository,
        environment = deployment.environment,
        verdict = decision.verdict.as_str(),
        reason = decision.reasons.first().map(Reason::code),
        "decided"
    );
}

/// Rings the doorbell for a run, which the ledger has marked as rung. A bell that cannot be rung is left to the sweep.
pub async fn ring(engine: &Engine, run: RunId) {
    if let Err(error) = engine.queue.ring(run).await {
        tracing::warn!(run.id = %run, error = %error, "cannot ring for a run now; the sweep will ring again");
        if let Err(error) = engine.store.mark_unrung(run).await {
            tracing::warn!(run.id = %run, error = %error, "cannot remember a bell that did not ring");
        }
    }
}
