//! Carries the bot's messages from the outbox to Slack.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::pace::Pace;
use crate::flow::engine::Engine;
use crate::flow::slack::{SlackCall, To};
use crate::notify::slack::api::{ApiError, Posted, SlackApi};
use crate::store::error::StoreError;
use crate::store::outbox::Claimed;

/// Slack takes about one message a second in one channel. <https://docs.slack.dev/apis/web-api/rate-limits>
const A_SECOND: Duration = Duration::from_secs(1);

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
            let posted = post_once(engine, bot, claimed, call, place, &claimed.outgoing.id).await?;
            Ok(posted.map_or(Sent::NotYet(A_SECOND), |_| Sent::Done))
        }
        To::Response { .. } | To::Run { .. } | To::Thread { .. } => Ok(Sent::Done),
    }
}

/// Posts a message, unless an earlier try of unknown outcome did. `None`: the room has to wait.
///
/// Slack takes no key that would make a second post of the same message the first. So it is marked, and after such a try it is
/// looked for. Without the scope for that, it is posted again: better twice than never.
async fn post_once(
    engine: &Engine,
    bot: &SlackApi,
    claimed: &Claimed,
    call: &SlackCall,
    (channel, thread): (&str, Option<&str>),
    mark: &str,
) -> Result<Option<Posted>, Trouble> {
    if claimed.attempts > 0 {
        match bot
            .find(channel, thread, mark, claimed.created_at.timestamp() - 60)
            .await
        {
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
    body["metadata"] = json!({"event_type": "chima", "event_payload": {"id": mark}});
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
