//! One try to send something, of whatever kind, and what it came to.

use std::time::Duration;

use crate::domain::ids::RunId;
use crate::domain::run::DeploymentState;
use crate::flow::comment::{self, CommentMessage};
use crate::flow::engine::Engine;
use crate::flow::notices::{self, Undelivered};
use crate::flow::obstacle::Obstacle;
use crate::flow::outbox::StatusMessage;
use crate::flow::slack::SlackCall;
use crate::flow::slack::send::{self as slack, Sent};
use crate::flow::traces::told::{self, Came};
use crate::github::call::CallError;
use crate::github::protection::{Answered, ProtectionAnswer};
use crate::notify::post::SendError;
use crate::notify::slack::SlackError;
use crate::notify::slack::api::ApiError;
use crate::store::error::StoreError;
use crate::store::outbox::{Claimed, Kind};

/// So much of an error is kept.
const ERROR_LENGTH: usize = 300;
/// While GitHub refuses the login itself, one status asks again so often: whoever goes on guessing is locked out.
const REFUSED_LOGIN: Duration = Duration::from_secs(10);
/// News that nobody took for so long are none any more.
const NEWS_LIFETIME: Duration = Duration::from_secs(86_400);
/// What GitHub answers to a status that it takes. <https://docs.github.com/en/rest/deployments/statuses>
const CREATED: u16 = 201;

pub(super) async fn send(engine: &Engine, claimed: Claimed) -> Result<(), StoreError> {
    let from = engine.now();
    let came = match claimed.outgoing.kind {
        Kind::DeploymentStatus => send_status(engine, &claimed).await,
        Kind::SlackWebhook => send_message(engine, &claimed).await,
        Kind::Comment => send_comment(engine, &claimed).await,
        Kind::SlackApi => call_slack(engine, &claimed).await,
        Kind::ProtectionReport => answer_job(engine, &claimed).await,
        Kind::Notice => send_notice(engine, &claimed).await,
    };
    told::reported(engine, &claimed, from, came?).await;
    Ok(())
}

/// It has arrived, or there is nothing to send any more.
async fn sent(engine: &Engine, claimed: &Claimed, status: Option<u16>) -> Result<Came, StoreError> {
    engine.store.mark_sent(&claimed.outgoing.id, engine.now()).await?;
    Ok(Came::Sent { status })
}

/// It never will arrive, and nobody has been asked.
async fn bury(engine: &Engine, claimed: &Claimed, error: &str) -> Result<Came, StoreError> {
    engine.store.bury_outgoing(&claimed.outgoing.id, error).await?;
    Ok(Came::GivenUp { status: None })
}

async fn send_status(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    let mut message: StatusMessage = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(message) => message,
        Err(error) => return bury(engine, claimed, &format!("unreadable: {error}")).await,
    };
    if message.status.state == DeploymentState::Success.as_str() && overtaken(engine, claimed).await? {
        message.status.auto_inactive = Some(false);
    }
    match post_once(engine, claimed, &message).await {
        Ok(status) => {
            tracing::info!(
                delivery.id = claimed.delivery.map(tracing::field::display),
                run.id = run_id(claimed),
                deployment.id = %message.target.deployment,
                state = message.status.state,
                "deployment status sent"
            );
            sent(engine, claimed, status).await
        }
        Err(error) => {
            // who is refused as a whole is refused for every status: one asks whether that still holds
            let refused_login = matches!(error, CallError::Refused { status: 401, .. });
            let wait = if refused_login {
                Some(REFUSED_LOGIN)
            } else {
                error.wait()
            };
            let failure = Failure {
                wait,
                ..Failure::from(&error)
            };
            failed(engine, claimed, failure).await
        }
    }
}

/// A success that is told late must not make GitHub take a newer one for inactive, which really is what runs there.
async fn overtaken(engine: &Engine, claimed: &Claimed) -> Result<bool, StoreError> {
    let Some(id) = claimed.outgoing.run else {
        return Ok(false);
    };
    match engine.store.find_run(id).await? {
        Some(run) => engine.store.succeeded_since(&run).await,
        None => Ok(false),
    }
}

/// After a try of unknown outcome GitHub is asked first: a deployment must not show one state twice.
///
/// The answer is GitHub's, where it was told just now.
async fn post_once(engine: &Engine, claimed: &Claimed, message: &StatusMessage) -> Result<Option<u16>, CallError> {
    if claimed.attempts > 0 && engine.github.has_status(&message.target, &message.status).await? {
        return Ok(None);
    }
    engine.github.create_status(&message.target, &message.status).await?;
    Ok(Some(CREATED))
}

async fn send_message(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    let Some(slack) = &engine.slack else {
        return bury(engine, claimed, "no `slack.incoming_webhook` is set up").await;
    };
    if let Some(run) = claimed.outgoing.run
        && crate::flow::slack::tells_of(engine, run).await?
    {
        return sent(engine, claimed, None).await;
    }
    match slack.send(&claimed.outgoing.body).await {
        Ok(()) => {
            let delivery = claimed.delivery.map(tracing::field::display);
            tracing::info!(delivery.id = delivery, run.id = run_id(claimed), "Slack message sent");
            sent(engine, claimed, None).await
        }
        Err(error) => failed(engine, claimed, Failure::from(&error)).await,
    }
}

async fn send_notice(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    match notices::send(engine, claimed).await? {
        Ok(()) => {
            let delivery = claimed.delivery.map(tracing::field::display);
            let line = claimed.outgoing.line();
            tracing::info!(
                delivery.id = delivery,
                run.id = run_id(claimed),
                recipient = line.recipient,
                "news sent"
            );
            sent(engine, claimed, None).await
        }
        Err(Undelivered::Sending(error)) => {
            let fresh = (engine.now() - claimed.created_at).to_std().unwrap_or_default() < NEWS_LIFETIME;
            let failure = Failure {
                transient: error.is_transient() && fresh,
                ..Failure::from(&error)
            };
            failed(engine, claimed, failure).await
        }
        Err(error @ (Undelivered::Nobody(_) | Undelivered::Unreadable(_))) => {
            failed(engine, claimed, Failure::for_good(&error)).await
        }
    }
}

