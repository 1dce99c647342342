//! A deployment as GitHub told it, and the order it becomes once the policy has checked its form.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::clock::Timestamp;
use crate::domain::conversation::Listener;
use crate::domain::ids::{DeploymentId, InstallationId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::names::{AppName, EnvironmentName, HostName, RefName, Sha, TaskName};
use crate::domain::person::{Person, Source};

/// GitHub's record, as the signed body has it. The texts are still untrusted: only `policy` turns them into an [`Order`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Host name of the GitHub it came from.
    pub host: String,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// `owner/name`.
    pub repository: String,
    /// GitHub's number of the deployment.
    pub id: DeploymentId,
    /// Full commit id that GitHub resolved the ref to.
    pub sha: String,
    /// Branch, tag or SHA as it was asked for.
    pub git_ref: String,
    /// `deploy` unless asked otherwise.
    pub task: String,
    /// Name of the environment.
    pub environment: String,
    /// Free-form, untrusted: an object or a string.
    pub payload: Value,
    /// Free text of the requester.
    pub description: Option<String>,
    /// Login of the person or App that made it.
    pub creator: Option<String>,
    /// Slug of the App through which it was made.
    pub app_slug: Option<String>,
    /// Whether a job of GitHub Actions made it for itself.
    pub from_workflow: bool,
    /// Which installation delivered it.
    pub installation: Option<InstallationId>,
    /// When GitHub made it.
    pub created_at: Timestamp,
}

impl Deployment {
    /// The chat room the request came from: `payload.notify.room`, as hubot-deploy sends it. That bot writes `unknown`
    /// where it has none.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        self.room_by("/notify/room")
    }

    /// That room's id, where the chat tells it apart from the name.
    #[must_use]
    pub fn room_id(&self) -> Option<&str> {
        self.room_by("/notify/room_id")
    }

    fn room_by(&self, path: &str) -> Option<&str> {
        self.payload
            .pointer(path)
            .and_then(Value::as_str)
            .filter(|room| !room.is_empty() && *room != "unknown")
    }

    /// The bot that wants to hear what becomes of it: `payload.notify.callback`, as Chima itself writes it.
    #[must_use]
    pub fn listener(&self) -> Option<Listener> {
        listener(&self.payload)
    }

    /// Who asked, for people to read: the chat user in the payload where there is one, else the creator.
    #[must_use]
    pub fn requester(&self) -> Option<String> {
        self.named_in_payload().or_else(|| self.creator.clone())
    }

    /// Who asked, and who vouches for it.
    #[must_use]
    pub fn person(&self) -> Person {
        match self.named_in_payload() {
            Some(name) => Person::new(Source::Chat, &name),
            None => Person::new(Source::GitHub, self.creator.as_deref().unwrap_or_default()),
        }
    }

    /// Whom the payload names as the one who asked. Whoever may create deployments may write any name there.
    #[must_use]
    pub fn named_in_payload(&self) -> Option<String> {
        ["/notify/user_name", "/notify/user", "/actor"]
            .into_iter()
            .filter_map(|path| self.payload.pointer(path))
            .find_map(|value| match value {
                Value::String(text) if !text.is_empty() && text != "unknown" => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            })
    }

    /// By what the ledger finds what Chima itself asked for. Whoever may read a payload can copy it into another.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.payload.pointer("/nonce").and_then(Value::as_str)
    }

    /// The commit that its payload says it was asked for to leave, as that of a rollback does.
    #[must_use]
    pub fn rollback_from(&self) -> Option<Sha> {
        let left = self.payload.pointer("/rollback_from").and_then(Value::as_str)?;
        left.parse().ok()
    }

    /// Whether its payload says that nobody asked for it, as that of an auto-deploy does.
    #[must_use]
    pub fn says_automatic(&self) -> bool {
        self.payload.pointer("/via").and_then(Value::as_str) == Some("auto_deploy")
    }

    /// Why, in the words of whoever asked: `payload.reason`, else the description, unless a program wrote it.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let stated = self.payload.pointer("/reason").and_then(Value::as_str);
        let by_program = |text: &&str| text.contains("from hubot-deploy") || self.payload.get("via").is_some();
        let described = self.description.as_deref().filter(|text| !by_program(text));
        stated
            .or(described)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    /// The hosts the request narrows to: `payload.hosts`, a comma-separated text or a list.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        match self.payload.get("hosts") {
            Some(Value::String(text)) => text
                .split(',')
                .map(str::trim)
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(other) => vec![other.to_string()],
        }
    }
}

/// The bot that a payload names as the one that wants to hear of it. Overlong texts are nobody's.
#[must_use]
pub fn listener(payload: &Value) -> Option<Listener> {
    let text = |path: &str| {
        let found = payload.pointer(path).and_then(Value::as_str);
        found.filter(|text| text.len() <= 1_000)
    };
    Some(Listener {
        callback: text("/notify/callback")?.to_owned(),
        room: text("/notify/room").unwrap_or_default().to_owned(),
        thread: text("/notify/thread_id").map(str::to_owned),
        user: text("/notify/user_name").unwrap_or_default().to_owned(),
    })
}

/// What a run is to do: the deployment's values, each of a checked form. Only these reach git or a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The app of the configuration.
    pub app: AppName,
    /// The environment, spelled as the configuration does.
    pub environment: EnvironmentName,
    /// Exactly this commit.
    pub sha: Sha,
    /// For people and variables.
    pub git_ref: RefName,
    /// One of the app's tasks.
    pub task: TaskName,
    /// Empty means all of the environment's.
    pub hosts: Vec<HostName>,
    /// Whether it only shows what a deployment would do.
    #[serde(default)]
    pub noop: bool,
}

impl Order {
    /// The environment it changes.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            app: self.app.clone(),
            environment: self.environment.clone(),
        }
    }
}
