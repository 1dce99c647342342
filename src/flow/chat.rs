//! Answers what people say to Chima, wherever they say it: one engine, several adapters.
//!
//! To deploy, GitHub is asked for a deployment, which then comes in by the one door. Everything else is a look at the
//! ledger and at GitHub, or a command on the ledger.

mod ask;
mod commits;
mod hold;
pub(crate) mod look;
pub mod lookups;
mod may;
mod objections;
mod offers;
pub mod preview;
mod stop;

use crate::chat::command::Command;
use crate::chat::grammar::{self, Misunderstood};
use crate::chat::manual;
use crate::chat::offers as offer;
use crate::chat::target::Target;
use crate::chat::vocabulary::{KnownApp, Meant, Unknown, Vocabulary};
use crate::config::{App, Config, Environment};
use crate::domain::conversation::{Offer, Place, Reply, Speaker};
use crate::domain::reason::Reason;
use crate::domain::run::Run;
use crate::flow::command::Desk;
use crate::flow::engine::Engine;
use crate::flow::lock::changed;
use crate::flow::obstacle::Obstacle;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::report::chat as words;
use crate::report::lock::keeps_out;
use crate::report::sentence::sentence;
use crate::store::error::StoreError;
use crate::store::reading::At;

/// More does not fit on a button.
const LABEL: usize = 75;

/// What is looked at and acted on while people talk: a server has it, and so has a command line beside it.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// The ledger, and how changes are told.
    pub desk: Desk<'a>,
    /// GitHub.
    pub github: &'a GitHub,
    /// What of `slack_asks` this answers.
    pub slack_ask: Option<&'a str>,
}

/// Answers as a server does: nobody in this process waits for the next sweep then.
///
/// # Errors
///
/// As [`Conversation::answer`].
pub async fn answer_here(engine: &Engine, speaker: &Speaker, text: &str) -> Result<Reply, Obstacle> {
    answer_asked(engine, speaker, text, None).await
}

/// The same for what was written down in the ledger: it is looked at again until it is answered.
///
/// # Errors
///
/// As [`Conversation::answer`].
pub async fn answer_asked(
    engine: &Engine,
    speaker: &Speaker,
    text: &str,
    slack_ask: Option<&str>,
) -> Result<Reply, Obstacle> {
    let conversation = Conversation {
        slack_ask,
        ..Conversation::of(engine)
    };
    let reply = conversation.answer(speaker, text).await?;
    // whatever was changed, whoever is concerned by it
    changed(engine);
    engine.outbox.notify_one();
    Ok(reply)
}

/// Carries out a command that was not typed: the API's are these.
///
/// # Errors
///
/// As [`Conversation::answer`].
pub async fn command_here(engine: &Engine, speaker: &Speaker, command: &Command) -> Result<Reply, Obstacle> {
    let conversation = Conversation::of(engine);
    // boxed: the client's futures are large
    let reply = Box::pin(conversation.answer_command(speaker, command)).await?;
    changed(engine);
    engine.outbox.notify_one();
    Ok(reply)
}

/// Why somebody may not change a run; nothing where they may.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn may_change_run(engine: &Engine, speaker: &Speaker, run: &Run) -> Result<Option<Reply>, Obstacle> {
    let conversation = Conversation::of(engine);
    match conversation.may_change_run(speaker, run).await {
        Ok(()) => Ok(None),
        Err(Trouble::Ledger(error)) => Err(Obstacle::Ledger(error)),
        Err(Trouble::Refused(reply)) => Ok(Some(*reply)),
        Err(Trouble::GitHub(error) | Trouble::Unsettled(error)) => {
            let text = words::nothing_done(&error.to_string(), refused_with(&error));
            Ok(Some(Reply::refused("github_unavailable", text)))
        }
        Err(Trouble::Objected(objection)) => Ok(Some(Reply::refused(
            objection.reason.code(),
            sentence(&objection.reason),
        ))),
        Err(Trouble::Unknown(unknown)) => Ok(Some(Reply::refused(unknown.code(), unknown.to_string()))),
    }
}

