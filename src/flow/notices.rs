//! Sends news to those whom the configuration names: to each in their own form, at their own pace, in their own line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::conversation::Listener;
use crate::domain::pace::Pace;
use crate::domain::run::Run;
use crate::flow::chat::look;
use crate::flow::engine::Engine;
use crate::notify::discord::Discord;
use crate::notify::email::Email;
use crate::notify::post::SendError;
use crate::notify::room::Room;
use crate::notify::signed::Signed;
use crate::report::news::News;
use crate::report::{card, mail, markdown};
use crate::store::error::StoreError;
use crate::store::outbox::Claimed;
use crate::store::reading::At;

/// News in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeMessage {
    /// For whom, by the name of their line.
    pub to: String,
    /// In which room they are to pass it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
    /// What is told.
    pub news: News,
}

/// How a recipient is reached.
#[derive(Debug)]
pub enum Sender {
    /// A bot that passes it on in a room.
    Bot(Signed),
    /// A program.
    Program(Signed),
    /// A room of Mattermost.
    Mattermost(Room),
    /// A room of Rocket.Chat.
    RocketChat(Room),
    /// A channel of Discord.
    Discord(Discord),
    /// A channel of Microsoft Teams.
    Teams(Room),
    /// People.
    Email(Box<Email>),
}

/// Everybody who can be told, by the name of their line.
#[derive(Debug, Default)]
pub struct Recipients(BTreeMap<String, Sender>);

impl Recipients {
    /// These.
    #[must_use]
    pub fn new(senders: BTreeMap<String, Sender>) -> Self {
        Self(senders)
    }

    /// The names of their lines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How fast one of them may be told.
    #[must_use]
    pub fn pace(&self, name: &str) -> Pace {
        self.0.get(name).map_or_else(|| Pace::new(60), Sender::pace)
    }
}

impl Sender {
    /// Discord takes 30 a minute in one channel, and five in two seconds; a workflow of Teams four in a second.
    /// <https://discord.com/developers/docs/topics/rate-limits>
    fn pace(&self) -> Pace {
        match self {
            Self::Discord(_) => Pace::new(15),
            Self::Mattermost(_) | Self::RocketChat(_) | Self::Teams(_) | Self::Email(_) => Pace::new(60),
            Self::Bot(_) | Self::Program(_) => Pace::new(300),
        }
    }

    async fn send(&self, engine: &Engine, id: &str, message: &NoticeMessage) -> Result<(), SendError> {
        let news = &message.news;
        match self {
            Self::Bot(bot) => bot.send(id, engine.now(), &for_bot(id, message)).await,
            Self::Program(program) => program.send(id, engine.now(), &for_program(id, news, engine)).await,
            Self::Mattermost(room) => room.send(&markdown::mattermost(news)).await,
            Self::RocketChat(room) => room.send(&markdown::rocket_chat(news)).await,
            Self::Discord(channel) => channel.send(&markdown::discord(news)).await,
            Self::Teams(channel) => channel.send(&card::teams(news)).await,
            Self::Email(people) => people.send(id, &mail::subject(news), &mail::body(news)).await,
        }
    }
}

/// Why something did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// It was not taken.
    #[error(transparent)]
    Sending(SendError),
    /// Nobody of this name is there.
    #[error("`{0}` is not in the configuration any more, or its secret is not there: put it back")]
    Nobody(String),
    /// The row cannot be read.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// Gives up what waits for somebody who is not there any more: nobody else would ever look at it.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn give_up_on_strangers(engine: &Engine) -> Result<(), StoreError> {
    for name in engine.store.awaited_recipients().await? {
        if !engine.recipients.0.contains_key(&name) {
            let why = Undelivered::Nobody(name.clone()).to_string();
            let count = engine.store.bury_all_for(&name, &why, engine.now()).await?;
            if count > 0 {
                tracing::error!(recipient = name, count, "given up: {why}");
            }
        }
    }
    Ok(())
}

/// Sends one row.
///
/// # Errors
///
/// The inner when it did not arrive, the outer when the ledger cannot be used.
pub async fn send(engine: &Engine, claimed: &Claimed) -> Result<Result<(), Undelivered>, StoreError> {
    let mut message: NoticeMessage = match serde_json::from_value(claimed.outgoing.body.clone()) {
        Ok(message) => message,
        Err(error) => return Ok(Err(Undelivered::Unreadable(error.to_string()))),
    };
    let Some(sender) = engine.recipients.0.get(&message.to) else {
        return Ok(Err(Undelivered::Nobody(message.to)));
    };
    message.news = with_ending(engine, claimed, message.news).await?;
    let sent = Box::pin(sender.send(engine, &claimed.outgoing.id, &message)).await;
    Ok(sent.map_err(Undelivered::Sending))
}

/// Of what went wrong, the log and what runs now are read when it is told: neither changes any more by then.
async fn with_ending(engine: &Engine, claimed: &Claimed, news: News) -> Result<News, StoreError> {
    let Some(run) = claimed.outgoing.run else {
        return Ok(news);
    };
    let Some(run) = engine.store.find_run(run).await? else {
        return Ok(news);
    };
    if !News::went_wrong(run.state) || news.state != run.state.as_str() {
        return Ok(news);
    }
    let tail = look::tail(&engine.config.data_dir, &run);
    let environment = match &run.order {
        Some(order) => order.environment.as_str(),
        None => &run.environment,
    };
    let current = current(engine, &run, environment).await?;
    Ok(news.with_ending(tail.as_deref(), current.as_ref(), environment))
}

async fn current(engine: &Engine, run: &Run, environment: &str) -> Result<Option<Run>, StoreError> {
    let at = At {
        host: &run.host,
        repository: run.repository.as_str(),
        environment,
    };
    Ok(engine.store.successes_of(at, 1).await?.pop())
}

/// What a bot gets: where to say it, and what.
fn for_bot(id: &str, message: &NoticeMessage) -> Value {
    let (news, listener) = (&message.news, message.listener.as_ref());
    json!({
        "key": id,
        "room": listener.map(|listener| &listener.room),
        "thread": listener.and_then(|listener| listener.thread.as_ref()),
        "user": listener.map(|listener| &listener.user),
        "text": markdown::for_bots(news),
        "kind": news.kind,
        "state": news.state,
        "deployment": news.data["deployment"],
        "run": news.data["run"],
        "url": news.page,
    })
}

/// What a program gets, in the form that Standard Webhooks recommend.
fn for_program(id: &str, news: &News, engine: &Engine) -> Value {
    json!({
        "type": format!("{}.{}", news.kind, news.state),
        "timestamp": engine.now().to_rfc3339(),
        "key": id,
        "text": markdown::for_bots(news),
        "data": news.data,
    })
}
