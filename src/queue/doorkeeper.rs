//! The service that apalis calls for each job: it starts the answer as a task of its own and is done.
//!
//! A job is acknowledged when its answer has started, not when it has ended. A deployment takes minutes, and whatever
//! apalis holds for minutes it hands out twice (missed heartbeats, a worker that drains). What happens to the run from
//! here on is in the ledger, with a lease and a fence.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::task::Task;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::domain::ids::RunId;
use crate::queue::job::RunJob;

/// What is called for each bell.
pub(in crate::queue) type Answer = Arc<dyn Fn(RunId) -> BoxFuture<'static, ()> + Send + Sync>;

/// Starts answers, never more at once than there are places.
pub(in crate::queue) struct Doorkeeper {
    places: PollSemaphore,
    /// The place of the next answer. It is taken before apalis fetches, so that a job is never fetched only to wait here
    /// while another process could answer it.
    place: Option<OwnedSemaphorePermit>,
    answer: Answer,
    tasks: TaskTracker,
}

impl Doorkeeper {
    /// The places are shared by every worker that follows, because answers outlive workers.
    pub(in crate::queue) fn new(places: Arc<Semaphore>, answer: Answer, tasks: TaskTracker) -> Self {
        Self {
            places: PollSemaphore::new(places),
            place: None,
            answer,
            tasks,
        }
    }
}

impl Service<Task<Vec<u8>>> for Doorkeeper {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.place.is_some() {
            return Poll::Ready(Ok(()));
        }
        match self.places.poll_acquire(cx) {
            Poll::Ready(Some(place)) => {
                self.place = Some(place);
                Poll::Ready(Ok(()))
            }
            // Nobody closes the semaphore; were it closed, there would be no place for ever.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Never an error: SQLite would try the job again at once and without a pause, Redis up to 25 times.
    fn call(&mut self, job: Task<Vec<u8>>) -> Self::Future {
        let place = self.place.take();
        match RunJob::read(&job.args) {
            Ok(run) => {
                let answer = Arc::clone(&self.answer);
                self.tasks.spawn(async move {
                    let _place = place;
                    let outcome = AssertUnwindSafe(async { answer(run).await }).catch_unwind().await;
                    if let Err(panic) = outcome {
                        tracing::error!(run.id = %run, panic = panic_text(panic.as_ref()), "answering the bell panicked; the ledger's sweep rings again");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "a job in the queue names no run; it is dropped"),
        }
        ready(Ok(()))
    }
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper")
            .field("place", &self.place.is_some())
            .finish_non_exhaustive()
    }
}

/// The text of a panic, where it has one.
pub(in crate::queue) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
