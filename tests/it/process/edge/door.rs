//! A request by hand, and everything that came back.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the program answered to some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The status of each answer, without the provisional ones.
    pub statuses: Vec<u16>,
    pub text: String,
    /// It closed the connection by itself.
    pub closed: bool,
}

/// Sends these bytes as simple clients do, all of them before reading, and reads until the other side closes.
pub async fn exchange(port: u16, bytes: &[u8]) -> Heard {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let mut answer = Vec::new();
    let talk = async {
        // it may have answered and closed already
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    let closed = tokio::time::timeout(Duration::from_secs(20), talk).await.is_ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    Heard {
        statuses: statuses(&text),
        text,
        closed,
    }
}

fn statuses(text: &str) -> Vec<u16> {
    text.match_indices("HTTP/1.")
        .filter(|(at, _)| *at == 0 || !text[..*at].ends_with(' '))
        .filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok())
        .filter(|status| *status >= 200)
        .collect()
}
