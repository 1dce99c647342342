//! `/metrics`, for Prometheus and whatever reads the same format (`OpenMetrics`).
//!
//! Everything is read from the ledger, so that any process of an installation answers for all of them, and none loses count when
//! it restarts. Labels are names of the configuration and states, never a ref, a commit or a person: their number is bounded.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::audit::Head;
use crate::domain::clock::Timestamp;
use crate::domain::viewer::Scope;
use crate::http::access::{identify, is_beside};
use crate::http::health::rooms;
use crate::http::problem::Problem;
use crate::http::serve::Peer;
use crate::http::state::Surface;
use crate::store::audit::Standing;
use crate::store::error::StoreError;
use crate::store::reading::Backlog;
use crate::store::room::Room;
use crate::store::tallies::{LENGTHS, Oldest, Tally};

const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the ledger says now, of every app: for a monitoring on this machine, and for whoever sees all of it.
pub async fn metrics(State(surface): State<Surface>, peer: Option<Extension<Peer>>, headers: HeaderMap) -> Response {
    let peer = peer.map(|Extension(peer)| peer);
    if !is_beside(&headers, peer) {
        match identify(&surface, &headers, peer, true).await {
            Ok(viewer) if viewer.sees_everything() && viewer.may(Scope::Read) => {}
            Ok(_) => {
                let detail = "`/metrics` tells of every app, and opens for whoever may see them all";
                return Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail).into_response();
            }
            Err(problem) => return problem.into_response(),
        }
    }
    let seen = match look(&surface).await {
        Ok(seen) => seen,
        Err(error) => {
            tracing::warn!(error = %error, "cannot read what monitoring asks for");
            let text = "the ledger cannot be read now\n";
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        }
    };
    let mut registry = Registry::with_prefix("chima");
    registry.register_collector(Box::new(seen));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        // a text grows as it likes
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn look(surface: &Surface) -> Result<Seen, StoreError> {
    let (store, now) = (&surface.engine.store, surface.engine.now());
    let probe = surface.probe().await;
    Ok(Seen {
        now,
        writable: probe.problem.is_none(),
        sync_seconds: probe.seconds,
        rooms: rooms(&surface.engine),
        backlog: store.backlog().await?,
        oldest: store.oldest(now).await?,
        tallies: store.run_tallies().await?,
        audit: store.audit_standing().await?,
        spans: surface
            .engine
            .config
            .telemetry
            .as_ref()
            .map(|_| surface.engine.traces.counts()),
    })
}

/// Everything that is told.
#[derive(Debug)]
struct Seen {
    now: Timestamp,
    writable: bool,
    sync_seconds: f64,
    rooms: Vec<Room>,
    backlog: Backlog,
    oldest: Oldest,
    tallies: Vec<Tally>,
    audit: (Head, Standing),
    /// Taken, and dropped; where somebody collects them.
    spans: Option<(u64, u64)>,
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        described(&mut encoder, "build", "Which Chima this is", None, MetricType::Info)?.encode_info(&version)?;
        self.waiting(&mut encoder)?;
        self.ages(&mut encoder)?;
        self.ledger(&mut encoder)?;
        self.disks(&mut encoder)?;
        self.traces(&mut encoder)?;
        self.ended(&mut encoder)
    }
}

impl Seen {
    fn waiting(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Backlog {
            deliveries,
            held,
            queued,
            running,
            outbox,
            dead,
        } = self.backlog;
        gauge(
            encoder,
            "deliveries_waiting",
            "Deliveries that nobody has worked on yet",
            deliveries,
        )?;
        let help = "Runs that have not ended, by where they stand";
        let mut runs = described(encoder, "runs_open", help, None, MetricType::Gauge)?;
        for (state, count) in [("held", held), ("queued", queued), ("running", running)] {
            runs.encode_family(&[("state", state)])?.encode_gauge(&whole(count))?;
        }
        gauge(
            encoder,
            "outbox_waiting",
            "Statuses and messages that wait to be sent",
            outbox,
        )?;
        let help = "Statuses and messages that were given up; `chima outbox --dead` lists them";
        gauge(encoder, "outbox_dead", help, dead)?;
        gauge(
            encoder,
            "locks_held",
            "Environments that somebody has locked",
            self.oldest.locks,
        )
    }

