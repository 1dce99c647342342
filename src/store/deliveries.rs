//! Deliveries: stored before they are answered, many in one transaction.
//!
//! A commit costs a sync of the disk, whatever it holds. Deliveries that arrive while one commit is under way therefore
//! wait for the next and share it; each is answered only when its own transaction is on the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};
use tokio::sync::{mpsc, oneshot};

use crate::domain::audit::{By, Deed, Entry, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::DeliveryId;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};
use crate::store::{Store, audit, commit};

/// GitHub waits ten seconds; below that it can still be told to try again.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(8);
const BATCH: usize = 64;
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// A delivery that could not be worked on this often is set aside.
const ATTEMPTS: u64 = 20;

/// A delivery as it came, before it has a place in the ledger.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Ours, fresh.
    pub id: DeliveryId,
    /// How it came.
    pub source: Source,
    /// GitHub's, unsigned: an index, not a key.
    pub guid: Option<String>,
    /// Name of the event, agreeing with the body's shape unless `disposition` is malformed.
    pub event: String,
    /// GitHub's number of the hook.
    pub hook_id: Option<String>,
    /// Host name of the GitHub we are configured for.
    pub host: String,
    /// From the signed body.
    pub repository_id: Option<u64>,
    /// From the signed body.
    pub repository: Option<String>,
    /// What it would cause; `None` for events that are level-triggered anyway.
    pub effect_key: Option<String>,
    /// As the header said.
    pub content_type: Option<String>,
    /// The signed bytes.
    pub body: Bytes,
    /// Hex digest of them.
    pub body_sha256: String,
    /// When it came.
    pub received_at: Timestamp,
    /// What the envelope says it is.
    pub disposition: Disposition,
    /// Why, where the disposition needs words.
    pub detail: Option<String>,
}

/// What storing a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// On the disk.
    Stored,
    /// On the disk too, but it says what the named delivery said.
    Duplicate(DeliveryId),
}

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

type Waiting = (NewDelivery, oneshot::Sender<Result<Accepted, StoreError>>);

/// Where deliveries wait for the next commit.
#[derive(Debug, Clone)]
pub struct Inbox {
    sender: mpsc::Sender<Waiting>,
    /// Whether the last batch found the next one waiting already.
    rushed: Arc<AtomicBool>,
    writer: Arc<Mutex<Option<InboxWriter>>>,
}

/// The one task that commits what waits in the inbox.
#[derive(Debug)]
pub struct InboxWriter {
    receiver: mpsc::Receiver<Waiting>,
    rushed: Arc<AtomicBool>,
    write: SqlitePool,
    read: SqlitePool,
}

impl Inbox {
    pub(crate) fn new(write: SqlitePool, read: SqlitePool) -> Self {
        let (sender, receiver) = mpsc::channel(8 * BATCH);
        let rushed = Arc::<AtomicBool>::default();
        let writer = InboxWriter {
            receiver,
            rushed: Arc::clone(&rushed),
            write,
            read,
        };
        Self {
            sender,
            rushed,
            writer: Arc::new(Mutex::new(Some(writer))),
        }
    }
}

impl InboxWriter {
    /// Commits what waits, until the store is gone. Exactly one task runs this.
    pub async fn run(mut self) {
        while let Some(first) = self.next().await {
            let mut bytes = first.0.body.len();
            let mut batch = vec![first];
            while batch.len() < BATCH && bytes < BATCH_BYTES {
                match self.receiver.try_recv() {
                    Ok(next) => {
                        bytes += next.0.body.len();
                        batch.push(next);
                    }
                    Err(_) => break,
                }
            }
            let (deliveries, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            match store(&self.write, &self.read, deliveries).await {
                Ok(accepted) => {
                    for (answer, outcome) in answers.into_iter().zip(accepted) {
                        // the peer may have gone away; its delivery is stored all the same
                        let _ = answer.send(Ok(outcome));
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, deliveries = answers.len(), "cannot store deliveries");
                    for answer in answers {
                        let _ = answer.send(Err(StoreError::Busy));
                    }
                }
            }
        }
    }
}

impl InboxWriter {
    async fn next(&mut self) -> Option<Waiting> {
        let waiting = self.receiver.try_recv().ok();
        self.rushed.store(waiting.is_some(), Ordering::Relaxed);
        match waiting {
            Some(waiting) => Some(waiting),
            None => self.receiver.recv().await,
        }
    }
}

/// Stores a batch by one statement, which is a transaction of its own: when it returns, all of it is on the disk. Each
/// statement is a journey to the connection's thread and back, so there are no more of them than needed.
///
/// Earlier effects are looked up before it. Another process may store the same deployment in between; then both count as
/// fresh here, and the decision finds that there is a run already.
async fn store(
    write: &SqlitePool,
    read: &SqlitePool,
    mut batch: Vec<NewDelivery>,
) -> Result<Vec<Accepted>, StoreError> {
    let mut known = known_effects(read, &batch).await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for delivery in &mut batch {
        let outcome = match &delivery.effect_key {
            Some(key) if delivery.disposition == Disposition::Received => match known.get(key) {
                Some(earlier) => {
                    delivery.disposition = Disposition::Duplicate;
                    delivery.detail = Some(format!("says what delivery `{earlier}` said"));
                    Accepted::Duplicate(*earlier)
                }
                None => {
                    known.insert(key.clone(), delivery.id);
                    Accepted::Stored
                }
            },
            Some(_) | None => Accepted::Stored,
        };
        outcomes.push(outcome);
    }
    insert(write, &batch).await?;
    Ok(outcomes)
}

async fn insert(pool: &SqlitePool, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO deliveries (id, guid, event, hook_id, host, repository_id, repository, effect_key, content_type, \
         body, body_sha256, received_at, disposition, detail, source) ",
    );
    query.push_values(deliveries, |mut row, delivery| {
        row.push_bind(delivery.id.to_string())
            .push_bind(delivery.guid.as_deref())
            .push_bind(delivery.event.as_str())
            .push_bind(delivery.hook_id.as_deref())
            .push_bind(delivery.host.as_str())
            .push_bind(delivery.repository_id.map(number))
            .push_bind(delivery.repository.as_deref())
            .push_bind(delivery.effect_key.as_deref())
            .push_bind(delivery.content_type.as_deref())
            .push_bind(delivery.body.as_ref())
            .push_bind(delivery.body_sha256.as_str())
            .push_bind(millis(delivery.received_at))
            .push_bind(delivery.disposition.as_str())
            .push_bind(delivery.detail.as_deref())
            .push_bind(delivery.source.as_str());
    });
    // at most BATCH different texts, so they stay prepared
    query
        .build()
        .execute(pool)
        .await
        .map_err(StoreError::while_doing("store deliveries"))?;
    Ok(())
}