/// A job that waits for our word hears it, or does not wait any more: an answer that was lost may have arrived.
async fn answer_job(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    let answer: ProtectionAnswer = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(answer) => answer,
        Err(error) => return bury(engine, claimed, &format!("unreadable: {error}")).await,
    };
    let (workflow_run, state) = (answer.workflow_run, answer.state.as_deref());
    match engine.github.answer_job(&answer).await {
        Ok(Answered::Taken) => {
            tracing::info!(workflow_run, state, "a job of GitHub Actions was answered");
            sent(engine, claimed, None).await
        }
        Ok(Answered::NotWaiting { detail }) => {
            tracing::warn!(
                workflow_run,
                state,
                detail,
                "a job of GitHub Actions does not wait for an answer any more"
            );
            sent(engine, claimed, None).await
        }
        Err(error) => failed(engine, claimed, Failure::from(&error)).await,
    }
}

async fn send_comment(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    let message: CommentMessage = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(message) => message,
        Err(error) => return bury(engine, claimed, &format!("unreadable: {error}")).await,
    };
    match comment::send(engine, &message, claimed.attempts > 0).await {
        Ok(()) => sent(engine, claimed, None).await,
        Err(Obstacle::Ledger(error)) => Err(error),
        Err(Obstacle::GitHub(error)) => failed(engine, claimed, Failure::from(&error)).await,
    }
}

async fn call_slack(engine: &Engine, claimed: &Claimed) -> Result<Came, StoreError> {
    let id = &claimed.outgoing.id;
    let call: SlackCall = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(call) => call,
        Err(error) => return bury(engine, claimed, &format!("unreadable: {error}")).await,
    };
    match slack::send(engine, claimed, &call).await {
        Ok(Sent::Done) => sent(engine, claimed, None).await,
        Ok(Sent::NotYet(pause)) => {
            engine.store.let_outgoing_wait(id, engine.now() + pause).await?;
            Ok(Came::Later)
        }
        Err(slack::Trouble::Ledger(error)) => Err(error),
        Err(slack::Trouble::Slack(error)) => failed(engine, claimed, Failure::from(&error)).await,
    }
}

/// As log lines have it.
fn run_id(claimed: &Claimed) -> Option<tracing::field::DisplayValue<RunId>> {
    claimed.outgoing.run.map(tracing::field::display)
}

/// A try that came to nothing.
struct Failure<'e> {
    error: &'e (dyn std::error::Error + Sync),
    /// Whether the same may arrive later.
    transient: bool,
    /// How long the other side asked to wait.
    wait: Option<Duration>,
    /// The status of its answer, where there was one of HTTP.
    status: Option<u16>,
}

impl<'e> Failure<'e> {
    /// One that nothing was asked about: it never can arrive.
    fn for_good(error: &'e (dyn std::error::Error + Sync)) -> Self {
        Self {
            error,
            transient: false,
            wait: None,
            status: None,
        }
    }
}

macro_rules! failures {
    ($($error:ty),+) => {
        $(impl<'e> From<&'e $error> for Failure<'e> {
            fn from(error: &'e $error) -> Self {
                Self {
                    error,
                    transient: error.is_transient(),
                    wait: error.wait(),
                    status: error.status(),
                }
            }
        })+
    };
}

failures!(CallError, SendError, SlackError, ApiError);

/// Puts a row off or gives it up; nothing of its kind leaves while the other side asks for silence.
async fn failed(engine: &Engine, claimed: &Claimed, failure: Failure<'_>) -> Result<Came, StoreError> {
    let Failure {
        error,
        transient,
        wait,
        status,
    } = failure;
    let (id, run, kind) = (&claimed.outgoing.id, run_id(claimed), claimed.outgoing.kind);
    let delivery = claimed.delivery.map(tracing::field::display);
    if let Some(wait) = wait {
        let line = claimed.outgoing.line();
        let pace = engine.pace_of(&line);
        engine.store.close_pace(&line.pace(), &pace, engine.now(), wait).await?;
    }
    if transient {
        let (attempt, pause) = (claimed.attempts + 1, pause(claimed, wait));
        tracing::warn!(delivery.id = delivery, run.id = run, kind = kind.as_str(), error = %error, attempt, retry_seconds = pause.as_secs_f64(), "not sent yet");
        engine
            .store
            .retry_outgoing(claimed, &shown_error(error), engine.now() + pause)
            .await?;
        Ok(Came::Later)
    } else {
        tracing::error!(
            delivery.id = delivery,
            run.id = run,
            kind = kind.as_str(),
            says = claimed.outgoing.says,
            error = %error,
            "given up: it can never be delivered as things are; mend what the error names, then `chima outbox --retry {id}`"
        );
        engine.store.bury_outgoing(id, &shown_error(error)).await?;
        Ok(Came::GivenUp { status })
    }
}

/// What others said in it was made fit to be shown where it was read.
fn shown_error(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().chars();
    line.filter(|c| !c.is_control()).take(ERROR_LENGTH).collect()
}

/// Short enough that everything is told within ten seconds of the repair; as long as the other side asked otherwise.
fn pause(claimed: &Claimed, asked: Option<Duration>) -> Duration {
    let growing = Duration::from_millis(500 << claimed.attempts.min(4));
    asked.map_or(growing, |asked| asked.max(growing))
}
