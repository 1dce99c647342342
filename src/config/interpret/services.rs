//! What GitHub, Slack and the chat bridge need: addresses and the places of secrets.

use std::time::Duration;

use url::Url;

use crate::config::file::{GitHub, Polling, PollingEvery, Secret, Slack};
use crate::config::interpret::Reading;
use crate::config::interpret::addresses::{self, Address};
use crate::config::problem::KeyPath;
use crate::config::secret::SecretSource;
use crate::config::{self, GitHubAuth, defaults};
use crate::domain::names::shown;

impl Reading<'_> {
    pub(super) fn github(&mut self, github: GitHub) -> Option<config::GitHub> {
        let path = KeyPath::of(&["github"]);
        let url = github.url.as_deref().unwrap_or(defaults::GITHUB_URL);
        let url = self.address(url, Address::Base, &path.key("url"));
        let api_url = match github.api_url {
            Some(text) => self.address(&text, Address::Base, &path.key("api_url")),
            None => url.as_deref().map(api_of),
        };
        let token = self.plain_secret(github.token, &path.key("token"));
        let private_key = self.plain_secret(github.private_key, &path.key("private_key"));
        let webhook_secrets = self.webhook_secrets(github.webhook_secrets, &path.key("webhook_secrets"));
        let ca_file = match &github.ca_file {
            Some(file) => self.path(file, &path.key("ca_file")).map(Some),
            None => Some(None),
        };
        let known_apps = self.words(github.known_apps, "", &path.key("known_apps"));
        let auth = match (github.app_id, private_key?, token?) {
            (None, None, None) => Some(GitHubAuth::None),
            (None, None, Some(token)) => Some(GitHubAuth::Token(token)),
            (Some(app_id), Some(private_key), None) => Some(GitHubAuth::App { app_id, private_key }),
            (Some(_), None, None) => {
                let hint = "make a key on the App's page and write `private_key: { file: PATH }`";
                self.refuse_key(
                    &path.key("app_id"),
                    "`app_id` without `private_key`".to_owned(),
                    Some(hint.to_owned()),
                )
            }
            (None, Some(_), None) => {
                let hint = "write the number that the App's page shows as `app_id`";
                self.refuse_key(
                    &path.key("private_key"),
                    "`private_key` without `app_id`".to_owned(),
                    Some(hint.to_owned()),
                )
            }
            (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
                let text = "`token` beside the keys of a GitHub App; expected one of both".to_owned();
                self.refuse_key(
                    &path.key("token"),
                    text,
                    Some("an App can do less, which is better: remove `token`".to_owned()),
                )
            }
        };
        let url = url?;
        Some(config::GitHub {
            host: addresses::host(&url),
            url,
            api_url: api_url?,
            auth: auth?,
            ca_file: ca_file?,
            webhook_secrets: webhook_secrets?,
            writes_per_minute: github.writes_per_minute.unwrap_or(defaults::WRITES_PER_MINUTE),
            writes_per_hour: github.writes_per_hour.unwrap_or(defaults::WRITES_PER_HOUR),
            known_apps: known_apps?,
            polling: github.polling.and_then(interval),
        })
    }

    fn webhook_secrets(&mut self, secrets: Option<Vec<Secret>>, path: &KeyPath) -> Option<Vec<SecretSource>> {
        let mut sources = Some(Vec::new());
        for (index, named) in secrets.unwrap_or_default().into_iter().enumerate() {
            let source = self.strong_secret(Some(named), &path.index(index)).flatten();
            match (source, &mut sources) {
                (Some(source), Some(sources)) => sources.push(source),
                (None, _) => sources = None,
                (Some(_), None) => {}
            }
        }
        sources
    }

    pub(super) fn slack(&mut self, slack: Slack) -> Option<config::Slack> {
        let path = KeyPath::of(&["slack"]);
        let api_url = slack.api_url.as_deref().unwrap_or(defaults::SLACK_API_URL);
        let api_url = self.address(api_url, Address::Base, &path.key("api_url"));
        let incoming_webhook = self.plain_secret(slack.incoming_webhook, &path.key("incoming_webhook"));
        let bot_token = self.plain_secret(slack.bot_token, &path.key("bot_token"));
        let app_token = self.plain_secret(slack.app_token, &path.key("app_token"));
        let channel = self.channel(slack.channel, &path.key("channel"));
        let signing_secret = self.strong_secret(slack.signing_secret, &path.key("signing_secret"));
        Some(config::Slack {
            api_url: api_url?,
            incoming_webhook: incoming_webhook?,
            bot_token: bot_token?,
            signing_secret: signing_secret?,
            app_token: app_token?,
            channel: channel?,
            other_deployments: slack.other_deployments.unwrap_or(true),
        })
    }

    /// A channel of Slack. Neither ids nor names have spaces; a name may be written with its `#`.
    pub(super) fn channel(&mut self, channel: Option<String>, path: &KeyPath) -> Option<Option<String>> {
        let Some(channel) = channel else {
            return Some(None);
        };
        let name = channel.strip_prefix('#').unwrap_or(&channel);
        let fits =
            matches!(name.chars().count(), 1..=80) && !name.contains(|c: char| c.is_whitespace() || "<>#&".contains(c));
        if fits {
            return Some(Some(channel));
        }
        let text = format!("`{path}` is `{}`; expected a channel of Slack", shown(&channel));
        let hint = "write its id, as in `C0123456789`, or its name, as in `deployments`".to_owned();
        self.refuse(path, text, Some(hint))
    }

    pub(super) fn chat(&mut self, token: Option<Secret>) -> Option<Option<SecretSource>> {
        self.strong_secret(token, &KeyPath::of(&["chat", "token"]))
    }
}

/// How often GitHub is asked for new deployments, if at all.
fn interval(polling: Polling) -> Option<Duration> {
    let every = match polling {
        Polling::Switch(false) => return None,
        Polling::Switch(true) => PollingEvery::default(),
        Polling::Every(every) => every,
    };
    let seconds = every.interval_seconds.unwrap_or(defaults::POLLING_SECONDS);
    Some(Duration::from_secs(seconds))
}

/// Where a GitHub has its REST API, when the file does not say. A stand-in's must be named.
/// <https://docs.github.com/en/enterprise-server@latest/rest/using-the-rest-api/getting-started-with-the-rest-api>
fn api_of(url: &str) -> String {
    if url == defaults::GITHUB_URL {
        return defaults::GITHUB_API_URL.to_owned();
    }
    let tenant = Url::parse(url).ok().and_then(|url| {
        url.host_str()
            .filter(|host| host.ends_with(".ghe.com"))
            .map(str::to_owned)
    });
    match tenant {
        Some(host) => format!("https://api.{host}"),
        None => format!("{url}/api/v3"),
    }
}
