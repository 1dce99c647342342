//! A `chima` that runs as long as its handle lives, and what one that ended has said.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chima::provider::processes;
use rustix::process::{Pid, Signal, kill_process};

/// A server or a worker. Its standard error is a file, shown when the test fails.
#[derive(Debug)]
pub struct Chima {
    child: Child,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `chima` with nothing of the test's own environment but the way to programs.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_chima")), folder, arguments)
}

pub fn program(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the test starts the program as a user would")]
    let mut command = Command::new(program);
    #[expect(clippy::disallowed_methods, reason = "git is where the tester's shell finds it")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must come in time.
pub async fn output(mut command: Command, limit: Duration) -> Output {
    let shown = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let ended = tokio::time::timeout(limit, command.output())
        .await
        .unwrap_or_else(|_| panic!("{shown} did not end within {limit:?}"))
        .expect("the program can be run");
    Output {
        code: ended.status.code(),
        stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}

impl Chima {
    pub fn start(mut command: Command, stderr: PathBuf) -> Self {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&stderr)
            .expect("the test's folder is ours");
        let child = command
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("the program can be run");
        Self {
            child,
            stderr,
            ended: None,
        }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process number")
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        assert!(self.ended.is_none(), "its number may be somebody else's by now");
        kill_process(Pid::from_child(&self.child), signal).expect("it is ours");
    }

    /// Without any last words.
    pub fn kill(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            self.ended = Some(self.child.wait().expect("it is ours"));
        }
    }

    /// Asks it to stop; how it ended and how long that took.
    pub async fn stop(&mut self, limit: Duration) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        (self.wait(limit).await, begun.elapsed())
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("it is ours");
        }
        self.ended
    }

    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(begun.elapsed() < limit, "it still runs after {limit:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Children that have ended and that nobody has collected.
    pub fn zombies(&self) -> Vec<String> {
        processes::all()
            .into_iter()
            .filter(|process| process.parent == self.pid() && process.is_zombie)
            .map(|process| process.shown())
            .collect()
    }
}

impl Drop for Chima {
    #[expect(clippy::print_stderr, reason = "the log is what explains a failed test")]
    fn drop(&mut self) {
        let by_itself = self.has_ended();
        self.kill();
        if std::thread::panicking() {
            let ended = by_itself.map(|status| format!("{:?} / signal {:?}", status.code(), status.signal()));
            eprintln!("--- {} (ended: {ended:?})\n{}", self.stderr.display(), self.stderr());
        }
    }
}
