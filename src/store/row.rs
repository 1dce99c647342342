//! Between rows and domain types: the one place that reads what the ledger stored.

use std::str::FromStr;

use chrono::DateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::domain::clock::Timestamp;
use crate::domain::command::Cancellation;
use crate::domain::ids::{DeploymentId, Fence, InstallationId, RepositoryId};
use crate::domain::run::{LaneKey, Run, RunState};
use crate::store::error::StoreError;

/// Reads columns of one row; says which one could not be read.
pub(crate) struct Reader<'r> {
    row: &'r SqliteRow,
    doing: &'static str,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(row: &'r SqliteRow, doing: &'static str) -> Self {
        Self { row, doing }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.row.try_get(column).map_err(StoreError::while_doing(self.doing))
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.row.try_get(column).map_err(StoreError::while_doing(self.doing))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.row.try_get(column).map_err(StoreError::while_doing(self.doing))
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<u64, StoreError> {
        let found: i64 = self.row.try_get(column).map_err(StoreError::while_doing(self.doing))?;
        u64::try_from(found).map_err(|_| self.unreadable(column, found.to_string()))
    }

    pub(crate) fn maybe_number(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let found: Option<i64> = self.row.try_get(column).map_err(StoreError::while_doing(self.doing))?;
        found
            .map(|n| u64::try_from(n).map_err(|_| self.unreadable(column, n.to_string())))
            .transpose()
    }

    /// A small number; what does not fit is pinned to the largest.
    pub(crate) fn count(&self, column: &'static str) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.number(column)?).unwrap_or(u32::MAX))
    }

    pub(crate) fn fraction(&self, column: &'static str) -> Result<f64, StoreError> {
        self.row.try_get(column).map_err(StoreError::while_doing(self.doing))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        let found: i64 = self.row.try_get(column).map_err(StoreError::while_doing(self.doing))?;
        DateTime::from_timestamp_millis(found).ok_or_else(|| self.unreadable(column, found.to_string()))
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<i64> = self.row.try_get(column).map_err(StoreError::while_doing(self.doing))?;
        Ok(found.and_then(DateTime::from_timestamp_millis))
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        let found = self.text(column)?;
        found.parse().map_err(|_| self.unreadable(column, found))
    }

    /// One of the words that a type has for its values.
    pub(crate) fn word<T>(&self, column: &'static str, from_name: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let found = self.text(column)?;
        from_name(&found).ok_or_else(|| self.unreadable(column, found))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let found = self.text(column)?;
        serde_json::from_str(&found).map_err(|_| self.unreadable(column, found))
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?
            .map(|found| serde_json::from_str(&found).map_err(|_| self.unreadable(column, found)))
            .transpose()
    }

    pub(crate) fn unreadable(&self, column: &'static str, found: String) -> StoreError {
        StoreError::Unreadable {
            doing: self.doing,
            column,
            found,
        }
    }

    pub(crate) fn run(&self) -> Result<Run, StoreError> {
        let cancel_reason = self.maybe_text("cancel_reason")?;
        Ok(Run {
            id: self.parsed("id")?,
            delivery: self.parsed("delivery_id")?,
            host: self.text("host")?,
            repository_id: RepositoryId(self.number("repository_id")?),
            repository: self.parsed("repository")?,
            deployment: DeploymentId(self.number("deployment_id")?),
            installation: self.maybe_number("installation_id")?.map(InstallationId),
            order: self.maybe_json("order_json")?,
            environment: self.text("environment")?,
            git_ref: self.text("git_ref")?,
            sha: self.text("sha")?,
            task: self.text("task")?,
            creator: self.maybe_text("creator")?,
            requester: self.maybe_text("requester")?,
            room: self.maybe_text("room")?,
            listener: self.maybe_json("listener")?,
            lane: self.maybe_text("lane")?.map(LaneKey::from_stored),
            state: self.word("state", RunState::from_name)?,
            reason: self.maybe_json("reason")?,
            fence: Fence(self.number("fence")?),
            attempts: self.count("attempts")?,
            requested_at: self.time("requested_at")?,
            created_at: self.time("created_at")?,
            started_at: self.maybe_time("started_at")?,
            finished_at: self.maybe_time("finished_at")?,
            hold_until: self.maybe_time("hold_until")?,
            worker: self.maybe_text("worker")?,
            lease_until: self.maybe_time("lease_until")?,
            cancel: self.maybe_text("cancel_by")?.map(|by| Cancellation {
                by,
                reason: cancel_reason,
            }),
            instructions: self.maybe_text("instructions")?,
            verdict: self.maybe_json("verdict")?,
            passes_lock: self.maybe_text("passes_lock")?.and_then(|id| id.parse().ok()),
            forced: self.maybe_json("forced")?,
            command: self.maybe_json("command")?,
            config_digest: self.text("config_digest")?,
        })
    }
}

/// A number as SQL has it; what does not fit is pinned to the largest.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A moment as SQL has it.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.timestamp_millis()
}

/// A value as JSON text. Our own types always serialise; one that did not would show as `null`.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
