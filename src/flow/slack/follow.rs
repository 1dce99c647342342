//! The one message about each run in its room: it is compared with what the ledger knows, again and again, and changed where it
//! lags. What people want to read about the run, and how it ended, stands in its thread.

use std::time::Duration;

use serde_json::json;

use crate::domain::run::{Run, RunState};
use crate::flow::announce::links;
use crate::flow::chat::look;
use crate::flow::engine::Engine;
use crate::flow::slack::{SlackCall, To};
use crate::github::call::CallError;
use crate::github::commits::Between;
use crate::report::chat::{CommitLine, compare_url};
use crate::report::slack::run::{self as about, Shown};
use crate::report::slack::{SlackMessage, thread};
use crate::report::status::Place;
use crate::store::error::StoreError;
use crate::store::outbox::{Kind, Outgoing};
use crate::store::reading::At;
use crate::store::slack_messages::{InThread, SlackMessageRow};

/// Runs that were taken in before are no news any more, also where the bot was set up only now.
const NEWS: Duration = Duration::from_secs(3600);
const BATCH: u32 = 100;
/// So many messages are compared with the ledger in one pass; the next one goes on with those that come after.
const ROWS: u32 = 200;
/// GitHub is asked so often what comes with a run; after that the thread does without.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Where a run is told, and whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    /// An id, or a name.
    pub(super) channel: String,
    /// Slack's id of the person who asked.
    pub(super) asker: Option<String>,
}

/// Puts into the outbox what the messages do not say yet. Returns how many there were.
///
/// # Errors
///
/// When the ledger cannot be used.
pub(super) async fn step(engine: &Engine) -> Result<usize, StoreError> {
    if engine.slack_bot.is_none() {
        return Ok(0);
    }
    let now = engine.now();
    for run in engine.store.runs_new_to_slack(now - NEWS, BATCH).await? {
        let room = room_of(engine, &run).await?;
        let (channel, asker) = match &room {
            Some(room) => (Some(room.channel.as_str()), room.asker.as_deref()),
            None => (None, None),
        };
        engine.store.tell_in_slack(run.id, (channel, asker), now).await?;
    }
    let turn = &engine.turns.slack;
    let mut rows = engine.store.open_slack_messages(&turn.after(), ROWS).await?;
    let last = rows.last().map(|row| row.run.to_string());
    turn.went(rows.len(), ROWS, last.as_deref());
    // people look at what works now
    for row in engine.store.slack_messages_of_running().await? {
        if rows.iter().all(|one| one.run != row.run) {
            rows.push(row);
        }
    }
    let mut told = 0;
    for row in rows {
        told += bring_up_to_date(engine, &row).await?;
    }
    if told > 0 {
        engine.outbox.notify_one();
    }
    Ok(told)
}

/// Where the bot tells of a run: where it was asked for in Slack, else in the channel of its environment. `None`: nowhere.
///
/// # Errors
///
/// When the ledger cannot be read.
pub(super) async fn room_of(engine: &Engine, run: &Run) -> Result<Option<Room>, StoreError> {
    if engine.slack_bot.is_none() {
        return Ok(None);
    }
    let deployment = engine.store.find_deployment(run).await?;
    let notify = deployment.as_ref().and_then(|one| one.payload.get("notify"));
    let said = |key: &str| notify?.get(key)?.as_str();
    // whoever may make deployments may write any payload: nothing but ids goes from it into a call
    let asked_here = said("adapter") == Some("slack");
    let room = said("room_id").filter(|id| asked_here && about::is_channel(id));
    let asker = said("user").filter(|id| asked_here && about::is_person(id));
    let environment = match &run.order {
        Some(order) => order.environment.as_str(),
        None => run.environment.as_str(),
    };
    let config = &engine.config;
    let own = config.find(run.repository.as_str(), environment);
    let own = own.and_then(|(_, environment)| environment.slack_channel.as_deref());
    let channel = room.or(own).or(config.slack.channel.as_deref());
    Ok(channel.map(|channel| Room {
        channel: channel.to_owned(),
        asker: asker.map(str::to_owned),
    }))
}

async fn bring_up_to_date(engine: &Engine, row: &SlackMessageRow) -> Result<usize, StoreError> {
    let Some(run) = engine.store.find_run(row.run).await? else {
        engine.store.close_slack_message(row.run).await?;
        return Ok(0);
    };
    let now = engine.now();
    let over = run.state.is_terminal();
    let message = present(engine, row, &run).await?;
    let says = json!(message).to_string();
    let key = format!("slack-run/{}", run.id);
    if row.told.as_deref() != Some(says.as_str()) {
        let outgoing = outgoing(engine, &run, (To::Run { run: run.id }, &key), &message, over);
        let told = engine.store.say_in_slack(row, &says, &[outgoing], now).await?;
        return Ok(usize::from(told));
    }
    if row.posted.is_none() {
        // what can never be posted is in the outbox, with its reason
        if over && !engine.store.is_on_its_way(&key).await? {
            engine.store.close_slack_message(run.id).await?;
        }
        return Ok(0);
    }
    if !row.commits_told {
        return tell_commits(engine, row, &run).await;
    }
    if !over {
        return Ok(0);
    }
    if !row.end_told {
        let tail = look::tail(&engine.config.data_dir, &run);
        let message = thread::end(&run, row.asker.as_deref(), tail.as_deref());
        return in_thread(engine, &run, InThread::End, message).await;
    }
    engine.store.close_slack_message(run.id).await?;
    Ok(0)
}

