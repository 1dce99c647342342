//! What the audit log holds: who decided or did what, where, why, and under which configuration.
//!
//! The form is stored and hashed as it was written: fields and deeds are added, never renamed. No secret ever stands in one: the
//! texts are names, reasons and people's own words.

pub mod finding;

use serde::{Deserialize, Serialize};

use crate::domain::actor::{Actor, Via};
use crate::domain::clock::Timestamp;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeliveryId, DeploymentId, LockId, RunId};
use crate::domain::lock::{Cause, LockEnding, Place};
use crate::domain::names::AppName;
use crate::domain::person::{Person, Source};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::session::SignedIn;
use crate::domain::viewer::Scope;
use crate::domain::warrant::Forced;

/// What comes from outside is cut to this: whatever else there is stands in the delivery.
const TEXT_LIMIT: usize = 300;
/// Longer lists are cut; what was decided from is stored whole, and its digest is here.
const REASONS: usize = 20;
/// An entry that would be longer says only the codes of its reasons.
const ENTRY_LIMIT: usize = 16 * 1024;

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who. Nobody: Chima, because of what the row says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// From which account of this machine, where it was done at a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
    /// About what.
    #[serde(flatten)]
    pub subject: Subject,
}

/// Somebody, as they were known when they did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// What people call them.
    pub name: String,
    /// Who vouches for that, or by which way they came: `github`, `slack`, `chat`, `terminal`, `api`, `page`,
    /// `break-glass`, `chima`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// What a chat tells people apart by; the account at a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What it is about, as far as it is about any of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// As configured, or as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// GitHub's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Digest of the configuration that it was done under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// What was decided about a deployment, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// `run`, `hold` or `reject`.
    pub verdict: String,
    /// Where it leaves the run.
    pub state: RunState,
    /// Why, the deciding one first.
    pub reasons: Vec<Reason>,
    /// The codes of the reasons, where they are too long to stand here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Id of the stored decision.
    pub decision: String,
    /// Digest of what it was made from and of what it came to.
    pub evidence: String,
    /// Whom GitHub names as the deployment's creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// Whom the payload names: anybody may write any name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_for: Option<String>,
    /// Branch, tag or SHA as it was asked for.
    pub git_ref: String,
    /// The commit.
    pub sha: String,
    /// The task.
    pub task: String,
    /// That somebody made it pass what others have to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

