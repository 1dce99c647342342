//! Where the queue is, and what a worker is called in it.

use std::path::PathBuf;

use secrecy::SecretString;
use ulid::Ulid;

/// Where the jobs are kept.
#[derive(Debug, Clone)]
pub enum QueueAddress {
    /// A database file of the queue's own, beside the ledger but never the ledger: polling writes would queue up before
    /// the ledger's commits.
    Sqlite(PathBuf),
    /// A Redis server.
    Redis {
        /// `redis://[user:password@]host[:port][/database]`; secret because of the password.
        url: SecretString,
    },
}

/// What a worker is called in the queue: host, boot and process, so that no two living workers share a name and a name
/// never comes back. A backend refuses a name for up to 30 s after its last sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerName(String);

impl WorkerName {
    /// Joins the host's name, an identifier of its current boot and a fresh one of this process. Characters that would
    /// mean something in a Redis key are replaced.
    #[must_use]
    pub fn new(host: &str, boot: &str, process: Ulid) -> Self {
        Self(format!("{}.{}.{process}", plain(host, 64), plain(boot, 36)))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the n-th apalis worker of this process. Each needs its own, because its predecessor counts as alive
    /// until its heartbeats are missed.
    pub(in crate::queue) fn nth(&self, n: u64) -> String {
        format!("{}.{n}", self.0)
    }
}

fn plain(text: &str, longest: usize) -> String {
    text.chars()
        .take(longest)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_name_has_nothing_that_means_something_in_a_key() {
        let name = WorkerName::new("build host:1\n", "3f2a-99", Ulid::nil());
        assert_eq!(name.nth(2), "build_host_1_.3f2a-99.00000000000000000000000000.2");
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let address = QueueAddress::Redis {
            url: SecretString::from("redis://:hunter2@localhost"),
        };
        assert!(!format!("{address:?}").contains("hunter2"));
    }
}
