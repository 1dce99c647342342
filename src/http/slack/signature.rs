//! Verifies that Slack signed a request with our signing secret, and lately: an old one may be somebody's recording.
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::clock::Timestamp;

/// Seconds that a request may be old, or that the clocks may differ.
const SKEW: u64 = 300;

/// Why a request is not believed. For our own log: the sender hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error("header `{0}` is missing, or is there more than once")]
    Header(&'static str),
    #[error("the time or the signature is not of Slack's form")]
    Malformed,
    #[error("the request is {0} s off our clock; at most {SKEW} are allowed: is the clock of this machine right?")]
    Old(u64),
    #[error("signature does not match")]
    Mismatch,
}

/// # Errors
///
/// When it is not Slack's, or not of now.
pub(super) fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secret: &SecretString,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let time = only(headers, "x-slack-request-timestamp")?;
    let claimed = only(headers, "x-slack-signature")?;
    let digits = !time.is_empty() && time.len() <= 12 && time.iter().all(u8::is_ascii_digit);
    let at: i64 = std::str::from_utf8(time)
        .ok()
        .filter(|_| digits)
        .and_then(|text| text.parse().ok())
        .ok_or(SignatureError::Malformed)?;
    // in both directions: a time to come would make a recording good for as long
    let off = now.timestamp().abs_diff(at);
    if off > SKEW {
        return Err(SignatureError::Old(off));
    }
    let mut digest = [0; 32];
    let hexadecimal = claimed.strip_prefix(b"v0=").ok_or(SignatureError::Malformed)?;
    hex::decode_to_slice(hexadecimal, &mut digest).map_err(|_| SignatureError::Malformed)?;
    let secret = secret.expose_secret().trim().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| SignatureError::Mismatch)?;
    for part in [b"v0:".as_slice(), time, b":", body] {
        mac.update(part);
    }
    mac.verify_slice(&digest).map_err(|_| SignatureError::Mismatch)
}

fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a [u8], SignatureError> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        _ => Err(SignatureError::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use chrono::DateTime;

    use super::*;

    // Slack's published example
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: i64 = 1_531_420_618;
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn verified(time: &str, signature: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", HeaderValue::from_str(time).unwrap());
        headers.insert("x-slack-signature", HeaderValue::from_str(signature).unwrap());
        let now = DateTime::from_timestamp(now, 0).unwrap();
        verify(&headers, body, &SecretString::from(SECRET), now)
    }

    #[test]
    fn the_published_example_is_accepted_for_five_minutes_in_both_directions() {
        let time = TIME.to_string();
        for (now, expected) in [
            (TIME, Ok(())),
            (TIME + 300, Ok(())),
            (TIME - 300, Ok(())),
            (TIME + 301, Err(SignatureError::Old(301))),
            (TIME - 301, Err(SignatureError::Old(301))),
        ] {
            assert_eq!(verified(&time, SIGNATURE, BODY, now), expected, "{now}");
        }
    }

    #[test]
    fn everything_that_differs_is_refused() {
        let time = TIME.to_string();
        for (time, signature, body) in [
            (time.as_str(), SIGNATURE, b"token=x".as_slice()),
            ("1531420619", SIGNATURE, BODY),
            ("", SIGNATURE, BODY),
            ("-1531420618", SIGNATURE, BODY),
            ("+1531420618", SIGNATURE, BODY),
            ("1531420618.0", SIGNATURE, BODY),
            ("99999999999999999999", SIGNATURE, BODY),
            (time.as_str(), "", BODY),
            (time.as_str(), &SIGNATURE[3..], BODY),
            (time.as_str(), &SIGNATURE[..60], BODY),
            (time.as_str(), &SIGNATURE.replace("v0=", "v1="), BODY),
        ] {
            assert!(verified(time, signature, body, TIME).is_err(), "{time} {signature}");
        }
    }

    #[test]
    fn a_header_that_is_missing_or_there_twice_is_refused() {
        let now = DateTime::from_timestamp(TIME, 0).unwrap();
        let mut headers = HeaderMap::new();
        let secret = SecretString::from(SECRET);
        assert!(verify(&headers, BODY, &secret, now).is_err());
        headers.insert("x-slack-request-timestamp", HeaderValue::from_static("1531420618"));
        assert!(verify(&headers, BODY, &secret, now).is_err());
        headers.append("x-slack-signature", HeaderValue::from_static(SIGNATURE));
        assert_eq!(verify(&headers, BODY, &secret, now), Ok(()));
        headers.append("x-slack-signature", HeaderValue::from_static(SIGNATURE));
        assert!(verify(&headers, BODY, &secret, now).is_err());
    }
}
