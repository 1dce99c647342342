//! Removes what is old and over, a few rows in a transaction, so that nobody who writes ever waits for long.
//!
//! Ids sort by time, so what is old is a range of them, gone through from its beginning. What is open is never removed, nor what makes
//! a deployment run once: its row in `deployments` stays for good, with the delivery that it came by, whose bytes go.

use sqlx::Row as _;
use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::{Store, commit};

/// So many rows at once: about as much as one commit writes anyway.
const WINDOW: u32 = 50;
/// Runs have many rows of their own.
const WINDOW_OF_RUNS: u32 = 10;
/// Of each lane the newest runs stay, however old: they are its history, and order what comes after.
const RUNS_KEPT: u32 = 20;
/// And so many that succeeded: to go back to, and to tell how long it takes.
const SUCCESSES_KEPT: u32 = 5;

/// What is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// Decisions that a deployment is not ours.
    IgnoredDecisions,
    /// Jobs of GitHub Actions that were answered.
    Answers,
    /// What was sent, and whatever else is over, of the outbox.
    Sent,
    /// Runs that have ended, with everything that is theirs.
    Runs,
    /// Deliveries: those that nothing rests on, and the bytes of the others.
    Deliveries,
    /// Proofs of who asked.
    Warrants,
    /// What was said in Slack and answered.
    SlackAsks,
    /// Locks that have ended.
    Locks,
}

impl Old {
    /// All, in an order in which what rests on others goes before them.
    pub const ALL: [Self; 8] = [
        Self::IgnoredDecisions,
        Self::Answers,
        Self::Sent,
        Self::Runs,
        Self::Deliveries,
        Self::Warrants,
        Self::SlackAsks,
        Self::Locks,
    ];

    /// Where it is, and by what it is told apart.
    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::IgnoredDecisions => ("decisions", "id"),
            Self::Answers => ("protection_requests", "id"),
            Self::Sent => ("outbox", "id"),
            Self::Runs => ("runs", "id"),
            Self::Deliveries => ("deliveries", "id"),
            Self::Warrants => ("warrants", "nonce"),
            Self::SlackAsks => ("slack_asks", "id"),
            Self::Locks => ("locks", "id"),
        }
    }

    /// What is done to the rows from one id to another, both of them among those meant.
    fn statements(self) -> &'static [&'static str] {
        match self {
            Self::IgnoredDecisions => &["DELETE FROM decisions WHERE id BETWEEN ?1 AND ?2 AND verdict = 'ignore'"],
            Self::Answers => &["DELETE FROM protection_requests WHERE id BETWEEN ?1 AND ?2 AND state <> 'waiting'"],
            // what was given up stays as long as the run that it tells of: somebody may still want to send it
            Self::Sent => &[
                "DELETE FROM outbox WHERE id BETWEEN ?1 AND ?2 AND state NOT IN ('pending', 'sending', 'dead') \
                 AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = outbox.run_id AND r.state IN ('held', 'queued', 'running'))",
            ],
            // one by one: see `forget_runs`
            Self::Runs => &[],
            Self::Deliveries => &[
                "DELETE FROM deliveries WHERE id BETWEEN ?1 AND ?2 AND disposition <> 'received' \
                 AND NOT EXISTS (SELECT 1 FROM deployments x WHERE x.delivery_id = deliveries.id) \
                 AND NOT EXISTS (SELECT 1 FROM runs x WHERE x.delivery_id = deliveries.id) \
                 AND NOT EXISTS (SELECT 1 FROM decisions x WHERE x.delivery_id = deliveries.id) \
                 AND NOT EXISTS (SELECT 1 FROM protection_requests x WHERE x.delivery_id = deliveries.id)",
                "UPDATE deliveries SET body = x'' WHERE id BETWEEN ?1 AND ?2 AND disposition <> 'received' AND length(body) > 0 \
                 AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.delivery_id = deliveries.id \
                                 AND r.state IN ('held', 'queued', 'running'))",
            ],
            Self::Warrants => &[
                "DELETE FROM warrants WHERE nonce BETWEEN ?1 AND ?2 AND NOT EXISTS (SELECT 1 FROM runs r \
                 WHERE r.state IN ('held', 'queued', 'running') AND r.host = warrants.host \
                 AND r.repository_id = warrants.repository_id AND r.deployment_id = warrants.deployment_id)",
            ],
            Self::SlackAsks => &["DELETE FROM slack_asks WHERE id BETWEEN ?1 AND ?2 AND open = 0"],
            Self::Locks => &["DELETE FROM locks WHERE id BETWEEN ?1 AND ?2 AND ended_at IS NOT NULL AND untold = 0"],
        }
    }
}

/// What a look at a few rows came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The last row that was looked at: where to go on. None where there is nothing older.
    pub at: Option<String>,
    /// How many rows were removed or emptied.
    pub rows: u64,
}

