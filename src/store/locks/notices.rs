//! What people are still to be told about locks. It follows from the rows alone, so that whoever changes one need not know how
//! it is told, and a process that dies in between leaves nothing unsaid.

use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::conversation::Listener;
use crate::domain::ids::LockId;
use crate::domain::lock::{Lock, LockEnding};
use crate::report::lock::News;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis};
use crate::store::{Store, commit};

/// Something to tell about a lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Which.
    pub lock: Lock,
    /// What.
    pub what: What,
    /// The bot through which its owner asked for it.
    pub listener: Option<Listener>,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// It is there: whoever waited holds it now, or Chima locked by itself.
    Begun,
    /// It came to its end in this way.
    Ended(LockEnding),
    /// It has been there for long.
    Old,
}

impl Notice {
    /// As it is worded.
    #[must_use]
    pub fn news(&self) -> News<'_> {
        match &self.what {
            What::Begun => News::Begun,
            What::Ended(ending) => News::Ended(ending),
            What::Old => News::Old,
        }
    }
}

/// Keeps through which bot a lock was asked for.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    lock: LockId,
    listener: Option<&Listener>,
) -> Result<(), StoreError> {
    let Some(listener) = listener else {
        return Ok(());
    };
    sqlx::query("UPDATE locks SET listener = ? WHERE id = ?")
        .bind(json(listener))
        .bind(lock.to_string())
        .execute(connection)
        .await
        .map_err(StoreError::while_doing("keep who is told of a lock"))?;
    Ok(())
}

impl Store {
    /// What is to be told, oldest lock first. `older_than`: locks that were there by then are old; `nagged_before`: unless
    /// somebody said so since.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn lock_notices(
        &self,
        older_than: Timestamp,
        nagged_before: Timestamp,
    ) -> Result<Vec<Notice>, StoreError> {
        let doing = "list what is to be told about locks";
        let rows = sqlx::query(
            "SELECT * FROM locks WHERE untold = 1 OR (ended_at IS NULL AND since <= ? AND \
             (nagged_at IS NULL OR nagged_at <= ?)) ORDER BY id",
        )
        .bind(millis(older_than))
        .bind(millis(nagged_before))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                let ending: Option<LockEnding> = row.maybe_json("ending")?;
                let what = match ending {
                    Some(ending) => What::Ended(ending),
                    None if row.number("untold")? == 1 => What::Begun,
                    None => What::Old,
                };
                Ok(Notice {
                    lock: row.lock()?,
                    what,
                    listener: row.maybe_json("listener")?,
                })
            })
            .collect()
    }

    /// Puts what is said into the outbox, and writes that it is said. Nothing where somebody else was first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_about_lock(
        &self,
        notice: &Notice,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "tell about a lock";
        let failed = StoreError::while_doing(doing);
        let id: LockId = notice.lock.id;
        let mut tx = self.begin(doing).await?;
        let changed = match notice.what {
            What::Begun | What::Ended(_) => {
                sqlx::query("UPDATE locks SET untold = 0 WHERE id = ? AND untold = 1")
                    .bind(id.to_string())
                    .execute(&mut *tx)
                    .await
            }
            What::Old => {
                sqlx::query("UPDATE locks SET nagged_at = ?1 WHERE id = ?2 AND ended_at IS NULL AND (nagged_at IS NULL OR nagged_at < ?1)")
                    .bind(millis(now))
                    .bind(id.to_string())
                    .execute(&mut *tx)
                    .await
            }
        };
        if changed.map_err(&failed)?.rows_affected() != 1 {
            return Ok(false);
        }
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }
}
