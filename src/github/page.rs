//! Lists that are asked for again and again: only when they have changed, and page by page.
//!
//! An answer of 304 counts against no limit. <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>

use http::header::{ETAG, LINK};
use serde::de::DeserializeOwned;

use crate::domain::ids::InstallationId;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::needs::Purpose;
use crate::github::send::Request;

/// As whom a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The App itself.
    App,
    /// One of its installations, or the owner of the token.
    Installation(Option<InstallationId>),
}

/// What GitHub answers to somebody who may know the answer already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News<T> {
    /// What it was when it had that name.
    Unchanged,
    /// Something else.
    Changed {
        /// What.
        value: T,
        /// What GitHub calls this answer.
        etag: Option<String>,
        /// The address of the next page, where there is one.
        next: Option<String>,
    },
}

impl GitHub {
    /// Asks for something unless it is still what `etag` names.
    pub(crate) async fn news<T: DeserializeOwned>(
        &self,
        speaker: Speaker,
        path: &str,
        etag: Option<&str>,
    ) -> Result<News<T>, CallError> {
        let known = etag.and_then(|etag| etag.parse().ok());
        let request = Request::get(path).unless(known);
        let answer = match speaker {
            Speaker::App => self.send_as_app(&request).await?,
            Speaker::Installation(installation) => self.send(installation, &request, Purpose::Work).await?,
        };
        if answer.status == 304 {
            return Ok(News::Unchanged);
        }
        let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(News::Changed {
            value: answer.read()?,
            etag: header(ETAG).map(str::to_owned),
            next: header(LINK).and_then(next_of).map(str::to_owned),
        })
    }
}

/// The address that a `Link` header names as the next page's.
fn next_of(link: &str) -> Option<&str> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    rest.split_once('>').map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let prev = "<https://api.example.com/x?page=1>; rel=\"prev\"";
        let next = "<https://api.example.com/x?cursor=v1_7>; rel=\"next\"";
        assert_eq!(
            next_of(&format!("{prev}, {next}")),
            Some("https://api.example.com/x?cursor=v1_7")
        );
        assert_eq!(next_of(prev), None);
        assert_eq!(next_of("rel=\"next\""), None);
    }
}
