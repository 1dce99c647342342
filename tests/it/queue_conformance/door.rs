//! A worker at the door, and what it saw.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chima::domain::ids::RunId;
use chima::queue::Queue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What was answered, in order.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<RunId>>>);

impl Journal {
    pub fn note(&self, run: RunId) {
        self.0.lock().expect("no test panics while it writes").push(run);
    }

    pub fn entries(&self) -> Vec<RunId> {
        self.0.lock().expect("no test panics while it writes").clone()
    }

    pub fn len(&self) -> usize {
        self.entries().len()
    }

    pub fn times(&self, run: RunId) -> usize {
        self.entries().iter().filter(|entry| **entry == run).count()
    }
}

/// A running worker.
pub struct Door {
    pub tasks: TaskTracker,
    pub worker: JoinHandle<()>,
    stop: CancellationToken,
}

impl Door {
    /// Answers by noting the run.
    pub fn open(queue: &Queue, concurrency: usize, journal: &Journal) -> Self {
        let journal = journal.clone();
        Self::open_with(queue, concurrency, move |run| {
            journal.note(run);
            async {}
        })
    }

    pub fn open_with<H, F>(queue: &Queue, concurrency: usize, answer: H) -> Self
    where
        H: Fn(RunId) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (queue, tasks, stop) = (queue.clone(), TaskTracker::new(), CancellationToken::new());
        let (answers, stopped) = (tasks.clone(), stop.clone());
        let worker = TaskTracker::new().spawn(async move { queue.work(concurrency, answer, &answers, stopped).await });
        Self { tasks, worker, stop }
    }

    /// Tells the worker to stop, and says how long that took.
    pub async fn close(mut self) -> Duration {
        let began = Instant::now();
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), &mut self.worker).await;
        ended.expect("a worker stops").expect("a worker does not panic");
        began.elapsed()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Waits until a condition holds; fails after so many seconds.
pub async fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(seconds),
            "not within {seconds} s: {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

/// Lets time pass in which something must *not* happen.
pub async fn nothing_happens_for(duration: Duration) {
    tokio::time::sleep(duration).await;
}
