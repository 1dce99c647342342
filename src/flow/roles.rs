//! What whoever is signed in is to each app, by the configuration that holds now and by what GitHub says of them.
//!
//! What GitHub says is kept for a while: every page would ask otherwise. While it says nothing, what it said last is good for a
//! bounded time and no longer; nobody is taken for more than they were.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::domain::names::{AppName, RepositoryName};
use crate::domain::role::Role;
use crate::flow::engine::Engine;
use crate::flow::rules::of_environment;
use crate::github::call::CallError;
use crate::policy::roles::{AppPeople, Question, Standing, Told, standing};
use crate::policy::rules::EnvironmentRules;

/// So long nobody is asked again.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// So long what was said is good while GitHub says nothing.
const GOOD: TimeDelta = TimeDelta::hours(1);
/// A GitHub that did not answer is not asked again sooner, so that no page waits for it each time.
const QUIET: TimeDelta = TimeDelta::seconds(30);
/// More is not kept; the longest known goes first.
const KEPT: usize = 20_000;

/// What GitHub has said of people.
#[derive(Debug, Default)]
pub struct Heard {
    /// By their logins in lower case.
    words: Mutex<HashMap<(String, Question), Word>>,
    /// When GitHub last gave no answer at all.
    silent: Mutex<Option<Timestamp>>,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    /// What it said last, and when.
    said: Option<(bool, Timestamp)>,
    /// When it was last asked in vain.
    in_vain: Option<Timestamp>,
}

/// What somebody is to each app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Only of apps that they are something to.
    pub roles: Vec<(AppName, Role)>,
    /// Whether they may be more, and GitHub does not say now.
    pub untold: bool,
}

/// What somebody is to each app, with what GitHub says now or has said.
pub async fn roles(engine: &Engine, heard: &Heard, login: &str) -> Roles {
    let now = engine.now();
    let apps: Vec<(AppName, &RepositoryName, Option<_>, Vec<EnvironmentRules>)> = engine
        .config
        .apps
        .iter()
        .map(|app| {
            let environments = app.environments.iter().map(of_environment).collect();
            (app.name.clone(), &app.repository, app.viewers.as_deref(), environments)
        })
        .collect();
    let key = login.to_ascii_lowercase();
    let mut found = Roles {
        roles: Vec::new(),
        untold: false,
    };
    for (name, repository, viewers, environments) in &apps {
        let people = AppPeople {
            repository,
            viewers: *viewers,
            environments,
        };
        let standing = asked(engine, heard, &people, &key, now).await;
        found.roles.extend(standing.role.map(|role| (name.clone(), role)));
        found.untold |= standing.untold;
    }
    found
}

/// Whether a login still belongs to the account that signed in with it: GitHub lets another one take a login that was given up. `app` is
/// one that the login is something to.
pub async fn is_still(
    engine: &Engine,
    heard: &Heard,
    (login, user): (&str, u64),
    (since, app): (Timestamp, &AppName),
) -> Told {
    let (now, key, question) = (engine.now(), login.to_ascii_lowercase(), Question::Is(user));
    // GitHub said so when they signed in, also to a process that is gone
    let word = heard.begin(&key, &question, since);
    let wanted = word.wants_asking(now) && !heard.is_silent(now);
    let Some(app) = engine.config.app(app.as_str()).filter(|_| wanted) else {
        return word.tells(now);
    };
    // boxed: the client's futures are large
    match Box::pin(ask(engine, &app.repository, &question, login)).await {
        Ok(answer) => {
            heard.keep(&key, question, Some(answer), now);
            if answer { Told::Yes } else { Told::No }
        }
        Err(error) => {
            tracing::warn!(login, error = %error, "cannot tell whether a login still belongs to whoever signed in with it");
            heard.keep(&key, question, None, now);
            if error.is_transient() {
                heard.note_silence(now);
            }
            word.tells(now)
        }
    }
}

/// Judges again and again, each time with one answer more, until nothing is left to ask.
async fn asked(engine: &Engine, heard: &Heard, people: &AppPeople<'_>, login: &str, now: Timestamp) -> Standing {
    loop {
        let mut open = None;
        let found = standing(people, login, |question| {
            let word = heard.word(login, question);
            if open.is_none() && !heard.is_silent(now) && word.is_none_or(|word| word.wants_asking(now)) {
                open = Some(question.clone());
            }
            word.map_or(Told::Nothing, |word| word.tells(now))
        });
        let Some(question) = open else {
            return found;
        };
        // boxed: the client's futures are large
        match Box::pin(ask(engine, people.repository, &question, login)).await {
            Ok(answer) => heard.keep(login, question, Some(answer), now),
            Err(error) => {
                tracing::warn!(login, question = ?question, error = %error, "cannot tell what somebody who is signed in may do");
                heard.keep(login, question, None, now);
                if error.is_transient() {
                    heard.note_silence(now);
                }
            }
        }
    }
}

