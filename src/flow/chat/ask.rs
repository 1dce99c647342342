//! Asks GitHub for a deployment because somebody says so. It enters by the same door as everybody else's.

use serde_json::{Map, Value, json};

use crate::chat::command::Deploy;
use crate::chat::target::Target;
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::domain::creation::Creation;
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::names::Sha;
use crate::flow::ask::{Asked, Wish, ask, created};
use crate::flow::chat::commits::{Home, with_commits};
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::flow::rules::rules;
use crate::github::call::CallError;
use crate::policy::decide::decide;
use crate::policy::decision::Verdict;
use crate::policy::facts::{Contexts, Facts, History, LaneFacts, LockFacts};
use crate::report::chat::{self, compare_url};
use crate::report::creation::sentence as answer_of_github;
use crate::report::sentence::sentence;
use crate::store::asks::Wished;
use crate::store::slack_asks::SlackWish;

/// So far back a commit is looked for that an environment once ran.
const REMEMBERED: u32 = 200;

impl<'a> Conversation<'a> {
    pub(super) async fn deploy(&self, speaker: &Speaker, deploy: &Deploy, plan: bool) -> Result<Reply, Trouble> {
        let (spot, hosts) = self.place(&deploy.target)?;
        if deploy.force {
            return Err(Trouble::refused("force_not_allowed", chat::no_force()));
        }
        let task = if plan {
            format!("{}:plan", deploy.task)
        } else {
            deploy.task.clone()
        };
        self.object(speaker, spot, &task, &hosts).await?;
        let home = self.home(spot.app).await?;
        let (git_ref, named) = match (&deploy.target.git_ref, &speaker.place) {
            (Some(git_ref), _) => (git_ref.clone(), None),
            // what was there when it was said, whatever is pushed since
            (None, Place::PullRequest { sha, branch, .. }) => (sha.to_string(), Some(branch.clone())),
            (None, Place::Room { .. } | Place::Terminal) => (home.default_branch.clone(), None),
        };
        let mut notes = Map::new();
        if let Some(code) = &deploy.code {
            // as hubot-deploy called it
            notes.insert("yubikey".to_owned(), json!(code));
        }
        if let Some(branch) = &named {
            notes.insert("branch".to_owned(), json!(branch));
        }
        let what = Wanted {
            git_ref,
            task,
            hosts,
            description: chat::asked_by(&speaker.name, named.as_deref()),
            notes,
        };
        self.ask_for(speaker, spot, &home, what).await
    }

