//! Where the log ends, kept in a file beside the ledger as well: so that rows that are taken away from the end are missed.
//!
//! The file lags behind by up to a second, never ahead. Where it says more than the ledger holds, or something else, it is left as it
//! is: it is the evidence.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::domain::audit::{Deed, Entry, Head};
use crate::domain::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{Reader, number};
use crate::store::{Store, audit, commit};

/// How the file and the ledger agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// They do; the file may be a little older.
    Agrees,
    /// There is no file.
    Missing,
    /// It cannot be read.
    Unreadable,
    /// It knows of rows that are not there, or that were others: this is what it knows.
    Contradicts(Head),
}

/// The file's name.
pub(crate) fn path(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".audit-head");
    PathBuf::from(name)
}

/// Makes the file of a log that has no rows yet: from then on it is there.
pub(crate) async fn begin(pool: &SqlitePool, ledger: &Path) -> Result<(), StoreError> {
    let file = path(ledger);
    if file.exists() {
        return Ok(());
    }
    let mut connection = pool
        .acquire()
        .await
        .map_err(StoreError::while_doing("begin the audit log"))?;
    if audit::head(&mut connection).await?.position > 0 {
        return Ok(());
    }
    write(&file, &Head::empty()).map_err(|source| StoreError::File { path: file, source })
}

/// What the file says; `None` where it is not there, an error of the kind `InvalidData` where nobody could have written it.
pub(super) fn read(file: &Path) -> io::Result<Option<Head>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let head = text.trim_end().split_once(' ').and_then(|(position, hash)| {
        let digits = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let position = position.parse().ok().filter(|_| digits)?;
        Some(Head {
            position,
            hash: hash.to_owned(),
        })
    });
    head.map(Some)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// Whole or not at all: several processes write it, and a power cut may come at any time.
fn write(file: &Path, head: &Head) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    // for the owner alone, and of no name that another writer could have
    let mut fresh = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    writeln!(fresh, "{} {}", head.position, head.hash)?;
    fresh.as_file().sync_data()?;
    fresh.persist(file)?;
    Ok(())
}

/// Whether the log goes through this point.
pub(crate) async fn has(connection: &mut SqliteConnection, known: &Head) -> Result<bool, StoreError> {
    let doing = "compare the end of the audit log";
    let row = sqlx::query("SELECT hash FROM audit WHERE position = ?")
        .bind(number(known.position))
        .fetch_optional(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let found = row.map(|row| Reader::new(&row, doing).text("hash")).transpose()?;
    Ok(match found {
        Some(hash) => hash == known.hash,
        None => *known == Head::empty(),
    })
}

/// How they agree. What the file says was read before the ledger is looked at: the ledger only grows.
pub(super) async fn standing(
    connection: &mut SqliteConnection,
    file: &io::Result<Option<Head>>,
) -> Result<Standing, StoreError> {
    let known = match file {
        Ok(Some(known)) => known,
        Ok(None) => return Ok(Standing::Missing),
        Err(_) => return Ok(Standing::Unreadable),
    };
    Ok(if has(connection, known).await? {
        Standing::Agrees
    } else {
        Standing::Contradicts(known.clone())
    })
}

impl Store {
    /// How the file and the ledger agree, and where the log ends.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn audit_standing(&self) -> Result<(Head, Standing), StoreError> {
        let known = read(&path(&self.path));
        let mut connection = self
            .read
            .acquire()
            .await
            .map_err(StoreError::while_doing("read the end of the audit log"))?;
        let head = audit::head(&mut connection).await?;
        Ok((head, standing(&mut connection, &known).await?))
    }

    /// Writes into the file where the log ends now, unless it contradicts the ledger. That a file was not there is told by the log
    /// itself.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used, or the file not written.
    pub async fn publish_audit_head(&self, now: Timestamp) -> Result<(Head, Standing), StoreError> {
        let known = read(&path(&self.path)).ok().flatten();
        let (mut head, standing) = self.audit_standing().await?;
        match standing {
            Standing::Agrees if known.as_ref() == Some(&head) => return Ok((head, standing)),
            Standing::Agrees => {}
            Standing::Missing => {
                self.audit(&Entry::new(now, Deed::HeadMissing)).await?;
                head = self.audit_head().await?;
            }
            Standing::Unreadable | Standing::Contradicts(_) => return Ok((head, standing)),
        }
        self.put_audit_head(&head)?;
        Ok((head, standing))
    }

    /// What the file says, before a restored log takes the place of the one that it is about.
    pub(crate) fn known_audit_head(&self) -> Option<Head> {
        read(&path(&self.path)).ok().flatten()
    }

    /// Writes the file, whatever it said.
    pub(crate) fn put_audit_head(&self, head: &Head) -> Result<(), StoreError> {
        let file = path(&self.path);
        write(&file, head).map_err(|source| StoreError::File { path: file, source })
    }

    /// Tells that a backup took this ledger's place, and begins to keep the end of its log.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used, or the file not written.
    pub async fn audit_restored(&self, entry: impl FnOnce(Option<Head>) -> Entry) -> Result<(), StoreError> {
        let doing = "tell that the ledger was restored";
        let known = self.known_audit_head();
        let mut tx = self.begin(doing).await?;
        let replaced = known.filter(|known| known.position > 0);
        audit::append(&mut tx, &entry(replaced)).await?;
        commit(tx, doing).await?;
        self.put_audit_head(&self.audit_head().await?)
    }
}
