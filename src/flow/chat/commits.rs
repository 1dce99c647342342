//! What would come with a deployment, how a ref stands, and where a commit is: GitHub is asked.

use crate::chat::command::{Command, Deploy};
use crate::chat::offers::offer;
use crate::chat::target::Target;
use crate::config::App;
use crate::domain::conversation::Reply;
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::domain::names::{RepositoryName, Sha};
use crate::domain::run::Run;
use crate::flow::chat::offers::offer_at;
use crate::flow::chat::{Conversation, Spot, Trouble};
use crate::github::commits::{Between, Named};
use crate::policy::auto::Relation;
use crate::policy::facts::{ContextState, ContextVerdict};
use crate::report::chat::{self, CommitLine, commit_line, compare_url, list};

/// What GitHub says of an app's repository.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) installation: Option<InstallationId>,
    /// GitHub's number of it.
    pub(super) id: RepositoryId,
    /// Its present name.
    pub(super) name: RepositoryName,
    pub(super) default_branch: String,
}

impl<'a> Conversation<'a> {
    pub(super) async fn home(&self, app: &App) -> Result<Home, Trouble> {
        let installation = self.github.installation_of(&app.repository).await?;
        let found = self.github.repository(installation, &app.repository).await?;
        Ok(Home {
            installation,
            id: found.id,
            name: found.full_name,
            default_branch: found.default_branch,
        })
    }

    pub(super) async fn diff(&self, target: &Target) -> Result<Reply, Trouble> {
        let (spot, _) = self.place(target)?;
        let home = self.home(spot.app).await?;
        let head = target.git_ref.clone().unwrap_or_else(|| home.default_branch.clone());
        let Some(current) = self.current(spot).await? else {
            let text = format!(
                "nothing is deployed to `{}` yet: all of it would be new",
                spot.environment.name
            );
            return Ok(Reply::done(text));
        };
        let Some(between) = self.between(&home, (&current.sha, &head)).await? else {
            return Err(Trouble::refused("ref_unknown", chat::no_ref(&head)));
        };
        let text = chat::difference(spot.environment.name.as_str(), &head, between.ahead, between.behind);
        let url = compare_url(&self.config().github.url, home.name.as_str(), &current.sha, &head);
        let reply = Reply::done(with_commits(text, &between, url.as_deref()));
        if between.ahead == 0 {
            return Ok(reply);
        }
        let deploy = Command::Deploy(Deploy {
            task: "deploy".to_owned(),
            force: false,
            target: Target {
                git_ref: target.git_ref.clone(),
                ..offer_at(spot).target()
            },
            code: None,
            seen: None,
            called: None,
        });
        let label = format!("Deploy to {}", spot.environment.name);
        Ok(reply.offering(vec![offer(&label, &deploy)]))
    }

    pub(super) async fn builds(&self, target: &Target) -> Result<Reply, Trouble> {
        let app = self.app(&target.app)?;
        let (git_ref, sha, contexts) = self.contexts_of(app, target.git_ref.as_deref()).await?;
        let words: Vec<(ContextVerdict, &str, &str)> = contexts
            .iter()
            .map(|one| (one.verdict, one.name.as_str(), one.state.as_str()))
            .collect();
        let of = |verdict: ContextVerdict| -> Vec<(&str, &str)> {
            let found = words.iter().filter(|(found, ..)| *found == verdict);
            found.map(|(_, name, state)| (*name, *state)).collect()
        };
        Ok(Reply::done(chat::builds(
            (&git_ref, sha.as_str()),
            &of(ContextVerdict::Failed),
            &of(ContextVerdict::Pending),
            of(ContextVerdict::Green).len(),
        )))
    }

    /// How a ref stands: which it is, what that is now, and what was said about that.
    pub(super) async fn contexts_of(
        &self,
        app: &App,
        git_ref: Option<&str>,
    ) -> Result<(String, Sha, Vec<ContextState>), Trouble> {
        let home = self.home(app).await?;
        let git_ref = git_ref.map_or_else(|| home.default_branch.clone(), str::to_owned);
        let Some(sha) = self.github.commit_of(home.installation, &home.name, &git_ref).await? else {
            return Err(Trouble::refused("ref_unknown", chat::no_ref(&git_ref)));
        };
        let contexts = Box::pin(self.github.contexts(home.name.as_str(), home.installation, &sha)).await?;
        Ok((git_ref, sha, contexts))
    }

