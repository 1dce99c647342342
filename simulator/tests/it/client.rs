//! A plain HTTP client with the habits of a GitHub client.

use std::sync::LazyLock;
use std::time::Duration;

use chima_simulator::github::{DEFAULT_TOKEN, GitHub};
use serde_json::Value;

/// An answer, read completely.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Got {
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The address that `Link` gives for `next`.
    pub fn next(&self) -> Option<String> {
        self.header("link")
            .split(", ")
            .find(|link| link.ends_with("rel=\"next\""))
            .and_then(|link| link.split(['<', '>']).nth(1))
            .map(str::to_owned)
    }
}

/// One client for all plain questions: building one costs more than asking. It keeps no connection, because every test
/// has a runtime of its own.
static SHARED: LazyLock<reqwest::Client> = LazyLock::new(|| build(0));

/// A client of the test's own, which keeps its connections and follows no proxy of the machine.
pub fn http() -> reqwest::Client {
    build(usize::MAX)
}

fn build(idle_connections: usize) -> reqwest::Client {
    // The second installation in a process fails, and that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .user_agent("simulator-tests")
        .timeout(Duration::from_secs(5))
        .pool_max_idle_per_host(idle_connections)
        .build()
        .expect("a client")
}

/// Asks with the default token.
pub async fn ask(github: &GitHub, method: &str, path: &str, body: Option<Value>) -> Got {
    ask_as(github, DEFAULT_TOKEN, method, path, body).await
}

pub async fn ask_as(github: &GitHub, token: &str, method: &str, path: &str, body: Option<Value>) -> Got {
    try_ask(github, token, method, path, body).await.expect("an answer")
}

pub async fn try_ask(
    github: &GitHub,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Got, reqwest::Error> {
    let url = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{}{path}", github.api_url())
    };
    let mut request = SHARED
        .request(method.parse().expect("a method"), url)
        .bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await?;
    Ok(Got {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}

/// Asks only for news: names an answer that is known.
pub async fn get_unless(github: &GitHub, path: &str, etag: &str) -> (u16, String) {
    let request = SHARED
        .get(format!("{}{path}", github.api_url()))
        .bearer_auth(DEFAULT_TOKEN);
    let answer = request.header("if-none-match", etag).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

pub async fn get(github: &GitHub, path: &str) -> Got {
    ask(github, "GET", path, None).await
}

pub async fn post(github: &GitHub, path: &str, body: Value) -> Got {
    ask(github, "POST", path, Some(body)).await
}
