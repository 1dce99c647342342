//! What an address says behind its question mark. What is written wrongly there is as if it were not: no page is refused for it.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The parts of it, by name.
#[derive(Debug, Clone, Default)]
pub struct Query(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    pub(super) fn of(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// What is said, without space around it; nothing where there is nothing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// An address with these parts; those that say nothing are left out.
pub(super) fn address(path: &str, parts: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_wrongly_is_not_there() {
        let query = Query::of("from=12&q=a%20b+&line=x&empty=&%ff=1");
        assert_eq!((query.number("from"), query.number("line")), (Some(12), None));
        assert_eq!((query.get("q"), query.get("empty")), (Some("a b"), None));
    }

    #[test]
    fn an_address_says_what_there_is_to_say() {
        assert_eq!(address("/a", &[("q", "x&y"), ("b", "")]), "/a?q=x%26y");
        assert_eq!(address("/a", &[("b", "")]), "/a");
    }
}
