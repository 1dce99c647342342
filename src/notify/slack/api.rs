//! Slack's Web API, as the bot of a token: messages that can be changed and have threads, and who and where people are.
//!
//! Slack answers nearly everything with 200 and says in the body whether it was done. <https://docs.slack.dev/apis/web-api>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::domain::names::shown;
use crate::notify::slack::detail;
use crate::webhook::same::same;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Names are kept so long: people rarely change theirs.
const KEPT: Duration = Duration::from_secs(3600);
/// More names than this are asked for again.
const NAMES_LIMIT: usize = 10_000;

/// What these mean is that the same call may work later.
const PASSING: [&str; 6] = [
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];

/// A call that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer came: it may have been done all the same.
    #[error("Slack did not answer: {detail}")]
    Unreachable {
        /// What happened instead.
        detail: String,
    },
    /// Too many calls.
    #[error("Slack asks to wait {} s", wait.as_secs())]
    RateLimited {
        /// How long.
        wait: Duration,
    },
    /// Slack has trouble of its own.
    #[error("Slack answered {what}")]
    Trouble {
        /// A status, or its code.
        what: String,
    },
    /// Slack does not do that, now or later.
    #[error("Slack answered `{code}`; {}", advice(code))]
    Refused {
        /// Its code.
        code: String,
    },
}

impl ApiError {
    /// Whether the same call may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// How long Slack asked to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait } => Some(*wait),
            Self::Unreachable { .. } | Self::Trouble { .. } | Self::Refused { .. } => None,
        }
    }

    /// The status of the answer, where it is known: what Slack refuses it answers with 200.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Refused { .. } => Some(200),
            Self::Unreachable { .. } | Self::Trouble { .. } => None,
        }
    }

    /// Slack's code, where it refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code } => Some(code),
            Self::Unreachable { .. } | Self::RateLimited { .. } | Self::Trouble { .. } => None,
        }
    }
}

/// What to do about a refusal.
fn advice(code: &str) -> &'static str {
    match code {
        "channel_not_found" => {
            "there is no such channel, or the bot does not see it: invite the bot there (`/invite @chima`), or name another one \
             with `slack.channel`"
        }
        "not_in_channel" => "invite the bot to the channel: `/invite @chima`",
        "is_archived" => "the channel is archived: name another one with `slack.channel`",
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "install the Slack app again and put its new token into `slack.bot_token`"
        }
        "not_allowed_token_type" => {
            "that is a token of another kind: a bot's begins with `xoxb-`, an app's with `xapp-`"
        }
        "missing_scope" | "no_permission" => {
            "the Slack app lacks a scope: compare it with what `chima setup slack` prints, and install it again"
        }
        "restricted_action" | "restricted_action_read_only_channel" | "restricted_action_thread_only_channel" => {
            "the workspace does not let the bot write there: ask one of its administrators"
        }
        _ => "see https://docs.slack.dev/reference/methods for what that means",
    }
}

/// Calls methods as one bot. Cheap to clone; clones share what they know.
#[derive(Debug, Clone)]
pub struct SlackApi {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    names: Arc<Mutex<Names>>,
}

type Names = HashMap<String, (tokio::time::Instant, String)>;

/// Sends answers to the addresses that come with slash commands and pressed buttons. It has no token: the address itself is the
/// permission.
#[derive(Debug, Clone)]
pub struct SlackResponder {
    client: reqwest::Client,
}

impl SlackResponder {
    /// One that sends.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn new() -> Result<Self, ApiError> {
        Ok(Self { client: client()? })
    }

    /// Sends an answer to the address that came with what it answers. Whoever calls has looked at the address.
    ///
    /// # Errors
    ///
    /// When Slack did not say that it took it.
    pub async fn respond(&self, url: &str, message: &Value) -> Result<(), ApiError> {
        let answer = self.client.post(url).json(message).send().await.map_err(unreachable)?;
        let (status, wait) = (answer.status(), wait_of(&answer));
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ApiError::RateLimited { wait });
        }
        if status.is_server_error() {
            return Err(ApiError::Trouble {
                what: status.as_u16().to_string(),
            });
        }
        let code = answer.text().await.unwrap_or_default();
        Err(ApiError::Refused { code: shown(&code) })
    }
}

