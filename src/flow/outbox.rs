//! Sends what waits in the outbox: statuses to GitHub, messages to Slack, each until it has arrived or never can.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::RunId;
use crate::domain::names::shown;
use crate::flow::comment::{self, CommentMessage, Trouble};
use crate::flow::engine::Engine;
use crate::flow::pace::Pace;
use crate::github::call::CallError;
use crate::github::statuses::{NewStatus, Target};
use crate::provider::worker::is_dead;
use crate::store::error::StoreError;
use crate::store::outbox::{Claimed, Kind};

/// Longer than any single call may take, so that a claim is not lost while its call is under way.
const CLAIM: Duration = Duration::from_secs(60);
/// Tries of one kind in one step.
const BATCH: usize = 8;
/// The ledger is asked this often although nobody rang: rows become due by time, and other processes write too.
const TICK: Duration = Duration::from_millis(500);

/// A deployment status in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMessage {
    /// For which deployment.
    pub target: Target,
    /// What is said.
    pub status: NewStatus,
}

/// Sends until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let sent = match step(&engine).await {
            Ok(sent) => sent,
            Err(error) => {
                tracing::error!(error = %error, "cannot work on the outbox");
                0
            }
        };
        if sent == 0 {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.outbox.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

/// Frees what a dead process was sending: the last word about a run must not wait for its claim to lapse.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn release_dead(engine: &Engine) -> Result<(), StoreError> {
    for sender in engine.store.senders().await? {
        if sender != engine.worker && is_dead(&sender) {
            engine.store.release_outgoing_of(&sender).await?;
            engine.outbox.notify_one();
        }
    }
    Ok(())
}

/// Tries what is due, a few of each kind. Returns how much was tried.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    // GitHub counts comments as it counts statuses, and statuses matter more
    let to_github = async {
        let statuses = send_some(engine, Kind::DeploymentStatus, &engine.pace).await?;
        if statuses == BATCH {
            return Ok(statuses);
        }
        Ok(statuses + send_some(engine, Kind::Comment, &engine.pace).await?)
    };
    let (to_github, messages) = tokio::join!(to_github, send_some(engine, Kind::SlackWebhook, &engine.chat_pace));
    let to_github: Result<usize, StoreError> = to_github;
    Ok(to_github? + messages?)
}

/// One after the other: GitHub and Slack both ask for that, and when one of them asks to wait nothing else is on its way.
async fn send_some(engine: &Engine, kind: Kind, pace: &Pace) -> Result<usize, StoreError> {
    for tried in 0..BATCH {
        if pace.take(1, engine.now()) == 0 {
            return Ok(tried);
        }
        let claimed = engine
            .store
            .claim_outgoing(kind, &engine.worker, engine.now(), CLAIM, 1)
            .await?;
        let Some(claimed) = claimed.first() else {
            pace.give_back(1);
            return Ok(tried);
        };
        match kind {
            // boxed: the clients' futures are large
            Kind::DeploymentStatus => Box::pin(send_status(engine, claimed)).await?,
            Kind::SlackWebhook => Box::pin(send_message(engine, claimed)).await?,
            Kind::Comment => Box::pin(send_comment(engine, claimed)).await?,
        }
    }
    Ok(BATCH)
}

async fn send_status(engine: &Engine, claimed: &Claimed) -> Result<(), StoreError> {
    let id = &claimed.outgoing.id;
    let message: StatusMessage = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(message) => message,
        Err(error) => return engine.store.bury_outgoing(id, &format!("unreadable: {error}")).await,
    };
    match post_once(engine, claimed, &message).await {
        Ok(()) => {
            tracing::info!(
                delivery.id = claimed.delivery.map(tracing::field::display),
                run.id = run_id(claimed),
                deployment.id = %message.target.deployment,
                state = message.status.state,
                "deployment status sent"
            );
            engine.store.mark_sent(id, engine.now()).await
        }
        Err(error) => {
            if let Some(wait) = error.wait() {
                engine.pace.close(engine.now() + wait);
            }
            settle_failure(
                engine,
                claimed,
                &error,
                error.is_transient(),
                pause(claimed, error.wait()),
            )
            .await
        }
    }
}

