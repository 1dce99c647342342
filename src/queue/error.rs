//! What can go wrong between us and the queue. A caller only ever asks whether it passes by itself.

use std::path::PathBuf;
use std::time::Duration;

use apalis_sqlite::SqlxError;
use redis::RedisError;

/// The queue could not be opened, rung or read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The Redis address cannot be used. The address itself is not repeated: it may hold a password.
    #[error("the address of the Redis queue is not usable; expected `redis://host:port/database`")]
    Address(#[source] RedisError),
    /// The queue's file cannot be opened or brought up to date.
    #[error("cannot open the queue file `{path}`")]
    File {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: SqlxError,
    },
    /// The SQLite queue refused a call.
    #[error("cannot {operation}: SQLite refused")]
    Sqlite {
        /// What was to be done.
        operation: &'static str,
        /// What apalis or SQLite said.
        source: apalis_sqlite::Error,
    },
    /// The Redis queue refused a call or is not there.
    #[error("cannot {operation}: Redis does not do it")]
    Redis {
        /// What was to be done.
        operation: &'static str,
        /// What Redis or the connection said.
        source: RedisError,
    },
    /// apalis had an objection of its own.
    #[error("cannot {operation}: apalis refused")]
    Apalis {
        /// What was to be done.
        operation: &'static str,
        /// What apalis said.
        source: apalis_redis::Error,
    },
    /// No answer in time.
    #[error("cannot {operation}: no answer within {after:?}")]
    TimedOut {
        /// What was to be done.
        operation: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
}

impl QueueError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Address(_) | Self::Apalis { .. } => false,
            Self::File { source, .. } => sqlite_is_busy(source),
            Self::Sqlite { source, .. } => {
                matches!(source, apalis_sqlite::Error::Database(error) if sqlite_is_busy(error))
            }
            Self::Redis { source, .. } => redis_is_away(source),
            Self::TimedOut { .. } => true,
        }
    }

    pub(in crate::queue) fn sqlite(operation: &'static str) -> impl Fn(SqlxError) -> Self {
        move |source| Self::Sqlite {
            operation,
            source: apalis_sqlite::Error::Database(source),
        }
    }

    pub(in crate::queue) fn redis(operation: &'static str) -> impl Fn(RedisError) -> Self {
        move |source| Self::Redis { operation, source }
    }

    pub(in crate::queue) fn apalis(operation: &'static str) -> impl Fn(apalis_redis::Error) -> Self {
        move |error| match error {
            apalis_redis::Error::Database(source) => Self::Redis { operation, source },
            source @ (apalis_redis::Error::Json(_)
            | apalis_redis::Error::ReenqueueMismatch { .. }
            | apalis_redis::Error::TaskIdError(_)
            | apalis_redis::Error::StatusError(_)
            | apalis_redis::Error::WorkerOutOfSync
            | apalis_redis::Error::WorkerAlreadyExists(_)) => Self::Apalis { operation, source },
        }
    }
}

/// SQLite's primary result codes BUSY (5), LOCKED (6) and FULL (13); <https://sqlite.org/rescode.html>. The higher
/// bytes only say more about the same.
fn sqlite_is_busy(error: &SqlxError) -> bool {
    if let SqlxError::Database(error) = error {
        let code = error
            .code()
            .and_then(|code| code.parse::<u32>().ok())
            .map(|code| code & 0xff);
        return matches!(code, Some(5 | 6 | 13));
    }
    matches!(
        error,
        SqlxError::PoolTimedOut | SqlxError::Io(_) | SqlxError::WorkerCrashed
    )
}

/// Whether the connection is the trouble, or the server says that it cannot do this *now*:
/// starting, failing over, out of memory or disk, busy with a script.
fn redis_is_away(error: &RedisError) -> bool {
    let now = [
        "LOADING",
        "BUSY",
        "TRYAGAIN",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "READONLY",
        "OOM",
        "MISCONF",
        "NOREPLICAS",
    ];
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.code().is_some_and(|code| now.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_refused_connection_passes_by_itself() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(QueueError::redis("ring")(RedisError::from(refused)).is_transient());
    }

    #[test]
    fn a_wrong_address_does_not() {
        let error = redis::Client::open("not an address").expect_err("no scheme");
        assert!(!QueueError::Address(error).is_transient());
    }

    #[test]
    fn a_pool_that_is_used_up_passes_by_itself_and_a_closed_one_does_not() {
        assert!(QueueError::sqlite("ring")(SqlxError::PoolTimedOut).is_transient());
        assert!(!QueueError::sqlite("ring")(SqlxError::PoolClosed).is_transient());
    }
}
