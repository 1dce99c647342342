//! What a server is asked to do: deployments, followed to their end, and what is asked of runs that are there.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::app::clock::SystemClock;
use crate::app::commits::tell_preview;
use crate::app::remote::{environment_of, newest, read, refuse_by};
use crate::app::{Exit, say};
use crate::cli::args::{AgainArgs, DeployArgs, RollbackArgs};
use crate::cli::client::Server;
use crate::cli::follow::follow;
use crate::domain::clock::Clock;
use crate::flow::chat::preview::Preview;
use crate::flow::view::Page;
use crate::flow::view::forms::{Done, NewDeployment, NewRollback, Stop, Verdict};
use crate::flow::view::run::{RunDetail, RunView};

/// How long GitHub's delivery may take before that is worth saying.
const DELIVERY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(400);

pub(super) async fn deploy(server: &Server, args: &DeployArgs, plan: bool) -> anyhow::Result<Exit> {
    refuse_by(args.by.as_deref())?;
    let target = read(&args.target)?;
    let (environment, mut hosts) = environment_of(server, &target).await?;
    hosts.extend(args.hosts.iter().cloned());
    let wanted = NewDeployment {
        app: target.app.clone(),
        environment,
        git_ref: target.git_ref.clone(),
        task: Some(args.task.clone()),
        hosts,
        force: args.force,
        plan,
    };
    if args.preview {
        let found: Preview = server.post(&["deployments", "preview"], &wanted).await?;
        return tell_preview(args, &found);
    }
    let done: Done = server.post_once(&["deployments"], Some(&wanted), &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}

/// A name for a request that nobody else uses.
fn key() -> String {
    SystemClock::default().fresh_ulid().to_string()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Not,
    Told,
    Silent,
}

impl Wait {
    fn of(no_wait: bool, json: bool) -> Self {
        match (no_wait, json) {
            (true, _) => Self::Not,
            (false, true) => Self::Silent,
            (false, false) => Self::Told,
        }
    }
}

/// Follows what was asked for to its end.
async fn made(server: &Server, done: &Done, wait: Wait) -> anyhow::Result<Exit> {
    if wait != Wait::Silent {
        say(&format!("{}\n", done.text))?;
    }
    let Some(deployment) = done.deployment.filter(|_| wait != Wait::Not) else {
        return Ok(Exit::Done);
    };
    let run = run_of(server, deployment).await?;
    if wait == Wait::Told {
        progress(server, &run.id).await?;
    }
    let ended = until_ended(server, &run.id).await?;
    if wait == Wait::Silent {
        say(&format!("{}\n", serde_json::to_string(&ended)?))?;
    } else {
        say(&format!("{}\n", ended.run.summary))?;
    }
    Ok(exit_for(&ended.run))
}

/// How a command ends that followed a run.
pub(super) fn exit_for(run: &RunView) -> Exit {
    if run.state == "succeeded" {
        Exit::Done
    } else {
        Exit::Failed
    }
}

async fn run_of(server: &Server, deployment: u64) -> anyhow::Result<RunView> {
    let give_up = tokio::time::Instant::now() + DELIVERY;
    loop {
        let query = [("deployment", deployment.to_string())];
        let mut page: Page<RunView> = server.get(&["runs"], &query).await?;
        if let Some(run) = page.items.pop() {
            return Ok(run);
        }
        if tokio::time::Instant::now() > give_up {
            anyhow::bail!(
                "deployment {deployment} has not been delivered within {} s; `chima queue` shows what is on its way",
                DELIVERY.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The log as it grows; where somebody watches, also where the run stands.
async fn progress(server: &Server, run: &str) -> anyhow::Result<()> {
    let watched = std::io::stderr().is_terminal();
    let mut out = std::io::stdout();
    follow(server, run, &mut out, |state, description| {
        if watched {
            // whoever watches sees it, or does not
            let _ = writeln!(std::io::stderr(), "[{state}] {description}");
        }
    })
    .await
}

pub(super) async fn until_ended(server: &Server, run: &str) -> anyhow::Result<RunDetail> {
    loop {
        let detail: RunDetail = server.get(&["runs", run], &[]).await?;
        if detail.run.ended {
            return Ok(detail);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ended_as(server: &Server, run: &str, wanted: &str) -> anyhow::Result<Exit> {
    let ended = until_ended(server, run).await?;
    say(&format!("{}\n", ended.run.summary))?;
    Ok(if ended.run.state == wanted {
        Exit::Done
    } else {
        Exit::Failed
    })
}

pub(super) async fn retry(server: &Server, args: &AgainArgs) -> anyhow::Result<Exit> {
    let run = newest(server, &args.target).await?;
    let done: Done = server.post_once(&["runs", &run, "retry"], None::<&()>, &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}

pub(super) async fn rollback(server: &Server, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let target = read(&args.target)?;
    let (environment, _) = environment_of(server, &target).await?;
    let wanted = NewRollback {
        app: target.app.clone(),
        environment,
        to: args.to.clone(),
    };
    if wanted.to.is_none() && !args.previous {
        let done: Done = server.post(&["rollbacks", "preview"], &wanted).await?;
        return say(&format!(
            "{}\nwith `--previous`, or `--to REF`, it is done\n",
            done.text
        ));
    }
    let done: Done = server.post_once(&["rollbacks"], Some(&wanted), &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}

pub(super) async fn replay(server: &Server, delivery: &str) -> anyhow::Result<Exit> {
    let done: Done = server.post(&["deliveries", delivery, "replay"], &()).await?;
    say(&format!("{}\n", done.text))
}

pub(super) async fn cancel(server: &Server, run: &str, reason: Option<String>, wait: bool) -> anyhow::Result<Exit> {
    let done: Done = server.post(&["runs", run, "cancel"], &Stop { reason }).await?;
    say(&format!("{}\n", done.text))?;
    if wait {
        ended_as(server, run, "cancelled").await
    } else {
        Ok(Exit::Done)
    }
}

pub(super) async fn finish(
    server: &Server,
    run: &str,
    (failed, note): (bool, Option<String>),
    wait: bool,
) -> anyhow::Result<Exit> {
    let verdict = Verdict { done: !failed, note };
    let done: Done = server.post(&["runs", run, "verdict"], &verdict).await?;
    say(&format!("{}\n", done.text))?;
    if wait {
        ended_as(server, run, if failed { "failed" } else { "succeeded" }).await
    } else {
        Ok(Exit::Done)
    }
}
