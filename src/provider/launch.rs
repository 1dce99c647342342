//! Starts a runner and waits until its start is durable, or is known not to happen.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use crate::provider::marker;
use crate::provider::runner::{ALREADY_STARTED, LANE_BUSY, READY};
use crate::provider::spec::RunnerSpec;
use crate::provider::watch::{self, Ended};

/// A runner begins within milliseconds. One that has not begun by then is sealed out.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Starts runners.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Our own binary.
    pub program: PathBuf,
}

/// What became of a start.
#[derive(Debug)]
pub enum Start {
    /// The runner's marker is durable; its first command is about to start.
    Started(Running),
    /// Somebody else holds the lane. Nothing was written; the attempt may be started later.
    LaneBusy,
    /// The attempt was begun before, or is sealed: it may only be looked at.
    AlreadyStarted,
}

/// A runner that this process started.
#[derive(Debug)]
pub struct Running {
    child: Box<Child>,
    attempt_dir: PathBuf,
}

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The folders or the process could not be made.
    #[error("cannot {action} to start a runner")]
    Setup {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// It ended before it began. Certain: the attempt may be started again.
    #[error("the runner did not start: {detail}")]
    Failed {
        /// Its own words.
        detail: String,
    },
}

impl Launcher {
    /// Starts a runner. Returns once its marker is durable, or once it is certain that there will be none.
    ///
    /// # Errors
    /// When nothing was started; the marker does not exist then, unless as a seal.
    pub async fn start(&self, spec: &RunnerSpec) -> Result<Start, LaunchError> {
        let setup = |action| move |source| LaunchError::Setup { action, source };
        let orders = serde_json::to_vec(spec).map_err(|error| setup("write the orders")(error.into()))?;
        let errors = prepare(spec).map_err(setup("make the attempt's folder"))?;
        let mut child = self.spawn(errors).map_err(setup("run the program"))?;

        let begun = timeout(START_LIMIT, begin(&mut child, &orders)).await;
        if matches!(begun, Ok(Ok(true))) {
            return Ok(Start::Started(Running::new(child, spec)));
        }
        if begun.is_err() {
            // It hangs before its border. Whoever creates the marker first decides whether it ever begins.
            match marker::seal(&spec.attempt_dir) {
                Ok(true) => {
                    let _ = child.start_kill();
                    return Err(LaunchError::Failed {
                        detail: format!("nothing heard of it for {} s", START_LIMIT.as_secs()),
                    });
                }
                Ok(false) | Err(_) => {
                    return Ok(Start::Started(Running::new(child, spec)));
                }
            }
        }
        let status = child.wait().await.map_err(setup("wait for the program"))?;
        match status.code() {
            Some(code) if code == i32::from(LANE_BUSY) => Ok(Start::LaneBusy),
            Some(code) if code == i32::from(ALREADY_STARTED) => Ok(Start::AlreadyStarted),
            _ if is_begun(&spec.attempt_dir) => Ok(Start::Started(Running::new(child, spec))),
            _ => Err(LaunchError::Failed {
                detail: last_words(&spec.attempt_dir).unwrap_or_else(|| status.to_string()),
            }),
        }
    }

    fn spawn(&self, errors: fs::File) -> io::Result<Child> {
        // No process group is asked for: a group leader could not begin a session, which the runner does itself.
        #[expect(clippy::disallowed_methods, reason = "the one place where a runner is started")]
        let mut command = tokio::process::Command::new(&self.program);
        command
            .arg("runner")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors);
        command.spawn()
    }
}

impl Running {
    fn new(child: Child, spec: &RunnerSpec) -> Self {
        Self {
            child: Box::new(child),
            attempt_dir: spec.attempt_dir.clone(),
        }
    }

    /// The runner's process number, for the log.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end of the attempt. A dropped handle stops nothing: the runner goes on and is collected when it ends.
    ///
    /// # Errors
    /// When the attempt's folder cannot be read.
    pub async fn ended(&mut self) -> io::Result<Ended> {
        tokio::select! {
            ended = watch::watch(&self.attempt_dir) => ended,
            // Collected: it has written its result, or never will.
            _ = self.child.wait() => watch::result(&self.attempt_dir),
        }
    }
}

/// Hands over the orders and waits for the word that the marker is durable. `false`: the runner has closed its side.
async fn begin(child: &mut Child, orders: &[u8]) -> io::Result<bool> {
    if let Some(mut stdin) = child.stdin.take() {
        // A runner that ends early breaks the pipe; its exit code says more than that.
        let _ = stdin.write_all(orders).await;
        let _ = stdin.shutdown().await;
    }
    let Some(stdout) = child.stdout.take() else {
        return Ok(false);
    };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    Ok(line.trim() == READY)
}

fn prepare(spec: &RunnerSpec) -> io::Result<fs::File> {
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700);
    private.create(&spec.attempt_dir)?;
    if let Some(parent) = spec.lock_file.parent() {
        private.create(parent)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(errors_path(&spec.attempt_dir))
}

fn errors_path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("runner.err")
}

fn is_begun(attempt_dir: &Path) -> bool {
    matches!(marker::read(attempt_dir), Ok(Some(marker::Marker::Started(_))))
}

fn last_words(attempt_dir: &Path) -> Option<String> {
    let text = fs::read(errors_path(attempt_dir)).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned)
}
