//! What could not be delivered, and sending it again. Only the newest row under a key counts: what was said after it has made
//! it pointless.

use crate::domain::audit::{By, Deed, Entry};
use crate::domain::clock::Timestamp;
use crate::domain::run::Run;
use crate::store::error::StoreError;
use crate::store::outbox::{AGAIN, OutboxRow, read_row};
use crate::store::row::{Reader, millis};
use crate::store::{Store, audit, commit};

/// Given up, and nothing was said after it. Of a row called `o`.
pub(crate) const LOST: &str = "o.state = 'dead' AND NOT EXISTS \
     (SELECT 1 FROM outbox n WHERE n.key = o.key AND n.kind = o.kind AND n.id > o.id)";

/// The audit log names so many of what is sent again.
const TOLD: usize = 20;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// All.
    All,
    /// Those whose id begins like this.
    Beginning(&'a str),
}

impl Store {
    /// What has not been delivered, the oldest first: what waits for another try, unless only the lost is wanted, and what was
    /// given up.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn undelivered(&self, only_lost: bool) -> Result<Vec<OutboxRow>, StoreError> {
        let doing = "list what was not delivered";
        let waiting = if only_lost {
            "FALSE"
        } else {
            "o.state IN ('pending', 'sending')"
        };
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT o.* FROM outbox o WHERE {waiting} OR ({LOST}) ORDER BY o.id"
        )))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read_row(&Reader::new(row, doing))).collect()
    }

    /// Puts what was given up into the outbox again because somebody wants it. Returns the ids.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn send_again(&self, which: Which<'_>, by: By, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let doing = "send again what was given up";
        let beginning = match which {
            Which::All => "",
            Which::Beginning(beginning) => beginning,
        };
        let mut tx = self.begin(doing).await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE outbox SET state = 'pending', next_attempt_at = ?1, claimed_until = NULL, \
             terminal = CASE terminal WHEN 0 THEN 0 ELSE {AGAIN} END WHERE id IN \
             (SELECT o.id FROM outbox o WHERE {LOST} AND substr(o.id, 1, length(?2)) = ?2) RETURNING id"
        )))
        .bind(millis(now))
        .bind(beginning)
        .fetch_all(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let ids: Vec<String> = rows
            .iter()
            .map(|row| Reader::new(row, doing).text("id"))
            .collect::<Result<_, _>>()?;
        if !ids.is_empty() {
            let deed = Deed::SentAgain {
                messages: ids.len(),
                ids: ids.iter().take(TOLD).cloned().collect(),
            };
            audit::append(&mut tx, &Entry::new(now, deed).by(by)).await?;
        }
        commit(tx, doing).await?;
        Ok(ids)
    }

    /// Whether a deployment that was asked for after this one has succeeded in the same environment.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn succeeded_since(&self, run: &Run) -> Result<bool, StoreError> {
        let doing = "look what has succeeded since";
        let Some(lane) = &run.lane else {
            return Ok(false);
        };
        let row = sqlx::query(
            "SELECT 1 FROM runs WHERE lane = ? AND state = 'succeeded' \
             AND (requested_at > ? OR (requested_at = ? AND deployment_id > ?)) LIMIT 1",
        )
        .bind(lane.as_str())
        .bind(millis(run.requested_at))
        .bind(millis(run.requested_at))
        .bind(crate::store::row::number(run.deployment.0))
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        Ok(row.is_some())
    }
}
