//! Asks GitHub for a deployment because somebody says so. It enters by the same door as everybody else's.

use serde_json::{Map, Value, json};

use crate::chat::command::Deploy;
use crate::chat::offers as offer;
use crate::chat::target::Target;
use crate::config::LaneOrder;
use crate::domain::actor::Actor;
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::domain::creation::{Creation, Sought};
use crate::domain::deployment::Deployment;
use crate::domain::names::{Sha, is_its_sha};
use crate::domain::run::{LaneKey, Run};
use crate::domain::watch::AskedDeployment;
use crate::flow::ask::{AskError, Asked, Asking, Whose, Wish, ask, created};
use crate::flow::chat::commits::{Home, with_commits};
use crate::flow::chat::offers::offer_at;
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::flow::forecast::Forecast;
use crate::github::call::CallError;
use crate::report::chat::{self, compare_url};
use crate::report::creation::sentence as answer_of_github;
use crate::store::asks::Wished;
use crate::store::error::StoreError;

/// So far back a commit is looked for that an environment once ran.
const REMEMBERED: u32 = 200;

impl<'a> Conversation<'a> {
    pub(super) async fn deploy(&self, speaker: &Speaker, deploy: &Deploy, plan: bool) -> Result<Reply, Trouble> {
        let (spot, hosts) = self.place(&deploy.target)?;
        let task = if plan {
            format!("{}:plan", deploy.task)
        } else {
            deploy.task.clone()
        };
        let what = (task.as_str(), hosts.as_slice());
        if let Err(refused) = self.object(speaker, spot, what, deploy.force).await {
            if deploy.force || !self.could_be_forced(spot, &refused).await? {
                return Err(refused);
            }
            // whether they may is for the same rules to say
            let forced = self.object(speaker, spot, what, true).await;
            let says = anyway(deploy, spot, &hosts);
            return Err(Self::unless_forced(spot, refused, &forced, says));
        }
        let home = self.home(spot.app).await?;
        let (git_ref, named) = match (&deploy.target.git_ref, &speaker.place) {
            (Some(git_ref), _) => (git_ref.clone(), None),
            // what was there when it was said, whatever is pushed since
            (None, Place::PullRequest { sha, branch, .. }) => (sha.to_string(), Some(branch.clone())),
            (None, Place::Room { .. } | Place::Terminal | Place::Api { .. } | Place::Page { .. }) => {
                (home.default_branch.clone(), None)
            }
        };
        let (git_ref, named) = match &deploy.seen {
            Some(seen) => self.still(&home, git_ref, seen).await?,
            None => (git_ref, named),
        };
        let mut notes = Map::new();
        if let Some(code) = &deploy.code {
            // as hubot-deploy called it
            notes.insert("yubikey".to_owned(), json!(code));
        }
        let what = Wanted {
            git_ref,
            task,
            hosts,
            description: chat::asked_by(&self.actor(speaker), named.as_deref()),
            branch: named.or_else(|| deploy.called.clone()),
            force: deploy.force,
            notes,
        };
        let reply = self.ask_for(speaker, spot, &home, what).await?;
        let git_ref = deploy
            .target
            .git_ref
            .as_deref()
            .filter(|own| *own != home.default_branch);
        Ok(match git_ref.filter(|_| reply.ok && !plan) {
            // whoever tries something there may want to keep others out
            Some(git_ref) => reply.offering(vec![offer_at(spot).keep_for(git_ref)]),
            None => reply,
        })
    }

    /// The commit that somebody has seen a ref to be, if it still is; and the ref, where it is more than that commit's own id. GitHub is
    /// asked for the commit and not for the ref, which may move on between this look and that.
    async fn still(&self, home: &Home, git_ref: String, seen: &Sha) -> Result<(String, Option<String>), Trouble> {
        let now = self.github.commit_of(home.installation, &home.name, &git_ref).await?;
        let Some(now) = now else {
            return Err(Trouble::refused("ref_unknown", chat::no_ref(&git_ref)));
        };
        if now != *seen {
            let text = chat::ref_moved(&git_ref, seen.as_str(), now.as_str());
            return Err(Trouble::refused("ref_moved", text));
        }
        let named = (!is_its_sha(&git_ref, seen.as_str())).then_some(git_ref);
        Ok((seen.to_string(), named))
    }

