//! Who asks for something, as far as Chima knows them, and how a configuration names people.
//!
//! What anybody can choose for themselves is no name here: a chat's display name, a word in a payload. GitHub vouches for
//! logins, a chat's program for what it tells people apart by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::command::UNNAMED;
use crate::domain::names::{InvalidName, shown};

/// Chats, by the word that stands before the name of somebody in one. `chat` is whatever speaks through the bridge.
pub const CHATS: [&str; 2] = ["slack", "chat"];

/// Somebody who asks, and how Chima knows that it is them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// By which way they ask.
    pub via: Via,
    /// As others know them there, for people to read; no proof of anything where there is an id.
    pub name: String,
    /// What the chat tells people apart by, where that is not the name; the account at a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Their login on GitHub: GitHub says it, or the configuration links it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// By which way somebody asks. The names are stored; add, never rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// At the terminal of the machine that has the ledger and the key.
    Terminal,
    /// In a chat: one of [`CHATS`].
    Chat(String),
    /// On GitHub, which signed it.
    GitHub,
    /// Nobody does: the configuration wants it.
    Itself,
    /// On a page, signed in with GitHub.
    Page,
    /// Through the API, with a token that was made for them on Chima's own machine.
    Token,
}

impl Actor {
    /// Somebody whose login GitHub itself says.
    #[must_use]
    pub fn on_github(login: &str) -> Self {
        Self {
            via: Via::GitHub,
            name: login.to_owned(),
            id: None,
            login: Some(login.to_owned()),
        }
    }

    /// Whoever is meant where Chima asks by itself.
    #[must_use]
    pub fn itself(name: &str) -> Self {
        Self {
            via: Via::Itself,
            name: name.to_owned(),
            id: None,
            login: None,
        }
    }

    /// By what others know them: the login, where there is one.
    #[must_use]
    pub fn known_as(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.name)
    }

    /// What one would write into the configuration to name them.
    #[must_use]
    pub fn entry(&self) -> String {
        match (&self.login, &self.via) {
            (Some(login), _) => login.clone(),
            (None, Via::Chat(chat)) => format!("{chat}:{}", self.proven()),
            (None, Via::Terminal | Via::GitHub | Via::Itself | Via::Page | Via::Token) => self.name.clone(),
        }
    }

    /// As whom they are written down where it counts: at a terminal anybody may say another name, but not be another account.
    #[must_use]
    pub fn answers_as(&self) -> &str {
        match self.via {
            Via::Terminal => self.proven(),
            Via::Chat(_) | Via::GitHub | Via::Itself | Via::Page | Via::Token => self.known_as(),
        }
    }

    /// Whether a name of a configuration means them. Of teams nothing is known here.
    #[must_use]
    pub fn is(&self, named: &Named) -> bool {
        match (named, &self.via) {
            (Named::Login(login), _) => self.login.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(login)),
            (Named::InChat { chat, who }, Via::Chat(own)) => own == chat && self.proven() == who,
            (Named::InChat { .. }, Via::Terminal | Via::GitHub | Via::Itself | Via::Page | Via::Token)
            | (Named::Team { .. }, _) => false,
        }
    }

    /// Where a chat has ids, a name is anybody's to choose.
    fn proven(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

/// People, as a configuration names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Named {
    /// Somebody by their login on GitHub: `mona`.
    Login(String),
    /// Everybody in a team of an organization: `octo/web`.
    Team {
        /// The organization's login.
        organization: String,
        /// The team's name in addresses.
        team: String,
    },
    /// Somebody by what a chat tells people apart by: `slack:U024BE7LH`.
    InChat {
        /// One of [`CHATS`].
        chat: String,
        /// As that chat has it, letter by letter.
        who: String,
    },
}

const EXPECTED: &str =
    "a GitHub login (`mona`), a team (`octo/web`), or somebody in a chat (`slack:U024BE7LH`, `chat:mona.l`)";

impl FromStr for Named {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let refused = || InvalidName::new(text, "how people are named", EXPECTED);
        if let Some((chat, who)) = text.split_once(':') {
            let who = bare(who);
            let good = CHATS.contains(&chat) && is_chat_name(who);
            return if good {
                Ok(Self::InChat {
                    chat: chat.to_owned(),
                    who: who.to_owned(),
                })
            } else {
                Err(refused())
            };
        }
        let name = bare(text);
        match name.split_once('/') {
            None if is_login(name) => Ok(Self::Login(name.to_owned())),
            Some((organization, team)) if is_login(organization) && is_slug(team) => Ok(Self::Team {
                organization: organization.to_owned(),
                team: team.to_owned(),
            }),
            None | Some(_) => Err(refused()),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(login) => f.write_str(login),
            Self::Team { organization, team } => write!(f, "{organization}/{team}"),
            Self::InChat { chat, who } => write!(f, "{chat}:{who}"),
        }
    }
}

