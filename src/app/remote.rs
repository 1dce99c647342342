//! Commands that ask a Chima that runs elsewhere, over its API.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::app::clock::SystemClock;
use crate::app::{Exit, Misuse, complain, say};
use crate::chat::target::Target;
use crate::cli::args::{AgainArgs, Command, DeployArgs, RollbackArgs, WhichArgs};
use crate::cli::client::{ClientError, Server};
use crate::cli::follow::follow;
use crate::cli::show;
use crate::config::environment;
use crate::domain::clock::Clock;
use crate::domain::length::Length;
use crate::flow::view::Page;
use crate::flow::view::board::Board;
use crate::flow::view::forms::{Done, IfLocked, Locks, Me, NewDeployment, NewLock, NewRollback, Stop, Verdict};
use crate::flow::view::queue::Queue;
use crate::flow::view::run::{RunDetail, RunView};

/// How long GitHub's delivery may take before that is worth saying.
const DELIVERY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(400);
/// A page of the API holds no more.
const PAGE: u32 = 100;

/// Where the server is: as it was typed, or as the environment says for the commands that ask one.
///
/// # Errors
///
/// When that is no address, or the command is not for a server.
pub(crate) fn server(typed: Option<&str>, command: &Command) -> anyhow::Result<Option<Server>> {
    let (set, token) = environment::server();
    if !is_for_a_server(command) {
        return match typed {
            Some(_) => Err(Misuse(
                "`--server` is for commands that ask a server; this one works on this machine".to_owned(),
            )
            .into()),
            None => Ok(None),
        };
    }
    let Some(address) = typed.or(set.as_deref()) else {
        return Ok(None);
    };
    let server = Server::new(address, token)?;
    if server.is_readable_on_the_way() {
        complain(&anyhow::Error::msg(format!(
            "the token goes to `{address}` unencrypted, and whoever is in between can read it; use https"
        )));
    }
    Ok(Some(server))
}

fn is_for_a_server(command: &Command) -> bool {
    matches!(
        command,
        Command::Deploy(_)
            | Command::Plan(_)
            | Command::Status(_)
            | Command::Queue(_)
            | Command::Why { .. }
            | Command::Runs { .. }
            | Command::Logs { .. }
            | Command::Lock { .. }
            | Command::Unlock { .. }
            | Command::Locks { .. }
            | Command::Cancel { .. }
            | Command::Finish { .. }
            | Command::Retry(_)
            | Command::Rollback(_)
    )
}

/// How a command ends that a server did not carry out.
pub(crate) fn exit_of(error: &ClientError) -> Exit {
    match error {
        ClientError::Address { .. } => Exit::Misuse,
        ClientError::Refused { status, .. } => match status {
            400 | 404 | 422 => Exit::Misuse,
            409 => Exit::Failed,
            _ => Exit::Unreachable,
        },
        ClientError::Unreachable { .. } | ClientError::Garbled { .. } => Exit::Unreachable,
    }
}

