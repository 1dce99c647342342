//! The runner: a small process of its own that carries out one attempt and outlives the server.
//!
//! It reads its orders on standard input, takes the lane's lock, makes its start durable, and only then starts the first
//! command. It has one thread, knows no network and no database, and always ends by writing `exit.json` when nothing of the
//! command is left.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::fs::Mode;

use crate::provider::exit::{self, Exit, Outcome, StepEnd, StepOutcome};
use crate::provider::lock::LaneLock;
use crate::provider::log;
use crate::provider::log::writer::LogWriter;
use crate::provider::marker::{self, Started};
use crate::provider::mask::{self, MaskError};
use crate::provider::processes;
use crate::provider::runner::clock::unix_ms;
use crate::provider::runner::output::Output;
use crate::provider::runner::step::Stage;
use crate::provider::runner::tree::Tree;
use crate::provider::runner::wake::Wake;
use crate::provider::spec::RunnerSpec;

mod clock;
mod files;
mod output;
mod person;
mod program;
mod step;
mod terminal;
mod tree;
mod wake;

/// Exit code: somebody else holds the lane. Nothing was written.
pub const LANE_BUSY: u8 = 75;

/// Exit code: the attempt was begun before, or sealed. Nothing was written.
pub const ALREADY_STARTED: u8 = 76;

/// Exit code: something else stood in the way; standard error says what.
pub const UNABLE: u8 = 70;

/// The subcommand by which the runner gives a command a terminal.
pub const ON_TERMINAL: &str = "on-terminal";

/// What the runner prints, as a line, once its start is durable.
pub const READY: &str = "started";

/// How often the result is written again when the disk refuses, a second apart.
const RESULT_TRIES: u32 = 60;

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
enum RunnerError {
    #[error("cannot read the orders on standard input")]
    Orders(#[source] io::Error),
    #[error("the orders on standard input are malformed")]
    Malformed(#[from] serde_json::Error),
    #[error(transparent)]
    Secret(#[from] MaskError),
    #[error("cannot {action}")]
    Setup { action: &'static str, source: io::Error },
    #[error("`/proc` does not show this process; it must be mounted")]
    NoProc,
}

/// The program `chima runner`.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let source = std::error::Error::source(&error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            let _ = writeln!(io::stderr(), "{error}{source}");
            ExitCode::from(UNABLE)
        }
    }
}

/// The program `chima on-terminal`: becomes the command that its arguments name, on the terminal that its output is.
#[must_use]
pub fn on_terminal() -> ExitCode {
    terminal::become_command()
}

/// Whether a file can be started.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    program::is_executable(path)
}

fn run() -> Result<u8, RunnerError> {
    let mut orders = Vec::new();
    io::stdin().read_to_end(&mut orders).map_err(RunnerError::Orders)?;
    let spec: RunnerSpec = serde_json::from_slice(&orders)?;
    drop(orders);
    mask::check_lengths(&spec.secrets)?;
    detach()?;
    let setup = |action| move |source| RunnerError::Setup { action, source };
    let wake = Wake::start(&spec.attempt_dir).map_err(setup("receive signals"))?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| setup("become the reaper of the commands")(error.into()))?;

    let Some(lock) = LaneLock::take(&spec.lock_file).map_err(setup("take the lane's lock"))? else {
        return Ok(LANE_BUSY);
    };
    lock.name(&spec.attempt_dir)
        .map_err(setup("write down whose the lane's lock is"))?;
    exit::reserve(&spec.attempt_dir).map_err(setup("take room on the disk for the result"))?;
    let started_at_ms = unix_ms();
    let started = Started {
        process: processes::myself().ok_or(RunnerError::NoProc)?.id,
        boot_id: processes::boot_id().ok_or(RunnerError::NoProc)?,
        fence: spec.fence,
        at_ms: started_at_ms,
    };
    let claimed = marker::claim(&spec.attempt_dir, &started);
    if !matches!(claimed, Ok(true)) {
        exit::release(&spec.attempt_dir);
        claimed.map_err(setup("create the `started` marker"))?;
        return Ok(ALREADY_STARTED);
    }
    // Past the border: from here on every way out writes the result.
    announce();
    let ended = catch_unwind(AssertUnwindSafe(|| execute(&spec, &lock, wake)));
    let exit = ended.unwrap_or_else(|_| after_panic(&spec)).dated(&spec, started_at_ms);
    publish(&spec, lock, &exit);
    Ok(0)
}

/// Leaves the server's session and everything it left open: neither its terminal nor its sockets are ours.
fn detach() -> Result<(), RunnerError> {
    close_fds::set_fds_cloexec(3, &[]);
    rustix::process::umask(Mode::from_raw_mode(0o077));
    match rustix::process::setsid() {
        Ok(_) => Ok(()),
        // A process group leader cannot leave; one that already leads a session need not.
        Err(_) if rustix::process::getsid(None).is_ok_and(|session| session == rustix::process::getpid()) => Ok(()),
        Err(error) => Err(RunnerError::Setup {
            action: "begin a session of its own",
            source: error.into(),
        }),
    }
}

