//! Deliveries come in: stored before they are answered, many in one transaction.
//!
//! A commit costs a sync of the disk, whatever it holds. Deliveries that arrive while one commit is under way therefore
//! wait for the next and share it; each is answered only when its own transaction is on the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};
use tokio::sync::{mpsc, oneshot};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::DeliveryId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};

/// GitHub waits ten seconds; below that it can still be told to try again.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(8);
const BATCH: usize = 64;
const BATCH_BYTES: usize = 32 * 1024 * 1024;

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
