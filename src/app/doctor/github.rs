//! Whether GitHub takes our credentials, delivers to us, and lets us do in each repository what has to be done there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::app::clock::SystemClock;
use crate::app::doctor::Finding;
use crate::app::start;
use crate::config::secret;
use crate::config::{Config, GitHubAuth};
use crate::domain::actor::Named;
use crate::domain::ids::InstallationId;
use crate::domain::names::{RepositoryName, shown};
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::examine::{AppFound, AttemptFound, HookFound, Myself, OwnerFound};
use crate::github::needs::{EVENTS, Level, MEMBERS, PERMISSIONS, of_app};

/// Repositories that are asked about at once.
const AT_ONCE: usize = 8;
/// For everything together: whoever waits for a doctor is in a hurry.
const LIMIT: Duration = Duration::from_secs(30);
/// Clocks that differ by less do no harm to anything.
const CLOCKS_AGREE_SECONDS: i64 = 30;

/// Every finding about GitHub.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = webhook_secrets(config).into_iter().collect();
    let (mut named, mut missing) = (Vec::new(), Vec::new());
    let client = start::credentials(config, &mut named, &mut missing)
        .and_then(|credentials| start::github(config, &credentials, Arc::new(SystemClock::default())));
    match client {
        Err(error) => findings.push(Finding::bad(
            format!("GitHub: {error:#}"),
            "correct `github` in the configuration",
        )),
        Ok(_) if !missing.is_empty() => findings.push(Finding::odd(
            "GitHub: there are no credentials yet, so nothing is reported".to_owned(),
            "`chima setup` makes a GitHub App; or name a token as `github.token`",
        )),
        Ok(github) => match tokio::time::timeout(LIMIT, ask(config, &github)).await {
            Ok(found) => findings.extend(found),
            Err(_) => findings.push(Finding::bad(
                format!("GitHub: not everything was answered within {} s", LIMIT.as_secs()),
                "try again; see https://www.githubstatus.com and the way to it",
            )),
        },
    }
    findings
}

fn webhook_secrets(config: &Config) -> Option<Finding> {
    let sources = &config.github.webhook_secrets;
    let found = sources
        .iter()
        .any(|source| matches!(secret::read_strong(source), Ok(Some(_))));
    let has_credentials = !matches!(config.github.auth, GitHubAuth::None);
    (!found && has_credentials).then(|| {
        Finding::odd(
            "`github.webhook_secrets`: none is there, so deliveries are answered with 503".to_owned(),
            "`openssl rand -hex 32` makes one; give it to GitHub's webhook and to Chima",
        )
    })
}

async fn ask(config: &Config, github: &GitHub) -> Vec<Finding> {
    let (myself, skew) = match github.myself().await {
        Ok(found) => found,
        Err(error) => return vec![refused(config, &error)],
    };
    let mut findings = Vec::new();
    findings.extend(skew.map(clock));
    match &myself {
        Myself::App(app) => {
            findings.insert(
                0,
                Finding::well(format!("GitHub takes the key of the App `{}`", shown(&app.slug))),
            );
            findings.extend(permissions(config, app));
            findings.extend(events(config, app));
            let (hook, attempts) = tokio::join!(github.hook_settings(), github.newest_attempts());
            findings.extend(hook_findings(config, app, hook));
            findings.extend(attempt_findings(config, app, attempts));
        }
        Myself::Owner(owner) => {
            findings.insert(0, token(owner));
        }
    }
    findings.extend(repositories(config, github, &myself).await);
    findings
}