    /// Once more what was last tried: exactly that commit, task and hosts.
    pub(super) async fn retry(&self, speaker: &Speaker, target: &Target) -> Result<Reply, Trouble> {
        let run = self.run(&without_ref(target)).await?;
        let Some(order) = run.order.clone().filter(|_| run.state.is_terminal()) else {
            let offers = vec![offer::cancel(&run.id.to_string())];
            return Err(Trouble::offering(
                "not_over",
                chat::not_over(&run, self.desk.now()),
                offers,
            ));
        };
        let whole = Target {
            app: order.app.to_string(),
            git_ref: None,
            environment: Some(order.environment.to_string()),
        };
        let (spot, _) = self.place(&whole)?;
        let hosts: Vec<String> = order.hosts.iter().map(ToString::to_string).collect();
        let task = if order.noop {
            format!("{}:plan", order.task)
        } else {
            order.task.to_string()
        };
        self.object(speaker, spot, (&task, &hosts), false).await?;
        let mut notes = Map::new();
        notes.insert("retry_of".to_owned(), json!(run.deployment.0));
        // a rollback that is tried again is still one
        let asked = self.desk.store.find_deployment(&run).await?;
        if let Some(left) = asked.as_ref().and_then(Deployment::rollback_from) {
            notes.insert("rollback_from".to_owned(), json!(left));
        }
        let what = Wanted {
            git_ref: order.sha.to_string(),
            branch: run.called(),
            task,
            hosts,
            description: chat::retry_of(&self.actor(speaker), run.deployment),
            force: false,
            notes,
        };
        let home = self.home(spot.app).await?;
        self.ask_for(speaker, spot, &home, what).await
    }

    /// What the environment ran before. Without a commit, only says what that would undo: naming the commit is the consent.
    pub(super) async fn rollback(
        &self,
        speaker: &Speaker,
        target: &Target,
        to: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let (spot, _) = self.place(&without_ref(target))?;
        let ran = self.desk.store.successes_of(self.at(spot), REMEMBERED).await?;
        let (app, environment) = (spot.app.name.as_str(), spot.environment.name.as_str());
        let at = offer::At { app, environment };
        let Some(current) = ran.first() else {
            let text = chat::nothing_to_roll_back(app, environment);
            return Err(Trouble::offering("nothing_there", text, vec![at.deploy()]));
        };
        let mut earlier = ran.iter().filter(|run| run.sha != current.sha);
        let found = match to {
            None => earlier.next(),
            Some(to) => {
                let wanted = to.to_ascii_lowercase();
                earlier.find(|run| run.sha.starts_with(&wanted) || run.git_ref == to)
            }
        };
        let Some(back) = found else {
            let text = match to {
                Some(to) => chat::never_ran((app, environment), to),
                None => chat::nothing_before((app, environment), current),
            };
            return Err(Trouble::refused("nothing_there", text));
        };
        self.object(speaker, spot, ("deploy", &[]), false).await?;
        let home = self.home(spot.app).await?;
        if to.is_none() {
            let between = self.between(&home, (&back.sha, &current.sha)).await?;
            let text = chat::would_undo((app, environment), back, self.desk.now());
            let url = compare_url(&self.config().github.url, home.name.as_str(), &back.sha, &current.sha);
            let text = match &between {
                Some(between) => with_commits(text, between, url.as_deref()),
                None => text,
            };
            return Ok(Reply::done(text).offering(vec![at.roll_back(&back.sha)]));
        }
        let mut notes = Map::new();
        notes.insert("rollback_from".to_owned(), json!(current.sha));
        let what = Wanted {
            git_ref: back.sha.clone(),
            branch: back.called(),
            task: "deploy".to_owned(),
            hosts: Vec::new(),
            description: chat::rollback_of(&self.actor(speaker), &current.sha),
            force: false,
            notes,
        };
        self.ask_for(speaker, spot, &home, what).await
    }

