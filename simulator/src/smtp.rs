//! A stand-in for a mail server: enough of SMTP to take letters from one sender, with a login where it wants one.
//! <https://www.rfc-editor.org/rfc/rfc5321>, <https://www.rfc-editor.org/rfc/rfc4954>
//!
//! Strict about what real ones refuse: bare line feeds, lines of more than 998 characters, a login that is missing or wrong, and
//! addresses that a test says nobody has.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A letter is not larger.
const LETTER_LIMIT: usize = 1 << 20;
/// Nor is a line. <https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1>
const LINE_LIMIT: usize = 998;

/// A letter that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: Vec<String>,
    /// Head and body, as they came, without the dots that were doubled on the way.
    pub text: String,
}

impl Letter {
    /// The values of a header of the head, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let lines = unfolded.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

#[derive(Debug, Default)]
struct State {
    login: Option<(String, String)>,
    letters: Vec<Letter>,
    /// What is said to the next letters, in place of a welcome.
    refusals: VecDeque<String>,
    /// The lines of clients, without what they log in with.
    said: Vec<String>,
}

/// A running mail server. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Debug, Clone)]
pub struct MailServer(Arc<Running>);

#[derive(Debug)]
struct Running {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    /// Starts on a free port of 127.0.0.1. `login` is the one name and password it takes; without one it asks for none.
    ///
    /// # Errors
    /// When no port can be had.
    #[expect(
        clippy::disallowed_methods,
        reason = "a stand-in has no supervisor above it, and the handle aborts it"
    )]
    pub async fn start(login: Option<(&str, &str)>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            login: login.map(|(name, password)| (name.to_owned(), password.to_owned())),
            ..State::default()
        }));
        let task = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Ok(Self(Arc::new(Running { state, address, task })))
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.address.port()
    }

    /// The letters it took, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.with(|state| state.letters.clone())
    }

    /// What clients said, without logins.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.with(|state| state.said.clone())
    }

    /// Says this to the next letter when it begins, such as `451 4.3.0 try again later` or `550 5.1.1 nobody here`.
    pub fn refuse_next(&self, answer: &str) {
        self.with(|state| state.refusals.push_back(answer.to_owned()));
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut children = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let state = Arc::clone(&state);
                    children.spawn(async move {
                        // a client that is gone is no concern of the server
                        let _ = Session::new(stream, state).talk().await;
                    });
                }
            }
            Some(_) = children.join_next() => {}
        }
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    state: Arc<Mutex<State>>,
    logged_in: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, state: Arc<Mutex<State>>) -> Self {
        Self {
            stream: BufReader::new(stream),
            state,
            logged_in: false,
            from: None,
            to: Vec::new(),
        }
    }

    async fn talk(mut self) -> io::Result<()> {
        self.say("220 simulator ESMTP").await?;
        loop {
            let Some(line) = self.line().await? else {
                return Ok(());
            };
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let shown = if verb == "AUTH" { "AUTH" } else { &line };
            self.with(|state| state.said.push(shown.to_owned()));
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    self.say("250-simulator\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN")
                        .await?;
                }
                "AUTH" => self.log_in(rest).await?,
                "MAIL" => self.begin(rest).await?,
                "RCPT" if self.from.is_some() => {
                    self.to.push(in_brackets(rest));
                    self.say("250 2.1.5 ok").await?;
                }
                "DATA" if !self.to.is_empty() => self.take().await?,
                "RSET" => {
                    self.forget();
                    self.say("250 2.0.0 ok").await?;
                }
                "NOOP" => self.say("250 2.0.0 ok").await?,
                "QUIT" => return self.say("221 2.0.0 bye").await,
                "RCPT" | "DATA" => self.say("503 5.5.1 not now").await?,
                _ => self.say("500 5.5.2 no such command").await?,
            }
        }
    }

    async fn log_in(&mut self, rest: &str) -> io::Result<()> {
        let shown = match rest.split_once(' ') {
            Some(("PLAIN", initial)) => STANDARD.decode(initial).unwrap_or_default(),
            _ => return self.say("504 5.5.4 only AUTH PLAIN with what it begins with").await,
        };
        let wanted = self.with(|state| state.login.clone());
        let good = wanted.is_some_and(|(name, password)| shown == format!("\0{name}\0{password}").into_bytes());
        self.logged_in = good;
        self.say(if good {
            "235 2.7.0 welcome"
        } else {
            "535 5.7.8 authentication credentials invalid"
        })
        .await
    }

    async fn begin(&mut self, rest: &str) -> io::Result<()> {
        let (refusal, wants_login) = self.with(|state| (state.refusals.pop_front(), state.login.is_some()));
        if let Some(refusal) = refusal {
            return self.say(&refusal).await;
        }
        if wants_login && !self.logged_in {
            return self.say("530 5.7.0 authentication required").await;
        }
        self.forget();
        self.from = Some(in_brackets(rest));
        self.say("250 2.1.0 ok").await
    }

    async fn take(&mut self) -> io::Result<()> {
        self.say("354 go on").await?;
        let mut text = String::new();
        let mut fault = None;
        loop {
            let mut bytes = Vec::new();
            if self.stream.read_until(b'\n', &mut bytes).await? == 0 {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&bytes);
            if line == ".\r\n" {
                break;
            }
            let Some(content) = line.strip_suffix("\r\n") else {
                fault = Some("550 5.6.0 a line feed without a carriage return");
                continue;
            };
            if content.len() > LINE_LIMIT || text.len() > LETTER_LIMIT {
                fault = Some("552 5.3.4 too long");
                continue;
            }
            text.push_str(content.strip_prefix('.').unwrap_or(content));
            text.push_str("\r\n");
        }
        let letter = Letter {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            text,
        };
        if ["Date", "From", "Subject"]
            .iter()
            .any(|name| letter.header(name).len() != 1)
        {
            fault = Some("550 5.6.0 one Date, one From and one Subject");
        }
        if let Some(fault) = fault {
            return self.say(fault).await;
        }
        self.with(|state| state.letters.push(letter));
        self.say("250 2.0.0 taken").await
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn in_brackets(text: &str) -> String {
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(address, _)| address).to_owned()
}
