//! A server that answers as it is told, also as no good server would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What one request gets.
#[derive(Clone)]
pub enum Reply {
    /// A code and JSON.
    Json(u16, Value),
    /// A code and a header.
    Header(u16, &'static str, String),
    /// 200 and this many bytes.
    Huge(usize),
    /// Nothing: the connection ends.
    Gone,
    /// Nothing: the connection stays.
    Silence,
    /// 403 with the request's own header `authorization` in its message.
    Echo,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `POST /deploys`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Ends with the test.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Answers with these, one after the other, and with the last for ever.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
        let notes = Arc::clone(&seen);
        #[expect(clippy::disallowed_methods, reason = "aborted when the server is dropped")]
        let serving = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                notes.lock().unwrap().push(request.clone());
                let reply = {
                    let mut replies = replies.lock().unwrap();
                    let next = replies.front().cloned().unwrap();
                    if replies.len() > 1 {
                        replies.pop_front();
                    }
                    next
                };
                if let Some(text) = answer(&reply, &request) {
                    let _ = stream.write_all(text.as_bytes()).await;
                } else if matches!(reply, Reply::Silence) {
                    kept.push(stream);
                }
            }
        });
        Self { url, seen, serving }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|request| request.line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An address where nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
            if body.len() >= length {
                let body = body.to_owned();
                return Some(Seen { line, headers, body });
            }
        }
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut chunk));
        match read.await {
            Ok(Ok(count)) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

fn answer(reply: &Reply, request: &Seen) -> Option<String> {
    let (code, header, body) = match reply {
        Reply::Json(code, value) => (*code, "content-type: application/json".to_owned(), value.to_string()),
        Reply::Header(code, name, value) => (*code, format!("{name}: {value}"), "{}".to_owned()),
        Reply::Huge(size) => (200, "content-type: application/json".to_owned(), " ".repeat(*size)),
        Reply::Echo => {
            let known = request.header("authorization").unwrap_or("nobody");
            let message = serde_json::json!({ "message": format!("no access for {known}") });
            (403, "x-y: z".to_owned(), message.to_string())
        }
        Reply::Gone | Reply::Silence => return None,
    };
    Some(format!(
        "HTTP/1.1 {code} Said\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}
