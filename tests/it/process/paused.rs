//! A worker that is paused for longer than its claims are good, and goes on as if nothing had happened.
//!
//! The lease of half a minute is too long for a test, and no setting shortens it: the workers here are this very test
//! program, started again with a shorter one.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chima::app::clock::SystemClock;
use chima::app::serve::{Roles, run};
use chima::app::start::{Started, Surroundings, start_with};
use chima::config::{Config, Known};
use chima::flow::engine::Lease;
use rustix::process::Signal;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::process::child::{Chima, program};
use crate::process::installation::{Installation, eventually};
use crate::process::wire::get;
use crate::torture::{rounds, row, setting};

const SOON: Duration = Duration::from_secs(10);
/// Where it was stopped between sending a status and writing down that it had, nobody can tell whether it has until its claim of
/// the status lapses, after a minute; what follows waits for that.
const CLAIMED: Duration = Duration::from_secs(75);
const LEASE: Lease = Lease {
    length: Duration::from_millis(1500),
    renewal: Duration::from_millis(300),
};
const FOLDER: &str = "CHIMA_TEST_WORKER_FOLDER";

async fn started(folder: &Path) -> Started {
    let path = folder.join("app.yaml");
    let text = std::fs::read_to_string(&path).expect("the configuration");
    // this process has a working directory of its own
    let name = folder.display();
    let text = text
        .replace("{ file: ", &format!("{{ file: {name}/"))
        .replace("data_dir: ", &format!("data_dir: {name}/"))
        .replace("sqlite:data", &format!("sqlite:{name}/data"));
    let config = Config::parse(&path, &text, &Known::default()).expect("a good configuration");
    let surroundings = Surroundings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
        clock: Arc::new(SystemClock::default()),
        answer_timeout: None,
    };
    // a second TLS provider is refused, and the first one serves as well
    let _ = rustls::crypto::ring::default_provider().install_default();
    start_with(&config, &surroundings, LEASE).await.expect("a start")
}

#[test]
#[ignore = "not a test: what a worker of the tests below runs"]
fn worker_with_a_short_lease() {
    #[expect(clippy::disallowed_methods, reason = "this is how it is told that it is the worker")]
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    chima::app::logging::start(None);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let started = started(Path::new(&folder)).await;
        tracing::info!("ready to carry out runs");
        run(started, None, Roles::WORKER).await;
    });
}

/// A worker with a short lease. `programs` comes first in its `PATH`.
async fn worker(installation: &Installation, name: &str, programs: Option<&Path>) -> Chima {
    let this = std::env::current_exe().expect("this program");
    let arguments = [
        "process::paused::worker_with_a_short_lease",
        "--exact",
        "--ignored",
        "--nocapture",
    ];
    let mut command = program(&this, &installation.path(""), &arguments);
    command.env(FOLDER, installation.path(""));
    if let Some(programs) = programs {
        #[expect(clippy::disallowed_methods, reason = "git is where the tester's shell finds it")]
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", programs.display()));
    }
    let worker = Chima::start(command, installation.path(name));
    eventually("the worker is ready", || {
        worker.stderr().contains("ready to carry out runs").then_some(())
    })
    .await;
    worker
}

/// Stops a worker between two writes. In the middle of one it holds SQLite's only write lock, of the ledger or of the queue, and for
/// as long as it is paused nobody can write: deliveries are then answered with 503, and no worker starts, which is not what is looked at
/// here.
async fn pause(installation: &Installation, worker: &Chima) {
    for _ in 0..20 {
        worker.signal(Signal::STOP);
        let ready = tokio::time::timeout(Duration::from_secs(1), get(installation.port, "/readyz")).await;
        let ready = ready.is_ok_and(|answer| answer.is_some_and(|answer| answer.status == 200));
        if ready && is_free(&installation.path("data/queue.db")).await {
            return;
        }
        worker.signal(Signal::CONT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the worker writes all the time");
}

/// Whether nobody is writing to this SQLite file.
async fn is_free(file: &Path) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(Duration::from_millis(200));
    let mut connection = options.connect().await.expect("it is there");
    connection.execute("BEGIN IMMEDIATE; ROLLBACK").await.is_ok()
}

/// A server in this process that carries out nothing itself. Its sweep adopts.
struct Receiver {
    stop: tokio_util::sync::CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn start(installation: &Installation) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], installation.port));
        if setting("CHIMA_TORTURE").is_some() {
            // alone in this process: what the sweep says is told with the output of a failed test
            chima::app::logging::start(None);
        }
        let listener = tokio::net::TcpListener::bind(address).await.expect("a port");
        let started = started(&installation.path("")).await;
        let stop = started.engine.stop.clone();
        let roles = Roles {
            receive: true,
            work: false,
        };
        #[expect(clippy::disallowed_methods, reason = "the server of this test")]
        let task = tokio::spawn(run(started, Some(listener), roles));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_paused_while_it_watched_a_run_writes_nothing_when_it_goes_on() {
    let count = rounds(1, 50);
    for _ in 0..count {
        paused_while_watching().await;
    }
    row(
        "a worker paused beyond its lease while it watched a run, then resumed",
        count,
        "its late writes and statuses refused, 0 overlaps, 0 begun twice",
        "0 stale writes or statuses, 0 overlaps",
    );
}