/// Tells the server, which may be gone already, and lets go of its pipe.
fn announce() {
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "{READY}");
    let _ = stdout.flush();
    if let Ok(null) = fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}

/// How it went, without the dates.
struct Ended {
    outcome: Outcome,
    steps: Vec<StepEnd>,
    survivors: Vec<String>,
    log_trouble: Option<String>,
    /// Whether something that may live could still use the scratch folders.
    scratch_in_use: bool,
}

impl Ended {
    fn dated(self, spec: &RunnerSpec, started_at_ms: u64) -> Exit {
        Exit {
            run: spec.run,
            fence: spec.fence,
            outcome: self.outcome,
            steps: self.steps,
            survivors: self.survivors,
            log_trouble: self.log_trouble,
            scratch_in_use: self.scratch_in_use,
            started_at_ms,
            finished_at_ms: unix_ms(),
        }
    }
}

fn execute(spec: &RunnerSpec, lock: &LaneLock, wake: Wake) -> Ended {
    let failed = |detail: String| Ended {
        outcome: Outcome::RunnerFailed { detail },
        steps: Vec::new(),
        survivors: Vec::new(),
        log_trouble: None,
        scratch_in_use: false,
    };
    if let Err(detail) = files::make(spec) {
        return failed(detail);
    }
    let writer = match LogWriter::create(log::dir(&spec.attempt_dir), spec.log) {
        Ok(writer) => writer,
        Err(error) => return failed(format!("cannot begin the log: {error}")),
    };
    let output = Output::new(writer, spec.secrets.clone());
    let mut stage = Stage {
        spec,
        lock,
        wake,
        output,
        tree: Tree::new(),
        survivors: Vec::new(),
        over: Instant::now().checked_add(spec.timeout),
    };
    let (outcome, steps) = run_steps(&mut stage);
    Ended {
        outcome,
        steps,
        scratch_in_use: stage.tree.has_some_apart() || !stage.survivors.is_empty(),
        survivors: stage.survivors,
        log_trouble: stage.output.finish(),
    }
}

fn run_steps(stage: &mut Stage<'_>) -> (Outcome, Vec<StepEnd>) {
    let mut ends = Vec::new();
    for step in &stage.spec.steps {
        if let Some(by) = stage.wake.asked_to_stop() {
            let by = by.to_owned();
            stage.output.note(&format!("[chima: cancelled: {by}]"));
            return (Outcome::Cancelled { by }, ends);
        }
        if !stage.survivors.is_empty() {
            let detail = "what the step before left behind could not be stopped".to_owned();
            return (Outcome::RunnerFailed { detail }, ends);
        }
        let end = stage.run(step);
        let outcome = end.outcome.clone();
        ends.push(end);
        if let StepOutcome::Cancelled { by } = outcome {
            return (Outcome::Cancelled { by }, ends);
        }
        if !outcome.is_success() {
            return (Outcome::Failed, ends);
        }
    }
    (Outcome::Succeeded, ends)
}

/// A fault of our own: nothing may be left running that nobody watches.
fn after_panic(spec: &RunnerSpec) -> Ended {
    let nobody = rustix::process::getpid();
    let (survivors, _) = Tree::new().kill(nobody, spec.graces.kill);
    Ended {
        outcome: Outcome::RunnerFailed {
            detail: "the runner met a fault of its own; `runner.err` says where".to_owned(),
        },
        steps: Vec::new(),
        scratch_in_use: !survivors.is_empty(),
        survivors: survivors.iter().map(processes::Process::shown).collect(),
        log_trouble: None,
    }
}

/// Makes the result durable, gives the lane back, shows the result, tidies up: in this order, so that whoever sees the result
/// finds the lane free. (What could not be killed still holds its own copy of the lock.)
fn publish(spec: &RunnerSpec, lock: LaneLock, exit: &Exit) {
    let mut lock = Some(lock);
    for attempt in 0..RESULT_TRIES {
        if attempt > 0 {
            std::thread::sleep(Duration::from_secs(1));
        }
        let prepared = match exit::prepare(&spec.attempt_dir, exit) {
            Ok(prepared) => prepared,
            Err(error) => {
                let _ = writeln!(io::stderr(), "cannot write the result: {error}");
                continue;
            }
        };
        drop(lock.take());
        match prepared.publish() {
            Ok(()) => break,
            Err(error) => {
                let _ = writeln!(io::stderr(), "cannot publish the result: {error}");
            }
        }
    }
    if !exit.scratch_in_use {
        for folder in &spec.scratch {
            remove_scratch(folder);
        }
    }
}

fn remove_scratch(folder: &Path) {
    if let Err(error) = crate::provider::checkout::remove_folder(folder) {
        let _ = writeln!(io::stderr(), "cannot remove `{}`: {error}", folder.display());
    }
}