async fn ask(
    engine: &Engine,
    repository: &RepositoryName,
    question: &Question,
    login: &str,
) -> Result<bool, CallError> {
    let installation = installation(engine, repository).await?;
    match question {
        Question::InTeam { organization, team } => {
            engine.github.is_member(installation, (organization, team), login).await
        }
        Question::Writes(repository) => engine.github.may_write(installation, repository, login).await,
        Question::Is(user) => {
            let number = engine.github.account_of(installation, login).await?;
            // a login that nobody has is nobody else's
            Ok(number.is_none_or(|number| number == *user))
        }
    }
}

/// The ledger knows where the App is installed, once something came from there.
async fn installation(engine: &Engine, repository: &RepositoryName) -> Result<Option<InstallationId>, CallError> {
    if !engine.github.is_app() {
        return Ok(None);
    }
    let known = engine
        .store
        .repositories(&engine.config.github.host)
        .await
        .unwrap_or_default();
    let known = known
        .iter()
        .find(|one| one.configured.eq_ignore_ascii_case(repository.as_str()) && !one.gone);
    match known.and_then(|one| one.installation) {
        Some(installation) => Ok(Some(installation)),
        None => engine.github.installation_of(repository).await,
    }
}

impl Word {
    fn wants_asking(self, now: Timestamp) -> bool {
        let fresh = self.said.is_some_and(|(_, at)| now - at < FRESH);
        let quiet = self.in_vain.is_some_and(|at| now - at < QUIET);
        !fresh && !quiet
    }

    fn tells(self, now: Timestamp) -> Told {
        match self.said.filter(|(_, at)| now - *at < GOOD) {
            Some((true, _)) => Told::Yes,
            Some((false, _)) => Told::No,
            None => Told::Nothing,
        }
    }
}

impl Heard {
    /// GitHub has just said whose a login is.
    pub(super) fn note_number(&self, login: &str, user: u64, now: Timestamp) {
        self.keep(&login.to_ascii_lowercase(), Question::Is(user), Some(true), now);
    }

    /// Nobody waits for a GitHub that does not answer, once it has not.
    fn is_silent(&self, now: Timestamp) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|at| now - at < QUIET)
    }

    fn note_silence(&self, now: Timestamp) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// What is known; where nothing is, that it was so then.
    fn begin(&self, login: &str, question: &Question, then: Timestamp) -> Word {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let known = words.entry((login.to_owned(), question.clone()));
        *known.or_insert(Word {
            said: Some((true, then)),
            in_vain: None,
        })
    }

    fn word(&self, login: &str, question: &Question) -> Option<Word> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.get(&(login.to_owned(), question.clone())).copied()
    }

    fn keep(&self, login: &str, question: Question, answer: Option<bool>, now: Timestamp) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() >= KEPT {
            words.retain(|_, word| word.tells(now) != Told::Nothing && !word.wants_asking(now));
        }
        if words.len() >= KEPT {
            words.clear();
        }
        let word = words.entry((login.to_owned(), question)).or_insert(Word {
            said: None,
            in_vain: None,
        });
        match answer {
            Some(answer) => {
                *word = Word {
                    said: Some((answer, now)),
                    in_vain: None,
                }
            }
            None => word.in_vain = Some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_was_said_is_good_for_a_bounded_time() {
        let (heard, begun): (Heard, Timestamp) = (Heard::default(), DateTime::UNIX_EPOCH);
        let question = Question::Writes("octo/site".parse().unwrap());
        let word = || heard.word("mona", &question).unwrap();
        assert!(heard.word("mona", &question).is_none());
        heard.keep("mona", question.clone(), Some(true), begun);
        for (seconds, asks, tells) in [
            (0, false, Told::Yes),
            (299, false, Told::Yes),
            (300, true, Told::Yes),
            (3599, true, Told::Yes),
            (3600, true, Told::Nothing),
        ] {
            let now = begun + TimeDelta::seconds(seconds);
            assert_eq!(
                (word().wants_asking(now), word().tells(now)),
                (asks, tells),
                "{seconds}"
            );
        }
        let later = begun + TimeDelta::seconds(300);
        heard.keep("mona", question.clone(), None, later);
        assert!(!word().wants_asking(later + TimeDelta::seconds(29)));
        assert!(word().wants_asking(later + TimeDelta::seconds(30)));
        assert_eq!(word().tells(later + TimeDelta::seconds(29)), Told::Yes);
        heard.keep("mona", question.clone(), Some(false), later);
        assert_eq!(word().tells(later), Told::No);
        assert!(heard.word("lisa", &question).is_none());
    }
}