/// Carries out a command there.
///
/// # Errors
///
/// When it cannot be carried out.
pub(crate) fn run(server: &Server, command: Command) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(Box::pin(carry_out(server, command)))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "`is_for_a_server` has said which of them come here"
)]
async fn carry_out(server: &Server, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Deploy(args) => deploy(server, &args, false).await,
        Command::Plan(args) => deploy(server, &args, true).await,
        Command::Status(which) => status(server, &which).await,
        Command::Queue(which) => queue(server, &which).await,
        Command::Why { target, json } => {
            let run = newest(server, &target).await?;
            let detail: RunDetail = server.get(&["runs", &run], &[]).await?;
            shown(json, &detail, || show::why(&detail, now()))
        }
        Command::Runs {
            limit,
            app,
            environment,
            person,
            state,
            json,
        } => {
            let filters = [
                ("app", app),
                ("environment", environment),
                ("person", person),
                ("state", state),
            ];
            runs(server, limit, filters, json).await
        }
        Command::Logs { run, follow: on } => logs(server, &run, on).await,
        Command::Lock {
            app,
            environments,
            length,
            reason,
            steal,
            wait,
            by,
        } => {
            refuse_by(by.as_deref())?;
            let otherwise = match (steal, wait) {
                (true, _) => IfLocked::Steal,
                (false, true) => IfLocked::Wait,
                (false, false) => IfLocked::Refuse,
            };
            let lock = NewLock {
                app,
                environments,
                reason,
                length: length.as_ref().map(Length::to_string),
                otherwise,
            };
            let done: Done = server.post(&["locks"], &lock).await?;
            say(&format!("{}\n", done.text))
        }
        Command::Unlock {
            app,
            environments,
            all_mine,
            by,
        } => {
            refuse_by(by.as_deref())?;
            unlock(server, app.as_deref(), &environments, all_mine).await
        }
        Command::Locks { json } => {
            let locks: Locks = server.get(&["locks"], &[]).await?;
            if json {
                return lines(&locks.items);
            }
            say(&show::locks(&locks.items))
        }
        Command::Cancel { run, by, reason, wait } => {
            refuse_by(by.as_deref())?;
            let done: Done = server.post(&["runs", &run, "cancel"], &Stop { reason }).await?;
            say(&format!("{}\n", done.text))?;
            if wait {
                ended_as(server, &run, "cancelled").await
            } else {
                Ok(Exit::Done)
            }
        }
        Command::Finish {
            run,
            failed,
            note,
            by,
            wait,
        } => {
            refuse_by(by.as_deref())?;
            let verdict = Verdict { done: !failed, note };
            let done: Done = server.post(&["runs", &run, "verdict"], &verdict).await?;
            say(&format!("{}\n", done.text))?;
            let wanted = if failed { "failed" } else { "succeeded" };
            if wait {
                ended_as(server, &run, wanted).await
            } else {
                Ok(Exit::Done)
            }
        }
        Command::Retry(args) => retry(server, &args).await,
        Command::Rollback(args) => rollback(server, &args).await,
        _ => Err(Misuse("this command is not for a server".to_owned()).into()),
    }
}

fn now() -> crate::domain::clock::Timestamp {
    SystemClock::default().now()
}

/// Whoever has the token is who asks.
fn refuse_by(by: Option<&str>) -> Result<(), Misuse> {
    match by {
        Some(_) => Err(Misuse(
            "a server knows who asks by the token; leave `--by` out".to_owned(),
        )),
        None => Ok(()),
    }
}

fn shown<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> anyhow::Result<Exit> {
    if json {
        return say(&format!("{}\n", serde_json::to_string(value)?));
    }
    say(&text())
}

fn lines<T: Serialize>(values: &[T]) -> anyhow::Result<Exit> {
    for value in values {
        say(&format!("{}\n", serde_json::to_string(value)?))?;
    }
    Ok(Exit::Done)
}

fn read(words: &[String]) -> Result<Target, Misuse> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Target::parse(&words).map_err(|error| {
        Misuse(format!(
            "{error}; expected `APP[/REF] to ENVIRONMENT`, for example `site/main to production`"
        ))
    })
}

