//! Sessions of the pages, and the words that open one without GitHub, by their digests.

use chrono::TimeDelta;
use sqlx::sqlite::SqliteConnection;

use crate::domain::audit::{By, Deed, Entry};
use crate::domain::clock::Timestamp;
use crate::domain::session::{Session, SignedIn};
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};
use crate::store::session_ends::end;
use crate::store::{Store, audit, commit};

/// What opens nothing any more is of no use after that; the audit log tells of it for good.
const KEPT: TimeDelta = TimeDelta::days(7);

impl Store {
    /// Keeps a session that was just made, and ends the one that the same browser had.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn keep_session(&self, session: &Session, digest: &str, before: Option<&str>) -> Result<(), StoreError> {
        let doing = "keep a session";
        let mut tx = self.begin(doing).await?;
        insert(&mut tx, session, digest, before, doing).await?;
        commit(tx, doing).await
    }

    /// The session of a digest, also one that opens nothing any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn session_of(&self, digest: &str) -> Result<Option<Session>, StoreError> {
        let doing = "look up a session";
        let row = sqlx::query("SELECT * FROM sessions WHERE digest = ?")
            .bind(digest)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }

    /// Writes down that a session was used, unless that was written down since `not_after`.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_session_use(&self, id: &str, now: Timestamp, not_after: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at <= ?")
            .bind(millis(now))
            .bind(id)
            .bind(millis(not_after))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("note the use of a session"))?;
        Ok(())
    }

    /// Ends a session for good.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn end_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let doing = "end a session";
        let mut tx = self.begin(doing).await?;
        if end(&mut tx, &session.id, now).await? {
            let deed = Deed::SignedOut {
                session: session.id.clone(),
            };
            audit::append(&mut tx, &Entry::new(now, deed).by(By::from(&session.of))).await?;
        }
        commit(tx, doing).await
    }

    /// Keeps a word that was just made to get in with, once.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn keep_break_glass(
        &self,
        digest: &str,
        account: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let doing = "keep a word to get in with";
        let mut tx = self.begin(doing).await?;
        sqlx::query("DELETE FROM break_glass WHERE expires_at < ?")
            .bind(millis(now - KEPT))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        sqlx::query("INSERT INTO break_glass (digest, account, created_at, expires_at) VALUES (?, ?, ?, ?)")
            .bind(digest)
            .bind(account)
            .bind(millis(now))
            .bind(millis(until))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let deed = Deed::BreakGlassMade { expires_at: until };
        let by = By::through(account, "terminal");
        audit::append(&mut tx, &Entry::new(now, deed).by(by)).await?;
        commit(tx, doing).await
    }

    /// The account that had a word made, as long as it was not used and its time is not over.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn break_glass(&self, digest: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let doing = "look up a word to get in with";
        let row =
            sqlx::query("SELECT account FROM break_glass WHERE digest = ? AND used_at IS NULL AND expires_at > ?")
                .bind(digest)
                .bind(millis(now))
                .fetch_optional(&self.read)
                .await
                .map_err(StoreError::while_doing(doing))?;
        row.map(|row| Reader::new(&row, doing).text("account")).transpose()
    }

    /// Uses a word up and keeps the session that it opens; `false` where it opens none, and then nothing was written. Of several who
    /// use it at once one gets in.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn use_break_glass(
        &self,
        word: &str,
        session: &Session,
        digest: &str,
        before: Option<&str>,
    ) -> Result<bool, StoreError> {
        let doing = "use a word to get in with";
        let mut tx = self.begin(doing).await?;
        let now = millis(session.created_at);
        let used =
            sqlx::query("UPDATE break_glass SET used_at = ? WHERE digest = ? AND used_at IS NULL AND expires_at > ?")
                .bind(now)
                .bind(word)
                .bind(now)
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
        if used.rows_affected() != 1 {
            return Ok(false);
        }
        insert(&mut tx, session, digest, before, doing).await?;
        commit(tx, doing).await?;
        Ok(true)
    }
}

async fn insert(
    tx: &mut SqliteConnection,
    session: &Session,
    digest: &str,
    before: Option<&str>,
    doing: &'static str,
) -> Result<(), StoreError> {
    let now = session.created_at;
    sqlx::query("DELETE FROM sessions WHERE expires_at < ?")
        .bind(millis(now - KEPT))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
    if let Some(before) = before {
        sqlx::query("UPDATE sessions SET ended_at = ? WHERE digest = ? AND ended_at IS NULL")
            .bind(millis(now))
            .bind(before)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
    }
    let (name, user) = match &session.of {
        SignedIn::Person { login, user } => (login, Some(number(*user))),
        SignedIn::Emergency { account } => (account, None),
    };
    sqlx::query(
        "INSERT INTO sessions (id, digest, name, user_id, browser, created_at, expires_at, last_seen_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&session.id)
    .bind(digest)
    .bind(name)
    .bind(user)
    .bind(&session.browser)
    .bind(millis(now))
    .bind(millis(session.expires_at))
    .bind(millis(session.last_seen_at))
    .execute(&mut *tx)
    .await
    .map_err(StoreError::while_doing(doing))?;
    let deed = Deed::SignedIn {
        session: session.id.clone(),
        user: match &session.of {
            SignedIn::Person { user, .. } => Some(*user),
            SignedIn::Emergency { .. } => None,
        },
        expires_at: session.expires_at,
    };
    audit::append(tx, &Entry::new(now, deed).by(By::from(&session.of))).await?;
    Ok(())
}

pub(super) fn read(row: &Reader<'_>) -> Result<Session, StoreError> {
    let name = row.text("name")?;
    Ok(Session {
        id: row.text("id")?,
        of: match row.maybe_number("user_id")? {
            Some(user) => SignedIn::Person { login: name, user },
            None => SignedIn::Emergency { account: name },
        },
        browser: row.maybe_text("browser")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        last_seen_at: row.time("last_seen_at")?,
        ended_at: row.maybe_time("ended_at")?,
    })
}
