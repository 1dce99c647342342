//! One step: started, attended, and gone to the last process before the next one begins.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, WaitStatus};

use crate::provider::attempt;
use crate::provider::exit::{StepEnd, StepOutcome, beside};
use crate::provider::lock::LaneLock;
use crate::provider::manifest::Leftover;
use crate::provider::processes::{self, Process};
use crate::provider::reading::{self, Reading};
use crate::provider::request;
use crate::provider::runner::clock::unix_ms;
use crate::provider::runner::output::Output;
use crate::provider::runner::program;
use crate::provider::runner::terminal;
use crate::provider::runner::tree::Tree;
use crate::provider::runner::wake::Wake;
use crate::provider::spec::{Action, Graces, RunnerSpec, StepSpec};

/// A bigger pipe means fewer turns while a command floods it.
const PIPE_SIZE: usize = 1 << 20;

/// A program that was just written may still be open for writing in some process between fork and exec.
const BUSY_TRIES: u32 = 20;

/// Everything a step needs.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) spec: &'a RunnerSpec,
    pub(super) lock: &'a LaneLock,
    pub(super) wake: Wake,
    pub(super) output: Output,
    pub(super) tree: Tree,
    /// What could not be killed.
    pub(super) survivors: Vec<String>,
    /// When the time for all steps is over; none where the clock cannot hold it.
    pub(super) over: Option<Instant>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Running,
    /// The command has ended, something it started has not.
    Lingering {
        until: Instant,
    },
    /// All of it was asked to end.
    Terminating {
        until: Instant,
    },
}