impl<'a> Conversation<'a> {
    /// A server's.
    #[must_use]
    pub fn of(engine: &'a Engine) -> Self {
        Self {
            desk: engine.desk(),
            github: &engine.github,
            slack_ask: None,
        }
    }

    /// Answers what somebody says.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used. What GitHub does not do is part of the answer, except where the question can wait.
    pub async fn answer(&self, speaker: &Speaker, text: &str) -> Result<Reply, Obstacle> {
        match grammar::parse(text) {
            Ok(command) => self.answer_command(speaker, &command).await,
            Err(misunderstood) => Ok(misunderstanding(&misunderstood)),
        }
    }

    /// Answers a command that is understood already.
    ///
    /// # Errors
    ///
    /// As [`Conversation::answer`].
    pub async fn answer_command(&self, speaker: &Speaker, command: &Command) -> Result<Reply, Obstacle> {
        match self.carry_out(speaker, command).await {
            Ok(reply) => Ok(self.offering(reply, command)),
            Err(Trouble::Ledger(error)) => Err(Obstacle::Ledger(error)),
            Err(Trouble::GitHub(error))
                if matches!(speaker.place, Place::PullRequest { .. }) && error.is_transient() =>
            {
                Err(Obstacle::GitHub(error))
            }
            Err(Trouble::GitHub(error)) => {
                let text = words::nothing_done(&error.to_string(), refused_with(&error));
                // what does not pass by itself is not tried again
                let passes = error.is_transient() || error.wait().is_some();
                let again = passes.then(|| offer::again(command));
                Ok(Reply::refused("github_unavailable", text).offering(again.into_iter().collect()))
            }
            // written down: it is looked for before it is asked for again
            Err(Trouble::Unsettled(error))
                if self.slack_ask.is_some() || matches!(speaker.place, Place::PullRequest { .. }) =>
            {
                Err(Obstacle::GitHub(error))
            }
            Err(Trouble::Unsettled(error)) => {
                let look = offer::offer("Show the queue", &Command::Queue { target: None });
                Ok(Reply::refused("unsettled", words::unsettled(&error.to_string())).offering(vec![look]))
            }
            Err(Trouble::Objected(objection)) => {
                let Objection {
                    reason,
                    anyway,
                    who_may,
                } = *objection;
                let mut offers = self.ways_out(&reason, command);
                offers.extend(anyway);
                let text = if let Reason::Locked { lock } = &reason {
                    keeps_out(lock, self.desk.now())
                } else {
                    sentence(&reason)
                };
                let text = [Some(text), who_may]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; ");
                Ok(Reply::refused(reason.code(), text).offering(offers))
            }
            Err(Trouble::Unknown(unknown)) => {
                let offers = offer::meant(&unknown, command);
                Ok(Reply::refused(unknown.code(), unknown.to_string()).offering(offers))
            }
            Err(Trouble::Refused(reply)) => Ok(*reply),
        }
    }

    async fn carry_out(&self, speaker: &Speaker, command: &Command) -> Result<Reply, Trouble> {
        match command {
            Command::Deploy(deploy) => Box::pin(self.deploy(speaker, deploy, false)).await,
            Command::Plan(deploy) => Box::pin(self.deploy(speaker, deploy, true)).await,
            Command::Retry { target } => Box::pin(self.retry(speaker, target)).await,
            Command::Rollback { target, to } => Box::pin(self.rollback(speaker, target, to.as_deref())).await,
            Command::Cancel { target, reason } => self.cancel(speaker, target, reason.as_deref()).await,
            Command::Status { target } => self.status(target.as_ref()).await,
            Command::Queue { target } => self.queue(target.as_ref()).await,
            Command::Why { target } => {
                let reply = self.why(target).await?;
                self.or_forced(speaker, target, reply).await
            }
            Command::Log { target } => self.log(target).await,
            Command::Deploys { target } => self.deploys(target).await,
            Command::Where { app } => self.whither(app).await,
            Command::Diff { target } => Box::pin(self.diff(target)).await,
            Command::Builds { target } => Box::pin(self.builds(target)).await,
            Command::Contains { sha } => Box::pin(self.contains(sha)).await,
            Command::Lock(lock) => self.lock(speaker, lock).await,
            Command::Unlock { app, environments } => self.unlock(speaker, app, environments).await,
            Command::UnlockAll => self.unlock_all(speaker).await,
            Command::Locks { app } => self.locks(app.as_deref()).await,
            Command::Help { about } => Ok(help(about.as_deref())),
            Command::Version => Ok(version()),
        }
    }

