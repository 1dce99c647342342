//! The connection loop: bounded in connections, in time and in memory.
//!
//! axum's own loop waits for ever on a connection that sends nothing or one byte a minute, and so does it on one that never reads
//! its answer; this one does not.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::http::inbound::{Inbound, Room, Unread};
use crate::http::places::{Phase, Place, Places, affordable};
use crate::http::stall::Stall;

/// A request's head, the first or the next on a kept connection, must be complete within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Who connected a moment before the server was told to stop may say what they came for: what they say is kept, whoever works on it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// No honest head is larger. It is also what is read of a body at once, so it bounds what a connection holds.
const HEAD_LIMIT: usize = 16 * 1024;
/// What the kernel keeps of an answer that nobody reads; the kernel doubles it.
const SEND_BUFFER: usize = 128 * 1024;
/// Who connected so recently keeps their place, so that what an honest peer says right away can arrive. Newer ones wait to be accepted,
/// so the longer this is, the longer honest ones stand behind a crowd. What has arrived is heard in any case.
const HEARING: Duration = Duration::from_millis(100);
/// Where there is no place, this is when one is looked for again, and how often.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const PATIENCE: u32 = 20;
/// So many may knock at once although there are fewer places.
const KNOCKING: usize = 512;
/// How long requests under way may take to finish once the server is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The address of the peer, for handlers.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What `TcpListener::bind` does, but that as many may knock at once as there are places, and not 128: who comes beyond that hears
/// nothing for a second, and is not known to have come. Many more would only stand in a line that is longer than anybody should wait.
///
/// # Errors
///
/// When the address cannot be had.
pub fn listen(at: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match at {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    // the kernel takes no more than its `net.core.somaxconn`
    socket.listen(u32::try_from(affordable().max(KNOCKING)).unwrap_or(u32::MAX))
}

/// Serves `router` until `stop`, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, tasks: TaskTracker, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Places::new(affordable(), HEARING);
    let room = Room::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(HEAD_LIMIT);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // out of descriptors, most likely
                tracing::warn!(error = %error, "cannot accept a connection");
                places.make_room();
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = place_for(&places, peer).await else {
            tracing::debug!(%peer, "no place for a connection");
            continue;
        };
        tune(&stream);
        let place = Arc::new(place);
        let service = {
            let (router, room, place) = (router.clone(), Arc::clone(&room), Arc::clone(&place));
            hyper::service::service_fn(move |request| {
                let answer = answer(router.clone(), request, peer, Arc::clone(&place), Arc::clone(&room));
                async move { Ok::<_, Infallible>(answer.await) }
            })
        };
        let stream = Stall::new(stream, Arc::clone(&place));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tasks.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = place.given_up() => {
                    // what had arrived all the same is answered, and that is the end
                    if place.answers_late() && let Ok(ended) = timeout(LAST_WORDS, connection).await {
                        ended
                    } else {
                        tracing::debug!(%peer, "connection cut: its place was needed");
                        return;
                    }
                }
            };
            // a peer that breaks off or dribbles is its own problem; requests themselves are logged where they are handled
            match ended {
                // no answer of ours would be HTTP/2, which is all that this peer understands
                Err(error) if error.is_parse_version_h2() => {
                    tracing::debug!(%peer, "connection closed: the peer speaks HTTP/2 without having asked; Chima speaks HTTP/1.1");
                }
                Err(error) => tracing::debug!(%peer, error = %error, "connection ended early"),
                Ok(()) => {}
            }
        });
        // the runtime looks for what has arrived between turns: one that accepted a hundred would keep those waiting to be heard
        tokio::task::yield_now().await;
    }
    drop(listener);
    while places.has_unheard(LAST_WORDS) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN_TIMEOUT) => tracing::warn!("some connections did not finish in time and were cut"),
    }
}

/// A place, within a moment: connections that are too new to be cut are heard meanwhile.
async fn place_for(places: &Arc<Places>, peer: SocketAddr) -> Option<Place> {
    for _ in 0..PATIENCE {
        if let Some(place) = places.take(peer.ip()) {
            return Some(place);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    places.take(peer.ip())
}

/// Small answers must not wait for the peer's acknowledgement, and large ones must not fill the kernel. Failing that they are only
/// slower, or larger.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER);
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    place: Arc<Place>,
    room: Arc<Room>,
) -> Response<Answered> {
    let (stay, mut request) = if hyper::body::Body::is_end_stream(request.body()) {
        place.is(Phase::Answering);
        (None, request.map(Body::new))
    } else {
        place.is(Phase::Receiving);
        let (head, body) = request.into_parts();
        let working = Arc::clone(&place);
        let (body, stay) = Inbound::new(body, &room, move || working.is(Phase::Answering));
        (Some(stay), hyper::Request::from_parts(head, Body::new(body)))
    };
    request.extensions_mut().insert(Peer(peer));
    let answered = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    place.is(Phase::Answering);
    // whatever the handler made of a body that did not arrive, this is why
    let unread = stay.and_then(|stay| stay.end());
    let mut answered = unread.map_or(answered, Unread::answer);
    if place.is_given_up() {
        answered
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answered.map(|body| Answered { body, place })
}

/// The body of an answer. When it is gone, the peer has the word again.
struct Answered {
    body: Body,
    place: Arc<Place>,
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.place.is(Phase::Waiting);
    }
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
