//! What people ask about commits, as values instead of words: what would be deployed, how a ref stands, where a commit is.

use crate::chat::target::Target;
use crate::config::{App, Environment};
use crate::domain::conversation::Reply;
use crate::domain::viewer::Viewer;
use crate::flow::chat::preview::Brings;
use crate::flow::chat::{Conversation, Spot, Trouble, or_refused};
use crate::flow::obstacle::Obstacle;
use crate::flow::view::commits::{Build, Builds, Difference, Whereabout, Whereabouts};
use crate::policy::facts::ContextVerdict;
use crate::report::chat::{self, compare_url};

/// What a deployment would bring to an environment; the default branch where no ref is named.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn difference(
    conversation: &Conversation<'_>,
    (app, environment): (&App, &Environment),
    git_ref: Option<&str>,
) -> Result<Result<Difference, Reply>, Obstacle> {
    let target = Target {
        app: app.name.to_string(),
        git_ref: git_ref.map(str::to_owned),
        environment: Some(environment.name.to_string()),
    };
    or_refused(Box::pin(conversation.difference(&target)).await)
}

/// How a ref of an app stands; the default branch where none is named.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn builds(
    conversation: &Conversation<'_>,
    app: &App,
    git_ref: Option<&str>,
) -> Result<Result<Builds, Reply>, Obstacle> {
    let found = or_refused(Box::pin(conversation.contexts_of(app, git_ref)).await)?;
    Ok(found.map(|(git_ref, sha, contexts)| Builds {
        git_ref,
        sha: sha.to_string(),
        contexts: contexts
            .into_iter()
            .map(|one| Build {
                verdict: verdict(one.verdict).to_owned(),
                name: one.name,
                state: one.state,
            })
            .collect(),
    }))
}

/// Which environments have a commit, of the apps that somebody sees.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn whereabouts(
    conversation: &Conversation<'_>,
    viewer: &Viewer,
    sha: &str,
) -> Result<Result<Whereabouts, Reply>, Obstacle> {
    let sees = |app: &App| viewer.sees(app.name.as_str());
    let found = or_refused(Box::pin(conversation.whereabouts(sha, &sees)).await)?;
    Ok(found.and_then(|all| {
        let items: Vec<Whereabout> = all
            .into_iter()
            .map(|(Spot { app, environment }, runs, has)| Whereabout {
                app: app.name.to_string(),
                environment: environment.name.to_string(),
                runs: runs.map(|run| run.sha),
                has: has.as_str().to_owned(),
            })
            .collect();
        if items.is_empty() {
            return Err(Reply::refused("commit_unknown", chat::no_commit(sha)));
        }
        Ok(Whereabouts { items })
    }))
}

fn verdict(found: ContextVerdict) -> &'static str {
    match found {
        ContextVerdict::Green => "green",
        ContextVerdict::Pending => "pending",
        ContextVerdict::Failed => "failed",
    }
}

impl Conversation<'_> {
    async fn difference(&self, target: &Target) -> Result<Difference, Trouble> {
        let (spot, _) = self.place(target)?;
        let home = self.home(spot.app).await?;
        let head = target.git_ref.clone().unwrap_or_else(|| home.default_branch.clone());
        let current = self.current(spot).await?;
        let mut found = Difference {
            app: spot.app.name.to_string(),
            environment: spot.environment.name.to_string(),
            git_ref: head.clone(),
            replaces: current.as_ref().map(|run| run.sha.clone()),
            brings: None,
            url: None,
        };
        let Some(current) = current else {
            return Ok(found);
        };
        let Some(between) = self.between(&home, (&current.sha, &head)).await? else {
            return Err(Trouble::refused("ref_unknown", chat::no_ref(&head)));
        };
        found.brings = Some(Brings::from(between));
        found.url = compare_url(&self.config().github.url, home.name.as_str(), &current.sha, &head);
        Ok(found)
    }
}
