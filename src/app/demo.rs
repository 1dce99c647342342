//! `chima demo`: the first minute of a newcomer. Stand-ins for GitHub and Slack, and the real `serve` path on loopback.

pub mod teller;
pub mod world;

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;

use crate::app::demo::teller::Teller;
use crate::app::demo::world::DemoWorld;
use crate::app::serve::{Roles, run};
use crate::app::start::{Started, Surroundings, start};
use crate::app::{Exit, logging};
use crate::config::environment;
use crate::domain::run::RunState;

/// Shows one deployment from the webhook to its last status; then leaves the server running, unless `once`.
///
/// # Errors
///
/// When something it needs is missing: git, a port, the Redis that was asked for.
pub fn demo(queue: &str, once: bool, listen: SocketAddr) -> anyhow::Result<Exit> {
    // the story is told on standard output; the log would only interrupt it
    logging::start(Some(environment::variable("RUST_LOG").as_deref().unwrap_or("error")));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(tell(queue, once, listen))
}

async fn tell(queue: &str, once: bool, listen: SocketAddr) -> anyhow::Result<Exit> {
    let world = DemoWorld::create().await?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on `{listen}`"))?;
    let config = world.config(listener.local_addr()?, queue)?;
    let url = config.public_url.clone();
    world.hook(&format!("{url}/webhooks/github"));
    let started: Started = start(&config, &Surroundings::real()?).await?;
    let engine = started.engine.clone();
    engine
        .queue
        .waiting()
        .await
        .with_context(|| format!("the queue `{queue}` does not answer"))?;
    let server = tokio::task::LocalSet::new();
    let running = run(started, Some(listener), Roles::ALL);
    let story = async {
        let mut teller = Teller::new(engine.clone(), world.clone());
        teller.introduce(&url, queue)?;
        world.deploy(&mut teller).await?;
        let state = teller.until_told().await?;
        teller.conclude(state, &url, once)?;
        if !once {
            tokio::select! {
                told = teller.go_on() => told?,
                _ = tokio::signal::ctrl_c() => line("\nstopping, and removing the files\n")?,
            }
        }
        engine.stop.cancel();
        anyhow::Ok(if state == RunState::Succeeded {
            Exit::Done
        } else {
            Exit::Failed
        })
    };
    let (exit, ()) = Box::pin(server.run_until(async { tokio::join!(story, running) })).await;
    exit
}

/// Prints a line at once.
fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}