    async fn ask_for(&self, speaker: &Speaker, spot: Spot<'a>, home: &Home, what: Wanted) -> Result<Reply, Trouble> {
        let actor = self.actor(speaker);
        let mut notes = told(speaker, &actor);
        notes.extend(what.notes);
        if let Some(ask) = self.slack_ask {
            notes.insert("ask".to_owned(), json!(ask));
        }
        let is_commit = what.git_ref.parse::<Sha>().is_ok();
        let wish = Wish {
            git_ref: what.git_ref,
            branch: what.branch,
            task: what.task,
            hosts: what.hosts,
            actor,
            room: match &speaker.place {
                Place::Room { room, .. } => Some(room.clone()),
                Place::Terminal | Place::Api { .. } | Place::Page { .. } | Place::PullRequest { .. } => None,
            },
            force: what.force,
            via: via(&speaker.place),
            description: what.description,
            // a commit is deployed as it is, and what is forced is exactly what was named
            auto_merge: spot.app.auto_merge && !what.force && !is_commit,
            notes,
        };
        let current = self.current(spot).await?;
        let prospects = self.prospects(spot, home, &wish.task).await?;
        let sought = Sought {
            repository: home.name.to_string(),
            environment: spot.environment.name.to_string(),
            task: wish.task.clone(),
        };
        self.write_down(speaker, &sought).await?;
        let asking = Asking {
            github: self.github,
            store: Some(self.desk.store),
            clock: self.desk.voice.clock,
            host: &self.config().github.host,
        };
        let whose = Whose {
            installation: home.installation,
            id: home.id,
            repository: &home.name,
            app: spot.app,
            environment: spot.environment,
        };
        let asked = ask(&asking, &whose, &wish).await.map_err(|error| match error {
            AskError::Ledger(error) => Trouble::Ledger(error),
            AskError::GitHub(
                error @ (CallError::Unreachable { .. } | CallError::Trouble { .. } | CallError::Garbled { .. }),
            ) => Trouble::Unsettled(error),
            AskError::GitHub(
                error @ (CallError::NotSetUp
                | CallError::NoInstallation
                | CallError::RateLimited { .. }
                | CallError::Refused { .. }),
            ) => Trouble::GitHub(error),
        })?;
        let words = answer_of_github(&asked.creation, &wish.git_ref);
        let (Some(id), Creation::Created { sha, .. }) = (created(&asked), &asked.creation) else {
            return Ok(Reply::refused(refusal(&asked), said_with(&asked, words)));
        };
        // it is made: from here on nothing may look as if it were not
        let asked_for = AskedDeployment {
            host: self.config().github.host.clone(),
            repository_id: home.id,
            id,
            repository: spot.app.repository.to_string(),
            app: spot.app.name.to_string(),
            environment: spot.environment.name.to_string(),
            git_ref: wish.branch.as_ref().unwrap_or(&wish.git_ref).clone(),
            sha: sha.clone(),
            by: wish.actor.known_as().to_owned(),
            place: Value::Object(told(speaker, &wish.actor)),
            at: self.desk.now(),
            said_at: None,
        };
        if let Err(error) = self.desk.store.note_asked(&asked_for).await {
            tracing::warn!(deployment.id = %id, error = %error, "cannot watch over a deployment that was asked for");
        }
        let place = (spot.app.name.as_str(), spot.environment.name.as_str());
        let words = chat::will_deploy(&words, place, &wish.task, &wish.actor);
        let mut lines = vec![said_with(&asked, words)];
        lines.push(match &current {
            Some(run) => chat::instead_of(run, self.desk.now()),
            None => chat::first_there(),
        });
        if let Some(run) = &current {
            lines.push(Box::pin(self.brings(spot, home, run, (&wish.git_ref, sha))).await);
        }
        lines.extend(prospects);
        Ok(Reply {
            deployment: Some(id),
            ..Reply::done(lines.join("\n"))
        })
    }

    /// Before GitHub is asked: an answer that is lost must not make a second deployment.
    async fn write_down(&self, speaker: &Speaker, sought: &Sought) -> Result<(), StoreError> {
        let store = self.desk.store;
        if let Some(ask) = self.slack_ask {
            store.begin_slack_wish(ask, sought).await?;
        }
        match &speaker.place {
            Place::PullRequest { ask, .. } => {
                let wished = Wished {
                    environment: sought.environment.clone(),
                    task: sought.task.clone(),
                };
                store.begin_wish(ask, &wished).await
            }
            Place::Api { ask: Some(ask), .. } | Place::Page { ask: Some(ask), .. } => {
                store.begin_api_wish(ask, sought).await
            }
            Place::Api { ask: None, .. } | Place::Page { ask: None, .. } | Place::Room { .. } | Place::Terminal => {
                Ok(())
            }
        }
    }

    /// What is in it that the environment does not run; where GitHub does not say, at least where to look.
    async fn brings(&self, spot: Spot<'a>, home: &Home, current: &Run, (git_ref, sha): (&str, &str)) -> String {
        let environment = spot.environment.name.as_str();
        if current.sha == sha {
            return chat::same_again(environment);
        }
        let url = compare_url(&self.config().github.url, home.name.as_str(), &current.sha, sha);
        let head = if git_ref == sha {
            sha.get(..8).unwrap_or(sha)
        } else {
            git_ref
        };
        match self.between(home, (&current.sha, sha)).await {
            Ok(Some(between)) => {
                let text = chat::difference(environment, head, between.ahead, between.behind);
                with_commits(text, &between, url.as_deref())
            }
            Ok(None) => chat::nothing_in_common(environment, head),
            Err(trouble) => {
                tracing::warn!(trouble = ?trouble, "cannot tell what is in a deployment");
                url.unwrap_or_else(|| chat::not_compared(environment))
            }
        }
    }

