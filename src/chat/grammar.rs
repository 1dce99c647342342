//! From what a person types to a [`Command`]. It understands all that hubot-deploy understood; what it does not
//! understand gets an answer that helps, never silence.

use crate::chat::command::{Command, Deploy, Lock};
use crate::chat::manual::{ALIASES, Entry, MANUAL, Verb, entry};
use crate::chat::target::{Target, is_preposition};
use crate::chat::words::{without_reason, words};
use crate::domain::length::Length;
use crate::domain::lock::Otherwise;
use crate::domain::names::shown;
use crate::domain::nearest::nearest;

/// A longer suggestion is no help.
const SUGGESTED: usize = 120;

/// Why a message is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstood {
    /// Nothing was said.
    #[error("say what to do, for example `deploy trelhub/edge to staging`; `help` lists the commands")]
    Nothing,
    /// The first word means nothing.
    #[error("`{typed}` is no command; {}", hint(*nearest, meant.as_deref()))]
    Unknown {
        /// As typed.
        typed: String,
        /// What may have been meant.
        nearest: Option<&'static Entry>,
        /// All of it, where the rest makes sense with that.
        meant: Option<String>,
    },
    /// The command is known, its form is not this.
    #[error("{found}; expected `{}`, for example `{}`", entry.form, entry.examples[0])]
    Form {
        /// Of which command.
        entry: &'static Entry,
        /// What is wrong.
        found: String,
    },
}

fn hint(nearest: Option<&Entry>, meant: Option<&str>) -> String {
    match (nearest, meant) {
        (_, Some(meant)) => format!("did you mean `{meant}`?"),
        (Some(entry), None) => format!("did you mean `{}`, for example `{}`?", entry.form, entry.examples[0]),
        (None, None) => "`help` lists the commands, and a deployment is `deploy APP[/REF] to ENVIRONMENT`".to_owned(),
    }
}

/// Understands a message that is meant for Chima; whoever it was addressed to is cut off before.
///
/// # Errors
///
/// When it is no command.
pub fn parse(text: &str) -> Result<Command, Misunderstood> {
    let all = words(text);
    let first = all.first().ok_or(Misunderstood::Nothing)?;
    if let Some(word) = Word::of(first) {
        return read(word, text.trim_start());
    }
    // as in "please deploy site to staging": hubot-deploy listened anywhere in a message
    let later = text.split_whitespace().skip(1).find(|word| is_deploy(word));
    if let Some(word) = later
        && let (Some(at), Some(word)) = (text.find(word), Word::of(word))
    {
        return read(word, &text[at..]);
    }
    let mut unknown = unknown(first);
    if let Misunderstood::Unknown {
        nearest: Some(entry),
        meant,
        ..
    } = &mut unknown
    {
        *meant = corrected(entry, text.trim_start());
    }
    Err(unknown)
}

/// The whole message with the right first word, where that is a command which can be shown as it would be typed.
fn corrected(entry: &'static Entry, text: &str) -> Option<String> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let command = parse(&format!("{}{}", entry.name, &text[end..])).ok()?;
    let said = command.to_string();
    let plain = said.chars().count() <= SUGGESTED && shown_whole(&said) == said;
    (plain && parse(&said) == Ok(command)).then_some(said)
}

/// As [`shown`], whatever the length.
fn shown_whole(text: &str) -> String {
    text.chars().map(|c| shown(c.encode_utf8(&mut [0; 4]))).collect()
}

/// What is said about a word that is no command.
#[must_use]
pub fn unknown(word: &str) -> Misunderstood {
    let known = MANUAL.iter().map(|entry| entry.name);
    Misunderstood::Unknown {
        typed: shown(word),
        nearest: nearest(word, known).and_then(entry),
        meant: None,
    }
}

/// A first word: which command, its task where it is `deploy:task`, and whether it ends in `!`.
struct Word {
    entry: &'static Entry,
    task: Option<String>,
    forced: bool,
}

impl Word {
    fn of(word: &str) -> Option<Self> {
        let bare = word.trim_end_matches(['?', '.', ',']);
        let word = if bare.is_empty() { word } else { bare };
        let (word, forced) = match word.strip_suffix('!') {
            Some(word) => (word, true),
            None => (word, false),
        };
        let lower = word.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == lower);
        let meant = match alias {
            Some((_, verb)) => MANUAL.iter().find(|entry| entry.verb == *verb),
            None => entry(&lower),
        };
        if let Some(entry) = meant {
            return Some(Self {
                entry,
                task: None,
                forced,
            });
        }
        let entry = entry("deploy").filter(|_| is_deploy(word))?;
        Some(Self {
            entry,
            task: Some(lower),
            forced,
        })
    }
}

