//! What is looked through for what was missed, how far it has been read, and who reads it now.
//!
//! One claim with a fence for each source, so that of several processes one looks, and whoever was overtaken writes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::ids::{Fence, InstallationId, RepositoryId};
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// The name of the App's own log among the sources; the others are repositories.
pub const APP: &str = "";

/// Something to look through.
#[derive(Debug, Clone, PartialEq)]
pub struct CatchUp {
    /// [`APP`], or `owner/name` as configured.
    pub source: String,
    /// Nothing before this is looked for.
    pub since: Timestamp,
    /// When somebody should look next.
    pub due_at: Timestamp,
    /// Of the claim.
    pub fence: Fence,
    /// Looks in a row that came to nothing.
    pub failures: u32,
    /// Why the last did.
    pub trouble: Option<String>,
    /// When a look last came to an end.
    pub looked_at: Option<Timestamp>,
    /// How far it has been read.
    pub progress: Progress,
}

/// How far a source has been read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// GitHub's number of the repository.
    pub repository_id: Option<RepositoryId>,
    /// Its present name.
    pub full_name: Option<String>,
    /// The branch that is meant where nobody named one.
    pub default_branch: Option<String>,
    /// Where the App is installed.
    pub installation: Option<InstallationId>,
    /// Every deployment made before this is in the ledger, or was left alone.
    pub listed_at: Option<Timestamp>,
    /// Every delivery sent before this has arrived, or is among the lost ones.
    pub read_to: Option<Timestamp>,
    /// Where reading the log goes on, and up to when it then has been read: one look reads so many pages and no more.
    pub unread: Option<(String, Timestamp)>,
    /// Why the log of a repository's hook cannot be read.
    pub no_log: Option<String>,
    /// Comments that were written or last changed before this have been looked at.
    pub commented_at: Option<Timestamp>,
    /// Why comments cannot be read.
    pub no_comments: Option<String>,
    /// What GitHub called its answers, by path: asked with these, it says when nothing has changed, and counts nothing.
    pub etags: BTreeMap<String, String>,
    /// Where branches were.
    pub heads: BTreeMap<String, Option<String>>,
}

/// What a look came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// When it ended.
    pub at: Timestamp,
    /// As before, unless another repository has the name now.
    pub since: Timestamp,
    /// When to look next.
    pub next: Timestamp,
    /// Why it came to nothing, where it did.
    pub trouble: Option<String>,
    /// How far it got.
    pub progress: Progress,
}

impl Store {
    /// Looks through exactly these sources from now on, and makes all of them due. A new one is looked through for what happens
    /// from now on.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn follow_sources(&self, host: &str, wanted: &[String], now: Timestamp) -> Result<(), StoreError> {
        let doing = "follow what may be missed";
        let failed = StoreError::while_doing(doing);
        let known = self.catch_ups(host).await?;
        if wanted.is_empty() && known.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(doing).await?;
        for old in known.iter().filter(|old| !wanted.contains(&old.source)) {
            let queries = [
                "DELETE FROM catch_ups WHERE host = ? AND source = ?",
                "DELETE FROM lost_deliveries WHERE host = ? AND source = ?",
            ];
            for query in queries {
                sqlx::query(query)
                    .bind(host)
                    .bind(&old.source)
                    .execute(&mut *tx)
                    .await
                    .map_err(&failed)?;
            }
        }
        for source in wanted {
            sqlx::query(
                "INSERT INTO catch_ups (host, source, since, due_at) VALUES (?1, ?2, ?3, ?3) \
                 ON CONFLICT (host, source) DO UPDATE SET due_at = excluded.due_at",
            )
            .bind(host)
            .bind(source)
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        commit(tx, doing).await
    }

    /// Every source.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn catch_ups(&self, host: &str) -> Result<Vec<CatchUp>, StoreError> {
        let doing = "list what may be missed";
        let rows = sqlx::query("SELECT * FROM catch_ups WHERE host = ? ORDER BY source")
            .bind(host)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).catch_up()).collect()
    }

    /// Takes a source that nobody looks through, so that nobody else does until then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim_catch_up(
        &self,
        host: &str,
        known: &CatchUp,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<CatchUp>, StoreError> {
        let doing = "claim what may be missed";
        let row = sqlx::query(
            "UPDATE catch_ups SET claimed_by = ?, claimed_until = ?, fence = fence + 1 \
             WHERE host = ? AND source = ? AND due_at = ? AND (claimed_until IS NULL OR claimed_until <= ?) RETURNING *",
        )
        .bind(worker)
        .bind(millis(until))
        .bind(host)
        .bind(&known.source)
        .bind(millis(known.due_at))
        .bind(millis(now))
        .fetch_optional(&self.write)
        .await
        .map_err(StoreError::while_doing(doing))?;
        row.as_ref().map(|row| Reader::new(row, doing).catch_up()).transpose()
    }

    /// Writes down what a look came to, and gives the claim back. Nothing is written where it is not ours any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn finish_catch_up(&self, host: &str, claimed: &CatchUp, looked: &Looked) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE catch_ups SET claimed_by = NULL, claimed_until = NULL, since = ?1, due_at = ?2, looked_at = ?3, \
             failures = CASE WHEN ?4 IS NULL THEN 0 ELSE failures + 1 END, trouble = ?4, progress = ?5 \
             WHERE host = ?6 AND source = ?7 AND fence = ?8",
        )
        .bind(millis(looked.since))
        .bind(millis(looked.next))
        .bind(millis(looked.at))
        .bind(&looked.trouble)
        .bind(json(&looked.progress))
        .bind(host)
        .bind(&claimed.source)
        .bind(number(claimed.fence.0))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down what was missed"))?;
        Ok(())
    }

    /// Makes due whatever was last looked through before then: GitHub was away since, or we were.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn look_again(&self, host: &str, before: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE catch_ups SET due_at = ? WHERE host = ? AND failures = 0 AND looked_at < ? AND due_at > ?")
            .bind(millis(now))
            .bind(host)
            .bind(millis(before))
            .bind(millis(now))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("look again for what was missed"))?;
        Ok(())
    }
}

impl Reader<'_> {
    fn catch_up(&self) -> Result<CatchUp, StoreError> {
        Ok(CatchUp {
            source: self.text("source")?,
            since: self.time("since")?,
            due_at: self.time("due_at")?,
            fence: Fence(self.number("fence")?),
            failures: self.count("failures")?,
            trouble: self.maybe_text("trouble")?,
            looked_at: self.maybe_time("looked_at")?,
            progress: self.json("progress")?,
        })
    }
}
