//! What is left of the pace of writes, shared by every process of an installation: were it each process' own, two of them
//! would exceed together what one keeps to, and a restart would begin afresh.

use std::time::Duration;

use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::pace::{Pace, Standing};
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::{Store, commit};

/// Takes a place for one write; `false` where it has to wait.
pub(crate) async fn take(
    connection: &mut SqliteConnection,
    name: &str,
    pace: &Pace,
    last: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let standing = standing(connection, name).await?.unwrap_or_else(|| pace.fresh(now));
    let Some(left) = pace.take(standing, now, last) else {
        return Ok(false);
    };
    put(connection, name, left).await?;
    Ok(true)
}

async fn standing(connection: &mut SqliteConnection, name: &str) -> Result<Option<Standing>, StoreError> {
    let doing = "read the pace of writes";
    let row = sqlx::query("SELECT minute, hour, filled_at, closed_until FROM paces WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    row.map(|row| {
        let row = Reader::new(&row, doing);
        Ok(Standing {
            minute: row.fraction("minute")?,
            hour: row.fraction("hour")?,
            at: row.time("filled_at")?,
            closed_until: row.maybe_time("closed_until")?,
        })
    })
    .transpose()
}

async fn put(connection: &mut SqliteConnection, name: &str, standing: Standing) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO paces (name, minute, hour, filled_at, closed_until) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (name) DO UPDATE SET minute = ?2, hour = ?3, filled_at = ?4, closed_until = ?5",
    )
    .bind(name)
    .bind(standing.minute)
    .bind(standing.hour)
    .bind(millis(standing.at))
    .bind(standing.closed_until.map_or(0, millis))
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("keep the pace of writes"))?;
    Ok(())
}

impl Store {
    /// Takes a place for a write that is in no outbox; `false` where it has to wait.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn take_place(&self, name: &str, pace: &Pace, now: Timestamp) -> Result<bool, StoreError> {
        let doing = "take a place for a write";
        let mut tx = self.begin(doing).await?;
        let taken = take(&mut tx, name, pace, true, now).await?;
        commit(tx, doing).await?;
        Ok(taken)
    }

    /// Nobody writes for `wait`, in no process: the other side asked for it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn close_pace(&self, name: &str, pace: &Pace, now: Timestamp, wait: Duration) -> Result<(), StoreError> {
        let doing = "keep until when there is silence";
        let mut tx = self.begin(doing).await?;
        let standing = standing(&mut tx, name).await?.unwrap_or_else(|| pace.fresh(now));
        let until = standing
            .closed_until
            .map_or(now + wait, |earlier| earlier.max(now + wait));
        let closed = Standing {
            closed_until: Some(until),
            ..standing
        };
        put(&mut tx, name, closed).await?;
        commit(tx, doing).await
    }
}
