//! Whose turn it is in each lane, and whether its bell was rung.

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::{Store, commit};

/// The run that is next in its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The lane's key.
    pub lane: String,
    /// Which run.
    pub run: RunId,
    /// When its bell was last rung.
    pub rung_at: Option<Timestamp>,
    /// Whether another run of the lane is under way.
    pub busy: bool,
}

impl Store {
    /// Heads of the next lanes after `after` in which something waits: from one lane to the next, whatever waits in each.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn heads(&self, after: &str, lanes: u32) -> Result<Vec<Head>, StoreError> {
        let doing = "list the heads of lanes";
        let rows = sqlx::query(
            "WITH RECURSIVE lanes (lane) AS (SELECT * FROM (SELECT lane FROM runs WHERE state = 'queued' AND lane > ?1 \
             ORDER BY lane LIMIT 1) UNION ALL SELECT (SELECT r.lane FROM runs r WHERE r.state = 'queued' \
             AND r.lane > lanes.lane ORDER BY r.lane LIMIT 1) FROM lanes WHERE lanes.lane IS NOT NULL LIMIT ?2) \
             SELECT lanes.lane, h.id, h.rung_at, \
             EXISTS (SELECT 1 FROM runs r WHERE r.lane = lanes.lane AND r.state = 'running') AS busy \
             FROM lanes JOIN runs h ON h.id = (SELECT q.id FROM runs q WHERE q.lane = lanes.lane AND q.state = 'queued' \
             ORDER BY q.requested_at, q.deployment_id LIMIT 1)",
        )
        .bind(after)
        .bind(lanes)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(Head {
                    lane: row.text("lane")?,
                    run: row.parsed("id")?,
                    rung_at: row.maybe_time("rung_at")?,
                    busy: row.number("busy")? != 0,
                })
            })
            .collect()
    }

    /// Remembers that bells are rung for these runs now.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_rung(&self, runs: &[RunId], now: Timestamp) -> Result<(), StoreError> {
        self.set_rung(runs, Some(now)).await
    }

    /// Remembers that the bell of a run could not be rung, so that the sweep rings it soon.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_unrung(&self, run: RunId) -> Result<(), StoreError> {
        self.set_rung(&[run], None).await
    }

    async fn set_rung(&self, runs: &[RunId], at: Option<Timestamp>) -> Result<(), StoreError> {
        let doing = "remember a bell";
        let mut tx = self.begin(doing).await?;
        for run in runs {
            sqlx::query("UPDATE runs SET rung_at = ? WHERE id = ?")
                .bind(at.map(millis))
                .bind(run.to_string())
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
        }
        commit(tx, doing).await
    }
}
