//! Keeps what is known of repositories honest: which is meant by a configured name, what it is called now, and what the App
//! reaches. Every delivery of a configured repository tells it, so that a rename that nobody heard of changes nothing.

use std::time::Duration;

use crate::domain::access::{Access, KnownRepository, NamedRepository, Standing};
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::domain::names::RepositoryName;
use crate::flow::engine::Engine;
use crate::github::call::CallError;
use crate::policy::repositories;
use crate::report::repositories::{renamed, renamed_fix, replaced};
use crate::store::error::StoreError;

/// What could not be looked up is tried again.
const PERIOD: Duration = Duration::from_secs(600);

/// Calls repositories by their present names from now on.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn call_by_present_names(engine: &Engine) -> Result<(), StoreError> {
    let known = engine.store.repositories(&engine.config.github.host).await?;
    let renamed = known.into_iter().filter(|one| !one.gone && one.is_renamed());
    engine
        .github
        .set_names(renamed.map(|one| (one.configured, one.name)).collect());
    Ok(())
}

/// What the repository of a delivery is to the configuration; remembers what is new about it.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn standing(engine: &Engine, seen: &NamedRepository) -> Result<Standing, StoreError> {
    let host = &engine.config.github.host;
    let known = engine.store.repositories(host).await?;
    let configured: Vec<&str> = engine.config.apps.iter().map(|app| app.repository.as_str()).collect();
    let standing = match repositories::standing(seen, &known, &configured) {
        Standing::Unknown => looked_through(engine, seen).await?,
        standing @ (Standing::Configured(_) | Standing::Replaced { .. }) => standing,
    };
    let Standing::Configured(configured) = &standing else {
        return Ok(standing);
    };
    let before = known.iter().find(|one| one.id == seen.id);
    let now = KnownRepository {
        id: seen.id,
        configured: configured.to_ascii_lowercase(),
        name: present_name(engine, seen, before).await,
        installation: seen.installation.or(before.and_then(|one| one.installation)),
        gone: false,
    };
    if before != Some(&now) {
        engine.store.remember_repository(host, &now, engine.now()).await?;
        if now.is_renamed() && before.is_none_or(|before| before.name != now.name) {
            tracing::warn!(repository = now.configured, "{}; {}", renamed(&now), renamed_fix(&now));
        }
        call_by_present_names(engine).await?;
    }
    Ok(standing)
}

/// Whoever looks for what was missed, or what deploys by itself, may have seen a repository before anything of it was delivered.
async fn looked_through(engine: &Engine, seen: &NamedRepository) -> Result<Standing, StoreError> {
    let host = &engine.config.github.host;
    let id = Some(seen.id);
    let looked = engine.store.catch_ups(host).await?.into_iter();
    let looked = looked
        .filter(|row| row.progress.repository_id == id)
        .map(|row| row.source);
    let followed = engine.store.auto_deploys(host).await?.into_iter();
    let followed = followed
        .filter(|row| row.repository_id == id)
        .map(|row| row.followed.repository);
    let mut names = looked.chain(followed);
    let configured = names.find(|name| engine.config.apps_of(name).next().is_some());
    Ok(configured.map_or(Standing::Unknown, Standing::Configured))
}

/// Deliveries come late and twice, and may carry an old name: a change of names is GitHub's to confirm.
async fn present_name(engine: &Engine, seen: &NamedRepository, before: Option<&KnownRepository>) -> String {
    let Some(before) = before.filter(|before| !before.name.eq_ignore_ascii_case(&seen.name)) else {
        return before.map_or_else(|| seen.name.clone(), |before| before.name.clone());
    };
    let installation = seen.installation.or(before.installation);
    let Ok(name) = seen.name.parse() else {
        return before.name.clone();
    };
    // boxed: the client's futures are large, and names seldom change
    match Box::pin(engine.github.repository(installation, &name)).await {
        Ok(found) if found.id == seen.id => found.full_name.to_string(),
        Ok(_) => before.name.clone(),
        Err(error) => {
            tracing::warn!(repository = seen.name, error = %error, "cannot confirm the new name of a repository; its old one is used");
            before.name.clone()
        }
    }
}

/// Takes note of the repository that GitHub has under a configured name, perhaps by way of a redirect. Returns why nothing may be
/// done with it, where it is another one than was meant before.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn found_under(
    engine: &Engine,
    configured: &str,
    seen: &NamedRepository,
) -> Result<Option<String>, StoreError> {
    let host = &engine.config.github.host;
    let known = engine.store.repositories(host).await?;
    let mut meant = known
        .iter()
        .filter(|one| one.configured.eq_ignore_ascii_case(configured));
    if let Some(other) = meant.find(|one| one.id != seen.id && !one.gone) {
        return Ok(Some(refusal(seen, other.id, &other.name)));
    }
    let now = KnownRepository {
        id: seen.id,
        configured: configured.to_ascii_lowercase(),
        name: seen.name.clone(),
        installation: seen.installation,
        gone: false,
    };
    if !known.contains(&now) {
        engine.store.remember_repository(host, &now, engine.now()).await?;
        call_by_present_names(engine).await?;
    }
    Ok(None)
}

