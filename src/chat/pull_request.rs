//! Commands in comments on pull requests: `/deploy to staging`.
//!
//! There the app is known, so it may be left out. Other programs read comments too: only what is surely meant for us is
//! taken.

use crate::chat::manual::entry;
use crate::chat::target::{Target, is_preposition};
use crate::chat::vocabulary::KnownApp;
use crate::chat::words::words;

/// What may follow the slash directly. All else goes through `/chima`.
const BARE: [&str; 8] = ["deploy", "plan", "rollback", "retry", "cancel", "lock", "unlock", "why"];

/// The command in a comment: its first line, where that begins with one of ours.
#[must_use]
pub fn command(comment: &str) -> Option<&str> {
    let line = comment.lines().map(str::trim).find(|line| !line.is_empty())?;
    let said = line.strip_prefix('/')?;
    let first = said.split(char::is_whitespace).next()?;
    if first.eq_ignore_ascii_case("chima") {
        return Some(said[first.len()..].trim());
    }
    let verb = first.trim_end_matches('!').to_ascii_lowercase();
    let verb = verb.split_once(':').map_or(verb.as_str(), |(verb, _)| verb);
    BARE.contains(&verb).then_some(said)
}

/// The command with the app that is meant, where it was left out.
///
/// # Errors
///
/// When several apps share the repository and none of them is meant for sure.
pub fn with_app(command: &str, apps: &[KnownApp]) -> Result<String, WhichApp> {
    let end = command.find(char::is_whitespace).unwrap_or(command.len());
    let (verb, rest) = command.split_at(end);
    let (verb, rest) = match verb.strip_suffix(':') {
        Some(verb) => (verb, format!(":{rest}")),
        None => (verb, rest.to_owned()),
    };
    if !takes_an_app(verb) {
        return Ok(command.to_owned());
    }
    let said = words(rest.split(':').next().unwrap_or_default());
    let first = said.first().map(String::as_str).unwrap_or_default();
    let named = |app: &&KnownApp| {
        let name = first.split('/').next().unwrap_or_default();
        app.name.eq_ignore_ascii_case(name)
    };
    if first.eq_ignore_ascii_case("all") || apps.iter().any(|app| named(&app)) {
        return Ok(command.to_owned());
    }
    let place = said.iter().find(|word| !is_preposition(word));
    let at_home: Vec<&KnownApp> = apps
        .iter()
        .filter(|app| place.is_none_or(|place| has(app, place)))
        .collect();
    let meant = match (apps, at_home.as_slice()) {
        ([only], _) => Some(only),
        (_, [only]) => Some(*only),
        _ => None,
    };
    match meant {
        Some(app) => Ok(format!("{verb} {}{rest}", app.name)),
        None => Err(WhichApp {
            apps: apps.iter().map(|app| app.name.clone()).collect(),
            verb: verb.to_owned(),
        }),
    }
}

/// Several apps share the repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("say which of {}: `/{verb} {} to ENVIRONMENT`", quoted(apps), apps.first().map_or("APP", String::as_str))]
pub struct WhichApp {
    apps: Vec<String>,
    verb: String,
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Whether what was typed names an environment of this app.
fn has(app: &KnownApp, typed: &str) -> bool {
    let words = [app.name.as_str(), typed];
    Target::parse(&words).is_ok_and(|target| app.look_up(&target).is_ok())
}

fn takes_an_app(verb: &str) -> bool {
    let verb = verb.trim_end_matches('!').to_ascii_lowercase();
    let name = verb.split_once(':').map_or(verb.as_str(), |(verb, _)| verb);
    entry(name).is_none_or(|entry| !["help", "version", "contains", "locks"].contains(&entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, environments: &[&str]) -> KnownApp {
        KnownApp {
            name: name.to_owned(),
            environments: environments.iter().map(|&name| name.to_owned()).collect(),
            default_environment: None,
        }
    }

    #[test]
    fn only_what_is_surely_meant_for_us_is_taken() {
        for (comment, expected) in [
            ("/deploy to staging", Some("deploy to staging")),
            ("\n  /deploy\n\nthanks!", Some("deploy")),
            ("/Deploy:migrate staging", Some("Deploy:migrate staging")),
            ("/deploy! staging", Some("deploy! staging")),
            ("/plan", Some("plan")),
            ("/lock: moving the database", Some("lock: moving the database")),
            ("/chima status", Some("status")),
            ("/chima", Some("")),
            ("/status", None),
            ("/help", None),
            ("/deployment", None),
            ("/assign @mona", None),
            ("please /deploy", None),
            ("> /deploy", None),
            ("`/deploy`", None),
            ("I would\n/deploy this", None),
            ("/ deploy", None),
            ("", None),
        ] {
            assert_eq!(command(comment), expected, "{comment:?}");
        }
    }

    #[test]
    fn the_app_may_be_left_out_where_it_is_known() {
        let one = [app("site", &["staging", "production"])];
        let two = [app("web", &["staging", "live"]), app("api", &["staging", "production"])];
        let read = |typed: &str, apps: &[KnownApp]| with_app(typed, apps).unwrap_or_else(|which| which.to_string());
        for (typed, expected) in [
            ("deploy to staging", "deploy site to staging"),
            ("deploy staging", "deploy site staging"),
            ("deploy", "deploy site"),
            ("deploy! production", "deploy! site production"),
            ("deploy site to staging", "deploy site to staging"),
            ("deploy Site/main to staging", "deploy Site/main to staging"),
            ("deploy to moon", "deploy site to moon"),
            (
                "lock production: the site moves",
                "lock site production: the site moves",
            ),
            ("lock: it moves", "lock site: it moves"),
            ("lock production for 2h", "lock site production for 2h"),
            ("unlock all", "unlock all"),
            ("why", "why site"),
            ("why staging", "why site staging"),
            ("help", "help"),
            ("locks", "locks"),
        ] {
            assert_eq!(read(typed, &one), expected, "{typed}");
        }
        for (typed, expected) in [
            ("deploy to live", "deploy web to live"),
            ("deploy production", "deploy api production"),
            ("deploy api to staging", "deploy api to staging"),
            (
                "deploy to staging",
                "say which of `web`, `api`: `/deploy web to ENVIRONMENT`",
            ),
            ("deploy", "say which of `web`, `api`: `/deploy web to ENVIRONMENT`"),
        ] {
            assert_eq!(read(typed, &two), expected, "{typed}");
        }
    }
}
