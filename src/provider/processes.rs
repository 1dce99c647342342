//! Processes as `/proc` shows them: which one it is, whose child, whether it still lives.
//!
//! A process id alone names nobody for long; with the start time and the boot it names one process for ever.
//! <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// One process, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    /// The number.
    pub pid: i32,
    /// Clock ticks after the boot.
    pub start_ticks: u64,
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Its parent's number.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// The kernel's short name of it.
    pub name: String,
    /// Whether it has ended and only waits to be collected.
    pub is_zombie: bool,
}

impl Process {
    /// As a log line names it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} ({})", self.name, self.id.pid)
    }
}

impl ProcessId {
    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        find(self.pid).is_some_and(|process| process.id == self && !process.is_zombie)
    }
}

/// The process of this number, where there is one.
#[must_use]
pub fn find(pid: i32) -> Option<Process> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The caller itself.
#[must_use]
pub fn myself() -> Option<Process> {
    parse(&fs::read("/proc/self/stat").ok()?)
}

/// Which boot this is.
#[must_use]
pub fn boot_id() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .map(|text| text.trim().to_owned())
}

/// Every process that can be seen.
#[must_use]
pub fn all() -> Vec<Process> {
    numbers().filter_map(find).collect()
}

/// Everything below `root` that is still alive, without what is in `apart` (and without what those started).
#[must_use]
pub fn descendants(root: i32, apart: &HashSet<ProcessId>) -> Vec<Process> {
    below(&all(), &[root], apart)
}

/// The same, from a list taken before.
#[must_use]
pub fn below(all: &[Process], roots: &[i32], apart: &HashSet<ProcessId>) -> Vec<Process> {
    let mut children: Vec<(i32, &Process)> = all.iter().map(|process| (process.parent, process)).collect();
    children.sort_by_key(|(parent, _)| *parent);
    let mut found = Vec::new();
    let mut seen: HashSet<i32> = roots.iter().copied().collect();
    let mut open: Vec<i32> = roots.to_vec();
    while let Some(parent) = open.pop() {
        let first = children.partition_point(|(of, _)| *of < parent);
        for (_, process) in children[first..].iter().take_while(|(of, _)| *of == parent) {
            if apart.contains(&process.id) || !seen.insert(process.id.pid) {
                continue;
            }
            open.push(process.id.pid);
            if !process.is_zombie {
                found.push((*process).clone());
            }
        }
    }
    found
}

/// The processes that have the file of this device and inode open.
#[must_use]
pub fn holders(device: u64, inode: u64) -> Vec<Process> {
    numbers()
        .filter(|pid| holds(*pid, device, inode))
        .filter_map(find)
        .collect()
}

/// Whether it is a Chima: another server on this machine, a worker, or a runner.
#[must_use]
pub fn is_chima(pid: i32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let program = format!("/proc/{pid}/exe");
    let file = |path: &str| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    // another version is another file of the same name
    let name = fs::read_link(&program).ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .and_then(std::ffi::OsStr::to_str);
    let named = name.map(|name| name.trim_end_matches(" (deleted)")) == Some(env!("CARGO_PKG_NAME"));
    named || file(&program).is_some_and(|one| file("/proc/self/exe") == Some(one))
}

/// Sends a signal to this very process. `false` when it is gone, or belongs to somebody else.
pub fn signal(process: ProcessId, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(process.pid) else {
        return false;
    };
    // The descriptor pins the process: when the start time still fits afterwards, the number was not given away between.
    let Ok(pinned) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
        return false;
    };
    find(process.pid).is_some_and(|found| found.id == process)
        && rustix::process::pidfd_send_signal(&pinned, signal).is_ok()
}

fn holds(pid: i32, device: u64, inode: u64) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| fs::metadata(entry.path()).is_ok_and(|file| file.dev() == device && file.ino() == inode))
}

fn numbers() -> impl Iterator<Item = i32> {
    fs::read_dir(Path::new("/proc"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
}

/// The name stands in parentheses and may itself hold spaces and parentheses: the last one ends it.
fn parse(stat: &[u8]) -> Option<Process> {
    let text = String::from_utf8_lossy(stat);
    let (pid, rest) = text.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        id: ProcessId {
            pid: pid.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        },
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        name: name.to_owned(),
        is_zombie: matches!(fields.first()?, &"Z" | &"X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 1";
        let process = parse(line).unwrap();
        assert_eq!(
            process.id,
            ProcessId {
                pid: 42,
                start_ticks: 9876
            }
        );
        assert_eq!(
            (process.parent, process.group, process.name.as_str()),
            (7, 42, "a) b (c")
        );
    }

    #[test]
    fn a_number_that_was_given_to_another_process_is_not_alive() {
        let me = myself().unwrap().id;
        assert!(me.is_alive());
        assert!(
            !ProcessId {
                start_ticks: me.start_ticks + 1,
                ..me
            }
            .is_alive()
        );
    }

    #[test]
    fn what_stands_apart_hides_what_it_started() {
        let process = |pid, parent| Process {
            id: ProcessId { pid, start_ticks: 1 },
            parent,
            group: 1,
            name: "x".to_owned(),
            is_zombie: pid == 5,
        };
        let all = [
            process(2, 1),
            process(3, 2),
            process(4, 1),
            process(5, 4),
            process(6, 5),
            process(9, 8),
        ];
        let apart = HashSet::from([ProcessId { pid: 2, start_ticks: 1 }]);
        let pids: Vec<i32> = below(&all, &[1], &apart).iter().map(|process| process.id.pid).collect();
        assert_eq!(pids, [4, 6]);
    }
}
