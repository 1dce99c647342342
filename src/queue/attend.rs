//! Keeps an apalis worker at the door: wakes it, starts it again when it ends, and ends it when asked to.
//!
//! An apalis worker ends at the first error of its backend, and its own waiting loses wake-ups. So it is polled by hand
//! here: each ring, a fixed tick and a few echoes after each ring make it look at the queue.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::queue::address::WorkerName;
use crate::queue::backend::Backend;
use crate::queue::doorkeeper::{Answer, Doorkeeper, panic_text};
use crate::queue::options::QueueOptions;

/// A ring may come while a fetch is under way that began before the job was there; that fetch comes back empty and the
/// ring would wait for the next tick. Looking again after these pauses closes the gap.
const ECHOES: [Duration; 3] = [
    Duration::from_millis(2),
    Duration::from_millis(8),
    Duration::from_millis(30),
];

/// A worker that lived this long was healthy: the next pause is short again.
const HEALTHY: Duration = Duration::from_secs(10);

/// How long a worker may take to write its last acknowledgements, and how long cleaning up behind it may take.
const CLOSING: Duration = Duration::from_secs(1);

/// Everything one call of `work` needs.
pub(in crate::queue) struct Attendance<'a> {
    pub(in crate::queue) backend: &'a dyn Backend,
    pub(in crate::queue) bell: &'a Notify,
    pub(in crate::queue) worker: &'a WorkerName,
    pub(in crate::queue) workers: &'a AtomicU64,
    pub(in crate::queue) options: &'a QueueOptions,
    pub(in crate::queue) answer: Answer,
    pub(in crate::queue) tasks: &'a TaskTracker,
}

/// Why an apalis worker is no longer there.
enum Ended {
    /// It was asked to.
    Stopped,
    /// It ended by itself; the text says why.
    ByItself(String),
}

impl Attendance<'_> {
    /// Starts one worker after the other until `stop`, then waits a little for the answers under way.
    pub(in crate::queue) async fn keep(&self, concurrency: usize, stop: &CancellationToken) {
        let concurrency = u32::try_from(concurrency).unwrap_or(u32::MAX).min(u32::from(u16::MAX));
        let places = Arc::new(Semaphore::new(concurrency as usize));
        let mut pause = self.options.restart;
        let mut ended_in_a_row = 0_u32;
        while !stop.is_cancelled() {
            let name = self.worker.nth(self.workers.fetch_add(1, Ordering::Relaxed));
            let began = Instant::now();
            let ended = self.attend(&name, &places, stop).await;
            self.clean_up_behind(&name).await;
            let Ended::ByItself(error) = ended else { break };
            if began.elapsed() >= HEALTHY {
                pause = self.options.restart;
                ended_in_a_row = 0;
            }
            ended_in_a_row = ended_in_a_row.saturating_add(1);
            // Said once at the beginning of an outage, then now and then: not twenty times a minute.
            if ended_in_a_row % 20 == 1 {
                tracing::warn!(
                    worker = name,
                    error,
                    times = ended_in_a_row,
                    "the queue worker ended and starts again"
                );
            }
            // A ring that got through says that the backend is back.
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.bell.notified() => {}
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(self.options.restart_at_most);
        }
        if timeout(self.options.drain, places.acquire_many(concurrency))
            .await
            .is_err()
        {
            tracing::info!("the queue worker stopped; answers under way go on without it");
        }
    }

    /// One apalis worker, from its start to its end.
    async fn attend(&self, name: &str, places: &Arc<Semaphore>, stop: &CancellationToken) -> Ended {
        let context = WorkerContext::new(name);
        let doorkeeper = Doorkeeper::new(Arc::clone(places), Arc::clone(&self.answer), self.tasks.clone());
        let worker = async {
            // What would end this worker too is repaired first. A backend that is away shows itself below.
            let _ = timeout(self.options.ring_within, self.backend.tidy(name)).await;
            self.backend.attend(context.clone(), doorkeeper).await
        };
        let mut worker = pin!(AssertUnwindSafe(worker).catch_unwind());
        let mut upkeep = pin!(self.keep_tidy(name));
        let mut echo = ECHOES.len();
        loop {
            // Every turn polls the worker, whatever it was that woke us: that is what makes it look at the queue.
            tokio::select! {
                biased;
                ended = &mut worker => return ended_by_itself(ended),
                () = stop.cancelled() => break,
                () = self.bell.notified() => echo = 0,
                () = &mut upkeep => {}
                () = sleep(ECHOES.get(echo).copied().unwrap_or(self.options.tick)) => echo = echo.saturating_add(1),
            }
        }
        // Refused only before the worker has begun. Then there is nothing to close, and to go on would begin it.
        if context.stop().is_ok() {
            let _ = timeout(CLOSING, worker).await;
        }
        Ended::Stopped
    }

    /// Never ends.
    async fn keep_tidy(&self, name: &str) {
        loop {
            sleep(self.options.tidy).await;
            if let Err(error) = self.backend.tidy(name).await {
                tracing::debug!(%error, "finished jobs stay in the queue until the next round");
            }
        }
    }

    /// Both steps are only there to save time or space, so neither may cost much time.
    async fn clean_up_behind(&self, name: &str) {
        let behind = async {
            self.backend.give_back(name).await?;
            self.backend.tidy(name).await
        };
        match timeout(CLOSING, behind).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(worker = name, %error, "a worker's jobs come back when its heartbeats are missed")
            }
            Err(_) => tracing::debug!(
                worker = name,
                "a worker's jobs come back when its heartbeats are missed"
            ),
        }
    }
}

fn ended_by_itself(ended: Result<Result<(), apalis_core::error::WorkerError>, Box<dyn std::any::Any + Send>>) -> Ended {
    Ended::ByItself(match ended {
        Ok(Ok(())) => "it stopped without being asked to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("it panicked: {}", panic_text(panic.as_ref())),
    })
}
