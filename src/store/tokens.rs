//! Tokens of the API, by their digests.

use crate::domain::audit::{By, Deed, Entry};
use crate::domain::clock::Timestamp;
use crate::domain::token::Token;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis};
use crate::store::{Store, audit, commit};

/// What revoking a token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It opens nothing any more.
    Now(Box<Token>),
    /// It opened nothing before.
    Before(Box<Token>),
    /// More than one begins like this; nothing was written.
    Ambiguous,
    /// There is none.
    Unknown,
}

impl Store {
    /// Keeps a token that was just made.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn keep_token(&self, token: &Token, digest: &str) -> Result<(), StoreError> {
        let doing = "keep a token";
        let mut tx = self.begin(doing).await?;
        sqlx::query(
            "INSERT INTO tokens (id, digest, login, scopes, apps, note, created_by, created_at, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&token.id)
        .bind(digest)
        .bind(&token.login)
        .bind(json(&token.scopes))
        .bind(token.apps.as_ref().map(json))
        .bind(&token.note)
        .bind(&token.created_by)
        .bind(millis(token.created_at))
        .bind(millis(token.expires_at))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let deed = Deed::TokenMade {
            token: token.id.clone(),
            login: token.login.clone(),
            scopes: token.scopes.clone(),
            apps: token.apps.clone(),
            expires_at: token.expires_at,
        };
        let by = By::through(&token.created_by, "terminal");
        audit::append(&mut tx, &Entry::new(token.created_at, deed).by(by)).await?;
        commit(tx, doing).await
    }

    /// The token of a digest, also one that opens nothing any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn token_of(&self, digest: &str) -> Result<Option<Token>, StoreError> {
        let doing = "look up a token";
        let row = sqlx::query("SELECT * FROM tokens WHERE digest = ?")
            .bind(digest)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }

    /// Every token, the newest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let doing = "list tokens";
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY id DESC")
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read(&Reader::new(row, doing))).collect()
    }

    /// Writes down that a token was used, unless that was written down since `not_after`.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_token_use(&self, id: &str, now: Timestamp, not_after: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE tokens SET last_used_at = ? WHERE id = ? AND COALESCE(last_used_at, 0) <= ?")
            .bind(millis(now))
            .bind(id)
            .bind(millis(not_after))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("note the use of a token"))?;
        Ok(())
    }

    /// Revokes a token, by its id or the beginning of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn revoke_token(&self, prefix: &str, by: &str, now: Timestamp) -> Result<Revoked, StoreError> {
        let prefix = prefix.to_ascii_uppercase();
        let mut found = self.tokens().await?;
        found.retain(|token| !prefix.is_empty() && token.id.starts_with(&prefix));
        let token = match (found.pop(), found.pop()) {
            (None, _) => return Ok(Revoked::Unknown),
            (Some(_), Some(_)) => return Ok(Revoked::Ambiguous),
            (Some(token), None) => token,
        };
        let doing = "revoke a token";
        let mut tx = self.begin(doing).await?;
        let changed =
            sqlx::query("UPDATE tokens SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL")
                .bind(millis(now))
                .bind(by)
                .bind(&token.id)
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() != 1 {
            return Ok(Revoked::Before(Box::new(token)));
        }
        let deed = Deed::TokenRevoked {
            token: token.id.clone(),
            login: token.login.clone(),
        };
        let by = By::through(by, "terminal");
        audit::append(&mut tx, &Entry::new(now, deed).by(by)).await?;
        commit(tx, doing).await?;
        Ok(Revoked::Now(Box::new(token)))
    }
}

fn read(row: &Reader<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.text("id")?,
        login: row.text("login")?,
        scopes: row.json("scopes")?,
        apps: row.maybe_json("apps")?,
        note: row.maybe_text("note")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
    })
}
