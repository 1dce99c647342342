//! The only room that knows apalis: the doorbell.
//!
//! A job says "look at this run" and carries nothing else. The ledger decides what is true, so losing, repeating or
//! reordering jobs costs time and nothing more: a sweep of the ledger rings again for every run that still waits.
//! Nothing here may grow into a second truth: no state of a run, no retries of a run, no results.
//! Why it is built like this, and what was measured: `docs/decisions/0003-queue-as-doorbell.md`.

pub mod address;
pub mod error;
pub mod findings;
pub mod job;
pub mod options;

mod attend;
mod backend;
mod doorkeeper;
mod on_redis;
mod on_sqlite;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::ids::RunId;
use crate::queue::address::{QueueAddress, WorkerName};
use crate::queue::attend::Attendance;
use crate::queue::backend::Backend;
use crate::queue::doorkeeper::Answer;
use crate::queue::error::QueueError;
use crate::queue::findings::Finding;
use crate::queue::job::RunJob;
use crate::queue::on_redis::OnRedis;
use crate::queue::on_sqlite::OnSqlite;
use crate::queue::options::QueueOptions;

/// So many waiting jobs are counted; of more it is only known that there are more.
pub const MOST_COUNTED: u32 = 10_000;

/// The doorbell of one process. Clones share the connection and the bell.
#[derive(Debug, Clone)]
pub struct Queue {
    backend: Arc<dyn Backend>,
    bell: Arc<Notify>,
    worker: WorkerName,
    /// How many apalis workers this process has had.
    workers: Arc<AtomicU64>,
    options: QueueOptions,
}

impl Queue {
    /// Opens the queue without needing its server: a SQLite file is created and brought up to date, a Redis address is
    /// only read, and every call reconnects by itself. For a process that must start and accept while Redis is away.
    ///
    /// # Errors
    /// The address is not usable, or the file cannot be opened.
    pub async fn open(address: &QueueAddress, worker: WorkerName) -> Result<Self, QueueError> {
        Self::open_with(address, worker, QueueOptions::default()).await
    }

    /// [`Self::open`] with other periods and limits than the default ones.
    ///
    /// # Errors
    /// The address is not usable, or the file cannot be opened.
    pub async fn open_with(
        address: &QueueAddress,
        worker: WorkerName,
        options: QueueOptions,
    ) -> Result<Self, QueueError> {
        let backend: Arc<dyn Backend> = match address {
            QueueAddress::Sqlite(path) => Arc::new(OnSqlite::open(path, &options).await?),
            QueueAddress::Redis { url } => Arc::new(OnRedis::open(url, &options)?),
        };
        Ok(Self {
            backend,
            bell: Arc::new(Notify::new()),
            worker,
            workers: Arc::default(),
            options,
        })
    }

    /// Opens the queue and asks it to answer.
    ///
    /// # Errors
    /// As [`Self::open`]; and a transient error when Redis does not answer now.
    pub async fn connect(address: &QueueAddress, worker: WorkerName) -> Result<Self, QueueError> {
        let queue = Self::open(address, worker).await?;
        queue.waiting().await?;
        Ok(queue)
    }

    /// Pushes a job for this run and wakes the worker of this process at once. Never longer than
    /// [`QueueOptions::ring_within`], also while the backend hangs.
    ///
    /// # Errors
    /// The bell did not get through. The run is safe in the ledger; the sweep rings again.
    pub async fn ring(&self, run: RunId) -> Result<(), QueueError> {
        self.within("ring the queue's bell", self.backend.push(RunJob::new(run)))
            .await?;
        self.wake();
        Ok(())
    }

    /// Lets the worker of this process look at the queue now instead of at its next tick.
    pub fn wake(&self) {
        self.bell.notify_one();
    }

    /// Answers bells until `stop`: at most `concurrency` calls of `answer` at once (0 is read as 1).
    ///
    /// The calls run as tasks of `tasks`, so that they outlive this worker: it ends and starts again whenever Redis
    /// goes away or SQLite is locked for too long. A job is done as soon as its call has *started*; what becomes of the
    /// run is the ledger's business. A call that panics is logged. After `stop` nothing more is fetched, and calls that
    /// have not ended within [`QueueOptions::drain`] are left to `tasks`.
    pub async fn work<H, F>(&self, concurrency: usize, answer: H, tasks: &TaskTracker, stop: CancellationToken)
    where
        H: Fn(RunId) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let answer: Answer = Arc::new(move |run| answer(run).boxed());
        let attendance = Attendance {
            backend: self.backend.as_ref(),
            bell: &self.bell,
            worker: &self.worker,
            workers: &self.workers,
            options: &self.options,
            answer,
            tasks,
        };
        attendance.keep(concurrency.max(1), &stop).await;
    }

    /// How many jobs nobody has fetched yet, roughly, and counted up to [`MOST_COUNTED`]: for metrics and a person's eye, not
    /// for decisions.
    ///
    /// # Errors
    /// The backend did not answer in time.
    pub async fn waiting(&self) -> Result<u64, QueueError> {
        self.within("count the waiting jobs", self.backend.waiting(MOST_COUNTED))
            .await
    }

    /// Whether no job waits to be fetched. Costs the same however many wait.
    ///
    /// # Errors
    /// The backend did not answer in time.
    pub async fn is_idle(&self) -> Result<bool, QueueError> {
        let waiting = self.within("look for a waiting job", self.backend.waiting(1)).await?;
        Ok(waiting == 0)
    }

    /// What about the backend's set-up would lose bells. Empty means nothing to say.
    ///
    /// # Errors
    /// The backend did not answer in time.
    pub async fn findings(&self) -> Result<Vec<Finding>, QueueError> {
        self.within("read the queue's settings", self.backend.findings()).await
    }

    async fn within<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let after = self.options.ring_within;
        tokio::time::timeout(after, call)
            .await
            .unwrap_or(Err(QueueError::TimedOut { operation, after }))
    }
}
