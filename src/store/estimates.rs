//! How long earlier runs took.

use chrono::TimeDelta;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::reading::At;
use crate::store::row::Reader;

/// Older ones tell of another time.
const REMEMBERED: u32 = 50;

impl Store {
    /// How long the newest runs of a task took that succeeded there, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn durations_of(&self, at: At<'_>, task: &str) -> Result<Vec<TimeDelta>, StoreError> {
        let doing = "read how long runs took";
        let rows = sqlx::query(
            "SELECT started_at, finished_at FROM runs WHERE host = ? AND repository = ? COLLATE NOCASE \
             AND environment = ? COLLATE NOCASE AND task = ? AND state = 'succeeded' \
             AND started_at IS NOT NULL AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?",
        )
        .bind(at.host)
        .bind(at.repository)
        .bind(at.environment)
        .bind(task)
        .bind(REMEMBERED)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(row.time("finished_at")? - row.time("started_at")?)
            })
            .collect()
    }
}
