//! Makes tokens of the API. They are made where the ledger is, by whoever may write it: that person vouches for the login.

use std::io;

use chrono::TimeDelta;

use crate::domain::clock::Clock;
use crate::domain::names::AppName;
use crate::domain::token::{self, Token};
use crate::domain::viewer::Scope;
use crate::flow::random;
use crate::store::Store;
use crate::store::error::StoreError;

/// What somebody wants a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The login on GitHub of the person that it acts as.
    pub login: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// For which apps; `None` for all.
    pub apps: Option<Vec<AppName>>,
    /// For how many days.
    pub days: u32,
    /// What it is for, in words.
    pub note: Option<String>,
    /// Who makes it.
    pub by: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system gives no random bytes.
    #[error("cannot read `/dev/urandom`: {0}")]
    NoRandomness(io::Error),
    /// It could not be kept.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Makes a token. Its text is told once, here.
///
/// # Errors
///
/// When there is no randomness, or the ledger cannot be written.
pub async fn create(store: &Store, clock: &dyn Clock, wanted: Wanted) -> Result<(Token, String), TokenError> {
    let text = token::text_of(&random::bytes().map_err(TokenError::NoRandomness)?);
    let now = clock.now();
    let made = Token {
        id: clock.fresh_ulid().to_string(),
        login: wanted.login,
        scopes: wanted.scopes,
        apps: wanted.apps,
        note: wanted.note,
        created_by: wanted.by,
        created_at: now,
        expires_at: now + TimeDelta::days(i64::from(wanted.days)),
        revoked_at: None,
        last_used_at: None,
    };
    let digest = token::digest_of(&text).unwrap_or_default();
    store.keep_token(&made, &digest).await?;
    Ok((made, text))
}
