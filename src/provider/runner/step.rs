//! One step: started, attended, and gone to the last process before the next one begins.

use std::io::{self, PipeReader};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, WaitStatus};

use crate::provider::attempt;
use crate::provider::exit::{StepEnd, StepOutcome};
use crate::provider::lock::LaneLock;
use crate::provider::manifest::Leftover;
use crate::provider::processes::{self, Process};
use crate::provider::runner::clock::unix_ms;
use crate::provider::runner::output::Output;
use crate::provider::runner::program;
use crate::provider::runner::tree::Tree;
use crate::provider::runner::wake::Wake;
use crate::provider::spec::{Graces, RunnerSpec, StepSpec};

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
        let (outcome, leftovers) = match self.start(step) {
            Ok((main, pipe)) => {
                if let Some(process) = processes::find(main.as_raw_nonzero().get()) {
                    let _ = attempt::note_command(&self.spec.attempt_dir, process.id);
                }
                self.output.note(&format!("$ {}", program::shown(&step.argv)));
                self.attend(step, main, pipe)
            }
            Err(detail) => {
                self.output.note(&format!("$ {}", program::shown(&step.argv)));
                let program = step.argv.first().cloned().unwrap_or_default();
                let outcome = StepOutcome::NotStarted {
                    program: self.output.mask_text(&program),
                    detail: self.output.mask_text(&detail),
                };
                (outcome, Vec::new())
            }
        };
        if let Some(line) = ending(&outcome) {
            self.output.note(&line);
        }
        StepEnd {
            name: step.name.clone(),
            outcome,
            started_at_ms,
            finished_at_ms: unix_ms(),
            leftovers,
        }
    }

    fn start(&self, step: &StepSpec) -> Result<(Pid, PipeReader), String> {
        let program = program::resolve(step)?;
        let unable = |error: io::Error| error.to_string();
        let (reader, writer) = io::pipe().map_err(unable)?;
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).map_err(|error| error.to_string())?;
        // Not being allowed a bigger one is no reason to fail.
        let _ = rustix::pipe::fcntl_setpipe_size(&reader, PIPE_SIZE);
        // A daemon that may live on must not keep the lane.
        self.lock
            .set_inherited(step.leftover == Leftover::Stop)
            .map_err(unable)?;

        #[expect(clippy::disallowed_methods, reason = "the one place where a command is started")]
        let mut command = std::process::Command::new(&program);
        command
            .arg0(step.argv.first().map_or("", String::as_str))
            .args(step.argv.iter().skip(1))
            .env_clear()
            .envs(step.environment.iter())
            .current_dir(&step.cwd)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(unable)?)
            .stderr(writer);
        let mut tries = 0;
        loop {
            match command.spawn() {
                // Not waited for through this handle: the tree collects whatever ends.
                Ok(child) => {
                    let main = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                    return main
                        .map(|main| (main, reader))
                        .ok_or_else(|| "it has no process number".to_owned());
                }
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(program::explain(&program, step, &error)),
            }
        }
    }

    /// Until the command and everything it started are gone (or set apart).
    fn attend(&mut self, step: &StepSpec, main: Pid, pipe: PipeReader) -> (StepOutcome, Vec<String>) {
        let graces: Graces = self.spec.graces;
        let begun = Instant::now();
        let mut heard = begun;
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
                    phase = Phase::Lingering {
                        until: now + graces.leftover,
                    };
                    continue;
                }
                Phase::Running => match self.why_stop(step, begun, heard, now) {
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
    fn why_stop(
        &mut self,
        step: &StepSpec,
        begun: Instant,
        heard: Instant,
        now: Instant,
    ) -> Result<Option<Instant>, StepOutcome> {
        if let Some(by) = self.wake.asked_to_stop() {
            return Err(StepOutcome::Cancelled { by: by.to_owned() });
        }
        // A limit beyond what the clock can hold is none.
        let over = begun.checked_add(step.timeout);
        if over.is_some_and(|over| now >= over) {
            return Err(StepOutcome::TimedOut {
                limit_ms: whole_ms(step.timeout),
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

    fn take_output(&mut self, pipe: &mut Option<PipeReader>) -> bool {
        let Some(open) = pipe else { return false };
        let pumped = self.output.pump(open);
        if pumped.ended {
            *pipe = None;
        }
        pumped.any
    }
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

fn whole_ms(duration: Duration) -> u64 {
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
    };
    Some(format!("[chima: {text}]"))
}
