//! The smallest HTTP/1.1 client with kept connections, so that the server is what is measured.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::try_join_all;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One kept connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and reads the whole answer. Returns its status.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.buffer.len() < whole) {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            anyhow::ensure!(read > 0, "the server closed the connection");
            whole = whole.or_else(|| length(&self.buffer));
        }
        let status = self.buffer.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        status
            .and_then(|code| code.parse().ok())
            .context("the answer has no status")
    }
}

/// Bytes of the whole answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = memmem::find(answer, b"\r\n\r\n")?;
    let text = std::str::from_utf8(answer.get(..head)?).ok()?.to_ascii_lowercase();
    let body: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0);
    Some(head + 4 + body)
}

/// What a volley came to.
#[derive(Debug)]
pub struct Volley {
    pub answered: usize,
    pub took: Duration,
    pub latencies: Vec<Duration>,
}

impl Volley {
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }
}

/// Sends the requests over so many connections, each of which sends its next one as soon as the last was answered. Ends
/// when all are answered or `limit` is over. Any other answer than `expected` is an error.
pub async fn volley(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    limit: Duration,
    expected: u16,
) -> anyhow::Result<Volley> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let next = Cell::new(0);
    let latencies = RefCell::new(Vec::with_capacity(requests.len()));
    let began = Instant::now();
    try_join_all(open.iter_mut().map(async |connection| {
        while began.elapsed() < limit {
            let Some(request) = requests.get(next.replace(next.get() + 1)) else {
                break;
            };
            let sent = Instant::now();
            let status = connection.send(request).await?;
            anyhow::ensure!(status == expected, "answered with {status}, expected {expected}");
            latencies.borrow_mut().push(sent.elapsed());
        }
        Ok(())
    }))
    .await?;
    let took = began.elapsed();
    let latencies = latencies.into_inner();
    Ok(Volley {
        answered: latencies.len(),
        took,
        latencies,
    })
}
