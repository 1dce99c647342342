//! Turns what happened to a run into rows of the outbox: the status for GitHub, the message for Slack, the news for everybody else.

mod notices;

use serde_json::json;

use crate::config::{Config, Environment};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::conversation::Listener;
use crate::domain::foreign::ForeignDeployment;
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::flow::outbox::StatusMessage;
use crate::flow::slack::{SlackCall, To};
use crate::github::statuses::{NewStatus, Target};
use crate::report::slack::{self, SlackMessage};
use crate::report::status::{self, Links, Place};
use crate::store::locks::{Notice, What};
use crate::store::outbox::{Kind, Outgoing};

/// What is to be sent now that `run` is in its state.
#[must_use]
pub fn announce(engine: &Engine, run: &Run, place: Option<&Place>) -> Vec<Outgoing> {
    engine.voice().announce(run, place)
}

/// What is said depends on these, beside the run: a server has them, and so has a command line beside it.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// Where pages and environments are.
    pub config: &'a Config,
    /// Names the rows.
    pub clock: &'a dyn Clock,
    /// Whether Slack hears of it.
    pub slack: bool,
}

/// Something that was noticed, in words.
#[derive(Debug, Clone, Copy)]
pub struct Noticed<'a> {
    /// What it is about; with `says`, one thing that is told once.
    pub key: &'a str,
    /// Which of its words this is.
    pub says: &'a str,
    /// The run, where there is one.
    pub run: Option<RunId>,
    /// The app.
    pub app: &'a str,
    /// Its environment.
    pub environment: &'a str,
    /// The bot through which it was asked for.
    pub listener: Option<&'a Listener>,
    /// For people.
    pub text: &'a str,
}

impl Voice<'_> {
    /// What is to be sent now that `run` is in its state.
    #[must_use]
    pub fn announce(&self, run: &Run, place: Option<&Place>) -> Vec<Outgoing> {
        self.announce_with(run, place, None)
    }

    /// The same of one that did not work, with what its environment runs.
    #[must_use]
    pub fn announce_with(&self, run: &Run, place: Option<&Place>, runs_now: Option<String>) -> Vec<Outgoing> {
        let links = Links {
            runs_now,
            ..links(self.config, run)
        };
        let body = status::deployment_status(run, place, &links);
        let target = Target {
            repository: run.repository.to_string(),
            deployment: run.deployment,
            installation: run.installation,
        };
        let terminal = run.state.is_terminal();
        let mut outgoing = vec![Outgoing {
            id: self.fresh_id(),
            kind: Kind::DeploymentStatus,
            key: format!("status/{}/{}/{}", run.host, run.repository_id, run.deployment),
            run: Some(run.id),
            terminal,
            says: body.state.as_str().to_owned(),
            body: json!(StatusMessage {
                target,
                status: NewStatus {
                    state: body.state.as_str().to_owned(),
                    description: body.description,
                    log_url: body.log_url,
                    environment_url: body.environment_url,
                    // a lock deploys nothing: what was deployed stays what the environment runs
                    auto_inactive: run.command.as_ref().map(|_| false),
                },
            }),
        }];
        if self.slack && slack::notifies(run.state) {
            outgoing.push(Outgoing {
                id: self.fresh_id(),
                kind: Kind::SlackWebhook,
                key: format!("slack/{}", run.id),
                run: Some(run.id),
                terminal,
                says: run.state.as_str().to_owned(),
                body: json!(slack::message(run, run.requester.as_deref(), &links)),
            });
        }
        outgoing.extend(self.news_of_run(run, &links));
        outgoing
    }

    /// What is to be sent about a lock.
    #[must_use]
    pub fn about_lock(&self, notice: &Notice, now: Timestamp) -> Vec<Outgoing> {
        let says = match &notice.what {
            What::Begun => "begun".to_owned(),
            What::Ended(_) => "ended".to_owned(),
            // each time is news
            What::Old => format!("old {}", now.timestamp()),
        };
        let mut outgoing = self.news_of_lock(notice, &says, now);
        let place = &notice.lock.place;
        let app = self.config.app(place.app.as_str());
        let environment = app.and_then(|app| app.environments.iter().find(|own| own.name == place.environment));
        let message = slack::about_lock(&notice.lock, notice.news(), now);
        outgoing.extend(self.for_slack(environment, message).map(|(kind, body)| Outgoing {
            id: self.fresh_id(),
            kind,
            key: format!("lock/{}/{says}", notice.lock.id),
            run: None,
            terminal: true,
            says,
            body,
        }));
        outgoing
    }

    /// What is to be sent about something that was noticed.
    #[must_use]
    pub fn about_watch(&self, noticed: &Noticed<'_>) -> Vec<Outgoing> {
        let Noticed { says, run, text, .. } = *noticed;
        let mut outgoing = self.news_of_watch(noticed);
        let app = self.config.app(noticed.app);
        let environment = app.and_then(|app| {
            app.environments
                .iter()
                .find(|own| own.name.as_str() == noticed.environment)
        });
        outgoing.extend(
            self.for_slack(environment, slack::noticed(text))
                .map(|(kind, body)| Outgoing {
                    id: self.fresh_id(),
                    kind,
                    key: format!("{}/{says}", noticed.key),
                    run,
                    terminal: true,
                    says: says.to_owned(),
                    body,
                }),
        );
        outgoing
    }

    /// What is to be sent about a deployment that somebody else carries out.
    #[must_use]
    pub fn about_foreign(&self, host: &str, one: &ForeignDeployment) -> Vec<Outgoing> {
        let mut outgoing = self.news_of_foreign(host, one);
        let environment = self.config.find(&one.repository, &one.environment);
        let environment = environment.map(|(_, environment)| environment);
        let wanted = self.config.slack.other_deployments;
        let for_slack = wanted.then(|| self.for_slack(environment, slack::about_foreign(one)));
        outgoing.extend(for_slack.flatten().map(|(kind, body)| Outgoing {
            id: self.fresh_id(),
            kind,
            key: format!("foreign/{host}/{}/{}", one.repository_id, one.id),
            run: None,
            terminal: true,
            says: one.state().to_owned(),
            body,
        }));
        outgoing
    }

    /// Through the webhook where there is one, else by the bot into the environment's channel.
    fn for_slack(&self, environment: Option<&Environment>, message: SlackMessage) -> Option<(Kind, serde_json::Value)> {
        if self.slack {
            return Some((Kind::SlackWebhook, json!(message)));
        }
        self.config.slack.bot_token.as_ref()?;
        let own = environment.and_then(|environment| environment.slack_channel.as_ref());
        let channel = own.or(self.config.slack.channel.as_ref())?.clone();
        let to = To::Room { channel, thread: None };
        Some((Kind::SlackApi, json!(SlackCall { to, message })))
    }

    fn fresh_id(&self) -> String {
        self.clock.fresh_ulid().to_string()
    }
}

/// Where a run and its environment can be looked at.
pub(crate) fn links(config: &Config, run: &Run) -> Links {
    let environment_url = run
        .order
        .as_ref()
        .and_then(|order| config.find(run.repository.as_str(), order.environment.as_str()))
        .and_then(|(_, environment)| environment.url.clone());
    Links {
        log_url: Some(run_url(config, run.id)),
        environment_url,
        runs_now: None,
    }
}

/// Where a run's page is.
#[must_use]
pub fn run_url(config: &Config, run: RunId) -> String {
    format!("{}/runs/{run}", config.public_url)
}
