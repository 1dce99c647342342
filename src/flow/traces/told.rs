//! What each stage tells of itself when it is over. None of it can fail or wait: where there is no collector it does nothing, and what
//! the ledger cannot be asked for now is not told.

use crate::domain::clock::Timestamp;
use crate::domain::delivery::Disposition;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::reason::Reason;
use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::policy::decision::{Decision, Verdict};
use crate::provider::checkout::Spent;
use crate::report::trace::story::{self, Step};
use crate::report::trace::{Place, Span, TraceId, Value};
use crate::store::error::StoreError;
use crate::store::outbox::{Claimed, Kind};
use crate::store::runs::StepRecord;
use crate::webhook::envelope::effect_key;

/// A delivery of a deployment was stored, or was known already.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Of what.
    pub key: &'a str,
    /// Ours.
    pub delivery: DeliveryId,
    /// When it began to come.
    pub from: Timestamp,
    /// What became of it.
    pub disposition: Disposition,
    /// The delivery that it repeats.
    pub duplicate_of: Option<DeliveryId>,
    /// What was answered; nothing where it was found in GitHub's list, which nobody had sent.
    pub status: Option<u16>,
}

/// Tells that a delivery was received. What its sender says of traces of their own (`traceparent`) is not heeded: anybody may write there.
pub fn received(engine: &Engine, received: Received<'_>) {
    let Some(trace) = engine.trace_of(received.key) else {
        return;
    };
    let delivery = received.delivery.to_string();
    let which = delivery.clone();
    let place = match received.status {
        Some(_) => Place::Receive { delivery: which },
        None => Place::Found { delivery: which },
    };
    let span = Span::new(trace, place, received.from, engine.now())
        .with("delivery.id", delivery)
        .with("disposition", received.disposition.as_str())
        .with_some("http.response.status_code", received.status.map(u32::from))
        .with_some("duplicate_of", received.duplicate_of.map(|earlier| earlier.to_string()));
    engine.traces.put([span]);
}

/// When the parts of a decision began.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The look at the delivery, or at the held run.
    pub began: Timestamp,
    /// The reading of facts.
    pub gather: Timestamp,
    /// Its end.
    pub gathered: Timestamp,
    /// The decision.
    pub decide: Timestamp,
}

/// Tells that it was decided, and written down under the name of its evidence.
pub fn decided(engine: &Engine, deployment: &Deployment, evidence: &str, decision: &Decision, times: Times) {
    let Some(trace) = engine.trace_of(&key(deployment)) else {
        return;
    };
    let (now, evidence) = (engine.now(), evidence.to_owned());
    let codes: Option<Value> =
        (!decision.reasons.is_empty()).then(|| decision.reasons.iter().map(Reason::code).collect());
    let gather = Place::Gather {
        evidence: evidence.clone(),
    };
    let decide = Place::Decide {
        evidence: evidence.clone(),
    };
    engine.traces.put([
        Span::new(trace, gather, times.gather, times.gathered),
        Span::new(trace, decide, times.decide, now)
            .with("verdict", decision.verdict.as_str())
            .with_some("reasons", codes),
        Span::new(trace, Place::Intake { evidence }, times.began, now),
    ]);
}

/// Tells the whole of a deployment that is not ours: nothing follows.
pub fn ignored(engine: &Engine, delivery: DeliveryId, deployment: &Deployment, decision: &Decision, from: Timestamp) {
    let Some(trace) = engine.trace_of(&key(deployment)) else {
        return;
    };
    let span = Span::new(trace, Place::Deployment, from, engine.now())
        .with("deployment.id", deployment.id.0)
        .with("repository", deployment.repository.as_str())
        .with("environment", deployment.environment.as_str())
        .with("delivery.id", delivery.to_string())
        .with("state", Verdict::Ignore.as_str())
        .with_some("reason", decision.reasons.first().map(Reason::code));
    engine.traces.put([span]);
}

/// Tells that this process has taken a run.
pub fn claimed(engine: &Engine, run: &Run, from: Timestamp) {
    let Some(trace) = trace(engine, run) else {
        return;
    };
    let attempt = run.attempts;
    let span = Span::new(trace, Place::Claim { attempt }, from, engine.now()).with("fence", run.fence.0);
    engine.traces.put([span]);
}

