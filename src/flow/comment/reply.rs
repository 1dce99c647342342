//! The one comment that answers: it is compared with what the ledger knows, again and again, and changed where it lags.

use serde_json::json;

use crate::domain::ids::CommentId;
use crate::flow::chat::look;
use crate::flow::comment::CommentMessage;
use crate::flow::engine::Engine;
use crate::flow::forecast::last_good;
use crate::flow::obstacle::Obstacle;
use crate::github::call::CallError;
use crate::report::comment::{comment as written, mark, of_run};
use crate::report::status::Place;
use crate::report::watch::unheard_below;
use crate::store::asks::Ask;
use crate::store::error::StoreError;
use crate::store::outbox::{Kind, Outgoing};

/// Puts into the outbox what the answers do not say yet. Returns how many there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn follow(engine: &Engine) -> Result<usize, StoreError> {
    let mut told = 0;
    for ask in engine.store.open_asks().await? {
        let (answer, last) = present(engine, &ask).await?;
        let text = written(&ask.new.id, &ask.new.said, &answer);
        let same = ask.told.as_deref() == Some(text.as_str());
        if same && !last {
            continue;
        }
        let outgoing = if same {
            None
        } else {
            outgoing(engine, &ask, &text, last)
        };
        let outgoing: Vec<Outgoing> = outgoing.into_iter().collect();
        engine
            .store
            .tell_ask(&ask.new.id, (&text, last), &outgoing, engine.now())
            .await?;
        told += outgoing.len();
    }
    if told > 0 {
        engine.outbox.notify_one();
    }
    Ok(told)
}

/// What is to be said now, and whether that is the last of it.
async fn present(engine: &Engine, ask: &Ask) -> Result<(String, bool), StoreError> {
    let first = ask.answer.clone().unwrap_or_default();
    let Some(deployment) = ask.deployment else {
        return Ok((first, true));
    };
    let found = engine
        .store
        .run_of_deployment(&ask.new.host, ask.new.repository_id, deployment)
        .await?;
    let Some(run) = found else {
        let asked = engine.store.asked_deployments().await?;
        let unheard = asked
            .iter()
            .find(|one| one.id == deployment && one.repository_id == ask.new.repository_id);
        let word = unheard.and_then(|one| Some(unheard_below(one, one.said_at?)));
        return Ok((word.map_or(first.clone(), |word| format!("{first}\n\n{word}")), false));
    };
    let position = engine.store.position(&run).await?;
    let place = position.map(|position| Place { position, behind: None });
    let tail = run
        .state
        .is_terminal()
        .then(|| look::tail(&engine.config.data_dir, &run))
        .flatten();
    let mut now = of_run(&run, place.as_ref(), &engine.run_url(run.id), tail.as_deref());
    if let Some(good) = last_good(&engine.store, &run, engine.now()).await? {
        now = format!("{now}\n\n{}", good.says);
    }
    Ok((format!("{first}\n\n{now}"), run.state.is_terminal()))
}

fn outgoing(engine: &Engine, ask: &Ask, text: &str, last: bool) -> Option<Outgoing> {
    let message = CommentMessage {
        repository: ask.new.repository.parse().ok()?,
        pull_request: ask.new.pull_request,
        installation: ask.new.installation,
        ask: ask.new.id.clone(),
        text: text.to_owned(),
    };
    let id = engine.fresh_id();
    Some(Outgoing {
        id: id.clone(),
        kind: Kind::Comment,
        key: format!("comment/{}", ask.new.id),
        run: None,
        terminal: last,
        says: id,
        body: json!(message),
    })
}

/// Writes the comment, or changes it where it is there. One that somebody deleted is not written again.
///
/// # Errors
///
/// When the ledger or GitHub did not take it.
pub async fn send(engine: &Engine, message: &CommentMessage, tried_before: bool) -> Result<(), Obstacle> {
    let github = &engine.github;
    let (installation, repository) = (message.installation, &message.repository);
    let Some(ask) = engine.store.find_ask(&message.ask).await? else {
        return Ok(());
    };
    let mut reply: Option<CommentId> = ask.reply;
    if reply.is_none() && tried_before {
        let place = (message.pull_request, ask.new.at, mark(&message.ask));
        let place = (place.0, place.1, place.2.as_str());
        reply = github.find_comment(installation, repository, place).await?;
    }
    let id = match reply {
        Some(reply) => match github
            .edit_comment(installation, repository, reply, &message.text)
            .await
        {
            Ok(()) => reply,
            Err(CallError::Refused { status: 404 | 410, .. }) => {
                tracing::info!(comment.id = %reply, repository = %repository, "somebody deleted our comment: it is left alone");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        },
        None => {
            let number = message.pull_request;
            github
                .create_comment(installation, repository, number, &message.text)
                .await?
        }
    };
    if ask.reply.is_none() {
        engine.store.remember_reply(&message.ask, id).await?;
    }
    Ok(())
}
