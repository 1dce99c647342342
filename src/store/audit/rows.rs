//! Rows of the audit log, found by what they are about.

use futures_util::TryStreamExt as _;

use crate::domain::audit::Entry;
use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Reader;

/// Which rows are wanted; what is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this app, in any case.
    pub app: Option<String>,
    /// Of this environment, in any case.
    pub environment: Option<String>,
    /// Done by somebody of this name or id, or for a deployment that they made.
    pub by: Option<String>,
    /// Not older.
    pub since: Option<Timestamp>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its place in the log.
    pub position: u64,
    /// What it says, as far as this version can read it.
    pub entry: Option<Entry>,
    /// As it is stored.
    pub text: String,
    /// Its hash.
    pub hash: String,
}

impl Filter {
    fn wants(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let same = |found: &String| found.eq_ignore_ascii_case(wanted);
                found.as_ref().is_some_and(same)
            })
        };
        is(&self.app, &entry.subject.app)
            && is(&self.environment, &entry.subject.environment)
            && self.by.as_deref().is_none_or(|name| is_of(entry, name))
            && self.since.is_none_or(|since| entry.at >= since)
    }

    /// Whether every row is wanted, also one that cannot be read.
    fn wants_all(&self) -> bool {
        *self == Self::default()
    }
}

fn is_of(entry: &Entry, name: &str) -> bool {
    let is = |found: &str| found.to_lowercase() == name.trim_start_matches('@').to_lowercase();
    let by = entry.by.as_ref();
    let creator = entry.decided().and_then(|decided| decided.creator.as_deref());
    by.is_some_and(|by| is(&by.name) || by.id.as_deref().is_some_and(is)) || creator.is_some_and(is)
}

impl Store {
    /// The newest rows that are wanted, the oldest of them first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn audit_rows(&self, filter: &Filter, limit: usize) -> Result<Vec<Row>, StoreError> {
        let doing = "read the audit log";
        let failed = StoreError::while_doing(doing);
        let of_run = match filter.run {
            Some(_) => "WHERE run_id = ?",
            None => "WHERE ? IS NULL",
        };
        let query = format!("SELECT position, entry, hash FROM audit {of_run} ORDER BY position DESC");
        let mut rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(filter.run.map(|run| run.to_string()))
            .fetch(&self.read);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = rows.try_next().await.map_err(&failed)?
        {
            let row = Reader::new(&row, doing);
            let text = row.text("entry")?;
            let entry: Option<Entry> = serde_json::from_str(&text).ok();
            let wanted = entry.as_ref().map_or_else(
                || filter.wants_all() || filter.run.is_some(),
                |entry| filter.wants(entry),
            );
            if wanted {
                found.push(Row {
                    position: row.number("position")?,
                    entry,
                    text,
                    hash: row.text("hash")?,
                });
            }
        }
        found.reverse();
        Ok(found)
    }
}
