//! HTTP by hand, because what is tested here is what a broken or hostile peer would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, or what there was of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Sends a request with `Connection: close` and reads to the end. `None` where nobody listens or the answer breaks off.
pub async fn get(port: u16, path: &str) -> Option<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    say(port, request.as_bytes()).await
}

/// Sends these bytes and reads until the other side closes.
pub async fn say(port: u16, bytes: &[u8]) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(bytes).await.ok()?;
        read(&mut stream).await
    };
    tokio::time::timeout(Duration::from_secs(15), exchange).await.ok()?
}

/// Reads until the other side closes.
pub async fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // a reset after the answer is how a server ends a request that it did not read to its end
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}
