//! News for those whom the configuration names in `notify`, and for the bot through which somebody asked.

use serde_json::json;

use crate::config::App;
use crate::config::notify::{Notify, Subject, callback_line};
use crate::domain::clock::Timestamp;
use crate::domain::conversation::Listener;
use crate::domain::foreign::ForeignDeployment;
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::flow::announce::{Noticed, Voice};
use crate::flow::notices::NoticeMessage;
use crate::report::news::News;
use crate::report::slack;
use crate::report::status::Links;
use crate::store::locks::Notice;
use crate::store::outbox::{Kind, Outgoing};

/// Something to tell, before it is known to whom.
struct Telling<'a> {
    /// What it is about; each recipient's row has it in its key.
    about: String,
    run: Option<RunId>,
    terminal: bool,
    says: &'a str,
    news: News,
}

impl Voice<'_> {
    /// What becomes of a run: for its listener, and for everybody who wants to know.
    pub(super) fn news_of_run(&self, run: &Run, links: &Links) -> Vec<Outgoing> {
        let usual = slack::notifies(run.state);
        let repository = run.repository.as_str();
        let (apps, environment): (Vec<&App>, &str) = match &run.order {
            Some(order) => (
                self.config.app(order.app.as_str()).into_iter().collect(),
                order.environment.as_str(),
            ),
            None => (self.config.apps_of(repository).collect(), &run.environment),
        };
        let wanted = self.wanted(&apps, environment, Subject::Run(run.state), usual);
        let listener = run.listener.as_ref().filter(|_| usual);
        self.told(wanted, listener, || Telling {
            about: run.id.to_string(),
            run: Some(run.id),
            terminal: run.state.is_terminal(),
            says: run.state.as_str(),
            news: News::of_run(run, links),
        })
    }

    /// Something about a lock.
    pub(super) fn news_of_lock(&self, notice: &Notice, says: &str, now: Timestamp) -> Vec<Outgoing> {
        let place = &notice.lock.place;
        let apps: Vec<&App> = self.config.app(place.app.as_str()).into_iter().collect();
        let wanted = self.wanted(&apps, place.environment.as_str(), Subject::Lock, true);
        self.told(wanted, notice.listener.as_ref(), || Telling {
            about: format!("lock/{}/{says}", notice.lock.id),
            run: None,
            terminal: true,
            says,
            news: News::of_lock(&notice.lock, notice.news(), now),
        })
    }

    /// How a deployment of somebody else ended.
    pub(super) fn news_of_foreign(&self, host: &str, one: &ForeignDeployment) -> Vec<Outgoing> {
        let found = self.config.find(&one.repository, &one.environment);
        let apps: Vec<&App> = found.map(|(app, _)| app).into_iter().collect();
        let wanted = self.wanted(&apps, &one.environment, Subject::OtherDeployment, true);
        self.told(wanted, None, || Telling {
            about: format!("foreign/{host}/{}/{}", one.repository_id, one.id),
            run: None,
            terminal: true,
            says: one.state(),
            news: News::of_foreign(one),
        })
    }

    /// Something that should have happened and has not, or goes on after all.
    pub(super) fn news_of_watch(&self, noticed: &Noticed<'_>) -> Vec<Outgoing> {
        let apps: Vec<&App> = self.config.app(noticed.app).into_iter().collect();
        let wanted = self.wanted(&apps, noticed.environment, Subject::Watchdog, true);
        self.told(wanted, noticed.listener, || Telling {
            about: format!("{}/{}", noticed.key, noticed.says),
            run: noticed.run,
            terminal: true,
            says: noticed.says,
            news: News::of_watch((noticed.app, noticed.environment), noticed.says, noticed.text),
        })
    }

    /// Who in `notify` wants to hear something, each once.
    fn wanted(&self, apps: &[&App], environment: &str, subject: Subject, usual: bool) -> Vec<&str> {
        let wants = |one: &&Notify| one.wants(apps, environment, subject, usual);
        let mut names: Vec<&str> = Vec::new();
        for one in self.config.notify.iter().filter(wants) {
            if !names.contains(&one.recipient.name.as_str()) {
                names.push(&one.recipient.name);
            }
        }
        names
    }

    /// One row for each. A listener's name may come from a payload: one that is not configured is nobody.
    fn told<'a>(
        &self,
        wanted: Vec<&str>,
        listener: Option<&Listener>,
        telling: impl FnOnce() -> Telling<'a>,
    ) -> Vec<Outgoing> {
        let bot = listener.and_then(|listener| {
            let name = callback_line(&listener.callback);
            let mut known = self.config.callbacks.iter();
            known.any(|known| known.name == name).then_some((name, listener))
        });
        let mut recipients: Vec<(String, Option<&Listener>)> =
            wanted.into_iter().map(|name| (name.to_owned(), None)).collect();
        recipients.extend(bot.map(|(name, listener)| (name, Some(listener))));
        if recipients.is_empty() {
            return Vec::new();
        }
        let Telling {
            about,
            run,
            terminal,
            says,
            news,
        } = telling();
        let row = |(to, listener): (String, Option<&Listener>)| Outgoing {
            id: self.fresh_id(),
            kind: Kind::Notice,
            key: format!("notice/{to}/{about}"),
            run,
            terminal,
            says: says.to_owned(),
            body: json!(NoticeMessage {
                to,
                listener: listener.cloned(),
                news: news.clone(),
            }),
        };
        recipients.into_iter().map(row).collect()
    }
}
