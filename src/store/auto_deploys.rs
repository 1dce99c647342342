//! Environments that are deployed without being asked for: which of them somebody should look at, and what was last found.
//!
//! Two rules keep one commit from being deployed twice. A look takes a claim with a fence, and whoever was overtaken writes
//! nothing. And GitHub is asked for a deployment only after this was written down under that fence, so that whoever comes
//! next, also after a crash, knows that there may be one that GitHub's lists do not show yet.

use crate::domain::auto_deploy::Outcome;
use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, Fence, InstallationId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::names::Sha;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// An environment to follow, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its app.
    pub app: String,
    /// Its name.
    pub environment: String,
    /// `owner/name`.
    pub repository: String,
    /// `None` for the default branch.
    pub branch: Option<String>,
}

/// An environment that is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoDeploy {
    /// As configured.
    pub followed: Followed,
    /// GitHub's number of the repository, once somebody has looked.
    pub repository_id: Option<RepositoryId>,
    /// Where the App is installed, once somebody has looked.
    pub installation: Option<InstallationId>,
    /// The repository's default branch at the last look.
    pub default_branch: Option<String>,
    /// When somebody should look next.
    pub due_at: Timestamp,
    /// How many events there were.
    pub marks: u64,
    /// When the last came.
    pub marked_at: Option<Timestamp>,
    /// Who moved the branch, by the last event that said so.
    pub moved_by: Option<String>,
    /// To which commit.
    pub moved_to: Option<String>,
    /// Of the claim.
    pub fence: Fence,
    /// Looks in a row that GitHub did not answer.
    pub failures: u32,
    /// When somebody last looked.
    pub looked_at: Option<Timestamp>,
    /// The commit in question.
    pub sha: Option<String>,
    /// What the look came to.
    pub outcome: Option<Outcome>,
    /// The commit that GitHub was asked to deploy, while its answer is not known.
    pub asked_sha: Option<String>,
    /// When.
    pub asked_at: Option<Timestamp>,
    /// GitHub's number of the last deployment that was made.
    pub deployment: Option<DeploymentId>,
}

/// What an event says about an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// Who moved the branch, and to which commit.
    pub moved: Option<(String, String)>,
}

/// What a look has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// When it began.
    pub at: Timestamp,
    /// The repository's number, as far as GitHub said it.
    pub repository_id: Option<RepositoryId>,
    /// Where the App is installed; `None` makes the next look ask again.
    pub installation: Option<InstallationId>,
    /// The default branch.
    pub default_branch: Option<String>,
    /// The commit in question.
    pub sha: Option<Sha>,
    /// What it came to.
    pub outcome: Outcome,
    /// GitHub was asked for a deployment, and it is not known whether it made one.
    pub unanswered: bool,
    /// When to look next, unless an event came meanwhile.
    pub next: Timestamp,
}

impl Store {
    /// Follows exactly these environments from now on, and makes all of them due: what happened while nobody ran is found by
    /// looking. One whose repository or branch is another one than before begins anew.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn follow(&self, host: &str, wanted: &[Followed], now: Timestamp) -> Result<(), StoreError> {
        let doing = "follow environments";
        let failed = StoreError::while_doing(doing);
        let known = self.auto_deploys(host).await?;
        if wanted.is_empty() && known.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(doing).await?;
        for old in known.iter().filter(|old| !wanted.contains(&old.followed)) {
            sqlx::query("DELETE FROM auto_deploys WHERE host = ? AND app = ? AND environment = ?")
                .bind(host)
                .bind(&old.followed.app)
                .bind(&old.followed.environment)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
        }
        for one in wanted {
            sqlx::query(
                "INSERT INTO auto_deploys (host, app, environment, repository, branch, due_at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (host, app, environment) DO UPDATE SET due_at = excluded.due_at",
            )
            .bind(host)
            .bind(&one.app)
            .bind(&one.environment)
            .bind(&one.repository)
            .bind(&one.branch)
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        commit(tx, doing).await
    }

