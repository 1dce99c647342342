//! What can go wrong with the ledger, as far as a caller can do something about it.

use std::path::PathBuf;

/// An operation on the ledger did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error.
    #[error("cannot {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring the ledger up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The file or its folder is not fit to hold the truth.
    #[error("the ledger `{path}` is unsafe: {found}; {remedy}")]
    Unsafe {
        /// Which file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// The file system refused.
    #[error("cannot open the ledger `{path}`: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A copy of the ledger could not be written.
    #[error("cannot write the backup `{path}`: {source}")]
    Copy {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A row holds what this version cannot read.
    #[error("cannot {doing}: the ledger holds `{found}` as {column}, which this version does not know")]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// Which column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// Somebody else has claimed the run since: this writer is no longer its owner.
    #[error("the run was claimed anew since; this write carried an older fence and was refused")]
    Stale,
    /// The writer is gone or too slow.
    #[error("the ledger did not take the delivery in time")]
    Busy,
}

impl StoreError {
    /// Wraps a database error with what was being done.
    pub(crate) fn while_doing(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// Whether trying again later can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { .. } | Self::Busy => true,
            Self::Migration(_)
            | Self::Unsafe { .. }
            | Self::File { .. }
            | Self::Copy { .. }
            | Self::Unreadable { .. }
            | Self::Stale => false,
        }
    }
}
