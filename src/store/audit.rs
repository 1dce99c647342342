//! The audit log: rows that are only added, each with a digest of itself and of the row before it.
//!
//! A row is written in the transaction of what it tells of: neither is there without the other. The database has one writer at
//! a time, so several processes add to one chain.

mod chain;
mod evidence;
mod head_file;
mod rows;
mod verify;

pub use head_file::Standing;
pub use rows::{Filter, Row};

use sqlx::sqlite::SqliteConnection;

use crate::domain::audit::{By, Decided, Deed, Entry, Head, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::ids::{LockId, RunId};
use crate::domain::lock::{Lock, LockEnding, Place};
use crate::domain::person::Person;
use crate::domain::run::Run;
use crate::domain::timeline::RunEvent;
use crate::store::decisions::Evidence;
use crate::store::error::StoreError;
use crate::store::row::{Reader, number};
use crate::store::{Store, commit, warrants};

pub(crate) use evidence::digest;
pub(crate) use head_file::{begin, has};

const DOING: &str = "write the audit log";
/// Rows that tell of the log itself, as their index has them.
const MARKS: &str = "what IN ('configured', 'restored', 'taken_into_use', 'head_missing')";

tokio::task_local! {
    /// Whose command is carried out: at a terminal anybody may say another name, but not be another account.
    static ACCOUNT: String;
}

/// Whatever `work` adds to a log says that it was done from this account.
pub async fn as_account<F: Future>(account: String, work: F) -> F::Output {
    ACCOUNT.scope(account, work).await
}

/// Adds a row; it is there once the transaction is. Returns its position.
pub(crate) async fn append(connection: &mut SqliteConnection, entry: &Entry) -> Result<u64, StoreError> {
    let before = head(&mut *connection).await?;
    let position = before.position + 1;
    let account = ACCOUNT.try_with(Clone::clone).ok();
    let text = match account {
        Some(account) => entry.clone().from_account(&account).text(),
        None => entry.text(),
    };
    sqlx::query("INSERT INTO audit (position, entry, hash) VALUES (?, ?, ?)")
        .bind(number(position))
        .bind(&text)
        .bind(chain::link(&before.hash, position, &text))
        .execute(connection)
        .await
        .map_err(StoreError::while_doing(DOING))?;
    Ok(position)
}

/// Where the log ends.
async fn head(connection: &mut SqliteConnection) -> Result<Head, StoreError> {
    let doing = "read the end of the audit log";
    let row = sqlx::query("SELECT position, hash FROM audit ORDER BY position DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let Some(row) = row else {
        return Ok(Head::empty());
    };
    let row = Reader::new(&row, doing);
    Ok(Head {
        position: row.number("position")?,
        hash: row.text("hash")?,
    })
}

/// Tells of a decision, as it left the run. By whoever is proven to have asked, else by whom GitHub names. Returns the position.
pub(crate) async fn decided(
    connection: &mut SqliteConnection,
    run: &Run,
    evidence: &Evidence,
) -> Result<u64, StoreError> {
    let by = match &evidence.warrant {
        Some(nonce) => warrants::asked_by(connection, nonce).await?,
        None => None,
    };
    let by = by.or_else(|| run.creator.as_deref().map(|creator| By::through(creator, "github")));
    let reasons = evidence::reasons(evidence);
    let decided = Decided::of(run, &evidence.verdict, reasons, &evidence.id, digest(evidence));
    let mut entry = Entry::new(evidence.at, Deed::Decided(Box::new(decided))).about(Subject {
        config: Some(evidence.config_digest.clone()),
        ..Subject::run(run)
    });
    entry.by = by;
    append(connection, &entry).await
}

/// Tells of what a run's timeline says, where a person or Chima itself decided it.
pub(crate) async fn noted(
    connection: &mut SqliteConnection,
    run: RunId,
    at: Timestamp,
    event: &RunEvent,
) -> Result<(), StoreError> {
    let (by, deed) = match event {
        RunEvent::CancelRequested(cancellation) => (
            Some(By::called(&cancellation.by)),
            Deed::CancelRequested {
                reason: cancellation.reason.clone(),
            },
        ),
        RunEvent::PersonSaid(verdict) => (
            Some(By::called(&verdict.by)),
            Deed::PersonSaid {
                done: verdict.done,
                note: verdict.note.clone(),
            },
        ),
        RunEvent::Finished { state, reason } => (
            None,
            Deed::Ended {
                state: *state,
                reason: reason.clone().map(Box::new),
            },
        ),
        // a decision has a row of its own, in which it is told whether somebody forced it
        RunEvent::Decided { .. } | RunEvent::Forced(_) => return Ok(()),
        // a restored ledger tells of all of its runs at once
        RunEvent::Restored { .. } => return Ok(()),
        RunEvent::Delivered { .. }
        | RunEvent::Listed { .. }
        | RunEvent::Claimed { .. }
        | RunEvent::CheckedOut { .. }
        | RunEvent::Started { .. }
        | RunEvent::Adopted { .. }
        | RunEvent::Requeued { .. }
        | RunEvent::Superseded { .. }
        | RunEvent::AwaitsPerson
        | RunEvent::LogIncomplete { .. }
        | RunEvent::ReportedByOther { .. } => return Ok(()),
    };
    let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
        .bind(run.to_string())
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::while_doing(DOING))?;
    let run = Reader::new(&row, DOING).run()?;
    let mut entry = Entry::new(at, deed).about(Subject::run(&run));
    entry.by = by;
    append(connection, &entry).await.map(drop)
}