    /// Once more what was last tried: exactly that commit, task and hosts.
    pub(super) async fn retry(&self, speaker: &Speaker, target: &Target) -> Result<Reply, Trouble> {
        let run = self.run(&without_ref(target)).await?;
        let Some(order) = run.order.clone().filter(|_| run.state.is_terminal()) else {
            return Err(Trouble::refused("not_over", chat::not_over(&run, self.desk.now())));
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
        self.object(speaker, spot, &task, &hosts).await?;
        let mut notes = Map::new();
        notes.insert("retry_of".to_owned(), json!(run.deployment.0));
        notes.insert("branch".to_owned(), json!(run.git_ref));
        let what = Wanted {
            git_ref: order.sha.to_string(),
            task,
            hosts,
            description: chat::retry_of(&speaker.name, run.deployment),
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
        let Some(current) = ran.first() else {
            return Err(Trouble::refused(
                "nothing_there",
                chat::nothing_to_roll_back(app, environment),
            ));
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
        self.object(speaker, spot, "deploy", &[]).await?;
        let home = self.home(spot.app).await?;
        if to.is_none() {
            let between = self.between(&home, (&back.sha, &current.sha)).await?;
            let text = chat::would_undo((app, environment), back, self.desk.now());
            let url = compare_url(&self.config().github.url, home.name.as_str(), &back.sha, &current.sha);
            return Ok(Reply::done(match &between {
                Some(between) => with_commits(text, between, url.as_deref()),
                None => text,
            }));
        }
        let mut notes = Map::new();
        notes.insert("rollback_from".to_owned(), json!(current.sha));
        notes.insert("branch".to_owned(), json!(back.git_ref));
        let what = Wanted {
            git_ref: back.sha.clone(),
            task: "deploy".to_owned(),
            hosts: Vec::new(),
            description: chat::rollback_of(&speaker.name, &current.sha),
            notes,
        };
        self.ask_for(speaker, spot, &home, what).await
    }

    /// Refuses what the policy would reject by its words alone: nobody needs a deployment to hear that.
    async fn object(&self, speaker: &Speaker, spot: Spot<'a>, task: &str, hosts: &[String]) -> Result<(), Trouble> {
        let repository = spot.app.repository.to_string();
        let mut payload = told(speaker);
        payload.insert("hosts".to_owned(), json!(hosts));
        payload.insert("actor".to_owned(), json!(speaker.name));
        let mut asked = Deployment {
            host: self.config().github.host.clone(),
            repository_id: RepositoryId(0),
            repository: repository.clone(),
            id: DeploymentId(0),
            sha: Sha::null().to_string(),
            git_ref: "HEAD".to_owned(),
            task: task.to_owned(),
            environment: spot.environment.name.to_string(),
            payload: Value::Object(payload),
            description: None,
            creator: None,
            app_slug: None,
            from_workflow: false,
            installation: None,
            created_at: self.desk.now(),
        };
        let mut rules = rules(self.config()).for_repository(&repository);
        let mut facts = Facts {
            now: self.desk.now(),
            contexts: Contexts::NotNeeded,
            lane: LaneFacts::default(),
            history: History::NotNeeded,
            lock: None,
        };
        if let Some(lock) = self.lock_at(spot).await? {
            // as whom it will be made decides whether the lock lets it pass
            if let Some(slug) = Box::pin(self.github.own_slug()).await? {
                asked.creator = Some(format!("{slug}[bot]"));
                rules.known_apps.push(slug);
            }
            let automatic = false;
            facts.lock = Some(LockFacts { lock, automatic });
        }
        let decision = decide(&asked, &facts, &rules);
        match decision.reasons.first().filter(|_| decision.verdict == Verdict::Reject) {
            Some(reason) => Err(Trouble::refused(reason.code(), sentence(reason))),
            None => Ok(()),
        }
    }

    async fn ask_for(&self, speaker: &Speaker, spot: Spot<'a>, home: &Home, what: Wanted) -> Result<Reply, Trouble> {
        let mut notes = told(speaker);
        notes.extend(what.notes);
        if let Some(ask) = self.slack_ask {
            notes.insert("ask".to_owned(), json!(ask));
        }
        let wish = Wish {
            git_ref: what.git_ref,
            task: what.task,
            hosts: what.hosts,
            by: speaker.name.clone(),
            via: via(&speaker.place),
            description: what.description,
            auto_merge: spot.app.auto_merge,
            notes,
        };
        let current = self.current(spot).await?;
        if let Place::PullRequest { ask, .. } = &speaker.place {
            // before: an answer that is lost must not make a second deployment
            let wished = Wished {
                environment: spot.environment.name.to_string(),
                task: wish.task.clone(),
            };
            self.desk.store.begin_wish(ask, &wished).await?;
        }
        if let Some(ask) = self.slack_ask {
            let wished = SlackWish {
                repository: home.name.to_string(),
                environment: spot.environment.name.to_string(),
                task: wish.task.clone(),
            };
            self.desk.store.begin_slack_wish(ask, &wished).await?;
        }
        let asked = ask(self.github, home.installation, (&home.name, spot.environment), &wish).await;
        let asked = asked.map_err(|error| match error {
            CallError::Unreachable { .. } | CallError::Trouble { .. } | CallError::Garbled { .. } => {
                Trouble::Unsettled(error)
            }
            CallError::NotSetUp
            | CallError::NoInstallation
            | CallError::RateLimited { .. }
            | CallError::Refused { .. } => Trouble::GitHub(error),
        })?;
        let words = answer_of_github(&asked.creation, &wish.git_ref);
        let (Some(id), Creation::Created { sha, .. }) = (created(&asked), &asked.creation) else {
            return Ok(Reply::refused(refusal(&asked), said_with(&asked, words)));
        };
        let place = (spot.app.name.as_str(), spot.environment.name.as_str());
        let mut lines = vec![said_with(&asked, chat::will_deploy(&words, place, &wish.task))];
        lines.extend(current.as_ref().map(|run| chat::instead_of(run, self.desk.now())));
        let changed = current.as_ref().filter(|run| run.sha != *sha);
        let url = changed.and_then(|run| compare_url(&self.config().github.url, home.name.as_str(), &run.sha, sha));
        lines.extend(url);
        Ok(Reply {
            deployment: Some(id),
            ..Reply::done(lines.join("\n"))
        })
    }
}

/// What a deployment is to be.
struct Wanted {
    git_ref: String,
    task: String,
    hosts: Vec<String>,
    description: String,
    notes: Map<String, Value>,
}

/// What the payload says of who asked, in hubot-deploy's form where it has one.
fn told(speaker: &Speaker) -> Map<String, Value> {
    let mut notes = Map::new();
    match &speaker.place {
        Place::Terminal => {}
        Place::Room {
            adapter,
            room,
            id,
            thread,
        } => {
            let mut notify = Map::new();
            notify.insert("adapter".to_owned(), json!(adapter));
            notify.insert("room".to_owned(), json!(room));
            notify.insert("user_name".to_owned(), json!(speaker.name));
            if let Some(id) = id {
                notify.insert("room_id".to_owned(), json!(id));
            }
            if let Some(user) = &speaker.id {
                notify.insert("user".to_owned(), json!(user));
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