impl TryFrom<String> for Named {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Named> for String {
    fn from(named: Named) -> Self {
        named.to_string()
    }
}

/// Without the `@` that people write before names.
#[must_use]
pub fn bare(name: &str) -> &str {
    let name = name.trim();
    name.strip_prefix('@').unwrap_or(name)
}

/// Whether GitHub can have given out this login: to a person, an enterprise's managed user (`mona_acme`) or an App (`x[bot]`).
#[must_use]
pub fn is_login(text: &str) -> bool {
    let name = text.strip_suffix("[bot]").unwrap_or(text);
    (1..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Whether a chat can tell somebody apart by this.
#[must_use]
pub fn is_chat_name(text: &str) -> bool {
    text != UNNAMED && (1..=200).contains(&text.len()) && shown(text).trim() == text && !text.contains(char::is_control)
}

fn is_slug(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_chat(chat: &str, name: &str, id: Option<&str>, login: Option<&str>) -> Actor {
        Actor {
            via: Via::Chat(chat.to_owned()),
            name: name.to_owned(),
            id: id.map(str::to_owned),
            login: login.map(str::to_owned),
        }
    }

    #[test]
    fn names_of_people_read_back() {
        for (text, expected) in [
            ("mona", "mona"),
            ("@mona", "mona"),
            ("Mona-Lisa", "Mona-Lisa"),
            ("mona_acme", "mona_acme"),
            ("release-bot[bot]", "release-bot[bot]"),
            ("octo/web", "octo/web"),
            ("@octo/web.core", "octo/web.core"),
            ("slack:U024BE7LH", "slack:U024BE7LH"),
            ("chat:mona.l", "chat:mona.l"),
            ("chat:@mona.l", "chat:mona.l"),
            ("chat:Mona Lisa", "chat:Mona Lisa"),
        ] {
            let named: Named = text.parse().unwrap();
            assert_eq!(named.to_string(), expected, "{text}");
            assert_eq!(serde_json::to_value(&named).unwrap(), expected);
        }
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for text in [
            "",
            "@",
            "Mona Lisa",
            "mona.l",
            "-mona",
            "octo/",
            "/web",
            "octo/web/core",
            "octo/../web",
            "octo/.web",
            "irc:mona",
            "terminal:mona",
            "slack:",
            "chat:",
            "chat:a\nb",
            "SLACK:U1",
            "mona\u{202e}",
        ] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_chat_name_is_no_login_and_a_login_no_chat_name() {
        let rows: [(Actor, &str, bool); 14] = [
            (Actor::on_github("mona"), "mona", true),
            (Actor::on_github("Mona"), "mona", true),
            (Actor::on_github("mona"), "chat:mona", false),
            (in_chat("chat", "mona", None, None), "mona", false),
            (in_chat("chat", "mona", None, None), "chat:mona", true),
            (in_chat("chat", "Mona", None, None), "chat:mona", false),
            (in_chat("chat", "mona", None, None), "slack:mona", false),
            (in_chat("chat", "mona.l", None, Some("mona")), "mona", true),
            // where there are ids, the name is anybody's to choose
            (in_chat("slack", "mona", Some("U1"), None), "slack:mona", false),
            (in_chat("slack", "mona", Some("U1"), None), "slack:U1", true),
            (in_chat("slack", "mona", Some("U1"), None), "slack:u1", false),
            (in_chat("slack", "mona", Some("U1"), None), "mona", false),
            (in_chat("slack", "x", Some("U1"), Some("mona")), "MONA", true),
            (Actor::on_github("mona"), "octo/web", false),
        ];
        for (actor, named, expected) in rows {
            assert_eq!(actor.is(&named.parse().unwrap()), expected, "{actor:?} {named}");
        }
    }

    #[test]
    fn whoever_is_refused_hears_what_would_name_them() {
        assert_eq!(Actor::on_github("mona").entry(), "mona");
        assert_eq!(in_chat("slack", "Mona", Some("U1"), None).entry(), "slack:U1");
        assert_eq!(in_chat("chat", "mona.l", None, None).entry(), "chat:mona.l");
        assert_eq!(in_chat("chat", "mona.l", None, Some("mona")).entry(), "mona");
    }
}