fn is_deploy(word: &str) -> bool {
    let word = word.strip_suffix('!').unwrap_or(word).to_ascii_lowercase();
    word == "deploy" || word.strip_prefix("deploy:").is_some_and(|task| !task.is_empty())
}

fn read(word: Word, text: &str) -> Result<Command, Misunderstood> {
    let Word { entry, task, forced } = word;
    let form = |found: &str| Misunderstood::Form {
        entry,
        found: found.to_owned(),
    };
    let (command, reason) = if matches!(entry.verb, Verb::Lock | Verb::Wait | Verb::Unlock | Verb::Cancel) {
        without_reason(text)
    } else {
        (text, None)
    };
    let reason = reason.map(str::to_owned);
    let rest: Vec<String> = words(command).into_iter().skip(1).collect();
    let mut rest = unpunctuated(rest);
    if matches!(rest.as_slice(), [only] if ["--help", "help"].iter().any(|help| only.eq_ignore_ascii_case(help))) {
        let about = Some(entry.name.to_owned());
        return Ok(Command::Help { about });
    }
    let target = |words: &[String]| {
        let words = words.iter().map(String::as_str).collect();
        Target::of(words).map_err(|error| form(&error.to_string()))
    };
    let maybe_target = |words: &[String]| match words {
        [] => Ok(None),
        words => target(words).map(Some),
    };
    let maybe_name = |words: &[String]| match words {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        [_, next, ..] => Err(form(&format!("`{}` is a word too many", shown(next)))),
    };
    let no_app = || form("no app is named");
    Ok(match entry.verb {
        Verb::Deploy | Verb::Plan => {
            let code = rest.pop_if(|word| is_code(word));
            let task = task.unwrap_or_else(|| "deploy".to_owned());
            let (task, plan) = match task.strip_suffix(":plan") {
                Some(task) => (task.to_owned(), true),
                None => (task, entry.verb == Verb::Plan),
            };
            let deploy = Deploy {
                task,
                force: forced,
                target: target(&rest)?,
                code,
                seen: None,
                called: None,
            };
            if plan {
                Command::Plan(deploy)
            } else {
                Command::Deploy(deploy)
            }
        }
        Verb::Rollback => {
            let (place, to) = back_to(&rest);
            let target = target(place)?;
            Command::Rollback { target, to }
        }
        Verb::Retry => Command::Retry { target: target(&rest)? },
        Verb::Cancel => Command::Cancel {
            target: target(&rest)?,
            reason,
        },
        Verb::Status => Command::Status {
            target: maybe_target(&rest)?,
        },
        Verb::Queue => Command::Queue {
            target: maybe_target(&rest)?,
        },
        Verb::Why => Command::Why { target: target(&rest)? },
        Verb::Log => Command::Log { target: target(&rest)? },
        Verb::Diff => Command::Diff { target: target(&rest)? },
        Verb::Deploys => {
            // hubot-deploy ignored what follows
            if rest.get(1).is_some_and(|word| is_preposition(word)) {
                rest.truncate(3);
            }
            Command::Deploys { target: target(&rest)? }
        }
        Verb::Builds => Command::Builds { target: target(&rest)? },
        Verb::Where => match commit_of(&rest) {
            Some(sha) => Command::Contains { sha },
            None => Command::Where {
                app: app_of(&rest).ok_or_else(no_app)?,
            },
        },
        Verb::Contains => {
            let rest = match rest.split_first() {
                Some((first, rest)) if first.eq_ignore_ascii_case("status") => rest,
                Some(_) | None => &rest,
            };
            let named = maybe_name(rest)?.ok_or_else(|| form("no commit is named"))?;
            let sha = named.to_ascii_lowercase();
            if !is_commit(&sha) {
                return Err(form(&format!("`{}` is no commit", shown(&named))));
            }
            Command::Contains { sha }
        }
        Verb::Lock | Verb::Wait => {
            let mut otherwise = match (entry.verb == Verb::Wait, forced) {
                (true, _) => Otherwise::Wait,
                (false, true) => Otherwise::Steal,
                (false, false) => Otherwise::Refuse,
            };
            // as the command line has them, and as its answers name them
            for (option, meant) in [("--steal", Otherwise::Steal), ("--wait", Otherwise::Wait)] {
                if let Some(at) = rest.iter().position(|word| word == option) {
                    rest.remove(at);
                    otherwise = meant;
                }
            }
            if entry.verb == Verb::Wait && rest.first().is_some_and(|word| word.eq_ignore_ascii_case("for")) {
                rest.remove(0);
            }
            let at = rest.iter().rposition(|word| word.eq_ignore_ascii_case("for"));
            let length = match at.map(|at| rest.split_off(at)) {
                Some(words) => Some(length(&words[1..]).map_err(|found| form(&found))?),
                None => None,
            };
            let (app, environments) = held(&rest).ok_or_else(no_app)?;
            Command::Lock(Lock {
                app,
                environments,
                length,
                reason,
                otherwise,
            })
        }
        Verb::Unlock if is_all(&rest) => Command::UnlockAll,
        Verb::Unlock => {
            let (app, environments) = held(&rest).ok_or_else(no_app)?;
            Command::Unlock { app, environments }
        }
        Verb::Locks => Command::Locks {
            app: maybe_name(&rest)?,
        },
        Verb::Help => Command::Help {
            about: maybe_name(&rest)?,
        },
        Verb::Version => Command::Version,
    })
}

