//! One HTTP POST to a plain `http://` address, with exactly the headers given and nothing added but `host`.
//!
//! Deliberately not a client library: tests need repeated, odd and missing headers, and no proxy or TLS set-up.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::server::header_pairs;

/// What the receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Not an address this can post to.
    #[error("`{url}` is not an address that can be posted to; expected `http://host:port/path`")]
    Address {
        /// As given.
        url: String,
    },
    /// A header that HTTP cannot carry.
    #[error("the headers of the post to `{url}` cannot be sent")]
    Headers {
        /// Where to.
        url: String,
        /// What hyper says.
        source: hyper::http::Error,
    },
    /// Nobody listens.
    #[error("cannot connect to `{url}`")]
    Connect {
        /// Where to.
        url: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The connection broke before the answer was complete.
    #[error("`{url}` cut the connection before it had answered")]
    Broken {
        /// Where to.
        url: String,
        /// What hyper says.
        source: hyper::Error,
    },
    /// No answer in time.
    #[error("`{url}` did not answer within {limit:?}")]
    TimedOut {
        /// Where to.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
}

/// Posts `body` and waits at most `limit` for the complete answer.
///
/// # Errors
/// When there is no answer; see [`PostError`]. An answer of any status is not an error.
pub async fn post(url: &str, headers: &[(String, String)], body: Vec<u8>, limit: Duration) -> Result<Reply, PostError> {
    match tokio::time::timeout(limit, exchange(url, headers, body)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(PostError::TimedOut {
            url: url.to_owned(),
            limit,
        }),
    }
}

async fn exchange(url: &str, headers: &[(String, String)], body: Vec<u8>) -> Result<Reply, PostError> {
    let (authority, path) = target(url).ok_or_else(|| PostError::Address { url: url.to_owned() })?;
    let mut request = hyper::Request::post(path).header("host", &authority);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|source| PostError::Headers {
            url: url.to_owned(),
            source,
        })?;
    let stream = TcpStream::connect(&authority)
        .await
        .map_err(|source| PostError::Connect {
            url: url.to_owned(),
            source,
        })?;
    converse(stream, request).await.map_err(|source| PostError::Broken {
        url: url.to_owned(),
        source,
    })
}

/// The answer to one request on a fresh connection. Drives the connection itself, so that nothing outlives the call.
async fn converse(stream: TcpStream, request: hyper::Request<Full<Bytes>>) -> Result<Reply, hyper::Error> {
    let (mut sender, mut connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = Box::pin(async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: header_pairs(&parts.headers),
            body,
        })
    });
    tokio::select! {
        outcome = &mut answer => return outcome,
        // The connection may end first; the answer then tells whether it was complete.
        _ = &mut connection => {}
    }
    answer.await
}

fn target(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let host = uri.host()?;
    let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let path = uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned());
    Some((authority, path))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        (listener, url)
    }

    #[tokio::test]
    async fn gives_up_on_a_receiver_that_never_answers() {
        let (_listener, url) = listener().await;
        let error = post(&url, &[], Vec::new(), SHORT).await.unwrap_err();
        assert!(matches!(error, PostError::TimedOut { .. }), "{error}");
    }

    #[tokio::test]
    async fn tells_a_refused_connection_from_a_broken_one() {
        let (listener, url) = listener().await;
        let limit = Duration::from_secs(5);
        let (error, _) = tokio::join!(post(&url, &[], Vec::new(), limit), async {
            drop(listener.accept().await);
        });
        assert!(matches!(error.unwrap_err(), PostError::Broken { .. }));
        drop(listener);
        let error = post(&url, &[], Vec::new(), limit).await.unwrap_err();
        assert!(matches!(error, PostError::Connect { .. }), "{error}");
    }

    #[tokio::test]
    async fn refuses_what_is_not_a_plain_http_address() {
        for url in ["https://example.com/", "nonsense", "http://"] {
            let error = post(url, &[], Vec::new(), SHORT).await.unwrap_err();
            assert!(matches!(error, PostError::Address { .. }), "{error}");
        }
    }
}
