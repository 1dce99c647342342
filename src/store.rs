//! The only room that knows sqlx: the ledger, which is the truth about every delivery and run.
//!
//! One connection writes, in short `BEGIN IMMEDIATE` transactions, each of them synced to disk when it commits; a few
//! others read. Every write of a claimed run names the fence it was claimed with and checks that one row changed.

pub mod api_requests;
pub mod asks;
pub mod audit;
pub mod auto_deploys;
pub mod backup;
pub mod bells;
pub mod board;
pub mod cancel;
pub mod catch_ups;
pub mod claimants;
pub mod claims;
pub mod daily;
pub mod dead_letters;
pub mod decisions;
pub mod deliveries;
pub mod delivery_list;
pub mod disk;
pub mod drifts;
pub mod ends;
pub mod error;
pub mod estimates;
pub mod foreign;
pub mod history;
pub mod inbox;
pub mod locks;
pub mod lost_deliveries;
pub mod news;
pub mod open;
pub mod outbox;
pub mod paces;
pub mod pool;
pub mod protection;
pub mod reading;
pub mod repositories;
pub mod retention;
pub mod room;
pub mod row;
pub mod run_commits;
pub mod runs;
pub mod session_ends;
pub mod sessions;
pub mod slack_asks;
pub mod slack_messages;
pub mod tallies;
pub mod tokens;
pub mod verdict;
pub mod warrants;
pub mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};
use tokio::sync::Mutex;

use crate::store::error::StoreError;
use crate::store::inbox::Inbox;

/// The ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    write: SqlitePool,
    read: SqlitePool,
    inbox: Inbox,
    /// Held while a decision is written: were eight of them to queue up for the connection, every delivery would wait for
    /// eight syncs of the disk.
    deciding: Arc<Mutex<()>>,
    path: PathBuf,
}

impl Store {
    /// Opens the ledger, makes it where there is none, brings its tables up to date, and refuses it where a commit would
    /// not be durable or others may read it.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, is unsafe, or was written by a newer Chima.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let write = pool::open_writer(path).await?;
        pool::migrate(&write).await?;
        let read = pool::open_readers(path).await?;
        pool::check(&write, path).await?;
        audit::begin(&write, path).await?;
        let inbox = Inbox::new(write.clone(), read.clone());
        Ok(Self {
            write,
            read,
            inbox,
            deciding: Arc::default(),
            path: path.to_owned(),
        })
    }

    /// Where the ledger's file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Proves that a write reaches the disk.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        let mut tx = self.begin("probe the ledger").await?;
        sqlx::query(
            "INSERT INTO lanes (lane, fence) VALUES ('', 1) ON CONFLICT (lane) DO UPDATE SET fence = fence + 1",
        )
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing("probe the ledger"))?;
        commit(tx, "probe the ledger").await
    }

    /// Closes every connection and folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.write
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(StoreError::while_doing(doing))
    }
}

async fn commit(tx: Transaction<'static, Sqlite>, doing: &'static str) -> Result<(), StoreError> {
    tx.commit().await.map_err(StoreError::while_doing(doing))
}

#[cfg(test)]
mod tests;