/// What the message is to say now.
async fn present(engine: &Engine, row: &SlackMessageRow, run: &Run) -> Result<SlackMessage, StoreError> {
    let position = match run.state {
        RunState::Queued => engine.store.position(run).await?,
        RunState::Held
        | RunState::Running
        | RunState::Succeeded
        | RunState::Failed
        | RunState::Errored
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Interrupted
        | RunState::Superseded => None,
    };
    let place = position.map(|position| Place { position, behind: None });
    let failed = matches!(
        run.state,
        RunState::Failed | RunState::Errored | RunState::Interrupted | RunState::Cancelled
    );
    let current = if failed { before(engine, run).await? } else { None };
    let links = links(&engine.config, run);
    Ok(about::message(Shown {
        run,
        place: place.as_ref(),
        asker: row.asker.as_deref(),
        current: current.as_ref(),
        links: &links,
    }))
}

/// What the environment ran when this run came, or would have come, to it.
async fn before(engine: &Engine, run: &Run) -> Result<Option<Run>, StoreError> {
    let at = At {
        host: &run.host,
        repository: run.repository.as_str(),
        environment: &run.environment,
    };
    let ran = engine.store.successes_of(at, 20).await?;
    let until = run.started_at.unwrap_or(run.created_at);
    let earlier = |one: &Run| {
        let ended = one
            .finished_at
            .is_some_and(|ended| ended < until || (ended == until && one.id < run.id));
        one.id != run.id && ended
    };
    Ok(ran.into_iter().find(earlier))
}

/// Says once what comes with a run, as soon as it has begun.
async fn tell_commits(engine: &Engine, row: &SlackMessageRow, run: &Run) -> Result<usize, StoreError> {
    if run.started_at.is_none() && !run.state.is_terminal() {
        return Ok(0);
    }
    let base = match run.started_at {
        Some(_) if run.command.is_none() && run.order.is_some() => before(engine, run).await?,
        Some(_) | None => None,
    };
    let Some(base) = base.filter(|base| base.sha != run.sha) else {
        return in_thread(engine, run, InThread::Commits, None).await;
    };
    if engine.now() < row.next_look_at {
        return Ok(0);
    }
    let range = (base.sha.as_str(), run.sha.as_str());
    let between = Box::pin(engine.github.between(run.installation, &run.repository, range)).await;
    let message = match between {
        Ok(Some(between)) => Some(written(engine, run, &base, &between)),
        Ok(None) => None,
        Err(error) if row.attempts + 1 < LOOKS => {
            let pause = error.wait().unwrap_or_default().max(LOOK_AGAIN);
            engine.store.look_later_for_slack(run.id, engine.now() + pause).await?;
            warn(run, &error);
            return Ok(0);
        }
        Err(error) => {
            warn(run, &error);
            None
        }
    };
    in_thread(engine, run, InThread::Commits, message).await
}

fn warn(run: &Run, error: &CallError) {
    tracing::warn!(run.id = %run.id, error = %error, "cannot tell Slack what comes with a run");
}

fn written(engine: &Engine, run: &Run, base: &Run, between: &Between) -> SlackMessage {
    let lines: Vec<CommitLine> = between
        .commits
        .iter()
        .rev()
        .map(|commit| CommitLine {
            sha: commit.sha.clone(),
            author: commit.author.clone(),
            title: commit.message.lines().next().unwrap_or_default().to_owned(),
        })
        .collect();
    let github = &engine.config.github.url;
    let compare = compare_url(github, run.repository.as_str(), &base.sha, &run.sha);
    thread::commits(thread::Between {
        commits: &lines,
        ahead: between.ahead,
        behind: between.behind,
        repository: &format!("{github}/{}", run.repository),
        compare: compare.as_deref(),
    })
}

async fn in_thread(
    engine: &Engine,
    run: &Run,
    what: InThread,
    message: Option<SlackMessage>,
) -> Result<usize, StoreError> {
    let key = match what {
        InThread::Commits => format!("slack-thread/{}/commits", run.id),
        InThread::End => format!("slack-thread/{}/end", run.id),
    };
    let outgoing = message.map(|message| outgoing(engine, run, (To::Thread { run: run.id }, &key), &message, true));
    let told = engine
        .store
        .say_in_thread(run.id, what, outgoing.as_slice(), engine.now())
        .await?;
    // also where there was nothing to say: the next thing may be due now
    Ok(usize::from(told))
}

fn outgoing(engine: &Engine, run: &Run, (to, key): (To, &str), message: &SlackMessage, last: bool) -> Outgoing {
    let id = engine.fresh_id();
    Outgoing {
        says: match &to {
            // told again where it was something else in between
            To::Run { .. } => format!("{} {id}", run.state.as_str()),
            To::Thread { .. } | To::Room { .. } | To::Person { .. } | To::Response { .. } => "details".to_owned(),
        },
        id,
        kind: Kind::SlackApi,
        key: key.to_owned(),
        run: Some(run.id),
        terminal: last,
        body: json!(SlackCall {
            to,
            message: message.clone(),
        }),
    }
}
