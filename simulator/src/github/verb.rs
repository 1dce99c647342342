//! The verbs: each changes the world and sends the webhooks that GitHub would send, and waits for their answers.

use crate::github::GitHub;
use crate::github::deploy::{Actor, DeploymentRequest, StatusReport};
use crate::github::event::{self, NO_COMMIT};
use crate::github::refused::Refused;
use crate::github::sending::Delivered;
use crate::github::world::{CheckRun, CommitStatus};

/// A deployment that was created, and who heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// GitHub's number of the deployment.
    pub id: u64,
    /// The commit that the ref was resolved to.
    pub sha: String,
    /// One for each hook that hears of deployments.
    pub deliveries: Vec<Delivered>,
}

/// Commits that were pushed, and who heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The new head of the branch; forty zeros where it was deleted.
    pub sha: String,
    /// One for each hook that hears of pushes.
    pub deliveries: Vec<Delivered>,
}

impl GitHub {
    /// Creates a deployment as `POST …/deployments` does.
    ///
    /// # Errors
    /// When GitHub would refuse, or answer 202 because it merged first. What that had to tell is delivered all the same.
    pub async fn deploy(&self, repository: &str, request: DeploymentRequest) -> Result<Deployed, Refused> {
        let (created, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                let id = world.create_deployment(found, request)?;
                let sha = world
                    .deployment(repository, id)
                    .map(|deployment| deployment.sha.clone());
                Ok((id, sha.unwrap_or_default()))
            })
            .await;
        let (id, sha) = created?;
        Ok(Deployed { id, sha, deliveries })
    }

    /// Somebody else reports on a deployment, as `POST …/statuses` does.
    ///
    /// # Errors
    /// When GitHub would refuse.
    pub async fn report(
        &self,
        repository: &str,
        deployment: u64,
        report: StatusReport,
        login: &str,
    ) -> Result<Vec<Delivered>, Refused> {
        let actor = Actor {
            login: login.to_owned(),
            app: None,
        };
        let (reported, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                world.report_status(found, deployment, report, &actor)
            })
            .await;
        reported.map(|_| deliveries)
    }

    /// A commit gets a status by `ci-bot`; sends `status`.
    ///
    /// # Errors
    /// When there is no such repository or commit.
    pub async fn ci(&self, repository: &str, sha: &str, context: &str, state: &str) -> Result<Vec<Delivered>, Refused> {
        let (added, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                let status = CommitStatus {
                    id: world.fresh_id(),
                    sha: sha.to_owned(),
                    state: state.to_owned(),
                    context: context.to_owned(),
                    description: None,
                    target_url: None,
                    creator: "ci-bot".to_owned(),
                    at: world.now(),
                };
                world.add_commit_status(found, status)
            })
            .await;
        added.map(|()| deliveries)
    }

    /// A check run of a commit is completed, or only started where `conclusion` is absent; sends `check_run`, and
    /// `check_suite` when it was the last one that its suite waited for.
    ///
    /// # Errors
    /// When there is no such repository or commit.
    pub async fn check(
        &self,
        repository: &str,
        sha: &str,
        name: &str,
        conclusion: Option<&str>,
    ) -> Result<Vec<Delivered>, Refused> {
        let (added, deliveries) = self
            .tell(|world| {
                let id = world.fresh_id();
                let at = world.now();
                let found = world.repository_mut(repository).ok_or_else(Refused::not_found)?;
                let status = if conclusion.is_some() {
                    "completed"
                } else {
                    "in_progress"
                };
                let run = CheckRun {
                    id,
                    sha: sha.to_owned(),
                    name: name.to_owned(),
                    status: status.to_owned(),
                    conclusion: conclusion.map(str::to_owned),
                    app: "ci".to_owned(),
                    at,
                };
                if !found.commits.contains_key(sha) {
                    return Err(Refused::new(422, format!("No commit found for SHA: {sha}")));
                }
                found.check_runs.push(run.clone());
                let number = found.id;
                event::check_run(world, number, &run);
                Ok(())
            })
            .await;
        added.map(|()| deliveries)
    }

    /// Adds a commit by `mona` on top of a branch (made from the default branch where it is missing); sends `push`.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn push(&self, repository: &str, branch: &str, message: &str) -> Result<Pushed, Refused> {
        let (pushed, deliveries) = self
            .tell(|world| {
                let now = world.now();
                let found = world.repository_mut(repository).ok_or_else(Refused::not_found)?;
                let known = found.branches.get(branch).cloned();
                let parent = known
                    .clone()
                    .or_else(|| found.branches.get(&found.default_branch).cloned());
                let after = found.add_commit(message.to_owned(), "mona", parent.into_iter().collect(), now);
                found.branches.insert(branch.to_owned(), after.clone());
                let number = found.id;
                let before = known.unwrap_or_else(|| NO_COMMIT.to_owned());
                event::push(world, number, branch, &before, &after, "mona");
                Ok(after)
            })
            .await;
        pushed.map(|sha| Pushed { sha, deliveries })
    }

    /// Moves a branch to a commit that the repository has, or deletes it where `sha` is absent; sends `push`.
    ///
    /// # Errors
    /// When there is no such repository or commit.
    pub async fn move_branch(&self, repository: &str, branch: &str, sha: Option<&str>) -> Result<Pushed, Refused> {
        let (moved, deliveries) = self
            .tell(|world| {
                let found = world.repository_mut(repository).ok_or_else(Refused::not_found)?;
                if let Some(sha) = sha
                    && !found.commits.contains_key(sha)
                {
                    return Err(Refused::new(422, format!("No commit found for SHA: {sha}")));
                }
                let before = match sha {
                    Some(sha) => found.branches.insert(branch.to_owned(), sha.to_owned()),
                    None => found.branches.remove(branch),
                };
                let number = found.id;
                let before = before.unwrap_or_else(|| NO_COMMIT.to_owned());
                let after = sha.unwrap_or(NO_COMMIT).to_owned();
                event::push(world, number, branch, &before, &after, "mona");
                Ok(after)
            })
            .await;
        moved.map(|sha| Pushed { sha, deliveries })
    }

    /// A workflow of GitHub Actions has run on a commit; sends `workflow_run`.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn workflow_ran(
        &self,
        repository: &str,
        sha: &str,
        name: &str,
        conclusion: &str,
    ) -> Result<Vec<Delivered>, Refused> {
        let (told, deliveries) = self
            .tell(|world| {
                let found = world.repository(repository).ok_or_else(Refused::not_found)?.id;
                event::workflow_run(world, found, sha, name, conclusion);
                Ok(())
            })
            .await;
        told.map(|()| deliveries)
    }

    /// Tries every hook.
    pub async fn ping(&self) -> Vec<Delivered> {
        let ((), deliveries) = self
            .tell(|world| {
                let hooks: Vec<u64> = world.hooks.iter().map(|hook| hook.id).collect();
                for hook in hooks {
                    event::ping(world, hook);
                }
            })
            .await;
        deliveries
    }

    /// Sends an event again to every hook that was told of it: the same GUID and the same bodies.
    pub async fn redeliver(&self, guid: &str) -> Vec<Delivered> {
        let ((), deliveries) = self
            .tell(|world| {
                let first: Vec<u64> = world
                    .deliveries
                    .iter()
                    .filter(|delivery| delivery.guid == guid && !delivery.redelivery)
                    .map(|delivery| delivery.id)
                    .collect();
                for delivery in first {
                    world.redeliver(delivery);
                }
            })
            .await;
        deliveries
    }
}
