//! What a worker process is called in its claims, so that others can tell for certain that it is dead.
//!
//! A claim that has lapsed may belong to a worker that is only slow; one whose process is gone needs no waiting. The name
//! holds the host, the boot, the pid namespace (two containers count their processes apart) and the process itself.

use std::fs;

use crate::provider::processes::{self, ProcessId};

/// The name of this process.
#[must_use]
pub fn name(host: &str) -> String {
    let host: String = host.chars().filter(|c| *c != '/').collect();
    let boot = processes::boot_id().unwrap_or_default();
    let id = processes::myself().map_or(ProcessId { pid: 0, start_ticks: 0 }, |process| process.id);
    format!("{host}/{boot}/{}/{}/{}", pid_namespace(), id.pid, id.start_ticks)
}

/// Whether the process of this name is gone for certain. `false` also means "cannot tell".
#[must_use]
pub fn is_dead(name: &str) -> bool {
    is_dead_seen_from(name, &self::name(name.split('/').next().unwrap_or_default()))
}

fn is_dead_seen_from(name: &str, here: &str) -> bool {
    let parts = |text: &str| -> Option<(String, String, String, ProcessId)> {
        let mut parts = text.split('/').map(str::to_owned);
        let (host, boot, namespace) = (parts.next()?, parts.next()?, parts.next()?);
        let id = ProcessId {
            pid: parts.next()?.parse().ok()?,
            start_ticks: parts.next()?.parse().ok()?,
        };
        Some((host, boot, namespace, id))
    };
    let (Some(other), Some(own)) = (parts(name), parts(here)) else {
        return false;
    };
    // another boot may be another machine of the same name: only its lease can tell
    other.1 == own.1 && other.2 == own.2 && !other.2.is_empty() && !other.3.is_alive()
}

fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid")
        .ok()
        .and_then(|link| {
            let digits: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
            (!digits.is_empty()).then_some(digits)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_not_dead_and_another_with_its_number_is() {
        let own = name("host");
        assert!(!is_dead(&own));
        let (front, _) = own.rsplit_once('/').unwrap();
        assert!(is_dead(&format!("{front}/1")));
    }

    #[test]
    fn nothing_is_said_of_what_cannot_be_seen() {
        for name in ["", "host", "host/boot/1/2/3", "host//4026531836/1/1"] {
            assert!(!is_dead(name), "{name}");
        }
    }
}
