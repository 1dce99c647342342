//! A webhook of Discord: 204 where it was taken; 429 says in its body how long to wait, in seconds with a fraction.
//! <https://discord.com/developers/docs/topics/rate-limits>

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::domain::names::shown;
use crate::notify::post::{Address, SendError};

/// A channel of Discord.
#[derive(Debug, Clone)]
pub struct Discord {
    address: Address,
}

impl Discord {
    /// The channel behind an address.
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
        if let (429, Some(seconds)) = (answer.status, said["retry_after"].as_f64()) {
            // a moment more: it refuses whoever comes too early, and in the end for longer
            let wait = Duration::try_from_secs_f64(seconds.max(0.0)).ok();
            return Err(self
                .address
                .rate_limited(wait.map(|wait| wait + Duration::from_millis(50))));
        }
        match (said["message"].as_str(), self.address.judge(&answer)) {
            (Some(words), Err(SendError::Refused { .. })) => {
                Err(self.address.refused(answer.status, &format!(": {}", shown(words))))
            }
            (_, judged) => judged,
        }
    }
}