    /// Every environment that is followed.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn auto_deploys(&self, host: &str) -> Result<Vec<AutoDeploy>, StoreError> {
        let doing = "list followed environments";
        let rows = sqlx::query("SELECT * FROM auto_deploys WHERE host = ? ORDER BY app, environment")
            .bind(host)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).auto_deploy()).collect()
    }

    /// Makes an environment due, because something happened.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_auto_deploy(
        &self,
        host: &str,
        one: &Followed,
        mark: &Mark,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (by, to) = mark.moved.clone().unzip();
        sqlx::query(
            "UPDATE auto_deploys SET due_at = ?, marks = marks + 1, marked_at = ?, \
             moved_by = COALESCE(?, moved_by), moved_to = COALESCE(?, moved_to) \
             WHERE host = ? AND app = ? AND environment = ?",
        )
        .bind(millis(now))
        .bind(millis(now))
        .bind(by)
        .bind(to)
        .bind(host)
        .bind(&one.app)
        .bind(&one.environment)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("mark a followed environment"))?;
        Ok(())
    }

    /// Whether we asked, or are about to ask, GitHub for a deployment. What a payload says about itself proves nothing.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn asked_by_itself(&self, place: &Place, sha: &str, id: DeploymentId) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM auto_deploys WHERE lower(app) || '/' || lower(environment) = ? AND (asked_sha = ? OR deployment_id = ?)",
        )
        .bind(place.key())
        .bind(sha)
        .bind(number(id.0))
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::while_doing("find who asked for a deployment"))?;
        Ok(row.is_some())
    }

    /// Takes an environment that is due and that nobody looks at, so that nobody else does until then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim_auto_deploy(
        &self,
        host: &str,
        one: &Followed,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<AutoDeploy>, StoreError> {
        let doing = "claim a followed environment";
        let row = sqlx::query(
            "UPDATE auto_deploys SET claimed_by = ?, claimed_until = ?, fence = fence + 1 \
             WHERE host = ? AND app = ? AND environment = ? AND due_at <= ? \
             AND (claimed_until IS NULL OR claimed_until <= ?) RETURNING *",
        )
        .bind(worker)
        .bind(millis(until))
        .bind(host)
        .bind(&one.app)
        .bind(&one.environment)
        .bind(millis(now))
        .bind(millis(now))
        .fetch_optional(&self.write)
        .await
        .map_err(StoreError::while_doing(doing))?;
        row.as_ref()
            .map(|row| Reader::new(row, doing).auto_deploy())
            .transpose()
    }

    /// Writes down that GitHub is about to be asked to deploy a commit. `false`: the claim is not ours any more, and nobody
    /// may ask.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_asking(
        &self,
        host: &str,
        claimed: &AutoDeploy,
        sha: &Sha,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query(
            "UPDATE auto_deploys SET asked_sha = ?, asked_at = ?, claimed_until = ? \
             WHERE host = ? AND app = ? AND environment = ? AND fence = ? AND claimed_until > ?",
        )
        .bind(sha.as_str())
        .bind(millis(now))
        .bind(millis(until))
        .bind(host)
        .bind(&claimed.followed.app)
        .bind(&claimed.followed.environment)
        .bind(number(claimed.fence.0))
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down that a deployment is asked for"))?;
        Ok(changed.rows_affected() == 1)
    }

    /// Writes down what a look came to, and gives the claim back. Nothing is written where it is not ours any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn finish_auto_deploy(
        &self,
        host: &str,
        claimed: &AutoDeploy,
        looked: &Looked,
    ) -> Result<(), StoreError> {
        let (deployment, failures) = match &looked.outcome {
            Outcome::Asked { deployment } => (Some(number(deployment.0)), 0),
            Outcome::Waits { .. } | Outcome::Nothing { .. } => (None, 0),
            Outcome::Unavailable { .. } => (None, i64::from(claimed.failures) + 1),
        };
        sqlx::query(
            "UPDATE auto_deploys SET claimed_by = NULL, claimed_until = NULL, \
             due_at = CASE WHEN marks = ? THEN ? ELSE due_at END, \
             repository_id = COALESCE(?, repository_id), installation_id = ?, \
             default_branch = COALESCE(?, default_branch), failures = ?, looked_at = ?, sha = COALESCE(?, sha), \
             outcome = ?, deployment_id = COALESCE(?, deployment_id), \
             asked_sha = CASE WHEN ? THEN asked_sha ELSE NULL END \
             WHERE host = ? AND app = ? AND environment = ? AND fence = ?",
        )
        .bind(number(claimed.marks))
        .bind(millis(looked.next))
        .bind(looked.repository_id.map(|id| number(id.0)))
        .bind(looked.installation.map(|id| number(id.0)))
        .bind(&looked.default_branch)
        .bind(failures)
        .bind(millis(looked.at))
        .bind(looked.sha.as_ref().map(Sha::as_str))
        .bind(json(&looked.outcome))
        .bind(deployment)
        .bind(looked.unanswered)
        .bind(host)
        .bind(&claimed.followed.app)
        .bind(&claimed.followed.environment)
        .bind(number(claimed.fence.0))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down a look at an environment"))?;
        Ok(())
    }
}

impl Reader<'_> {
    fn auto_deploy(&self) -> Result<AutoDeploy, StoreError> {
        Ok(AutoDeploy {
            followed: Followed {
                app: self.text("app")?,
                environment: self.text("environment")?,
                repository: self.text("repository")?,
                branch: self.maybe_text("branch")?,
            },
            repository_id: self.maybe_number("repository_id")?.map(RepositoryId),
            installation: self.maybe_number("installation_id")?.map(InstallationId),
            default_branch: self.maybe_text("default_branch")?,
            due_at: self.time("due_at")?,
            marks: self.number("marks")?,
            marked_at: self.maybe_time("marked_at")?,
            moved_by: self.maybe_text("moved_by")?,
            moved_to: self.maybe_text("moved_to")?,
            fence: Fence(self.number("fence")?),
            failures: self.count("failures")?,
            looked_at: self.maybe_time("looked_at")?,
            sha: self.maybe_text("sha")?,
            outcome: self.maybe_json("outcome")?,
            asked_sha: self.maybe_text("asked_sha")?,
            asked_at: self.maybe_time("asked_at")?,
            deployment: self.maybe_number("deployment_id")?.map(DeploymentId),
        })
    }
}
