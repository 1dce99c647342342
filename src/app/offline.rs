//! Commands on the ledger that need no server.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::{Exit, account, complain, say};
use crate::cli::{decide as deciding, outbox as sending, runs as listing};
use crate::config::Config;
use crate::domain::audit::By;
use crate::domain::clock::Clock;
use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::run::{Run, RunState};
use crate::flow::announce::Voice;
use crate::flow::cancel::{self, Answer};
use crate::flow::command::{self, Desk};
use crate::flow::finish;
use crate::provider::attempt;
use crate::provider::log;
use crate::provider::log::reader::{LogReader, gap_marker};
use crate::report::repositories;
use crate::store::Store;
use crate::store::audit::as_account;
use crate::store::verdict::Heard;

const LOOK: Duration = Duration::from_millis(150);
const CHUNK: usize = 64 * 1024;

/// `chima replay`.
///
/// # Errors
///
/// When there is no such delivery.
pub fn replay(config: &Config, delivery: &str) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let now = SystemClock::default().now();
        say(&deciding::replay(&store, delivery, at_terminal(), now).await?)
    })
}

/// `chima decide`. Ends with 1 when something else comes out than was decided then.
///
/// # Errors
///
/// When there is nothing to decide.
pub fn decide(config: &Config, delivery: &str, json: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let (text, agree) = deciding::decide(&store, delivery, json).await?;
        say(&text)?;
        Ok(if agree { Exit::Done } else { Exit::Failed })
    })
}

/// `chima forget`. Ends with 1 when nothing was known.
///
/// # Errors
///
/// When the ledger cannot be written.
pub fn forget(config: &Config, repository: &str) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let now = SystemClock::default().now();
        let known = store
            .forget_repository(&config.github.host, repository, at_terminal(), now)
            .await?;
        say(&repositories::forgotten(repository, known))?;
        Ok(if known { Exit::Done } else { Exit::Failed })
    })
}

/// `chima runs`.
///
/// # Errors
///
/// When the ledger cannot be read.
pub fn runs(config: &Config, limit: u32, json: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        say(&listing::list(&store, limit, json, SystemClock::default().now()).await?)
    })
}

/// `chima outbox`. Where only what was given up is wanted, it ends with 1 when there is something.
///
/// # Errors
///
/// When nothing that was given up is called like this, or the ledger cannot be used.
pub fn outbox(config: &Config, dead: bool, retry: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let now = SystemClock::default().now();
        if let Some(id) = retry {
            return say(&sending::retry(&store, id, at_terminal(), now).await?);
        }
        say(&sending::list(&store, dead, json, now).await?)?;
        let lost = dead && store.backlog().await?.dead > 0;
        Ok(if lost { Exit::Failed } else { Exit::Done })
    })
}

/// The ledger of this machine, where there is one.
///
/// # Errors
///
/// When it is there and cannot be opened.
pub(crate) async fn find_ledger(config: &Config) -> anyhow::Result<Option<Store>> {
    if !config.store.exists() {
        return Ok(None);
    }
    Ok(Some(Store::open(&config.store).await?))
}

/// `chima cancel`. Ends with 1 when the run had ended before, or, waited for, came to its own end first.
///
/// # Errors
///
/// When there is no such run, or more than one that begins like this, or the ledger cannot be written.
pub fn cancel(config: &Config, run: &str, cancellation: &Cancellation, wait: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let run = find(&store, run).await?;
        let clock = SystemClock::default();
        let answer = cancel::cancel(&desk(config, &store, &clock), run, cancellation).await?;
        let text = answer.told(clock.now());
        match answer {
            Answer::Ended(_) => say(&format!("{text}\n")),
            Answer::Requested(run) | Answer::RequestedBefore(run) => {
                pass_on(config, &run);
                say(&format!("{text}\n"))?;
                if wait {
                    ended_as(&store, run, RunState::Cancelled).await
                } else {
                    Ok(Exit::Done)
                }
            }
            Answer::Over(_) => {
                complain(&anyhow::Error::msg(text));
                Ok(Exit::Failed)
            }
        }
    })
}

/// `chima finish`. Ends with 1 when the run waits for nobody, or not for this word, or, waited for, ended in another way.
///
/// # Errors
///
/// When there is no such run, or more than one that begins like this, or the ledger cannot be written.
pub fn finish(config: &Config, run: &str, verdict: &PersonsVerdict, wait: bool) -> anyhow::Result<Exit> {
    with_store(config, async |store| {
        let run = find(&store, run).await?;
        let clock = SystemClock::default();
        let heard = finish::finish(&desk(config, &store, &clock), &run, verdict).await?;
        let text = finish::answered(&heard, clock.now());
        let run = match heard {
            Heard::Taken(run) => run,
            // the same word twice is no contradiction
            Heard::SaidBefore(run) if run.verdict.as_ref().is_some_and(|first| first.done == verdict.done) => run,
            Heard::SaidBefore(_) | Heard::NotAsked(_) => {
                complain(&anyhow::Error::msg(text));
                return Ok(Exit::Failed);
            }
        };
        pass_on(config, &run);
        say(&format!("{text}\n"))?;
        if wait {
            ended_as(&store, *run, finish::of_verdict(verdict).state).await
        } else {
            Ok(Exit::Done)
        }
    })
}