    pub(crate) fn config(&self) -> &'a Config {
        self.desk.voice.config
    }

    /// The app of a name.
    fn app(&self, typed: &str) -> Result<&'a App, Trouble> {
        let vocabulary = vocabulary(self.config());
        let known = vocabulary.app(typed)?;
        let app = self.config().app(&known.name);
        app.ok_or_else(|| Trouble::refused("app_unknown", format!("there is no app `{}`", known.name)))
    }

    /// The environment that is meant, and the hosts it is narrowed to.
    fn place(&self, target: &Target) -> Result<(Spot<'a>, Vec<String>), Trouble> {
        let vocabulary = vocabulary(self.config());
        let Meant {
            app,
            environment,
            hosts,
        } = vocabulary.look_up(target)?;
        let app = self.app(&app.name)?;
        let found = app.environments.iter().find(|own| own.name.as_str() == environment);
        let environment = found.ok_or_else(|| {
            Trouble::refused(
                "environment_unknown",
                format!("`{}` has no environment `{environment}`", app.name),
            )
        })?;
        Ok((Spot { app, environment }, hosts))
    }

    /// The run that is meant: by its id, or the newest of an environment.
    async fn run(&self, target: &Target) -> Result<Run, Trouble> {
        if let Some(run) = self.run_by_id(target).await? {
            return Ok(run);
        }
        let (spot, _) = self.place(target)?;
        let newest = self.desk.store.runs_of(self.at(spot), 1).await?.pop();
        newest.ok_or_else(|| {
            let (app, environment) = (&spot.app.name, &spot.environment.name);
            let text = format!(
                "nothing was ever deployed to `{environment}` of `{app}`; `deploy {app} to {environment}` does"
            );
            let at = offer::At {
                app: app.as_str(),
                environment: environment.as_str(),
            };
            Trouble::offering("nothing_there", text, vec![at.deploy()])
        })
    }

    async fn run_by_id(&self, target: &Target) -> Result<Option<Run>, Trouble> {
        let alone = target.environment.is_none() && target.git_ref.is_none();
        let prefix = target.app.to_ascii_uppercase();
        let id = matches!(prefix.len(), 6..=26) && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
        if !alone || !id || self.config().app(&target.app).is_some() {
            return Ok(None);
        }
        let mut found = self.desk.store.runs_starting_with(&prefix).await?;
        if found.len() > 1 {
            let text = format!("more than one run begins with `{prefix}`; say more of its id");
            return Err(Trouble::refused("run_ambiguous", text));
        }
        Ok(found.pop())
    }

    fn at(&self, spot: Spot<'a>) -> At<'a> {
        At {
            host: &self.config().github.host,
            repository: spot.app.repository.as_str(),
            environment: spot.environment.name.as_str(),
        }
    }
}

/// An app and one of its environments.
#[derive(Debug, Clone, Copy)]
struct Spot<'a> {
    app: &'a App,
    environment: &'a Environment,
}

/// Why a command could not be carried out.
#[derive(Debug)]
enum Trouble {
    /// Nobody can be told anything then.
    Ledger(StoreError),
    GitHub(CallError),
    /// It was asked for a deployment, and may have made it.
    Unsettled(CallError),
    /// The policy would refuse it.
    Objected(Box<Objection>),
    /// A name means nothing.
    Unknown(Unknown),
    /// There is an answer already.
    Refused(Box<Reply>),
}