/// What was done. The names are stored; add, never rename.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Deed {
    /// The policy decided about a deployment.
    Decided(Box<Decided>),
    /// The policy answered a job of GitHub Actions that waited for our word.
    Answered {
        state: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<Reason>>,
        request: String,
        evidence: String,
    },
    /// A run came to its end: by its command, by our own hand, or by a person's.
    Ended {
        state: RunState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<Reason>>,
    },
    /// Somebody asked, through Chima, for a deployment. What comes of it is decided when GitHub delivers it.
    Asked {
        task: String,
        git_ref: String,
        force: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<String>,
    },
    /// Somebody asked to stop a run.
    CancelRequested {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person said how it went.
    PersonSaid { done: bool, note: String },
    /// An environment is locked from now on.
    Locked {
        lock: LockId,
        cause: Cause,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Somebody waits for a lock.
    LockAwaited { lock: LockId },
    /// A lock, or the wait for one, came to its end.
    LockEnded {
        lock: LockId,
        owner: String,
        ending: LockEnding,
    },
    /// A delivery was put before the door again.
    Replayed,
    /// What was given up is sent again.
    SentAgain { messages: usize, ids: Vec<String> },
    /// Which repository a name of the configuration means was forgotten.
    Forgot,
    /// A token of the API was made: whoever has it acts as this person.
    TokenMade {
        token: String,
        login: String,
        scopes: Vec<Scope>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        apps: Option<Vec<AppName>>,
        expires_at: Timestamp,
    },
    /// A token of the API opens nothing any more.
    TokenRevoked { token: String, login: String },
    /// Somebody signed in to the pages.
    SignedIn {
        session: String,
        /// GitHub's number of the person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<u64>,
        expires_at: Timestamp,
    },
    /// Somebody signed out of the pages.
    SignedOut { session: String },
    /// Sessions of the pages were ended before their time, other than by signing out of them.
    SessionsEnded {
        sessions: usize,
        /// The first of them, where they are of one person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<String>,
        /// Whose; everybody's where nobody is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// A session of the pages was ended because its login belongs to another account now.
    LoginTaken {
        session: String,
        login: String,
        /// GitHub's number of the person who had signed in.
        user: u64,
    },
    /// A word was made with which somebody can get in once without GitHub, and may all.
    BreakGlassMade { expires_at: Timestamp },
    /// A process works with another configuration than the one before it.
    Configured { version: String, worker: String },
    /// A backup took the ledger's place: what this log said after `position` is gone from here.
    Restored {
        /// When the backup was made.
        made_at: Timestamp,
        /// Where the log ended that was replaced, as far as that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced: Option<Head>,
        /// The file that has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
    },
    /// A restored ledger was taken into use, and this is how what had been open had ended.
    TakenIntoUse {
        made_at: Timestamp,
        ended: usize,
        unknown: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced: Option<Head>,
    },
    /// The file beside the ledger that says where this log ends was not there: rows may be missing before this one.
    HeadMissing,
}

/// Where the log ends: its last row, and the hash that stands for all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last row; 0 where there is none.
    pub position: u64,
    /// Its hash.
    pub hash: String,
}

impl Entry {
    /// Something that Chima did by itself.
    #[must_use]
    pub fn new(at: Timestamp, deed: Deed) -> Self {
        Self {
            at,
            by: None,
            account: None,
            deed,
            subject: Subject::default(),
        }
    }

    /// The same, done by somebody.
    #[must_use]
    pub fn by(self, by: By) -> Self {
        Self { by: Some(by), ..self }
    }

    /// The same, done from this account.
    #[must_use]
    pub fn from_account(self, account: &str) -> Self {
        Self {
            account: Some(cut(account)),
            ..self
        }
    }

    /// The same, about something.
    #[must_use]
    pub fn about(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    /// As it is stored and hashed.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serialized(self);
        match self.decided() {
            Some(decided) if text.len() > ENTRY_LIMIT => {
                let mut short = decided.clone();
                let codes = decided.reasons.iter().take(REASONS);
                short.codes = codes.map(|reason| reason.code().to_owned()).collect();
                short.reasons.clear();
                short.forced = short.forced.map(|forced| Forced {
                    past: Vec::new(),
                    ..forced
                });
                serialized(&Self {
                    deed: Deed::Decided(Box::new(short)),
                    ..self.clone()
                })
            }
            Some(_) | None => text,
        }
    }

    /// What was decided, where it tells of that.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        if let Deed::Decided(decided) = &self.deed {
            Some(decided)
        } else {
            None
        }
    }
}

/// Our own types always serialise; one that did not would show as `null`.
fn serialized(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_else(|_| "null".to_owned())
}

impl Decided {
    /// What stands in a run that was decided on, with what the deployment says beside that.
    #[must_use]
    pub fn of(run: &Run, verdict: &str, reasons: Vec<Reason>, decision: &str, evidence: String) -> Self {
        Self {
            verdict: verdict.to_owned(),
            state: run.state,
            reasons: reasons.into_iter().take(REASONS).collect(),
            codes: Vec::new(),
            decision: decision.to_owned(),
            evidence,
            creator: run.creator.as_deref().map(cut),
            said_for: run
                .requester
                .as_deref()
                .filter(|said| Some(*said) != run.creator.as_deref())
                .map(cut),
            git_ref: cut(&run.git_ref),
            sha: cut(&run.sha),
            task: cut(&run.task),
            forced: run.forced.clone(),
        }
    }
}

impl By {
    /// Somebody whose name is all that is known.
    #[must_use]
    pub fn called(name: &str) -> Self {
        Self {
            name: cut(name),
            via: None,
            id: None,
        }
    }

    /// Somebody who came by a way of this name.
    #[must_use]
    pub fn through(name: &str, via: &str) -> Self {
        Self {
            via: Some(via.to_owned()),
            ..Self::called(name)
        }
    }
}

impl From<&Person> for By {
    fn from(person: &Person) -> Self {
        let via = match person.source {
            Source::GitHub => "github",
            Source::Chat => "chat",
            Source::Terminal => "terminal",
            Source::Chima => "chima",
            Source::Page => "page",
            Source::Token => "api",
        };
        Self::through(&person.name, via)
    }
}

