//! What was posted, as plain data.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::journal::Recorded;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// An incoming webhook of Mattermost.
    Mattermost,
    /// An incoming webhook of Rocket.Chat.
    RocketChat,
    /// A webhook of a Discord channel.
    Discord,
    /// A workflow of Microsoft Teams.
    Teams,
    /// A program that verifies signatures.
    Program,
    /// A bot that verifies them, too.
    Bot,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mattermost,
        Self::RocketChat,
        Self::Discord,
        Self::Teams,
        Self::Program,
        Self::Bot,
    ];

    /// Path and query of its address, which are its secret.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Mattermost => "/hooks/simulatormattermosthook",
            Self::RocketChat => "/hooks/66simulatorrocket/simulatorrocketchathook",
            Self::Discord => "/api/webhooks/1180000000000000001/simulatordiscordhook",
            Self::Teams => {
                "/workflows/simulatorteamsflow/triggers/manual/paths/invoke?api-version=1&sig=simulatorteamshook"
            }
            Self::Program => "/signed/simulatorprogram",
            Self::Bot => "/signed/simulatorbot",
        }
    }
}

/// Something that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// By whom.
    pub service: Service,
    /// When.
    pub at: DateTime<Utc>,
    /// All of it.
    pub body: Value,
    /// What people see of it: the letters of a card, too.
    pub text: String,
    /// Whether it calls everybody in the room.
    pub calls_everybody: bool,
    /// The id that the sender gave it, where it is signed.
    pub id: Option<String>,
}

/// Everything that was told.
#[derive(Debug)]
pub struct World {
    /// Without a trailing slash.
    pub url: String,
    /// What was taken, oldest first.
    pub posted: Vec<Posted>,
    /// Every request that was made, oldest first.
    pub requests: Vec<Recorded>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    /// Until when each wants silence.
    pub(crate) wait_until: BTreeMap<Service, DateTime<Utc>>,
    pub(crate) inside_wait_window: u32,
}

impl World {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            posted: Vec::new(),
            requests: Vec::new(),
            clock: Clock::system(),
            faults: Faults::default(),
            wait_until: BTreeMap::new(),
            inside_wait_window: 0,
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Rooms at {}", self.url)?;
        for posted in &self.posted {
            writeln!(f, "  {:?}: {}", posted.service, posted.text)?;
        }
        for request in &self.requests {
            writeln!(f, "  {request}")?;
        }
        Ok(())
    }
}
