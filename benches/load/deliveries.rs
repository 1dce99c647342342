//! Signed deliveries, made before any clock starts.

use anyhow::Context;
use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::sign;
use serde_json::{Value, json};

/// Signs every delivery here.
pub const SECRET: &str = "a secret of the benchmark, 0123456789abcdef";

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A deployment's webhook as the stand-in for GitHub makes it, with every field that GitHub's own examples have.
#[derive(Debug)]
pub struct Template(Value);

impl Template {
    /// Creates one deployment and keeps what the hook would have got.
    pub async fn capture() -> anyhow::Result<Self> {
        let github = GitHub::start().await?;
        let repository = github.repository("octo/not-configured-here");
        repository
            .commit(COMMIT, "Say hello", "mona", &[])
            .branch("main", COMMIT);
        // a port that nobody listens on: only the record is wanted
        github.hook("http://127.0.0.1:9/", SECRET);
        let request = DeploymentRequest {
            payload: json!({ "name": "hello", "notify": { "room": "deploys", "user_name": "mona" } }),
            description: Some("from a benchmark".to_owned()),
            ..DeploymentRequest::to("production")
        };
        github
            .deploy("octo/not-configured-here", request)
            .await
            .map_err(|refused| anyhow::anyhow!("the stand-in for GitHub refused: {refused:?}"))?;
        let body = github.read(|world| world.deliveries.last().map(|delivery| delivery.json.clone()));
        body.map(Self).context("the stand-in for GitHub told nobody")
    }

    /// Bytes of a body.
    pub fn length(&self) -> usize {
        self.body(4_000_000_000).len()
    }

    fn body(&self, deployment: u64) -> Vec<u8> {
        let mut body = self.0.clone();
        body["deployment"]["id"] = json!(deployment);
        body.to_string().into_bytes()
    }

    /// A whole request, as bytes for the wire.
    pub fn request(&self, path: &str, deployment: u64) -> Vec<u8> {
        let body = self.body(deployment);
        let headers = [
            ("X-GitHub-Event".to_owned(), "deployment".to_owned()),
            (
                "X-GitHub-Delivery".to_owned(),
                format!("0b989ba4-242f-11e5-81e1-{deployment:012x}"),
            ),
            ("X-Hub-Signature-256".to_owned(), sign::sign(SECRET, &body)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        wire(path, &headers, &body)
    }
}

/// A POST as bytes.
pub fn wire(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GitHub-Hookshot/0000000\r\nAccept: */*\r\n")
            .into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}
