//! Webhooks: who is told of what, what each delivery looked like, and how it was answered.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::github::sending::{Posting, headers, packed};
use crate::github::shape;
use crate::github::world::World;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// The JSON itself.
    Json,
    /// One form field `payload` with the JSON in it: what hooks made by hand have.
    Form,
}

/// Whose hook it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookTarget {
    /// The App's: it hears of every repository the App is installed on.
    App,
    /// One repository's, by number.
    Repository(u64),
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// GitHub's number.
    pub id: u64,
    /// Where to.
    pub url: String,
    /// Without one nothing is signed.
    pub secret: Option<String>,
    /// How bodies are packed.
    pub content_type: ContentType,
    /// Event names; `*` means all.
    pub events: Vec<String>,
    /// Whose it is.
    pub target: HookTarget,
    /// Whether any certificate will do.
    pub insecure_ssl: bool,
    /// An inactive hook is told nothing, and nothing is recorded for it.
    pub active: bool,
}

/// One attempt to deliver.
#[derive(Debug, Clone)]
pub struct HookDelivery {
    /// GitHub's number of this attempt.
    pub id: u64,
    /// Of the event: all hooks and all attempts share it.
    pub guid: String,
    /// Which hook.
    pub hook: u64,
    /// Event name.
    pub event: String,
    /// The body's `action`.
    pub action: Option<String>,
    /// Whose event.
    pub repository: Option<u64>,
    /// Where the hook is the App's.
    pub installation: Option<u64>,
    /// Whether somebody asked for it again.
    pub redelivery: bool,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// As sent.
    pub headers: Vec<(String, String)>,
    /// The JSON, also where a form was sent.
    pub json: Value,
    /// The exact bytes sent.
    pub body: Vec<u8>,
    /// GitHub holds it back, because it sent the receiver too much.
    pub throttled_at: Option<DateTime<Utc>>,
    /// Absent while it is under way.
    pub outcome: Option<Outcome>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 0 where there was no answer.
    pub status_code: u16,
    /// `OK`, or GitHub's word for what went wrong.
    pub status: String,
    /// The receiver's, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The receiver's.
    pub body: String,
    /// How long it took.
    pub duration: Duration,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) repository: Option<u64>,
    /// A login.
    pub(crate) sender: String,
    pub(crate) body: Map<String, Value>,
    /// Only this hook hears of it.
    pub(crate) only: Option<u64>,
}

impl Hook {
    fn hears(&self, event: &Event, world: &World) -> bool {
        if !self.active || event.only.is_some_and(|only| only != self.id) {
            return false;
        }
        let reached = match (&self.target, event.repository) {
            (HookTarget::App, Some(repository)) => !world.app.excluded.contains(&repository),
            (HookTarget::App, None) => true,
            (HookTarget::Repository(id), repository) => event.name == "ping" || repository == Some(*id),
        };
        let wanted = event.name == "ping" || self.events.iter().any(|wanted| wanted == "*" || wanted == event.name);
        reached && wanted
    }
}

impl World {
    /// Records a delivery for every hook that hears of the event, to be sent by the caller.
    pub(crate) fn emit(&mut self, event: &Event) {
        let guid = self.fresh_guid();
        let hooks: Vec<Hook> = self
            .hooks
            .iter()
            .filter(|hook| hook.hears(event, self))
            .cloned()
            .collect();
        for hook in hooks {
            let repository = event.repository.and_then(|id| self.repository_by_id(id)).cloned();
            let mut json = event.body.clone();
            if let Some(repository) = &repository {
                json.insert("repository".to_owned(), shape::repository(self, repository));
            }
            json.insert("sender".to_owned(), shape::user(self, &event.sender));
            let installation = match (&hook.target, &repository) {
                (HookTarget::App, Some(repository)) => self.app.installation_of(repository.owner()),
                (HookTarget::App, None) | (HookTarget::Repository(_), _) => None,
            };
            if let Some(id) = installation {
                let node_id = shape::node_id("IntegrationInstallation", id);
                json.insert("installation".to_owned(), json!({"id": id, "node_id": node_id}));
            }
            let json = Value::Object(json);
            let delivery = HookDelivery {
                id: 0,
                guid: guid.clone(),
                hook: hook.id,
                event: event.name.to_owned(),
                action: json["action"].as_str().map(str::to_owned),
                repository: repository.map(|repository| repository.id),
                installation,
                redelivery: false,
                at: self.now(),
                headers: Vec::new(),
                body: packed(&json, hook.content_type),
                json,
                throttled_at: None,
                outcome: None,
            };
            self.enqueue(delivery, &hook);
        }
    }

    /// Sends an attempt again: same GUID, same body, signed with the hook's present secret.
    pub(crate) fn redeliver(&mut self, delivery: u64) -> Option<u64> {
        let earlier = self.deliveries.iter().find(|found| found.id == delivery)?.clone();
        let hook = self.hooks.iter().find(|hook| hook.id == earlier.hook)?.clone();
        let again = HookDelivery {
            redelivery: true,
            at: self.now(),
            throttled_at: None,
            outcome: None,
            ..earlier
        };
        Some(self.enqueue(again, &hook))
    }

    fn enqueue(&mut self, mut delivery: HookDelivery, hook: &Hook) -> u64 {
        delivery.id = self.fresh_id();
        delivery.headers = headers(&delivery, hook, self.app.id);
        self.outgoing.push(Posting::of(&delivery, hook));
        let id = delivery.id;
        self.deliveries.push(delivery);
        id
    }

    fn fresh_guid(&mut self) -> String {
        let number = self.fresh_id();
        let hash = crate::github::graph::sha_of(&format!("{} {number}", self.url));
        format!(
            "{}-{}-11f0-8{}-{}",
            &hash[..8],
            &hash[8..12],
            &hash[12..15],
            &hash[15..27]
        )
    }

    pub(crate) fn record_outcome(&mut self, delivery: u64, outcome: Outcome) {
        if let Some(found) = self.deliveries.iter_mut().find(|found| found.id == delivery) {
            found.outcome = Some(outcome);
        }
    }
}
