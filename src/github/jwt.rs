//! How an App proves to be itself: a token that it signs with its key, good for a few minutes.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::domain::clock::Timestamp;

/// A clock that is ahead of GitHub's by less does no harm.
const ISSUED_BEFORE_SECONDS: i64 = 60;
/// GitHub takes ten minutes at most, by its own clock.
const EXPIRES_AFTER_SECONDS: i64 = 540;

/// An App with its key.
pub(crate) struct Signer {
    app: u64,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims {
    iss: u64,
    iat: i64,
    exp: i64,
}

/// The App's private key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the App's private key is not an RSA key in PEM form; download a new one from the App's page on GitHub")]
pub(crate) struct KeyError(#[from] jsonwebtoken::errors::Error);

impl Signer {
    pub(crate) fn new(app: u64, private_key: &SecretString) -> Result<Self, KeyError> {
        let key = EncodingKey::from_rsa_pem(private_key.expose_secret().as_bytes())?;
        Ok(Self { app, key })
    }

    /// A token that begins a little before `now`.
    pub(crate) fn sign(&self, now: Timestamp) -> Result<SecretString, KeyError> {
        let now = now.timestamp();
        let claims = Claims {
            iss: self.app,
            iat: now - ISSUED_BEFORE_SECONDS,
            exp: now + EXPIRES_AFTER_SECONDS,
        };
        let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)?;
        Ok(SecretString::from(signed))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("app", &self.app).finish_non_exhaustive()
    }
}
