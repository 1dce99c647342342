//! HTTP messages as plain data: what came in, and what is answered.
//!
//! The services compute an [`Ending`] from a [`Request`] without doing any I/O; only `server` touches sockets.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request that has been read completely.
#[derive(Debug, Clone)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// As sent, still percent-encoded, without the query.
    pub path: String,
    /// Decoded pairs in the order sent.
    pub query: Vec<(String, String)>,
    /// Names in lower case, in the order sent; a repeated header appears repeatedly.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a query key.
    #[must_use]
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text, with anything that is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Splits a path at its slashes and decodes each part, so that `feature%2Fx` stays one part.
pub(crate) fn decoded_parts(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

/// An answer, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    /// A text answer.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same with one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// How an exchange ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Answer(Answer),
    /// With an answer that breaks off: the head promises all of the body, the connection is closed after half of it.
    Half(Answer),
    /// With silence, until the caller gives up or the server's own bound is reached.
    Silence,
    /// The connection is closed without a byte.
    Close,
    /// The connection is reset (TCP RST) without a byte.
    Reset,
}

/// What a server serves.
pub(crate) trait Site: Send + Sync + 'static {
    /// Decides how the exchange ends. Must not block.
    fn respond(&self, request: Request) -> Ending;
}
