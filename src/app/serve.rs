//! `chima serve` and `chima worker`: starts the stages, and ends them in order.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::Exit;
use crate::app::logging;
use crate::app::manager;
use crate::app::reload::{self, Reloader};
use crate::app::start::{Started, Surroundings, start};
use crate::config::{Config, environment};
use crate::flow::engine::Engine;
use crate::flow::{
    audit, auto_deploy, catch_up, comment, drift, execute, intake, outbox, protection, recheck, repositories,
    retention, slack, sweep, traces,
};
use crate::http::state::Surface;
use crate::http::{router, serve as connections};

/// How long stages may take to let go at the end. Runs go on without us.
const LET_GO: Duration = Duration::from_secs(10);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Receives deliveries and decides on them.
    pub receive: bool,
    /// Carries out runs.
    pub work: bool,
}

impl Roles {
    /// For people.
    fn described(self, at: Option<SocketAddr>) -> String {
        let receives = at.map(|at| format!("receives at {at}"));
        let works = self.work.then(|| "carries out runs".to_owned());
        receives.into_iter().chain(works).collect::<Vec<_>>().join(", ")
    }

    /// Everything in one process.
    pub const ALL: Self = Self {
        receive: true,
        work: true,
    };
    /// Runs only.
    pub const WORKER: Self = Self {
        receive: false,
        work: true,
    };
}

/// Runs a server until it is told to stop.
///
/// # Errors
///
/// When it cannot start.
pub fn serve(config: &Config, roles: Roles) -> anyhow::Result<Exit> {
    logging::start(environment::variable("RUST_LOG").as_deref());
    let passed = manager::listener()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        // first of all: who is told to stop while it starts ends as calmly as later
        let mut told = StopSignals::listen().context("cannot listen for signals")?;
        let hangups = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        let listener = match passed {
            _ if !roles.receive => None,
            Some(passed) => Some(taken_over(passed, config)?),
            None => Some(listen(config)?),
        };
        let at = listener.as_ref().map(TcpListener::local_addr).transpose();
        let at = at.context("cannot tell where the server listens")?;
        let surroundings = Surroundings::real()?;
        let here = at_its_address(config, at);
        let started = tokio::select! {
            started = start(&here, &surroundings) => started?,
            name = told.next() => {
                tracing::info!(signal = name, "stopped before it was ready");
                return Ok(Exit::Done);
            }
        };
        for sentence in &started.missing {
            tracing::warn!("not set up: {sentence}");
        }
        for sentence in &started.unfit {
            tracing::warn!("cannot be deployed: {sentence}");
        }
        if let Some(at) = at {
            if let Some(set_up) = &started.engine.doors.set_up {
                let url = format!("http://{at}{}", set_up.path());
                tracing::info!(
                    url,
                    "to make a GitHub App with one click, open this address; it is for you alone"
                );
            }
            let worker = &started.engine.worker;
            match here.github.polling {
                Some(interval) => tracing::info!(
                    address = %at,
                    worker,
                    "ready; GitHub is asked for new deployments every {} s (`github.polling`)",
                    interval.as_secs()
                ),
                None => tracing::info!(address = %at, worker, "ready; webhooks go to http://{at}/webhooks/github"),
            }
        } else {
            tracing::info!(worker = started.engine.worker, "ready to carry out runs");
        }
        let engine = started.engine.clone();
        let reloader = Reloader::new(config, at, &surroundings, &started.missing);
        let doing = roles.described(at);
        engine
            .tasks
            .spawn(reload_when_told(engine.clone(), reloader, hangups, doing.clone()));
        let server = run(started, listener, roles);
        engine.tasks.spawn(manager::live(engine.clone()));
        manager::ready(&doing);
        let stopper = engine.clone();
        engine.tasks.spawn(async move {
            let name = told.next().await;
            manager::stopping();
            tracing::info!(
                signal = name,
                "stopping; runs under way go on and are adopted by the next start"
            );
            stopper.stop.cancel();
        });
        server.await;
        Ok(Exit::Done)
    })
}

/// The socket that the service manager holds. What arrives while nobody serves it waits there.
fn taken_over(passed: std::net::TcpListener, config: &Config) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::from_std(passed).context("cannot use the socket that was handed over")?;
    let address = listener.local_addr().context("cannot tell where the server listens")?;
    if config.listen.port() != 0 && address != config.listen {
        tracing::warn!(
            "the socket that was handed over listens on `{address}`, and `server.listen` says `{}`: the socket holds",
            config.listen
        );
    }
    Ok(listener)
}

