//! Slack as people use it: what they type there, what is answered, and where.

mod buttons;
mod deployments;
mod receiving;
mod socket;

use chima::flow::slack;
use chima_simulator::post::Reply;
use chima_simulator::slack::inbound::SlashCommand;
use chima_simulator::slack::world::{Message, Way};
use serde_json::{Value, json};

use crate::world::setup::Setup;
use crate::world::stage::{SLACK_SECRET, World};
use crate::world::steps::PATIENCE;

/// A world with Slack's bot.
pub fn bot() -> Setup {
    World::setup().slack_bot("")
}

impl World {
    pub fn slack_address(&self, which: &str) -> String {
        format!("{}/slack/{which}", self.url)
    }

    /// Mona types a slash command; the answer in the body.
    pub async fn slash(&self, text: &str) -> Value {
        let command = self.slack.slash_command("/chima", text);
        self.send_slash(&command).await
    }

    pub async fn send_slash(&self, command: &SlashCommand) -> Value {
        let to = self.slack_address("commands");
        let reply = self.slack.send_command(&to, SLACK_SECRET, command).await.unwrap();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        if reply.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// Slack tells of an event.
    pub async fn slack_event(&self, id: &str, event: &Value, again: u32) -> Reply {
        let to = self.slack_address("events");
        let slack = &self.slack;
        slack
            .send_event_again(&to, SLACK_SECRET, id, event, again)
            .await
            .unwrap()
    }

    /// Mona mentions the bot in the channel `deployment`.
    pub async fn mention(&self, id: &str, text: &str) {
        let event = json!({"type": "app_mention", "user": "U0MONA", "text": format!("<@U0BOT> {text}"), "ts": "1.5", "channel": "C0DEPLOY"});
        let reply = self.slack_event(id, &event, 0).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }

    /// Slack tells of a pressed button.
    pub async fn send_press(&self, payload: &Value) {
        let to = self.slack_address("interactivity");
        let reply = self.slack.send_interaction(&to, SLACK_SECRET, payload).await.unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }

    /// Answers what was said in Slack, and lets everything be told.
    pub async fn settle_slack(&self) {
        loop {
            self.github.wait_for_deliveries(PATIENCE).await.unwrap();
            self.settle_all().await;
            if slack::step(&self.engine).await.unwrap() == 0 {
                return;
            }
        }
    }

    /// Everything that stands in Slack, in the order in which it came.
    pub async fn in_slack(&self) -> String {
        let lines: Vec<String> = self.slack.messages().iter().map(shown).collect();
        self.redacted(&lines.join("\n")).await
    }
}

/// Where a message is, and what people see of it.
fn shown(message: &Message) -> String {
    let where_ = match &message.way {
        Way::Posted => message.channel.clone(),
        Way::Ephemeral { user } => format!("{} only for {user}", message.channel),
        Way::Webhook => "webhook".to_owned(),
        Way::Response { visible_to_all } => format!("response to {}", if *visible_to_all { "all" } else { "one" }),
    };
    let thread = if message.thread_ts.is_some() {
        " in a thread"
    } else {
        ""
    };
    format!("[{where_}{thread}] {}", content(&message.blocks))
}

/// What blocks show: their texts, and buttons in brackets.
pub fn content(blocks: &Value) -> String {
    let mut lines = Vec::new();
    for block in blocks.as_array().into_iter().flatten() {
        if let Some(text) = block["text"]["text"].as_str() {
            lines.push(text.to_owned());
        }
        let elements: Vec<String> = block["elements"]
            .as_array()
            .into_iter()
            .flatten()
            .map(element)
            .collect();
        if !elements.is_empty() {
            lines.push(elements.join(" · "));
        }
    }
    lines.join("\n")
}

fn element(element: &Value) -> String {
    let button = element["text"]["text"].as_str();
    match (button, element["text"].as_str()) {
        (Some(label), _) => {
            let sure = if element["confirm"].is_null() { "" } else { "?" };
            format!("[{label}{sure}: {}]", element["value"].as_str().unwrap_or_default())
        }
        (None, text) => text.unwrap_or_default().to_owned(),
    }
}
