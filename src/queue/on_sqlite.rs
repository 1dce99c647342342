//! The queue in a SQLite file of its own.
//!
//! apalis' own `setup` is never called: it switches fsync off on one connection of the pool. Nor is its vacuum: a
//! trigger removes a job in the transaction that acknowledges it, so the file stays small without any housekeeping.

use std::error::Error;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use apalis_core::backend::{Filter, ListTasks, WorkerFilter};
use apalis_core::error::WorkerError;
use apalis_core::task::status::Status;
use apalis_core::worker::Worker;
use apalis_core::worker::context::WorkerContext;
use apalis_sqlite::queries::{push_tasks, reenqueue_orphaned};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage, SqlxError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};
use tower::layer::util::Identity;

use crate::queue::backend::Backend;
use crate::queue::doorkeeper::Doorkeeper;
use crate::queue::error::QueueError;
use crate::queue::findings::Finding;
use crate::queue::job::{QUEUE_NAME, RunJob};
use crate::queue::options::QueueOptions;

/// Run as the beginning of a transaction: the pool's type that apalis hands on can begin one with any statement, and
/// that is enough to stay out of the database library itself.
///
/// Jobs are removed when they are answered. A job id that is no ULID would end every worker that fetches it. A worker
/// leaves a row behind; a day later nobody waits for it any more.
const TIDY: &str = "
    BEGIN IMMEDIATE;
    CREATE TRIGGER IF NOT EXISTS chima_answered AFTER UPDATE OF status ON Jobs
        WHEN NEW.status IN ('Done', 'Failed', 'Killed')
        BEGIN DELETE FROM Jobs WHERE id = NEW.id; END;
    DELETE FROM Jobs WHERE status IN ('Done', 'Failed', 'Killed')
        OR length(id) <> 26 OR id GLOB '*[^0-9A-HJKMNP-TV-Z]*' OR id GLOB '[^0-7]*';
    DELETE FROM Workers WHERE last_seen < CAST(strftime('%s', 'now') AS INTEGER) - 86400
        AND id NOT IN (SELECT lock_by FROM Jobs WHERE lock_by IS NOT NULL);
";

/// How long a caller's connection waits for another writer: below what a caller waits at most, so that SQLite itself
/// gives up and the connection is free again.
const CALLER_BUSY: Duration = Duration::from_millis(1500);

/// Several processes may open a new file at the same moment, and SQLite has no lock for migrations: for so long one that
/// came second looks again.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// How long closing a worker's connections may take; what is late is closed all the same, and nobody waits for it.
const CLOSING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::queue) struct OnSqlite {
    path: PathBuf,
    /// For callers; a worker that waits never holds them up. Each call is a statement of its own: what fails leaves nothing open.
    call: SqlitePool,
    /// How long a worker waits for other writers.
    busy: Duration,
    config: Config,
}

impl OnSqlite {
    pub(in crate::queue) async fn open(path: &Path, options: &QueueOptions) -> Result<Self, QueueError> {
        let fault = |source| QueueError::File {
            path: path.to_owned(),
            source,
        };
        match prepare(path).await {
            Err(error) if is_damaged(&error) => {
                tracing::warn!(path = %path.display(), %error, "the queue file is damaged; it is set aside and made anew, the ledger's sweep rings again");
                set_aside(path).map_err(|error| fault(SqlxError::Io(error)))?;
                prepare(path).await
            }
            prepared => prepared,
        }
        .map_err(fault)?;
        let config = Config::default()
            .queue(QUEUE_NAME)
            // More than one is a buffer, and a worker with jobs in its buffer sends no heartbeats.
            .batch_size(1)
            .heartbeat_interval(options.heartbeat)
            .missed_heartbeats(usize::try_from(options.missed_heartbeats).unwrap_or(usize::MAX))
            // Fetching already locks the row; the second lock is for jobs that take longer than a heartbeat.
            .lock_tasks(false);
        Ok(Self {
            path: path.to_owned(),
            call: pool(1, options.ring_within).connect_lazy_with(file(path, CALLER_BUSY)),
            busy: options.busy,
            config,
        })
    }

    fn storage(&self, pool: &SqlitePool) -> SqliteStorage<Vec<u8>> {
        SqliteStorage::new(pool).with_config(self.config.clone())
    }
}

