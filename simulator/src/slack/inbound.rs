//! What people do in Slack, as Slack tells an app: slash commands, events, and pressed buttons, all signed.
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use std::time::Duration;

use serde_json::{Value, json};

use crate::post::{PostError, Reply, post};
use crate::sign::slack_signed;
use crate::slack::Slack;
use crate::slack::world::{Message, Way};

const FORM: &str = "application/x-www-form-urlencoded";

/// How long Slack waits for an answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// A slash command that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCommand {
    /// With the slash.
    pub command: String,
    /// What follows it.
    pub text: String,
    /// The person, by ID.
    pub user_id: String,
    /// The person, by name.
    pub user_name: String,
    /// The channel, by ID.
    pub channel_id: String,
    /// The channel, by name.
    pub channel_name: String,
    /// Where later answers go; [`Slack::response_url`] makes one.
    pub response_url: String,
    /// Differs from command to command.
    pub trigger_id: String,
}

impl Slack {
    /// A command by `mona` in the channel `deployment`, with a fresh response address and trigger.
    #[must_use]
    pub fn slash_command(&self, command: &str, text: &str) -> SlashCommand {
        let response_url = self.response_url();
        let trigger_id = format!("{}.trigger", self.read(|world| world.counter));
        SlashCommand {
            command: command.to_owned(),
            text: text.to_owned(),
            user_id: "U0MONA".to_owned(),
            user_name: "mona".to_owned(),
            channel_id: "C0DEPLOY".to_owned(),
            channel_name: "deployment".to_owned(),
            response_url,
            trigger_id,
        }
    }

    /// Sends a slash command to an app.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_command(&self, to: &str, secret: &str, command: &SlashCommand) -> Result<Reply, PostError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("team_id", "T0000001")
            .append_pair("team_domain", "octo")
            .append_pair("channel_id", &command.channel_id)
            .append_pair("channel_name", &command.channel_name)
            .append_pair("user_id", &command.user_id)
            .append_pair("user_name", &command.user_name)
            .append_pair("command", &command.command)
            .append_pair("text", &command.text)
            .append_pair("response_url", &command.response_url)
            .append_pair("trigger_id", &command.trigger_id)
            .finish();
        self.send(to, secret, (FORM, &[]), body).await
    }

    /// Sends an event, wrapped as the Events API does. `event_id` is the identity under which Slack repeats it.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_event(&self, to: &str, secret: &str, event_id: &str, event: &Value) -> Result<Reply, PostError> {
        self.send_event_again(to, secret, event_id, event, 0).await
    }

    /// Sends an event for the so-many-th time after the first, as Slack does when it got no answer.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_event_again(
        &self,
        to: &str,
        secret: &str,
        event_id: &str,
        event: &Value,
        again: u32,
    ) -> Result<Reply, PostError> {
        let time = self.read(|world| world.clock.now()).timestamp();
        let body = json!({
            "type": "event_callback",
            "team_id": "T0000001",
            "api_app_id": "A0000001",
            "event": event,
            "event_id": event_id,
            "event_time": time,
            "authorizations": [{"team_id": "T0000001", "user_id": "U0BOT", "is_bot": true}],
        });
        let retry = [
            ("X-Slack-Retry-Num".to_owned(), again.to_string()),
            ("X-Slack-Retry-Reason".to_owned(), "http_timeout".to_owned()),
        ];
        let retry: &[_] = if again == 0 { &[] } else { &retry };
        self.send(to, secret, ("application/json", retry), body.to_string())
            .await
    }

    /// Asks whether an address is the right one.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn verify_url(&self, to: &str, secret: &str, challenge: &str) -> Result<Reply, PostError> {
        let body = json!({"type": "url_verification", "challenge": challenge, "token": "legacy"});
        self.send(to, secret, ("application/json", &[]), body.to_string()).await
    }

    /// A person presses a button of a message: the `action_id` names it.
    #[must_use]
    pub fn pressed(&self, message: &Message, action_id: &str, (user_id, user_name): (&str, &str)) -> Value {
        let buttons = message.blocks.as_array().into_iter().flatten();
        let buttons = buttons.filter_map(|block| block["elements"].as_array()).flatten();
        let button = buttons.clone().find(|button| button["action_id"] == action_id);
        let button = button.cloned().unwrap_or_default();
        let response_url = self.response_url();
        let private = matches!(
            message.way,
            Way::Ephemeral { .. } | Way::Response { visible_to_all: false }
        );
        let mut payload = json!({
            "type": "block_actions",
            "api_app_id": "A0000001",
            "team": {"id": "T0000001", "domain": "octo"},
            "user": {"id": user_id, "username": user_name, "name": user_name, "team_id": "T0000001"},
            "channel": {"id": message.channel, "name": self.read(|world| world.channels.get(&message.channel).cloned())},
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": private},
            "trigger_id": format!("{}.pressed", self.read(|world| world.counter)),
            "response_url": response_url,
            "message": {"ts": message.ts, "text": message.text, "blocks": message.blocks},
            "actions": [{
                "type": "button", "block_id": "actions", "action_id": action_id,
                "value": button["value"], "text": button["text"], "action_ts": message.ts,
            }],
        });
        if let Some(thread) = &message.thread_ts {
            payload["container"]["thread_ts"] = json!(thread);
            payload["message"]["thread_ts"] = json!(thread);
        }
        payload
    }

    /// Sends an interaction, for example `block_actions`.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_interaction(&self, to: &str, secret: &str, payload: &Value) -> Result<Reply, PostError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        self.send(to, secret, (FORM, &[]), body).await
    }

    async fn send(
        &self,
        to: &str,
        secret: &str,
        (content_type, more): (&str, &[(String, String)]),
        body: String,
    ) -> Result<Reply, PostError> {
        let time = self.read(|world| world.clock.now()).timestamp();
        let mut headers = vec![
            (
                "User-Agent".to_owned(),
                "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned(),
            ),
            ("Content-Type".to_owned(), content_type.to_owned()),
        ];
        headers.extend_from_slice(more);
        headers.extend(slack_signed(body.as_bytes(), secret, time));
        post(to, &headers, body.into_bytes(), ANSWER_TIMEOUT).await
    }
}
