//! `chima check`: every problem of a configuration file, or what it means and what is not set up yet.
//!
//! It changes nothing and reaches nothing: named secrets are looked at where they lie, no address is called. Every environment
//! is planned, so that what its provider would refuse is told here.

use std::fmt::Write;
use std::path::Path;

use crate::config::document::{At, Document, Fault};
use crate::config::secret::{self, SecretSource};
use crate::config::{App, AutoDeploy, AutoDeployOn, Config, Environment, GitHubAuth, Known, QueueAddress};
use crate::domain::actor::Named;
use crate::domain::glob::PathGlob;
use crate::flow::rehearse::{self, SettingFault};
use crate::provider::manifest::catalogue::{self, Broken, Catalogue};

/// Everything that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// What a person reads, each part about one file.
    pub texts: Vec<String>,
    /// One line for each problem: for a log.
    pub lines: Vec<String>,
}

/// Checks a file: the report to print, and whether the file is good. Secrets that are not there are told and are no fault.
#[must_use]
pub fn check(path: &Path) -> (String, bool) {
    match read(path) {
        Ok(config) => (summary(&config), true),
        Err(problems) => (refusal(path, &problems), false),
    }
}

/// Reads a file, and holds it against everything that a deployment by it would be held against.
///
/// # Errors
///
/// With everything that is wrong with it.
pub fn read(path: &Path) -> Result<Config, Problems> {
    let names = catalogue::shipped_names();
    let read = Document::load(path).and_then(|document| {
        let config = Config::parse(path, document.text(), &Known { providers: &names })?;
        Ok((document, config))
    });
    let (document, config) = read.map_err(|error| Problems {
        texts: vec![error.to_string()],
        lines: error.lines(),
    })?;
    let manifests = Catalogue::read(&config.providers);
    let mut texts: Vec<String> = manifests
        .broken()
        .iter()
        .map(|broken| broken.error.to_string())
        .collect();
    let mut lines: Vec<String> = manifests.broken().iter().flat_map(Broken::lines).collect();
    let faults = rehearse::faults(&config, &manifests);
    if !faults.is_empty() {
        let error = document.refuse(faults.into_iter().map(|fault| placed(&document, fault)).collect());
        lines.extend(error.lines());
        texts.push(error.to_string());
    }
    if texts.is_empty() {
        Ok(config)
    } else {
        Err(Problems { texts, lines })
    }
}

/// The fault at the line where the setting is written. Environments that share it share the fault.
fn placed(document: &Document, fault: SettingFault) -> Fault {
    let setting: Vec<&str> = fault.setting.iter().map(String::as_str).collect();
    let path = document.setting(fault.app.as_str(), fault.environment.as_str(), &setting);
    Fault {
        text: format!("`{path}`: {}", fault.text),
        path,
        hint: fault.hint,
        at: if fault.wrong_key { At::Key } else { At::Value },
    }
}

fn refusal(path: &Path, problems: &Problems) -> String {
    let count = match problems.lines.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    format!("{}\n\n{}: {count}\n", problems.texts.join("\n\n"), path.display())
}