    /// Which environments contain a commit, of every app whose repository has it.
    pub(super) async fn contains(&self, sha: &str) -> Result<Reply, Trouble> {
        let found = self.whereabouts(sha, &|_| true).await?;
        if found.is_empty() {
            return Err(Trouble::refused("commit_unknown", chat::no_commit(sha)));
        }
        let lines = found.iter().map(|(spot, _, has)| {
            let at = (spot.app.name.as_str(), spot.environment.name.as_str());
            chat::containing(at, *has)
        });
        Ok(Reply::done(list(&lines.collect::<Vec<_>>(), None)))
    }

    /// The same of the apps that are meant: where, what runs there, and how that has it.
    pub(super) async fn whereabouts(
        &self,
        sha: &str,
        meant: &(dyn Fn(&App) -> bool + Sync),
    ) -> Result<Vec<(Spot<'a>, Option<Run>, chat::Containing)>, Trouble> {
        let mut all = Vec::new();
        let mut repositories: Vec<&App> = Vec::new();
        for app in self.config().apps.iter().filter(|app| meant(app)) {
            if !repositories
                .iter()
                .any(|known| known.repository.matches(app.repository.as_str()))
            {
                repositories.push(app);
            }
        }
        for first in repositories {
            let home = self.home(first).await?;
            let Some(full) = self.github.commit_of(home.installation, &home.name, sha).await? else {
                continue;
            };
            for app in self
                .config()
                .apps_of(first.repository.as_str())
                .filter(|app| meant(app))
            {
                for environment in &app.environments {
                    let spot = Spot { app, environment };
                    let current = self.current(spot).await?;
                    let has = match &current {
                        None => chat::Containing::Nothing,
                        Some(current) => self.containing(&home, full.as_str(), current).await?,
                    };
                    all.push((spot, current, has));
                }
            }
        }
        Ok(all)
    }

    async fn containing(&self, home: &Home, sha: &str, current: &Run) -> Result<chat::Containing, Trouble> {
        let Some(between) = self.between(home, (sha, &current.sha)).await? else {
            return Ok(chat::Containing::Unrelated);
        };
        // git's own words for it: `cherry-pick -x`
        let picked = format!("cherry picked from commit {sha}");
        Ok(match between.relation {
            Relation::Ahead | Relation::Identical => chat::Containing::Itself,
            Relation::Behind => chat::Containing::NotYet,
            Relation::Diverged if between.commits.iter().any(|one| one.message.contains(&picked)) => {
                chat::Containing::CherryPick
            }
            Relation::Diverged => chat::Containing::NotYet,
        })
    }

    /// What an environment runs.
    pub(super) async fn current(&self, spot: Spot<'a>) -> Result<Option<Run>, Trouble> {
        Ok(self.desk.store.successes_of(self.at(spot), 1).await?.pop())
    }

    pub(super) async fn between(&self, home: &Home, range: (&str, &str)) -> Result<Option<Between>, Trouble> {
        Ok(self.github.between(home.installation, &home.name, range).await?)
    }
}

/// A sentence, the commits it speaks of (the newest first), and where all of it is.
pub(super) fn with_commits(sentence: String, between: &Between, url: Option<&str>) -> String {
    let lines: Vec<String> = between
        .commits
        .iter()
        .rev()
        .map(|one| commit_line(&line(one)))
        .collect();
    let link = url.map(|url| format!(" ({url})")).unwrap_or_default();
    if lines.is_empty() {
        return format!("{sentence}{link}");
    }
    format!("{sentence}{link}\n{}", list(&lines, url))
}

fn line(commit: &Named) -> CommitLine {
    CommitLine {
        sha: commit.sha.clone(),
        author: commit.author.clone(),
        title: commit.message.lines().next().unwrap_or_default().to_owned(),
    }
}
