//! Somebody says something to Chima, and Chima answers.

use serde::{Deserialize, Serialize};

use crate::domain::ids::DeploymentId;
use crate::domain::names::{AppName, Sha};

/// Who speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// As others know them there; from outside, so it is escaped where it is shown.
    pub name: String,
    /// What that chat itself tells people apart by, and does not change with the name; none where there is only a name.
    pub id: Option<String>,
    /// Where it is said.
    pub place: Place,
}

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the terminal of the machine itself.
    Terminal,
    /// In a room of a chat.
    Room {
        /// Which program brought it.
        adapter: &'static str,
        /// The room's name, or its id where that is all the program says.
        room: String,
        /// The room's id, where the program tells it apart from the name.
        id: Option<String>,
        /// The thread in it.
        thread: Option<String>,
        /// Where the program itself wants to hear what becomes of it: one of the names in `chat.callbacks`.
        callback: Option<String>,
    },
    /// Through the API.
    Api {
        /// Whose token it is: the login that they are judged by.
        login: String,
        /// Ours, of the request: it is in the payload of the deployment that comes of it.
        ask: Option<String>,
    },
    /// On a page, signed in.
    Page {
        /// Their login, by which they are judged.
        login: String,
        /// Ours, of the request: it is in the payload of the deployment that comes of it.
        ask: Option<String>,
        /// Where they may more than look, whatever else is asked of them there.
        deploys: Vec<AppName>,
    },
    /// In a comment on a pull request.
    PullRequest {
        /// Its number.
        number: u64,
        /// Its branch.
        branch: String,
        /// Where that was when the comment was written: this is what is meant.
        sha: Sha,
        /// Ours, of the comment: it is in the payload of the deployment that comes of it.
        ask: String,
    },
}

impl Speaker {
    /// Where they hear what becomes of it, where a program has said so.
    #[must_use]
    pub fn listener(&self) -> Option<Listener> {
        match &self.place {
            Place::Room {
                room,
                thread,
                callback: Some(callback),
                ..
            } => Some(Listener {
                callback: callback.clone(),
                room: room.clone(),
                thread: thread.clone(),
                user: self.name.clone(),
            }),
            Place::Room { .. }
            | Place::Terminal
            | Place::Api { .. }
            | Place::Page { .. }
            | Place::PullRequest { .. } => None,
        }
    }
}

/// Where whoever asked hears what becomes of it: a bot is told, and says it in the room. It may have been read in a payload, so
/// nothing in it is trusted: the name leads only to an address of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The name in `chat.callbacks`.
    pub callback: String,
    /// As the bot called the room.
    pub room: String,
    /// The thread in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Who asked.
    pub user: String,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// For people: lines of Markdown that need nothing but backticks and dashes to be read.
    pub text: String,
    /// Whether it was done, or found.
    pub ok: bool,
    /// Why not: a stable code.
    pub reason: Option<&'static str>,
    /// The deployment that came of it.
    pub deployment: Option<DeploymentId>,
    /// What may be said next, as buttons where there are any.
    pub offers: Vec<Offer>,
}

/// A command that somebody may want to give now. To press its button is to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What stands on the button.
    pub label: String,
    /// What is said, as one would type it.
    pub says: String,
    /// What is asked before, where it cannot be taken back.
    pub caution: Option<String>,
}

impl Reply {
    /// It was done, or found.
    #[must_use]
    pub fn done(text: String) -> Self {
        Self {
            text,
            ok: true,
            reason: None,
            deployment: None,
            offers: Vec::new(),
        }
    }

    /// It was not.
    #[must_use]
    pub fn refused(reason: &'static str, text: String) -> Self {
        Self {
            text,
            ok: false,
            reason: Some(reason),
            deployment: None,
            offers: Vec::new(),
        }
    }

    /// The same, and what may be said next.
    #[must_use]
    pub fn offering(self, offers: Vec<Offer>) -> Self {
        Self { offers, ..self }
    }
}