impl Store {
    /// Looks at the next few rows after `after` that are older than `before`, and removes those that may go.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used.
    pub async fn remove_old(&self, what: Old, after: &str, before: Timestamp) -> Result<Gone, StoreError> {
        let doing = "look for what is old";
        let (table, id) = what.table();
        let limit = if what == Old::Runs { WINDOW_OF_RUNS } else { WINDOW };
        let query = format!("SELECT {id} AS id FROM {table} WHERE {id} > ? AND {id} < ? ORDER BY {id} LIMIT ?");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(after)
            .bind(first_at(before))
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let ids: Vec<String> = rows
            .iter()
            .map(|row| Reader::new(row, doing).text("id"))
            .collect::<Result<_, _>>()?;
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            return Ok(Gone { at: None, rows: 0 });
        };
        let rows = if what == Old::Runs {
            self.forget_runs(first, last, before).await?
        } else {
            self.remove_between(what, first, last).await?
        };
        Ok(Gone {
            at: Some(last.clone()),
            rows,
        })
    }

    async fn remove_between(&self, what: Old, first: &str, last: &str) -> Result<u64, StoreError> {
        let doing = "remove what is old";
        let mut tx = self.begin(doing).await?;
        let mut changed = 0;
        for sql in what.statements() {
            let done = sqlx::query(*sql)
                .bind(first)
                .bind(last)
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
            changed += done.rows_affected();
        }
        commit(tx, doing).await?;
        Ok(changed)
    }

    /// Runs that ended before then, with whatever is theirs. That the deployment was accepted stays, and so does the audit log.
    async fn forget_runs(&self, first: &str, last: &str, before: Timestamp) -> Result<u64, StoreError> {
        let doing = "remove old runs";
        let failed = StoreError::while_doing(doing);
        let found = sqlx::query(
            "SELECT id FROM runs r WHERE id BETWEEN ?1 AND ?2 AND state NOT IN ('held', 'queued', 'running') \
             AND COALESCE(finished_at, created_at) < ?3 \
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run_id = r.id AND o.state IN ('pending', 'sending')) \
             AND NOT EXISTS (SELECT 1 FROM slack_messages m WHERE m.run_id = r.id AND m.open = 1) \
             AND (lane IS NULL OR (\
               (SELECT COUNT(*) FROM (SELECT 1 FROM runs n WHERE n.lane = r.lane AND (n.requested_at, n.deployment_id) > \
                (r.requested_at, r.deployment_id) LIMIT ?4)) = ?4 \
               AND (r.state <> 'succeeded' OR (SELECT COUNT(*) FROM (SELECT 1 FROM runs n WHERE n.lane = r.lane \
                AND n.state = 'succeeded' AND (n.requested_at, n.deployment_id) > (r.requested_at, r.deployment_id) LIMIT ?5)) = ?5)))",
        )
        .bind(first)
        .bind(last)
        .bind(millis(before))
        .bind(RUNS_KEPT)
        .bind(SUCCESSES_KEPT)
        .fetch_all(&self.read)
        .await
        .map_err(&failed)?;
        if found.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin(doing).await?;
        for row in &found {
            let id: String = row.try_get(0).map_err(&failed)?;
            for sql in [
                "DELETE FROM run_events WHERE run_id = ?",
                "DELETE FROM steps WHERE run_id = ?",
                "DELETE FROM watch_words WHERE run_id = ?",
                "DELETE FROM outbox WHERE run_id = ?",
                "DELETE FROM slack_messages WHERE run_id = ?",
                "DELETE FROM decisions WHERE run_id = ?",
                "UPDATE deployments SET record = json_set(record, '$.payload', json('null')) \
                 WHERE (host, repository_id, deployment_id) = (SELECT host, repository_id, deployment_id FROM runs WHERE id = ?)",
                "DELETE FROM runs WHERE id = ?",
            ] {
                sqlx::query(sql).bind(&id).execute(&mut *tx).await.map_err(&failed)?;
            }
        }
        commit(tx, doing).await?;
        Ok(found.len() as u64)
    }

    /// Removes what was asked for or lost before then and never came: GitHub does not have it any more either.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn remove_never_heard_of(&self, before: Timestamp) -> Result<u64, StoreError> {
        let doing = "remove what never came";
        let mut changed = 0;
        for sql in [
            "DELETE FROM asked_deployments WHERE asked_at < ?",
            "DELETE FROM lost_deliveries WHERE delivered_at < ?",
        ] {
            let done = sqlx::query(sql)
                .bind(millis(before))
                .execute(&self.write)
                .await
                .map_err(StoreError::while_doing(doing))?;
            changed += done.rows_affected();
        }
        Ok(changed)
    }
}

/// The smallest id of a moment.
fn first_at(at: Timestamp) -> String {
    Ulid::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), 0).to_string()
}
