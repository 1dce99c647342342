//! `chima setup`: a web server for one page, until GitHub has made the App.

mod slack;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::app::clock::SystemClock;
use crate::app::serve::StopSignals;
use crate::app::{Exit, Misuse, load, say, start, unwritten};
use crate::cli::args::{OtherSetup, SetupArgs};
use crate::config::{Config, GitHubAuth, environment};
use crate::flow::set_up::{Outcome, SetUp, SetUpError, Wanted};
use crate::github::Credentials;
use crate::http::serve as connections;
use crate::http::setup::router;
use crate::provider::browser;

/// Where a server keeps the secrets of an App that is made at its `/setup`.
const FOLDER: &str = "secrets";

/// What the App is made for, by the configuration.
#[must_use]
pub fn wanted(config: &Config) -> Wanted {
    let folder = config.data_dir.join(FOLDER);
    Wanted {
        github_url: config.github.url.clone(),
        organization: None,
        name: name_for(&config.public_url),
        public_url: config.public_url.clone(),
        merges: config.apps.iter().any(|app| app.auto_merge),
        folder: std::path::absolute(&folder).unwrap_or(folder),
        force: false,
    }
}

/// Makes an App: shows the page, waits for it to come back, and prints what is left to do.
///
/// # Errors
///
/// When what was typed cannot be meant, or the secrets cannot be kept.
pub fn setup(path: &Path, args: &SetupArgs) -> anyhow::Result<Exit> {
    if let Some(OtherSetup::Slack(args)) = &args.other {
        return slack::setup(path, args);
    }
    let config = if path.exists() { load(path)? } else { unwritten(path)? };
    let wanted = asked_for(&config, args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(&config, wanted, args))
}

fn asked_for(config: &Config, args: &SetupArgs) -> anyhow::Result<Wanted> {
    let mut wanted = wanted(config);
    if let Some(text) = &args.public_url {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/" && url.query().is_none()
        });
        let url = url.ok_or_else(|| {
            Misuse(format!(
                "`--public-url` is `{text}`; expected an address without a path, for example `https://deploy.example.com`"
            ))
        })?;
        wanted.public_url = url.as_str().trim_end_matches('/').to_owned();
        wanted.name = name_for(&wanted.public_url);
    }
    if let Some(name) = &args.name {
        wanted.name.clone_from(name);
    }
    wanted.organization.clone_from(&args.org);
    wanted.folder =
        std::path::absolute(&args.dir).with_context(|| format!("cannot resolve `{}`", args.dir.display()))?;
    wanted.force = args.force;
    Ok(wanted)
}

async fn serve(config: &Config, wanted: Wanted, args: &SetupArgs) -> anyhow::Result<Exit> {
    let clock = Arc::new(SystemClock::default());
    let github = start::github(config, &Credentials::None, Arc::clone(&clock) as _)?;
    let set_up = Arc::new(SetUp::new(wanted, github, clock)?);
    set_up.prepare().map_err(misuse)?;
    let mut told = StopSignals::listen().context("cannot listen for signals")?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on `{}`; choose another with `--listen`", args.listen))?;
    let at = listener.local_addr().context("cannot tell where the page is")?;
    let url = format!("http://{at}{}", set_up.path());
    say(&format!(
        "To make the App, open this address in a browser on this machine:\n\n  {url}\n\n\
         From elsewhere: `ssh -L {port}:{at} HOST`, then the same address. Waiting; Ctrl-C gives up.\n",
        port = at.port()
    ))?;
    if !matches!(config.github.auth, GitHubAuth::None) {
        say("The configuration names credentials already; the new App is to take their place.\n")?;
    }
    let page = (!args.no_browser).then(|| open(&url)).flatten();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let server = connections::serve(listener, router(Arc::clone(&set_up)), tasks, stop.clone());
    let waiting = async {
        let limit = Duration::from_secs(args.timeout_seconds);
        let ended = tokio::select! {
            made = tokio::time::timeout(limit, set_up.finished()) => made.map_err(|_| {
                format!("nobody came back from GitHub within {} s; nothing was changed here", args.timeout_seconds)
            }),
            signal = told.next() => Err(format!("given up ({signal}); nothing was changed here")),
        };
        stop.cancel();
        ended
    };
    let ((), ended) = tokio::join!(server, waiting);
    drop(page);
    match ended {
        Ok(made) => say(&left_to_do(&made)),
        Err(text) => {
            let hint = "an App that GitHub made all the same can be deleted in GitHub's settings, Developer settings";
            anyhow::bail!("{text}; {hint}")
        }
    }
}

fn left_to_do(made: &Outcome) -> String {
    let files: String = made
        .files
        .iter()
        .map(|file| format!("  {}\n", file.display()))
        .collect();
    format!(
        "\nThe App `{}` is made. Its secrets are kept, readable by this account alone:\n\n{files}\n\
         Write this into the configuration, in place of other credentials:\n\n{}\n\
         Then install the App on your repositories:\n\n  {}\n\n\
         `chima doctor` tells whether all is well.\n",
        made.slug, made.config, made.install_url
    )
}

fn misuse(error: SetUpError) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::from(error);
    Misuse(format!("{error:#}; {hint}")).into()
}

/// Opens the address where there is a desktop, by way of a file that leads there. It must live as long as the browser may need.
fn open(url: &str) -> Option<NamedTempFile> {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"];
    if desktop.into_iter().all(|name| environment::variable(name).is_none()) {
        return None;
    }
    let mut file = tempfile::Builder::new()
        .prefix("chima-")
        .suffix(".html")
        .tempfile()
        .ok()?;
    write!(
        file,
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={url}\">"
    )
    .ok()?;
    browser::open(file.path()).then_some(file)
}

/// A name that other installations are unlikely to have.
fn name_for(public_url: &str) -> String {
    let host = Url::parse(public_url).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    format!("chima {host}").trim().to_owned()
}
