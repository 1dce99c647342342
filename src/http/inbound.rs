//! What the bodies of requests may cost in time and memory, whatever route they go to.
//!
//! A body must be whole within ten seconds, and all bodies together have a bounded room. Nearly every honest body is small: those
//! never wait, because where their room is full the one that has been arriving longest is cut, and whoever is honest arrives within
//! milliseconds. Large ones take turns, each with its whole length set aside before a byte of it is read, so that none can end up
//! waiting for another with half of it in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// GitHub gives up after ten seconds; who is slower is not GitHub.
const DEADLINE: Duration = Duration::from_secs(10);
/// What is not larger does not wait.
const SMALL: usize = 256 * 1024;
const SMALL_ROOM: usize = 8 * 1024 * 1024;
/// GitHub never sends more. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
pub(super) const LARGEST: usize = 25 * 1024 * 1024;
/// In KiB: one of the largest, or many that are only large.
const LARGE_ROOM: usize = LARGEST / 1024;

/// What is left for bodies.
#[derive(Debug)]
pub(super) struct Room {
    small: Mutex<Small>,
    large: Arc<Semaphore>,
}

#[derive(Debug)]
struct Small {
    free: usize,
    arriving: BTreeMap<u64, Arriving>,
    next: u64,
}

#[derive(Debug)]
struct Arriving {
    held: usize,
    /// What is whole is worked on, and no longer cut.
    whole: bool,
    fate: Arc<Fate>,
}

/// How a body ended that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("there is no room for the body now")]
    NoRoom,
    #[error("the body broke off")]
    Broken,
}

impl Unread {
    /// What the sender hears.
    pub(super) fn answer(self) -> Response {
        match self {
            Self::TooSlow => closing(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
            Self::NoRoom => closing(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many bodies at once; send it again in a moment",
            ),
            Self::Broken => closing(StatusCode::BAD_REQUEST, "the body broke off"),
        }
    }
}

#[derive(Debug, Default)]
struct Fate {
    end: AtomicU8,
    waker: AtomicWaker,
}

impl Fate {
    fn seal(&self, end: Unread) {
        let code = match end {
            Unread::TooSlow => 1,
            Unread::NoRoom => 2,
            Unread::Broken => 3,
        };
        // what came first is what it died of
        let _ = self.end.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
        self.waker.wake();
    }

    fn end(&self) -> Option<Unread> {
        match self.end.load(Ordering::Acquire) {
            1 => Some(Unread::TooSlow),
            2 => Some(Unread::NoRoom),
            3 => Some(Unread::Broken),
            _ => None,
        }
    }
}

/// The memory of one request's body: from its first byte until the request is answered.
#[derive(Debug)]
pub(super) struct Stay {
    room: Arc<Room>,
    number: u64,
    fate: Arc<Fate>,
    large: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            small: Mutex::new(Small {
                free: SMALL_ROOM,
                arriving: BTreeMap::new(),
                next: 0,
            }),
            large: Arc::new(Semaphore::new(LARGE_ROOM)),
        })
    }

    fn enter(self: &Arc<Self>) -> Arc<Stay> {
        let fate = Arc::<Fate>::default();
        let mut small = self.small();
        let number = small.next;
        small.next += 1;
        let arriving = Arriving {
            held: 0,
            whole: false,
            fate: Arc::clone(&fate),
        };
        small.arriving.insert(number, arriving);
        drop(small);
        Arc::new(Stay {
            room: Arc::clone(self),
            number,
            fate,
            large: Mutex::default(),
        })
    }

    fn small(&self) -> MutexGuard<'_, Small> {
        self.small.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Small {
    /// Sets more aside for one of the small bodies; the oldest others go where there is none left.
    fn charge(&mut self, number: u64, bytes: usize) -> Result<(), Unread> {
        while self.free < bytes {
            let oldest = self
                .arriving
                .iter()
                .find(|(other, one)| **other != number && one.held > 0 && !one.whole);
            let Some(oldest) = oldest.map(|(other, _)| *other) else {
                return Err(Unread::NoRoom);
            };
            if let Some(cut) = self.arriving.remove(&oldest) {
                self.free += cut.held;
                cut.fate.seal(Unread::NoRoom);
            }
        }
        let Some(one) = self.arriving.get_mut(&number) else {
            return Err(Unread::NoRoom);
        };
        one.held += bytes;
        self.free -= bytes;
        Ok(())
    }

    fn settle(&mut self, number: u64) {
        if let Some(one) = self.arriving.get_mut(&number) {
            one.whole = true;
        }
    }

    fn release(&mut self, number: u64) {
        if let Some(one) = self.arriving.remove(&number) {
            self.free += one.held;
        }
    }
}

impl Stay {
    /// How the body ended, where it did not arrive.
    pub(super) fn end(&self) -> Option<Unread> {
        self.fate.end()
    }

    /// Where the body is larger than small ones: it counts there from now on.
    fn moved(&self, permit: OwnedSemaphorePermit) {
        *self.large.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        self.room.small().release(self.number);
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.room.small().release(self.number);
    }
}

