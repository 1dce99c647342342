//! `POST /webhooks/github`: verify, store, answer. Nothing is worked on before the answer.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::DeliveryId;
use crate::flow::traces::told::{self, Received};
use crate::http::inbound::{LARGEST, closing, read};
use crate::http::state::Surface;
use crate::store::inbox::{Accepted, NewDelivery};
use crate::webhook::envelope::{self, Class, Envelope, EnvelopeError};
use crate::webhook::headers::RawHeaders;
use crate::webhook::signature::{Signature, Verifier};

/// Reading the envelope of a larger body would hold up other requests of this thread.
const LARGE: usize = 256 * 1024;

/// The deliveries that begin a trace.
const DEPLOYMENT: &str = "deployment";

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
    let began = surface.engine.now();
    let raw = RawHeaders::from_iter(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let Ok(claimed) = Signature::read(&raw) else {
        return refuse_signature();
    };
    let mut verifier = Verifier::new(&surface.webhook_secrets);
    let body = match read(body, LARGEST, |chunk| verifier.update(chunk)).await {
        Ok(Some(body)) => body,
        // the rest of it is not read
        Ok(None) => {
            return closing(
                StatusCode::PAYLOAD_TOO_LARGE,
                "larger than 25 MiB, which GitHub never sends",
            );
        }
        Err(unread) => return unread.answer(),
    };
    if let Err(error) = verifier.finish(&claimed) {
        tracing::warn!(reason = %error, bytes = body.len(), "a delivery was refused");
        return refuse_signature();
    }
    let (raw, envelope, digest) = index(raw, body.clone()).await;
    store(&surface, &raw, (body, digest), envelope, began).await
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
    (body, body_sha256): (Bytes, String),
    read: Result<Envelope, EnvelopeError>,
    began: Timestamp,
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
    let key = delivery.effect_key.clone().filter(|_| event == DEPLOYMENT);
    let tell = |status: StatusCode, duplicate_of| {
        let Some(key) = &key else { return };
        told::received(
            engine,
            Received {
                key,
                delivery: id,
                from: began,
                disposition: match duplicate_of {
                    Some(_) => Disposition::Duplicate,
                    None => disposition,
                },
                duplicate_of,
                status: Some(status.as_u16()),
            },
        );
    };
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
            tell(StatusCode::OK, Some(earlier));
            answer(StatusCode::OK, &format!("stored as {id}; duplicate of {earlier}"))
        }
        Ok(Accepted::Stored) => {
            tracing::info!(delivery.id = %id, event.name = event, disposition = disposition.as_str(), "delivery stored");
            match (class, malformed) {
                (Ok(Class::Handled), _) => {
                    engine.deliveries.notify_one();
                    tell(StatusCode::ACCEPTED, None);
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
