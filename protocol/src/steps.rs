//! What may happen next.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a step is about some of what there is, and leaves the rest alone"
)]

use crate::state::{ATTEMPTS, Fault, Marker, N, Run, Runner, State, Task, Violation};

/// A step, for the way to a violation: with the process, the deployment or the attempt, as far as they matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// GitHub delivers.
    Receive(usize, usize),
    /// It delivers once more.
    ReceiveAgain(usize, usize),
    /// The delivery is on the disk.
    Commit(usize),
    /// GitHub reads a 2xx.
    Answer(usize),
    /// There is a run.
    Decide(usize, usize),
    /// A bell is put into the queue.
    Ring,
    /// The queue loses it.
    LoseBell,
    /// A bell is answered.
    Claim(usize),
    /// A runner is started.
    Launch(usize),
    /// Its starter hears what became of it.
    HearWord(usize),
    /// Whoever watches sees the end.
    SeeEnd(usize),
    /// A run is taken over.
    Adopt(usize, usize),
    /// Its new owner looks where it stands.
    Inspect(usize),
    /// What a dead runner left is stopped.
    StopSurvivors(usize),
    /// A run is given back.
    Requeue(usize),
    /// An end is written.
    Finish(usize),
    /// Its word is written, too late.
    Word(usize),
    /// GitHub hears the end.
    Tell(usize),
    /// A runner takes the lock.
    TryLock(usize, usize),
    /// It creates its marker, and begins the command.
    CreateMarker(usize, usize),
    /// The command ends.
    EndCommand(usize, usize),
    /// `exit.json` is there.
    ShowResult(usize, usize),
    /// A process is killed.
    Kill(usize),
    /// It is paused beyond its lease.
    Pause(usize),
    /// It goes on.
    Resume(usize),
    /// A runner is killed.
    KillRunner(usize, usize),
    /// Everything stops at once.
    PowerCut,
}

/// What a step leads to.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// Which.
    pub step: Step,
    /// What there is then.
    pub state: State,
    /// Whether nothing goes wrong by it, and it is somebody's who is not paused: what is left to itself comes to it.
    pub fair: bool,
    /// What it breaks.
    pub violation: Option<Violation>,
}

/// Everything that may happen in a state.
#[derive(Debug)]
pub struct Steps<'a> {
    now: &'a State,
    fault: Option<Fault>,
    found: &'a mut Vec<Next>,
}

