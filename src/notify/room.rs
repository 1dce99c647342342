//! Rooms whose incoming webhooks answer as HTTP wants it: Mattermost, Rocket.Chat and workflows of Microsoft Teams.
//!
//! Mattermost answers `ok`, or an error as JSON with a `message`:
//! <https://developers.mattermost.com/integrate/webhooks/incoming/>. Rocket.Chat answers `{"success": true}`, and 400 with
//! `error` also where it means "too many": <https://developer.rocket.chat/apidocs/rate-limiter>. A workflow answers 202 before
//! anything is posted: what its card looks like, it never tells.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::domain::names::shown;
use crate::notify::post::{Address, SendError};

/// A room of one of these.
#[derive(Debug, Clone)]
pub struct Room {
    address: Address,
}

impl Room {
    /// The room behind an address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    /// Posts a message.
    ///
    /// # Errors
    ///
    /// Unless it was taken.
    pub async fn send(&self, message: &Value) -> Result<(), SendError> {
        let answer = self
            .address
            .post(message.to_string().into_bytes(), HeaderMap::new())
            .await?;
        let said: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let error = said["error"]
            .as_str()
            .or(said["message"].as_str())
            .or(said["error"]["message"].as_str());
        if error.is_some_and(|error| error.contains("too-many-requests")) {
            return Err(self.address.rate_limited(None));
        }
        if (200..300).contains(&answer.status) && said["success"] == Value::Bool(false) {
            let words = error.unwrap_or("no reason");
            return Err(self.address.refused(answer.status, &format!(": {}", shown(words))));
        }
        match (error, self.address.judge(&answer)) {
            (Some(words), Err(SendError::Refused { .. })) => {
                Err(self.address.refused(answer.status, &format!(": {}", shown(words))))
            }
            (_, judged) => judged,
        }
    }
}
