//! Requests that change something, by what their sender calls each: the answer to the first is the answer to all.

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::creation::Sought;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// After that nobody sends a request again.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Whose request it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey<'a> {
    /// Whose token.
    pub token: &'a str,
    /// What the sender calls it.
    pub key: &'a str,
    /// Digest of what is asked.
    pub digest: &'a str,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is ours to work on, for the first time or because whoever did is gone.
    Ours {
        /// What it is called in the payload of a deployment.
        ask: String,
        /// What GitHub may have been asked for already.
        wished: Option<Sought>,
    },
    /// Somebody works on it.
    UnderWay,
    /// It was answered.
    Answered {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Something else was asked under this key.
    Other,
}

impl Store {
    /// Writes down that a request is worked on until `until`, unless it is or was.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_request(
        &self,
        key: RequestKey<'_>,
        ask: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Begun, StoreError> {
        let doing = "write down a request";
        let mut tx = self.begin(doing).await?;
        sqlx::query("DELETE FROM api_requests WHERE created_at < ?")
            .bind(millis(now - KEPT))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let row = sqlx::query("SELECT * FROM api_requests WHERE token_id = ? AND key = ?")
            .bind(key.token)
            .bind(key.key)
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        let begun = match &row {
            None => {
                sqlx::query(
                    "INSERT INTO api_requests (token_id, key, ask, digest, claimed_until, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                )
                .bind(key.token)
                .bind(key.key)
                .bind(ask)
                .bind(key.digest)
                .bind(millis(until))
                .bind(millis(now))
                .execute(&mut *tx)
                .await
                .map_err(StoreError::while_doing(doing))?;
                Begun::Ours {
                    ask: ask.to_owned(),
                    wished: None,
                }
            }
            Some(row) => {
                let row = Reader::new(row, doing);
                if row.text("digest")? != key.digest {
                    Begun::Other
                } else if let (Some(status), Some(body)) = (row.maybe_number("status")?, row.maybe_text("answer")?) {
                    Begun::Answered {
                        status: u16::try_from(status).unwrap_or(500),
                        body,
                    }
                } else if row.time("claimed_until")? > now {
                    Begun::UnderWay
                } else {
                    sqlx::query("UPDATE api_requests SET claimed_until = ? WHERE token_id = ? AND key = ?")
                        .bind(millis(until))
                        .bind(key.token)
                        .bind(key.key)
                        .execute(&mut *tx)
                        .await
                        .map_err(StoreError::while_doing(doing))?;
                    Begun::Ours {
                        ask: row.text("ask")?,
                        wished: row.maybe_json("wished")?,
                    }
                }
            }
        };
        commit(tx, doing).await?;
        Ok(begun)
    }

    /// Writes down what GitHub is about to be asked for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_api_wish(&self, ask: &str, wish: &Sought) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_requests SET wished = ? WHERE ask = ?")
            .bind(json(wish))
            .bind(ask)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("write down what is asked for through the API"))?;
        Ok(())
    }

    /// Keeps the answer to a request.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn answer_request(&self, key: RequestKey<'_>, status: u16, body: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_requests SET status = ?, answer = ? WHERE token_id = ? AND key = ?")
            .bind(number(u64::from(status)))
            .bind(body)
            .bind(key.token)
            .bind(key.key)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("keep the answer to a request"))?;
        Ok(())
    }

    /// Lets a request be tried again at once: nothing came of it that must not come twice.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn release_request(&self, key: RequestKey<'_>) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_requests SET claimed_until = 0 WHERE token_id = ? AND key = ? AND status IS NULL")
            .bind(key.token)
            .bind(key.key)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("let a request be tried again"))?;
        Ok(())
    }
}
