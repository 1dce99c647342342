//! The composition root: the only room where everything meets.

pub mod ask;
pub mod auditing;
pub mod backup;
pub mod chat;
pub mod clock;
mod commits;
pub mod demo;
pub mod doctor;
pub mod locking;
pub mod logging;
mod look;
mod manager;
pub mod offline;
mod paced;
pub mod providers;
mod recipients;
pub mod reload;
mod remote;
pub mod serve;
mod sessions;
mod settle;
pub mod setup;
pub mod start;
mod tokens;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use crate::cli::args::{Args, Command};
use crate::cli::client::ClientError;
use crate::cli::providers::NoSuchProvider;
use crate::cli::{check, import, schema, shells};
use crate::config::problem::ConfigError;
use crate::config::{Config, Known, environment};
use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::lock::{LockRequest, Otherwise};
use crate::domain::person::{Person, Source};
use crate::flow::lock::{self, NoSuchPlace};
use crate::provider::manifest::catalogue;

const DEFAULT_CONFIG: &str = "config/app.yaml";

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The deployment or check failed.
    Failed = 1,
    /// Wrong use or configuration.
    Misuse = 2,
    /// Could not reach something, or was refused.
    Unreachable = 3,
}

impl Exit {
    /// As an answer that a script asks for.
    fn failed_if(so: bool) -> Self {
        if so { Self::Failed } else { Self::Done }
    }
}

/// What was typed cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) String);

/// Everything but the runner.
#[must_use]
pub fn main() -> ExitCode {
    // two TLS providers in one process panic at the first connection; choosing one comes before everything
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    match run(args) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            complain(&error);
            if let Some(error) = error.downcast_ref::<ClientError>() {
                return ExitCode::from(remote::exit_of(error) as u8);
            }
            let misuse = error.is::<ConfigError>()
                || error.is::<Misuse>()
                || error.is::<NoSuchPlace>()
                || error.is::<import::Failure>()
                || error.is::<NoSuchProvider>();
            ExitCode::from(if misuse { Exit::Misuse } else { Exit::Unreachable } as u8)
        }
    }
}

