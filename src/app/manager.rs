//! The service manager that started this process, systemd as a rule: the address that it holds open for us, and what it hears.
//! Where there is none, nothing happens here.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context;
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::flow::engine::Engine;

/// Of the time in which the manager wants to hear that we live, so much passes between two words.
const WORDS: u32 = 3;

/// The listener that was handed over, if one was. To be asked once, before there are threads: it clears the variables that told of
/// it.
///
/// # Errors
///
/// When it is not one TCP socket.
pub(crate) fn listener() -> anyhow::Result<Option<TcpListener>> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => Ok(None),
        1 => {
            let listener = passed
                .take_tcp_listener(0)
                .context("cannot use the socket that was handed over")?;
            if let Some(listener) = &listener {
                listener
                    .set_nonblocking(true)
                    .context("cannot use the socket that was handed over")?;
            }
            Ok(listener)
        }
        many => anyhow::bail!("{many} sockets were handed over (`LISTEN_FDS`); expected one: `ListenStream=` once"),
    }
}

/// This process does its work from now on.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// This process reads its configuration. [`ready`] says when it has.
pub(crate) fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // newer ones want to know since when
    states.extend(NotifyState::monotonic_usec_now().ok());
    tell(&states);
}

/// This process is about to end.
pub(crate) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("stopping; deployments go on"),
    ]);
}

/// Says again and again that this process lives, as often as the manager wants to hear it: only after a sweep has come to its end
/// since the last time, and the ledger has answered a write. A stage that hangs on the ledger is not helped by a timer that runs.
pub(crate) async fn live(engine: Engine) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return;
    };
    let mut swept = engine.swept.subscribe();
    loop {
        tokio::select! {
            () = engine.stop.cancelled() => return,
            () = prove(&engine, &mut swept, limit / WORDS) => {}
        }
    }
}

async fn prove(engine: &Engine, swept: &mut tokio::sync::watch::Receiver<u64>, pause: Duration) {
    tokio::time::sleep(pause).await;
    swept.mark_unchanged();
    // the other end lives as long as the engine
    let _ = swept.changed().await;
    // one that refuses has answered too: a full disk is not mended by a restart, and `/readyz` tells of it
    let _ = engine.store.probe_write().await;
    let backlog = engine.store.backlog().await.unwrap_or_default();
    let status = format!(
        "{} running, {} queued, {} held; {} to be sent",
        backlog.running, backlog.queued, backlog.held, backlog.outbox
    );
    tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "cannot tell the service manager how this process is");
    }
}