/// After a try of unknown outcome GitHub is asked first: a deployment must not show one state twice.
async fn post_once(engine: &Engine, claimed: &Claimed, message: &StatusMessage) -> Result<(), CallError> {
    if claimed.attempts > 0 && engine.github.has_status(&message.target, &message.status).await? {
        return Ok(());
    }
    engine.github.create_status(&message.target, &message.status).await
}

async fn send_message(engine: &Engine, claimed: &Claimed) -> Result<(), StoreError> {
    let Some(slack) = &engine.slack else {
        return engine
            .store
            .bury_outgoing(&claimed.outgoing.id, "no `slack.incoming_webhook` is set up")
            .await;
    };
    match slack.send(&claimed.outgoing.body).await {
        Ok(()) => {
            let delivery = claimed.delivery.map(tracing::field::display);
            tracing::info!(delivery.id = delivery, run.id = run_id(claimed), "Slack message sent");
            engine.store.mark_sent(&claimed.outgoing.id, engine.now()).await
        }
        Err(error) => {
            if let Some(wait) = error.wait() {
                engine.chat_pace.close(engine.now() + wait);
            }
            settle_failure(
                engine,
                claimed,
                &error,
                error.is_transient(),
                pause(claimed, error.wait()),
            )
            .await
        }
    }
}

async fn send_comment(engine: &Engine, claimed: &Claimed) -> Result<(), StoreError> {
    let id = &claimed.outgoing.id;
    let message: CommentMessage = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(message) => message,
        Err(error) => return engine.store.bury_outgoing(id, &format!("unreadable: {error}")).await,
    };
    match comment::send(engine, &message, claimed.attempts > 0).await {
        Ok(()) => engine.store.mark_sent(id, engine.now()).await,
        Err(Trouble::Ledger(error)) => Err(error),
        Err(Trouble::GitHub(error)) => {
            if let Some(wait) = error.wait() {
                engine.pace.close(engine.now() + wait);
            }
            let pause = pause(claimed, error.wait());
            settle_failure(engine, claimed, &error, error.is_transient(), pause).await
        }
    }
}

async fn settle_failure(
    engine: &Engine,
    claimed: &Claimed,
    error: &(dyn std::error::Error + Sync),
    transient: bool,
    pause: Duration,
) -> Result<(), StoreError> {
    let (run, kind) = (run_id(claimed), claimed.outgoing.kind.as_str());
    let delivery = claimed.delivery.map(tracing::field::display);
    if transient {
        let attempt = claimed.attempts + 1;
        tracing::warn!(delivery.id = delivery, run.id = run, kind, error = %error, attempt, retry_seconds = pause.as_secs_f64(), "not sent yet");
        engine
            .store
            .retry_outgoing(claimed, &shown_error(error), engine.now() + pause)
            .await
    } else {
        tracing::error!(delivery.id = delivery, run.id = run, kind, error = %error, "can never be sent; given up");
        engine
            .store
            .bury_outgoing(&claimed.outgoing.id, &shown_error(error))
            .await
    }
}

fn shown_error(error: &dyn std::error::Error) -> String {
    error.to_string().lines().map(shown).next().unwrap_or_default()
}

fn run_id(claimed: &Claimed) -> Option<tracing::field::DisplayValue<RunId>> {
    claimed.outgoing.run.map(tracing::field::display)
}

/// Short enough that everything is told within ten seconds of the repair; as long as the other side asked otherwise.
fn pause(claimed: &Claimed, asked: Option<Duration>) -> Duration {
    let growing = Duration::from_millis(500 << claimed.attempts.min(4));
    asked.map_or(growing, |asked| asked.max(growing))
}