    /// Where it will stand in its lane, and how long it takes.
    async fn prospects(&self, spot: Spot<'a>, home: &Home, task: &str) -> Result<Option<String>, Trouble> {
        let at = self.at(spot);
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let lane = LaneKey::new(at.host, home.id, &spot.environment.name, task.ends_with(":plan"));
        let estimate = forecast.estimate(at, task).await?;
        // those that wait give way to the newest
        let all = spot.environment.lane == LaneOrder::Fifo;
        let line = forecast.line(&lane, None, all).await?;
        let line = (line.position > 1 || line.works).then_some((line.position, line.wait));
        Ok(chat::prospects(line, estimate.as_ref()))
    }
}

/// What a deployment is to be.
struct Wanted {
    git_ref: String,
    branch: Option<String>,
    task: String,
    hosts: Vec<String>,
    description: String,
    force: bool,
    notes: Map<String, Value>,
}

/// The same, forced, as one would type it.
fn anyway(deploy: &Deploy, spot: Spot<'_>, hosts: &[String]) -> String {
    let git_ref = deploy.target.git_ref.as_ref().map(|git_ref| format!("/{git_ref}"));
    let hosts = (!hosts.is_empty()).then(|| format!("/{}", hosts.join(",")));
    format!(
        "{}! {}{} to {}{}",
        deploy.task,
        spot.app.name,
        git_ref.unwrap_or_default(),
        spot.environment.name,
        hosts.unwrap_or_default()
    )
}

/// What the payload says of who asked, in hubot-deploy's form where it has one.
pub(super) fn told(speaker: &Speaker, actor: &Actor) -> Map<String, Value> {
    let mut notes = Map::new();
    match &speaker.place {
        Place::Terminal => {}
        Place::Api { ask, .. } | Place::Page { ask, .. } => {
            if let Some(ask) = ask {
                notes.insert("ask".to_owned(), json!(ask));
            }
        }
        Place::Room {
            adapter,
            room,
            id,
            thread,
            callback,
        } => {
            let mut notify = Map::new();
            notify.insert("adapter".to_owned(), json!(adapter));
            notify.insert("room".to_owned(), json!(room));
            notify.insert("user_name".to_owned(), json!(actor.known_as()));
            if let Some(id) = id {
                notify.insert("room_id".to_owned(), json!(id));
            }
            if let Some(user) = &speaker.id {
                notify.insert("user".to_owned(), json!(user));
            }
            if let Some(callback) = callback {
                notify.insert("callback".to_owned(), json!(callback));
            }
            if let Some(thread) = thread {
                notify.insert("thread_id".to_owned(), json!(thread));
            }
            notes.insert("notify".to_owned(), Value::Object(notify));
        }
        Place::PullRequest { number, ask, .. } => {
            notes.insert("pull_request".to_owned(), json!(number));
            notes.insert("ask".to_owned(), json!(ask));
        }
    }
    notes
}

fn via(place: &Place) -> &'static str {
    match place {
        Place::Terminal => "cli",
        Place::Api { .. } => "api",
        Place::Page { .. } => "page",
        Place::Room { .. } => "chat",
        Place::PullRequest { .. } => "pull_request",
    }
}

/// A code for what GitHub made instead of a deployment.
fn refusal(asked: &Asked) -> &'static str {
    match asked.creation {
        Creation::Created { .. } | Creation::NothingMade { .. } => "nothing_made",
        Creation::Merged { .. } => "branch_moves",
        Creation::MergeConflict { .. } => "merge_conflict",
        Creation::ContextsNotGreen { .. } => "required_context_failed",
        Creation::NoRef { .. } => "ref_unknown",
    }
}

/// With what GitHub merged on the way.
fn said_with(asked: &Asked, words: String) -> String {
    let merged: Vec<String> = asked.merged.iter().map(|message| chat::merged(message)).collect();
    merged.into_iter().chain([words]).collect::<Vec<_>>().join("\n")
}

fn without_ref(target: &Target) -> Target {
    Target {
        git_ref: None,
        ..target.clone()
    }
}
