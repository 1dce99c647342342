//! Tokens of the API: what one looks like, and what the ledger keeps of it.
//!
//! The ledger keeps a digest. The token itself is shown once, to whoever makes it; 256 random bits need no slow digest.

use sha2::{Digest, Sha256};

use crate::domain::clock::Timestamp;
use crate::domain::names::AppName;
use crate::domain::viewer::{Scope, Viewer, Who};

/// What every token begins with, so that those who scan for leaked secrets recognise one.
pub const PREFIX: &str = "chima_";
/// Digits behind it.
const DIGITS: usize = 64;

/// A token as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Ours.
    pub id: String,
    /// The login on GitHub of the person that it acts as.
    pub login: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// For which apps; `None` for all.
    pub apps: Option<Vec<AppName>>,
    /// What it is for, in words.
    pub note: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// After that it is good for nothing.
    pub expires_at: Timestamp,
    /// When somebody revoked it.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to within some minutes.
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it opens anything at a moment.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whoever shows it.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        Viewer {
            who: Who::Token {
                id: self.id.clone(),
                login: self.login.clone(),
            },
            scopes: self.scopes.clone(),
            apps: self.apps.clone(),
        }
    }
}

/// The text of a token.
#[must_use]
pub fn text_of(random: &[u8; 32]) -> String {
    format!("{PREFIX}{}", hex::encode(random))
}

/// What the ledger knows a token by; none where the text cannot be one.
#[must_use]
pub fn digest_of(text: &str) -> Option<String> {
    let digits = text.strip_prefix(PREFIX)?;
    let whole = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    whole.then(|| hex::encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_have_a_digest() {
        let text = text_of(&[7; 32]);
        assert_eq!(text.len(), PREFIX.len() + DIGITS);
        let digest = digest_of(&text).unwrap();
        assert_eq!(digest.len(), 64);
        assert!(!digest.contains(&text[PREFIX.len()..]));
        let upper = text.to_uppercase();
        for wrong in [
            "",
            "chima_",
            &text[1..],
            &text[..69],
            &format!("{text}0"),
            &format!(" {text}"),
            &upper,
        ] {
            assert_eq!(digest_of(wrong), None, "{wrong}");
        }
    }
}