/// Tells that an environment is locked from now on.
pub(crate) async fn locked(connection: &mut SqliteConnection, lock: &Lock) -> Result<(), StoreError> {
    let deed = Deed::Locked {
        lock: lock.id,
        cause: lock.cause,
        reason: lock.reason.clone(),
        until: lock.until,
    };
    let entry = Entry::new(lock.since, deed)
        .by(By::from(&lock.owner))
        .about(Subject::place(&lock.place));
    append(connection, &entry).await.map(drop)
}

/// Tells that somebody waits for a lock.
pub(crate) async fn lock_awaited(
    connection: &mut SqliteConnection,
    (lock, place): (LockId, &Place),
    by: &Person,
    at: Timestamp,
) -> Result<(), StoreError> {
    let entry = Entry::new(at, Deed::LockAwaited { lock })
        .by(By::from(by))
        .about(Subject::place(place));
    append(connection, &entry).await.map(drop)
}

/// Tells that a lock, or the wait for one, came to its end.
pub(crate) async fn lock_ended(
    connection: &mut SqliteConnection,
    lock: &Lock,
    ending: &LockEnding,
    at: Timestamp,
) -> Result<(), StoreError> {
    let deed = Deed::LockEnded {
        lock: lock.id,
        owner: lock.owner.name.clone(),
        ending: ending.clone(),
    };
    let mut entry = Entry::new(at, deed).about(Subject::place(&lock.place));
    entry.by = match ending {
        LockEnding::Expired => None,
        LockEnding::Unlocked { by } | LockEnding::Stolen { by, .. } => Some(By::from(by)),
    };
    append(connection, &entry).await.map(drop)
}

impl Store {
    /// Adds a row about something that changes nothing else in the ledger. What does has its row in its own transaction.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn audit(&self, entry: &Entry) -> Result<u64, StoreError> {
        let mut tx = self.begin(DOING).await?;
        let position = append(&mut tx, entry).await?;
        commit(tx, DOING).await?;
        Ok(position)
    }

    /// Tells with which configuration this process works from now on, unless the last that told worked with the same.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn audit_configuration(
        &self,
        digest: &str,
        version: &str,
        worker: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin(DOING).await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT entry FROM audit WHERE {MARKS} AND what = 'configured' ORDER BY position DESC LIMIT 1"
        )))
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::while_doing(DOING))?;
        let last = row.and_then(|row| Reader::new(&row, DOING).json::<Entry>("entry").ok());
        let same = last.is_some_and(|last| {
            let same_version = if let Deed::Configured { version: last, .. } = &last.deed {
                last == version
            } else {
                false
            };
            same_version && last.subject.config.as_deref() == Some(digest)
        });
        if same {
            return Ok(false);
        }
        let deed = Deed::Configured {
            version: version.to_owned(),
            worker: worker.to_owned(),
        };
        append(&mut tx, &Entry::new(now, deed).about(Subject::config(digest))).await?;
        commit(tx, DOING).await?;
        Ok(true)
    }

    /// Where the log ends.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        let mut connection = self.read.acquire().await.map_err(StoreError::while_doing(DOING))?;
        head(&mut connection).await
    }
}