fn refused(config: &Config, error: &CallError) -> Finding {
    let text = format!("GitHub at `{}`: {error}", config.github.api_url);
    let fix = match (error, &config.github.auth) {
        (CallError::Refused { status: 401 | 404, .. }, GitHubAuth::App { .. }) => {
            "compare `github.app_id` with the App's page, and make a new private key there"
        }
        (CallError::Refused { status: 401, .. }, _) => "the token has expired or was withdrawn: make a new one",
        (CallError::RateLimited { .. }, _) => "wait as long",
        (CallError::Refused { .. }, _) => "see the text; `github.api_url` may be wrong",
        (CallError::Unreachable { .. }, _) => {
            "see that this machine reaches it: DNS, firewall, `HTTPS_PROXY`, `github.ca_file`; deliveries are stored and \
             statuses wait meanwhile"
        }
        (
            CallError::Trouble { .. } | CallError::Garbled { .. } | CallError::NotSetUp | CallError::NoInstallation,
            _,
        ) => "try again; see https://www.githubstatus.com and `github.api_url`",
    };
    Finding::bad(text, fix)
}

fn clock(skew: TimeDelta) -> Finding {
    let seconds = skew.num_seconds();
    let how = if seconds > 0 { "behind" } else { "ahead of" };
    if seconds.abs() < CLOCKS_AGREE_SECONDS {
        return Finding::well("this machine's clock agrees with GitHub's".to_owned());
    }
    Finding::odd(
        format!("this machine's clock is {} s {how} GitHub's", seconds.abs()),
        "let it be set by NTP: `timedatectl set-ntp true`",
    )
}

fn token(owner: &OwnerFound) -> Finding {
    let whose = format!("GitHub takes the token of `{}`", shown(&owner.login));
    let Some(scopes) = &owner.scopes else {
        return Finding::well(format!("{whose}, which has permissions instead of scopes"));
    };
    let enough = ["repo", "public_repo", "repo_deployment"];
    if scopes.iter().any(|scope| enough.contains(&scope.as_str())) {
        return Finding::well(format!("{whose}, with the scopes {}", shown(&scopes.join(", "))));
    }
    Finding::bad(
        format!("{whose}, but it lacks the scope `repo`: no status can be reported"),
        "give it `repo` at https://github.com/settings/tokens, or `repo_deployment` for statuses alone",
    )
}

fn lacks(granted: &BTreeMap<String, String>, name: &str, wanted: Level) -> bool {
    granted
        .get(name)
        .and_then(|word| Level::read(word))
        .is_none_or(|level| level < wanted)
}

fn permissions(config: &Config, app: &AppFound) -> Vec<Finding> {
    let merges = config.apps.iter().any(|app| app.auto_merge);
    let wanted = of_app(merges);
    let teams = names_teams(config);
    let needed = PERMISSIONS
        .iter()
        .filter(|permission| teams || permission.name != MEMBERS);
    let missing = needed.filter_map(|permission| {
        let level = *wanted.get(permission.name)?;
        lacks(&app.permissions, permission.name, level).then_some((permission, level))
    });
    let mut findings: Vec<Finding> = missing
        .map(|(permission, level)| {
            let text = format!(
                "the App lacks the permission `{}: {}`: {}",
                permission.title,
                level.as_str(),
                permission.without
            );
            let fix = format!(
                "grant it at {}/{}/permissions, then let the owner of each installation accept it",
                config.github.url,
                app.settings()
            );
            Finding::missing(permission.vital, text, &fix)
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::well("the App has every permission that it needs".to_owned()));
    }
    findings
}

/// Whether who may do what hangs on teams anywhere.
fn names_teams(config: &Config) -> bool {
    let is_team = |named: &Named| matches!(named, Named::Team { .. });
    config.apps.iter().any(|app| {
        app.viewers.iter().flatten().any(is_team)
            || app
                .environments
                .iter()
                .any(|one| one.deployers.iter().chain(&one.admins).any(is_team))
    })
}

fn events(config: &Config, app: &AppFound) -> Vec<Finding> {
    let missing = EVENTS
        .iter()
        .filter(|event| !app.events.iter().any(|name| name == event.name));
    let mut findings: Vec<Finding> = missing
        .map(|event| {
            let text = format!("the App does not subscribe to `{}`: {}", event.name, event.without);
            let fix = format!("subscribe at {}/{}/permissions", config.github.url, app.settings());
            Finding::missing(event.vital, text, &fix)
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::well(
            "the App subscribes to every event that it needs".to_owned(),
        ));
    }
    findings
}

