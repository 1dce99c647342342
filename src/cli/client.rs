//! A client of the API of a Chima that runs elsewhere.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::names::shown;

/// GitHub is asked behind some answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A request that has one effect is sent again so often where no answer came.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// No error of ours is longer.
const PROBLEM_BYTES: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Where the server is was not said so that it can be meant.
    #[error("`{found}` is no address of a server; expected one such as `https://deploy.example.com`")]
    Address {
        /// As it was said.
        found: String,
    },
    /// It did not answer.
    #[error("`{server}` did not answer: {detail}")]
    Unreachable {
        /// Which server.
        server: String,
        /// What happened instead.
        detail: String,
    },
    /// It answered, and not with what was asked for.
    #[error("{detail} [{code}]")]
    Refused {
        /// The status.
        status: u16,
        /// The stable code.
        code: String,
        /// In words.
        detail: String,
    },
    /// What it answered is not understood.
    #[error("`{server}` answered with something that this version does not understand: {detail}")]
    Garbled {
        /// Which server.
        server: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    base: Url,
    token: Option<SecretString>,
    http: Client,
}

impl Server {
    /// A server at an address. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When that is no address.
    pub fn new(address: &str, token: Option<SecretString>) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address { found: shown(address) };
        let base = Url::parse(address).map_err(|_| wrong())?;
        let plain = matches!(base.scheme(), "http" | "https") && base.query().is_none() && base.fragment().is_none();
        if !plain || !base.has_host() || !base.username().is_empty() || base.password().is_some() {
            return Err(wrong());
        }
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // the token is for this server, not for another that it names
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("chima/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(&base) {
            builder.no_proxy()
        } else {
            builder
        };
        let http = builder.build().map_err(|error| ClientError::Unreachable {
            server: base.to_string(),
            detail: error.to_string(),
        })?;
        Ok(Self { base, token, http })
    }

    /// Whether whoever stands in between could read the token.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        self.token.is_some() && self.base.scheme() == "http" && !is_loopback(&self.base)
    }

    /// Asks for something.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, String)]) -> Result<T, ClientError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.request(Method::GET, url).timeout(ANSWER_TIMEOUT);
        self.read(self.send(request).await?).await
    }

    /// Has something changed.
    ///
    /// # Errors
    ///
    /// When it was not done, or that is not known.
    pub async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, ClientError> {
        let request = self.request(Method::POST, self.url(path)).timeout(ANSWER_TIMEOUT);
        self.read(self.send(request.json(body)).await?).await
    }

    /// Has something done once, however often it must be asked for: under this key it has one effect.
    ///
    /// # Errors
    ///
    /// When it was not done, or that is not known.
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: Option<&impl Serialize>,
        key: &str,
    ) -> Result<T, ClientError> {
        let mut tried = 1;
        loop {
            let request = self.request(Method::POST, self.url(path)).timeout(ANSWER_TIMEOUT);
            let request = request.header("idempotency-key", key);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            let answered = match self.send(request).await {
                Ok(response) => self.read(response).await,
                Err(error) => Err(error),
            };
            let again = match &answered {
                Err(ClientError::Unreachable { .. }) => true,
                Err(ClientError::Refused { status, code, .. }) => {
                    matches!(status, 429 | 503) || code == "under_way" || code == "unsettled"
                }
                Ok(_) | Err(ClientError::Address { .. } | ClientError::Garbled { .. }) => false,
            };
            if !again || tried == TRIES {
                return answered;
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(tried)).await;
            tried += 1;
        }
    }

    /// Has something ended.
    ///
    /// # Errors
    ///
    /// When it was not done, or that is not known.
    pub async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        let request = self.request(Method::DELETE, self.url(path)).timeout(ANSWER_TIMEOUT);
        self.read(self.send(request).await?).await
    }

    /// A text, piece by piece.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub async fn open(&self, path: &[&str], accept: &str, last: Option<&str>) -> Result<Response, ClientError> {
        let mut request = self.request(Method::GET, self.url(path)).header("accept", accept);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.good(self.send(request).await?).await
    }

    /// As a connection that broke off is told.
    #[must_use]
    pub fn broke_off(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            server: self.base.to_string(),
            detail: error.to_string(),
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| ClientError::Unreachable {
            server: self.base.to_string(),
            detail: format!("{:#}", anyhow::Error::from(error.without_url())),
        })
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = self.good(response).await?.bytes().await;
        let body = body.map_err(|error| self.broke_off(&error))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Garbled {
            server: self.base.to_string(),
            detail: error.to_string(),
        })
    }

    async fn good(&self, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let body = body.get(..PROBLEM_BYTES).unwrap_or(&body);
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let word = |name: &str| problem[name].as_str().map(str::to_owned);
        Err(ClientError::Refused {
            status: status.as_u16(),
            code: word("code").unwrap_or_else(|| status.as_u16().to_string()),
            detail: word("detail").unwrap_or_else(|| plainly(status, self.base.as_str())),
        })
    }
}

fn plainly(status: StatusCode, server: &str) -> String {
    format!("`{server}` answered {status}, which is no answer of Chima's API; is the address right?")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(address: &str) -> Result<Server, ClientError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Server::new(address, Some(SecretString::from("a token")))
    }

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for address in [
            "deploy.example.com",
            "ftp://x",
            "https://",
            "https://me:secret@x/",
            "https://x/?a=b",
            "",
        ] {
            assert!(with(address).is_err(), "{address}");
        }
        let server = with("https://example.com/chima/").unwrap();
        assert_eq!(
            server.url(&["apps", "a/b c", "lock"]).as_str(),
            "https://example.com/chima/api/v1/apps/a%2Fb%20c/lock"
        );
    }

    #[test]
    fn a_token_may_be_read_where_nothing_is_encrypted() {
        for (address, expected) in [
            ("https://example.com", false),
            ("http://example.com", true),
            ("http://127.0.0.1:8080", false),
            ("http://localhost:8080", false),
        ] {
            assert_eq!(with(address).unwrap().is_readable_on_the_way(), expected, "{address}");
        }
    }
}
