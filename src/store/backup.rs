//! Copies of the ledger, made while it is in use, and what a ledger has to do that was such a copy.
//!
//! A copy knows that it is one: whatever it says about what waits or runs may be over. Nothing leaves it and nothing is claimed in
//! it until that was looked up.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

use crate::domain::audit::{Deed, Entry};
use crate::domain::clock::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis};
use crate::store::runs::append_event;
use crate::store::{Store, audit, commit};

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Where.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many runs it holds.
    pub runs: u64,
}

/// What became of a run since the copy was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Became {
    /// The run, as the copy has it.
    pub run: Run,
    /// How it has ended.
    pub state: RunState,
    /// Why; none where it succeeded.
    pub reason: Option<Reason>,
    /// What others do not know yet.
    pub outgoing: Vec<Outgoing>,
}

impl Store {
    /// Copies the ledger to a file that is not there yet, and proves that the copy is whole. Others go on meanwhile.
    ///
    /// # Errors
    ///
    /// When there is such a file, it cannot be written, or the copy is damaged; then nothing stays.
    pub async fn back_up(&self, to: &Path, now: Timestamp) -> Result<Copy, StoreError> {
        let partial = partial(to);
        let made = self.copy_to(&partial, now).await;
        let placed = match made {
            Ok(runs) => place(&partial, to).map(|bytes| (bytes, runs)).map_err(file_error(to)),
            Err(error) => Err(error),
        };
        if placed.is_err() {
            // whatever is left of it is of no use; it may never have been there
            let _ = fs::remove_file(&partial);
        }
        placed.map(|(bytes, runs)| Copy {
            path: to.to_owned(),
            bytes,
            runs,
        })
    }

    async fn copy_to(&self, partial: &Path, now: Timestamp) -> Result<u64, StoreError> {
        let doing = "copy the ledger";
        let failed = StoreError::while_doing(doing);
        // made before SQLite fills it, so that no moment exists in which others may read it
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(partial)
            .map_err(file_error(partial))?;
        let Some(name) = partial.to_str() else {
            let error = std::io::Error::other("its name is not UTF-8");
            return Err(file_error(partial)(error));
        };
        sqlx::query("VACUUM INTO ?")
            .bind(name)
            .execute(&self.write)
            .await
            .map_err(&failed)?;
        let mut copy = open(partial).await?;
        let counted = mark(&mut copy, now).await;
        copy.close().await.map_err(&failed)?;
        counted
    }

    /// When the copy was made that this ledger was, if nobody has looked up yet what happened since.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn copied_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let doing = "ask whether the ledger is a copy";
        let row = sqlx::query("SELECT made_at FROM copied LIMIT 1")
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).time("made_at")).transpose()
    }

    /// Whether the ledger took the place of a newer one since: that one may have answered what was asked for at `at`.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn restored_since(&self, at: Timestamp) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM restorations WHERE used_at >= ? LIMIT 1")
            .bind(millis(at))
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing("ask when the ledger was restored"))?;
        Ok(found.is_some())
    }

    /// Writes what became of runs since the copy was made, all at once, and takes the ledger into use. Returns whether nobody
    /// had done so before.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn take_into_use(
        &self,
        made_at: Timestamp,
        became: &[Became],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "take a restored ledger into use";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let copied = sqlx::query("DELETE FROM copied")
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        if copied.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO restorations (made_at, used_at) VALUES (?, ?)")
            .bind(millis(made_at))
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        // what was to be said may have been said: GitHub is asked before it is told again, people are not told twice
        for sql in [
            "UPDATE outbox SET attempts = attempts + 1, state = 'pending', claimed_until = NULL \
             WHERE state IN ('pending', 'sending') AND kind IN ('deployment_status', 'protection_report', 'comment')",
            "UPDATE outbox SET state = 'dead', last_error = 'it may have been said before the ledger was restored' \
             WHERE state IN ('pending', 'sending') \
             AND kind NOT IN ('deployment_status', 'protection_report', 'comment')",
        ] {
            sqlx::query(sql).execute(&mut *tx).await.map_err(&failed)?;
        }
        // what was not decided then may have been decided since: it is looked back on as if it were late
        sqlx::query("UPDATE deliveries SET recovered = 1 WHERE disposition = 'received' AND received_at <= ?")
            .bind(millis(made_at))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        // and who asked for something is asked to ask again
        for sql in [
            "UPDATE asks SET created_at = 0 WHERE answer IS NULL AND wished IS NULL",
            "UPDATE slack_asks SET created_at = 0 WHERE answer IS NULL AND wished IS NULL",
        ] {
            sqlx::query(sql).execute(&mut *tx).await.map_err(&failed)?;
        }
        for one in became {
            let id = one.run.id.to_string();
            sqlx::query("DELETE FROM outbox WHERE run_id = ? AND state = 'pending'")
                .bind(&id)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            sqlx::query(
                "UPDATE runs SET state = ?, reason = ?, finished_at = ?, lease_until = NULL \
                 WHERE id = ? AND state IN ('held', 'queued', 'running')",
            )
            .bind(one.state.as_str())
            .bind(one.reason.as_ref().map(json))
            .bind(millis(now))
            .bind(&id)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            append_event(&mut tx, one.run.id, now, &RunEvent::Restored { made_at }).await?;
            let finished = RunEvent::Finished {
                state: one.state,
                reason: one.reason.clone(),
            };
            append_event(&mut tx, one.run.id, now, &finished).await?;
            outbox::put(&mut tx, &one.outgoing, now).await?;
        }
        let unknown = became.iter().filter(|one| one.state == RunState::Interrupted);
        let unknown = unknown.count();
        // somebody may have put the file there without `chima restore`: then nothing has told yet that a log was replaced
        let known = self.known_audit_head();
        let replaced = match &known {
            Some(known) if !audit::has(&mut tx, known).await? => Some(known.clone()),
            Some(_) | None => None,
        };
        let deed = Deed::TakenIntoUse {
            made_at,
            ended: became.len() - unknown,
            unknown,
            replaced: replaced.clone(),
        };
        audit::append(&mut tx, &Entry::new(now, deed)).await?;
        commit(tx, doing).await?;
        if replaced.is_some() {
            self.put_audit_head(&self.audit_head().await?)?;
        }
        Ok(true)
    }
}