/// Finds out, once for each, which repositories are meant by the names of the configuration, so that one that is renamed before
/// anything is delivered is known too. Until this process is to stop.
pub async fn run(engine: Engine) {
    while !engine.stop.is_cancelled() {
        let engine = engine.current();
        if let Err(error) = step(&engine).await {
            tracing::error!(error = %error, "cannot look repositories up");
        }
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.superseded() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Asks GitHub about every configured name that nothing is known of.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn step(engine: &Engine) -> Result<(), StoreError> {
    let known = engine.store.repositories(&engine.config.github.host).await?;
    let mut asked: Vec<&RepositoryName> = Vec::new();
    for app in &engine.config.apps {
        let name = &app.repository;
        let is_known = known.iter().any(|one| name.matches(&one.configured));
        if is_known || asked.iter().any(|before| before.matches(name.as_str())) {
            continue;
        }
        asked.push(name);
        // boxed: the client's futures are large
        match Box::pin(look_up(engine, name)).await {
            Ok(seen) => {
                found_under(engine, name.as_str(), &seen).await?;
            }
            // whoever needs the repository says so when it matters
            Err(error) => tracing::debug!(repository = name.as_str(), error = %error, "cannot look a repository up"),
        }
    }
    Ok(())
}

async fn look_up(engine: &Engine, name: &RepositoryName) -> Result<NamedRepository, CallError> {
    let installation = engine.github.installation_of(name).await?;
    let found = engine.github.repository(installation, name).await?;
    Ok(NamedRepository {
        id: found.id,
        name: found.full_name.to_string(),
        installation,
    })
}

/// Says why nothing is done for a repository that has taken the name of another.
#[must_use]
pub fn refusal(seen: &NamedRepository, meant: RepositoryId, now: &str) -> String {
    let detail = replaced(&seen.name, seen.id, meant, now);
    tracing::warn!(repository = seen.name, "{detail}");
    detail
}

/// Takes note of what the App reaches. Returns what was done, for the delivery's row.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn note(engine: &Engine, access: &Access) -> Result<String, StoreError> {
    match access {
        Access::Given {
            installation,
            repositories,
        } => {
            // its token may reach less than the installation does now
            engine.github.forget_installation(*installation);
            let mut ours = 0;
            for one in repositories {
                ours += usize::from(matches!(standing(engine, one).await?, Standing::Configured(_)));
            }
            engine.auto_deploys.notify_one();
            Ok(format!(
                "installation {installation} reaches {ours} configured repositories more"
            ))
        }
        Access::Taken {
            installation,
            repositories,
        } => {
            lose(engine, *installation, repositories).await?;
            Ok(format!("what was known of installation {installation} is forgotten"))
        }
        Access::Renamed(repository) => match standing(engine, repository).await? {
            Standing::Configured(name) => Ok(format!("`{name}` is known by its number")),
            Standing::Replaced { meant, now } => Ok(refusal(repository, meant, &now)),
            Standing::Unknown => Ok("not a configured repository".to_owned()),
        },
        Access::Archived { repository, archived } => {
            if let Standing::Configured(name) = standing(engine, repository).await?
                && *archived
            {
                tracing::warn!(
                    repository = name,
                    "the repository was archived: GitHub takes no deployments of it any more"
                );
            }
            Ok(format!("archived: {archived}"))
        }
        Access::Deleted(repository) => {
            let host = &engine.config.github.host;
            let known = engine.store.repositories(host).await?;
            let Some(before) = known.into_iter().find(|one| one.id == repository.id) else {
                return Ok("not a configured repository".to_owned());
            };
            tracing::warn!(
                repository = before.configured,
                "the repository was deleted; another may take its name"
            );
            let gone = KnownRepository { gone: true, ..before };
            engine.store.remember_repository(host, &gone, engine.now()).await?;
            call_by_present_names(engine).await?;
            Ok("another repository may take its name".to_owned())
        }
    }
}

async fn lose(
    engine: &Engine,
    installation: InstallationId,
    repositories: &[NamedRepository],
) -> Result<(), StoreError> {
    engine.github.forget_installation(installation);
    let of: Vec<RepositoryId> = repositories.iter().map(|one| one.id).collect();
    engine
        .store
        .forget_installation(&engine.config.github.host, installation, &of, engine.now())
        .await?;
    tracing::warn!(
        installation = %installation,
        repositories = of.len(),
        "the App was uninstalled, suspended or taken off repositories; their deployments cannot be reported any more"
    );
    Ok(())
}
