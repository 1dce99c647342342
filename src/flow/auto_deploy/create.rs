//! Asks GitHub for the deployment of one commit, so that there is never a second one.
//!
//! That somebody asks is written down first. Where no answer came, nobody asks again before GitHub's lists must show what it
//! made.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::AutoDeployOn;
use crate::domain::actor::Actor;
use crate::domain::auto_deploy::{AutoReason, Outcome};
use crate::domain::creation::Creation;
use crate::domain::ids::DeploymentId;
use crate::domain::names::shown;
use crate::domain::watch::AskedDeployment;
use crate::flow::ask::{AskError, Asking, Whose, Wish, ask};
use crate::flow::auto_deploy::look::{Asker, Trouble};
use crate::flow::auto_deploy::{Target, Written, locked};
use crate::flow::engine::Engine;
use crate::github::call::CallError;
use crate::policy::auto::Choice;
use crate::report::creation::sentence;
use crate::store::auto_deploys::{AutoDeploy as Row, Looked};
use crate::store::outbox::GITHUB_PACE;

/// After this, a deployment that GitHub made without our hearing of it is in its lists.
const SETTLED: Duration = Duration::from_secs(30);
/// Longer than the one call may take, so that nobody takes over while it is under way.
const ASKING: Duration = Duration::from_secs(60);
/// Who asks, where no event said who moved the branch.
const NOBODY: &str = "auto-deploy";

pub(super) async fn create(
    engine: &Engine,
    target: Target<'_>,
    claimed: &Row,
    asker: &Asker<'_>,
    choice: &Choice,
    looked: &mut Looked,
) -> Result<Written, Trouble> {
    let now = engine.now();
    let unsettled = claimed.asked_sha.as_deref() == Some(choice.sha.as_str())
        && claimed.asked_at.is_some_and(|asked| asked + SETTLED > now);
    if unsettled {
        looked.outcome = Outcome::Unavailable {
            detail: "GitHub was asked for it and did not answer; it may have made it".to_owned(),
        };
        return Ok(Written::NotYet);
    }
    // the facts took a while to gather
    if let Some(reason) = locked(engine, target).await? {
        looked.outcome = reason.into();
        return Ok(Written::NotYet);
    }
    if !engine.store.take_place(GITHUB_PACE, &engine.pace, now).await? {
        looked.outcome = Outcome::Unavailable {
            detail: "as much as `github.writes_per_minute` and `writes_per_hour` allow has been written".to_owned(),
        };
        return Ok(Written::NotYet);
    }
    if !engine
        .store
        .begin_asking(&engine.config.github.host, claimed, &choice.sha, now, now + ASKING)
        .await?
    {
        return Ok(Written::Overtaken);
    }
    // until there is an answer, also where there is no time left to wait for one
    looked.unanswered = true;
    if choice.files_cut {
        tracing::info!(
            app = target.app.name.as_str(),
            environment = target.environment.name.as_str(),
            sha = choice.sha.as_str(),
            "more files have changed than GitHub names; it counts as if `paths` matched"
        );
    }
    let wish = wish(target, claimed, asker, choice);
    // it has taken a place already
    let github = engine.github.unpaced();
    let asking = Asking {
        github: &github,
        store: Some(&engine.store),
        clock: engine.clock.as_ref(),
        host: &engine.config.github.host,
    };
    let whose = Whose {
        installation: asker.installation,
        id: asker.repository.id,
        repository: &asker.repository.full_name,
        app: target.app,
        environment: target.environment,
    };
    let asked = match ask(&asking, &whose, &wish).await {
        Err(AskError::Ledger(error)) => {
            looked.unanswered = false;
            return Err(error.into());
        }
        Err(AskError::GitHub(error)) => Err(error),
        Ok(asked) => Ok(asked),
    };
    let may_have_worked = matches!(
        asked,
        Err(CallError::Unreachable { .. } | CallError::Trouble { .. } | CallError::Garbled { .. })
    );
    looked.unanswered = may_have_worked;
    looked.outcome = match asked {
        Ok(asked) => match asked.creation {
            Creation::Created { id, sha } => {
                note(engine, target, (asker, &wish), (id, &sha)).await;
                if sha != choice.sha.as_str() {
                    tracing::error!(deployment.id = %id, sha, asked_for = %choice.sha, "GitHub deploys another commit than it was asked for");
                }
                Outcome::Asked { deployment: id }
            }
            nothing @ (Creation::Merged { .. }
            | Creation::NothingMade { .. }
            | Creation::MergeConflict { .. }
            | Creation::ContextsNotGreen { .. }
            | Creation::NoRef { .. }) => refused(sentence(&nothing, choice.sha.short())),
        },
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => refused(error.to_string()),
    };
    Ok(Written::NotYet)
}

/// Somebody should notice where nothing is heard of it.
async fn note(
    engine: &Engine,
    target: Target<'_>,
    (asker, wish): (&Asker<'_>, &Wish),
    (id, sha): (DeploymentId, &str),
) {
    let asked = AskedDeployment {
        host: engine.config.github.host.clone(),
        repository_id: asker.repository.id,
        id,
        repository: target.app.repository.to_string(),
        app: target.app.name.to_string(),
        environment: target.environment.name.to_string(),
        git_ref: asker.branch().to_owned(),
        sha: sha.to_owned(),
        by: wish.actor.known_as().to_owned(),
        place: Value::Null,
        at: engine.now(),
        said_at: None,
    };
    if let Err(error) = engine.store.note_asked(&asked).await {
        tracing::warn!(deployment.id = %id, error = %error, "cannot watch over a deployment that was asked for");
    }
}

fn refused(detail: String) -> Outcome {
    AutoReason::Refused { detail }.into()
}

fn wish(target: Target<'_>, claimed: &Row, asker: &Asker<'_>, choice: &Choice) -> Wish {
    let sha = choice.sha.as_str();
    let moved_by = claimed
        .moved_by
        .as_deref()
        .filter(|_| claimed.moved_to.as_deref() == Some(sha));
    let branch = shown(asker.branch());
    let (trigger, description) = match (target.auto.on, choice.pull_request) {
        (AutoDeployOn::MergedPullRequest, Some(number)) => {
            let description = format!("by itself: pull request {number} was merged into {branch}");
            ("merged_pull_request", description)
        }
        (AutoDeployOn::MergedPullRequest, None) => ("merged_pull_request", format!("by itself: merged into {branch}")),
        (AutoDeployOn::Push, _) => ("push", format!("by itself: pushed to {branch}")),
        (AutoDeployOn::Green, _) => ("green", format!("by itself: {branch} is green")),
    };
    let mut notes = Map::new();
    notes.insert("sha".to_owned(), json!(sha));
    notes.insert("trigger".to_owned(), json!(trigger));
    if let Some(number) = choice.pull_request {
        notes.insert("pull_request".to_owned(), json!(number));
    }
    Wish {
        git_ref: sha.to_owned(),
        branch: Some(asker.branch().to_owned()),
        task: asker.task.to_string(),
        hosts: Vec::new(),
        actor: Actor::itself(moved_by.unwrap_or(NOBODY)),
        room: None,
        force: false,
        via: "auto_deploy",
        description,
        auto_merge: false,
        notes,
    }
}
