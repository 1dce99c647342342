//! One exchange with a server: sent once, answered within a time, read up to a size.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, Url};
use serde_json::Value;

use crate::config::environment;
use crate::provider::request::late::{Late, Missing, Source};
use crate::provider::request::spec::{Body, Call};

/// What is read of an answer.
pub(super) const LARGEST: usize = 1 << 20;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// On the way to a state, at the same server.
const REDIRECTS: usize = 5;

/// Exchanges of one run.
pub(super) struct Exchange<'a> {
    /// Where the first request goes; others go there too unless their addresses are whole.
    base: Url,
    headers: &'a BTreeMap<String, Late>,
    client: Client,
    /// Follows within one server.
    following: Client,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) took: Duration,
    /// How long the server asks to wait.
    pub(super) retry_after: Option<Duration>,
    /// Whether there was more than is read.
    pub(super) cut: bool,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    json: Option<Value>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was sent.
    NotConnected {
        detail: String,
        /// It will not work later either.
        lasting: bool,
    },
    /// Something was sent, perhaps all of it.
    Lost { detail: String },
    /// It cannot be sent as it is.
    Unusable { detail: String },
}

/// Before there is an answer.
struct Variables;

impl Source for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        environment::variable(name)
    }

    fn json(&self) -> Option<&Value> {
        None
    }

    fn header(&self, _name: &str) -> Option<&str> {
        None
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn new(request: &'a Call) -> Result<Self, String> {
        static NONE: BTreeMap<String, Late> = BTreeMap::new();
        let filled = request
            .url
            .fill_address(&Variables)
            .map_err(|error| error.to_string())?;
        let base = Url::parse(&filled).map_err(|error| unusable_address(&request.url, &error))?;
        // A connection is used once: on one that was kept nobody knows how far a request came.
        let client = |policy| {
            Client::builder()
                .connect_timeout(CONNECT_LIMIT)
                .pool_max_idle_per_host(0)
                .redirect(policy)
                .user_agent(concat!("chima/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| innermost(&error))
        };
        Ok(Self {
            base,
            headers: request.headers.as_ref().unwrap_or(&NONE),
            client: client(Policy::none())?,
            following: client(Policy::custom(within_one_server))?,
        })
    }

    /// Sends it once. `answered` is the answer to the request, where this comes after it.
    pub(super) async fn send(&self, call: &Call, answered: Option<&Answer>) -> Result<Answer, Failure> {
        let source: &dyn Source = match answered {
            Some(answer) => answer,
            None => &Variables,
        };
        let method = Method::from_bytes(call.method.as_bytes()).map_err(|error| unusable(&error))?;
        let url = self.address(call, source)?;
        let headers = self.headers_for(call, &url, source)?;
        let client = if method == Method::GET {
            &self.following
        } else {
            &self.client
        };
        let mut request = client.request(method, url).headers(headers).timeout(call.answer);
        if let Some(body) = &call.body {
            let bytes = match body {
                Body::Text(text) => text.fill(source).map_err(|error| unusable(&error))?.into_bytes(),
                Body::Json(json) => fill_json(json, source)
                    .map_err(|error| unusable(&error))?
                    .to_string()
                    .into_bytes(),
            };
            request = request.body(bytes);
        }
        let begun = Instant::now();
        let response = request.send().await.map_err(|error| failure(&error, call.answer))?;
        Ok(read(response, begun).await)
    }

    fn address(&self, call: &Call, source: &dyn Source) -> Result<Url, Failure> {
        let filled = call.url.fill_address(source).map_err(|error| unusable(&error))?;
        let url = self.base.join(&filled).map_err(|error| Failure::Unusable {
            detail: unusable_address(&call.url, &error),
        })?;
        let elsewhere = call.url.begins_with_answer() && url.origin() != self.base.origin();
        match url.scheme() {
            "http" | "https" if elsewhere => Err(Failure::Unusable {
                detail: format!(
                    "the answer leads to another server, `{}`; write its address if that is right",
                    url.host_str().unwrap_or_default()
                ),
            }),
            "http" | "https" => Ok(url),
            other => Err(Failure::Unusable {
                detail: format!("`{other}` is no way to a server; expected `http` or `https`"),
            }),
        }
    }

    fn headers_for(&self, call: &Call, url: &Url, source: &dyn Source) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(reqwest::header::ACCEPT, HeaderValue::from_static("application/json"));
        if matches!(call.body, Some(Body::Json(_))) {
            let json = HeaderValue::from_static("application/json");
            headers.insert(reqwest::header::CONTENT_TYPE, json);
        }
        let run = environment::variable("CHIMA_RUN_ID").filter(|_| call.method != "GET");
        if let Some(run) = run.and_then(|run| HeaderValue::from_str(&run).ok()) {
            headers.insert(HeaderName::from_static("idempotency-key"), run);
        }
        // What is said for one server is not told to another.
        let own = call.headers.as_ref();
        let Some(named) = own.or((url.origin() == self.base.origin()).then_some(self.headers)) else {
            return Ok(headers);
        };
        for (name, value) in named {
            if own.is_none() && call.body.is_none() && name == "content-type" {
                continue;
            }
            let value = value.fill(source).map_err(|error| unusable(&error))?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| unusable(&error))?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| Failure::Unusable {
                detail: format!("the value of header `{name}` holds what no header may hold"),
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl Answer {
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected { detail, .. } | Self::Lost { detail } | Self::Unusable { detail } => {
                f.write_str(detail)
            }
        }
    }
}

/// What was answered counts, also where the end of it got lost.
async fn read(mut response: reqwest::Response, begun: Instant) -> Answer {
    let code = response.status().as_u16();
    let headers: BTreeMap<String, String> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut body = Vec::new();
    let mut cut = false;
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = LARGEST - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Answer {
        code,
        took: begun.elapsed(),
        retry_after: headers
            .get("retry-after")
            .and_then(|text| text.trim().parse().ok())
            .map(Duration::from_secs),
        cut,
        headers,
        json: serde_json::from_slice(&body).ok(),
        body,
    }
}

fn within_one_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from = attempt.previous().first().map(Url::origin);
    if from == Some(attempt.url().origin()) && attempt.previous().len() <= REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn fill_json(value: &Value, source: &dyn Source) -> Result<Value, Missing> {
    Ok(match value {
        // Checked when it was planned.
        Value::String(text) => {
            Value::String(Late::parse(text).map_or_else(|_| Ok(text.clone()), |late| late.fill(source))?)
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill_json(item, source))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), fill_json(value, source)?)))
                .collect::<Result<_, _>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn failure(error: &reqwest::Error, limit: Duration) -> Failure {
    let detail = if error.is_timeout() && !error.is_connect() {
        format!("no answer within {} s", limit.as_secs())
    } else {
        innermost(error)
    };
    if error.is_connect() {
        let lasting = is_bad_certificate(error);
        Failure::NotConnected { detail, lasting }
    } else if error.is_builder() {
        Failure::Unusable { detail }
    } else {
        Failure::Lost { detail }
    }
}

/// The last of the causes: those before it only say that something was tried. No address is in it, which may hold a secret.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<reqwest::Error>() {
        Some(_) => "the connection ended".to_owned(),
        None => last.to_string(),
    }
}

fn is_bad_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = wrapped
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .or_else(|| error.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        next = error.source();
    }
    false
}

fn unusable(error: &dyn fmt::Display) -> Failure {
    Failure::Unusable {
        detail: error.to_string(),
    }
}

fn unusable_address(url: &Late, error: &dyn fmt::Display) -> String {
    format!("`{}` is no address: {error}", url.shown(None))
}
