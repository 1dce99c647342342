//! Commands in comments on pull requests: what chat does, for people who may push, about what was there when they wrote it.
//!
//! A comment is written down first, and worked on by whoever claims it: it is answered once, however often and to however
//! many processes it is delivered. The answer is one comment that changes as things go on.

mod reply;
mod work;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::pull_request;
use crate::domain::event::Comment;
use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::flow::comment::work::work;
use crate::flow::engine::Engine;
use crate::flow::obstacle::Obstacle;
use crate::report::chat as words;
use crate::store::asks::{Ask, NewAsk};
use crate::store::claimants::Claims;
use crate::store::error::StoreError;

pub use crate::flow::comment::reply::{follow, send};

const TICK: Duration = Duration::from_secs(1);
/// Longer than all calls of one command may take.
const CLAIM: Duration = Duration::from_secs(300);
/// After that, what somebody asked for is not what they want any more.
const STALE: Duration = Duration::from_secs(900);
const SOON: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(60);

/// A comment in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentMessage {
    /// Whose.
    pub repository: RepositoryName,
    /// On which pull request.
    pub pull_request: u64,
    /// Whose token.
    pub installation: Option<InstallationId>,
    /// What it answers.
    pub ask: String,
    /// All of it.
    pub text: String,
}

/// Writes down what a comment asks for. Says in a few words, for the delivery's page, what it was.
///
/// # Errors
///
/// When the ledger cannot be written.
pub async fn take(engine: &Engine, comment: &Comment) -> Result<&'static str, StoreError> {
    let Some(command) = pull_request::command(&comment.text) else {
        return Ok("no command");
    };
    if comment.by_a_program {
        return Ok("a program wrote it");
    }
    if engine.config.apps_of(&comment.repository).next().is_none() {
        return Ok("the repository is not configured");
    }
    let new = NewAsk {
        id: engine.fresh_id(),
        host: engine.config.github.host.clone(),
        repository_id: comment.repository_id,
        comment: comment.id,
        repository: comment.repository.clone(),
        installation: comment.installation,
        pull_request: comment.pull_request,
        said_by: comment.author.clone(),
        known_there: comment.known_there,
        said: command.to_owned(),
        at: comment.created_at,
    };
    if engine.store.take_ask(&new, engine.now()).await? {
        engine.comments.notify_one();
        Ok("a command")
    } else {
        Ok("a command that is known already")
    }
}

/// Answers, and keeps the answers true, until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot answer comments");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.comments.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Works on every command that is due, then lets the answers say what has changed. Returns how many changes there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    engine.release_dead(Claims::Asks).await?;
    let mut done = 0;
    while let Some(ask) = engine.store.claim_ask(&engine.worker, engine.now(), CLAIM).await? {
        // boxed: the client's futures are large
        Box::pin(answer(engine, &ask)).await?;
        done += 1;
    }
    Ok(done + follow(engine).await?)
}

async fn answer(engine: &Engine, ask: &Ask) -> Result<(), StoreError> {
    let id = &ask.new.id;
    let worked = if ask.new.at + STALE < engine.now() && ask.wished.is_none() {
        Ok(Some(words::too_late()))
    } else if ask.wished.is_none() && engine.store.restored_since(ask.new.at).await? {
        Ok(Some(words::restored()))
    } else {
        work(engine, ask).await
    };
    match worked {
        Ok(Some(reply)) => {
            tracing::info!(
                login = ask.new.said_by,
                repository = ask.new.repository,
                pull_request = ask.new.pull_request,
                reason = reply.reason,
                deployment.id = reply.deployment.map(tracing::field::display),
                "a command in a comment is answered"
            );
            engine.store.answer_ask(id, &reply.text, reply.deployment).await
        }
        Ok(None) => engine.store.drop_ask(id).await,
        Err(Obstacle::Ledger(error)) => Err(error),
        Err(Obstacle::GitHub(error)) => {
            let growing = (SOON * 2_u32.pow(ask.attempts.min(5))).min(LATER);
            let pause = error.wait().unwrap_or_default().max(growing);
            tracing::warn!(
                login = ask.new.said_by,
                repository = ask.new.repository,
                error = %error,
                retry_seconds = pause.as_secs(),
                "a command in a comment cannot be answered yet"
            );
            engine.store.put_off_ask(id, engine.now() + pause).await
        }
    }
}
