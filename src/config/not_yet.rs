//! Keys that this version reads and does not act on. Whoever sets one must hear of it, most of all where it would restrict.

use crate::config::Config;

/// One sentence for each such key that is set.
#[must_use]
pub fn not_yet(config: &Config) -> Vec<String> {
    let mut sentences = Vec::new();
    if config.slack.bot_token.is_some() || config.slack.signing_secret.is_some() {
        sentences.push(
            "`slack.bot_token` and `slack.signing_secret` have no effect in this version: Slack is told, through \
             `slack.incoming_webhook`, but not listened to; a bot can pass on what people say, through `chat.token`"
                .to_owned(),
        );
    }
    sentences
}
