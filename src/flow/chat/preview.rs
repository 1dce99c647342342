//! What a deployment would come to if it were asked for now: the decision, the commits, the wait. Nothing is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chat::command::Deploy;
use crate::config::LaneOrder;
use crate::domain::clock::Timestamp;
use crate::domain::conversation::{Reply, Speaker};
use crate::domain::run::LaneKey;
use crate::flow::chat::objections::Commit;
use crate::flow::chat::{Conversation, Trouble, or_refused};
use crate::flow::forecast::Forecast;
use crate::flow::obstacle::Obstacle;
use crate::flow::view::Why;
use crate::flow::view::run::{CheckView, EstimateView};
use crate::github::commits::{Between, Named};
use crate::report::chat as words;

/// What it would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// The task.
    pub task: String,
    /// Branch, tag or SHA.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// What that is now.
    pub sha: String,
    /// `run`, `hold` or `reject`.
    pub verdict: String,
    /// Why, the deciding reason first.
    pub reasons: Vec<Why>,
    /// Every gate, with its evidence.
    pub checks: Vec<CheckView>,
    /// What the environment runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// What it would bring; absent where nothing runs there, or GitHub cannot compare the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<Brings>,
    /// Place in the lane: 1 is next.
    pub position: u32,
    /// When it would probably begin, where something comes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<Timestamp>,
    /// How long its like take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<EstimateView>,
}

/// What a commit has that another lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brings {
    /// Commits that would be new.
    pub ahead: u64,
    /// Commits that would be gone.
    pub behind: u64,
    /// The new ones, the oldest first, a hundred at most.
    pub commits: Vec<CommitView>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitView {
    /// The full commit id.
    pub sha: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The first line of its message.
    pub title: String,
}

impl From<Between> for Brings {
    fn from(between: Between) -> Self {
        let view = |one: Named| CommitView {
            sha: one.sha,
            author: one.author,
            title: one.message.lines().next().unwrap_or_default().to_owned(),
        };
        Self {
            ahead: between.ahead,
            behind: between.behind,
            commits: between.commits.into_iter().map(view).collect(),
        }
    }
}

/// What a deployment would come to; a refusal where it cannot even be meant.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn preview(
    conversation: &Conversation<'_>,
    speaker: &Speaker,
    deploy: &Deploy,
    plan: bool,
) -> Result<Result<Preview, Reply>, Obstacle> {
    or_refused(conversation.preview(speaker, deploy, plan).await)
}

impl Conversation<'_> {
    async fn preview(&self, speaker: &Speaker, deploy: &Deploy, plan: bool) -> Result<Preview, Trouble> {
        let (spot, hosts) = self.place(&deploy.target)?;
        let task = if plan {
            format!("{}:plan", deploy.task)
        } else {
            deploy.task.clone()
        };
        let home = self.home(spot.app).await?;
        let git_ref = deploy
            .target
            .git_ref
            .clone()
            .unwrap_or_else(|| home.default_branch.clone());
        let found = self.github.commit_of(home.installation, &home.name, &git_ref).await?;
        let Some(sha) = found else {
            return Err(Trouble::refused("ref_unknown", words::no_ref(&git_ref)));
        };
        let commit = Commit {
            home: &home,
            git_ref: &git_ref,
            sha: &sha,
        };
        let what = (task.as_str(), hosts.as_slice());
        let decision = Box::pin(self.decision(speaker, spot, what, (deploy.force, Some(commit)))).await?;
        let current = self.current(spot).await?;
        let brings = match &current {
            Some(current) => self.between(&home, (&current.sha, sha.as_str())).await?,
            None => None,
        };
        let at = self.at(spot);
        let mut forecast = Forecast::begin(self.desk.store, self.desk.now()).await?;
        let lane = LaneKey::new(at.host, home.id, &spot.environment.name, plan);
        let estimate = forecast.estimate(at, &task).await?;
        // those that wait give way to the newest
        let all = spot.environment.lane == LaneOrder::Fifo;
        let line = forecast.line(&lane, None, all).await?;
        let waits = line.position > 1 || line.works;
        Ok(Preview {
            app: spot.app.name.to_string(),
            environment: spot.environment.name.to_string(),
            task,
            git_ref,
            sha: sha.to_string(),
            verdict: decision.verdict.as_str().to_owned(),
            reasons: decision.reasons.iter().map(Why::of).collect(),
            checks: decision.checks.iter().map(CheckView::of).collect(),
            replaces: current.map(|current| current.sha),
            brings: brings.map(Brings::from),
            position: line.position,
            begins_at: line.wait.filter(|_| waits).map(|wait| self.desk.now() + wait),
            estimate: estimate.map(EstimateView::from),
        })
    }
}