/// When a file was made as a copy; an error where it is none, or is damaged. Changes nothing.
///
/// # Errors
///
/// When it cannot be read, is damaged, or was not made by [`Store::back_up`].
pub async fn examine(path: &Path) -> Result<Timestamp, StoreError> {
    let doing = "read the backup";
    let failed = StoreError::while_doing(doing);
    let mut copy = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .connect()
        .await
        .map_err(&failed)?;
    let found = async {
        whole(&mut copy, path).await?;
        let row = sqlx::query("SELECT made_at FROM copied LIMIT 1")
            .fetch_optional(&mut copy)
            .await
            .map_err(&failed)?;
        let Some(row) = row else {
            return Err(StoreError::Unsafe {
                path: path.to_owned(),
                found: "it is a ledger, but not a backup of one".to_owned(),
                remedy: "a plain copy does not know that it is one, and would repeat deployments; use one that `chima backup` made"
                    .to_owned(),
            });
        };
        Reader::new(&row, doing).time("made_at")
    }
    .await;
    copy.close().await.map_err(&failed)?;
    found
}

async fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .map_err(StoreError::while_doing("open the copy"))
}

/// Tells the copy what it is, and counts what is in it.
async fn mark(copy: &mut SqliteConnection, now: Timestamp) -> Result<u64, StoreError> {
    let failed = StoreError::while_doing("mark the copy");
    whole(copy, Path::new("the copy")).await?;
    sqlx::query("DELETE FROM copied")
        .execute(&mut *copy)
        .await
        .map_err(&failed)?;
    // a session that has ended since must not open anything again
    for opened in ["DELETE FROM sessions", "DELETE FROM break_glass"] {
        sqlx::query(opened).execute(&mut *copy).await.map_err(&failed)?;
    }
    sqlx::query("INSERT INTO copied (made_at) VALUES (?)")
        .bind(millis(now))
        .execute(&mut *copy)
        .await
        .map_err(&failed)?;
    let row = sqlx::query("SELECT COUNT(*) FROM runs")
        .fetch_one(copy)
        .await
        .map_err(&failed)?;
    let counted: i64 = row.try_get(0).map_err(&failed)?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

async fn whole(copy: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::while_doing("check the copy");
    let row = sqlx::query("PRAGMA integrity_check(1)")
        .fetch_one(copy)
        .await
        .map_err(&failed)?;
    let found: String = row.try_get(0).map_err(&failed)?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Unsafe {
        path: path.to_owned(),
        found: format!("it is damaged: {found}"),
        remedy: "use another backup".to_owned(),
    })
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    to.with_file_name(name)
}

/// Gives the finished copy its name, durably, unless something has that name already. Returns its size.
fn place(partial: &Path, to: &Path) -> std::io::Result<u64> {
    let file = File::open(partial)?;
    file.sync_all()?;
    // a rename would replace what is there
    fs::hard_link(partial, to)?;
    fs::remove_file(partial)?;
    if let Some(folder) = to.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(file.metadata()?.len())
}

fn file_error(path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Copy {
        path: path.clone(),
        source,
    }
}
