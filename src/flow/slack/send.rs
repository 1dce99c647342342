//! Carries the bot's messages from the outbox to Slack.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::pace::Pace;
use crate::flow::engine::Engine;
use crate::flow::slack::{SlackCall, To};
use crate::notify::slack::api::{ApiError, Posted, SlackApi};
use crate::store::error::StoreError;
use crate::store::outbox::Claimed;

/// Slack takes about one message a second in one channel. <https://docs.slack.dev/apis/web-api/rate-limits>
const A_SECOND: Duration = Duration::from_secs(1);

/// A message that says this is not there any more, or cannot be changed any more.
const GONE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is there, or nobody wants it any more.
    Done,
    /// The room has to wait for so long.
    NotYet(Duration),
}

/// Why it did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// Slack.
    #[error(transparent)]
    Slack(#[from] ApiError),
}

/// Sends one message.
///
/// # Errors
///
/// When the ledger or Slack did not take it.
pub async fn send(engine: &Engine, claimed: &Claimed, call: &SlackCall) -> Result<Sent, Trouble> {
    if let To::Response { url, .. } = &call.to {
        engine.slack_responder.respond(url, &response_body(call)).await?;
        return Ok(Sent::Done);
    }
    let Some(bot) = &engine.slack_bot else {
        let code = "not_authed".to_owned();
        return Err(Trouble::Slack(ApiError::Refused { code }));
    };
    match &call.to {
        To::Person { channel, user, thread } => {
            let mut body = body(call, channel, thread.as_deref());
            body["user"] = json!(user);
            bot.post_ephemeral(&body).await?;
            Ok(Sent::Done)
        }
        To::Room { channel, thread } => {
            let place = (channel.as_str(), thread.as_deref());
            let posted = post_once(engine, bot, call, place, tried(claimed)).await?;
            Ok(posted.map_or(Sent::NotYet(A_SECOND), |_| Sent::Done))
        }
        To::Run { run } => of_run(engine, bot, claimed, call, *run).await,
        To::Thread { run } => in_thread(engine, bot, claimed, call, *run).await,
        To::Response { .. } => Ok(Sent::Done),
    }
}

/// By what a message is found again.
#[derive(Debug)]
struct Mark {
    id: String,
    /// Whether it may be there already.
    looked_for: bool,
    /// Not before this.
    since: Timestamp,
}

fn tried(claimed: &Claimed) -> Mark {
    Mark {
        id: claimed.outgoing.id.clone(),
        looked_for: claimed.attempts > 0,
        since: claimed.created_at,
    }
}

/// Writes the message about a run, or changes it where it is there. Where somebody deleted it, it is written anew.
async fn of_run(
    engine: &Engine,
    bot: &SlackApi,
    claimed: &Claimed,
    call: &SlackCall,
    run: RunId,
) -> Result<Sent, Trouble> {
    let Some(row) = engine.store.slack_message_of(run).await? else {
        return Ok(Sent::Done);
    };
    let mut mark = Mark {
        id: run.to_string(),
        // also by an earlier row, which gave way to this one
        looked_for: row.begun,
        since: row.created_at,
    };
    if let Some((channel, ts)) = &row.posted {
        let mut body = body(call, channel, None);
        body["ts"] = json!(ts);
        match bot.update(&body).await {
            Ok(()) => return Ok(Sent::Done),
            Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => {
                tracing::info!(run.id = %run, error = %error, "our message is written anew");
            }
            Err(error) => return Err(error.into()),
        }
        // another one than that which is gone
        mark = tried(claimed);
    }
    let Some(room) = &row.room else {
        return Ok(Sent::Done);
    };
    if !row.begun {
        engine.store.begin_slack_message(run).await?;
    }
    let Some(posted) = post_once(engine, bot, call, (room, None), mark).await? else {
        return Ok(Sent::NotYet(A_SECOND));
    };
    let place = (posted.channel.as_str(), posted.ts.as_str());
    engine.store.remember_slack_message(run, place).await?;
    Ok(Sent::Done)
}

async fn in_thread(
    engine: &Engine,
    bot: &SlackApi,
    claimed: &Claimed,
    call: &SlackCall,
    run: RunId,
) -> Result<Sent, Trouble> {
    let row = engine.store.slack_message_of(run).await?;
    let Some((channel, ts)) = row.and_then(|row| row.posted) else {
        return Ok(Sent::Done);
    };
    let place = (channel.as_str(), Some(ts.as_str()));
    let posted = post_once(engine, bot, call, place, tried(claimed)).await?;
    Ok(posted.map_or(Sent::NotYet(A_SECOND), |_| Sent::Done))
}

/// Posts a message, unless an earlier try of unknown outcome did. `None`: the room has to wait.
///
/// Slack takes no key that would make a second post of the same message the first. So it is marked, and after such a try it is
/// looked for. Without the scope for that, it is posted again: better twice than never.
async fn post_once(
    engine: &Engine,
    bot: &SlackApi,
    call: &SlackCall,
    (channel, thread): (&str, Option<&str>),
    mark: Mark,
) -> Result<Option<Posted>, Trouble> {
    if mark.looked_for {
        let oldest = mark.since.timestamp() - 60;
        match bot.find(channel, thread, &mark.id, oldest).await {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                tracing::info!(channel, error = %error, "cannot look whether a message is there already; it is written again");
            }
        }
    }
    let pace = format!("slack/{channel}");
    if !engine.store.take_place(&pace, &Pace::steady(), engine.now()).await? {
        return Ok(None);
    }
    let mut body = body(call, channel, thread);
    body["metadata"] = json!({"event_type": "chima", "event_payload": {"id": mark.id}});
    Ok(Some(bot.post(&body).await?))
}

fn body(call: &SlackCall, channel: &str, thread: Option<&str>) -> Value {
    let mut body = json!(call.message);
    body["channel"] = json!(channel);
    if let Some(thread) = thread {
        body["thread_ts"] = json!(thread);
    }
    body
}

/// The same as an answer to Slack's own request, or to its address.
pub(super) fn response_body(call: &SlackCall) -> Value {
    let in_channel = matches!(call.to, To::Response { in_channel: true, .. });
    let mut body = json!({
        "response_type": if in_channel { "in_channel" } else { "ephemeral" },
        "replace_original": false,
        "text": call.message.text,
    });
    if !call.message.blocks.is_empty() {
        body["blocks"] = json!(call.message.blocks);
    }
    body
}