pub(crate) fn desk<'a>(config: &'a Config, store: &'a Store, clock: &'a SystemClock) -> Desk<'a> {
    Desk {
        store,
        voice: Voice {
            config,
            clock,
            slack: config.slack.incoming_webhook.is_some(),
        },
    }
}

/// A worker does it too; perhaps none is there. That this account may not is no failure either.
fn pass_on(config: &Config, run: &Run) {
    let _ = command::hand_over(&config.data_dir, run);
}

/// Waits for the end of a run, and tells how it ended: as it was asked to, or otherwise.
async fn ended_as(store: &Store, mut run: Run, wanted: RunState) -> anyhow::Result<Exit> {
    while !run.state.is_terminal() {
        tokio::time::sleep(LOOK).await;
        run = current(store, &run).await?;
    }
    say(&format!("{}\n", crate::report::cancel::how(&run)))?;
    Ok(if run.state == wanted { Exit::Done } else { Exit::Failed })
}

async fn current(store: &Store, run: &Run) -> anyhow::Result<Run> {
    let found = store.find_run(run.id).await?;
    found.context("the run is gone from the ledger")
}

/// The ledger of this machine.
///
/// # Errors
///
/// When there is none, or it cannot be opened.
pub(crate) async fn open_ledger(config: &Config) -> anyhow::Result<Store> {
    let found = find_ledger(config).await?;
    found.with_context(|| {
        format!(
            "there is no ledger at `{}`; it is made by `chima serve`",
            config.store.display()
        )
    })
}

pub(crate) fn with_store(
    config: &Config,
    work: impl AsyncFnOnce(Store) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let store = open_ledger(config).await?;
        let ended = as_account(account(), work(store.clone())).await;
        keep_audit_head(&store).await;
        store.close().await;
        ended
    })
}

/// Whoever sits at this terminal, as the audit log names them.
pub(crate) fn at_terminal() -> By {
    By::through(&account(), "terminal")
}

/// Writes down where the audit log ends, for a command that has added to it: there may be no server that does.
pub(crate) async fn keep_audit_head(store: &Store) {
    if let Err(error) = store.publish_audit_head(SystemClock::default().now()).await {
        complain(
            &anyhow::Error::new(error).context("what was asked for is done, but cannot keep where the audit log ends"),
        );
    }
}

pub(crate) async fn find(store: &Store, prefix: &str) -> anyhow::Result<Run> {
    let mut found = store.runs_starting_with(&prefix.to_ascii_uppercase()).await?;
    match (found.pop(), found.pop()) {
        (None, _) => anyhow::bail!("no run `{prefix}`; `chima runs` lists them"),
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => anyhow::bail!("more than one run begins with `{prefix}`; type more of its id"),
    }
}

fn reader(config: &Config, run: &Run) -> LogReader {
    let attempt = attempt::dir(&config.data_dir, run.id, run.attempts.max(1));
    LogReader::open(log::dir(&attempt))
}

/// Prints what there is of a log.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn print_log(config: &Config, run: &Run) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let end = copy(&reader(config, run), 0, &mut out)?;
    if end == 0 {
        drop(out);
        return say(&format!("run `{}` is {} and has no log\n", run.id, run.state.as_str()));
    }
    Ok(Exit::Done)
}

pub(crate) async fn follow_log(config: &Config, store: &Store, mut run: Run) -> anyhow::Result<Exit> {
    let mut at = 0;
    loop {
        // asked before the log is read, so that nothing written before the end is missed
        let current = current(store, &run).await?;
        if current.attempts != run.attempts {
            at = 0;
        }
        run = current;
        at = copy(&reader(config, &run), at, &mut std::io::stdout().lock())?;
        if run.state.is_terminal() {
            return Ok(if run.state == RunState::Succeeded {
                Exit::Done
            } else {
                Exit::Failed
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Copies what there is from `at` on; returns where to go on.
fn copy(log: &LogReader, mut at: u64, out: &mut impl Write) -> anyhow::Result<u64> {
    loop {
        let chunk = log.read(at, CHUNK)?;
        if let Some(gap) = chunk.skipped {
            out.write_all(gap_marker(gap).as_bytes())?;
        }
        if chunk.bytes.is_empty() {
            out.flush()?;
            return Ok(at);
        }
        out.write_all(&chunk.bytes)?;
        at = chunk.next();
    }
}
