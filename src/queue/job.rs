//! What is in the queue: the id of a run, and nothing else.

use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;

use crate::domain::ids::{InvalidId, RunId};

/// The queue's name in the backend. It is spelled out because apalis would take the name of a Rust type, and moving
/// that type would strand the jobs. The version grows when the form of a job changes.
pub(in crate::queue) const QUEUE_NAME: &str = "chima.run.v1";

/// A job. Stored as a JSON string, so that other apalis tools can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunJob {
    run: RunId,
}

impl RunJob {
    /// A job that asks to look at this run.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self { run }
    }

    /// Reads what was stored. apalis is never asked to decode: it would end the worker over one unreadable job, again
    /// and again.
    ///
    /// # Errors
    /// The bytes do not name a run.
    pub fn read(stored: &[u8]) -> Result<RunId, InvalidId> {
        let text = String::from_utf8_lossy(stored);
        let text = text.trim();
        text.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text)
            .parse()
    }

    /// As apalis takes it. Without an idempotency key: on Redis such a key outlives the job and would swallow the bell
    /// of the next ring, while a second job for one run costs a glance at the ledger.
    pub(in crate::queue) fn task(self) -> Task<Vec<u8>> {
        TaskBuilder::new(format!("\"{}\"", self.run).into_bytes())
            .max_attempts(1)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn a_stored_job_reads_back() {
        let run = RunId::new(Ulid::from_parts(1_700_000_000_000, 7));
        assert_eq!(RunJob::read(&RunJob::new(run).task().args), Ok(run));
    }

    #[test]
    fn a_stored_job_is_json() {
        let run = RunId::new(Ulid::nil());
        let stored = RunJob::new(run).task().args;
        assert_eq!(serde_json::from_slice::<RunId>(&stored).expect("json"), run);
    }

    #[test]
    fn what_names_no_run_is_an_error_and_not_a_panic() {
        for stored in [&b""[..], b"\"", b"\"\"", b"{}", b"\xff\xfe", b"\"01JD\"", &[b'['; 4096]] {
            assert!(RunJob::read(stored).is_err(), "{stored:?}");
        }
    }
}
