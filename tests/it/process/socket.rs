//! The service manager's part, played by the test: it holds the address, starts the server again and again, and hears how it is.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::process::child::{Chima, program};
use crate::process::installation::{Installation, eventually};
use crate::process::trickle::{Said, Trickle};
use crate::torture;

const SOON: Duration = Duration::from_secs(10);
const SECRET: &str = "a webhook secret of many bytes";
/// Of deliveries.
const PACE: u32 = 50;

/// `LISTEN_PID` is the number of the process that is to take the socket, which only that process knows; the shell becomes it. The
/// socket comes as standard input, so that it is open in no other child of the test.
const HAND_OVER: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$0" "$@" 3<&0 </dev/null"#;

/// As systemd would have it.
struct Manager {
    address: TcpListener,
    words: UnixDatagram,
}

impl Manager {
    /// Holds the installation's address.
    fn new(installation: &Installation) -> Self {
        let words = UnixDatagram::bind(installation.path("notify")).expect("the folder is ours");
        words.set_nonblocking(true).expect("it is a socket");
        Self {
            address: TcpListener::bind(("127.0.0.1", installation.port)).expect("the port is free"),
            words,
        }
    }

    fn command(&self, installation: &Installation, arguments: &[&str]) -> Command {
        let chima = env!("CARGO_BIN_EXE_chima");
        let given = ["-c", HAND_OVER, chima, "--config", "app.yaml"];
        let arguments: Vec<&str> = given.iter().chain(arguments).copied().collect();
        let mut command = program(Path::new("/bin/sh"), &installation.path(""), &arguments);
        command
            .stdin(Stdio::from(OwnedFd::from(
                self.address.try_clone().expect("a descriptor"),
            )))
            .env("NOTIFY_SOCKET", installation.path("notify"));
        command
    }

    /// Starts a server, and waits for its word.
    async fn serve(&self, installation: &Installation) -> Chima {
        self.heard();
        let server = Chima::start(self.command(installation, &["serve"]), installation.path("serve.err"));
        self.told("READY=1").await;
        server
    }

    /// What has been said since the last time, one state a line.
    fn heard(&self) -> Vec<String> {
        let mut states = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.words.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            states.extend(text.lines().map(str::to_owned));
        }
        states
    }

    /// Waits for a state; everything that was said until then.
    async fn told(&self, state: &str) -> Vec<String> {
        let mut said = Vec::new();
        eventually(state, || {
            said.extend(self.heard());
            said.iter().any(|one| one == state).then_some(())
        })
        .await;
        said
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_refuse_no_delivery_and_interrupt_no_command() {
    let installation = Installation::sqlite().await;
    let manager = Manager::new(&installation);
    let rounds = torture::rounds(8, 200);
    let mut server = manager.serve(&installation).await;
    let under_way = installation.deploy("gated", "staging").await;
    installation.noted(under_way, "start").await;
    let trickle = Trickle::start(installation.port, SECRET, PACE);
    let begun = Instant::now();
    for _ in 0..rounds {
        let so_far = trickle.answered();
        eventually("some deliveries between two restarts", || {
            (trickle.answered() > so_far + 5).then_some(())
        })
        .await;
        let (status, _) = server.stop(SOON).await;
        assert_eq!(status.code(), Some(0));
        server = manager.serve(&installation).await;
    }
    let lasted = begun.elapsed();
    let said = trickle.stop().await;
    installation.open_gate(under_way);
    assert_eq!(installation.concluded(under_way, SOON).await, "success");
    let bad: Vec<&Said> = said.iter().filter(|said| !said.is_good()).collect();
    assert_eq!(bad, Vec::<&Said>::new(), "of {} deliveries", said.len());
    let slowest = said.iter().map(|said| said.took).max().unwrap_or_default();
    torture::row(
        "restarts while the manager holds the socket",
        rounds,
        format!(
            "{} deliveries in {lasted:.0?}, 0 refused, 0 other than 2xx, slowest {slowest:.1?}",
            said.len()
        ),
        "0 refused, 0 other than 2xx at 50/s",
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manager_hears_when_it_is_ready_when_it_reads_again_and_when_it_stops() {
    let installation = Installation::sqlite().await;
    let manager = Manager::new(&installation);
    let mut server = manager.serve(&installation).await;
    server.signal(Signal::HUP);
    let states = manager.told("READY=1").await;
    assert_eq!(states.first().map(String::as_str), Some("RELOADING=1"), "{states:?}");
    assert!(
        states.iter().any(|state| state.starts_with("MONOTONIC_USEC=")),
        "{states:?}"
    );
    installation.write("app.yaml", "nothing: of this\n");
    server.signal(Signal::HUP);
    let states = manager.told("READY=1").await;
    eventually("the refusal is a status", || {
        let states: Vec<String> = states.iter().cloned().chain(manager.heard()).collect();
        states.iter().any(|state| state.contains("was refused")).then_some(())
    })
    .await;
    server.stop(SOON).await;
    assert!(manager.heard().contains(&"STOPPING=1".to_owned()));
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_said_to_live_only_while_the_ledger_answers() {
    let installation = Installation::sqlite().await;
    let manager = Manager::new(&installation);
    let mut command = manager.command(&installation, &["worker"]);
    command.env("WATCHDOG_USEC", "900000");
    let mut worker = Chima::start(command, installation.path("worker.err"));
    let states = manager.told("WATCHDOG=1").await;
    assert!(states.iter().any(|state| state.starts_with("STATUS=")), "{states:?}");
    let ledger = SqliteConnectOptions::new().filename(installation.path("data/chima.db"));
    let mut ledger = ledger.connect().await.expect("it is there");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut ledger)
        .await
        .expect("a free moment");
    // a word that was on its way
    tokio::time::sleep(Duration::from_millis(300)).await;
    manager.heard();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let states = manager.heard();
    assert!(!states.contains(&"WATCHDOG=1".to_owned()), "{states:?}");
    sqlx::query("ROLLBACK").execute(&mut ledger).await.expect("it is ours");
    manager.told("WATCHDOG=1").await;
    worker.stop(SOON).await;
    installation.close().await;
}
