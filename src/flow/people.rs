//! Whom Chima takes somebody for who speaks to it.

use crate::config::Config;
use crate::domain::actor::{Actor, Via, bare};
use crate::domain::conversation::{Place, Speaker};

/// The bridge calls itself by what it is, people call it a chat.
const BRIDGE: (&str, &str) = ("bridge", "chat");

/// Whoever speaks, with the login that the configuration links them to. GitHub itself says who wrote a comment.
#[must_use]
pub fn actor(config: &Config, speaker: &Speaker) -> Actor {
    match &speaker.place {
        Place::PullRequest { .. } => Actor::on_github(&speaker.name),
        Place::Api { login, .. } => Actor {
            via: Via::Token,
            name: speaker.name.clone(),
            id: speaker.id.clone(),
            login: Some(login.clone()),
        },
        Place::Page { login, .. } => Actor {
            via: Via::Page,
            name: speaker.name.clone(),
            id: speaker.id.clone(),
            login: Some(login.clone()),
        },
        Place::Terminal => Actor {
            via: Via::Terminal,
            name: speaker.name.clone(),
            id: speaker.id.clone(),
            login: None,
        },
        Place::Room { adapter, .. } => {
            let chat = if *adapter == BRIDGE.0 { BRIDGE.1 } else { adapter };
            let name = bare(&speaker.name).to_owned();
            let who = speaker.id.as_deref().unwrap_or(&name);
            Actor {
                via: Via::Chat(chat.to_owned()),
                login: config.people.login_of(chat, who).map(str::to_owned),
                id: speaker.id.clone(),
                name,
            }
        }
    }
}
