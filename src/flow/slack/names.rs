//! What people and rooms of Slack are called. Their ids tell them apart; names are for people, and for configurations.

use crate::chat::slack::heard::Heard;
use crate::domain::conversation::{Place, Speaker};
use crate::flow::engine::Engine;

/// Who speaks, and where. Where Slack does not say a name, the id takes its place: nobody waits for a name.
pub(super) async fn speaker(engine: &Engine, heard: &Heard) -> Speaker {
    let name = match &heard.user_name {
        Some(name) => name.clone(),
        None => user(engine, &heard.user).await,
    };
    let room = match &heard.channel_name {
        Some(name) => name.clone(),
        None => room(engine, &heard.channel).await,
    };
    Speaker {
        name,
        id: Some(heard.user.clone()),
        place: Place::Room {
            callback: None,
            adapter: "slack",
            room,
            id: Some(heard.channel.clone()),
            thread: heard.thread.clone(),
        },
    }
}

async fn user(engine: &Engine, id: &str) -> String {
    let Some(bot) = &engine.slack_bot else {
        return id.to_owned();
    };
    bot.user_name(id).await.unwrap_or_else(|error| {
        tracing::warn!(user = id, error = %error, "Slack does not say what somebody is called");
        id.to_owned()
    })
}

async fn room(engine: &Engine, id: &str) -> String {
    let Some(bot) = &engine.slack_bot else {
        return id.to_owned();
    };
    bot.room_name(id).await.unwrap_or_else(|error| {
        tracing::warn!(channel = id, error = %error, "Slack does not say what a channel is called");
        id.to_owned()
    })
}