fn run(args: Args) -> anyhow::Result<Exit> {
    if let Some(server) = remote::server(args.server.as_deref(), &args.command)? {
        return remote::run(&server, args.command);
    }
    let path = config_path(args.config.clone());
    match args.command {
        Command::Schema { provider } => say(&schema::schema(provider)),
        Command::Check { path: other } => {
            let (report, ok) = check::check(&other.unwrap_or(path));
            say(&report)?;
            Ok(if ok { Exit::Done } else { Exit::Failed })
        }
        Command::Import { file, from, out } => say(&import::import(&file, from, out.as_deref())?),
        Command::Serve { no_work } => {
            let work = !no_work;
            serve::serve(&load(&path)?, serve::Roles { receive: true, work })
        }
        Command::Worker => serve::serve(&load(&path)?, serve::Roles::WORKER),
        Command::Deploy(args) if args.preview => commits::preview(&load(&path)?, &args, false),
        Command::Plan(args) if args.preview => commits::preview(&load(&path)?, &args, true),
        Command::Deploy(args) => ask::deploy(&load(&path)?, &args, false),
        Command::Plan(args) => ask::deploy(&load(&path)?, &args, true),
        Command::Demo { queue, once, listen } => demo::demo(&queue, once, listen),
        Command::Providers { name, readme, json } => providers::providers(&path, name.as_deref(), readme, json),
        Command::Replay { delivery } => offline::replay(&load(&path)?, &delivery),
        Command::Decide { delivery, json } => offline::decide(&load(&path)?, &delivery, json),
        Command::Runs(args) => look::runs(&load(&path)?, args),
        Command::Deliveries(args) => look::deliveries(&load(&path)?, args),
        Command::Status(which) => look::status(&load(&path)?, &which),
        Command::Queue(which) => look::waiting(&load(&path)?, &which),
        Command::Attention(args) => look::attention(&load(&path)?, args),
        Command::Statistics(args) => look::statistics(&load(&path)?, &args),
        Command::Diff(args) => commits::diff(&load(&path)?, &args),
        Command::Builds(args) => commits::builds(&load(&path)?, &args),
        Command::Contains(args) => commits::contains(&load(&path)?, &args),
        Command::Why { target, json } => look::why(&load(&path)?, &target, json),
        Command::Retry(args) => look::retry(&load(&path)?, &args),
        Command::Rollback(args) => look::rollback(&load(&path)?, &args),
        Command::Token(command) => tokens::token(&load(&path)?, &command),
        Command::Sessions(command) => sessions::sessions(&load(&path)?, &command),
        Command::Completions { shell } => say_bytes(&shells::completions(shell)),
        Command::Man { dir: None } => say_bytes(&shells::page()?),
        Command::Man { dir: Some(dir) } => {
            let pages = shells::pages(&dir)?;
            say(&format!("{pages} pages are in `{}`\n", dir.display()))
        }
        Command::Outbox { dead, retry, json } => offline::outbox(&load(&path)?, dead, retry.as_deref(), json),
        Command::Logs { target, follow } => look::logs(&load(&path)?, &target, follow),
        Command::Cancel { run, by, reason, wait } => {
            let cancellation = Cancellation::new(&by.unwrap_or_else(account), reason.as_deref());
            offline::cancel(&load(&path)?, &run, &cancellation, wait)
        }
        Command::Finish {
            run,
            failed,
            note,
            by,
            wait,
        } => {
            let verdict = PersonsVerdict::new(&by.unwrap_or_else(account), !failed, note.as_deref());
            offline::finish(&load(&path)?, &run, &verdict, wait)
        }
        Command::Chat { said, by } => chat::chat(&load(&path)?, &said, by.unwrap_or_else(account)),
        Command::Lock {
            app,
            environments,
            length,
            reason,
            steal,
            wait,
            by,
        } => {
            let config = load(&path)?;
            let places = lock::places(&config, &app, &environments)?;
            let by = Person::new(Source::Terminal, &by.unwrap_or_else(account));
            let request = LockRequest {
                otherwise: otherwise(steal, wait),
                ..LockRequest::new(by, places, reason.as_deref(), length)
            };
            locking::lock(&config, &request)
        }
        Command::Unlock {
            app,
            environments,
            all_mine,
            by,
        } => {
            let by = Person::new(Source::Terminal, &by.unwrap_or_else(account));
            let (config, app) = (load(&path)?, app.unwrap_or_default());
            locking::unlock(
                &config,
                &by,
                (!all_mine).then_some((app.as_str(), environments.as_slice())),
            )
        }
        Command::Locks { app, json } => locking::locks(&load(&path)?, app.as_deref(), json),
        Command::Audit(args) => auditing::audit(&load(&path)?, args),
        Command::Backup { to, keep } => backup::backup(&load(&path)?, to, keep),
        Command::Restore { file } => backup::restore(&load(&path)?, &file),
        Command::Forget { repository } => offline::forget(&load(&path)?, &repository),
        Command::Setup(args) => setup::setup(&path, &args),
        Command::Doctor { json } => doctor::doctor(&load(&path)?, json),
    }
}

fn otherwise(steal: bool, wait: bool) -> Otherwise {
    match (steal, wait) {
        (true, _) => Otherwise::Steal,
        (false, true) => Otherwise::Wait,
        (false, false) => Otherwise::Refuse,
    }
}

/// Whose account it is. One without a name, as in a service manager's bare environment, has a number.
fn account() -> String {
    environment::account().unwrap_or_else(|| format!("account {}", rustix::process::getuid().as_raw()))
}

fn config_path(named: Option<PathBuf>) -> PathBuf {
    named
        .or_else(|| environment::variable_os("CHIMA_CONFIG").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG))
}

pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    let names = catalogue::shipped_names();
    Ok(Config::load(path, &Known { providers: &names })?)
}

/// What holds where nothing is written yet.
pub(crate) fn unwritten(path: &Path) -> anyhow::Result<Config> {
    Ok(Config::parse(path, "{}\n", &Known { providers: &[] })?)
}

/// Prints to standard output. A reader that has gone away, as in `chima runs | head`, is no error.
pub(crate) fn say(text: &str) -> anyhow::Result<Exit> {
    say_bytes(text.as_bytes())
}

/// The same as JSON on one line.
fn say_as_json<T: Serialize>(value: &T) -> anyhow::Result<Exit> {
    say(&format!("{}\n", serde_json::to_string(value)?))
}

/// A line of JSON for each.
fn say_each<T: Serialize>(values: &[T]) -> anyhow::Result<Exit> {
    for value in values {
        say_as_json(value)?;
    }
    Ok(Exit::Done)
}

/// As JSON, or in words.
fn shown<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> anyhow::Result<Exit> {
    if json { say_as_json(value) } else { say(&text()) }
}

fn say_bytes(bytes: &[u8]) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}

/// Prints an error and its causes to standard error.
fn complain(error: &anyhow::Error) {
    let mut err = std::io::stderr().lock();
    let _ = match error.downcast_ref::<ConfigError>() {
        Some(problems) => writeln!(err, "{problems}"),
        None => writeln!(err, "chima: {error:#}"),
    };
}