fn hook_findings(config: &Config, app: &AppFound, hook: Result<HookFound, CallError>) -> Vec<Finding> {
    let page = format!("{}/{}", config.github.url, app.settings());
    let hook = match hook {
        Ok(hook) => hook,
        Err(CallError::Refused { status: 404, .. }) => {
            return vec![Finding::bad(
                "the App has no webhook: no deployment is heard of".to_owned(),
                &format!("activate it at {page}"),
            )];
        }
        Err(error) => return vec![Finding::odd(format!("the App's webhook: {error}"), "try again")],
    };
    let mut findings = Vec::new();
    let own = format!("{}/webhooks/github", config.public_url);
    if hook.url != own {
        let text = format!(
            "the App delivers to `{}`, and Chima's address is `{own}`",
            shown_whole(&hook.url)
        );
        let fix = format!("correct `server.public_url`, or the Webhook URL at {page}");
        findings.push(Finding::odd(text, &fix));
    }
    if !matches!(hook.content_type.as_str(), "json" | "form") {
        let text = format!("the App's webhook has the content type `{}`", shown(&hook.content_type));
        findings.push(Finding::bad(text, &format!("choose `application/json` at {page}")));
    }
    if !hook.has_secret() {
        findings.push(Finding::bad(
            "the App's webhook has no secret, so every delivery is refused with 401".to_owned(),
            &format!("set one of `github.webhook_secrets` at {page}"),
        ));
    }
    if hook.is_insecure() && hook.url.starts_with("https://") {
        findings.push(Finding::odd(
            "the App delivers to whoever has that address, also with a bad certificate".to_owned(),
            &format!("enable SSL verification at {page}"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::well(format!(
            "the App delivers to `{}`, signed, as {}",
            shown_whole(&hook.url),
            hook.content_type
        )));
    }
    findings
}

fn attempt_findings(
    config: &Config,
    app: &AppFound,
    attempts: Result<Vec<AttemptFound>, CallError>,
) -> Option<Finding> {
    let attempts = match attempts {
        Ok(attempts) => attempts,
        Err(error) => {
            return Some(Finding::odd(
                format!("the App's newest deliveries: {error}"),
                "try again",
            ));
        }
    };
    let mut failed: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.arrived()) {
        let how = match attempt.status_code {
            0 => shown(&attempt.status),
            code => code.to_string(),
        };
        *failed.entry(how).or_default() += 1;
    }
    if failed.is_empty() {
        let all = attempts.len();
        return (all > 0).then(|| Finding::well(format!("the newest {all} deliveries all arrived")));
    }
    let total: usize = failed.values().sum();
    let how: Vec<String> = failed.iter().map(|(how, times)| format!("{times} × {how}")).collect();
    let text = format!(
        "of the newest {} deliveries {total} failed: {}",
        attempts.len(),
        how.join(", ")
    );
    let fix = format!(
        "look at {}/{}/advanced, mend what it says, and press Redeliver; a deployment runs once all the same",
        config.github.url,
        app.settings()
    );
    Some(Finding::odd(text, &fix))
}

/// What each app's repository says, in the order of the configuration; each repository once.
async fn repositories(config: &Config, github: &GitHub, myself: &Myself) -> Vec<Finding> {
    let mut names: Vec<&RepositoryName> = Vec::new();
    for app in &config.apps {
        if !names.contains(&&app.repository) {
            names.push(&app.repository);
        }
    }
    let asked = names
        .into_iter()
        .map(|name| Box::pin(repository(config, github, myself, name)));
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn repository(config: &Config, github: &GitHub, myself: &Myself, name: &RepositoryName) -> Finding {
    let mut installation = None;
    let mut behind = Vec::new();
    if let Myself::App(app) = myself {
        let slug = shown(&app.slug);
        match github.installation_found(name).await {
            Ok(found) if found.suspended_at.is_some() => {
                return Finding::bad(
                    format!("`{name}`: the App's installation is suspended, so nothing is heard or reported"),
                    &format!(
                        "unsuspend it at {}/settings/installations/{}",
                        config.github.url, found.id
                    ),
                );
            }
            Ok(found) => {
                installation = Some(InstallationId(found.id));
                behind = PERMISSIONS
                    .iter()
                    .filter(|one| names_teams(config) || one.name != MEMBERS)
                    .filter(|one| {
                        let of_app = app.permissions.get(one.name).and_then(|word| Level::read(word));
                        of_app.is_some_and(|level| lacks(&found.permissions, one.name, level))
                    })
                    .map(|one| one.title)
                    .collect();
            }
            Err(CallError::Refused { status: 404, .. }) => {
                return Finding::bad(
                    format!("`{name}`: the App is not installed there, or there is no such repository"),
                    &format!(
                        "install it: {}/apps/{slug}/installations/new; or correct `repository`",
                        config.github.url
                    ),
                );
            }
            Err(error) => return Finding::bad(format!("`{name}`: {error}"), "see the text, and try again"),
        }
    }
    let found = match github.repository_found(installation, name).await {
        Ok(found) => found,
        Err(CallError::Refused { status: 404, .. }) => {
            return Finding::bad(
                format!("`{name}`: there is no such repository, or it is not to be seen with these credentials"),
                "correct `repository`, or give the credentials access to it",
            );
        }
        Err(error) => return Finding::bad(format!("`{name}`: {error}"), "see the text, and try again"),
    };
    if found.archived {
        return Finding::bad(
            format!("`{name}` is archived: GitHub takes no deployments of it"),
            "unarchive it, or remove its apps from the configuration",
        );
    }
    if found.full_name.as_str() != name.as_str() && !found.full_name.as_str().eq_ignore_ascii_case(name.as_str()) {
        return Finding::odd(
            format!("`{name}` is called `{}` now", found.full_name),
            "write the new name as `repository`",
        );
    }
    if found.permissions.is_some_and(|rights| !rights.push) {
        return Finding::bad(
            format!("`{name}`: the token's owner may only read there, so no status can be reported"),
            "give them write access",
        );
    }
    if !behind.is_empty() {
        return Finding::odd(
            format!(
                "`{name}`: the installation has not been granted yet: {}",
                behind.join(", ")
            ),
            "its owner accepts the new permissions in GitHub's settings, Applications",
        );
    }
    Finding::well(format!("`{name}`: there, and open to us"))
}

/// An address, which may be longer than other words.
fn shown_whole(text: &str) -> String {
    let chars: Vec<char> = text.chars().take(240).collect();
    chars
        .chunks(60)
        .map(|part| shown(&part.iter().collect::<String>()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::Known;

    #[test]
    fn a_missing_look_at_teams_is_told_where_something_hangs_on_it() {
        let app: AppFound = serde_json::from_value(json!({"slug": "chima", "permissions": of_app(false)
            .into_iter()
            .filter(|(name, _)| *name != MEMBERS)
            .map(|(name, level)| (name, level.as_str()))
            .collect::<BTreeMap<_, _>>()}))
        .unwrap();
        for (deployers, expected) in [("[mona]", false), ("[mona, octo/web]", true)] {
            let text = format!(
                "apps: {{ site: {{ repository: octo/site, provider: shell, deployers: {deployers}, environments: {{ live: {{}} }} }} }}"
            );
            let config = Config::parse(Path::new("app.yaml"), &text, &Known::default()).unwrap();
            let told = permissions(&config, &app)
                .iter()
                .any(|finding| finding.text.contains("`Members: read`"));
            assert_eq!(told, expected, "{deployers}");
        }
    }
}
