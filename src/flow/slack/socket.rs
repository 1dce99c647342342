//! Hears Slack through a connection that this process keeps open, and opens again whenever it ends. What comes through it is
//! written down as what comes over HTTP is.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use crate::chat::slack::heard::{self, Request};
use crate::flow::engine::Engine;
use crate::flow::slack::{take, take_command};
use crate::notify::slack::api::{ApiError, SlackApi};
use crate::notify::slack::socket::{Envelope, Socket, SocketError};

const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(60);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// Keeps one connection open until this process is to stop.
pub async fn run(engine: Engine) {
    let mut pause = SOON;
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        let Some(app) = engine.slack_app.clone() else {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.superseded() => {}
            }
            continue;
        };
        let mut opened = false;
        let ended = tokio::select! {
            () = engine.stop.cancelled() => return,
            // what was not acknowledged is said again, to whoever listens then
            () = engine.until(|newest| newest.slack_app.as_ref().is_none_or(|other| !other.is_as(&app))) => continue,
            ended = Box::pin(hear(&engine, &app, &mut opened)) => ended,
        };
        if opened {
            pause = SOON;
        }
        let Err(error) = ended else {
            // Slack asked for another connection: at once, so that nothing is missed
            continue;
        };
        let asked = match &error {
            Ended::Api(error) => error.wait().unwrap_or_default(),
            Ended::Socket(_) => Duration::ZERO,
        };
        let wait = pause.max(asked);
        tracing::warn!(error = %error, retry_seconds = wait.as_secs(), "Slack is not heard through Socket Mode");
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.superseded() => {}
            () = tokio::time::sleep(wait) => {}
        }
        pause = (pause * 2).min(LATER);
    }
}

/// Hears until Slack asks for another connection.
async fn hear(engine: &Engine, app: &SlackApi, opened: &mut bool) -> Result<(), Ended> {
    let url = app.socket_url().await?;
    let mut socket = Socket::open(&url).await?;
    let mut under_way = FuturesUnordered::new();
    loop {
        let envelope = tokio::select! {
            Some(done) = under_way.next() => {
                let (id, answer): (String, Result<Option<Value>, ()>) = done;
                // what could not be written down is not acknowledged: Slack says it again
                if let Ok(answer) = answer {
                    socket.acknowledge(&id, answer.as_ref()).await?;
                }
                continue;
            }
            envelope = socket.next() => envelope?,
        };
        match envelope {
            Envelope::Hello => {
                *opened = true;
                tracing::info!("Slack is heard through Socket Mode");
            }
            Envelope::Request { id, kind, payload } => {
                let engine = engine.current();
                under_way.push(Box::pin(async move { (id, take_in(&engine, &kind, &payload).await) }));
            }
            Envelope::Disconnect { reason } => {
                tracing::info!(reason, "Slack asks for another connection");
                while let Some((id, answer)) = under_way.next().await {
                    if let Ok(answer) = answer {
                        socket.acknowledge(&id, answer.as_ref()).await?;
                    }
                }
                return Ok(());
            }
            Envelope::Other => {}
        }
    }
}

/// Writes down what was said. What is answered at once, if anything.
async fn take_in(engine: &Engine, kind: &str, payload: &Value) -> Result<Option<Value>, ()> {
    let request = match kind {
        "slash_commands" => heard::command(payload),
        "events_api" => heard::event(payload),
        "interactive" => heard::interaction(payload),
        _ => Ok(Request::Nothing),
    };
    let heard = match request {
        Ok(Request::Said(heard)) => *heard,
        Ok(Request::Challenge(_) | Request::Nothing) => return Ok(None),
        Err(error) => {
            tracing::warn!(kind, error = %error, "something that came from Slack cannot be read");
            return Ok(None);
        }
    };
    let taken = match kind {
        "slash_commands" => Box::pin(take_command(engine, heard)).await,
        _ => take(engine, heard).await.map(|()| None),
    };
    taken.map_err(|error| tracing::error!(error = %error, "cannot write down what somebody said in Slack"))
}