/// A message that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Id of its channel.
    pub channel: String,
    /// Its own id in there.
    pub ts: String,
}

/// Who a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The workspace.
    pub team: String,
    /// The bot's name.
    pub user: String,
    /// What its token may do, where Slack says it.
    pub scopes: Vec<String>,
}

impl SlackApi {
    /// A caller of the methods below `base`.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be made.
    pub fn new(base: &str, token: SecretString) -> Result<Self, ApiError> {
        Ok(Self {
            client: client()?,
            base: base.trim_end_matches('/').to_owned(),
            token,
            names: Arc::default(),
        })
    }

    /// Whether another one speaks at the same place, with the same token.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let (own, others) = (self.token.expose_secret(), other.token.expose_secret());
        self.base == other.base && same(own.as_bytes(), others.as_bytes())
    }

    /// Writes a message; `message` has its texts.
    ///
    /// # Errors
    ///
    /// When Slack did not say that it took it.
    pub async fn post(&self, message: &Value) -> Result<Posted, ApiError> {
        let answer = self.call("chat.postMessage", message).await?;
        Ok(Posted {
            channel: text(&answer, "/channel")
                .or_else(|| text(message, "/channel"))
                .unwrap_or_default(),
            ts: text(&answer, "/ts").unwrap_or_default(),
        })
    }

    /// Changes a message.
    ///
    /// # Errors
    ///
    /// When Slack did not say that it took it; `message_not_found` where somebody deleted it.
    pub async fn update(&self, message: &Value) -> Result<(), ApiError> {
        self.call("chat.update", message).await.map(drop)
    }

    /// Writes what one person sees.
    ///
    /// # Errors
    ///
    /// When Slack did not say that it took it.
    pub async fn post_ephemeral(&self, message: &Value) -> Result<(), ApiError> {
        self.call("chat.postEphemeral", message).await.map(drop)
    }

    /// Looks for a message of ours that was written under this mark since `oldest` (seconds): an answer that was lost must not
    /// lead to a second one. It takes a scope (`channels:history`) that an app need not have.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        mark: &str,
        oldest: i64,
    ) -> Result<Option<Posted>, ApiError> {
        let mut form = vec![
            ("channel", channel.to_owned()),
            ("include_all_metadata", "true".to_owned()),
            ("oldest", format!("{oldest}.000000")),
            ("limit", "200".to_owned()),
        ];
        let method = match thread {
            Some(thread) => {
                form.push(("ts", thread.to_owned()));
                "conversations.replies"
            }
            None => "conversations.history",
        };
        let answer = self.ask(method, &form).await?;
        let messages = answer.pointer("/messages").and_then(Value::as_array);
        let ours = messages
            .into_iter()
            .flatten()
            .find(|message| message.pointer("/metadata/event_payload/id").and_then(Value::as_str) == Some(mark));
        let ts = ours.and_then(|message| text(message, "/ts"));
        Ok(ts.map(|ts| Posted {
            channel: channel.to_owned(),
            ts,
        }))
    }

    /// What somebody is called.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn user_name(&self, id: &str) -> Result<String, ApiError> {
        let paths = ["/user/name", "/user/profile/display_name"];
        self.name(id, ("users.info", "user"), &paths).await
    }

    /// What a channel is called; its id where it has no name.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn room_name(&self, id: &str) -> Result<String, ApiError> {
        self.name(id, ("conversations.info", "channel"), &["/channel/name"])
            .await
    }

    /// Who the token is, and what it may do.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn identity(&self) -> Result<Identity, ApiError> {
        let request = self.client.post(format!("{}/auth.test", self.base)).json(&json!({}));
        let answer = request
            .bearer_auth(self.token.expose_secret().trim())
            .send()
            .await
            .map_err(unreachable)?;
        let scopes = answer
            .headers()
            .get("x-oauth-scopes")
            .and_then(|value| value.to_str().ok());
        let scopes = scopes.unwrap_or_default().split(',').map(|one| one.trim().to_owned());
        let scopes = scopes.filter(|one| !one.is_empty()).collect();
        let body = read(answer).await?;
        Ok(Identity {
            team: text(&body, "/team").unwrap_or_default(),
            user: text(&body, "/user").unwrap_or_default(),
            scopes,
        })
    }

    /// Whether the bot is in a channel. `None` where the channel is named in a way that does not tell.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn is_member(&self, channel: &str) -> Result<Option<bool>, ApiError> {
        let answer = self
            .ask("conversations.info", &[("channel", channel.to_owned())])
            .await?;
        Ok(answer.pointer("/channel/is_member").and_then(Value::as_bool))
    }

    /// Where a socket may be opened. The token is that of the app, not that of a bot.
    ///
    /// # Errors
    ///
    /// When Slack does not say.
    pub async fn socket_url(&self) -> Result<String, ApiError> {
        let answer = self.ask("apps.connections.open", &[]).await?;
        text(&answer, "/url").ok_or_else(|| ApiError::Trouble {
            what: "without an address for the socket".to_owned(),
        })
    }

    async fn name(&self, id: &str, (method, key): (&str, &'static str), paths: &[&str]) -> Result<String, ApiError> {
        let now = tokio::time::Instant::now();
        let kept = self
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned();
        if let Some((_, name)) = kept.filter(|(at, _)| now.duration_since(*at) < KEPT) {
            return Ok(name);
        }
        let answer = self.ask(method, &[(key, id.to_owned())]).await?;
        let found = paths.iter().find_map(|path| text(&answer, path));
        let name = found.unwrap_or_else(|| id.to_owned());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_LIMIT {
            names.clear();
        }
        names.insert(id.to_owned(), (now, name.clone()));
        Ok(name)
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value, ApiError> {
        let request = self.client.post(format!("{}/{method}", self.base)).json(body);
        let answer = request.bearer_auth(self.token.expose_secret().trim()).send().await;
        read(answer.map_err(unreachable)?).await
    }

    /// Some methods that only read take no JSON.
    async fn ask(&self, method: &str, form: &[(&str, String)]) -> Result<Value, ApiError> {
        let request = self
            .client
            .post(format!("{}/{method}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(form));
        let answer = request.bearer_auth(self.token.expose_secret().trim()).send().await;
        read(answer.map_err(unreachable)?).await
    }
}

fn encoded(form: &[(&str, String)]) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    body.finish()
}

fn client() -> Result<reqwest::Client, ApiError> {
    let client = reqwest::Client::builder()
        .timeout(ANSWER_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    client.build().map_err(unreachable)
}

async fn read(answer: reqwest::Response) -> Result<Value, ApiError> {
    let (status, wait) = (answer.status(), wait_of(&answer));
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ApiError::RateLimited { wait });
    }
    if !status.is_success() {
        return Err(ApiError::Trouble {
            what: status.as_u16().to_string(),
        });
    }
    let bytes = answer.bytes().await.map_err(unreachable)?;
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| ApiError::Trouble {
        what: "something that is not JSON".to_owned(),
    })?;
    if body.get("ok") == Some(&Value::Bool(true)) {
        return Ok(body);
    }
    let code = shown(&text(&body, "/error").unwrap_or_default());
    if code == "ratelimited" {
        return Err(ApiError::RateLimited { wait });
    }
    if PASSING.contains(&code.as_str()) {
        return Err(ApiError::Trouble {
            what: format!("`{code}`"),
        });
    }
    Err(ApiError::Refused { code })
}

/// How long Slack asks to wait, where it does.
fn wait_of(answer: &reqwest::Response) -> Duration {
    let named = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(named.unwrap_or(30))
}

fn unreachable(error: reqwest::Error) -> ApiError {
    ApiError::Unreachable { detail: detail(error) }
}

fn text(value: &Value, path: &str) -> Option<String> {
    let text = value.pointer(path).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
