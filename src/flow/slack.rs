//! What people say to Chima in Slack: written down before anybody works on it, worked on by whoever claims it, answered once.
//!
//! Slack waits three seconds and then says it again. So a request is answered as soon as it is written down; only a slash
//! command is waited for a little, because most answers are ready by then.

mod follow;
mod names;
pub mod send;
pub mod socket;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::chat::slack::heard::{Heard, Way};
use crate::domain::conversation::Reply;
use crate::domain::ids::RunId;
use crate::flow::ask::made_before;
use crate::flow::chat::answer_asked;
use crate::flow::engine::Engine;
use crate::flow::obstacle::Obstacle;
use crate::report::chat as words;
use crate::report::slack::SlackMessage;
use crate::report::slack::answer::{answer as written, under_way};
use crate::store::claimants::Claims;
use crate::store::error::StoreError;
use crate::store::outbox::{Kind, Outgoing};
use crate::store::slack_asks::SlackAsk;

const TICK: Duration = Duration::from_secs(1);
/// Longer than all calls of one command may take.
const CLAIM: Duration = Duration::from_secs(300);
/// After that, what somebody asked for is not what they want any more.
const STALE: Duration = Duration::from_secs(900);
const SOON: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(60);
/// So long a slash command is waited for; Slack gives up after three seconds.
const AT_ONCE: Duration = Duration::from_secs(2);
/// So long nobody else gives its answer.
const HELD: Duration = Duration::from_secs(3);
/// Where Slack's own answers go to.
const HOOKS: &str = "hooks.slack.com";

/// A message of the bot in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlackCall {
    /// Where it goes.
    pub to: To,
    /// What it says.
    pub message: SlackMessage,
}

/// Where a message of the bot goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// Everybody in a room.
    Room {
        /// Its id, or its name where the configuration says that.
        channel: String,
        /// The thread in it.
        thread: Option<String>,
    },
    /// One person in a room.
    Person {
        /// Its id.
        channel: String,
        /// The person's id.
        user: String,
        /// The thread in it.
        thread: Option<String>,
    },
    /// The address that came with what it answers.
    Response {
        /// One of Slack's.
        url: String,
        /// Whether everybody there sees it.
        in_channel: bool,
    },
    /// The one message about a run: it is written, or changed where it is there.
    Run {
        /// Which.
        run: RunId,
    },
    /// The thread below that message.
    Thread {
        /// Of which run.
        run: RunId,
    },
}

/// Writes down what somebody said; it is worked on soon. What is known already changes nothing.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn take(engine: &Engine, heard: Heard) -> Result<(), StoreError> {
    let heard = trusted(engine, heard);
    let (key, way) = (heard.key.clone(), heard.way);
    if engine
        .store
        .take_slack_ask(&engine.fresh_id(), &heard, None, engine.now())
        .await?
    {
        engine.slack_asks.notify_one();
    } else {
        tracing::info!(key, way = ?way, "Slack said again what is known already");
    }
    Ok(())
}

/// Writes down a slash command and works on it. What is to be answered at once; `None` where that is nothing.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn take_command(engine: &Engine, heard: Heard) -> Result<Option<Value>, StoreError> {
    let now = engine.now();
    let ask = SlackAsk {
        id: engine.fresh_id(),
        heard: trusted(engine, heard),
        wished: None,
        attempts: 1,
        at: now,
    };
    let claimed = Some((engine.worker.as_str(), now + CLAIM));
    if !engine.store.take_slack_ask(&ask.id, &ask.heard, claimed, now).await? {
        tracing::info!(key = ask.heard.key, "Slack said again what is known already");
        return Ok(None);
    }
    let beside = engine.clone();
    let work = engine.tasks.spawn(async move { Box::pin(answer(&beside, &ask)).await });
    match tokio::time::timeout(AT_ONCE, work).await {
        Ok(Ok(Ok(Some(outgoing)))) => {
            let taken = engine.store.take_back(&outgoing.id, engine.now()).await?;
            return Ok(taken.then(|| response(&outgoing)).flatten());
        }
        Ok(Ok(Err(error))) => return Err(error),
        Ok(Err(error)) => tracing::error!(error = %error, "answering a slash command ended with a panic"),
        Ok(Ok(Ok(None))) | Err(_) => {}
    }
    Ok(Some(json!({"response_type": "ephemeral", "text": under_way()})))
}