    fn ages(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Oldest {
            delivery,
            idle_head,
            outgoing,
            ..
        } = self.oldest;
        for (name, help, since) in [
            (
                "delivery_age",
                "Age of the oldest delivery that nobody has worked on",
                delivery,
            ),
            (
                "idle_lane_age",
                "How long the longest-waiting run has waited in a lane where nothing runs: workers are missing or busy",
                idle_head,
            ),
            (
                "outbox_age",
                "Age of the oldest status or message that waits to be sent",
                outgoing,
            ),
        ] {
            let age = since.map_or(0, |since| (self.now - since).num_milliseconds().max(0));
            // milliseconds of a thousand years are exact as a float
            #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
            let seconds = age as f64 / 1000.0;
            described(encoder, name, help, Some(&Unit::Seconds), MetricType::Gauge)?.encode_gauge(&seconds)?;
        }
        Ok(())
    }

    fn ledger(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Whether a delivery that came now could be stored";
        gauge(encoder, "ledger_writable", help, u64::from(self.writable))?;
        let help = "How long a write took just now, until it was on the disk";
        described(encoder, "ledger_sync", help, Some(&Unit::Seconds), MetricType::Gauge)?
            .encode_gauge(&self.sync_seconds)?;
        let (head, standing) = &self.audit;
        let help = "Rows of the audit log; it never falls, unless a backup was restored";
        gauge(encoder, "audit_rows", help, head.position)?;
        let help =
            "Whether the audit log ends where the file beside the ledger says; `chima audit verify` checks all of it";
        gauge(encoder, "audit_intact", help, u64::from(*standing == Standing::Agrees))
    }

    /// `data` only where it is another disk than the ledger's.
    fn disks(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        type Of = fn(&Room) -> u64;
        let families: [(&str, &str, Of); 2] = [
            ("disk_free", "What is left of the disk for Chima", |room| room.free),
            ("disk_size", "All of the disk", |room| room.total),
        ];
        for (name, help, of) in families {
            let mut disks = described(encoder, name, help, Some(&Unit::Bytes), MetricType::Gauge)?;
            for room in &self.rooms {
                disks
                    .encode_family(&[("disk", room.of)])?
                    .encode_gauge(&whole(of(room)))?;
            }
        }
        Ok(())
    }

    /// The one thing that is counted in memory, by each process for itself.
    fn traces(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some((sent, dropped)) = self.spans else {
            return Ok(());
        };
        for (name, help, count) in [
            (
                "trace_spans_sent",
                "Spans of this process that the collector of traces has taken",
                sent,
            ),
            (
                "trace_spans_dropped",
                "Spans of this process that nobody has taken in time",
                dropped,
            ),
        ] {
            described(encoder, name, help, None, MetricType::Counter)?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    /// What failed by itself (`failed`) and what failed by us or the machine (`errored`, `interrupted`) are series of their own.
    fn ended(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Runs that have ended, by how";
        let mut runs = described(encoder, "runs_ended", help, None, MetricType::Counter)?;
        for tally in &self.tallies {
            runs.encode_family(&labels(tally))?
                .encode_counter::<NoLabelSet, _, u64>(&tally.runs, None)?;
        }
        let help = "How long runs took that were begun, from when a worker took them to their end";
        let mut took = described(encoder, "run", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for tally in &self.tallies {
            let begun: u64 = tally.by_length.iter().sum();
            if begun == 0 {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a length in milliseconds is far below 2^53")]
            let sum = tally.took_ms as f64 / 1000.0;
            let ends = LENGTHS.iter().map(|length| f64::from(*length)).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(tally.by_length).collect();
            took.encode_family(&labels(tally))?
                .encode_histogram::<NoLabelSet>(sum, begun, &buckets, None)?;
        }
        Ok(())
    }
}

fn labels(tally: &Tally) -> [(&str, &str); 3] {
    [
        ("app", tally.app.as_str()),
        ("environment", tally.environment.as_str()),
        ("state", tally.state.as_str()),
    ]
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
    described(encoder, name, help, None, MetricType::Gauge)?.encode_gauge(&whole(value))
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn described<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &str,
    unit: Option<&'e Unit>,
    kind: MetricType,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name, help, unit, kind)
}