impl<'a> Steps<'a> {
    /// Writes it down in `found`.
    pub fn of(now: &'a State, fault: Option<Fault>, found: &'a mut Vec<Next>) {
        found.clear();
        let mut steps = Self { now, fault, found };
        for w in 0..N {
            if !now.paused[w] {
                steps.of_process(w);
            }
        }
        for d in 0..N {
            for a in 0..ATTEMPTS {
                steps.of_runner(d, a);
            }
        }
        steps.of_the_bell();
        steps.what_goes_wrong();
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn step(&mut self, step: Step, change: impl FnOnce(&mut State)) {
        self.checked(step, |state| {
            change(state);
            None
        });
    }

    fn checked(&mut self, step: Step, change: impl FnOnce(&mut State) -> Option<Violation>) {
        let mut state = *self.now;
        let violation = change(&mut state);
        self.found.push(Next {
            step,
            state,
            fair: true,
            violation,
        });
    }

    fn fault(&mut self, step: Step, change: impl FnOnce(&mut State)) {
        self.step(step, |state| {
            state.faults_left -= 1;
            change(state);
        });
        if let Some(last) = self.found.last_mut() {
            last.fair = false;
        }
    }

    /// What a process does by itself.
    fn of_process(&mut self, w: usize) {
        let now = self.now;
        match now.task[w] {
            Task::Idle => self.of_idle(w),
            // src/store/inbox.rs: `InboxWriter::run` commits, then answers; a duplicate writes nothing that counts
            Task::Receiving { d } if self.has(Fault::AnswerBeforeCommit) && !now.answered[usize::from(d)] => {
                self.step(Step::Answer(w), |s| s.answered[usize::from(d)] = true);
            }
            Task::Receiving { d } => self.step(Step::Commit(w), |s| {
                s.stored[usize::from(d)] = true;
                s.task[w] = Task::Answering { d };
            }),
            // src/http/webhooks.rs
            Task::Answering { d } => self.step(Step::Answer(w), |s| {
                s.answered[usize::from(d)] = true;
                s.task[w] = Task::Idle;
            }),
            // src/provider/launch.rs: `Launcher::start`
            Task::Claimed { d, a, f } => self.step(Step::Launch(w), |s| {
                s.runner[usize::from(d)][usize::from(a)] = Runner::Spawned;
                s.task[w] = Task::Starting { d, a, f };
            }),
            Task::Starting { d, a, f } => self.hear(w, (d, a, f)),
            Task::Watching { d, a, f } => self.watch(w, (d, a, f)),
            Task::Settling { d, a, f } => self.inspect(w, (d, a, f)),
            Task::Stopping { d, a, f } => self.stop_survivors(w, (d, a, f)),
            Task::Requeueing { d, f } => self.requeue(w, (d, f)),
            Task::Finishing { d, f, well } => self.finish(w, (d, f, well)),
            Task::Wording { d } => self.step(Step::Word(w), |s| {
                s.word[usize::from(d)] = 1;
                s.task[w] = Task::Idle;
            }),
        }
    }

    fn of_idle(&mut self, w: usize) {
        let now = self.now;
        for d in 0..N {
            // GitHub delivers, and where it was not answered src/flow/catch_up.rs asks for it again
            if !now.answered[d] && !now.task.iter().any(|task| is_taking(*task, d)) {
                self.step(Step::Receive(w, d), |s| s.task[w] = Task::Receiving { d: small(d) });
            } else if now.faults_left > 0 {
                self.fault(Step::ReceiveAgain(w, d), |s| {
                    s.task[w] = Task::Receiving { d: small(d) }
                });
            }
            // src/store/decisions.rs: `record_run`, one transaction; src/flow/intake.rs finds what waits at every tick
            if now.stored[d] && now.run[d] == Run::Absent {
                self.step(Step::Decide(w, d), |s| s.run[d] = Run::Queued);
            }
            // src/flow/outbox/send.rs: looks, sends, marks; a sender that dies in between looks on GitHub first when it tries again
            if now.word[d] == 1 {
                self.step(Step::Tell(d), |s| s.word[d] = 2);
            }
            // src/flow/adopt.rs: `step`, after the worker's death, or once its lease has lapsed
            if now.run[d] == Run::Running && !self.is_kept(d) {
                let (a, f) = (now.attempt[d] - 1, now.fence[d] + 1);
                let by_clock = self.has(Fault::LeaseByClockOnly);
                self.step(Step::Adopt(w, d), |s| {
                    s.fence[d] = f;
                    let d = small(d);
                    s.task[w] = if by_clock {
                        Task::Requeueing { d, f }
                    } else {
                        Task::Settling { d, a, f }
                    };
                });
            }
        }
        if now.bell {
            self.claim(w);
        }
    }

    /// Whether its claim is kept up: by a process that lives and is not paused.
    fn is_kept(&self, d: usize) -> bool {
        (0..N).any(|w| !self.now.paused[w] && claim_of(self.now.task[w]) == Some((d, self.now.fence[d])))
    }

    /// src/store/claims.rs: `claim`, one transaction. The bell is taken with it, or comes once more.
    fn claim(&mut self, w: usize) {
        let now = self.now;
        let busy = now.run.contains(&Run::Running);
        let head = now.run.iter().position(|run| *run == Run::Queued);
        for again in [false, true] {
            match head.filter(|_| !busy) {
                // `Busy` and `Empty` write nothing
                None if again => {}
                None => self.step(Step::Claim(w), |s| s.bell = false),
                // src/flow/engine.rs: `MAX_ATTEMPTS`
                Some(d) if usize::from(now.attempt[d]) == ATTEMPTS => self.step(Step::Claim(w), |s| {
                    s.bell = again;
                    s.run[d] = Run::Running;
                    s.fence[d] += 1;
                    s.task[w] = Task::Finishing {
                        d: small(d),
                        f: s.fence[d],
                        well: false,
                    };
                }),
                Some(d) => self.step(Step::Claim(w), |s| {
                    s.bell = again;
                    s.run[d] = Run::Running;
                    s.attempt[d] += 1;
                    s.fence[d] += 1;
                    let (d, a, f) = (small(d), s.attempt[d] - 1, s.fence[d]);
                    s.task[w] = Task::Claimed { d, a, f };
                }),
            }
        }
    }

    /// src/provider/launch.rs and src/flow/execute.rs: what the runner's first word, or its exit code, leads to.
    fn hear(&mut self, w: usize, (d, a, f): (u8, u8, u8)) {
        let step = Step::HearWord(w);
        let next = match self.now.runner[usize::from(d)][usize::from(a)] {
            Runner::None | Runner::Spawned | Runner::Locked => return,
            // the lane is occupied by what an earlier run left: again, until it is given up
            Runner::RefusedBusy => {
                self.step(step, |s| s.task[w] = Task::Finishing { d, f, well: false });
                Task::Claimed { d, a, f }
            }
            // sealed by whoever has taken the run: nothing to write
            Runner::RefusedMarker => Task::Idle,
            Runner::Killed => Task::Finishing { d, f, well: false },
            Runner::Command | Runner::Aside | Runner::Shown | Runner::Orphan | Runner::Gone => {
                Task::Watching { d, a, f }
            }
        };
        self.step(step, |s| s.task[w] = next);
    }

    /// src/provider/watch.rs: `watch`.
    fn watch(&mut self, w: usize, (d, a, f): (u8, u8, u8)) {
        match self.now.runner[usize::from(d)][usize::from(a)] {
            Runner::Shown => self.step(Step::SeeEnd(w), |s| s.task[w] = Task::Finishing { d, f, well: true }),
            Runner::Orphan | Runner::Gone => self.step(Step::SeeEnd(w), |s| s.task[w] = Task::Stopping { d, a, f }),
            _ => {}
        }
    }

    /// src/flow/adopt.rs: `settle`, with `inspect` of src/provider/watch.rs and `seal` of src/provider/marker.rs.
    fn inspect(&mut self, w: usize, (d, a, f): (u8, u8, u8)) {
        let (at, step) = ((usize::from(d), usize::from(a)), Step::Inspect(w));
        let no_seal = self.has(Fault::NoSeal);
        match self.now.marker[at.0][at.1] {
            Marker::None => self.step(step, |s| {
                if !no_seal {
                    s.marker[at.0][at.1] = Marker::Sealed;
                }
                s.task[w] = Task::Requeueing { d, f };
            }),
            Marker::Sealed => self.step(step, |s| s.task[w] = Task::Requeueing { d, f }),
            Marker::Started => {
                let next = match self.now.runner[at.0][at.1] {
                    Runner::Shown => Task::Finishing { d, f, well: true },
                    Runner::Orphan | Runner::Gone => Task::Stopping { d, a, f },
                    _ => Task::Watching { d, a, f },
                };
                self.step(step, |s| s.task[w] = next);
            }
        }
    }

    /// src/provider/watch.rs: `stop_survivors`, which knows by the lock who they are, and by what stands in its file whose. One
    /// for each step: between two of them anything may happen.
    fn stop_survivors(&mut self, w: usize, (d, a, f): (u8, u8, u8)) {
        let own = (usize::from(d), usize::from(a));
        let any = self.has(Fault::StopsAnyHolder);
        let holders = self
            .holders()
            .filter(|holder| any || *holder == own)
            .collect::<Vec<_>>();
        if holders.is_empty() {
            self.step(Step::StopSurvivors(w), |s| {
                s.task[w] = Task::Finishing { d, f, well: false };
            });
        }
        for (x, y) in holders {
            self.checked(Step::StopSurvivors(w), |s| {
                s.runner[x][y] = match s.runner[x][y] {
                    Runner::Locked => Runner::Killed,
                    _ => Runner::Gone,
                };
                (x != own.0).then_some(Violation::StrangerStopped)
            });
        }
    }

    /// src/store/claims.rs: `requeue`.
    fn requeue(&mut self, w: usize, (d, f): (u8, u8)) {
        let at = usize::from(d);
        let stale = self.now.fence[at] != f;
        if self.now.run[at] != Run::Running || (stale && !self.has(Fault::NoFenceCheck)) {
            return self.step(Step::Requeue(w), |s| s.task[w] = Task::Idle);
        }
        self.checked(Step::Requeue(w), |s| {
            s.run[at] = Run::Queued;
            s.task[w] = Task::Idle;
            stale.then_some(Violation::StaleWrite)
        });
    }

    /// src/store/ends.rs: `finish`, with the last word in the same transaction.
    fn finish(&mut self, w: usize, (d, f, well): (u8, u8, bool)) {
        let at = usize::from(d);
        let stale = self.now.fence[at] != f;
        if self.now.run[at] != Run::Running || (stale && !self.has(Fault::NoFenceCheck)) {
            return self.step(Step::Finish(w), |s| s.task[w] = Task::Idle);
        }
        let apart = self.has(Fault::WordAfterEnd);
        let works = self.now.runner[at].iter().any(|runner| runner.works());
        self.checked(Step::Finish(w), |s| {
            s.run[at] = if well { Run::Ended } else { Run::Errored };
            s.word[at] = u8::from(!apart);
            s.task[w] = if apart { Task::Wording { d } } else { Task::Idle };
            let early = works.then_some(Violation::EndedWhileItWorks);
            stale.then_some(Violation::StaleWrite).or(early)
        });
    }

    /// src/provider/runner.rs. It looks at nothing but the lock and the marker.
    fn of_runner(&mut self, d: usize, a: usize) {
        let now = self.now;
        match now.runner[d][a] {
            Runner::Spawned => {
                let free = self.holders().next().is_none();
                self.step(Step::TryLock(d, a), |s| {
                    s.runner[d][a] = if free { Runner::Locked } else { Runner::RefusedBusy };
                });
            }
            Runner::Locked => {
                let skips = self.has(Fault::NoMarkerCheck);
                if now.marker[d][a] != Marker::None && !skips {
                    return self.step(Step::CreateMarker(d, a), |s| s.runner[d][a] = Runner::RefusedMarker);
                }
                let others = now.runner.iter().flatten().filter(|runner| runner.works()).count();
                self.checked(Step::CreateMarker(d, a), |s| {
                    s.marker[d][a] = Marker::Started;
                    s.runner[d][a] = Runner::Command;
                    s.begun[d] += 1;
                    if others > 0 {
                        Some(Violation::TwoCommandsAtOnce)
                    } else if s.begun[d] > 1 {
                        Some(Violation::BegunTwice)
                    } else {
                        s.run[d].is_over().then_some(Violation::BegunAfterTheEnd)
                    }
                });
            }
            // `publish`: aside, the lock, and then in its place
            Runner::Command => self.step(Step::EndCommand(d, a), |s| s.runner[d][a] = Runner::Aside),
            Runner::Aside => self.step(Step::ShowResult(d, a), |s| s.runner[d][a] = Runner::Shown),
            Runner::Orphan => self.step(Step::EndCommand(d, a), |s| s.runner[d][a] = Runner::Gone),
            _ => {}
        }
    }

    /// The attempts that have the lane's lock.
    fn holders(&self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let now = self.now;
        let orphans = !self.has(Fault::LockNotInherited);
        (0..N)
            .flat_map(move |d| (0..ATTEMPTS).map(move |a| (d, a)))
            .filter(move |&(d, a)| match now.runner[d][a] {
                Runner::Locked | Runner::Command => true,
                Runner::Orphan => orphans,
                _ => false,
            })
    }

    /// src/flow/sweep.rs: `ring_again`, for whichever reason the bell is missing; the queue may lose it.
    fn of_the_bell(&mut self) {
        let now = self.now;
        if now.bell {
            self.step(Step::LoseBell, |s| s.bell = false);
            if let Some(last) = self.found.last_mut() {
                last.fair = false;
            }
        } else if now.run.contains(&Run::Queued) && !now.run.contains(&Run::Running) && now.paused.contains(&false) {
            self.step(Step::Ring, |s| s.bell = true);
        }
    }

    fn what_goes_wrong(&mut self) {
        let now = self.now;
        for w in 0..N {
            if now.paused[w] {
                self.step(Step::Resume(w), |s| s.paused[w] = false);
                if let Some(last) = self.found.last_mut() {
                    last.fair = false;
                }
            }
        }
        if now.faults_left == 0 {
            return;
        }
        for w in 0..N {
            if now.task[w] != Task::Idle {
                self.fault(Step::Kill(w), |s| {
                    s.task[w] = Task::Idle;
                    s.paused[w] = false;
                });
            }
            // somebody is left to go on
            let others = (0..N).any(|other| other != w && !now.paused[other]);
            if now.task[w] != Task::Idle && !now.paused[w] && others {
                self.fault(Step::Pause(w), |s| s.paused[w] = true);
            }
        }
        for d in 0..N {
            for a in 0..ATTEMPTS {
                if let Some(killed) = killed(now.runner[d][a]) {
                    self.fault(Step::KillRunner(d, a), |s| s.runner[d][a] = killed);
                }
            }
        }
        self.fault(Step::PowerCut, |s| {
            for runner in s.runner.iter_mut().flatten() {
                *runner = match *runner {
                    // nothing lives, nothing is shown that was not
                    Runner::Command | Runner::Orphan | Runner::Aside => Runner::Gone,
                    Runner::Spawned | Runner::Locked => Runner::Killed,
                    other => other,
                };
            }
            s.task = [Task::Idle; N];
            s.paused = [false; N];
            s.bell = false;
        });
    }
}

/// What is left of a runner that is killed.
fn killed(runner: Runner) -> Option<Runner> {
    match runner {
        Runner::Spawned | Runner::Locked => Some(Runner::Killed),
        Runner::Command => Some(Runner::Orphan),
        Runner::Aside => Some(Runner::Gone),
        _ => None,
    }
}

/// The claim that a process keeps up while it does this.
fn claim_of(task: Task) -> Option<(usize, u8)> {
    match task {
        Task::Claimed { d, f, .. }
        | Task::Starting { d, f, .. }
        | Task::Watching { d, f, .. }
        | Task::Settling { d, f, .. }
        | Task::Stopping { d, f, .. }
        | Task::Requeueing { d, f }
        | Task::Finishing { d, f, .. } => Some((usize::from(d), f)),
        Task::Idle | Task::Receiving { .. } | Task::Answering { .. } | Task::Wording { .. } => None,
    }
}

fn is_taking(task: Task, d: usize) -> bool {
    matches!(task, Task::Receiving { d: at } | Task::Answering { d: at } if usize::from(at) == d)
}

fn small(d: usize) -> u8 {
    u8::try_from(d).unwrap_or(u8::MAX)
}
