//! Sends what waits in the outbox: statuses to GitHub, messages to Slack, news to others, each until it has arrived or never can.

mod send;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::flow::engine::Engine;
use crate::flow::notices;
use crate::flow::outbox::send::send;
use crate::github::statuses::{NewStatus, Target};
use crate::store::claimants::Claims;
use crate::store::error::StoreError;
use crate::store::outbox::{Claimed, Kind, Line};

/// Longer than any single call may take, so that a claim is not lost while its call is under way.
const CLAIM: Duration = Duration::from_secs(60);
/// Tries of one kind in one step.
const BATCH: usize = 8;
/// Without an answer for so long, a call counts as hanging.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many of one kind are under way at once, at most, all but one of them hanging.
const AT_ONCE: usize = 8;
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

/// Sends until this process is to stop. Each kind by itself: a Slack that hangs holds up no status.
pub async fn run(engine: Engine) {
    let bells: [Notify; 5] = std::array::from_fn(|_| Notify::new());
    let [statuses, answers, comments, messages, calls] = &bells;
    let rung = Notify::new();
    let pass_on = async {
        while !engine.stop.is_cancelled() {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = engine.outbox.notified() => {
                    bells.iter().for_each(Notify::notify_one);
                    // whoever is at work looks again before it waits
                    rung.notify_waiters();
                }
            }
        }
    };
    tokio::join!(
        pass_on,
        run_kind(&engine, Kind::DeploymentStatus, statuses),
        run_kind(&engine, Kind::ProtectionReport, answers),
        run_kind(&engine, Kind::Comment, comments),
        run_kind(&engine, Kind::SlackWebhook, messages),
        run_kind(&engine, Kind::SlackApi, calls),
        run_lines(&engine, &rung)
    );
}

/// A line for every recipient, also for those that a new configuration brings. Who is no longer in it has none, as soon as what
/// is on its way has come to an end.
async fn run_lines(engine: &Engine, rung: &Notify) {
    let mut lines = FuturesUnordered::new();
    let mut open: Vec<Line> = Vec::new();
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        for line in lines_of_recipients(&engine) {
            if !open.contains(&line) {
                open.push(line.clone());
                lines.push(run_line(engine.clone(), line, rung));
            }
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.superseded() => {}
            Some(closed) = lines.next() => open.retain(|line| *line != closed),
        }
    }
    while lines.next().await.is_some() {}
}

/// Every recipient has a line of their own: whoever is away holds up nobody else.
fn lines_of_recipients(engine: &Engine) -> Vec<Line> {
    let line = |name: &str| Line {
        kind: Kind::Notice,
        recipient: Some(name.to_owned()),
    };
    engine.recipients.names().map(line).collect()
}

async fn run_kind(engine: &Engine, kind: Kind, bell: &Notify) {
    run_line(engine.clone(), kind.into(), bell).await;
}

/// Until this process is to stop, or the line has no recipient any more.
async fn run_line(engine: Engine, line: Line, bell: &Notify) -> Line {
    let mut interrupted = false;
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if line.kind == Kind::Notice && !lines_of_recipients(&engine).contains(&line) {
            break;
        }
        let worked = async {
            if interrupted {
                engine.store.release_line(&engine.worker, &line).await?;
            }
            send_some(&engine, &line).await
        };
        let worked = worked.await;
        // what was claimed when the ledger failed is still claimed, and nothing of it is under way any more
        interrupted = worked.is_err();
        let sent = worked.unwrap_or_else(|error| {
            tracing::error!(error = %error, kind = line.kind.as_str(), "cannot work on the outbox");
            0
        });
        if sent == 0 {
            tokio::select! {
                () = engine.stop.cancelled() => {}
                () = bell.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
    line
}

/// Frees what a dead process was sending: the last word about a run must not wait for its claim to lapse.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn release_dead(engine: &Engine) -> Result<(), StoreError> {
    if engine.release_dead(Claims::Outgoing).await? {
        engine.outbox.notify_one();
    }
    notices::give_up_on_strangers(engine).await
}

/// Tries what is due, a few of each kind. Returns how much was tried.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<usize, StoreError> {
    // GitHub counts comments and answers as it counts statuses, and statuses matter more
    let to_github = async {
        let statuses = send_some(engine, &Kind::DeploymentStatus.into()).await?;
        let answers = send_some(engine, &Kind::ProtectionReport.into()).await?;
        Ok::<_, StoreError>(statuses + answers + send_some(engine, &Kind::Comment.into()).await?)
    };
    let (to_slack, calls) = (Line::from(Kind::SlackWebhook), Line::from(Kind::SlackApi));
    let lines = lines_of_recipients(engine);
    let news = try_join_all(lines.iter().map(|line| send_some(engine, line)));
    let (to_github, messages, calls, news) =
        tokio::join!(to_github, send_some(engine, &to_slack), send_some(engine, &calls), news);
    Ok(to_github? + messages? + calls? + news?.into_iter().sum::<usize>())
}

/// One after the other: GitHub and Slack both ask for that, and when one of them asks to wait nothing else is on its way. Only
/// beside one that gets no answer the next begins, so that a call that hangs delays none of the others.
async fn send_some(engine: &Engine, line: &Line) -> Result<usize, StoreError> {
    let mut under_way = FuturesUnordered::new();
    let (mut tried, mut hanging) = (0, 0);
    let mut more = true;
    loop {
        hanging = hanging.min(under_way.len());
        let room = under_way.len() == hanging && hanging < AT_ONCE;
        if more && room && (tried < BATCH || hanging > 0) {
            match claim(engine, line).await? {
                Some(claimed) => {
                    tried += 1;
                    // boxed: the clients' futures are large
                    under_way.push(Box::pin(send(engine, claimed)));
                }
                None => more = false,
            }
            continue;
        }
        tokio::select! {
            sent = under_way.next() => match sent {
                Some(sent) => sent?,
                None => return Ok(tried),
            },
            () = tokio::time::sleep(PATIENCE), if more && hanging < under_way.len() => hanging = under_way.len(),
        }
    }
}

async fn claim(engine: &Engine, line: &Line) -> Result<Option<Claimed>, StoreError> {
    let (sender, pace) = (&engine.worker, engine.pace_of(line));
    engine
        .store
        .claim_outgoing(line, sender, engine.now(), CLAIM, &pace)
        .await
}
