//! Keys that this version reads and does not act on. Whoever sets one must hear of it, most of all where it would restrict.

use crate::config::Config;

/// One sentence for each such key that is set.
#[must_use]
pub fn not_yet(config: &Config) -> Vec<String> {
    let mut sentences = Vec::new();
    for app in &config.apps {
        for environment in &app.environments {
            let at = format!("apps.{}.environments.{}", app.name, environment.name);
            if !environment.deployers.is_empty() || !environment.admins.is_empty() {
                sentences.push(format!(
                    "`deployers` and `admins` of `{at}` are not enforced in this version: whoever may create deployments on \
                     GitHub may deploy"
                ));
            }
        }
    }
    if config.slack.bot_token.is_some() || config.slack.signing_secret.is_some() {
        sentences.push(
            "`slack.bot_token` and `slack.signing_secret` have no effect in this version: Slack is told, through \
             `slack.incoming_webhook`, but not listened to; a bot can pass on what people say, through `chat.token`"
                .to_owned(),
        );
    }
    sentences
}
