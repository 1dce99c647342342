//! The headers of a delivery as plain data, so that this room needs no HTTP library.
//!
//! A header that decides something must be there once: with two of a name, two readers could believe different ones.

use std::fmt;

/// Header names in lower case with the bytes of their values, in the order they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawHeaders(Vec<(String, Vec<u8>)>);

/// A header that cannot be read as one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than one header of the name.
    #[error("found {count} headers `{name}`, expected one")]
    Repeated {
        /// Lower-case name.
        name: &'static str,
        /// How often it came.
        count: usize,
    },
    /// The value is not printable ASCII.
    #[error("header `{name}` holds bytes that are not printable ASCII")]
    NotText {
        /// Lower-case name.
        name: &'static str,
    },
}

impl RawHeaders {
    /// Takes the pairs as they came; names may be of any case.
    #[must_use]
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Self {
        pairs.into_iter().collect()
    }

    /// Every value of a name (in lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a header that may be absent, but not be there twice.
    ///
    /// # Errors
    /// When it came more than once, or is not printable ASCII.
    pub fn only(&self, name: &'static str) -> Result<Option<&str>, HeaderError> {
        let mut values = self.all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let more = values.count();
        if more > 0 {
            return Err(HeaderError::Repeated { name, count: more + 1 });
        }
        match str::from_utf8(value) {
            Ok(text) if text.bytes().all(|b| (0x20..0x7f).contains(&b)) => Ok(Some(text.trim_matches(' '))),
            Ok(_) | Err(_) => Err(HeaderError::NotText { name }),
        }
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for RawHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }
}

/// Names only: values hold signatures and tokens, which no log may show.
impl fmt::Debug for RawHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        let headers = RawHeaders::from_iter([("X-GitHub-Event", "push")]);
        assert_eq!(headers.only("x-github-event"), Ok(Some("push")));
    }

    #[test]
    fn two_of_a_name_are_refused() {
        let headers = RawHeaders::from_iter([("a", "1"), ("A", "1")]);
        assert_eq!(headers.only("a"), Err(HeaderError::Repeated { name: "a", count: 2 }));
    }

    #[test]
    fn bytes_that_could_forge_a_log_line_are_refused() {
        for value in ["a\r\nb", "a\u{1b}[31m", "a\0", "ä"] {
            let headers = RawHeaders::from_iter([("a", value)]);
            assert_eq!(headers.only("a"), Err(HeaderError::NotText { name: "a" }), "{value:?}");
        }
    }

    #[test]
    fn values_never_reach_debug_output() {
        let headers = RawHeaders::from_iter([("x-hub-signature-256", "sha256=77")]);
        assert_eq!(format!("{headers:?}"), r#"["x-hub-signature-256"]"#);
    }
}
