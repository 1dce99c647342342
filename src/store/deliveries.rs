//! Stored deliveries: which of them wait, and what becomes of them.

use std::time::Duration;

use sqlx::Row;

use crate::domain::audit::{By, Deed, Entry, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::DeliveryId;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::{Store, audit, commit};

/// A delivery that could not be worked on this often is set aside.
const ATTEMPTS: u64 = 20;

/// A stored delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Ours.
    pub id: DeliveryId,
    /// How it came.
    pub source: Source,
    /// GitHub's.
    pub guid: Option<String>,
    /// Name of the event.
    pub event: String,
    /// Host name of the GitHub it is from.
    pub host: String,
    /// From the signed body.
    pub repository: Option<String>,
    /// As the header said.
    pub content_type: Option<String>,
    /// The signed bytes.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
    /// Where it stands.
    pub disposition: Disposition,
    /// Why.
    pub detail: Option<String>,
    /// How often working on it went wrong.
    pub attempts: u64,
    /// Whether it comes from a backup, in which nobody had worked on it yet: somebody may have done so since.
    pub recovered: bool,
}

/// A delivery that waits to be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDelivery {
    /// Ours.
    pub id: DeliveryId,
    /// From the signed body.
    pub repository_id: Option<u64>,
}

impl Store {
    /// The oldest deliveries that wait to be worked on and are due.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<OpenDelivery>, StoreError> {
        let doing = "list open deliveries";
        let rows = sqlx::query(
            "SELECT id, repository_id FROM deliveries WHERE disposition = 'received' \
             AND NOT EXISTS (SELECT 1 FROM copied) \
             AND (next_attempt_at IS NULL OR next_attempt_at <= ?) ORDER BY id LIMIT ?",
        )
        .bind(millis(now))
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(OpenDelivery {
                    id: row.parsed("id")?,
                    repository_id: row.maybe_number("repository_id")?,
                })
            })
            .collect()
    }

    /// When the delivery with the greatest id came: a clock that is set back is noticed by it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn newest_delivery(&self) -> Result<Option<Timestamp>, StoreError> {
        let doing = "read when the newest delivery came";
        let row = sqlx::query("SELECT received_at FROM deliveries ORDER BY id DESC LIMIT 1")
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).time("received_at")).transpose()
    }

    /// One delivery, by our id or by GitHub's GUID (the newest that carries it).
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn find_delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let doing = "read a delivery";
        let row = sqlx::query("SELECT * FROM deliveries WHERE id = ? OR guid = ? ORDER BY id DESC LIMIT 1")
            .bind(id)
            .bind(id)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.as_ref()
            .map(|row| read_delivery(&Reader::new(row, doing)))
            .transpose()
    }

    /// Lets a delivery wait for somebody else's trouble to end, which does not count as a fault of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn let_wait(&self, id: DeliveryId, detail: &str, until: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE deliveries SET next_attempt_at = ?, detail = ? WHERE id = ? AND disposition = 'received'")
            .bind(millis(until))
            .bind(detail)
            .bind(id.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("let a delivery wait"))?;
        Ok(())
    }

    /// Writes down what became of a delivery.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn settle_delivery(
        &self,
        id: DeliveryId,
        disposition: Disposition,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _turn = self.deciding.lock().await;
        sqlx::query(
            "UPDATE deliveries SET disposition = ?, detail = ?, processed_at = ?, next_attempt_at = NULL WHERE id = ?",
        )
        .bind(disposition.as_str())
        .bind(detail)
        .bind(millis(now))
        .bind(id.to_string())
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("settle a delivery"))?;
        Ok(())
    }

    /// Puts a delivery off after a fault of ours, with growing pauses; sets it aside when it went wrong too often.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn postpone_delivery(&self, id: DeliveryId, detail: &str, now: Timestamp) -> Result<(), StoreError> {
        let doing = "postpone a delivery";
        let mut tx = self.begin(doing).await?;
        let row =
            sqlx::query("UPDATE deliveries SET attempts = attempts + 1, detail = ? WHERE id = ? RETURNING attempts")
                .bind(detail)
                .bind(id.to_string())
                .fetch_one(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
        let attempts: i64 = row.try_get(0).map_err(StoreError::while_doing(doing))?;
        let attempts = u64::try_from(attempts).unwrap_or(0);
        let pause = Duration::from_millis(250 << attempts.min(8));
        sqlx::query("UPDATE deliveries SET next_attempt_at = ?, disposition = ? WHERE id = ?")
            .bind(millis(now + pause))
            .bind(
                if attempts >= ATTEMPTS {
                    Disposition::Parked
                } else {
                    Disposition::Received
                }
                .as_str(),
            )
            .bind(id.to_string())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        commit(tx, doing).await
    }

    /// Puts a stored delivery before the door again because somebody wants it, unless it has had its effect or its bytes are gone.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn reopen_delivery(&self, id: DeliveryId, by: By, now: Timestamp) -> Result<bool, StoreError> {
        let doing = "reopen a delivery";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE deliveries SET disposition = 'received', attempts = 0, next_attempt_at = NULL, detail = NULL \
             WHERE id = ? AND length(body) > 0 AND NOT EXISTS (SELECT 1 FROM deployments WHERE delivery_id = deliveries.id)",
        )
        .bind(id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        let subject = Subject {
            delivery: Some(id),
            ..Subject::default()
        };
        audit::append(&mut tx, &Entry::new(now, Deed::Replayed).by(by).about(subject)).await?;
        commit(tx, doing).await?;
        Ok(true)
    }
}

fn read_delivery(row: &Reader<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.parsed("id")?,
        source: row.word("source", Source::from_name)?,
        guid: row.maybe_text("guid")?,
        event: row.text("event")?,
        host: row.text("host")?,
        repository: row.maybe_text("repository")?,
        content_type: row.maybe_text("content_type")?,
        body: row.bytes("body")?,
        received_at: row.time("received_at")?,
        disposition: row.word("disposition", Disposition::from_name)?,
        detail: row.maybe_text("detail")?,
        attempts: row.number("attempts")?,
        recovered: row.number("recovered")? != 0,
    })
}
