//! Sessions of the pages that end before their time, other than by signing out of them: one's own elsewhere, everybody's at once, and one
//! whose login is another account's now.

use sqlx::sqlite::SqliteConnection;

use crate::domain::audit::{By, Deed, Entry};
use crate::domain::clock::Timestamp;
use crate::domain::session::{Session, SignedIn};
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::sessions::read;
use crate::store::{Store, audit, commit};

/// More ids than these are not told in a row of the audit log.
const TOLD: usize = 20;
/// All that are open of the person whose session this is. Whoever came in without GitHub is known by their account alone.
const OWN: &str = "SELECT other.* FROM sessions own JOIN sessions other ON other.user_id IS own.user_id \
                   AND (other.user_id IS NOT NULL OR other.name = own.name) \
                   WHERE own.id = ? AND own.ended_at IS NULL AND other.ended_at IS NULL AND other.expires_at > ?";

/// Which of one's own sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own<'a> {
    /// This one.
    One(&'a str),
    /// All but the one in which it is asked for.
    Others,
}

impl Store {
    /// Every open session of whoever has this one, itself among them, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn own_sessions(&self, id: &str, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let mut connection = self
            .read
            .acquire()
            .await
            .map_err(StoreError::while_doing("list sessions"))?;
        own(&mut connection, id, now).await
    }

    /// Ends some of whoever has the session `id`, and says how many.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn end_own_sessions(&self, id: &str, which: Own<'_>, now: Timestamp) -> Result<usize, StoreError> {
        let doing = "end sessions";
        let mut tx = self.begin(doing).await?;
        let all = own(&mut tx, id, now).await?;
        let wanted = |session: &&Session| match which {
            Own::One(one) => session.id == one,
            Own::Others => session.id != id,
        };
        let ended: Vec<&Session> = all.iter().filter(wanted).collect();
        let Some(first) = ended.first() else {
            return Ok(0);
        };
        for session in &ended {
            end(&mut tx, &session.id, now).await?;
        }
        let (SignedIn::Person { login: name, .. } | SignedIn::Emergency { account: name }) = &first.of;
        let deed = Deed::SessionsEnded {
            sessions: ended.len(),
            ids: ended.iter().take(TOLD).map(|session| session.id.clone()).collect(),
            of: Some(name.clone()),
        };
        audit::append(&mut tx, &Entry::new(now, deed).by(By::from(&first.of))).await?;
        commit(tx, doing).await?;
        Ok(ended.len())
    }

    /// Ends every session of everybody, and says how many there were.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn end_all_sessions(&self, by: By, now: Timestamp) -> Result<usize, StoreError> {
        let doing = "end all sessions";
        let mut tx = self.begin(doing).await?;
        let ended = sqlx::query("UPDATE sessions SET ended_at = ? WHERE ended_at IS NULL AND expires_at > ?")
            .bind(millis(now))
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let sessions = usize::try_from(ended.rows_affected()).unwrap_or(usize::MAX);
        if sessions > 0 {
            let deed = Deed::SessionsEnded {
                sessions,
                ids: Vec::new(),
                of: None,
            };
            audit::append(&mut tx, &Entry::new(now, deed).by(by)).await?;
        }
        commit(tx, doing).await?;
        Ok(sessions)
    }

    /// Ends a session whose login belongs to another account than the one that it was opened for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn end_session_of_another(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let doing = "end a session";
        let mut tx = self.begin(doing).await?;
        if let SignedIn::Person { login, user } = &session.of
            && end(&mut tx, &session.id, now).await?
        {
            let deed = Deed::LoginTaken {
                session: session.id.clone(),
                login: login.clone(),
                user: *user,
            };
            audit::append(&mut tx, &Entry::new(now, deed)).await?;
        }
        commit(tx, doing).await
    }
}

/// Whether it was open.
pub(super) async fn end(tx: &mut SqliteConnection, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL")
        .bind(millis(now))
        .bind(id)
        .execute(tx)
        .await
        .map_err(StoreError::while_doing("end a session"))?;
    Ok(changed.rows_affected() == 1)
}

async fn own(connection: &mut SqliteConnection, id: &str, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    let doing = "list sessions";
    let rows = sqlx::query(OWN)
        .bind(id)
        .bind(millis(now))
        .fetch_all(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let mut sessions: Vec<Session> = rows
        .iter()
        .map(|row| read(&Reader::new(row, doing)))
        .collect::<Result<_, _>>()?;
    sessions.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    Ok(sessions)
}
