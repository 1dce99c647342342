//! Whether Slack's bot may do what it has to, and is where it should be.

use std::collections::BTreeSet;

use secrecy::SecretString;

use crate::app::doctor::Finding;
use crate::config::Config;
use crate::config::secret::{self, SecretSource};
use crate::notify::slack::api::{ApiError, SlackApi};
use crate::report::slack::manifest::SCOPES;
use crate::report::slack::run::is_channel;

const AGAIN: &str = "compare the app's scopes with what `chima setup slack` prints, and install it again";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let slack = &config.slack;
    let mut findings = Vec::new();
    if let Some(token) = value(slack.bot_token.as_ref()) {
        findings.extend(bot(config, token).await);
        if slack.signing_secret.is_none() && slack.app_token.is_none() {
            findings.push(Finding::odd(
                "Slack: commands are not heard".to_owned(),
                "set `slack.signing_secret`, or `slack.app_token` where Slack cannot reach this server",
            ));
        }
    }
    if let Some(token) = value(slack.app_token.as_ref()) {
        findings.push(socket(config, token).await);
    }
    findings
}

/// What is not set up is told by `chima check`.
fn value(source: Option<&SecretSource>) -> Option<SecretString> {
    secret::read(source?).ok().flatten()
}

async fn bot(config: &Config, token: SecretString) -> Vec<Finding> {
    let api = match SlackApi::new(&config.slack.api_url, token) {
        Ok(api) => api,
        Err(error) => return vec![trouble("the bot", &error)],
    };
    let identity = match api.identity().await {
        Ok(identity) => identity,
        Err(error) => return vec![trouble("the bot", &error)],
    };
    let (user, team) = (&identity.user, &identity.team);
    let mut findings = vec![Finding::well(format!(
        "Slack: the bot is `{user}` in the workspace `{team}`"
    ))];
    let lacks = |scope: &&str| !identity.scopes.is_empty() && !identity.scopes.iter().any(|own| own == scope);
    let missing: Vec<String> = SCOPES
        .iter()
        .filter(|(scope, _)| lacks(scope))
        .map(|(scope, purpose)| format!("`{scope}` ({purpose})"))
        .collect();
    if !missing.is_empty() {
        findings.push(Finding::odd(
            format!("Slack: the bot lacks {}", missing.join(", ")),
            AGAIN,
        ));
    }
    for channel in channels(config) {
        findings.push(membership(&api, channel).await);
    }
    findings
}

/// Every channel that is configured, once.
fn channels(config: &Config) -> BTreeSet<&str> {
    let own = config.apps.iter().flat_map(|app| &app.environments);
    let own = own.filter_map(|environment| environment.slack_channel.as_deref());
    own.chain(config.slack.channel.as_deref()).collect()
}

async fn membership(api: &SlackApi, channel: &str) -> Finding {
    if !is_channel(channel) {
        // Slack finds channels by their ids only
        return Finding::well(format!(
            "Slack: channel `{channel}` is configured by its name; whether the bot is there shows when it writes"
        ));
    }
    match api.is_member(channel).await {
        Ok(Some(true)) => Finding::well(format!("Slack: the bot is in channel `{channel}`")),
        Ok(Some(false) | None) => Finding::bad(
            format!("Slack: the bot is not in channel `{channel}`"),
            "invite it there: `/invite @chima`",
        ),
        Err(error) => trouble(&format!("channel `{channel}`"), &error),
    }
}

async fn socket(config: &Config, token: SecretString) -> Finding {
    let asked = match SlackApi::new(&config.slack.api_url, token) {
        Ok(api) => api.socket_url().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(_) => Finding::well("Slack: Socket Mode can be opened".to_owned()),
        Err(error) => trouble("Socket Mode", &error),
    }
}

fn trouble(what: &str, error: &ApiError) -> Finding {
    let text = format!("Slack: {what}: {error}");
    if error.is_transient() {
        Finding::odd(text, "look again when Slack answers; deployments go on without it")
    } else {
        Finding::bad(text, "do what the text says; until then Slack hears nothing")
    }
}
