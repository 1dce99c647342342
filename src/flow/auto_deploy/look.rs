//! Answers the policy's questions about an environment, one after the other, from GitHub and the ledger.

use crate::config::AutoDeployOn;
use crate::domain::access::NamedRepository;
use crate::domain::ids::{DeploymentId, InstallationId};
use crate::domain::names::{RefName, Sha, TaskName, shown};
use crate::domain::run::{DeploymentState, LaneKey, Run, RunState};
use crate::flow::auto_deploy::Target;
use crate::flow::engine::Engine;
use crate::flow::repositories::found_under;
use crate::github::call::CallError;
use crate::github::deployments::Repository;
use crate::policy::auto::{AutoFacts, AutoRules, Decision, Progress, Question, Seen, When, decide, is_ours};
use crate::store::auto_deploys::{AutoDeploy as Row, Looked};
use crate::store::error::StoreError;

/// More than any look needs: each deployment that is under way takes one.
const QUESTIONS: usize = 40;
/// As many as GitHub lists.
const RUNS: u32 = 30;
/// What is older than a success is not looked up.
const EARLIER: &str = "an earlier one";

/// Why a look came to no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    GitHub { error: CallError, detail: String },
    Ledger(StoreError),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        Self::GitHub { error, detail }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

/// Who asks about one environment, and what has been learnt so far.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    engine: &'a Engine,
    target: Target<'a>,
    pub(super) installation: Option<InstallationId>,
    pub(super) repository: Repository,
    branch: RefName,
    pub(super) task: TaskName,
    rules: AutoRules,
    facts: AutoFacts,
}

impl<'a> Asker<'a> {
    /// Finds the repository, also where it is called something else now, and the branch.
    pub(super) async fn new(
        engine: &'a Engine,
        target: Target<'a>,
        claimed: &Row,
        looked: &mut Looked,
    ) -> Result<Self, Trouble> {
        let configured = &target.app.repository;
        let installation = match claimed.installation {
            Some(known) => Some(known),
            None => engine.github.installation_of(configured).await?,
        };
        let repository = engine.github.repository(installation, configured).await?;
        looked.installation = installation;
        let seen = NamedRepository {
            id: repository.id,
            name: repository.full_name.to_string(),
            installation,
        };
        if let Some(detail) = found_under(engine, configured.as_str(), &seen).await? {
            let error = CallError::Garbled {
                status: 200,
                detail: detail.clone(),
            };
            return Err(Trouble::GitHub { error, detail });
        }
        looked.repository_id = Some(repository.id);
        looked.default_branch = Some(repository.default_branch.clone());
        let branch = match &target.auto.branch {
            Some(branch) => branch.clone(),
            None => repository.default_branch.parse().map_err(|_| {
                let detail = format!(
                    "the default branch is called `{}`; name another under `auto_deploy`",
                    shown(&repository.default_branch)
                );
                Trouble::GitHub {
                    error: CallError::Garbled {
                        status: 200,
                        detail: detail.clone(),
                    },
                    detail,
                }
            })?,
        };
        Ok(Self {
            rules: AutoRules {
                branch: branch.to_string(),
                when: match target.auto.on {
                    AutoDeployOn::Green => When::Green,
                    AutoDeployOn::Push => When::Push,
                    AutoDeployOn::MergedPullRequest => When::MergedPullRequest,
                },
                required_contexts: target.environment.required_contexts.clone(),
                paths: target.auto.paths.clone(),
            },
            facts: AutoFacts::new(engine.now(), claimed.marked_at.is_some()),
            engine,
            target,
            installation,
            repository,
            branch,
            task: task(target),
        })
    }

    /// Asks as much as the decision needs.
    pub(super) async fn decide(&mut self) -> Result<Decision, Trouble> {
        for _ in 0..QUESTIONS {
            match decide(&self.rules, &self.facts) {
                Ok(decision) => return Ok(decision),
                // boxed: the client's futures are large
                Err(question) => Box::pin(self.answer(question)).await?,
            }
        }
        let detail = "too many deployments are under way to compare all of them".to_owned();
        Err(Trouble::GitHub {
            error: CallError::Garbled {
                status: 200,
                detail: detail.clone(),
            },
            detail,
        })
    }

    /// The commit in question, as far as it is known.
    pub(super) fn sha(&self) -> Option<&Sha> {
        self.facts.sha(&self.rules)
    }

    /// The name of the one branch.
    pub(super) fn branch(&self) -> &str {
        self.branch.as_str()
    }

