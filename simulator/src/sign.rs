//! Signatures of what the simulated services send.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The value of `X-Hub-Signature-256` for a body.
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hmac_sha256(secret, body))
}

/// The signature headers of a GitHub delivery: the one that counts, and the legacy SHA-1 one beside it.
#[must_use]
pub fn signed(body: &[u8], secret: &str) -> Vec<(String, String)> {
    vec![
        (
            "X-Hub-Signature".to_owned(),
            format!("sha1={}", hmac_sha1(secret, body)),
        ),
        ("X-Hub-Signature-256".to_owned(), sign(secret, body)),
    ]
}

/// The signature headers of a Slack request. `timestamp` is in seconds since 1970.
/// <https://api.slack.com/authentication/verifying-requests-from-slack>
#[must_use]
pub fn slack_signed(body: &[u8], secret: &str, timestamp: i64) -> Vec<(String, String)> {
    let mut base = format!("v0:{timestamp}:").into_bytes();
    base.extend_from_slice(body);
    vec![
        ("X-Slack-Request-Timestamp".to_owned(), timestamp.to_string()),
        (
            "X-Slack-Signature".to_owned(),
            format!("v0={}", hmac_sha256(secret, &base)),
        ),
    ]
}

fn hmac_sha256(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of every length; the fallback exists only because the type allows for macs that do not.
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body);
            hex::encode(mac.finalize().into_bytes())
        },
    )
}

fn hmac_sha1(secret: &str, body: &[u8]) -> String {
    Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body);
            hex::encode(mac.finalize().into_bytes())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_githubs_documentation_does() {
        assert_eq!(
            sign("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    #[test]
    fn signs_as_slacks_documentation_does() {
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let headers = slack_signed(body, "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618);
        assert_eq!(
            headers[1].1,
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
