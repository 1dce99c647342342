//! `POST /webhooks/github`: verify, store, answer. Nothing is worked on before the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::DeliveryId;
use crate::http::state::Surface;
use crate::store::deliveries::{Accepted, NewDelivery};
use crate::webhook::envelope::{self, Class, Envelope, EnvelopeError};
use crate::webhook::headers::RawHeaders;
use crate::webhook::signature::{Signature, SignatureError, Verifier};

/// GitHub never sends more. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
pub const BODY_LIMIT: usize = 25 * 1024 * 1024;
/// GitHub gives up after ten seconds; who is slower is not GitHub.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading the envelope of a larger body would hold up other requests of this thread.
const LARGE: usize = 256 * 1024;

/// Why a body did not arrive.
enum Unread {
    TooLarge,
    TooSlow,
    NoRoom,
    Broken,
}

struct Received {
    bytes: Bytes,
    verified: Result<(), SignatureError>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Takes one delivery.
pub async fn receive(State(surface): State<Surface>, headers: HeaderMap, body: Body) -> Response {
    if surface.webhook_secrets.is_empty() {
        let text = if surface.engine.config.github.polling.is_some() {
            "not set up: deployments are asked for (`github.polling`); for webhooks too, set one of `github.webhook_secrets`"
        } else {
            "not set up: no webhook secret; set one of `github.webhook_secrets` and start again"
        };
        return answer(StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let raw = RawHeaders::from_iter(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let Ok(claimed) = Signature::read(&raw) else {
        return refuse_signature();
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        return too_large();
    }
    let verifier = Verifier::new(&surface.webhook_secrets);
    let received = match read_body(body, announced, verifier, &claimed, &surface.body_budget).await {
        Ok(received) => received,
        Err(Unread::TooLarge) => return too_large(),
        Err(Unread::TooSlow) => return answer(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Err(Unread::Broken) => return answer(StatusCode::BAD_REQUEST, "the body broke off"),
        Err(Unread::NoRoom) => {
            return answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many large bodies at once; deliver again in a moment",
            );
        }
    };
    if let Err(error) = &received.verified {
        tracing::warn!(reason = %error, bytes = received.bytes.len(), "a delivery was refused");
        return refuse_signature();
    }
    let (raw, read, digest) = index(raw, received.bytes.clone()).await;
    store(&surface, &raw, received.bytes, read, digest).await
}

async fn read_body(
    mut body: Body,
    announced: Option<usize>,
    mut verifier: Verifier,
    claimed: &Signature,
    budget: &Arc<Semaphore>,
) -> Result<Received, Unread> {
    let mut bytes = Vec::with_capacity(announced.unwrap_or(16 * 1024).min(64 * 1024));
    let mut room: Option<OwnedSemaphorePermit> = None;
    let deadline = tokio::time::Instant::now() + BODY_TIMEOUT;
    loop {
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(Unread::TooSlow),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > BODY_LIMIT {
            return Err(Unread::TooLarge);
        }
        verifier.update(&chunk);
        bytes.extend_from_slice(&chunk);
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.len() / 1024 + 1;
        if wanted > held {
            let more = u32::try_from(wanted - held).unwrap_or(u32::MAX);
            let permit = Arc::clone(budget)
                .try_acquire_many_owned(more)
                .map_err(|_| Unread::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(permit),
                None => room = Some(permit),
            }
        }
    }
    Ok(Received {
        verified: verifier.finish(claimed),
        bytes: bytes.into(),
        _room: room,
    })
}

type Indexed = (RawHeaders, Result<Envelope, EnvelopeError>, String);

async fn index(raw: RawHeaders, body: Bytes) -> Indexed {
    let large = body.len() > LARGE;
    let work = move || {
        let read = envelope::read(&raw, &body);
        let digest = hex::encode(Sha256::digest(&body));
        (raw, read, digest)
    };
    if !large {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(indexed) => indexed,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn store(
    surface: &Surface,
    raw: &RawHeaders,
    body: Bytes,
    read: Result<Envelope, EnvelopeError>,
    body_sha256: String,
) -> Response {
    let engine = &surface.engine;
    let host = engine.config.github.host.clone();
    let id = DeliveryId::new(engine.clock.fresh_ulid());
    let class = read.as_ref().map(Envelope::class).map_err(|_| ());
    let disposition = match class {
        Ok(Class::Ping) => Disposition::Ping,
        Ok(Class::Handled) => Disposition::Received,
        Ok(Class::Unhandled) => Disposition::Unhandled,
        Err(_) => Disposition::Malformed,
    };
    let malformed = read.as_ref().err().map(ToString::to_string);
    let envelope = read.ok();
    let text = |name| {
        raw.only(name)
            .ok()
            .flatten()
            .map(|value: &str| value.chars().take(100).collect::<String>())
    };
    let delivery = NewDelivery {
        id,
        source: Source::Webhook,
        guid: envelope
            .as_ref()
            .map_or_else(|| text("x-github-delivery"), |envelope| envelope.guid.clone()),
        event: envelope.as_ref().map_or_else(
            || text("x-github-event").unwrap_or_default(),
            |envelope| envelope.event.clone(),
        ),
        hook_id: text("x-github-hook-id"),
        repository_id: envelope.as_ref().and_then(|envelope| envelope.repository_id),
        repository: envelope.as_ref().and_then(|envelope| envelope.repository.clone()),
        effect_key: envelope.as_ref().and_then(|envelope| envelope.effect_key(&host)),
        content_type: text("content-type"),
        host,
        body,
        body_sha256,
        received_at: engine.now(),
        disposition,
        detail: malformed.clone(),
    };
    let event = delivery.event.clone();
    match engine.store.accept(delivery).await {
        Err(error) => {
            tracing::error!(error = %error, "cannot store a delivery; answered 503");
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "cannot store deliveries now; deliver again later",
            )
        }
        Ok(Accepted::Duplicate(earlier)) => {
            tracing::info!(delivery.id = %id, event.name = event, duplicate_of = %earlier, "duplicate delivery stored");
            answer(StatusCode::OK, &format!("stored as {id}; duplicate of {earlier}"))
        }
        Ok(Accepted::Stored) => {
            tracing::info!(delivery.id = %id, event.name = event, disposition = disposition.as_str(), "delivery stored");
            match (class, malformed) {
                (Ok(Class::Handled), _) => {
                    engine.deliveries.notify_one();
                    answer(StatusCode::ACCEPTED, &format!("stored as {id}"))
                }
                (Ok(Class::Ping), _) => answer(StatusCode::OK, &format!("pong; stored as {id}")),
                (Ok(Class::Unhandled), _) => answer(
                    StatusCode::OK,
                    &format!("stored as {id}; `{event}` means nothing to Chima"),
                ),
                (Err(_), detail) => {
                    let detail = detail.unwrap_or_default();
                    answer(
                        StatusCode::BAD_REQUEST,
                        &format!("stored as {id}, but cannot be read: {detail}"),
                    )
                }
            }
        }
    }
}

fn answer(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{text}\n"),
    )
        .into_response()
}

fn refuse_signature() -> Response {
    answer(StatusCode::UNAUTHORIZED, "signature does not match")
}

fn too_large() -> Response {
    // the rest of the body is not read
    let mut response = answer(
        StatusCode::PAYLOAD_TOO_LARGE,
        "larger than 25 MiB, which GitHub never sends",
    );
    response
        .headers_mut()
        .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}
