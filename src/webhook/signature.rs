//! Verifies that a delivery's raw bytes were signed with one of our webhook secrets.
//!
//! It must run before anything reads the body, and it must not say which of its checks failed to whoever sent the body.
//! The old SHA-1 header is not looked at: accepting it would let an attacker choose the weaker one.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::webhook::headers::RawHeaders;

const HEADER: &str = "x-hub-signature-256";
const PREFIX: &[u8] = b"sha256=";

/// Why a delivery is not believed. For our own log and metrics: the sender hears the same words for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No secret to compare with: nothing can be believed.
    #[error("no webhook secret is set, so no delivery can be verified")]
    NoSecret,
    /// The header is not there.
    #[error("header `x-hub-signature-256` is missing")]
    Missing,
    /// The header is there more than once.
    #[error("header `x-hub-signature-256` came more than once")]
    Repeated,
    /// Not `sha256=` and 64 lower-case hexadecimal digits.
    #[error("header `x-hub-signature-256` is not `sha256=` followed by 64 lower-case hexadecimal digits")]
    Malformed,
    /// Of the right form, and made with another secret or over other bytes.
    #[error("signature does not match")]
    Mismatch,
}

/// What the sender claims: the digest of the header, not yet compared.
#[derive(Clone)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the header. Cheap, so that a body without a usable signature need not be received at all.
    ///
    /// # Errors
    /// When the header is missing, repeated or not of GitHub's form.
    pub fn read(headers: &RawHeaders) -> Result<Self, SignatureError> {
        let mut values = headers.all(HEADER);
        let value = values.next().ok_or(SignatureError::Missing)?;
        if values.next().is_some() {
            return Err(SignatureError::Repeated);
        }
        let digits = value.strip_prefix(PREFIX).ok_or(SignatureError::Malformed)?;
        if digits.iter().any(u8::is_ascii_uppercase) {
            return Err(SignatureError::Malformed);
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| SignatureError::Malformed)?;
        Ok(Self(digest))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// Hashes a body as it streams in, once for every active secret: GitHub offers no overlap when a secret is rotated.
#[derive(Clone)]
pub struct Verifier(Vec<Hmac<Sha256>>);

impl Verifier {
    /// Begins with no bytes. An empty secret counts as none, because anyone could sign with it.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        Self(
            secrets
                .iter()
                .map(|secret| secret.expose_secret().as_bytes())
                .filter(|secret| !secret.is_empty())
                .filter_map(|secret| Hmac::new_from_slice(secret).ok())
                .collect(),
        )
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, chunk: &[u8]) {
        for mac in &mut self.0 {
            mac.update(chunk);
        }
    }

    /// Compares in constant time, with every secret.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] when no secret made this signature, [`SignatureError::NoSecret`] when there is none.
    pub fn finish(self, claimed: &Signature) -> Result<(), SignatureError> {
        if self.0.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let matches = self
            .0
            .into_iter()
            .map(|mac| mac.verify_slice(&claimed.0).is_ok())
            .fold(false, |any, one| any | one);
        if matches { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} secrets)", self.0.len())
    }
}

/// Verifies a whole body at once.
///
/// # Errors
/// When the header is unusable or no secret made the signature.
pub fn verify(headers: &RawHeaders, body: &[u8], secrets: &[SecretString]) -> Result<(), SignatureError> {
    let claimed = Signature::read(headers)?;
    let mut verifier = Verifier::new(secrets);
    verifier.update(body);
    verifier.finish(&claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const DIGEST: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const BODY: &[u8] = b"Hello, World!";

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    fn verified(header: &str, body: &[u8], texts: &[&str]) -> Result<(), SignatureError> {
        let headers = RawHeaders::from_iter([("X-Hub-Signature-256", header)]);
        verify(&headers, body, &secrets(texts))
    }

    #[test]
    fn accepts_the_published_vector() {
        assert_eq!(verified(&format!("sha256={DIGEST}"), BODY, &[SECRET]), Ok(()));
    }

    #[test]
    fn accepts_any_active_secret_while_rotating() {
        let header = format!("sha256={DIGEST}");
        assert_eq!(verified(&header, BODY, &["an old secret, long", SECRET]), Ok(()));
        assert_eq!(verified(&header, BODY, &[SECRET, "a new secret, long"]), Ok(()));
    }

    #[test]
    fn refuses_other_bytes_and_other_secrets() {
        let header = format!("sha256={DIGEST}");
        let cases: [(&[u8], &[&str]); 4] = [
            (b"Hello, World", &[SECRET]),
            (b"", &[SECRET]),
            (BODY, &["It's a secret to everybody"]),
            (BODY, &["one other secret", "two other secrets"]),
        ];
        for (body, texts) in cases {
            assert_eq!(verified(&header, body, texts), Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn a_signature_that_is_wrong_in_one_place_is_refused() {
        for place in 0..DIGEST.len() {
            let mut digest = DIGEST.to_owned();
            let other = if &digest[place..=place] == "0" { "1" } else { "0" };
            digest.replace_range(place..=place, other);
            assert_eq!(
                verified(&format!("sha256={digest}"), BODY, &[SECRET]),
                Err(SignatureError::Mismatch),
                "{digest}"
            );
        }
    }

    #[test]
    fn refuses_every_other_spelling_of_the_header() {
        let upper = DIGEST.to_uppercase();
        let short = &DIGEST[..62];
        for header in [
            String::new(),
            DIGEST.to_owned(),
            "sha256=".to_owned(),
            format!("sha1={DIGEST}"),
            format!("SHA256={DIGEST}"),
            format!("sha256={upper}"),
            format!("sha256={short}"),
            format!("sha256={DIGEST}00"),
            format!(" sha256={DIGEST}"),
            format!("sha256={DIGEST} "),
            format!("sha256={DIGEST},sha256={DIGEST}"),
            format!("sha256={}zz", &DIGEST[..62]),
        ] {
            assert_eq!(
                verified(&header, BODY, &[SECRET]),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
    }

    #[test]
    fn refuses_a_missing_a_repeated_and_an_old_header() {
        let good = format!("sha256={DIGEST}");
        let sha1 = RawHeaders::from_iter([("x-hub-signature", "sha1=0000000000000000000000000000000000000000")]);
        let twice = RawHeaders::from_iter([("x-hub-signature-256", good.as_str()), ("X-Hub-Signature-256", &good)]);
        assert_eq!(verify(&sha1, BODY, &secrets(&[SECRET])), Err(SignatureError::Missing));
        assert_eq!(verify(&twice, BODY, &secrets(&[SECRET])), Err(SignatureError::Repeated));
    }

    #[test]
    fn believes_nothing_without_a_secret() {
        // HMAC of no bytes with an empty key: the signature that a verifier with an unset secret would accept.
        let empty = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert_eq!(verified(empty, b"", &[]), Err(SignatureError::NoSecret));
        assert_eq!(verified(empty, b"", &[""]), Err(SignatureError::NoSecret));
    }

    #[test]
    fn the_way_a_body_is_cut_makes_no_difference() {
        let headers = RawHeaders::from_iter([("x-hub-signature-256", format!("sha256={DIGEST}"))]);
        let claimed = Signature::read(&headers).unwrap();
        for size in 1..=BODY.len() {
            let mut verifier = Verifier::new(&secrets(&[SECRET, "a second one, longer"]));
            BODY.chunks(size).for_each(|chunk| verifier.update(chunk));
            assert_eq!(verifier.finish(&claimed), Ok(()), "chunks of {size}");
        }
    }
}
