//! Deliveries that GitHub has in its log and that never arrived: kept until they have, so that nobody asks for one twice in a
//! few minutes, and a restart does not read the log again.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};

/// Values of one statement, well below what SQLite takes.
const CHUNK: usize = 500;

/// A delivery in GitHub's log that never arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// GitHub's, shared by all attempts.
    pub guid: String,
    /// GitHub's number of the hook, where it is a repository's.
    pub hook: Option<u64>,
    /// GitHub's number of the newest attempt.
    pub attempt: u64,
    /// Name of the event.
    pub event: String,
    /// Whose event.
    pub repository_id: Option<u64>,
    /// When it was first found to be sent.
    pub delivered_at: Timestamp,
    /// How often GitHub was asked for it.
    pub asks: u32,
    /// Nobody asks for it before.
    pub ask_after: Timestamp,
}

impl Store {
    /// Which of these deliveries, by GUID and event, have arrived. The GUID is unsigned; together with the event it is good
    /// enough not to ask for what is here.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn arrived(&self, wanted: &[(String, String)]) -> Result<HashSet<(String, String)>, StoreError> {
        let doing = "look for deliveries that arrived";
        let mut found = HashSet::new();
        for some in wanted.chunks(CHUNK) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT guid, event FROM deliveries WHERE guid IN (");
            let mut list = query.separated(", ");
            for (guid, _) in some {
                list.push_bind(guid);
            }
            query.push(")");
            let rows = query
                .build()
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
            for row in &rows {
                let row = Reader::new(row, doing);
                found.insert((row.text("guid")?, row.text("event")?));
            }
        }
        Ok(found)
    }

    /// Remembers deliveries that never arrived. One that is known stays as it is, but for its newest attempt.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_lost(&self, host: &str, source: &str, lost: &[Lost], now: Timestamp) -> Result<(), StoreError> {
        for some in lost.chunks(CHUNK / 10) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO lost_deliveries \
                 (host, source, guid, hook_id, attempt, event, repository_id, delivered_at, ask_after) ",
            );
            query.push_values(some, |mut row, one| {
                row.push_bind(host)
                    .push_bind(source)
                    .push_bind(one.guid.as_str())
                    .push_bind(one.hook.map(number))
                    .push_bind(number(one.attempt))
                    .push_bind(one.event.as_str())
                    .push_bind(one.repository_id.map(number))
                    .push_bind(millis(one.delivered_at))
                    .push_bind(millis(now));
            });
            query.push(" ON CONFLICT (host, source, guid) DO UPDATE SET attempt = MAX(attempt, excluded.attempt)");
            query
                .build()
                .execute(&self.write)
                .await
                .map_err(StoreError::while_doing("remember lost deliveries"))?;
        }
        Ok(())
    }

    /// What has not arrived from a source, whether it may be asked for now or not: deployments first, then the newest.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn lost_deliveries(&self, host: &str, source: &str) -> Result<Vec<Lost>, StoreError> {
        let doing = "list lost deliveries";
        let rows = sqlx::query(
            "SELECT * FROM lost_deliveries WHERE host = ? AND source = ? \
             ORDER BY event = 'deployment' DESC, delivered_at DESC, attempt DESC",
        )
        .bind(host)
        .bind(source)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).lost()).collect()
    }

    /// Writes down that GitHub is asked for a delivery, before it is.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn asked_for(
        &self,
        host: &str,
        source: &str,
        lost: &Lost,
        now: Timestamp,
        pause: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lost_deliveries SET asks = asks + 1, ask_after = ? WHERE host = ? AND source = ? AND guid = ?",
        )
        .bind(millis(now + pause))
        .bind(host)
        .bind(source)
        .bind(&lost.guid)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down that a delivery is asked for"))?;
        Ok(())
    }

    /// Forgets deliveries that are lost no more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn forget_lost(&self, host: &str, source: &str, guids: &[String]) -> Result<(), StoreError> {
        for some in guids.chunks(CHUNK) {
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM lost_deliveries WHERE host = ");
            query
                .push_bind(host)
                .push(" AND source = ")
                .push_bind(source)
                .push(" AND guid IN (");
            let mut list = query.separated(", ");
            for guid in some {
                list.push_bind(guid);
            }
            query.push(")");
            query
                .build()
                .execute(&self.write)
                .await
                .map_err(StoreError::while_doing("forget lost deliveries"))?;
        }
        Ok(())
    }
}

impl Reader<'_> {
    fn lost(&self) -> Result<Lost, StoreError> {
        Ok(Lost {
            guid: self.text("guid")?,
            hook: self.maybe_number("hook_id")?,
            attempt: self.number("attempt")?,
            event: self.text("event")?,
            repository_id: self.maybe_number("repository_id")?,
            delivered_at: self.time("delivered_at")?,
            asks: self.count("asks")?,
            ask_after: self.time("ask_after")?,
        })
    }
}
