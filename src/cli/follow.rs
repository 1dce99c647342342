//! Follows a log that a server sends as it grows.

use std::io::Write;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::cli::client::{ClientError, Server};

/// A connection that broke off is made anew, as long as that works within this.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Message {
    event: String,
    data: String,
    id: Option<String>,
}

/// Server-sent events, put together from pieces.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
#[derive(Debug, Default)]
struct Messages {
    text: Vec<u8>,
    next: Message,
}

impl Messages {
    fn push(&mut self, piece: &[u8]) -> Vec<Message> {
        self.text.extend_from_slice(piece);
        let mut all = Vec::new();
        while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                let whole = std::mem::take(&mut self.next);
                if whole != Message::default() {
                    all.push(whole);
                }
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => value.clone_into(&mut self.next.event),
                "id" => self.next.id = Some(value.to_owned()),
                "data" => {
                    if !self.next.data.is_empty() {
                        self.next.data.push('\n');
                    }
                    self.next.data.push_str(value);
                }
                _ => {}
            }
        }
        all
    }
}

/// Writes a run's log as it grows, until the run has ended. `moved` hears where it stands.
///
/// # Errors
///
/// When the server is out of reach for long, or it cannot be written.
pub async fn follow(
    server: &Server,
    run: &str,
    out: &mut impl Write,
    mut moved: impl FnMut(&str, &str),
) -> anyhow::Result<()> {
    let path = ["runs", run, "log"];
    let mut last: Option<String> = None;
    let mut failed = 0;
    loop {
        match server.open(&path, "text/event-stream", last.as_deref()).await {
            Ok(mut response) => {
                if read(&mut response, &mut last, out, &mut moved).await? {
                    return Ok(());
                }
                failed = 0;
            }
            Err(error @ ClientError::Unreachable { .. }) => {
                failed += 1;
                if failed > PATIENCE {
                    return Err(error.into());
                }
            }
            Err(
                error @ ClientError::Refused {
                    status: 429 | 500.., ..
                },
            ) => {
                failed += 1;
                if failed > PATIENCE {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads one connection to its end. Whether the run has ended.
async fn read(
    response: &mut Response,
    last: &mut Option<String>,
    out: &mut impl Write,
    moved: &mut impl FnMut(&str, &str),
) -> anyhow::Result<bool> {
    let mut messages = Messages::default();
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            // it is opened again where it broke off
            Ok(None) | Err(_) => return Ok(false),
        };
        for message in messages.push(&piece) {
            if let Some(id) = message.id {
                *last = Some(id);
            }
            let data: Value = serde_json::from_str(&message.data).unwrap_or_default();
            match message.event.as_str() {
                "end" => return Ok(true),
                "state" => moved(
                    data["state"].as_str().unwrap_or_default(),
                    data["description"].as_str().unwrap_or_default(),
                ),
                _ => {
                    out.write_all(data["text"].as_str().unwrap_or_default().as_bytes())?;
                    out.flush()?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_whatever_the_pieces() {
        let text = b": hello\n\nid: 7\ndata: {\"text\":\"a\xc3\xa4\"}\n\nevent: state\r\ndata: one\r\ndata: two\r\n\r\nevent: end\ndata: {}\n\n";
        let whole = Messages::default().push(text);
        assert_eq!(whole.len(), 3);
        assert_eq!(
            (whole[0].id.as_deref(), whole[0].data.as_str()),
            (Some("7"), "{\"text\":\"aä\"}")
        );
        assert_eq!((whole[1].event.as_str(), whole[1].data.as_str()), ("state", "one\ntwo"));
        for size in 1..text.len() {
            let mut messages = Messages::default();
            let found: Vec<Message> = text.chunks(size).flat_map(|piece| messages.push(piece)).collect();
            assert_eq!(found, whole, "{size}");
        }
    }
}
