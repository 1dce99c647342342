//! Signed JSON for programs of the installation's own: bots that pass on what people say, and generic webhooks.
//!
//! As Standard Webhooks describe it, so that their libraries verify it: `webhook-id` (the same for every try of one message, so
//! that whoever has seen it ignores it), `webhook-timestamp` (seconds), and `webhook-signature`, which is `v1,` and the
//! base64 of an HMAC-SHA-256 over `{id}.{timestamp}.{body}`. A secret that begins with `whsec_` is base64 after that; any other is
//! taken as the bytes it is. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use crate::domain::clock::Timestamp;
use crate::notify::post::{Address, SendError};

/// What the secrets of Standard Webhooks begin with.
const PREFIX: &str = "whsec_";

/// A program that is told, and verifies who tells it.
#[derive(Debug, Clone)]
pub struct Signed {
    address: Address,
    secret: SecretString,
}

impl Signed {
    /// The program at an address, with which this secret is shared.
    #[must_use]
    pub fn new(address: Address, secret: SecretString) -> Self {
        Self { address, secret }
    }

    /// Posts a message. `id` is that of the message, and the same for every try.
    ///
    /// # Errors
    ///
    /// Unless it was taken.
    pub async fn send(&self, id: &str, now: Timestamp, message: &Value) -> Result<(), SendError> {
        let body = message.to_string();
        let mut headers = HeaderMap::new();
        let timestamp = now.timestamp().to_string();
        let signature = signature(&self.secret, id, &timestamp, body.as_bytes());
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        let answer = self.address.post(body.into_bytes(), headers).await?;
        self.address.judge(&answer)
    }
}

/// The header that proves who sends.
fn signature(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> String {
    let secret = secret.expose_secret().trim();
    let key = secret
        .strip_prefix(PREFIX)
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec());
    // an HMAC takes a key of any length
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return String::new();
    };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_signs_as_standard_webhooks_do() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
