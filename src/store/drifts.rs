//! How what runs stands to the default branches, as it was last found, and who looks now.
//!
//! One claim with a fence for each repository, so that of several processes one looks, and whoever was overtaken writes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::drift::{Head, Standing};
use crate::domain::ids::{Fence, InstallationId};
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// While somebody looks, nobody else needs to.
const MEANWHILE: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// A repository that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// `owner/name`, as configured.
    pub repository: String,
    /// Of the claim.
    pub fence: Fence,
    /// Looks in a row that came to nothing.
    pub failures: u32,
    /// Why the last did.
    pub trouble: Option<String>,
    /// When a look last came to an end.
    pub looked_at: Option<Timestamp>,
    /// What was found.
    pub found: Found,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The repository's present name.
    pub full_name: Option<String>,
    /// Its default branch.
    pub branch: Option<String>,
    /// Where the App is installed.
    pub installation: Option<InstallationId>,
    /// The newest commit of the branch; none where there is no such branch.
    pub head: Option<Head>,
    /// How commits that run somewhere stand to it.
    pub standings: BTreeMap<String, Standing>,
    /// When that was known.
    pub at: Option<Timestamp>,
    /// What GitHub called its answers, by path: asked with these, it says when nothing has changed, and counts nothing.
    pub etags: BTreeMap<String, String>,
}

/// What a look came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// When it ended.
    pub at: Timestamp,
    /// When to look next.
    pub next: Timestamp,
    /// Why it came to nothing, where it did.
    pub trouble: Option<String>,
    /// What is known now.
    pub found: Found,
}

impl Store {
    /// Looks at exactly these repositories from now on. A new one is due at `first`.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn follow_drifts(&self, host: &str, wanted: &[String], first: Timestamp) -> Result<(), StoreError> {
        let doing = "follow default branches";
        let failed = StoreError::while_doing(doing);
        let known = self.drifts(host).await?;
        let mut tx = self.begin(doing).await?;
        for old in known.iter().filter(|old| !wanted.contains(&old.repository)) {
            sqlx::query("DELETE FROM drifts WHERE host = ? AND repository = ?")
                .bind(host)
                .bind(&old.repository)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
        }
        for repository in wanted {
            sqlx::query(
                "INSERT INTO drifts (host, repository, due_at) VALUES (?, ?, ?) ON CONFLICT (host, repository) DO NOTHING",
            )
            .bind(host)
            .bind(repository)
            .bind(millis(first))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        commit(tx, doing).await
    }

    /// Every repository that is looked at.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn drifts(&self, host: &str) -> Result<Vec<Drift>, StoreError> {
        let doing = "list default branches";
        let rows = sqlx::query("SELECT * FROM drifts WHERE host = ? ORDER BY repository")
            .bind(host)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).drift()).collect()
    }

    /// Those that are due, or whose claim has lapsed, those that have waited longest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn due_drifts(&self, host: &str, now: Timestamp, limit: u32) -> Result<Vec<Drift>, StoreError> {
        let doing = "look for due default branches";
        let rows = sqlx::query(
            "SELECT * FROM drifts WHERE host = ? AND (due_at <= ? OR claimed_until <= ?) ORDER BY due_at LIMIT ?",
        )
        .bind(host)
        .bind(millis(now))
        .bind(millis(now))
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).drift()).collect()
    }

    /// Makes a repository due, no sooner than `soon` and no sooner than `pause` after the last look. With a commit, only where
    /// that is the head.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_drift(
        &self,
        host: &str,
        repository: &str,
        sha: Option<&str>,
        (soon, pause): (Timestamp, chrono::TimeDelta),
    ) -> Result<bool, StoreError> {
        let known = self.drifts(host).await?;
        let Some(row) = known.iter().find(|row| row.repository.eq_ignore_ascii_case(repository)) else {
            return Ok(false);
        };
        let head = row.found.head.as_ref().map(|head| head.sha.as_str());
        if sha.is_some() && sha != head {
            return Ok(false);
        }
        let at = row.looked_at.map_or(soon, |looked| soon.max(looked + pause));
        let marked = sqlx::query("UPDATE drifts SET due_at = ? WHERE host = ? AND repository = ? AND due_at > ?")
            .bind(millis(at))
            .bind(host)
            .bind(&row.repository)
            .bind(millis(at))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("note that a default branch is to be looked at"))?;
        Ok(marked.rows_affected() > 0)
    }

    /// Takes a repository that nobody looks at, so that nobody else does until then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim_drift(
        &self,
        host: &str,
        repository: &str,
        worker: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<Drift>, StoreError> {
        let doing = "claim a default branch";
        let row = sqlx::query(
            "UPDATE drifts SET claimed_by = ?1, claimed_until = ?2, due_at = ?3, fence = fence + 1 \
             WHERE host = ?4 AND repository = ?5 AND (claimed_until <= ?6 OR (claimed_until IS NULL AND due_at <= ?6)) \
             RETURNING *",
        )
        .bind(worker)
        .bind(millis(until))
        .bind(millis(now + MEANWHILE))
        .bind(host)
        .bind(repository)
        .bind(millis(now))
        .fetch_optional(&self.write)
        .await
        .map_err(StoreError::while_doing(doing))?;
        row.as_ref().map(|row| Reader::new(row, doing).drift()).transpose()
    }

    /// Writes down what a look came to, and gives the claim back. It is due sooner where something came meanwhile; nothing is
    /// written where it is not ours any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn finish_drift(&self, host: &str, claimed: &Drift, looked: &Looked) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE drifts SET claimed_by = NULL, claimed_until = NULL, looked_at = ?1, \
             due_at = CASE WHEN due_at < ?2 THEN due_at ELSE ?2 END, \
             failures = CASE WHEN ?3 IS NULL THEN 0 ELSE failures + 1 END, trouble = ?3, found = ?4 \
             WHERE host = ?5 AND repository = ?6 AND fence = ?7",
        )
        .bind(millis(looked.at))
        .bind(millis(looked.next))
        .bind(&looked.trouble)
        .bind(json(&looked.found))
        .bind(host)
        .bind(&claimed.repository)
        .bind(number(claimed.fence.0))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down how a default branch stands"))?;
        Ok(())
    }
}

impl Reader<'_> {
    fn drift(&self) -> Result<Drift, StoreError> {
        Ok(Drift {
            repository: self.text("repository")?,
            fence: Fence(self.number("fence")?),
            failures: self.count("failures")?,
            trouble: self.maybe_text("trouble")?,
            looked_at: self.maybe_time("looked_at")?,
            found: self.json("found")?,
        })
    }
}
