//! The sockets: accepts connections, reads requests, writes answers, and cuts connections where a fault asks for it.
//!
//! Everything this crate does in the background is a child of the one task started here, so that dropping a server
//! leaves nothing behind.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::message::{Answer, Ending, Request, Site};

/// How long a request may stay without an answer before the connection is closed after all.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(120);

/// GitHub's own limit for what it sends; more than any client sends to it.
const BODY_LIMIT: usize = 25 * 1024 * 1024;

/// Work that a site wants done beside answering, for example sending a webhook.
pub(crate) type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A running server. It stops, with everything in flight, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl Server {
    /// Serves `site` on a listener.
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator's single spawn site: a stand-in has no supervisor above it, and the handle aborts it"
    )]
    pub(crate) fn start(listener: TcpListener, site: Arc<dyn Site>, errands: mpsc::UnboundedReceiver<Errand>) -> Self {
        let open = watch::Sender::new(true);
        let task = tokio::spawn(accept(listener, site, errands, open.clone())).abort_handle();
        Self { open, task }
    }

    /// Lets connections in, or resets all there are and every new one.
    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Stops serving.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Binds, so that the address is known before the site is built.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

async fn accept(
    listener: TcpListener,
    site: Arc<dyn Site>,
    mut errands: mpsc::UnboundedReceiver<Errand>,
    open: watch::Sender<bool>,
) {
    let mut children = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    children.spawn(converse(stream, Arc::clone(&site), open.subscribe()));
                }
                // Out of descriptors, most likely: room comes back when a connection ends.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(errand) = errands.recv() => {
                children.spawn(errand);
            }
            Some(_) = children.join_next() => {}
        }
    }
}

/// One connection, until the peer or a fault ends it.
async fn converse(stream: TcpStream, site: Arc<dyn Site>, mut open: watch::Receiver<bool>) {
    let reset = Arc::new(AtomicBool::new(false));
    if !*open.borrow() {
        // Nothing to tell a peer that is already gone.
        let _ = stream.set_zero_linger();
        return;
    }
    let _ = stream.set_nodelay(true);
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| exchange(Arc::clone(&site), Arc::clone(&reset), request))
    };
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = &mut connection => {}
        _ = open.wait_for(|open| !*open) => reset.store(true, Ordering::Relaxed),
    }
    if reset.load(Ordering::Relaxed) {
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

/// An exchange that ends without an answer: hyper closes the connection when a service fails.
#[derive(Debug, thiserror::Error)]
#[error("the simulated service cut the connection")]
struct Cut;

async fn exchange(
    site: Arc<dyn Site>,
    reset: Arc<AtomicBool>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Said>, Cut> {
    let request = match read(request).await {
        Ok(request) => request,
        Err(answer) => return Ok(written(answer)),
    };
    match site.respond(request) {
        Ending::Answer(answer) => Ok(written(answer)),
        Ending::Half(mut answer) => {
            let whole = answer.body.len();
            answer.body.truncate(whole / 2);
            let mut response = written(answer.with("content-length", whole.to_string()));
            response.body_mut().breaks_off = true;
            Ok(response)
        }
        Ending::Silence => {
            tokio::time::sleep(SILENCE_LIMIT).await;
            Err(Cut)
        }
        Ending::Close => Err(Cut),
        Ending::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(Cut)
        }
    }
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Answer> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(|_| Answer::text(413, "the body is larger than 25 MB or ended early"))?
        .to_bytes();
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query,
        headers: header_pairs(&parts.headers),
        body: body.to_vec(),
    })
}

/// Headers as pairs, names in lower case.
pub(crate) fn header_pairs(headers: &hyper::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// The body of an answer.
#[derive(Debug)]
struct Said {
    bytes: Option<Bytes>,
    breaks_off: bool,
}

impl Said {
    fn all(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()),
            breaks_off: false,
        }
    }
}

impl Body for Said {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Poll::Ready(match self.bytes.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None => self.breaks_off.then_some(Err(Cut)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && !self.breaks_off
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        if self.breaks_off {
            return hyper::body::SizeHint::default();
        }
        hyper::body::SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

fn written(answer: Answer) -> hyper::Response<Said> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .body(Said::all(answer.body))
        .unwrap_or_else(|error| unsendable(&error))
}

/// A fault may carry headers that HTTP does not allow. Saying so beats a dropped connection.
fn unsendable(error: &hyper::http::Error) -> hyper::Response<Said> {
    let text = format!("the simulator was asked for an answer that HTTP cannot carry: {error}");
    let mut response = hyper::Response::new(Said::all(text.into_bytes()));
    *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    response
}