async fn paused_while_watching() {
    let installation = Installation::sqlite().await;
    let receiver = Receiver::start(&installation).await;
    let paused = worker(&installation, "paused.err", None).await;
    let taken = installation.deploy("gated", "staging").await;
    installation.noted(taken, "start").await;
    pause(&installation, &paused).await;
    tokio::time::sleep(LEASE.length).await;
    installation.open_gate(taken);
    assert_eq!(installation.concluded(taken, CLAIMED).await, "success");
    let other = worker(&installation, "other.err", None).await;
    let next = installation.deploy("gated", "staging").await;
    installation.noted(next, "start").await;
    paused.signal(Signal::CONT);
    eventually("the paused worker is refused", || {
        paused.stderr().contains("its end is not ours to write").then_some(())
    })
    .await;
    installation.open_gate(next);
    assert_eq!(installation.concluded(next, SOON).await, "success");
    receiver.stop().await;
    drop((paused, other));
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_paused_before_it_began_a_run_never_begins_it() {
    let count = rounds(1, 50);
    for _ in 0..count {
        paused_before_beginning().await;
    }
    row(
        "a worker paused beyond its lease before it began a run, then resumed",
        count,
        "its late writes and statuses refused, 0 overlaps, 0 begun twice",
        "0 stale writes or statuses, 0 overlaps",
    );
}

async fn paused_before_beginning() {
    let installation = Installation::sqlite().await;
    let receiver = Receiver::start(&installation).await;
    // its git waits for the test before it makes a checkout, without holding up anybody else's
    let programs = installation.path("programs");
    std::fs::create_dir(&programs).unwrap();
    let wait = installation.path("gates/git");
    let git = format!(
        "#!/bin/sh\ncase \"$*\" in *worktree*) : > '{0}.waits'; while [ ! -e '{0}' ]; do sleep 0.01; done ;; esac\n\
         PATH=${{PATH#*:}}\nexec git \"$@\"\n",
        wait.display()
    );
    std::fs::write(programs.join("git"), git).unwrap();
    std::fs::set_permissions(programs.join("git"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let paused = worker(&installation, "paused.err", Some(&programs)).await;
    installation.write("gates/git", "");
    let first = installation.deploy("gated", "qa").await;
    installation.open_gate(first);
    assert_eq!(installation.concluded(first, SOON).await, "success");
    for file in ["gates/git", "gates/git.waits"] {
        std::fs::remove_file(installation.path(file)).unwrap();
    }
    let deployment = installation.deploy("gated", "staging").await;
    eventually("the paused worker prepares the run", || {
        let told = installation.told(deployment).contains(&"in_progress".to_owned());
        (told && installation.path("gates/git.waits").exists()).then_some(())
    })
    .await;
    pause(&installation, &paused).await;
    let other = worker(&installation, "other.err", None).await;
    installation.noted(deployment, "start").await;
    // the paused one goes on, with a whole checkout, beside the run of its successor
    installation.write("gates/git", "");
    paused.signal(Signal::CONT);
    eventually("the paused worker finds the environment occupied", || {
        paused
            .stderr()
            .contains("the environment is still occupied")
            .then_some(())
    })
    .await;
    installation.open_gate(deployment);
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert_eq!(installation.told(deployment), ["queued", "in_progress", "success"]);
    let after = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(after, SOON).await, "success");
    eventually("the late checkout is removed", || {
        installation.leftovers().is_empty().then_some(())
    })
    .await;
    receiver.stop().await;
    drop((paused, other));
    installation.close().await;
}