/// An answer after which nothing more is read from the peer.
pub(super) fn closing(status: StatusCode, text: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (status, kind, format!("{text}\n")).into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

type Acquiring = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A body that is counted and timed as it arrives.
pub(super) struct Inbound {
    body: Incoming,
    stay: Arc<Stay>,
    late: Pin<Box<Sleep>>,
    /// A turn among the large ones, which is waited for.
    turn: Option<Acquiring>,
    counted: Counted,
    /// Told when nothing more is to come.
    done: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone, Copy)]
enum Counted {
    Small { bytes: usize },
    Large,
}

impl Inbound {
    /// The body, and what must be kept until the request is answered.
    pub(super) fn new(body: Incoming, room: &Arc<Room>, done: impl FnOnce() + Send + 'static) -> (Self, Arc<Stay>) {
        let stay = room.enter();
        let announced = body.size_hint().exact();
        let mut inbound = Self {
            body,
            stay: Arc::clone(&stay),
            late: Box::pin(sleep(DEADLINE)),
            turn: None,
            counted: Counted::Small { bytes: 0 },
            done: Some(Box::new(done)),
        };
        if let Some(length) = announced.filter(|length| *length > SMALL as u64) {
            inbound.queue(usize::try_from(length).unwrap_or(LARGEST));
        }
        (inbound, stay)
    }

    fn queue(&mut self, bytes: usize) {
        let kib = u32::try_from(bytes.min(LARGEST).div_ceil(1024)).unwrap_or(u32::MAX);
        self.turn = Some(Box::pin(Arc::clone(&self.stay.room.large).acquire_many_owned(kib)));
    }

    fn count(&mut self, more: usize) -> Result<(), Unread> {
        let Counted::Small { bytes } = &mut self.counted else {
            return Ok(());
        };
        *bytes += more;
        let bytes = *bytes;
        self.stay.room.small().charge(self.stay.number, more)?;
        if bytes > SMALL {
            self.queue(LARGEST);
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(done) = self.done.take() {
            self.stay.room.small().settle(self.stay.number);
            done();
        }
    }

    fn fail(&mut self, end: Unread) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        self.stay.fate.seal(end);
        self.turn = None;
        if let Some(done) = self.done.take() {
            done();
        }
        Poll::Ready(Some(Err(end)))
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = Unread;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        self.stay.fate.waker.register(cx.waker());
        if let Some(end) = self.stay.fate.end() {
            return self.fail(end);
        }
        if self.late.as_mut().poll(cx).is_ready() {
            return self.fail(Unread::TooSlow);
        }
        if let Some(turn) = &mut self.turn {
            match turn.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return self.fail(Unread::NoRoom),
                Poll::Ready(Ok(permit)) => {
                    self.turn = None;
                    self.counted = Counted::Large;
                    self.stay.moved(permit);
                }
            }
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => self.fail(Unread::Broken),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Err(end) = self.count(bytes) {
                    return self.fail(end);
                }
                if self.body.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a whole body that may not be larger. `None` where it is. Why it ended early is known to the connection too, and told there.
pub(super) async fn read(
    mut body: axum::body::Body,
    limit: usize,
    mut seen: impl FnMut(&[u8]),
) -> Result<Option<Bytes>, Unread> {
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        seen(&chunk);
        if bytes.is_empty() {
            // not before: of many large bodies all but one wait for their turn, and what they announce costs nothing
            bytes.reserve(announced.unwrap_or(16 * 1024).min(64 * 1024));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(stay: &Stay, bytes: usize) -> Result<(), Unread> {
        stay.room.small().charge(stay.number, bytes)
    }

    #[test]
    fn where_the_room_is_full_the_oldest_unfinished_body_goes() {
        let room = Room::new();
        let (whole, slow, late) = (room.enter(), room.enter(), room.enter());
        for stay in [&whole, &slow, &late] {
            assert_eq!(charge(stay, SMALL_ROOM / 3), Ok(()));
        }
        room.small().settle(whole.number);
        let new = room.enter();
        assert_eq!(charge(&new, 1000), Ok(()));
        let ends = [&whole, &slow, &late, &new].map(|stay| stay.end());
        assert_eq!(ends, [None, Some(Unread::NoRoom), None, None]);
        assert_eq!(charge(&slow, 1), Err(Unread::NoRoom));
    }

    #[test]
    fn what_is_held_is_given_back_once() {
        let room = Room::new();
        for _ in 0..3 {
            let one = room.enter();
            assert_eq!(charge(&one, SMALL_ROOM), Ok(()));
        }
        assert_eq!(room.small().free, SMALL_ROOM);
        assert!(room.small().arriving.is_empty());
    }

    #[test]
    fn one_body_alone_does_not_get_more_than_there_is() {
        let room = Room::new();
        let one = room.enter();
        assert_eq!(charge(&one, SMALL_ROOM + 1), Err(Unread::NoRoom));
    }
}
