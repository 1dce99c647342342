//! Traces: what the stages tell of deployments goes to a collector, where one is configured.
//!
//! Nothing waits for it. A stage puts a span into a bounded queue and goes on; what finds no place there, or what the collector does
//! not take in time, is dropped and counted. What is told, and in which form, is in `report::trace`; this and `notify::otlp` are the
//! only places that know of OpenTelemetry.

pub mod told;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use crate::flow::engine::Engine;
use crate::notify::post::SendError;
use crate::report::trace::otlp::{Teller, request};
use crate::report::trace::{Span, TraceId};

/// So many spans wait at most: a few MiB, and about five hundred deployments.
const PLACES: usize = 8_192;
/// So many are told at once.
const BATCH: usize = 512;
/// What comes so soon after another is told together with it.
const LINGER: Duration = Duration::from_secs(1);
/// So often one batch is tried.
const TRIES: u32 = 6;
/// Between two tries, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The end of a process waits so long for a collector.
const FLUSH: Duration = Duration::from_secs(2);

/// What waits to be told in this process, and how that goes.
#[derive(Debug)]
pub struct Traces {
    to: mpsc::Sender<Span>,
    exporter: Mutex<Exporter>,
    sent: AtomicU64,
    dropped: AtomicU64,
    /// Whether the log has been told that it goes wrong.
    unwell: AtomicBool,
}

#[derive(Debug)]
struct Exporter {
    from: mpsc::Receiver<Span>,
    /// What is being told.
    batch: Vec<Span>,
    /// How often it was tried.
    tries: u32,
}

impl Default for Traces {
    fn default() -> Self {
        let (to, from) = mpsc::channel(PLACES);
        Self {
            to,
            exporter: Mutex::new(Exporter {
                from,
                batch: Vec::new(),
                tries: 0,
            }),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            unwell: AtomicBool::new(false),
        }
    }
}

impl Traces {
    /// Spans that a collector has taken, and spans that were dropped, since this process began.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    fn put(&self, spans: impl IntoIterator<Item = Span>) {
        for span in spans {
            if self.to.try_send(span).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn drop_all(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Engine {
    /// The trace of a deployment, by its key; none where nobody collects traces, or not this one.
    #[must_use]
    pub fn trace_of(&self, key: &str) -> Option<TraceId> {
        let telemetry = self.config.telemetry.as_ref()?;
        self.collector.as_ref()?;
        let trace = TraceId::of(key);
        trace.is_among(telemetry.sample_percent).then_some(trace)
    }
}

/// Tells what the stages put into the queue until this process is to stop.
pub async fn run(engine: Engine) {
    let stop = engine.stop.clone();
    let told = async {
        loop {
            wait_for_some(&engine).await;
            let engine = engine.current();
            if let Err(pause) = step(&engine).await {
                tokio::time::sleep(pause).await;
            }
        }
    };
    // whatever is under way is told again by `flush`
    tokio::select! {
        () = stop.cancelled() => {}
        () = told => {}
    }
}

/// Until there is something to tell, and what comes with it is there too.
async fn wait_for_some(engine: &Engine) {
    let mut exporter = engine.traces.exporter.lock().await;
    if !exporter.batch.is_empty() {
        return;
    }
    // the other end is ours as well: it cannot be gone
    if let Some(first) = exporter.from.recv().await {
        exporter.batch.push(first);
        tokio::time::sleep(LINGER).await;
    }
}

/// Tells one batch of what waits. Returns how many spans that were.
///
/// # Errors
///
/// The collector did not take it: how long to wait before the next try. What never will be taken is dropped.
pub async fn step(engine: &Engine) -> Result<usize, Duration> {
    let traces = &engine.traces;
    let mut exporter = traces.exporter.lock().await;
    while exporter.batch.len() < BATCH
        && let Ok(span) = exporter.from.try_recv()
    {
        exporter.batch.push(span);
    }
    let count = exporter.batch.len();
    if count == 0 {
        return Ok(0);
    }
    let (Some(collector), Some(telemetry)) = (&engine.collector, &engine.config.telemetry) else {
        // the configuration has none any more
        traces.drop_all(count);
        exporter.batch.clear();
        return Ok(count);
    };
    let teller = Teller {
        service: &telemetry.service_name,
        instance: &engine.worker,
    };
    exporter.tries += 1;
    // boxed: the client's futures are large
    let taken = Box::pin(collector.take(request(teller, &exporter.batch))).await;
    let (pause, over) = match &taken {
        Ok(()) => {
            traces.sent.fetch_add(count as u64, Ordering::Relaxed);
            (None, true)
        }
        Err(error) => {
            let pause = Duration::from_secs(1 << exporter.tries.min(5)).min(LONGEST_PAUSE);
            let pause = error.wait().unwrap_or(pause).min(LONGEST_PAUSE);
            let over = !error.is_transient() || exporter.tries >= TRIES;
            if over {
                traces.drop_all(count);
            }
            (Some(pause), over)
        }
    };
    if over {
        exporter.batch.clear();
        exporter.tries = 0;
    }
    drop(exporter);
    tell_log(engine, taken.err());
    pause.map_or(Ok(count), Err)
}

/// Once when it begins to go wrong, and once when it is well again.
fn tell_log(engine: &Engine, error: Option<SendError>) {
    let traces = &engine.traces;
    let was_unwell = traces.unwell.swap(error.is_some(), Ordering::Relaxed);
    match error {
        Some(error) if !was_unwell => tracing::warn!(
            error = %error,
            "traces are not taken; deployments go on, and what finds no place to wait is dropped (`chima_trace_spans_dropped_total`)"
        ),
        None if was_unwell => {
            let (_, dropped) = traces.counts();
            tracing::info!(dropped, "traces are taken again");
        }
        Some(_) | None => {}
    }
}

/// Tells what is left, when everything else in this process has ended. A collector that does not answer holds it up for a moment only.
pub async fn flush(engine: &Engine) {
    let engine = engine.current();
    let all = async { while matches!(step(&engine).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(FLUSH, all).await;
    let Ok(exporter) = engine.traces.exporter.try_lock() else {
        return;
    };
    let left = exporter.batch.len() + exporter.from.len();
    if left > 0 {
        engine.traces.drop_all(left);
        tracing::warn!(spans = left, "the collector of traces has not taken the last of them");
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::report::trace::Place;

    #[test]
    fn what_finds_no_place_is_dropped_and_counted_and_nobody_waits() {
        let traces = Traces::default();
        let now = DateTime::UNIX_EPOCH;
        let span = |index| Span::new(TraceId::of("github.com/1/2"), Place::Held { index }, now, now);
        traces.put((0..PLACES + 10).map(span));
        assert_eq!(traces.counts(), (0, 10));
    }
}
