//! A collector of traces that takes OTLP over HTTP. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::notify::post::{Address, SendError};

/// Where traces are taken, below the collector's address.
const SIGNAL: &str = "/v1/traces";
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// A collector.
#[derive(Debug, Clone)]
pub struct Collector {
    address: Address,
    headers: HeaderMap,
}

/// A header that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value of `telemetry.headers.{name}` cannot stand in a header: it holds a line break, or something else that is no character"
)]
pub struct InvalidHeader {
    name: String,
}

impl Collector {
    /// The collector at an address, which is shown these headers.
    ///
    /// # Errors
    ///
    /// When a header cannot be sent.
    pub fn new(endpoint: &str, headers: &[(String, SecretString)]) -> Result<Self, CollectorError> {
        let address = Address::new(
            SecretString::from(format!("{endpoint}{SIGNAL}")),
            "the collector of traces",
            "`telemetry`",
        )?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let invalid = || InvalidHeader { name: name.clone() };
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let mut value = HeaderValue::from_str(value.expose_secret().trim()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        map.insert(CONTENT_TYPE, PROTOBUF);
        Ok(Self { address, headers: map })
    }

    /// Tells of spans, as `report::trace::otlp` has made them.
    ///
    /// # Errors
    ///
    /// Unless they were taken.
    pub async fn take(&self, request: Vec<u8>) -> Result<(), SendError> {
        let answer = self.address.post(request, self.headers.clone()).await?;
        self.address.judge(&answer)
    }
}

/// Why there is no collector.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// What it is to be shown cannot be sent.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] SendError),
}
