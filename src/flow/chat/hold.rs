//! Locks, as people ask for them.

use crate::chat::command::{Command, Lock};
use crate::chat::offers::offer;
use crate::chat::target::Target;
use crate::domain::conversation::{Place as Said, Reply, Speaker};
use crate::domain::lock::{LockRequest, Place};
use crate::domain::person::{Person, Source};
use crate::flow::chat::offers::around_locks;
use crate::flow::chat::{Conversation, Trouble};
use crate::flow::lock::{self, answered, unlocked};
use crate::report::chat as words;
use crate::store::locks::{Locked, Unlocked};

impl Conversation<'_> {
    pub(super) async fn lock(&self, speaker: &Speaker, asked: &Lock) -> Result<Reply, Trouble> {
        let by = self.person(speaker);
        let places = self.places(&asked.app, &asked.environments)?;
        self.may_change_all(speaker, &places).await?;
        let request = LockRequest {
            otherwise: asked.otherwise,
            listener: speaker.listener(),
            ..LockRequest::new(by.clone(), places, asked.reason.as_deref(), asked.length)
        };
        let locked = lock::lock(&self.desk, &request).await?;
        let text = answered(&by, &locked, self.desk.now());
        Ok(match locked {
            Locked::Taken { .. } | Locked::Waits { .. } => Reply::done(text),
            Locked::InTheWay(locks) => {
                let offers = around_locks(&by, &locks, asked);
                Reply::refused("already_locked", text).offering(offers)
            }
        })
    }

    pub(super) async fn unlock(&self, speaker: &Speaker, app: &str, environments: &[String]) -> Result<Reply, Trouble> {
        let by = self.person(speaker);
        let places = self.places(app, environments)?;
        self.may_change_all(speaker, &places).await?;
        let ended = lock::unlock(&self.desk, &places, &by).await?;
        Ok(self.told(&by, &ended))
    }

    pub(super) async fn unlock_all(&self, speaker: &Speaker) -> Result<Reply, Trouble> {
        let by = self.person(speaker);
        // a name in a chat can be anybody's: whoever has it now may not be who has locked it
        let all = self.desk.store.locks(self.desk.now()).await?.into_iter();
        let own = all.filter(|one| {
            let mut concerned = std::iter::once(&one.lock.owner).chain(&one.waiting);
            concerned.any(|somebody| somebody.is_called(&by.name))
        });
        let places: Vec<Place> = own.map(|one| one.lock.place).collect();
        self.may_change_all(speaker, &places).await?;
        let ended = lock::unlock_all(&self.desk, &by).await?;
        Ok(self.told(&by, &ended))
    }

    fn told(&self, by: &Person, ended: &Unlocked) -> Reply {
        let text = unlocked(by, ended, self.desk.now());
        if ended.ended.is_empty() && ended.given_up.is_empty() {
            let look = offer("Show the locks", &Command::Locks { app: None });
            Reply::refused("not_locked", text).offering(vec![look])
        } else {
            Reply::done(text)
        }
    }

    pub(super) async fn locks(&self, app: Option<&str>) -> Result<Reply, Trouble> {
        let app = app.map(|typed| self.app(typed)).transpose()?;
        let mut held = self.desk.store.locks(self.desk.now()).await?;
        held.retain(|one| app.is_none_or(|app| one.lock.place.app == app.name));
        let lines: Vec<(&crate::domain::lock::Lock, &[Person])> =
            held.iter().map(|one| (&one.lock, one.waiting.as_slice())).collect();
        Ok(Reply::done(words::locks(&lines, self.desk.now())))
    }

    /// The environments that are meant, each once. `lock production on site` is taken as it is meant.
    fn places(&self, app: &str, environments: &[String]) -> Result<Vec<Place>, Trouble> {
        let named: Vec<Option<&String>> = match environments {
            [] => vec![None],
            all => all.iter().map(Some).collect(),
        };
        let mut places: Vec<Place> = Vec::new();
        for environment in named {
            let target = Target {
                app: app.to_owned(),
                git_ref: None,
                environment: environment.cloned(),
            };
            let (spot, _) = self.place(&target)?;
            let place = Place {
                app: spot.app.name.clone(),
                environment: spot.environment.name.clone(),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }

    async fn may_change_all(&self, speaker: &Speaker, places: &[Place]) -> Result<(), Trouble> {
        for place in places {
            self.may_change_place(speaker, place).await?;
        }
        Ok(())
    }

    /// Who it is that others deal with. A name in a comment is known to the policy through a payload of ours, as one in a chat is.
    fn person(&self, speaker: &Speaker) -> Person {
        let source = match speaker.place {
            Said::Terminal => Source::Terminal,
            Said::Api { .. } => Source::Token,
            Said::Page { .. } => Source::Page,
            Said::Room { .. } | Said::PullRequest { .. } => Source::Chat,
        };
        Person::new(source, self.actor(speaker).known_as())
    }
}
