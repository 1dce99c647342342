//! Commands that ask a Chima that runs elsewhere, over its API.

mod asking;
mod commits;
mod locking;
mod looking;

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::commits::is_run;
use crate::app::{Exit, Misuse, complain};
use crate::chat::target::Target;
use crate::cli::args::Command;
use crate::cli::client::{ClientError, Server};
use crate::config::environment;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::length::Length;
use crate::flow::view::Page;
use crate::flow::view::board::Board;
use crate::flow::view::forms::NewLock;
use crate::flow::view::run::RunView;

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
            | Command::Attention(_)
            | Command::Statistics(_)
            | Command::Diff(_)
            | Command::Builds(_)
            | Command::Contains(_)
            | Command::Why { .. }
            | Command::Runs(_)
            | Command::Deliveries(_)
            | Command::Replay { .. }
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
        Command::Deploy(args) => asking::deploy(server, &args, false).await,
        Command::Plan(args) => asking::deploy(server, &args, true).await,
        Command::Retry(args) => asking::retry(server, &args).await,
        Command::Rollback(args) => asking::rollback(server, &args).await,
        Command::Cancel { run, by, reason, wait } => {
            refuse_by(by.as_deref())?;
            asking::cancel(server, &run, reason, wait).await
        }
        Command::Finish {
            run,
            failed,
            note,
            by,
            wait,
        } => {
            refuse_by(by.as_deref())?;
            asking::finish(server, &run, (failed, note), wait).await
        }
        Command::Status(which) => looking::status(server, &which).await,
        Command::Queue(which) => looking::queue(server, &which).await,
        Command::Attention(args) => looking::attention(server, args).await,
        Command::Statistics(args) => looking::statistics(server, &args).await,
        Command::Why { target, json } => looking::why(server, &target, json).await,
        Command::Runs(args) => looking::runs(server, args).await,
        Command::Deliveries(args) => looking::deliveries(server, args).await,
        Command::Replay { delivery } => asking::replay(server, &delivery).await,
        Command::Logs { target, follow } => looking::logs(server, &target, follow).await,
        Command::Diff(args) => commits::diff(server, &args).await,
        Command::Builds(args) => commits::builds(server, &args).await,
        Command::Contains(args) => commits::contains(server, &args).await,
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
            let lock = NewLock {
                app,
                environments,
                reason,
                length: length.as_ref().map(Length::to_string),
                otherwise: locking::otherwise(steal, wait),
            };
            locking::lock(server, &lock).await
        }
        Command::Unlock {
            app,
            environments,
            all_mine,
            by,
        } => {
            refuse_by(by.as_deref())?;
            locking::unlock(server, app.as_deref(), &environments, all_mine).await
        }
        Command::Locks { app, json } => locking::locks(server, app.as_deref(), json).await,
        _ => Err(Misuse("this command is not for a server".to_owned()).into()),
    }
}

fn now() -> Timestamp {
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

fn read(words: &[String]) -> Result<Target, Misuse> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Target::parse(&words).map_err(|error| {
        Misuse(format!(
            "{error}; expected `APP[/REF] to ENVIRONMENT`, for example `site/main to production`"
        ))
    })
}

/// An environment as the server calls it, and the hosts it is narrowed to. It must be named.
async fn environment_of(server: &Server, target: &Target) -> anyhow::Result<(String, Vec<String>)> {
    let names = environments_of(server, target).await?;
    match chosen(target, &names)? {
        Some(found) => Ok(found),
        None => Err(Misuse(format!(
            "no environment is named; `{}` has {}",
            target.app,
            listed(&names)
        ))
        .into()),
    }
}

/// The same, where all of the app's may be meant.
async fn place_of(server: &Server, target: &Target) -> anyhow::Result<Option<(String, Vec<String>)>> {
    let names = environments_of(server, target).await?;
    Ok(chosen(target, &names)?)
}

/// What the app has. A name that means nothing is refused.
async fn environments_of(server: &Server, target: &Target) -> Result<Vec<String>, ClientError> {
    let board: Board = server.get(&["overview"], &[("app", target.app.clone())]).await?;
    let all = board.apps.into_iter().flat_map(|app| app.environments);
    Ok(all.map(|one| one.environment).collect())
}

fn chosen(target: &Target, names: &[String]) -> Result<Option<(String, Vec<String>)>, Misuse> {
    let Some(typed) = &target.environment else {
        return Ok(None);
    };
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match target.choose(&known) {
        Some((name, hosts)) => Ok(Some((name.to_owned(), hosts))),
        None => Err(Misuse(format!(
            "`{}` has no environment `{typed}`; configured: {}",
            target.app,
            listed(names)
        ))),
    }
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The run that is meant: by its id, or the newest of an environment.
async fn newest(server: &Server, words: &[String]) -> anyhow::Result<String> {
    let target = read(words)?;
    if is_run(&target) {
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