impl From<&SignedIn> for By {
    fn from(of: &SignedIn) -> Self {
        match of {
            SignedIn::Person { login, .. } => Self::through(login, "github"),
            SignedIn::Emergency { account } => Self::through(account, "break-glass"),
        }
    }
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        let via = match &actor.via {
            Via::Terminal => "terminal",
            Via::Chat(chat) => chat,
            Via::GitHub => "github",
            Via::Itself => "chima",
            Via::Page => "page",
            Via::Token => "api",
        };
        Self {
            id: actor.id.as_deref().map(cut),
            ..Self::through(actor.answers_as(), via)
        }
    }
}

impl Subject {
    /// A run, and where it deploys to.
    #[must_use]
    pub fn run(run: &Run) -> Self {
        Self {
            app: run.order.as_ref().map(|order| order.app.to_string()),
            environment: Some(cut(&run.environment)),
            repository: Some(run.repository.to_string()),
            deployment: Some(run.deployment),
            delivery: Some(run.delivery),
            run: Some(run.id),
            config: Some(run.config_digest.clone()),
        }
    }

    /// An environment.
    #[must_use]
    pub fn place(place: &Place) -> Self {
        Self {
            app: Some(place.app.to_string()),
            environment: Some(place.environment.to_string()),
            ..Self::default()
        }
    }

    /// Somebody else's deployment.
    #[must_use]
    pub fn deployment(deployment: &Deployment) -> Self {
        Self {
            environment: Some(cut(&deployment.environment)),
            repository: Some(cut(&deployment.repository)),
            deployment: Some(deployment.id),
            ..Self::default()
        }
    }

    /// A repository, as the configuration calls it.
    #[must_use]
    pub fn repository(name: &str) -> Self {
        Self {
            repository: Some(cut(name)),
            ..Self::default()
        }
    }

    /// A configuration, by its digest.
    #[must_use]
    pub fn config(digest: &str) -> Self {
        Self {
            config: Some(digest.to_owned()),
            ..Self::default()
        }
    }
}

impl Head {
    /// What an empty log ends with.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            position: 0,
            hash: "0".repeat(64),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap()
    }

    fn decided(reasons: Vec<Reason>) -> Entry {
        let decided = Decided {
            verdict: "hold".to_owned(),
            state: RunState::Held,
            reasons,
            codes: Vec::new(),
            decision: "01JD0000000000000000000001".to_owned(),
            evidence: "ab".to_owned(),
            creator: Some("mona".to_owned()),
            said_for: None,
            git_ref: "main".to_owned(),
            sha: "4f".to_owned(),
            task: "deploy".to_owned(),
            forced: None,
        };
        Entry::new(at(), Deed::Decided(Box::new(decided)))
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let run: RunId = "01JD0000000000000000000000".parse().unwrap();
        let subject = Subject {
            run: Some(run),
            ..Subject::config("c0ffee")
        };
        let lock = LockId::new("01JD0000000000000000000002".parse().unwrap());
        let stolen = LockEnding::Stolen {
            by: Person::new(Source::Chat, "hubot"),
            reason: None,
        };
        for entry in [
            decided(vec![Reason::ForeignWorkflow]).about(subject),
            Entry::new(
                at(),
                Deed::CancelRequested {
                    reason: Some("wrong\u{1b}[2J".to_owned()),
                },
            )
            .by(By::called("mona")),
            Entry::new(
                at(),
                Deed::LockEnded {
                    lock,
                    owner: "mona".to_owned(),
                    ending: stolen,
                },
            ),
            Entry::new(at(), Deed::HeadMissing),
        ] {
            let text = entry.text();
            assert!(!text.contains(char::is_control), "{text}");
            assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_says_only_the_codes() {
        let huge = Reason::HostsNotAllowed {
            found: vec!["web".repeat(20); 1000],
            allowed: Vec::new(),
        };
        let text = decided(vec![huge]).text();
        assert!(text.len() < 1000, "{}", text.len());
        assert!(text.contains(r#""codes":["hosts_not_allowed"]"#), "{text}");
    }
}
