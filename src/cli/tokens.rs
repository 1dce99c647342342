//! `chima token`: what is meant by what was typed, and what is said about it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::Config;
use crate::domain::actor::{bare, is_login};
use crate::domain::clock::Timestamp;
use crate::domain::command::line;
use crate::domain::names::{AppName, shown};
use crate::domain::token::Token;
use crate::domain::viewer::Scope;
use crate::flow::tokens::Wanted;
use crate::report::duration::span;

/// Longer notes are cut.
const NOTE: usize = 200;

/// What was typed, before it is known what it means.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// Whose it is to be.
    pub login: &'a str,
    /// What for.
    pub scopes: &'a [String],
    /// For which apps; empty for all.
    pub apps: &'a [String],
    /// For how many days.
    pub days: u32,
    /// In words.
    pub note: Option<&'a str>,
}

/// What is wanted.
///
/// # Errors
///
/// With what cannot be meant.
pub fn wanted(config: &Config, typed: Typed<'_>, by: &str) -> Result<Wanted, String> {
    let login = bare(typed.login);
    if !is_login(login) {
        return Err(format!(
            "`{}` is no login on GitHub; expected one such as `mona`",
            shown(login)
        ));
    }
    let mut scopes: Vec<Scope> = Vec::new();
    for name in typed.scopes {
        let scope = Scope::from_name(name.trim()).ok_or_else(|| {
            let known: Vec<String> = Scope::ALL.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
            format!(
                "there is no scope `{}`; expected some of {}",
                shown(name),
                known.join(", ")
            )
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let mut apps: Vec<AppName> = Vec::new();
    for name in typed.apps {
        let app = config.app(name.trim()).ok_or_else(|| {
            let known: Vec<String> = config.apps.iter().map(|app| format!("`{}`", app.name)).collect();
            format!("there is no app `{}`; configured: {}", shown(name), known.join(", "))
        })?;
        apps.push(app.name.clone());
    }
    Ok(Wanted {
        login: login.to_owned(),
        scopes,
        apps: (!apps.is_empty()).then_some(apps),
        days: typed.days,
        note: typed.note.and_then(|note| line(note, NOTE)),
        by: by.to_owned(),
    })
}

/// A token, as one line of JSON has it.
#[must_use]
pub fn as_value(token: &Token) -> Value {
    json!({
        "id": token.id,
        "login": token.login,
        "scopes": token.scopes,
        "apps": token.apps,
        "note": token.note,
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    })
}

/// The tokens, for a person or for a script.
#[must_use]
pub fn list(tokens: &[Token], as_json: bool, now: Timestamp) -> String {
    let mut text = String::new();
    // writing to a `String` cannot go wrong
    if as_json {
        for token in tokens {
            let _ = writeln!(text, "{}", as_value(token));
        }
        return text;
    }
    if tokens.is_empty() {
        return "there are no tokens; `chima token create --for LOGIN` makes one\n".to_owned();
    }
    let _ = writeln!(
        text,
        "{:<26}  {:<16}  {:<14}  {:<16}  {:<12}  WHAT FOR",
        "TOKEN", "FOR", "MAY", "GOOD", "LAST USED"
    );
    for token in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let good = if token.revoked_at.is_some() {
            "revoked".to_owned()
        } else if token.is_good_at(now) {
            format!("for {}", span(token.expires_at - now))
        } else {
            "expired".to_owned()
        };
        let used = token
            .last_used_at
            .map_or_else(|| "never".to_owned(), |at| format!("{} ago", span(now - at)));
        let apps = token.apps.as_ref().map(|apps| {
            let names: Vec<&str> = apps.iter().map(AppName::as_str).collect();
            format!("only {}", names.join(", "))
        });
        let note = token.note.as_deref().map(shown);
        let what: Vec<String> = [apps, note].into_iter().flatten().collect();
        let line = format!(
            "{:<26}  {:<16}  {:<14}  {good:<16}  {used:<12}  {}",
            token.id,
            token.login,
            scopes.join(","),
            what.join("; ")
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
