//! Looks at an attempt from outside: where it stands, when it ends, and what is left of one whose runner is gone.
//!
//! Works for any runner on this machine, whoever started it: everything is read from the attempt's folder, the lock file and
//! `/proc`.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::provider::attempt;
use crate::provider::exit::{self, Exit};
use crate::provider::lock;
use crate::provider::marker::{self, Marker, Started};
use crate::provider::processes::{self, Process, ProcessId};
use crate::provider::spec::Graces;

/// How often a runner that is not our child is looked at. A look costs three system calls; the kernel's notices of files
/// are few per user, and those of processes have no safe way into the runtime.
const LOOK: Duration = Duration::from_millis(25);

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The runner wrote its result.
    Exit(Exit),
    /// The runner is gone and left none. What it started may still run: see [`inspect`] and [`stop_survivors`].
    Gone,
    /// No runner ever began, or will: the attempt is sealed.
    Sealed,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No runner has begun. Only [`marker::seal`] makes sure that none will.
    NotStarted,
    /// No runner ever will.
    Sealed,
    /// Its runner lives.
    Alive,
    /// It has ended.
    Ended(Exit),
    /// Its runner is gone and left no result.
    Gone {
        /// Whether nothing of its commands is left either.
        lock_free: bool,
    },
}

/// Where an attempt stands.
///
/// # Errors
/// When the attempt's folder or the lock file cannot be read.
pub fn inspect(attempt_dir: &Path, lock_file: &Path) -> io::Result<Condition> {
    let started = match marker::read(attempt_dir)? {
        None => return Ok(Condition::NotStarted),
        Some(Marker::Sealed { .. }) => return Ok(Condition::Sealed),
        Some(Marker::Started(started)) => started,
    };
    let alive = started.is_alive();
    // After the look at the process: its result may have come in between, and nothing comes after its death.
    if let Some(exit) = exit::read(attempt_dir)? {
        return Ok(Condition::Ended(exit));
    }
    if alive {
        return Ok(Condition::Alive);
    }
    // A command whose leftovers may live has no share in the lock: it is looked at itself.
    let command_ended = live_command(attempt_dir, &started).is_none();
    Ok(Condition::Gone {
        lock_free: command_ended && lock::is_free(lock_file)?,
    })
}

/// Waits until the attempt has ended: its result is there, or its runner is provably gone without one.
///
/// # Errors
/// When the attempt's folder cannot be read, or nobody has begun the attempt.
pub async fn watch(attempt_dir: &Path) -> io::Result<Ended> {
    let started = match marker::read(attempt_dir)? {
        Some(Marker::Started(started)) => started,
        Some(Marker::Sealed { .. }) => return Ok(Ended::Sealed),
        None => return Err(io::Error::new(io::ErrorKind::NotFound, "the attempt has not begun")),
    };
    loop {
        let alive = started.is_alive();
        // In this order, as in `inspect`.
        let ended = result(attempt_dir)?;
        if ended != Ended::Gone || !alive {
            return Ok(ended);
        }
        sleep(LOOK).await;
    }
}

/// What an attempt whose runner has ended left behind.
///
/// # Errors
/// When the attempt's folder cannot be read.
pub fn result(attempt_dir: &Path) -> io::Result<Ended> {
    Ok(exit::read(attempt_dir)?.map_or(Ended::Gone, Ended::Exit))
}

/// What became of the processes a dead runner left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Those that were found, by name and number.
    pub found: Vec<String>,
    /// Those of them that could not be killed; they keep the lane.
    pub remaining: Vec<String>,
}

/// Stops what is left of an attempt whose runner is gone: whoever holds the lane's lock as its heir, the command it had started,
/// and everything below them. Whoever calls this may have been paused for long: somebody else may have freed the lane, and what
/// holds its lock by now is a later run's.
///
/// # Errors
/// When the lock file cannot be read.
pub async fn stop_survivors(attempt_dir: &Path, lock_file: &Path, graces: &Graces) -> io::Result<Stopped> {
    let (mut device, mut inode) = (0, 0);
    match std::fs::metadata(lock_file) {
        Ok(file) => (device, inode) = (file.dev(), file.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut known: HashSet<ProcessId> = HashSet::new();
    let mut names = Vec::new();
    let begun = Instant::now();
    loop {
        let holders = processes::holders(device, inode);
        // after the look at them: whoever takes the lock writes down for which attempt, before anything is started there
        let heirs = if lock::is_named(lock_file, attempt_dir)? {
            holders
        } else {
            Vec::new()
        };
        let left = survivors(attempt_dir, &heirs, &known);
        let now = begun.elapsed();
        if left.is_empty() || now > graces.terminate + graces.kill {
            return Ok(Stopped {
                found: names,
                remaining: left.iter().map(Process::shown).collect(),
            });
        }
        for process in left {
            let is_new = known.insert(process.id);
            if is_new {
                names.push(process.shown());
            }
            if now >= graces.terminate {
                processes::signal(process.id, Signal::KILL);
            } else if is_new {
                processes::signal(process.id, Signal::TERM);
                processes::signal(process.id, Signal::CONT);
            }
        }
        sleep(LOOK).await;
    }
}

/// Who is left. What was seen before stays on the list even when its parent is gone meanwhile.
fn survivors(attempt_dir: &Path, heirs: &[Process], known: &HashSet<ProcessId>) -> Vec<Process> {
    let all = processes::all();
    let Some(me) = processes::myself() else {
        return Vec::new();
    };
    // Probes of the lock hold the file for a moment, and so does a child of ours that is just being started, which is still in
    // our group; a runner holds it before it has written down whose the lock is. A command is none of them.
    let ours = |process: &Process| {
        processes::is_chima(process.id.pid) || process.parent == me.id.pid && process.group == me.group
    };
    let mut roots: Vec<i32> = heirs
        .iter()
        .filter(|process| !ours(process))
        .map(|process| process.id.pid)
        .collect();
    let command = match marker::read(attempt_dir) {
        Ok(Some(Marker::Started(started))) => live_command(attempt_dir, &started),
        _ => None,
    };
    roots.extend(command.map(|process| process.pid));
    roots.extend(
        all.iter()
            .filter(|process| known.contains(&process.id))
            .map(|process| process.id.pid),
    );
    let mut left = processes::below(&all, &roots, &HashSet::new());
    left.extend(
        all.into_iter()
            .filter(|process| roots.contains(&process.id.pid) && !process.is_zombie),
    );
    left.retain(|process| process.id != me.id);
    left.sort_by_key(|process| process.id);
    left.dedup_by_key(|process| process.id);
    left
}

fn live_command(attempt_dir: &Path, started: &Started) -> Option<ProcessId> {
    let same_boot = processes::boot_id().is_some_and(|boot| boot == started.boot_id);
    attempt::command(attempt_dir).filter(|process| same_boot && process.is_alive())
}
