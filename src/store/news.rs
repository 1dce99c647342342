//! What has happened to runs since somebody last looked: for whoever follows along.

use sqlx::Row;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::run::RunState;
use crate::domain::timeline::RunEvent;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Reader;

/// One entry of a run's timeline, with its place among those of all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Grows with every entry.
    pub number: i64,
    /// Of which run.
    pub run: RunId,
    /// Of which app; none where the form of the request was refused.
    pub app: Option<String>,
    /// The environment.
    pub environment: String,
    /// Where the run stands now.
    pub state: RunState,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub event: RunEvent,
}

impl Store {
    /// The newest entry's number, 0 where there is none.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn newest_news(&self) -> Result<i64, StoreError> {
        let doing = "look for the newest event";
        let row = sqlx::query("SELECT COALESCE(MAX(rowid), 0) AS newest FROM run_events")
            .fetch_one(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.try_get("newest").map_err(StoreError::while_doing(doing))
    }

    /// Entries after a number, the oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn news_after(&self, number: i64, limit: u32) -> Result<Vec<News>, StoreError> {
        let doing = "read the events of runs";
        let rows = sqlx::query(
            "SELECT e.rowid AS number, e.run_id, e.at, e.event, r.app, r.environment, r.state FROM run_events e \
             JOIN runs r ON r.id = e.run_id WHERE e.rowid > ? ORDER BY e.rowid LIMIT ?",
        )
        .bind(number)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let number = row.try_get("number").map_err(StoreError::while_doing(doing))?;
                let row = Reader::new(row, doing);
                Ok(News {
                    number,
                    run: row.parsed("run_id")?,
                    app: row.maybe_text("app")?,
                    environment: row.text("environment")?,
                    state: row.word("state", RunState::from_name)?,
                    at: row.time("at")?,
                    event: row.json("event")?,
                })
            })
            .collect()
    }
}
