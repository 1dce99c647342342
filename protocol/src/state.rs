//! What there is, and what must never be.

/// Processes, and deployments.
pub const N: usize = 3;
/// Attempts at one run. Another one takes a fault each time.
pub const ATTEMPTS: usize = 3;

/// Where a run stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Run {
    /// Nobody has decided on the delivery yet.
    Absent,
    Queued,
    Running,
    /// As its `exit.json` says.
    Ended,
    /// Interrupted, or never begun.
    Errored,
}

impl Run {
    /// Whether it is never left.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Errored)
    }
}

/// What stands under the name `started` in the folder of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Marker {
    None,
    Started,
    Sealed,
}

/// The runner of an attempt, and the command below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Runner {
    None,
    /// It lives, and has not tried the lock.
    Spawned,
    /// It has the lock, and no marker yet.
    Locked,
    /// The command works.
    Command,
    /// The result is written aside and the lock is given back; the result is not shown yet.
    Aside,
    /// `exit.json` is there.
    Shown,
    /// The runner was killed; the command works on, and has the lock.
    Orphan,
    /// Nothing of it lives, and there is no result.
    Gone,
    /// It ended before its border because somebody else had the lock.
    RefusedBusy,
    /// It ended because the marker was there.
    RefusedMarker,
    /// It was killed before its border.
    Killed,
}

impl Runner {
    /// Whether a command of it works.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Self::Command | Self::Orphan)
    }
}

/// What a process is about to do; `d` is a deployment, `a` its attempt, `f` the fence of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    Idle,
    /// A verified body is in its memory.
    Receiving {
        d: u8,
    },
    /// The delivery is on the disk, and not answered.
    Answering {
        d: u8,
    },
    /// The claim is its own; it prepares.
    Claimed {
        d: u8,
        a: u8,
        f: u8,
    },
    /// It has started a runner, and waits for its word.
    Starting {
        d: u8,
        a: u8,
        f: u8,
    },
    /// It waits for the end of the attempt.
    Watching {
        d: u8,
        a: u8,
        f: u8,
    },
    /// It has taken the run over, and looks where the attempt stands.
    Settling {
        d: u8,
        a: u8,
        f: u8,
    },
    /// It knows that the runner is gone, and stops what that left.
    Stopping {
        d: u8,
        a: u8,
        f: u8,
    },
    /// It has sealed the attempt, and gives the run back.
    Requeueing {
        d: u8,
        f: u8,
    },
    /// It knows how the run ended, and writes it down.
    Finishing {
        d: u8,
        f: u8,
        well: bool,
    },
    /// Only with [`Fault::WordAfterEnd`]: the end is written, the word about it is not.
    Wording {
        d: u8,
    },
}

/// A mistake that is made on purpose, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// GitHub is answered before the delivery is on the disk.
    AnswerBeforeCommit,
    /// Writes of a claimed run do not look at its fence.
    NoFenceCheck,
    /// The runner starts its command whether or not the marker is there.
    NoMarkerCheck,
    /// A lease that has lapsed is proof enough that nothing works: the run is queued again unseen.
    LeaseByClockOnly,
    /// The command does not inherit the lock.
    LockNotInherited,
    /// The last status is written in a transaction of its own.
    WordAfterEnd,
    /// What holds the lane's lock is stopped, whoever's it is.
    StopsAnyHolder,
    /// A worker gives a run back without sealing the attempt.
    NoSeal,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// In one environment.
    TwoCommandsAtOnce,
    /// The command of one deployment.
    BegunTwice,
    /// A command, after the ledger said how its run had ended.
    BegunAfterTheEnd,
    /// By somebody who has lost the claim.
    StaleWrite,
    /// What belongs to another run.
    StrangerStopped,
    /// The ledger says that a run has ended, and its command works.
    EndedWhileItWorks,
}

