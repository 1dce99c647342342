//! Takes one request and keeps it as it came.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Headers and body of the one request that `send` makes to the address it is given.
pub async fn record(send: impl AsyncFnOnce(String)) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/", listener.local_addr().unwrap());
    let (request, ()) = tokio::join!(
        async {
            let (stream, _) = listener.accept().await.unwrap();
            take(stream).await
        },
        send(to)
    );
    request
}

async fn take(mut stream: TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "the request broke off: {text}");
            continue;
        };
        let headers: Vec<(String, String)> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
        if body.len() >= length {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            let headers: serde_json::Map<String, Value> =
                headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
            return json!({"headers": headers, "body": body});
        }
        assert!(read > 0, "the request broke off: {text}");
    }
}
