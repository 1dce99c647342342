//! Slack's state as plain data.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::journal::Recorded;

/// Everything this Slack knows.
#[derive(Debug)]
pub struct World {
    /// Without a trailing slash.
    pub url: String,
    /// Every message, oldest first, edited ones as they are now.
    pub messages: Vec<Message>,
    /// Every request that was made, oldest first.
    pub requests: Vec<Recorded>,
    /// People, by ID.
    pub users: BTreeMap<String, String>,
    /// Channels, by ID.
    pub channels: BTreeMap<String, String>,
    /// What the bot's token may do.
    pub scopes: Vec<String>,
    pub(crate) socket_url: Option<String>,
    pub(crate) tokens: Vec<String>,
    pub(crate) refusing: BTreeMap<String, String>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) one_per_second: bool,
    pub(crate) wait_until: Option<DateTime<Utc>>,
    pub(crate) inside_wait_window: u32,
    pub(crate) counter: u32,
    pub(crate) response_urls: BTreeMap<String, u32>,
}

/// How a message came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `chat.postMessage`.
    Posted,
    /// `chat.postEphemeral`: only this person sees it.
    Ephemeral {
        /// A user ID.
        user: String,
    },
    /// An incoming webhook.
    Webhook,
    /// A `response_url`.
    Response {
        /// `ephemeral` unless said otherwise.
        visible_to_all: bool,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its identity in the channel.
    pub ts: String,
    /// As addressed; for webhooks the hook's own.
    pub channel: String,
    /// What notifications show.
    pub text: String,
    /// Null where there are none.
    pub blocks: Value,
    /// The message under which it stands.
    pub thread_ts: Option<String>,
    /// How it came in.
    pub way: Way,
    /// What its sender attached for programs; null where there is nothing.
    pub metadata: Value,
    /// Its former texts, oldest first.
    pub former_texts: Vec<String>,
    /// When it was posted.
    pub at: DateTime<Utc>,
}

/// What a bot may do unless a test says otherwise.
const SCOPES: [&str; 12] = [
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "users:read",
    "chat:write.public",
];

fn owned((id, name): (&str, &str)) -> (String, String) {
    (id.to_owned(), name.to_owned())
}

impl World {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            messages: Vec::new(),
            requests: Vec::new(),
            users: [("U0MONA", "mona"), ("U0HUBOT", "hubot")].map(owned).into(),
            channels: [("C0DEPLOY", "deployment"), ("C0OTHER", "other")].map(owned).into(),
            scopes: SCOPES.map(str::to_owned).into(),
            socket_url: None,
            tokens: vec![crate::slack::DEFAULT_TOKEN.to_owned()],
            refusing: BTreeMap::new(),
            clock: Clock::system(),
            faults: Faults::default(),
            one_per_second: false,
            wait_until: None,
            inside_wait_window: 0,
            counter: 0,
            response_urls: BTreeMap::new(),
        }
    }

    /// The messages of a channel, oldest first.
    #[must_use]
    pub fn in_channel(&self, channel: &str) -> Vec<&Message> {
        self.messages
            .iter()
            .filter(|message| message.channel == channel)
            .collect()
    }

    /// A timestamp that no other message has.
    pub(crate) fn fresh_ts(&mut self) -> String {
        self.counter += 1;
        format!("{}.{:06}", self.clock.now().timestamp(), self.counter)
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Slack at {}", self.url)?;
        for message in &self.messages {
            writeln!(f, "  {message}")?;
        }
        writeln!(f, "  requests:")?;
        for request in &self.requests {
            writeln!(f, "    {request}")?;
        }
        write!(f, "  faults still switched on: {}", self.faults.remaining())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.channel, self.ts)?;
        if let Some(thread) = &self.thread_ts {
            write!(f, " under {thread}")?;
        }
        match &self.way {
            Way::Posted => {}
            Way::Ephemeral { user } => write!(f, " only for {user}")?,
            Way::Webhook => write!(f, " by webhook")?,
            Way::Response { .. } => write!(f, " in response")?,
        }
        if !self.former_texts.is_empty() {
            write!(f, " (edited {} times)", self.former_texts.len())?;
        }
        write!(f, ": {}", self.text)
    }
}
