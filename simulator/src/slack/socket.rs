//! Socket Mode: what people do reaches an app through a connection that the app opened.
//! <https://docs.slack.dev/apis/events-api/using-socket-mode>

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio_tungstenite::tungstenite::Message;

use crate::slack::Slack;

/// The app-level token that opens connections.
pub const DEFAULT_APP_TOKEN: &str = "simulator-slack-app-token";

/// How long Slack waits until it says something again.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where connections of apps come in. They end when this is dropped.
#[derive(Debug)]
pub struct SocketMode {
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<mpsc::UnboundedSender<Out>>,
    waiting: HashMap<String, oneshot::Sender<Value>>,
    opened: usize,
    counter: usize,
}

#[derive(Debug)]
enum Out {
    Text(String),
    Cut,
}

impl Slack {
    /// Takes connections from now on: `apps.connections.open` names their address.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn socket_mode(&self) -> io::Result<SocketMode> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("ws://{}/link/?ticket=simulator", listener.local_addr()?);
        self.change(|world| world.socket_url = Some(url));
        let state = Arc::new(Mutex::new(State::default()));
        #[expect(
            clippy::disallowed_methods,
            reason = "a stand-in has no supervisor above it, and the handle aborts it"
        )]
        let task = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Ok(SocketMode { state, task })
    }
}

impl SocketMode {
    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        let mut state = lock(&self.state);
        state.connections.retain(|connection| !connection.is_closed());
        state.connections.len()
    }

    /// How many were opened so far.
    #[must_use]
    pub fn opened(&self) -> usize {
        lock(&self.state).opened
    }

    /// Sends one of Slack's requests through a connection; `kind` is `events_api`, `slash_commands` or `interactive`. The
    /// acknowledgement; `None` where none came in time.
    pub async fn send(&self, kind: &str, payload: &Value) -> Option<Value> {
        let (sender, acknowledged) = oneshot::channel();
        let text = {
            let mut state = lock(&self.state);
            state.counter += 1;
            let id = format!("envelope-{}", state.counter);
            state.waiting.insert(id.clone(), sender);
            json!({"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": true}).to_string()
        };
        self.out(|| Out::Text(text.clone()));
        tokio::time::timeout(PATIENCE, acknowledged).await.ok()?.ok()
    }

    /// Asks for another connection, as Slack does every few hours.
    pub fn refresh(&self) {
        let text = json!({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}).to_string();
        self.out(|| Out::Text(text.clone()));
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut lock(&self.state).connections);
        for connection in connections {
            let _ = connection.send(Out::Cut);
        }
    }

    /// Through the newest connection: Slack chooses one.
    fn out(&self, what: impl Fn() -> Out) {
        let state = lock(&self.state);
        for connection in state.connections.iter().rev() {
            if connection.send(what()).is_ok() {
                return;
            }
        }
    }
}

impl Drop for SocketMode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&state)));
    }
}

async fn converse(stream: TcpStream, state: Arc<Mutex<State>>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let hello = json!({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0000001"}});
    if socket.send(Message::Text(hello.to_string().into())).await.is_err() {
        return;
    }
    let (sender, mut to_send) = mpsc::unbounded_channel();
    {
        let mut state = lock(&state);
        state.connections.push(sender);
        state.opened += 1;
    }
    loop {
        tokio::select! {
            out = to_send.recv() => match out {
                Some(Out::Text(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Some(Out::Cut) | None => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => acknowledge(&state, text.as_str()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
            },
        }
    }
}

fn acknowledge(state: &Mutex<State>, text: &str) {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let id = body["envelope_id"].as_str().unwrap_or_default();
    if let Some(waiting) = lock(state).waiting.remove(id) {
        let _ = waiting.send(body);
    }
}