/// Which of the effects in `batch` an earlier delivery has, or will have. One that was ignored or malformed had none:
/// after the configuration is mended the same deployment may be delivered again.
async fn known_effects(pool: &SqlitePool, batch: &[NewDelivery]) -> Result<HashMap<String, DeliveryId>, StoreError> {
    let keys: Vec<&str> = batch
        .iter()
        .filter_map(|delivery| delivery.effect_key.as_deref())
        .collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT id, effect_key FROM deliveries WHERE disposition IN ('received', 'processed') AND effect_key IN (",
    );
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key);
    }
    query.push(")");
    let doing = "look for earlier deliveries";
    let rows = query
        .build()
        .fetch_all(pool)
        .await
        .map_err(StoreError::while_doing(doing))?;
    rows.iter()
        .map(|row| {
            let row = Reader::new(row, doing);
            Ok((row.text("effect_key")?, row.parsed("id")?))
        })
        .collect()
}

impl Store {
    /// Hands out the task that commits deliveries; `None` when it was handed out before.
    #[must_use]
    pub fn take_inbox_writer(&self) -> Option<InboxWriter> {
        self.inbox.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stores deliveries that arrived together, in this order.
    ///
    /// # Errors
    ///
    /// When one could not be stored in time; those before it are.
    pub async fn accept_all(&self, deliveries: Vec<NewDelivery>) -> Result<Vec<Accepted>, StoreError> {
        // all of them wait in the inbox before the first is answered: few commits take them up
        futures_util::future::try_join_all(deliveries.into_iter().map(|one| self.accept(one))).await
    }

    /// Stores a delivery. When this returns `Ok`, it is on the disk.
    ///
    /// # Errors
    ///
    /// When it could not be stored in time. It may still be stored later; GitHub's redelivery is then a duplicate.
    pub async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let accepted = async {
            self.inbox
                .sender
                .send((delivery, answer))
                .await
                .map_err(|_| StoreError::Busy)?;
            outcome.await.map_err(|_| StoreError::Busy)?
        };
        tokio::time::timeout(ACCEPT_TIMEOUT, accepted)
            .await
            .map_err(|_| StoreError::Busy)?
    }

    /// Whether deliveries come faster than one commit after the other takes them up.
    #[must_use]
    pub fn is_rushed(&self) -> bool {
        self.inbox.rushed.load(Ordering::Relaxed)
    }

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

    /// Puts a delivery off until GitHub can be asked about it, for `wait` at least: with growing pauses, however often. It is nobody's
    /// fault here, and a deployment must not get lost because GitHub was away for long.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn defer_delivery(
        &self,
        id: DeliveryId,
        detail: &str,
        wait: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "put a delivery off";
        let mut tx = self.begin(doing).await?;
        let row = sqlx::query(
            "UPDATE deliveries SET attempts = MIN(attempts + 1, 8), detail = ? WHERE id = ? RETURNING attempts",
        )
        .bind(detail)
        .bind(id.to_string())
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let attempts: i64 = row.try_get(0).map_err(StoreError::while_doing(doing))?;
        let pause = Duration::from_millis(250 << attempts.clamp(0, 8)).max(wait);
        sqlx::query("UPDATE deliveries SET next_attempt_at = ? WHERE id = ?")
            .bind(millis(now + pause))
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
    let disposition = row.text("disposition")?;
    let source = row.text("source")?;
    Ok(Delivery {
        id: row.parsed("id")?,
        source: Source::from_name(&source).ok_or_else(|| row.unreadable("source", source))?,
        guid: row.maybe_text("guid")?,
        event: row.text("event")?,
        host: row.text("host")?,
        repository: row.maybe_text("repository")?,
        content_type: row.maybe_text("content_type")?,
        body: row.bytes("body")?,
        received_at: row.time("received_at")?,
        disposition: Disposition::from_name(&disposition).ok_or_else(|| row.unreadable("disposition", disposition))?,
        detail: row.maybe_text("detail")?,
        attempts: row.number("attempts")?,
        recovered: row.number("recovered")? != 0,
    })
}
