//! What people do in Slack, as Slack tells an app: slash commands, events, and pressed buttons, all signed.
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use std::time::Duration;

use serde_json::{Value, json};

use crate::post::{PostError, Reply, post};
use crate::sign::slack_signed;
use crate::slack::Slack;

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
        self.send(to, secret, "application/x-www-form-urlencoded", body).await
    }

    /// Sends an event, wrapped as the Events API does. `event_id` is the identity under which Slack repeats it.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_event(&self, to: &str, secret: &str, event_id: &str, event: &Value) -> Result<Reply, PostError> {
        let time = self.read(|world| world.clock.now()).timestamp();
        let body = json!({
            "type": "event_callback",
            "team_id": "T0000001",
            "api_app_id": "A0000001",
            "event": event,
            "event_id": event_id,
            "event_time": time,
        });
        self.send(to, secret, "application/json", body.to_string()).await
    }

    /// Sends an interaction, for example `block_actions`.
    ///
    /// # Errors
    /// When the app does not answer in time.
    pub async fn send_interaction(&self, to: &str, secret: &str, payload: &Value) -> Result<Reply, PostError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        self.send(to, secret, "application/x-www-form-urlencoded", body).await
    }

    async fn send(&self, to: &str, secret: &str, content_type: &str, body: String) -> Result<Reply, PostError> {
        let time = self.read(|world| world.clock.now()).timestamp();
        let mut headers = vec![
            (
                "User-Agent".to_owned(),
                "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned(),
            ),
            ("Content-Type".to_owned(), content_type.to_owned()),
        ];
        headers.extend(slack_signed(body.as_bytes(), secret, time));
        post(to, &headers, body.into_bytes(), ANSWER_TIMEOUT).await
    }
}
