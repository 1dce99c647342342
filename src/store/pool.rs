//! Opens the database so that a commit means the bytes are on the disk, and refuses one where it would not.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Row};

use crate::store::error::StoreError;

/// Another process of ours writes in milliseconds; a backup or a curious person may take longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
/// Older ones may lose commits when two connections reset the write-ahead log at once.
/// <https://sqlite.org/wal.html#walresetbug>
const OLDEST: (u32, u32, u32) = (3, 51, 3);

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// One connection: SQLite has one writer at a time, and a queue of our own is fairer than its busy loop. A connection is a
/// file and a thread of ours: asking it before every use whether it lives would only cost a journey to that thread.
pub(crate) async fn open_writer(path: &Path) -> Result<SqlitePool, StoreError> {
    let file = |source| StoreError::File {
        path: path.to_owned(),
        source,
    };
    let folder = folder_of(path);
    if !folder.exists() {
        make_folder(folder).map_err(file)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(file)?;
    }
    // made before SQLite makes it, so that no moment exists in which others may read it
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(file)?;
    // SQLite makes what it writes durable, and the names of its journals, but not the name of the file
    sync_folder(folder).map_err(file)?;
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_between_transactions(connection)))
        .connect_with(options(path))
        .await
        .map_err(StoreError::while_doing("open the ledger"))
}

/// After some errors (a full disk) SQLite rolls back by itself, and sqlx goes on counting the transaction: nothing more could be begun
/// on this connection, and what is written outside of transactions would not be certain to be committed. It is closed instead.
async fn is_between_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // a rollback may still be on its way to the connection's thread
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// Makes a folder and those above it, each with a name that survives a power cut.
fn make_folder(folder: &Path) -> io::Result<()> {
    let above = folder_of(folder);
    if !above.exists() {
        make_folder(above)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    sync_folder(above)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(crate) async fn open_readers(path: &Path) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options(path).pragma("query_only", "ON"))
        .await
        .map_err(StoreError::while_doing("open the ledger for reading"))
}

pub(crate) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    sqlx::migrate!("./migrations")
        .run(pool)
        .await
        .map_err(StoreError::Migration)
}

/// Refuses a database whose commits are not durable, or whose contents others may read.
pub(crate) async fn check(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let refuse = |found: String, remedy: &str| StoreError::Unsafe {
        path: path.to_owned(),
        found,
        remedy: remedy.to_owned(),
    };
    let mode = fs::metadata(path)
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })?
        .permissions()
        .mode();
    if mode & 0o007 != 0 {
        return Err(refuse(
            format!(
                "its mode {:o} lets everybody on this machine read or write it",
                mode & 0o777
            ),
            "run `chmod o-rwx` on it",
        ));
    }
    let version: String = pragma(pool, "SELECT sqlite_version()").await?;
    if is_too_old(&version) {
        let (major, minor, patch) = OLDEST;
        return Err(refuse(
            format!("it is used through SQLite {version}, expected {major}.{minor}.{patch} or newer"),
            "older ones can damage a write-ahead log that two processes share; build with the bundled one",
        ));
    }
    let journal: String = pragma(pool, "PRAGMA journal_mode").await?;
    if journal != "wal" {
        return Err(refuse(
            format!("its journal mode is `{journal}`, expected `wal`"),
            "put it on a local disk: network file systems have no shared memory",
        ));
    }
    let synchronous: i64 = pragma(pool, "PRAGMA synchronous").await?;
    if synchronous < 2 {
        return Err(refuse(
            format!("`synchronous` is {synchronous}, expected 2 (FULL)"),
            "a commit would not survive a power cut; report this as a defect",
        ));
    }
    let foreign_keys: i64 = pragma(pool, "PRAGMA foreign_keys").await?;
    if foreign_keys != 1 {
        return Err(refuse("foreign keys are off".to_owned(), "report this as a defect"));
    }
    Ok(())
}

async fn pragma<T>(pool: &SqlitePool, sql: &'static str) -> Result<T, StoreError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    let row = sqlx::query(sql)
        .fetch_one(pool)
        .await
        .map_err(StoreError::while_doing("check the ledger"))?;
    row.try_get(0).map_err(StoreError::while_doing("check the ledger"))
}

fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next()) < OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_without_the_defect_are_taken() {
        for old in ["3.40.1", "3.51.2", "3.8.11.1", "2.9.9", "", "x"] {
            assert!(is_too_old(old), "{old}");
        }
        for good in ["3.51.3", "3.52.0", "4.0.0"] {
            assert!(!is_too_old(good), "{good}");
        }
    }
}