/// As in "why site production?": no name ends like this.
fn unpunctuated(mut words: Vec<String>) -> Vec<String> {
    if let Some(last) = words.last_mut() {
        let bare = last.trim_end_matches(['?', '.', ',']).len();
        last.truncate(if bare == 0 { last.len() } else { bare });
    }
    words
}

/// `all`, `all mine`, `all my locks`.
fn is_all(words: &[String]) -> bool {
    let known = ["all", "everything", "mine", "my", "locks"];
    !words.is_empty()
        && words
            .iter()
            .all(|word| known.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// `APP [ENVIRONMENT] [to COMMIT]`, cut before the commit.
fn back_to(words: &[String]) -> (&[String], Option<String>) {
    match words {
        [place @ .., to, commit]
            if to.eq_ignore_ascii_case("to") && (place.len() > 1 || is_commit(&commit.to_ascii_lowercase())) =>
        {
            (place, Some(commit.clone()))
        }
        _ => (words, None),
    }
}

/// The app in `where can i deploy APP`, or in any part of that.
fn app_of(words: &[String]) -> Option<String> {
    let filler = ["can", "i", "we", "you", "deploy", "is", "does", "run"];
    let mut named = words
        .iter()
        .filter(|word| !filler.iter().any(|known| word.eq_ignore_ascii_case(known)));
    let app = named.next()?;
    named.next().is_none().then(|| app.clone())
}

/// The commit in `where is COMMIT`.
fn commit_of(words: &[String]) -> Option<String> {
    match words {
        [is, commit] if is.eq_ignore_ascii_case("is") => {
            let commit = commit.to_ascii_lowercase();
            is_commit(&commit).then_some(commit)
        }
        _ => None,
    }
}

/// `2h`, and `2 hours` as people say it.
fn length(words: &[String]) -> Result<Length, String> {
    if words.is_empty() {
        return Err("no time follows `for`".to_owned());
    }
    let said = words.concat().to_ascii_lowercase();
    let digits = said.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(said.len());
    let (number, unit) = said.split_at(digits);
    let short = match unit {
        "min" | "mins" | "minute" | "minutes" => "m",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        unit => unit,
    };
    format!("{number}{short}").parse().map_err(|_| {
        format!(
            "`{}` is no length of time such as `30m`, `2h` or `1d`",
            shown(&words.join(" "))
        )
    })
}

/// `APP [in] ENVIRONMENT, ENVIRONMENT and ENVIRONMENT`, or `APP/ENVIRONMENT`.
fn held(words: &[String]) -> Option<(String, Vec<String>)> {
    let (first, rest) = words.split_first()?;
    let (app, beside) = match first.split_once('/') {
        Some((app, environment)) => (app, Some(environment.to_owned())),
        None => (first.as_str(), None),
    };
    let rest = match rest.split_first() {
        Some((word, rest)) if is_preposition(word) => rest,
        _ => rest,
    };
    let named = rest
        .iter()
        .filter(|word| !word.eq_ignore_ascii_case("and"))
        .flat_map(|word| word.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let environments: Vec<String> = beside.into_iter().chain(named).collect();
    (!app.is_empty()).then(|| (app.to_owned(), environments))
}

/// A one-time code, as hubot-deploy knew it: of a hardware key (modified hexadecimal digits), or six digits.
fn is_code(word: &str) -> bool {
    let digits = word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
    let key = matches!(word.len(), 32..=64)
        && word
            .bytes()
            .all(|b| b"cbdefghijklnrtuv".contains(&b.to_ascii_lowercase()));
    digits || key
}

fn is_commit(word: &str) -> bool {
    matches!(word.len(), 7..=64) && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests;