/// Tells that a run is ready to start, or why it is not; and what its checkout took, where it has one.
pub fn prepared(
    engine: &Engine,
    run: &Run,
    (from, until): (Timestamp, Timestamp),
    checkout: Option<(Timestamp, Spent)>,
    trouble: Option<&'static str>,
) {
    let Some(trace) = trace(engine, run) else {
        return;
    };
    let attempt = run.attempts;
    let prepare = Span::new(trace, Place::Prepare { attempt }, from, until).trouble(trouble);
    let parts = checkout.into_iter().flat_map(|(at, spent)| {
        let here = at + spent.fetch.unwrap_or_default();
        let fetch = spent
            .fetch
            .map(|_| Span::new(trace, Place::Fetch { attempt }, at, here));
        let folder = Span::new(trace, Place::Checkout { attempt }, here, here + spent.checkout);
        fetch.into_iter().chain([folder])
    });
    engine.traces.put(parts.chain([prepare]));
}

/// Tells that an attempt is over, with its steps.
pub async fn attempted(engine: &Engine, run: &Run, steps: &[StepRecord]) {
    let Some(trace) = trace(engine, run) else {
        return;
    };
    let timeline = match engine.store.events(run.id).await {
        Ok(timeline) => timeline,
        Err(error) => return untold(run.id, &error),
    };
    let environment = run
        .order
        .as_ref()
        .map_or(run.environment.as_str(), |order| order.environment.as_str());
    let configured = engine.config.find(run.repository.as_str(), environment);
    let provider = configured.map(|(_, environment)| environment.provider.as_str());
    let steps: Vec<Step<'_>> = steps
        .iter()
        .map(|step| Step {
            name: &step.name,
            outcome: &step.outcome,
            from: step.started_at,
            until: step.finished_at,
        })
        .collect();
    let spans = story::attempt(trace, &timeline, run.attempts, &steps, provider, engine.now());
    engine.traces.put(spans);
}

/// What a try to send something came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It has arrived, or is not to be sent any more.
    Sent {
        /// What was answered, where that is known.
        status: Option<u16>,
    },
    /// It is tried again.
    Later,
    /// It never will arrive.
    GivenUp {
        /// What was answered, where anything was.
        status: Option<u16>,
    },
}

/// Tells that something has been said, or never will be. With the last status, the whole of the deployment is told, once: what is sent
/// again was given up before, and told then.
pub async fn reported(engine: &Engine, claimed: &Claimed, from: Timestamp, came: Came) {
    let (status, given_up) = match came {
        Came::Later => return,
        Came::Sent { status } => (status, false),
        Came::GivenUp { status } => (status, true),
    };
    if engine.collector.is_none() {
        return;
    }
    let Some(id) = claimed.outgoing.run else {
        return;
    };
    let run = match engine.store.find_run(id).await {
        Ok(Some(run)) => run,
        Ok(None) => return,
        Err(error) => return untold(id, &error),
    };
    let Some(trace) = trace(engine, &run) else {
        return;
    };
    // one that was given up, and is sent again, is told of again
    let row = format!("{}/{}", claimed.outgoing.id, claimed.attempts);
    let now = engine.now();
    let trouble = given_up.then_some("given_up");
    let status = status.map(u32::from);
    let send = Span::new(trace, Place::Send { row: row.clone() }, from, now)
        .with_some("http.response.status_code", status)
        .trouble(trouble);
    let report = Span::new(trace, Place::Report { row }, claimed.created_at, now)
        .with("kind", claimed.outgoing.kind.as_str())
        .with("says", claimed.outgoing.says.as_str())
        .with("attempts", claimed.attempts + 1)
        .with_some("http.response.status_code", status)
        .with_some("recipient", claimed.outgoing.line().recipient)
        .trouble(trouble);
    engine.traces.put([send, report]);
    if claimed.outgoing.kind == Kind::DeploymentStatus && claimed.outgoing.terminal && !claimed.again {
        match engine.store.events(id).await {
            Ok(timeline) => engine.traces.put(story::whole(trace, &run, &timeline, now)),
            Err(error) => untold(id, &error),
        }
    }
}

fn untold(run: RunId, error: &StoreError) {
    tracing::debug!(run.id = %run, error = %error, "cannot read what a trace would tell");
}

fn trace(engine: &Engine, run: &Run) -> Option<TraceId> {
    // made only where somebody collects
    engine.collector.as_ref()?;
    engine.trace_of(&effect_key(&run.host, run.repository_id.0, run.deployment.0))
}

fn key(deployment: &Deployment) -> String {
    effect_key(&deployment.host, deployment.repository_id.0, deployment.id.0)
}