/// Opens the port.
///
/// # Errors
///
/// When somebody else has it.
pub fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    connections::listen(config.listen).with_context(|| {
        format!(
            "cannot listen on `{}`; choose another with `server.listen`",
            config.listen
        )
    })
}

/// The configuration with the port that the system chose, where it was left to it.
pub(crate) fn at_its_address(config: &Config, at: Option<SocketAddr>) -> Config {
    let mut config = config.clone();
    if let Some(chosen) = at.filter(|_| config.listen.port() == 0) {
        if config.public_url == format!("http://{}", config.listen) {
            config.public_url = format!("http://{chosen}");
        }
        config.listen = chosen;
    }
    config
}

/// Lets new configurations take over until this process is to stop.
async fn reload_when_told(engine: Engine, mut reloader: Reloader, mut hangups: Signal, doing: String) {
    let at_terminal = std::io::stderr().is_terminal();
    loop {
        tokio::select! {
            () = engine.stop.cancelled() => return,
            told = hangups.recv() => if told.is_none() { return },
        }
        if at_terminal && !std::io::stderr().is_terminal() {
            // the signal's first meaning: whoever started this by hand has closed the window
            engine.stop.cancel();
            return;
        }
        tracing::info!(signal = "SIGHUP", "reading the configuration again");
        manager::reloading();
        let came = reloader.reload(&engine).await;
        reload::tell(&came);
        match came {
            Ok(_) => {
                manager::ready(&doing);
                engine.tasks.spawn(reload::follow_up(engine.clone()));
            }
            Err(_) => manager::ready(&format!("{doing}; the newest configuration was refused: see the log")),
        }
    }
}

/// Runs the stages until the engine is told to stop, then lets go of everything in order.
pub async fn run(started: Started, listener: Option<TcpListener>, roles: Roles) {
    let Started { engine, .. } = started;
    let tasks = engine.tasks.clone();
    if let Some(writer) = engine.store.take_inbox_writer() {
        // ends with the store, not with the stop signal: requests under way still need it
        drop(tasks.spawn(writer.run()));
    }
    if roles.receive {
        tasks.spawn(supervised("intake", engine.clone(), intake::run));
        tasks.spawn(supervised("repositories", engine.clone(), repositories::run));
        tasks.spawn(supervised("retention", engine.clone(), retention::run));
        tasks.spawn(supervised("socket", engine.clone(), slack::socket::run));
        // where deliveries are taken: GitHub is asked to send them here
        tasks.spawn(supervised("catch-up", engine.clone(), catch_up::run));
        tasks.spawn(supervised("drift", engine.clone(), drift::run));
    }
    if roles.work {
        tasks.spawn(work(engine.clone()));
    }
    tasks.spawn(supervised("sweep", engine.clone(), sweep::run));
    tasks.spawn(supervised("recheck", engine.clone(), recheck::run));
    tasks.spawn(supervised("auto-deploy", engine.clone(), auto_deploy::run));
    tasks.spawn(supervised("protection", engine.clone(), protection::run));
    tasks.spawn(supervised("comments", engine.clone(), comment::run));
    tasks.spawn(supervised("slack", engine.clone(), slack::run));
    tasks.spawn(supervised("renewal", engine.clone(), sweep::renew));
    tasks.spawn(supervised("outbox", engine.clone(), outbox::run));
    tasks.spawn(supervised("traces", engine.clone(), traces::run));
    if let Some(listener) = listener {
        let draining = CancellationToken::new();
        let surface = Surface::new(engine.clone(), draining.clone());
        let connections = connections::serve(listener, router(surface), tasks.clone(), engine.stop.clone());
        let drain = async {
            engine.stop.cancelled().await;
            draining.cancel();
        };
        tokio::join!(connections, drain);
    } else {
        engine.stop.cancelled().await;
    }
    tasks.close();
    let _ = tokio::time::timeout(LET_GO, async {
        while engine.tasks.len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    traces::flush(&engine).await;
    audit::end(&engine).await;
    engine.store.close().await;
    tracing::info!("stopped");
}

/// Runs a stage again when it panics: one bad delivery must not end the service.
async fn supervised<F>(name: &'static str, engine: Engine, stage: fn(Engine) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while !engine.stop.is_cancelled() {
        if let Err(error) = engine.tasks.spawn(stage(engine.current())).await {
            tracing::error!(stage = name, error = %error, "a stage ended with a panic; starting it again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Answers bells.
async fn work(engine: Engine) {
    let answering = engine.clone();
    let answer = move |run| execute::answer(answering.current(), run);
    engine
        .queue
        .work(engine.config.workers, answer, &engine.tasks, engine.stop.clone())
        .await;
}

/// What tells a process to stop.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From here on the signals no longer end the process.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
