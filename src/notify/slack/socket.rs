//! Socket Mode: Slack's requests over a connection that we open, for servers that Slack cannot reach.
//! <https://docs.slack.dev/apis/events-api/using-socket-mode>

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Slack pings more often than this; where nothing comes, we ask.
const SILENCE: Duration = Duration::from_secs(20);
/// So many questions without an answer: the connection is dead, whatever the system says.
const QUESTIONS: u32 = 2;
/// A pressed button brings its whole message along; Slack never sends more.
const LIMIT: usize = 1024 * 1024;

/// A connection that cannot be had, or does not last.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It could not be opened.
    #[error("cannot open the socket that Slack named: {0}")]
    Open(Box<Error>),
    /// It could not be opened in time.
    #[error("the socket that Slack named does not answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Slow,
    /// It broke off.
    #[error("the socket broke off: {0}")]
    Broken(Box<Error>),
    /// It ended, or nothing comes any more.
    #[error("the socket ended")]
    Ended,
}

/// What comes through it.
#[derive(Debug, Clone, PartialEq)]
pub enum Envelope {
    /// It is open.
    Hello,
    /// One of Slack's requests. It has to be acknowledged within three seconds, or Slack makes it again.
    Request {
        /// By which it is acknowledged.
        id: String,
        /// `events_api`, `slash_commands` or `interactive`.
        kind: String,
        /// The same as over HTTP, always as JSON.
        payload: Value,
    },
    /// Slack is about to close it; another one is to be opened.
    Disconnect {
        /// Slack's word for why.
        reason: String,
    },
    /// Something that means nothing to us.
    Other,
}

/// A connection to Slack.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens the one that Slack named.
    ///
    /// # Errors
    ///
    /// When it cannot be opened in time.
    pub async fn open(url: &str) -> Result<Self, SocketError> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LIMIT))
            .max_frame_size(Some(LIMIT));
        let opening = Box::pin(tokio_tungstenite::connect_async_with_config(url, Some(limits), true));
        match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
            Ok(Ok((stream, _))) => Ok(Self { stream }),
            Ok(Err(error)) => Err(SocketError::Open(Box::new(error))),
            Err(_) => Err(SocketError::Slow),
        }
    }

    /// What comes next. May be given up between two messages without loss.
    ///
    /// # Errors
    ///
    /// When nothing more can come.
    pub async fn next(&mut self) -> Result<Envelope, SocketError> {
        let mut asked = 0;
        loop {
            let Ok(message) = tokio::time::timeout(SILENCE, self.stream.next()).await else {
                if asked == QUESTIONS {
                    return Err(SocketError::Ended);
                }
                asked += 1;
                self.send(Message::Ping(Vec::new().into())).await?;
                continue;
            };
            asked = 0;
            match message {
                Some(Ok(Message::Text(text))) => return Ok(read(text.as_str())),
                // pings are answered by the library
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Ended),
                Some(Err(error)) => return Err(SocketError::Broken(Box::new(error))),
            }
        }
    }

    /// Says that a request is written down, with an answer where there is one.
    ///
    /// # Errors
    ///
    /// When it cannot be said any more.
    pub async fn acknowledge(&mut self, id: &str, answer: Option<&Value>) -> Result<(), SocketError> {
        let mut body = json!({"envelope_id": id});
        if let Some(answer) = answer {
            body["payload"] = answer.clone();
        }
        self.send(Message::Text(body.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SocketError::Broken(Box::new(error))),
            Err(_) => Err(SocketError::Ended),
        }
    }
}

fn read(text: &str) -> Envelope {
    let Ok(mut body) = serde_json::from_str::<Value>(text) else {
        return Envelope::Other;
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = text("type").unwrap_or_default();
    match (kind.as_str(), text("envelope_id")) {
        ("hello", _) => Envelope::Hello,
        ("disconnect", _) => Envelope::Disconnect {
            reason: text("reason").unwrap_or_default(),
        },
        (_, Some(id)) => Envelope::Request {
            id,
            kind,
            payload: body.get_mut("payload").map(Value::take).unwrap_or_default(),
        },
        (_, None) => Envelope::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_read_and_nonsense_is_nothing() {
        let command = r#"{"envelope_id": "1", "type": "slash_commands", "payload": {"text": "status"}, "accepts_response_payload": true}"#;
        assert_eq!(
            read(command),
            Envelope::Request {
                id: "1".to_owned(),
                kind: "slash_commands".to_owned(),
                payload: json!({"text": "status"}),
            }
        );
        assert_eq!(read(r#"{"type": "hello", "num_connections": 1}"#), Envelope::Hello);
        let refresh = r#"{"type": "disconnect", "reason": "refresh_requested"}"#;
        assert!(matches!(read(refresh), Envelope::Disconnect { reason } if reason == "refresh_requested"));
        for nonsense in ["", "{", "[]", "null", r#"{"type": "x"}"#] {
            assert_eq!(read(nonsense), Envelope::Other, "{nonsense}");
        }
    }
}
