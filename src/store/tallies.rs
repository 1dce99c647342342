//! How many runs ended how, and how long they took, counted as they end: for monitoring, which asks often.
//!
//! In the ledger rather than in a process: any of several may end a run, and none of them loses count when it restarts.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::Store;
use crate::store::daily;
use crate::store::error::StoreError;
use crate::store::row::{Reader, number};

/// Lengths that are told apart, in seconds.
pub const LENGTHS: [u32; 10] = [1, 5, 15, 30, 60, 180, 600, 1800, 3600, 10_800];
/// Nothing was begun.
const NOT_BEGUN: i64 = 0;
/// Longer than all.
const LONGER: i64 = -1;

/// Runs that ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The app; empty where the request named none that is configured.
    pub app: String,
    /// Its environment; empty in the same case.
    pub environment: String,
    /// How they ended.
    pub state: RunState,
    /// How many.
    pub runs: u64,
    /// How many of them were begun, by how long they took: up to each of [`LENGTHS`], and longer than all.
    pub by_length: [u64; LENGTHS.len() + 1],
    /// How long all of them took together, in milliseconds.
    pub took_ms: u64,
}

/// What monitoring asks about beside that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oldest {
    /// When the oldest delivery came that nobody has worked on.
    pub delivery: Option<Timestamp>,
    /// When the deployment was asked for that heads the lanes for longest, in lanes where nothing runs.
    pub idle_head: Option<Timestamp>,
    /// When the oldest word was written that has not left.
    pub outgoing: Option<Timestamp>,
    /// How many locks hold.
    pub locks: u64,
}

/// Counts a run, if this event ends it. What only asked a question, or was a command, is no deployment.
pub(crate) async fn count(connection: &mut SqliteConnection, id: RunId, event: &RunEvent) -> Result<(), StoreError> {
    let ends = match event {
        RunEvent::Finished { .. } | RunEvent::Superseded { .. } => true,
        RunEvent::Decided { state, .. } => state.is_terminal(),
        RunEvent::Delivered { .. }
        | RunEvent::Listed { .. }
        | RunEvent::Claimed { .. }
        | RunEvent::CheckedOut { .. }
        | RunEvent::Started { .. }
        | RunEvent::Adopted { .. }
        | RunEvent::Requeued { .. }
        | RunEvent::AwaitsPerson
        | RunEvent::PersonSaid(_)
        | RunEvent::CancelRequested(_)
        | RunEvent::Restored { .. }
        | RunEvent::LogIncomplete { .. }
        | RunEvent::Forced(_)
        | RunEvent::ReportedByOther { .. } => false,
    };
    if !ends {
        return Ok(());
    }
    let doing = "count a run that has ended";
    let failed = StoreError::while_doing(doing);
    let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
        .bind(id.to_string())
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let reader = Reader::new(&row, doing);
    let (run, committed_at) = (reader.run()?, reader.maybe_time("committed_at")?);
    if run.is_plan() || run.command.is_some() || !run.state.is_terminal() {
        return Ok(());
    }
    let (app, environment) = match &run.order {
        Some(order) => (order.app.as_str(), order.environment.as_str()),
        None => ("", ""),
    };
    let took = took_ms(&run);
    sqlx::query(
        "INSERT INTO run_tallies (app, environment, state, up_to, runs, took_ms) VALUES (?, ?, ?, ?, 1, ?) \
         ON CONFLICT (app, environment, state, up_to) \
         DO UPDATE SET runs = run_tallies.runs + 1, took_ms = run_tallies.took_ms + excluded.took_ms",
    )
    .bind(app)
    .bind(environment)
    .bind(run.state.as_str())
    .bind(took.map_or(NOT_BEGUN, length_of))
    .bind(number(took.unwrap_or(0)))
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    daily::count(connection, &run, committed_at).await
}

fn took_ms(run: &Run) -> Option<u64> {
    let took = run.finished_at? - run.started_at?;
    // a clock that was set back makes no run shorter than nothing
    Some(u64::try_from(took.num_milliseconds()).unwrap_or(0))
}