impl Backend for OnSqlite {
    fn push(&self, job: RunJob) -> BoxFuture<'_, Result<(), QueueError>> {
        async move {
            let operation = "ring the queue's bell";
            let mut connection = self.call.acquire().await.map_err(QueueError::sqlite(operation))?;
            push_tasks(&mut *connection, QUEUE_NAME, &[job.task()])
                .await
                .map_err(|source| QueueError::Sqlite { operation, source })
        }
        .boxed()
    }

    /// Each worker has connections of its own, which end with it. A full disk lets SQLite take a transaction back by itself, and
    /// the library then goes on counting it: the next one that fails would stay open, and lock everybody out for good.
    fn attend(&self, worker: WorkerContext, doorkeeper: Doorkeeper) -> BoxFuture<'static, Result<(), WorkerError>> {
        let work = pool(2, self.busy).connect_lazy_with(file(&self.path, self.busy));
        let attended = Worker::<Vec<u8>, _, _, _>::new(worker, self.storage(&work), doorkeeper, Identity::new()).run();
        async move {
            let ended = attended.await;
            let _ = timeout(CLOSING, work.close()).await;
            ended
        }
        .boxed()
    }

    fn give_back<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>> {
        async move {
            let fault = QueueError::sqlite("give fetched jobs back");
            let mut connection = self.call.acquire().await.map_err(&fault)?;
            let filter = WorkerFilter::Only(worker.to_owned());
            reenqueue_orphaned(&mut *connection, 0, QUEUE_NAME, &filter)
                .await
                .map_err(&fault)?;
            Ok(())
        }
        .boxed()
    }

    fn tidy<'a>(&'a self, _worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>> {
        tidy(&self.path)
            .map(|done| done.map_err(QueueError::sqlite("tidy the queue")))
            .boxed()
    }

    /// Listed rather than counted by the library, which would make thirty statistics of all jobs for one number.
    fn waiting(&self, enough: u32) -> BoxFuture<'_, Result<u64, QueueError>> {
        async move {
            let filter = Filter {
                status: Some(Status::Pending),
                page: 1,
                page_size: Some(enough),
            };
            let listed = self.storage(&self.call).list_tasks(&filter).await;
            let listed = listed.map_err(|source| QueueError::Sqlite {
                operation: "count the waiting jobs",
                source,
            })?;
            Ok(listed.len() as u64)
        }
        .boxed()
    }

    /// Nothing can be set wrong: the file's settings are ours.
    fn findings(&self) -> BoxFuture<'_, Result<Vec<Finding>, QueueError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// Every connection has the same settings. NORMAL in WAL mode keeps the file whole and may lose the last bells in a
/// power cut, which the ledger's sweep repairs; in return neither ringing nor polling waits for the disk.
fn file(path: &Path, busy: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(busy)
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "NORMAL")
        .pragma("journal_size_limit", "1048576")
}

/// Connections are kept for ever and not asked whether they live: they are to a file.
fn pool(connections: u32, wait: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(wait)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Brings the file up to date.
async fn prepare(path: &Path) -> Result<(), SqlxError> {
    let began = Instant::now();
    loop {
        match migrate(path).await {
            Ok(()) => return tidy(path).await,
            Err(error) if began.elapsed() >= OPEN_WITHIN || is_damaged(&error) || !may_be_a_race(&error) => {
                return Err(error);
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn migrate(path: &Path) -> Result<(), SqlxError> {
    let once = pool(1, CALLER_BUSY).connect_with(file(path, CALLER_BUSY)).await?;
    let mut migrations = SqliteStorage::migrations();
    // A newer Chima may have been here.
    migrations.set_ignore_missing(true);
    let outcome = migrations.run(&once).await;
    once.close().await;
    Ok(outcome?)
}

/// On a connection of its own that is closed at once: were one of the statements to fail in the middle, the
/// transaction would stay open on it.
async fn tidy(path: &Path) -> Result<(), SqlxError> {
    let once = pool(1, CALLER_BUSY).connect_with(file(path, CALLER_BUSY)).await?;
    let outcome = match once.begin_with(TIDY).await {
        Ok(transaction) => transaction.commit().await,
        Err(error) => Err(error),
    };
    once.close().await;
    outcome
}

/// Another process made the same table, or is writing: any fault of a migration, BUSY (5) or LOCKED (6).
fn may_be_a_race(error: &SqlxError) -> bool {
    matches!(error, SqlxError::Migrate(_)) || result_codes(error).any(|code| matches!(code, 5 | 6))
}

/// SQLite's CORRUPT (11) and NOTADB (26).
fn is_damaged(error: &SqlxError) -> bool {
    result_codes(error).any(|code| matches!(code, 11 | 26))
}

/// SQLite's primary result codes in an error and its causes: a migration wraps them.
fn result_codes(error: &SqlxError) -> impl Iterator<Item = u32> {
    let first: &(dyn Error + 'static) = error;
    iter::successors(Some(first), |&error| error.source()).filter_map(|error| {
        let SqlxError::Database(fault) = error.downcast_ref()? else {
            return None;
        };
        fault.code()?.parse::<u32>().ok().map(|code| code & 0xff)
    })
}

/// Renames rather than deletes: whoever looks for the cause finds the file.
fn set_aside(path: &Path) -> std::io::Result<()> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    fs::rename(path, with(".damaged"))?;
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(with(suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
