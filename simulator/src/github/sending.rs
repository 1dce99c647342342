//! How a delivery goes over the wire: its headers, its bytes, and what becomes of it.

use std::time::Duration;

use serde_json::Value;

use crate::github::hook::{ContentType, Hook, HookDelivery, HookTarget, Outcome};
use crate::post::{self, PostError, Reply};
use crate::sign::signed;

/// How long github.com waits for an answer.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a verb reports of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Number of the attempt; 0 for a raw one, which is not in the log.
    pub delivery: u64,
    /// Which hook; 0 for a raw one.
    pub hook: u64,
    /// Of the event.
    pub guid: String,
    /// The receiver's HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The receiver's body, or what went wrong.
    pub body: String,
    /// How long it took.
    pub duration: Duration,
}

impl Delivered {
    /// Whether GitHub counts it as delivered.
    #[must_use]
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// An attempt that is recorded and waits to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Posting {
    delivery: u64,
    pub(crate) hook: u64,
    guid: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Posting {
    pub(crate) fn of(delivery: &HookDelivery, hook: &Hook) -> Self {
        Self {
            delivery: delivery.id,
            hook: hook.id,
            guid: delivery.guid.clone(),
            url: hook.url.clone(),
            headers: delivery.headers.clone(),
            body: delivery.body.clone(),
        }
    }

    /// Sends it and waits for the answer as GitHub does.
    pub(crate) async fn send(self) -> (Delivered, Outcome) {
        let begun = tokio::time::Instant::now();
        let reply = post::post(&self.url, &self.headers, self.body, DELIVERY_TIMEOUT).await;
        let outcome = outcome(reply, begun.elapsed());
        let delivered = Delivered {
            delivery: self.delivery,
            hook: self.hook,
            guid: self.guid,
            status: outcome.status_code,
            body: outcome.body.clone(),
            duration: outcome.duration,
        };
        (delivered, outcome)
    }
}

/// Posts exactly these headers and this body, outside every log.
pub async fn deliver_raw(url: &str, headers: &[(String, String)], body: &[u8]) -> Delivered {
    let begun = tokio::time::Instant::now();
    let reply = post::post(url, headers, body.to_vec(), DELIVERY_TIMEOUT).await;
    let outcome = outcome(reply, begun.elapsed());
    let guid = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-github-delivery"))
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    Delivered {
        delivery: 0,
        hook: 0,
        guid,
        status: outcome.status_code,
        body: outcome.body,
        duration: outcome.duration,
    }
}

fn outcome(reply: Result<Reply, PostError>, duration: Duration) -> Outcome {
    match reply {
        Ok(reply) => Outcome {
            status: if (200..300).contains(&reply.status) {
                "OK".to_owned()
            } else {
                format!("Invalid HTTP Response: {}", reply.status)
            },
            status_code: reply.status,
            headers: reply.headers,
            body: String::from_utf8_lossy(&reply.body).into_owned(),
            duration,
        },
        Err(error) => Outcome {
            status_code: 0,
            status: match &error {
                PostError::TimedOut { .. } => "timed out".to_owned(),
                PostError::Connect { .. } => "failed to connect to host".to_owned(),
                PostError::Address { .. } | PostError::Headers { .. } | PostError::Broken { .. } => {
                    "service unavailable".to_owned()
                }
            },
            headers: Vec::new(),
            body: error.to_string(),
            duration,
        },
    }
}

/// The headers of a delivery, signatures included.
pub(crate) fn headers(delivery: &HookDelivery, hook: &Hook, app: u64) -> Vec<(String, String)> {
    let content_type = match hook.content_type {
        ContentType::Json => "application/json",
        ContentType::Form => "application/x-www-form-urlencoded",
    };
    let (target_type, target_id) = match hook.target {
        HookTarget::App => ("integration", app),
        HookTarget::Repository(id) => ("repository", id),
    };
    let mut headers: Vec<(String, String)> = [
        ("Accept", "*/*"),
        ("Content-Type", content_type),
        ("User-Agent", "GitHub-Hookshot/5a7c3e1"),
        ("X-GitHub-Delivery", &delivery.guid),
        ("X-GitHub-Event", &delivery.event),
        ("X-GitHub-Hook-ID", &hook.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", &target_id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", target_type),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(secret) = &hook.secret {
        headers.extend(signed(&delivery.body, secret));
    }
    headers
}

/// The bytes that carry a body.
pub(crate) fn packed(json: &Value, content_type: ContentType) -> Vec<u8> {
    let text = json.to_string();
    match content_type {
        ContentType::Json => text.into_bytes(),
        ContentType::Form => form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &text)
            .finish()
            .into_bytes(),
    }
}
