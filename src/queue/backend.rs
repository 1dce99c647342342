//! What SQLite and Redis both have to do. Small on purpose: replacing a backend of apalis by one of our own is to stay
//! a change of one file.

use std::fmt::Debug;

use apalis_core::error::WorkerError;
use apalis_core::worker::context::WorkerContext;
use futures_util::future::BoxFuture;

use crate::queue::doorkeeper::Doorkeeper;
use crate::queue::error::QueueError;
use crate::queue::findings::Finding;
use crate::queue::job::RunJob;

pub(in crate::queue) trait Backend: Debug + Send + Sync {
    /// Stores one job.
    fn push(&self, job: RunJob) -> BoxFuture<'_, Result<(), QueueError>>;

    /// Runs one apalis worker until it is stopped through its context, or until anything at all goes wrong.
    fn attend(&self, worker: WorkerContext, doorkeeper: Doorkeeper) -> BoxFuture<'static, Result<(), WorkerError>>;

    /// Returns to the queue at once what a worker of this process had fetched when it ended. Others would wait for its
    /// heartbeats to be missed.
    fn give_back<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Clears away what is finished, and repairs what would end a worker that meets it.
    fn tidy<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>>;

    /// How many jobs nobody has fetched; at least `enough`, where counting further costs something.
    fn waiting(&self, enough: u32) -> BoxFuture<'_, Result<u64, QueueError>>;

    /// What about the set-up would lose jobs.
    fn findings(&self) -> BoxFuture<'_, Result<Vec<Finding>, QueueError>>;
}