impl Stage<'_> {
    /// Runs one step to its end.
    pub(super) fn run(&mut self, step: &StepSpec) -> StepEnd {
        let started_at_ms = unix_ms();
        self.output.begin();
        let missing = step
            .must_exist
            .iter()
            .find(|required| fs::metadata(&required.path).is_err());
        let (outcome, leftovers) = match (missing, &step.action) {
            (Some(required), _) => {
                let outcome = StepOutcome::Missing {
                    input: required.input.clone(),
                    path: self.output.mask_text(&required.shown),
                };
                (outcome, Vec::new())
            }
            (None, Action::Manual { instructions }) => (self.wait_for_person(instructions), Vec::new()),
            (None, Action::Command { argv }) => self.run_command(step, argv, &format!("$ {}", program::shown(argv))),
            (None, Action::Request { shown, file }) => {
                // A process of its own like any command: so it can be stopped at any moment, and the runner needs no network.
                let argv = [terminal::MYSELF, request::COMMAND, &file.to_string_lossy()].map(str::to_owned);
                self.run_command(step, &argv, &format!("> {shown}"))
            }
        };
        let reading = self.read(step, outcome);
        for line in ending(&reading.outcome).into_iter().chain(reading.notes) {
            self.output.note(&line);
        }
        let stopped = matches!(
            reading.outcome,
            StepOutcome::TimedOut { .. } | StepOutcome::Inactive { .. } | StepOutcome::Cancelled { .. }
        );
        if stopped && step.remote {
            self.output
                .note("[chima: stopped here; what it began on other hosts may still be running]");
        }
        StepEnd {
            name: step.name.clone(),
            outcome: reading.outcome,
            started_at_ms,
            finished_at_ms: unix_ms(),
            leftovers,
            remote: stopped && step.remote,
            cause: reading.cause,
            hosts: reading.hosts,
        }
    }

    fn run_command(&mut self, step: &StepSpec, argv: &[String], shown: &str) -> (StepOutcome, Vec<String>) {
        match self.start(step, argv) {
            Ok((main, pipe)) => {
                if let Some(process) = processes::find(main.as_raw_nonzero().get()) {
                    let _ = attempt::note_command(&self.spec.attempt_dir, process.id);
                }
                self.output.note(shown);
                self.attend(step, main, pipe)
            }
            Err(detail) => {
                self.output.note(shown);
                let program = argv.first().cloned().unwrap_or_default();
                let outcome = StepOutcome::NotStarted {
                    program: self.output.mask_text(&program),
                    detail: self.output.mask_text(&detail),
                };
                (outcome, Vec::new())
            }
        }
    }

    /// What the step's output and results say beyond its exit code.
    fn read(&mut self, step: &StepSpec, outcome: StepOutcome) -> Reading {
        let tail = String::from_utf8_lossy(self.output.tail()).into_owned();
        let mut reading = reading::read(step, outcome, &tail);
        for host in &mut reading.hosts {
            host.host = self.output.mask_text(&host.host);
            host.message = host.message.as_deref().map(|text| self.output.mask_text(text));
        }
        reading
    }

    fn start(&self, step: &StepSpec, argv: &[String]) -> Result<(Pid, File), String> {
        let program = program::resolve(step, argv)?;
        let unable = |error: io::Error| error.to_string();
        let (ours, theirs) = if step.pty { terminal::open() } else { pipe() }.map_err(unable)?;
        rustix::fs::fcntl_setfl(&ours, OFlags::NONBLOCK).map_err(|error| error.to_string())?;
        // A daemon that may live on must not keep the lane.
        self.lock
            .set_inherited(step.leftover != Leftover::Allow)
            .map_err(unable)?;

        let name = argv.first().map_or("", String::as_str);
        #[expect(clippy::disallowed_methods, reason = "the one place where a command is started")]
        let mut command = if step.pty {
            let mut command = std::process::Command::new(terminal::MYSELF);
            command.arg(super::ON_TERMINAL).arg(&program).arg(name);
            command
        } else {
            let mut command = std::process::Command::new(&program);
            // On a terminal it begins a session instead, and with it a group.
            command.arg0(name).process_group(0);
            command
        };
        command
            .args(argv.iter().skip(1))
            .env_clear()
            .envs(step.environment.iter())
            .current_dir(&step.cwd)
            .stdin(Stdio::null())
            .stdout(theirs.try_clone().map_err(unable)?)
            .stderr(theirs);
        let mut tries = 0;
        loop {
            match command.spawn() {
                // Not waited for through this handle: the tree collects whatever ends.
                Ok(child) => {
                    let main = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                    return main
                        .map(|main| (main, ours))
                        .ok_or_else(|| "it has no process number".to_owned());
                }
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(program::explain(&program, argv, &error)),
            }
        }
    }

    /// Until the command and everything it started are gone (or set apart).
    fn attend(&mut self, step: &StepSpec, main: Pid, pipe: File) -> (StepOutcome, Vec<String>) {
        let graces: Graces = self.spec.graces;
        let mut heard = Instant::now();
        let mut pipe = Some(pipe);
        let mut status: Option<WaitStatus> = None;
        let mut cause: Option<StepOutcome> = None;
        let mut leftovers = Vec::new();
        let mut phase = Phase::Running;
        loop {
            // First whether it has ended, then what it wrote: so nothing it wrote before its end is missed.
            let (empty, ended) = self.tree.collect(main);
            status = status.or(ended);
            if self.take_output(&mut pipe) {
                heard = Instant::now();
            }
            if empty {
                break;
            }
            let now = Instant::now();
            let next;
            match phase {
                Phase::Running if status.is_some() => {
                    let alive = self.tree.alive();
                    if alive.is_empty() && self.tree.has_some_apart() {
                        break;
                    }
                    if step.leftover == Leftover::Allow && cause.is_none() {
                        leftovers = self.let_live(&alive);
                        break;
                    }
                    if step.leftover == Leftover::StopAtOnce {
                        self.tree.terminate(main, true);
                        phase = Phase::Terminating {
                            until: now + graces.terminate,
                        };
                        continue;
                    }
                    phase = Phase::Lingering {
                        until: now + graces.leftover,
                    };
                    continue;
                }
                Phase::Running => match self.why_stop(step, heard, now) {
                    Ok(deadline) => next = deadline,
                    Err(why) => {
                        cause = Some(why);
                        self.tree.terminate(main, false);
                        phase = Phase::Terminating {
                            until: now + graces.terminate,
                        };
                        continue;
                    }
                },
                Phase::Lingering { until } if now < until && self.wake.asked_to_stop().is_none() => {
                    if self.tree.has_some_apart() && self.tree.alive().is_empty() {
                        break;
                    }
                    next = Some(until);
                }
                Phase::Lingering { .. } => {
                    let alive = self.tree.alive();
                    leftovers = shown(&alive);
                    self.output.note(&format!(
                        "[chima: left behind by the command and stopped: {}]",
                        leftovers.join(", ")
                    ));
                    self.tree.terminate(main, true);
                    phase = Phase::Terminating {
                        until: now + graces.terminate,
                    };
                    continue;
                }
                Phase::Terminating { until } if now < until => {
                    if status.is_some() && self.tree.has_some_apart() && self.tree.alive().is_empty() {
                        break;
                    }
                    next = Some(until);
                }
                Phase::Terminating { .. } => {
                    let (survivors, ended) = self.tree.kill(main, graces.kill);
                    status = status.or(ended);
                    if !survivors.is_empty() {
                        self.survivors = shown(&survivors);
                        self.output
                            .note(&format!("[chima: could not be stopped: {}]", self.survivors.join(", ")));
                    }
                    self.take_output(&mut pipe);
                    break;
                }
            }
            self.wake.wait(
                pipe.as_ref().map(|pipe| pipe.as_fd()),
                next.map(|next| next.saturating_duration_since(now)),
            );
        }
        self.output.settle();
        let outcome = cause.unwrap_or_else(|| status.map_or(StepOutcome::Signalled { signal: 0 }, outcome_of));
        (outcome, leftovers)
    }

    /// Why the step must be stopped now, else when to ask again.
    fn why_stop(&mut self, step: &StepSpec, heard: Instant, now: Instant) -> Result<Option<Instant>, StepOutcome> {
        if let Some(by) = self.wake.asked_to_stop() {
            return Err(StepOutcome::Cancelled { by: by.to_owned() });
        }
        let over = self.over;
        if over.is_some_and(|over| now >= over) {
            return Err(StepOutcome::TimedOut {
                limit_ms: whole_ms(self.spec.timeout),
            });
        }
        let silent = step
            .inactivity
            .and_then(|limit| heard.checked_add(limit).map(|until| (until, limit)));
        match silent {
            Some((until, limit)) if now >= until => Err(StepOutcome::Inactive {
                limit_ms: whole_ms(limit),
            }),
            Some((until, _)) => Ok(Some(over.map_or(until, |over| over.min(until)))),
            None => Ok(over),
        }
    }

    fn let_live(&mut self, alive: &[Process]) -> Vec<String> {
        self.tree.set_apart(alive);
        let names = shown(alive);
        if !names.is_empty() {
            self.output
                .note(&format!("[chima: left running by the command: {}]", names.join(", ")));
        }
        names
    }

    fn take_output(&mut self, pipe: &mut Option<File>) -> bool {
        let Some(open) = pipe else { return false };
        let pumped = self.output.pump(open);
        if pumped.ended {
            *pipe = None;
        }
        pumped.any
    }
}

fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = io::pipe()?;
    // Not being allowed a bigger one is no reason to fail.
    let _ = rustix::pipe::fcntl_setpipe_size(&reader, PIPE_SIZE);
    Ok((File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer))))
}

fn shown(processes: &[Process]) -> Vec<String> {
    processes.iter().map(Process::shown).collect()
}

fn outcome_of(status: WaitStatus) -> StepOutcome {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => StepOutcome::Exited { code },
        (None, signal) => StepOutcome::Signalled {
            signal: signal.unwrap_or(0),
        },
    }
}

pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the log says below the command's own words; nothing where it did what it should.
fn ending(outcome: &StepOutcome) -> Option<String> {
    let seconds = |ms: &u64| format!("{} s", *ms as f64 / 1000.0);
    let text = match outcome {
        StepOutcome::Exited { code: 0 } => return None,
        StepOutcome::Exited { code } => format!("exited with code {code}"),
        StepOutcome::Signalled { signal } => format!("ended by signal {signal}"),
        StepOutcome::TimedOut { limit_ms } => format!("stopped: timed out after {}", seconds(limit_ms)),
        StepOutcome::Inactive { limit_ms } => format!("stopped: no output for {}", seconds(limit_ms)),
        StepOutcome::Cancelled { by } => format!("cancelled: {by}"),
        StepOutcome::NotStarted { program, detail } => format!("cannot start `{program}`: {detail}"),
        StepOutcome::Missing { input, path } => format!("not started: `{input}` names `{path}`, which does not exist"),
        StepOutcome::Disproved { .. } => "exited with code 0, but its results say that it did not succeed".to_owned(),
        StepOutcome::Confirmed { by, note } => format!("done, says {by}{}", beside(note)),
        StepOutcome::Refused { by, note } => format!("not done, says {by}{}", beside(note)),
    };
    Some(format!("[chima: {text}]"))
}