fn length_of(took_ms: u64) -> i64 {
    let longest = LENGTHS.into_iter().find(|length| took_ms <= u64::from(*length) * 1000);
    longest.map_or(LONGER, i64::from)
}

impl Store {
    /// How runs have ended so far.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn run_tallies(&self) -> Result<Vec<Tally>, StoreError> {
        let doing = "read how many runs have ended";
        let failed = StoreError::while_doing(doing);
        let rows = sqlx::query(
            "SELECT app, environment, state, up_to, runs, took_ms FROM run_tallies ORDER BY app, environment, state",
        )
        .fetch_all(&self.read)
        .await
        .map_err(&failed)?;
        let mut tallies: Vec<Tally> = Vec::new();
        for row in &rows {
            let up_to: i64 = row.try_get("up_to").map_err(&failed)?;
            let row = Reader::new(row, doing);
            let (app, environment) = (row.text("app")?, row.text("environment")?);
            let state = row.word("state", RunState::from_name)?;
            let same = |tally: &Tally| (&tally.app, &tally.environment, tally.state) == (&app, &environment, state);
            if !tallies.last().is_some_and(same) {
                tallies.push(Tally {
                    app,
                    environment,
                    state,
                    runs: 0,
                    by_length: [0; LENGTHS.len() + 1],
                    took_ms: 0,
                });
            }
            if let Some(tally) = tallies.last_mut() {
                let runs = row.number("runs")?;
                tally.runs += runs;
                tally.took_ms += row.number("took_ms")?;
                if up_to != NOT_BEGUN {
                    let at = LENGTHS.iter().position(|length| i64::from(*length) == up_to);
                    tally.by_length[at.unwrap_or(LENGTHS.len())] += runs;
                }
            }
        }
        Ok(tallies)
    }

    /// Since when the oldest of what waits has waited.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn oldest(&self, now: Timestamp) -> Result<Oldest, StoreError> {
        let doing = "look for what has waited longest";
        let row = sqlx::query(
            "WITH RECURSIVE lanes (lane) AS (SELECT * FROM (SELECT lane FROM runs WHERE state = 'queued' ORDER BY lane LIMIT 1) \
             UNION ALL SELECT (SELECT r.lane FROM runs r WHERE r.state = 'queued' AND r.lane > lanes.lane \
             ORDER BY r.lane LIMIT 1) FROM lanes WHERE lanes.lane IS NOT NULL) \
             SELECT (SELECT received_at FROM deliveries WHERE disposition = 'received' ORDER BY id LIMIT 1) AS delivery, \
             (SELECT MIN((SELECT q.requested_at FROM runs q WHERE q.lane = lanes.lane AND q.state = 'queued' \
              ORDER BY q.requested_at, q.deployment_id LIMIT 1)) FROM lanes WHERE NOT EXISTS \
              (SELECT 1 FROM runs r WHERE r.lane = lanes.lane AND r.state = 'running')) AS idle_head, \
             (SELECT MIN(created_at) FROM outbox WHERE state IN ('pending', 'sending')) AS outgoing, \
             (SELECT COUNT(*) FROM locks WHERE since IS NOT NULL AND ended_at IS NULL \
              AND (until IS NULL OR until > ?)) AS locks",
        )
        .bind(crate::store::row::millis(now))
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let row = Reader::new(&row, doing);
        Ok(Oldest {
            delivery: row.maybe_time("delivery")?,
            idle_head: row.maybe_time("idle_head")?,
            outgoing: row.maybe_time("outgoing")?,
            locks: row.number("locks")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_end_where_they_say() {
        for (took, expected) in [
            (0, 1),
            (1000, 1),
            (1001, 5),
            (60_000, 60),
            (10_800_000, 10_800),
            (10_800_001, LONGER),
        ] {
            assert_eq!(length_of(took), expected, "{took}");
        }
    }
}
