//! A connection whose peer must take what it asked for: one that does not read is cut. And one that is about to be cut is read once
//! more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::http::places::Place;

/// How long nothing at all may go out.
const STALL: Duration = Duration::from_secs(12);

/// A stream that fails when a write makes no progress.
#[derive(Debug)]
pub(super) struct Stall {
    stream: TcpStream,
    place: Arc<Place>,
    /// Since when a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self {
            stream,
            place,
            waiting: None,
        }
    }

    /// What a write came to, or that it has waited for too long.
    fn progress<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(STALL)));
        waiting
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl AsyncRead for Stall {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() && self.place.is_given_up() && !self.place.is_heard() {
            // in a crowd the runtime may not have heard yet from the kernel what it has: nobody is cut who has said what they want
            return match recv(&self.stream, buffer.initialize_unfilled(), RecvFlags::DONTWAIT) {
                Ok((_, received)) => {
                    buffer.advance(received);
                    Poll::Ready(Ok(()))
                }
                Err(_) => Poll::Pending,
            };
        }
        read
    }
}

impl AsyncWrite for Stall {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.progress(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{IpAddr, Ipv4Addr, TcpStream as Peer};

    use tokio::net::TcpListener;

    use super::*;
    use crate::http::places::Places;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// On one thread that never waits, so that the runtime cannot have asked the kernel for news.
    #[tokio::test(flavor = "current_thread")]
    async fn what_has_arrived_is_read_before_a_connection_is_cut() {
        let listener = TcpListener::bind((HERE, 0)).await.unwrap();
        let mut peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let places = Places::new(1, Duration::ZERO);
        let place = Arc::new(places.take(HERE).unwrap());
        let mut stall = Stall::new(stream, Arc::clone(&place));
        let mut read = || {
            let mut room = [0; 16];
            let mut buffer = ReadBuf::new(&mut room);
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let polled = Pin::new(&mut stall).poll_read(&mut cx, &mut buffer);
            polled.map(|done| done.map(|()| buffer.filled().to_vec()).unwrap())
        };
        assert_eq!(read(), Poll::Pending);
        peer.write_all(b"GET /").unwrap();
        assert_eq!(read(), Poll::Pending, "who has a place waits for the runtime");
        let _newer = places.take(HERE).unwrap();
        assert!(place.is_given_up());
        assert_eq!(read(), Poll::Ready(b"GET /".to_vec()));
        assert_eq!(read(), Poll::Pending);
    }
}