fn summary(config: &Config) -> String {
    let mut text = String::new();
    let queue = match config.queue {
        QueueAddress::Sqlite => "sqlite",
        QueueAddress::Redis(_) => "redis",
    };
    let workers = config.workers;
    let _ = writeln!(text, "{} is valid\n", config.path.display());
    let _ = writeln!(
        text,
        "server  listens on {}, known as {}",
        config.listen, config.public_url
    );
    let _ = writeln!(
        text,
        "ledger  {}, queue {queue}, at most {workers} runs at once",
        config.store.display()
    );
    let _ = writeln!(text, "github  {}, API {}", config.github.url, config.github.api_url);
    if let Some(interval) = config.github.polling {
        let seconds = interval.as_secs();
        let _ = writeln!(
            text,
            "        asked for new deployments every {seconds} s; no webhook is needed"
        );
    }
    if config.apps.is_empty() {
        text.push_str("\nno app is configured: every delivery is stored and ignored\nhint: name one under `apps`\n");
    }
    for app in &config.apps {
        describe_app(&mut text, app, &config.github.url);
    }
    let missing = not_set_up(config);
    if missing.is_empty() {
        text.push_str("\neverything named here is set up\n");
    } else {
        text.push_str("\nnot set up\n");
        for line in missing {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn describe_app(text: &mut String, app: &App, github_url: &str) {
    let _ = write!(text, "\n{}  {}", app.name, app.repository);
    if app.remote != format!("{github_url}/{}.git", app.repository) {
        let _ = write!(text, ", fetched from {}", app.remote);
    }
    text.push('\n');
    for environment in &app.environments {
        let _ = writeln!(text, "  {}: {}", environment.name, describe(environment).join("; "));
    }
}

fn describe(environment: &Environment) -> Vec<String> {
    let mut facts = vec![format!("provider {}", environment.provider)];
    if environment.production {
        facts.push("production".to_owned());
    }
    if let [task] = environment.tasks.as_slice() {
        facts.push(format!("task {task}"));
    } else {
        let tasks: Vec<&str> = environment.tasks.iter().map(|task| task.as_str()).collect();
        facts.push(format!("tasks {}", tasks.join(", ")));
    }
    facts.push(match environment.required_contexts.as_deref() {
        None => "needs every reported context green".to_owned(),
        Some([]) => "needs no context".to_owned(),
        Some(contexts) => format!("needs {}", contexts.join(", ")),
    });
    facts.push(match &environment.allowed_rooms {
        None => "from any room".to_owned(),
        Some(rooms) => format!("from {}", rooms.join(", ")),
    });
    let names = |people: &[Named]| people.iter().map(Named::to_string).collect::<Vec<_>>().join(", ");
    if !environment.deployers.is_empty() {
        facts.push(format!("by {}", names(&environment.deployers)));
    }
    if !environment.admins.is_empty() {
        facts.push(format!("forced by {}", names(&environment.admins)));
    }
    if let Some(auto) = &environment.auto_deploy {
        facts.push(by_itself(auto));
    }
    if let Some(timeout) = environment.timeout {
        facts.push(format!("stopped after {} s", timeout.as_secs()));
    }
    facts
}

/// What is deployed without being asked for.
fn by_itself(auto: &AutoDeploy) -> String {
    let branch = auto
        .branch
        .as_ref()
        .map_or("the default branch", |branch| branch.as_str());
    let mut text = match auto.on {
        AutoDeployOn::Green => format!("deploys {branch} by itself when it is green"),
        AutoDeployOn::Push => format!("deploys pushes to {branch} by itself"),
        AutoDeployOn::MergedPullRequest => format!("deploys pull requests merged into {branch} by itself"),
    };
    if !auto.paths.is_empty() {
        let globs: Vec<&str> = auto.paths.iter().map(PathGlob::as_str).collect();
        let _ = write!(text, ", for changes of {}", globs.join(", "));
    }
    text
}

/// What is missing, what then does not work, and how to get it.
fn not_set_up(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    let github = &config.github;
    let url = &github.url;
    let webhook_hint = format!(
        "make one with `openssl rand -hex 32` and give it to the webhook {}/webhooks/github",
        config.public_url
    );
    if github.webhook_secrets.is_empty() && github.polling.is_none() {
        lines.push(missing(
            "deliveries from GitHub",
            "`github.webhook_secrets` names no secret",
            &webhook_hint,
        ));
    }
    for source in absent(&github.webhook_secrets) {
        lines.push(missing("deliveries from GitHub", &place(source), &webhook_hint));
    }
    let auth = match &github.auth {
        GitHubAuth::None => Some("neither `github.app_id` nor `github.token` is there".to_owned()),
        GitHubAuth::Token(source)
        | GitHubAuth::App {
            private_key: source, ..
        } => is_absent(source).then(|| place(source)),
    };
    if let Some(found) = auth {
        let hint = format!("`chima setup` makes a GitHub App; or make a token at {url}/settings/tokens");
        lines.push(missing("statuses on GitHub", &found, &hint));
    }
    let sign_in_hint = "docs/guides/sign-in.md says how; until then `chima token break-glass` lets you in for an hour";
    match &config.sign_in {
        Some(sign_in) if is_absent(&sign_in.client_secret) => lines.push(missing(
            "signing in to the pages",
            &place(&sign_in.client_secret),
            "make a client secret on the App's page",
        )),
        None if !config.is_for_this_machine() => lines.push(missing(
            "signing in to the pages",
            "they are reached from elsewhere, and there is no `sign_in`",
            sign_in_hint,
        )),
        Some(_) | None => {}
    }
    let slack = &config.slack;
    let slack_hint = "the app's page at https://api.slack.com/apps shows it";
    let parts = [
        ("Slack messages", &slack.incoming_webhook),
        ("Slack messages", &slack.bot_token),
        ("Slack commands", &slack.signing_secret),
        ("Slack commands", &slack.app_token),
    ];
    for (what, source) in parts {
        for source in source.iter().filter(|source| is_absent(source)) {
            lines.push(missing(what, &place(source), slack_hint));
        }
    }
    for source in config.chat_token.iter().filter(|source| is_absent(source)) {
        lines.push(missing(
            "the chat bridge",
            &place(source),
            "make one with `openssl rand -hex 32` and give it to the bot",
        ));
    }
    let password = config
        .smtp
        .iter()
        .filter_map(|smtp| smtp.login.as_ref())
        .map(|(_, source)| source);
    for recipient in config.recipients() {
        for source in recipient.to.secrets().into_iter().filter(|source| is_absent(source)) {
            let what = format!("news for `{recipient}`");
            let hint = "without it nothing is told there; docs/guides/notifications.md says where it comes from";
            lines.push(missing(&what, &place(source), hint));
        }
    }
    for source in password.filter(|source| is_absent(source)) {
        lines.push(missing("e-mail", &place(source), "the password of `smtp.username`"));
    }
    for app in &config.apps {
        for environment in &app.environments {
            let key = environment
                .ssh
                .iter()
                .filter_map(|ssh| ssh.key.as_ref())
                .map(|source| ("ssh.key", source));
            let named = environment
                .secrets
                .iter()
                .chain(&environment.secret_files)
                .map(|(name, source)| (name.as_str(), source));
            for (name, source) in named.chain(key).filter(|(_, source)| is_absent(source)) {
                let what = format!("{}/{} `{name}`", app.name, environment.name);
                lines.push(missing(
                    &what,
                    &place(source),
                    "its deployments end in `error` until it is there",
                ));
            }
        }
    }
    lines
}

fn missing(what: &str, found: &str, hint: &str) -> String {
    format!("{what}: {found}\n    hint: {hint}")
}

fn place(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(_) => format!("{source} is not set"),
        SecretSource::File(_) | SecretSource::Command(_) => format!("{source} is not there"),
    }
}

fn absent(sources: &[SecretSource]) -> impl Iterator<Item = &SecretSource> {
    sources.iter().filter(|source| is_absent(source))
}

/// A command is asked only when a step needs it; a secret that cannot be read was refused with the file.
fn is_absent(source: &SecretSource) -> bool {
    match source {
        SecretSource::Command(_) => false,
        SecretSource::Env(_) | SecretSource::File(_) => matches!(secret::read(source), Ok(None)),
    }
}

#[cfg(test)]
mod tests;
