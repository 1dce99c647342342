//! What is asked of the ledger, and what it has to say then: the protocol without a database.

use chima::domain::run::RunState;
use proptest::sample::Index;

/// What somebody does.
#[derive(Debug, Clone)]
pub enum Op {
    /// A deployment is decided on; its age is not its place in time. `how`: 0 is held, 1 makes the others of its lane give way,
    /// the rest is queued.
    Enqueue {
        lane: usize,
        age: i64,
        how: u8,
    },
    /// The same deployment is decided on once more.
    DeliverAgain(Index),
    /// A bell is answered, whatever has become of its run since.
    Claim {
        worker: usize,
        run: Index,
    },
    Progress(Index),
    Requeue(Index),
    Finish {
        claim: Index,
        how: u8,
    },
    /// The run is taken over from whoever has it.
    Adopt {
        worker: usize,
        run: Index,
    },
    /// By somebody who has looked at it long ago.
    AdoptLate {
        worker: usize,
        claim: Index,
    },
    Renew {
        worker: usize,
    },
    /// The worker forgets all.
    Crash {
        worker: usize,
    },
    Cancel(Index),
    /// A hold comes to its end.
    Expire(Index),
    /// A held run is decided on again. `to`: 0 is queued, 1 rejected, 2 held for another reason.
    Recheck {
        run: Index,
        to: u8,
    },
    Lock(usize),
    Unlock(usize),
    AwaitPerson(Index),
    Hear(Index),
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct One {
    pub lane: usize,
    /// Time, then number: what decides who is next.
    pub age: (i64, u64),
    pub state: RunState,
    pub fence: u64,
    pub attempts: u32,
    pub to_stop: bool,
    pub asks_person: bool,
    pub answered: bool,
}

/// A claim as its worker remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    pub worker: usize,
    pub run: usize,
    pub fence: u64,
}

/// What the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Done,
    Stale,
    Taken(usize),
    GivenUp(usize),
    Busy,
    Empty,
    ToStop,
    Next(Option<usize>),
    Before,
    Over,
    NotAsked,
    Refused,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Model {
    pub runs: Vec<One>,
    pub fences: [u64; 2],
    pub locked: [bool; 2],
    pub claims: Vec<Claimed>,
}

impl Model {
    fn next_of(&self, lane: usize) -> Option<usize> {
        let queued = (0..self.runs.len()).filter(|run| {
            let one = &self.runs[*run];
            one.lane == lane && one.state == RunState::Queued
        });
        queued.min_by_key(|run| self.runs[*run].age)
    }

    fn owns(&self, claim: Claimed) -> bool {
        let one = &self.runs[claim.run];
        one.state == RunState::Running && one.fence == claim.fence
    }

    pub fn enqueue(&mut self, one: One, displaces: bool) -> Vec<usize> {
        let waits = |other: &One| matches!(other.state, RunState::Queued | RunState::Held);
        let displaced: Vec<usize> = (0..self.runs.len())
            .filter(|run| displaces && self.runs[*run].lane == one.lane && waits(&self.runs[*run]))
            .collect();
        for run in &displaced {
            self.runs[*run].state = RunState::Superseded;
        }
        self.runs.push(one);
        displaced
    }

    pub fn claim(&mut self, worker: usize, bell: usize, most: u32) -> Said {
        let lane = self.runs[bell].lane;
        if self
            .runs
            .iter()
            .any(|one| one.lane == lane && one.state == RunState::Running)
        {
            return Said::Busy;
        }
        while let Some(run) = self.next_of(lane) {
            if self.locked[lane] {
                self.runs[run].state = RunState::Held;
                continue;
            }
            self.fences[lane] += 1;
            let fence = self.fences[lane];
            let one = &mut self.runs[run];
            one.state = RunState::Running;
            one.fence = fence;
            one.attempts += 1;
            one.asks_person = false;
            let given_up = one.attempts > most;
            self.claims.push(Claimed { worker, run, fence });
            return if given_up { Said::GivenUp(run) } else { Said::Taken(run) };
        }
        Said::Empty
    }

    pub fn progress(&self, claim: Claimed) -> Said {
        if self.owns(claim) { Said::Done } else { Said::Stale }
    }

    pub fn requeue(&mut self, claim: Claimed) -> Said {
        if !self.owns(claim) {
            return Said::Stale;
        }
        if self.runs[claim.run].to_stop {
            return Said::ToStop;
        }
        self.runs[claim.run].state = RunState::Queued;
        Said::Done
    }

    pub fn finish(&mut self, claim: Claimed, state: RunState) -> Said {
        if !self.owns(claim) {
            return Said::Stale;
        }
        self.runs[claim.run].state = state;
        Said::Next(self.next_of(self.runs[claim.run].lane))
    }

    /// `seen`: the fence that the run had when the worker looked.
    pub fn adopt(&mut self, worker: usize, run: usize, seen: u64) -> Said {
        if !self.owns(Claimed {
            worker,
            run,
            fence: seen,
        }) {
            return Said::Stale;
        }
        let lane = self.runs[run].lane;
        self.fences[lane] += 1;
        self.runs[run].fence = self.fences[lane];
        self.claims.push(Claimed {
            worker,
            run,
            fence: self.fences[lane],
        });
        Said::Done
    }

    pub fn cancel(&mut self, run: usize) -> Said {
        let one = &mut self.runs[run];
        if one.state.is_terminal() {
            return Said::Over;
        }
        if one.to_stop {
            return Said::Before;
        }
        one.to_stop = true;
        if one.state != RunState::Running {
            one.state = RunState::Cancelled;
        }
        Said::Done
    }

    /// From held to any other state; whether it was held.
    pub fn move_held(&mut self, run: usize, to: RunState) -> Said {
        if self.runs[run].state != RunState::Held {
            return Said::Refused;
        }
        self.runs[run].state = to;
        Said::Done
    }

    pub fn lock(&mut self, lane: usize) -> Said {
        if self.locked[lane] {
            return Said::Refused;
        }
        self.locked[lane] = true;
        for one in self.runs.iter_mut().filter(|one| one.lane == lane) {
            if one.state == RunState::Queued {
                one.state = RunState::Held;
            }
        }
        Said::Done
    }

    pub fn unlock(&mut self, lane: usize) -> Said {
        if std::mem::take(&mut self.locked[lane]) {
            Said::Done
        } else {
            Said::Refused
        }
    }

    pub fn await_person(&mut self, claim: Claimed) -> Said {
        if !self.owns(claim) {
            return Said::Stale;
        }
        self.runs[claim.run].asks_person = true;
        Said::Done
    }

    pub fn hear(&mut self, run: usize) -> Said {
        let one = &mut self.runs[run];
        if one.state != RunState::Running || !one.asks_person {
            return Said::NotAsked;
        }
        if one.answered {
            return Said::Before;
        }
        if one.to_stop {
            return Said::NotAsked;
        }
        one.answered = true;
        Said::Done
    }
}
