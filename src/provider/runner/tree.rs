//! Ends everything a command started, whatever it did to get away.
//!
//! The runner is the subreaper, so that a process whose parent is gone becomes its child: double forks and new sessions do
//! not lead out of the tree. When the kernel says that the runner has no children, the tree is empty; that is the proof.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::provider::processes::{self, Process, ProcessId};

/// Between two looks at a tree that is being killed.
const PAUSE: Duration = Duration::from_millis(2);

/// The tree below the runner.
#[derive(Debug)]
pub(super) struct Tree {
    me: i32,
    /// Leftovers that may live; not ours any more.
    apart: HashSet<ProcessId>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            me: i32::try_from(std::process::id()).unwrap_or_default(),
            apart: HashSet::new(),
        }
    }

    /// Collects every child that has ended. Returns whether there is none at all any more, and the status of `main` when it
    /// was among them.
    pub(super) fn collect(&self, main: Pid) -> (bool, Option<WaitStatus>) {
        let mut status = None;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, ended))) => {
                    if pid == main {
                        status = Some(ended);
                    }
                }
                Err(Errno::INTR) => {}
                Ok(None) => return (false, status),
                Err(_) => return (true, status),
            }
        }
    }

    /// What is alive of it.
    pub(super) fn alive(&self) -> Vec<Process> {
        processes::descendants(self.me, &self.apart)
    }

    /// Whether some of the children are none of our business, so that [`Tree::collect`] alone proves nothing.
    pub(super) fn has_some_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// Lets these live.
    pub(super) fn set_apart(&mut self, leftovers: &[Process]) {
        self.apart.extend(leftovers.iter().map(|process| process.id));
    }

    /// Asks all of it to end: the command's group at once, then whoever left that group. Stopped ones are woken to hear it.
    pub(super) fn terminate(&self, main: Pid, main_ended: bool) {
        if !main_ended {
            let _ = rustix::process::kill_process_group(main, Signal::TERM);
            let _ = rustix::process::kill_process_group(main, Signal::CONT);
        }
        for process in self.alive() {
            if main_ended || process.group != main.as_raw_nonzero().get() {
                send(&process, Signal::TERM);
                send(&process, Signal::CONT);
            }
        }
    }

    /// Kills all of it, again and again, until nothing is left or the time is over. Returns what could not be killed, and
    /// the status of `main` when it was collected here.
    pub(super) fn kill(&self, main: Pid, limit: Duration) -> (Vec<Process>, Option<WaitStatus>) {
        let give_up = Instant::now() + limit;
        let mut status = None;
        loop {
            let alive = self.alive();
            for process in &alive {
                send(process, Signal::KILL);
            }
            let (empty, ended) = self.collect(main);
            status = status.or(ended);
            if empty || alive.is_empty() && self.has_some_apart() && self.alive().is_empty() {
                return (Vec::new(), status);
            }
            if Instant::now() >= give_up {
                return (alive, status);
            }
            // A fork bomb is outrun only without a pause.
            if alive.len() < 50 {
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn send(process: &Process, signal: Signal) {
    // Read a moment ago, and its number cannot have gone round since: the safer way costs three calls more, too slow
    // against something that forks as fast as it can.
    if let Some(pid) = Pid::from_raw(process.id.pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