    async fn answer(&mut self, question: Question) -> Result<(), Trouble> {
        let (github, name) = (&self.engine.github, &self.repository.full_name);
        let installation = self.installation;
        match question {
            Question::Head => {
                self.facts.head = Some(github.head_of(installation, name, &self.branch).await?);
            }
            Question::Merged => {
                let merged = github.last_merge(installation, name, &self.branch).await;
                self.facts.merged = Some(merged.map_err(about_pull_requests)?);
            }
            Question::Deployments => self.facts.deployments = Some(self.deployments().await?),
            Question::Comparison { base, head } => {
                let compared = github.compare(installation, name, &base, &head).await?;
                self.facts.comparisons.insert((base, head), compared);
            }
            Question::Contexts(sha) => {
                let contexts = Box::pin(github.contexts(name.as_str(), installation, &sha)).await?;
                self.facts.contexts = Some(contexts);
            }
        }
        Ok(())
    }

    /// What GitHub lists and what the ledger has. The ledger knows better how far its own runs are: GitHub may not have been
    /// told yet.
    async fn deployments(&self) -> Result<Vec<Seen>, Trouble> {
        let environment = &self.target.environment.name;
        let lane = LaneKey::new(&self.engine.config.github.host, self.repository.id, environment, false);
        let runs = self.engine.store.newest_of_lane(&lane, RUNS).await?;
        let mut known_apps = self.engine.config.github.known_apps.clone();
        known_apps.extend(self.engine.github.own_slug().await?);
        let listed = self
            .engine
            .github
            .deployments(self.installation, &self.repository.full_name, environment, &self.task)
            .await?;
        let mut all: Vec<Seen> = runs.iter().filter_map(|run| of_run(run, &self.task)).collect();
        let is_success = |one: &&Seen| matches!(one.progress, Progress::Succeeded { .. });
        let mut settled_at = all.iter().find(is_success).map(|one| one.requested_at);
        for one in listed {
            let here = runs.iter().any(|run| run.deployment == one.id);
            let Ok(sha) = one.sha.parse() else { continue };
            if here || !is_ours(one.creator.as_deref(), one.app_slug.as_deref(), &known_apps) {
                continue;
            }
            let progress = if settled_at.is_some_and(|settled| one.created_at < settled) {
                Progress::Ended {
                    state: EARLIER.to_owned(),
                }
            } else {
                self.progress(one.id).await?
            };
            if matches!(progress, Progress::Succeeded { .. }) {
                settled_at = settled_at.max(Some(one.created_at));
            }
            all.push(Seen {
                id: one.id,
                sha,
                requested_at: one.created_at,
                progress,
                here: false,
            });
        }
        all.sort_by_key(|one| std::cmp::Reverse((one.requested_at, one.id)));
        Ok(all)
    }

    /// How far a deployment is that we have no run for. GitHub adds `inactive` to a success when a later one succeeds.
    async fn progress(&self, deployment: DeploymentId) -> Result<Progress, Trouble> {
        let name = &self.repository.full_name;
        let statuses = self
            .engine
            .github
            .statuses_of(self.installation, name, deployment)
            .await?;
        let word = |state: DeploymentState| state.as_str();
        if let Some(success) = statuses.iter().find(|one| one.state == word(DeploymentState::Success)) {
            return Ok(Progress::Succeeded { at: success.created_at });
        }
        let over = [
            DeploymentState::Failure,
            DeploymentState::Error,
            DeploymentState::Inactive,
        ]
        .map(word);
        Ok(match statuses.first() {
            Some(latest) if over.contains(&latest.state.as_str()) => Progress::Ended {
                state: latest.state.clone(),
            },
            Some(_) | None => Progress::UnderWay,
        })
    }
}

/// `deploy`, unless the environment has other tasks only.
fn task(target: Target<'_>) -> TaskName {
    let tasks = &target.environment.tasks;
    let usual = tasks.iter().find(|task| task.as_str() == "deploy");
    usual.unwrap_or(&tasks[0]).clone()
}

fn of_run(run: &Run, task: &TaskName) -> Option<Seen> {
    let order = run.order.as_ref().filter(|order| order.task == *task)?;
    Some(Seen {
        id: run.deployment,
        sha: order.sha.clone(),
        requested_at: run.requested_at,
        progress: match run.state {
            RunState::Held | RunState::Queued | RunState::Running => Progress::UnderWay,
            RunState::Succeeded => Progress::Succeeded {
                at: run.finished_at.unwrap_or(run.created_at),
            },
            RunState::Failed
            | RunState::Errored
            | RunState::Rejected
            | RunState::Cancelled
            | RunState::Interrupted
            | RunState::Superseded => Progress::Ended {
                state: run.state.as_str().to_owned(),
            },
        },
        here: true,
    })
}

fn about_pull_requests(error: CallError) -> Trouble {
    let mut detail = error.to_string();
    if let CallError::Refused { status: 404, .. } = error {
        detail.push_str("; to see what was merged, the App needs the permission `Pull requests: read`");
    }
    Trouble::GitHub { error, detail }
}