/// What is in the outbox for an address of Slack's, as the body of an answer.
fn response(outgoing: &Outgoing) -> Option<Value> {
    let call: SlackCall = serde_json::from_value(outgoing.body.clone()).ok()?;
    Some(send::response_body(&call))
}

/// Answers what people say, until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot answer in Slack");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.slack_asks.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Answers everything that is due. Returns how much was done.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    engine.release_dead(Claims::SlackAsks).await?;
    let mut done = 0;
    while let Some(ask) = engine
        .store
        .claim_slack_ask(&engine.worker, engine.now(), CLAIM)
        .await?
    {
        // boxed: the client's futures are large
        Box::pin(answer(engine, &ask)).await?;
        done += 1;
    }
    Ok(done + follow::step(engine).await?)
}

/// Whether the bot tells of a run in some room: then the incoming webhook does not.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn tells_of(engine: &Engine, run: RunId) -> Result<bool, StoreError> {
    if engine.slack_bot.is_none() {
        return Ok(false);
    }
    let Some(run) = engine.store.find_run(run).await? else {
        return Ok(false);
    };
    Ok(follow::room_of(engine, &run).await?.is_some())
}

/// Works on one, and puts the answer into the outbox; `None` where it has to wait.
async fn answer(engine: &Engine, ask: &SlackAsk) -> Result<Option<Outgoing>, StoreError> {
    let now = engine.now();
    let worked = if ask.at + STALE < now && ask.wished.is_none() {
        Ok(words::too_late())
    } else {
        work(engine, ask).await
    };
    let reply = match worked {
        Ok(reply) => reply,
        Err(Obstacle::Ledger(error)) => return Err(error),
        Err(Obstacle::GitHub(error)) => {
            let growing = (SOON * 2_u32.pow(ask.attempts.min(5))).min(LATER);
            let pause = error.wait().unwrap_or_default().max(growing);
            tracing::warn!(user = ask.heard.user, error = %error, retry_seconds = pause.as_secs(), "what was said in Slack cannot be answered yet");
            engine.store.put_off_slack_ask(&ask.id, engine.now() + pause).await?;
            return Ok(None);
        }
    };
    tracing::info!(
        user = ask.heard.user,
        channel = ask.heard.channel,
        reason = reply.reason,
        deployment.id = reply.deployment.map(tracing::field::display),
        "what was said in Slack is answered"
    );
    let outgoing = outgoing(engine, ask, &reply);
    if outgoing.is_none() {
        tracing::warn!(
            user = ask.heard.user,
            "there is no way to answer in Slack: set `slack.bot_token`"
        );
    }
    let now = engine.now();
    let not_before = match ask.heard.way {
        Way::Command => (ask.at + HELD).max(now),
        Way::Mention | Way::Direct | Way::Button | Way::PrivateButton => now,
    };
    let said = (reply.text.as_str(), reply.deployment);
    let answered = engine
        .store
        .answer_slack_ask(&ask.id, said, outgoing.as_slice(), not_before, now)
        .await?;
    engine.outbox.notify_one();
    Ok(outgoing.filter(|_| answered))
}

async fn work(engine: &Engine, ask: &SlackAsk) -> Result<Reply, Obstacle> {
    let made = match &ask.wished {
        Some(wished) => made_before(&engine.github, wished, &ask.id).await?,
        None => None,
    };
    if let Some(deployment) = made {
        return Ok(Reply {
            deployment: Some(deployment),
            ..Reply::done(words::made_before(deployment))
        });
    }
    let speaker = names::speaker(engine, &ask.heard).await;
    answer_asked(engine, &speaker, &ask.heard.said, Some(&ask.id)).await
}