/// Everything there is.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// The delivery is on the disk.
    pub stored: [bool; N],
    /// GitHub has read a 2xx.
    pub answered: [bool; N],
    pub run: [Run; N],
    /// Claims and adoptions of the run so far.
    pub fence: [u8; N],
    pub attempt: [u8; N],
    /// How often its command was begun: what the outside journal would say.
    pub begun: [u8; N],
    /// 0: no last word, 1: in the outbox, 2: GitHub has it.
    pub word: [u8; N],
    pub marker: [[Marker; ATTEMPTS]; N],
    pub runner: [[Runner; ATTEMPTS]; N],
    /// Whether a bell of the lane waits in the queue.
    pub bell: bool,
    pub task: [Task; N],
    pub paused: [bool; N],
    /// How much may still go wrong.
    pub faults_left: u8,
}

impl State {
    /// With so many deployments in play, the others having ended long ago. `taken_in`: those in play have been decided on.
    #[must_use]
    pub fn begin(deployments: usize, taken_in: bool, faults: u8) -> Self {
        let mut state = Self {
            stored: [true; N],
            answered: [true; N],
            run: [Run::Ended; N],
            fence: [0; N],
            attempt: [0; N],
            begun: [0; N],
            word: [2; N],
            marker: [[Marker::None; ATTEMPTS]; N],
            runner: [[Runner::None; ATTEMPTS]; N],
            bell: false,
            task: [Task::Idle; N],
            paused: [false; N],
            faults_left: faults,
        };
        for d in 0..deployments {
            state.stored[d] = taken_in;
            state.answered[d] = taken_in;
            state.run[d] = if taken_in { Run::Queued } else { Run::Absent };
            state.word[d] = 0;
        }
        state
    }

    /// Whether everything that was accepted has ended, and GitHub knows.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        (0..N).all(|d| !self.answered[d] || (self.run[d].is_over() && self.word[d] == 2))
    }

    /// The state in a form in which processes have no names, as few bytes.
    #[must_use]
    pub fn key(&self) -> [u64; 3] {
        let mut processes: [u64; N] = [0; N];
        for (w, packed) in processes.iter_mut().enumerate() {
            *packed = packed_task(self.task[w]) << 1 | u64::from(self.paused[w]);
        }
        processes.sort_unstable();
        let mut key = [0; 3];
        for (d, part) in key.iter_mut().enumerate() {
            let mut bits = u64::from(self.stored[d]) | u64::from(self.answered[d]) << 1;
            bits = bits << 3 | self.run[d] as u64;
            bits = bits << 4 | u64::from(self.fence[d]);
            bits = bits << 2 | u64::from(self.attempt[d]);
            bits = bits << 2 | u64::from(self.begun[d]);
            bits = bits << 2 | u64::from(self.word[d]);
            for a in 0..ATTEMPTS {
                bits = bits << 2 | self.marker[d][a] as u64;
                bits = bits << 4 | self.runner[d][a] as u64;
            }
            // 33 bits so far
            *part = bits << 14 | processes[d];
        }
        key[0] |= u64::from(self.bell) << 63 | u64::from(self.faults_left) << 60;
        key
    }
}

fn packed_task(task: Task) -> u64 {
    let (kind, d, a, f) = match task {
        Task::Idle => (0, 0, 0, 0),
        Task::Receiving { d } => (1, d, 0, 0),
        Task::Answering { d } => (2, d, 0, 0),
        Task::Claimed { d, a, f } => (3, d, a, f),
        Task::Starting { d, a, f } => (4, d, a, f),
        Task::Watching { d, a, f } => (5, d, a, f),
        Task::Settling { d, a, f } => (6, d, a, f),
        Task::Stopping { d, a, f } => (7, d, a, f),
        Task::Requeueing { d, f } => (8, d, 0, f),
        Task::Finishing { d, f, well } => (9, d, u8::from(well), f),
        Task::Wording { d } => (10, d, 0, 0),
    };
    kind << 8 | u64::from(d) << 6 | u64::from(a) << 4 | u64::from(f)
}
