//! `chima deploy` and `chima plan`: ask GitHub for a deployment, then tell how it goes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::offline::{find_ledger, follow_log, keep_audit_head};
use crate::app::paced::paced;
use crate::app::start::client;
use crate::app::{Exit, Misuse, account, say};
use crate::chat::target::Target;
use crate::cli::args::DeployArgs;
use crate::config::{App, Config, Environment};
use crate::domain::actor::{Actor, Via};
use crate::domain::clock::Clock;
use crate::domain::creation::Creation;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::run::{Run, RunState};
use crate::domain::watch::AskedDeployment;
use crate::flow::ask::{Asked, Asking, Whose, Wish, ask, created};
use crate::flow::view::run::RunView;
use crate::report::creation::sentence;
use crate::report::status;
use crate::store::Store;
use crate::store::history::{Filter, Listed};

/// How long GitHub's delivery may take before that is worth saying.
const DELIVERY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(150);

/// `chima deploy`, and `chima plan` where only a dry run is wanted.
///
/// # Errors
///
/// When it cannot be asked for.
pub fn deploy(config: &Config, args: &DeployArgs, plan: bool) -> anyhow::Result<Exit> {
    let words: Vec<&str> = args.target.iter().map(String::as_str).collect();
    let target = Target::parse(&words).map_err(|error| {
        Misuse(format!(
            "{error}; expected `APP[/REF] to ENVIRONMENT`, for example `site/main to production`"
        ))
    })?;
    let (app, chosen, mut hosts) = find(config, &target)?;
    hosts.extend(args.hosts.iter().cloned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(Box::pin(async {
        // within: the client looks for the runtime it will live in
        let mut github = client(config)?;
        let store = find_ledger(config).await?;
        if let Some(store) = &store {
            github = paced(github, config, store, Arc::new(SystemClock::default()));
        }
        if args.force && store.is_none() {
            anyhow::bail!(
                "`--force` is for the machine that `chima serve` runs on, and there is no ledger at `{}`; in chat, `deploy!` forces",
                config.store.display()
            );
        }
        let installation = github.installation_of(&app.repository).await?;
        let repository = github.repository(installation, &app.repository).await?;
        let git_ref = target.git_ref.clone().unwrap_or_else(|| repository.default_branch.clone());
        let by = args.by.clone().unwrap_or_else(account);
        let wish = Wish {
            git_ref,
            branch: None,
            task: if plan {
                format!("{}:plan", args.task)
            } else {
                args.task.clone()
            },
            hosts,
            description: format!("asked for by {by} through chima cli"),
            actor: Actor {
                via: Via::Terminal,
                name: by,
                id: Some(account()),
                login: None,
            },
            room: None,
            force: args.force,
            via: "cli",
            // what is forced is exactly what was named
            auto_merge: app.auto_merge && !args.force,
            notes: serde_json::Map::new(),
        };
        let clock = SystemClock::default();
        let asking = Asking {
            github: &github,
            store: store.as_ref(),
            clock: &clock,
            host: &config.github.host,
        };
        let whose = Whose {
            installation,
            id: repository.id,
            repository: &app.repository,
            app,
            environment: chosen,
        };
        let requested = request(&asking, &whose, &wish).await;
        if let Some(store) = &store {
            keep_audit_head(store).await;
        }
        let Some((deployment, sha)) = requested? else {
            return Ok(Exit::Failed);
        };
        if let Some(store) = &store {
            let noted = asked(config, repository.id, (app, chosen), &wish, (deployment, sha));
            if let Err(error) = store.note_asked(&noted).await {
                tracing::warn!(error = %error, "cannot watch over the deployment that was asked for");
            }
        }
        if args.no_wait {
            return Ok(Exit::Done);
        }
        follow(config, store, deployment, args.json).await
    }))
}

/// Asks, and says what GitHub answered. `None`: nothing was made, and it was said why.
async fn request(
    asking: &Asking<'_>,
    whose: &Whose<'_>,
    wish: &Wish,
) -> anyhow::Result<Option<(DeploymentId, String)>> {
    let (app, environment) = (whose.app, whose.environment);
    let asked = ask(asking, whose, wish).await?;
    let Asked { creation, merged } = &asked;
    for message in merged {
        say(&format!("{message}\n"))?;
    }
    let words = sentence(creation, &wish.git_ref);
    match created(&asked) {
        Some(_) => say(&format!(
            "{words}: {} {} to {}\n",
            wish.task, app.name, environment.name
        ))?,
        None => say(&format!("{words}\n"))?,
    };
    Ok(match (created(&asked), asked.creation) {
        (Some(id), Creation::Created { sha, .. }) => Some((id, sha)),
        (_, _) => None,
    })
}

/// What the watchdog of a server looks after.
fn asked(
    config: &Config,
    repository_id: RepositoryId,
    (app, environment): (&App, &Environment),
    wish: &Wish,
    (id, sha): (DeploymentId, String),
) -> AskedDeployment {
    AskedDeployment {
        host: config.github.host.clone(),
        repository_id,
        id,
        repository: app.repository.to_string(),
        app: app.name.to_string(),
        environment: environment.name.to_string(),
        git_ref: wish.git_ref.clone(),
        sha,
        by: wish.actor.known_as().to_owned(),
        place: serde_json::Value::Null,
        at: SystemClock::default().now(),
        said_at: None,
    }
}

async fn follow(config: &Config, store: Option<Store>, deployment: DeploymentId, json: bool) -> anyhow::Result<Exit> {
    match store {
        Some(store) => follow_run(config, &store, deployment, json).await,
        None => say("there is no ledger here to follow it in; it goes on where `chima serve` runs\n"),
    }
}

/// Waits for the run of a deployment and tells how it goes; as JSON, only how it ended.
///
/// # Errors
///
/// When GitHub's delivery does not come, or the ledger cannot be read.
pub(crate) async fn follow_run(
    config: &Config,
    store: &Store,
    deployment: DeploymentId,
    json: bool,
) -> anyhow::Result<Exit> {
    let run = wait_for_run(store, deployment).await?;
    if json {
        let ended = ended(store, run).await?;
        let text = serde_json::to_string(&RunView::of(config, &ended))?;
        say(&format!("{text}\n"))?;
        return Ok(if ended.run.state == RunState::Succeeded {
            Exit::Done
        } else {
            Exit::Failed
        });
    }
    let exit = follow_log(config, store, run.clone()).await?;
    if let Some(run) = store.find_run(run.id).await? {
        say(&format!("{}\n", status::summary(&run)))?;
    }
    Ok(exit)
}

async fn ended(store: &Store, run: Run) -> anyhow::Result<Listed> {
    loop {
        let found = store.listed(run.id).await?.context("the run is gone from the ledger")?;
        if found.run.state.is_terminal() {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn wait_for_run(store: &Store, deployment: DeploymentId) -> anyhow::Result<Run> {
    let give_up = tokio::time::Instant::now() + DELIVERY;
    let filter = Filter {
        deployment: Some(deployment),
        ..Filter::default()
    };
    loop {
        if let Some(found) = store.history(&filter, None, 1).await?.pop() {
            return Ok(found.run);
        }
        if tokio::time::Instant::now() >= give_up {
            anyhow::bail!(
                "GitHub's delivery of deployment {deployment} has not come within {} s; see whether `chima serve` runs here, \
                 and what the webhook's page on GitHub says",
                DELIVERY.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn find<'c>(config: &'c Config, target: &Target) -> Result<(&'c App, &'c Environment, Vec<String>), Misuse> {
    let list = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    let Some(app) = config.app(&target.app) else {
        let known: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
        let known = list(&known);
        return Err(Misuse(format!("there is no app `{}`; configured: {known}", target.app)));
    };
    let names: Vec<&str> = app
        .environments
        .iter()
        .map(|environment| environment.name.as_str())
        .collect();
    let Some(typed) = &target.environment else {
        let known = list(&names);
        return Err(Misuse(format!("no environment is named; `{}` has {known}", app.name)));
    };
    let chosen = target.choose(&names).and_then(|(name, hosts)| {
        let environment = app
            .environments
            .iter()
            .find(|environment| environment.name.as_str() == name)?;
        Some((app, environment, hosts))
    });
    chosen.ok_or_else(|| {
        let known = list(&names);
        Misuse(format!(
            "`{}` has no environment `{typed}`; configured: {known}",
            app.name
        ))
    })
}