/// An environment as the server calls it, and the hosts it is narrowed to.
async fn environment_of(server: &Server, target: &Target) -> anyhow::Result<(String, Vec<String>)> {
    let board: Board = server.get(&["overview"], &[("app", target.app.clone())]).await?;
    let names: Vec<&str> = board
        .apps
        .iter()
        .flat_map(|app| &app.environments)
        .map(|one| one.environment.as_str())
        .collect();
    let listed = || {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let Some(typed) = &target.environment else {
        return Err(Misuse(format!("no environment is named; `{}` has {}", target.app, listed())).into());
    };
    match target.choose(&names) {
        Some((name, hosts)) => Ok((name.to_owned(), hosts)),
        None => Err(Misuse(format!(
            "`{}` has no environment `{typed}`; configured: {}",
            target.app,
            listed()
        ))
        .into()),
    }
}

async fn deploy(server: &Server, args: &DeployArgs, plan: bool) -> anyhow::Result<Exit> {
    refuse_by(args.by.as_deref())?;
    let target = read(&args.target)?;
    let (environment, mut hosts) = environment_of(server, &target).await?;
    hosts.extend(args.hosts.iter().cloned());
    let wanted = NewDeployment {
        app: target.app.clone(),
        environment,
        git_ref: target.git_ref.clone(),
        task: Some(args.task.clone()),
        hosts,
        force: args.force,
        plan,
    };
    let done: Done = server.post_once(&["deployments"], Some(&wanted), &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}

/// A name for a request that nobody else uses.
fn key() -> String {
    SystemClock::default().fresh_ulid().to_string()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Not,
    Told,
    Silent,
}

impl Wait {
    fn of(no_wait: bool, json: bool) -> Self {
        match (no_wait, json) {
            (true, _) => Self::Not,
            (false, true) => Self::Silent,
            (false, false) => Self::Told,
        }
    }
}

/// Follows what was asked for to its end.
async fn made(server: &Server, done: &Done, wait: Wait) -> anyhow::Result<Exit> {
    if wait != Wait::Silent {
        say(&format!("{}\n", done.text))?;
    }
    let Some(deployment) = done.deployment.filter(|_| wait != Wait::Not) else {
        return Ok(Exit::Done);
    };
    let run = run_of(server, deployment).await?;
    if wait == Wait::Told {
        progress(server, &run.id).await?;
    }
    let ended = until_ended(server, &run.id).await?;
    if wait == Wait::Silent {
        say(&format!("{}\n", serde_json::to_string(&ended)?))?;
    } else {
        say(&format!("{}\n", ended.run.summary))?;
    }
    Ok(exit_for(&ended.run))
}

fn exit_for(run: &RunView) -> Exit {
    if run.state == "succeeded" {
        Exit::Done
    } else {
        Exit::Failed
    }
}

async fn run_of(server: &Server, deployment: u64) -> anyhow::Result<RunView> {
    let give_up = tokio::time::Instant::now() + DELIVERY;
    loop {
        let query = [("deployment", deployment.to_string())];
        let mut page: Page<RunView> = server.get(&["runs"], &query).await?;
        if let Some(run) = page.items.pop() {
            return Ok(run);
        }
        if tokio::time::Instant::now() > give_up {
            anyhow::bail!(
                "deployment {deployment} has not been delivered within {} s; `chima queue` shows what is on its way",
                DELIVERY.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The log as it grows; where somebody watches, also where the run stands.
async fn progress(server: &Server, run: &str) -> anyhow::Result<()> {
    let watched = std::io::stderr().is_terminal();
    let mut out = std::io::stdout();
    follow(server, run, &mut out, |state, description| {
        if watched {
            // whoever watches sees it, or does not
            let _ = writeln!(std::io::stderr(), "[{state}] {description}");
        }
    })
    .await
}

async fn until_ended(server: &Server, run: &str) -> anyhow::Result<RunDetail> {
    loop {
        let detail: RunDetail = server.get(&["runs", run], &[]).await?;
        if detail.run.ended {
            return Ok(detail);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ended_as(server: &Server, run: &str, wanted: &str) -> anyhow::Result<Exit> {
    let ended = until_ended(server, run).await?;
    say(&format!("{}\n", ended.run.summary))?;
    Ok(if ended.run.state == wanted {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// The run that is meant: by its id, or the newest of an environment.
async fn newest(server: &Server, words: &[String]) -> anyhow::Result<String> {
    let target = read(words)?;
    if target.environment.is_none() && target.git_ref.is_none() {
        return Ok(target.app.to_ascii_uppercase());
    }
    let (environment, _) = environment_of(server, &target).await?;
    let query = [
        ("app", target.app.clone()),
        ("environment", environment.clone()),
        ("limit", "1".to_owned()),
    ];
    let mut page: Page<RunView> = server.get(&["runs"], &query).await?;
    match page.items.pop() {
        Some(run) => Ok(run.id),
        None => Err(Misuse(format!(
            "nothing was ever deployed to `{environment}` of `{}`",
            target.app
        ))
        .into()),
    }
}

async fn status(server: &Server, which: &WhichArgs) -> anyhow::Result<Exit> {
    let target = (!which.target.is_empty()).then(|| read(&which.target)).transpose()?;
    let query: Vec<(&str, String)> = target.iter().map(|target| ("app", target.app.clone())).collect();
    let mut board: Board = server.get(&["overview"], &query).await?;
    if let Some(target) = target.filter(|target| target.environment.is_some()) {
        let (environment, _) = environment_of(server, &target).await?;
        for app in &mut board.apps {
            app.environments.retain(|one| one.environment == environment);
        }
    }
    shown(which.json, &board, || show::board(&board, now()))
}

async fn queue(server: &Server, which: &WhichArgs) -> anyhow::Result<Exit> {
    let mut query = Vec::new();
    if !which.target.is_empty() {
        let target = read(&which.target)?;
        query.push(("app", target.app.clone()));
        if target.environment.is_some() {
            query.push(("environment", environment_of(server, &target).await?.0));
        }
    }
    let queue: Queue = server.get(&["queue"], &query).await?;
    shown(which.json, &queue, || show::queue(&queue, now()))
}

async fn runs(
    server: &Server,
    limit: u32,
    filters: [(&'static str, Option<String>); 4],
    json: bool,
) -> anyhow::Result<Exit> {
    let filters: Vec<(&str, String)> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let mut found: Vec<RunView> = Vec::new();
    let mut cursor: Option<String> = None;
    let wanted = usize::try_from(limit)?;
    while found.len() < wanted {
        let missing = u32::try_from(wanted - found.len())?.min(PAGE);
        let mut query = filters.clone();
        query.push(("limit", missing.to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page: Page<RunView> = server.get(&["runs"], &query).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        return lines(&found);
    }
    say(&show::runs(&found, now()))
}

async fn logs(server: &Server, run: &str, on: bool) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout();
    if on {
        follow(server, run, &mut out, |_, _| {}).await?;
        return Ok(exit_for(&until_ended(server, run).await?.run));
    }
    let mut response = server.open(&["runs", run, "log"], "text/plain", None).await?;
    while let Some(piece) = response.chunk().await.map_err(|error| server.broke_off(&error))? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

async fn unlock(server: &Server, app: Option<&str>, environments: &[String], all_mine: bool) -> anyhow::Result<Exit> {
    let mut places: Vec<(String, String)> = Vec::new();
    if all_mine {
        let me: Me = server.get(&["me"], &[]).await?;
        let locks: Locks = server.get(&["locks"], &[]).await?;
        let own = |owner: &str| me.login.as_ref().is_some_and(|login| login.eq_ignore_ascii_case(owner));
        let all = locks.items.into_iter().filter(|lock| own(&lock.owner));
        places.extend(all.map(|lock| (lock.app, lock.environment)));
    } else {
        let app = app.unwrap_or_default();
        places.extend(
            environments
                .iter()
                .map(|environment| (app.to_owned(), environment.clone())),
        );
    }
    let mut exit = Exit::Done;
    for (app, environment) in &places {
        let path = ["apps", app, "environments", environment, "lock"];
        match server.delete::<Done>(&path).await {
            Ok(done) => drop(say(&format!("{}\n", done.text))?),
            Err(error) if exit_of(&error) == Exit::Failed => {
                complain(&error.into());
                exit = Exit::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit)
}

async fn retry(server: &Server, args: &AgainArgs) -> anyhow::Result<Exit> {
    let run = newest(server, &args.target).await?;
    let done: Done = server.post_once(&["runs", &run, "retry"], None::<&()>, &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}

async fn rollback(server: &Server, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let target = read(&args.target)?;
    let (environment, _) = environment_of(server, &target).await?;
    let wanted = NewRollback {
        app: target.app.clone(),
        environment,
        to: args.to.clone(),
    };
    if wanted.to.is_none() && !args.previous {
        let done: Done = server.post(&["rollbacks", "preview"], &wanted).await?;
        return say(&format!(
            "{}\nwith `--previous`, or `--to REF`, it is done\n",
            done.text
        ));
    }
    let done: Done = server.post_once(&["rollbacks"], Some(&wanted), &key()).await?;
    made(server, &done, Wait::of(args.no_wait, args.json)).await
}
