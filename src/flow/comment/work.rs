//! Does what a comment asks for.

use serde_json::json;

use crate::chat::pull_request;
use crate::chat::vocabulary::KnownApp;
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::domain::ids::DeploymentId;
use crate::domain::names::{EnvironmentName, RepositoryName, Sha, TaskName};
use crate::flow::chat::{self, answer_here};
use crate::flow::engine::Engine;
use crate::flow::obstacle::Obstacle;
use crate::github::pulls::HeadThen;
use crate::report::chat as words;
use crate::store::asks::Ask;

/// The answer; none where none is due.
pub(super) async fn work(engine: &Engine, ask: &Ask) -> Result<Option<Reply>, Obstacle> {
    let new = &ask.new;
    let apps = known_apps(engine, &new.repository);
    let (Some(_), Ok(repository)) = (apps.first(), new.repository.parse::<RepositoryName>()) else {
        return Ok(None);
    };
    let may = engine
        .github
        .may_write(new.installation, &repository, &new.said_by)
        .await?;
    if !may && !new.known_there {
        // whoever passes by could make Chima write comments without end
        tracing::info!(
            login = new.said_by,
            repository = new.repository,
            "a stranger's command is not answered"
        );
        return Ok(None);
    }
    if !may {
        return Ok(Some(Reply::refused("not_allowed", words::may_not_write(&new.said_by))));
    }
    carry_out(engine, &repository, ask, &apps).await.map(Some)
}

async fn carry_out(
    engine: &Engine,
    repository: &RepositoryName,
    ask: &Ask,
    apps: &[KnownApp],
) -> Result<Reply, Obstacle> {
    if let Some(deployment) = made_before(engine, repository, ask).await? {
        return Ok(Reply {
            deployment: Some(deployment),
            ..Reply::done(words::made_before(deployment))
        });
    }
    let pull = engine
        .github
        .pull_request(ask.new.installation, repository, ask.new.pull_request)
        .await?;
    if !pull.open {
        return Ok(Reply::refused("pull_request_closed", words::pull_request_closed()));
    }
    if pull.head_repository != Some(ask.new.repository_id) {
        return Ok(Reply::refused("fork", words::from_a_fork()));
    }
    // asked second: what is pushed in between shows here
    let when = (pull.branch.as_str(), ask.new.at);
    let sha: Sha = match engine.github.head_at(ask.new.installation, repository, when).await? {
        HeadThen::At(sha) => sha,
        HeadThen::Unmoved => pull.head,
        HeadThen::Unknown => return Ok(Reply::refused("head_unknown", words::head_unknown())),
    };
    let text = match pull_request::with_app(&ask.new.said, apps) {
        Ok(text) => text,
        Err(which) => return Ok(Reply::refused("app_not_named", which.to_string())),
    };
    let speaker = Speaker {
        name: ask.new.said_by.clone(),
        id: None,
        place: Place::PullRequest {
            number: ask.new.pull_request,
            branch: pull.branch,
            sha,
            ask: ask.new.id.clone(),
        },
    };
    answer_here(engine, &speaker, &text).await
}

/// The deployment that GitHub made for this comment without our hearing of it, if it was asked for one at all.
async fn made_before(
    engine: &Engine,
    repository: &RepositoryName,
    ask: &Ask,
) -> Result<Option<DeploymentId>, Obstacle> {
    let Some(wished) = &ask.wished else {
        return Ok(None);
    };
    let (Ok(environment), Ok(task)) = (
        wished.environment.parse::<EnvironmentName>(),
        wished.task.parse::<TaskName>(),
    ) else {
        return Ok(None);
    };
    let listed = engine
        .github
        .deployments(ask.new.installation, repository, &environment, &task)
        .await?;
    let ours = listed
        .iter()
        .find(|one| one.payload.get("ask") == Some(&json!(ask.new.id)));
    Ok(ours.map(|one| one.id))
}

fn known_apps(engine: &Engine, repository: &str) -> Vec<KnownApp> {
    let ours: Vec<&str> = engine.config.apps_of(repository).map(|app| app.name.as_str()).collect();
    let all = chat::vocabulary(&engine.config).apps;
    all.into_iter()
        .filter(|app| ours.contains(&app.name.as_str()))
        .collect()
}