fn outgoing(engine: &Engine, ask: &SlackAsk, reply: &Reply) -> Option<Outgoing> {
    let to = destination(engine.slack_bot.is_some(), &ask.heard, reply)?;
    Some(Outgoing {
        id: engine.fresh_id(),
        kind: Kind::SlackApi,
        key: format!("slack-answer/{}", ask.id),
        run: None,
        terminal: true,
        says: "answer".to_owned(),
        body: json!(SlackCall {
            to,
            message: written(reply),
        }),
    })
}

/// What was done is told where all can see it; what was refused concerns whoever asked.
fn destination(bot: bool, heard: &Heard, reply: &Reply) -> Option<To> {
    let response = heard.response_url.clone().map(|url| To::Response {
        url,
        in_channel: heard.way == Way::Command && reply.deployment.is_some(),
    });
    let direct = heard.channel.starts_with('D');
    let thread = match heard.way {
        Way::Mention | Way::Button if !direct => heard.thread.clone().or_else(|| heard.message.clone()),
        Way::Mention | Way::Button | Way::Direct | Way::Command | Way::PrivateButton => heard.thread.clone(),
    };
    let room = To::Room {
        channel: heard.channel.clone(),
        thread,
    };
    let person = To::Person {
        channel: heard.channel.clone(),
        user: heard.user.clone(),
        thread: heard.thread.clone(),
    };
    let by_bot = match heard.way {
        Way::Command | Way::PrivateButton => person,
        Way::Mention | Way::Button if !reply.ok && !direct => person,
        Way::Mention | Way::Button | Way::Direct => room,
    };
    let by_bot = bot.then_some(by_bot);
    match heard.way {
        Way::Command | Way::PrivateButton => response.or(by_bot),
        Way::Mention | Way::Button | Way::Direct => by_bot.or(response),
    }
}

/// Without an address that is not Slack's: whoever could name one would make this server call it.
fn trusted(engine: &Engine, heard: Heard) -> Heard {
    let known = heard
        .response_url
        .as_deref()
        .is_some_and(|url| is_slacks(url, &engine.config.slack.api_url));
    Heard {
        response_url: heard.response_url.clone().filter(|_| known),
        ..heard
    }
}

/// Whether answers may be sent there: to Slack's own host for that, or where a stand-in is configured, to the stand-in's.
fn is_slacks(url: &str, api_url: &str) -> bool {
    let (Ok(url), Ok(api)) = (Url::parse(url), Url::parse(api_url)) else {
        return false;
    };
    let bare = url.username().is_empty() && url.password().is_none();
    let over_tls = url.scheme() == "https" && url.port().is_none();
    let hooks = over_tls && url.host_str() == Some(HOOKS);
    let api_host = api.host_str().unwrap_or_default();
    // Slack for governments: `slack-gov.com` and `hooks.slack-gov.com`
    let beside = over_tls && url.host_str() == Some(&format!("hooks.{api_host}"));
    let stand_in = api_host != "slack.com" && url.origin() == api.origin();
    bare && (hooks || beside || stand_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_slack_only() {
        let real = "https://slack.com/api";
        assert!(is_slacks("https://hooks.slack.com/commands/T1/1/x", real));
        assert!(is_slacks(
            "http://127.0.0.1:4001/commands/T1/1/x",
            "http://127.0.0.1:4001/api"
        ));
        assert!(is_slacks("https://hooks.slack-gov.com/x", "https://slack-gov.com/api"));
        for other in [
            "http://hooks.slack.com/commands",
            "https://hooks.slack.com:8443/commands",
            "https://hooks.slack.com.evil.example/commands",
            "https://evil.example/hooks.slack.com",
            "https://hooks.slack.com@evil.example/",
            "https://user:pass@hooks.slack.com/",
            "https://slack.com/commands",
            "http://127.0.0.1:4001/commands",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "hooks.slack.com",
            "",
        ] {
            assert!(!is_slacks(other, real), "{other}");
        }
        assert!(!is_slacks("http://127.0.0.1:4002/x", "http://127.0.0.1:4001/api"));
    }
}