/// What the policy would refuse, and what force would come to.
#[derive(Debug)]
struct Objection {
    reason: Reason,
    /// For whoever may force it.
    anyway: Option<Offer>,
    /// For everybody else: whom to ask.
    who_may: Option<String>,
}

impl Objection {
    fn of(reason: &Reason) -> Self {
        Self {
            reason: reason.clone(),
            anyway: None,
            who_may: None,
        }
    }
}

impl Trouble {
    fn refused(code: &'static str, text: String) -> Self {
        Self::Refused(Box::new(Reply::refused(code, text)))
    }

    fn offering(code: &'static str, text: String, offers: Vec<Offer>) -> Self {
        Self::Refused(Box::new(Reply::refused(code, text).offering(offers)))
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::GitHub(error)
    }
}

impl From<Unknown> for Trouble {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

/// What was found, or why it is not told: for those who answer with other things than words.
fn or_refused<T>(found: Result<T, Trouble>) -> Result<Result<T, Reply>, Obstacle> {
    Ok(Err(match found {
        Ok(found) => return Ok(Ok(found)),
        Err(Trouble::Ledger(error)) => return Err(Obstacle::Ledger(error)),
        Err(Trouble::Refused(reply)) => *reply,
        Err(Trouble::GitHub(error) | Trouble::Unsettled(error)) => {
            let text = words::nothing_done(&error.to_string(), refused_with(&error));
            Reply::refused("github_unavailable", text)
        }
        Err(Trouble::Objected(objection)) => Reply::refused(objection.reason.code(), sentence(&objection.reason)),
        Err(Trouble::Unknown(unknown)) => Reply::refused(unknown.code(), unknown.to_string()),
    }))
}

/// What is configured, as people type it.
#[must_use]
pub fn vocabulary(config: &Config) -> Vocabulary {
    let apps = config.apps.iter().map(|app| KnownApp {
        name: app.name.to_string(),
        environments: app.environments.iter().map(|one| one.name.to_string()).collect(),
        default_environment: app.default_environment.as_ref().map(ToString::to_string),
    });
    Vocabulary { apps: apps.collect() }
}

fn misunderstanding(misunderstood: &Misunderstood) -> Reply {
    let help = |about: Option<&str>| {
        let about = about.map(str::to_owned);
        offer::offer("Help", &Command::Help { about })
    };
    let offer = match misunderstood {
        Misunderstood::Unknown { meant: Some(meant), .. } => Offer {
            label: meant.chars().take(LABEL).collect(),
            says: meant.clone(),
            caution: None,
        },
        Misunderstood::Unknown {
            nearest: Some(entry), ..
        }
        | Misunderstood::Form { entry, .. } => help(Some(entry.name)),
        Misunderstood::Unknown { nearest: None, .. } | Misunderstood::Nothing => help(None),
    };
    Reply::refused("not_understood", misunderstood.to_string()).offering(vec![offer])
}

/// What can be answered without a ledger, and without GitHub: how to say things.
#[must_use]
pub fn by_itself(text: &str) -> Option<Reply> {
    match grammar::parse(text) {
        Ok(Command::Help { about }) => Some(help(about.as_deref())),
        Ok(Command::Version) => Some(version()),
        Ok(_) => None,
        Err(misunderstood) => Some(misunderstanding(&misunderstood)),
    }
}

/// The status of a refusal.
fn refused_with(error: &CallError) -> Option<u16> {
    if let CallError::Refused { status, .. } = error {
        Some(*status)
    } else {
        None
    }
}

fn version() -> Reply {
    Reply::done(format!("Chima {}", env!("CARGO_PKG_VERSION")))
}

fn help(about: Option<&str>) -> Reply {
    let Some(about) = about else {
        return Reply::done(manual::overview());
    };
    match manual::entry(about) {
        Some(entry) => Reply::done(manual::explained(entry)),
        None => misunderstanding(&grammar::unknown(about)),
    }
}
