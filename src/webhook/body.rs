//! Finds the JSON in a delivery's body: GitHub sends it as it is, or as the field `payload` of a form.
//!
//! The signature covers the raw body, never what this returns.

use std::borrow::Cow;

use crate::domain::names::shown;
use crate::webhook::headers::{HeaderError, RawHeaders};

/// How deep a body may nest. Below `serde_json`'s own limit of 128, so that a delivery we answered with 202 cannot turn out
/// to be unreadable for this reason later.
pub const MAX_DEPTH: usize = 100;

/// Why there is no JSON to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A header came twice or holds odd bytes.
    #[error(transparent)]
    Header(HeaderError),
    /// Neither of the two types GitHub sends.
    #[error("content type is `{found}`, expected `application/json` or `application/x-www-form-urlencoded`")]
    ContentType {
        /// As it came, cut.
        found: String,
    },
    /// The form does not have exactly one field `payload`.
    #[error("the form has {found} fields `payload`, expected one")]
    FormFields {
        /// How many it has.
        found: usize,
    },
    /// Arrays and objects inside each other, deeper than anything GitHub sends.
    #[error("the body nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// The JSON text of a body.
///
/// # Errors
/// When the content type is another one, the form has no single `payload`, or the JSON nests too deep.
pub fn json<'b>(headers: &RawHeaders, body: &'b [u8]) -> Result<Cow<'b, [u8]>, BodyError> {
    let found = headers.only("content-type").map_err(BodyError::Header)?.unwrap_or("");
    let kind = found.split(';').next().unwrap_or("").trim();
    let json = if kind.eq_ignore_ascii_case("application/json") {
        Cow::Borrowed(body)
    } else if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        payload_field(body)?
    } else {
        return Err(BodyError::ContentType { found: shown(found) });
    };
    if nests_deeper_than(MAX_DEPTH, &json) {
        return Err(BodyError::TooDeep);
    }
    Ok(json)
}

fn payload_field(body: &[u8]) -> Result<Cow<'_, [u8]>, BodyError> {
    let mut fields: Vec<_> = form_urlencoded::parse(body)
        .filter(|(name, _)| name == "payload")
        .map(|(_, value)| value)
        .collect();
    let found = fields.len();
    match fields.pop() {
        Some(value) if found == 1 => Ok(match value {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
        Some(_) | None => Err(BodyError::FormFields { found }),
    }
}

/// One pass without recursion: brackets inside strings do not count.
fn nests_deeper_than(limit: usize, json: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut rest = json.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_string(&mut rest),
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// To the end of a string whose quote was taken. Most of a body is inside strings, so this is where the time goes.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest.as_slice()) {
        if rest.nth(at) == Some(&b'"') {
            return;
        }
        rest.next();
    }
    *rest = [].iter();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Result<Vec<u8>, BodyError> {
        let headers = RawHeaders::from_iter([("content-type", content_type)]);
        json(&headers, body).map(Cow::into_owned)
    }

    #[test]
    fn reads_json_and_forms() {
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON ;x=y",
        ] {
            assert_eq!(read(kind, b"{}"), Ok(b"{}".to_vec()), "{kind}");
        }
        let form = b"payload=%7B%22a+b%22%3A%22%C3%A9%2B%22%7D&other=1";
        assert_eq!(
            read("application/x-www-form-urlencoded", form),
            Ok(r#"{"a b":"é+"}"#.as_bytes().to_vec())
        );
    }

    #[test]
    fn refuses_other_content_types() {
        for kind in ["", "text/plain", "application/jsonx", "multipart/form-data"] {
            let found = kind.to_owned();
            assert_eq!(read(kind, b"{}"), Err(BodyError::ContentType { found }), "{kind}");
        }
        assert!(matches!(
            json(&RawHeaders::default(), b"{}"),
            Err(BodyError::ContentType { .. })
        ));
    }

    #[test]
    fn refuses_a_form_with_none_or_two_payloads() {
        for (body, found) in [("", 0), ("a=b", 0), ("payload=%7B%7D&payload=%7B%7D", 2)] {
            assert_eq!(
                read("application/x-www-form-urlencoded", body.as_bytes()),
                Err(BodyError::FormFields { found }),
                "{body}"
            );
        }
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
        assert!(read("application/json", &nested(MAX_DEPTH)).is_ok());
        assert_eq!(
            read("application/json", &nested(MAX_DEPTH + 1)),
            Err(BodyError::TooDeep)
        );
        assert_eq!(
            read("application/json", "[".repeat(1_000_000).as_bytes()),
            Err(BodyError::TooDeep)
        );
        let in_string = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(1_000_000));
        assert!(read("application/json", in_string.as_bytes()).is_ok());
    }
}
