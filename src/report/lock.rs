//! Everything that people read about locks: who holds what, what a command came to, what they are told without asking.

use crate::domain::clock::Timestamp;
use crate::domain::lock::{Cause, Lock, LockCommand, LockEnding, Place};
use crate::domain::person::{Person, Source};
use crate::domain::run::Run;
use crate::report::duration::span;
use crate::report::words::{enumeration, person, quoted, said};

/// More of what a person said stands in `chima locks`.
const WORDS_LIMIT: usize = 200;

/// Something that is told about a lock without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News<'a> {
    /// Whoever waited holds it now, or Chima locked by itself.
    Begun,
    /// It came to its end.
    Ended(&'a LockEnding),
    /// It has been there for long.
    Old,
}

/// ``locked by @mona since 2026-11-24 14:02 UTC until 2026-11-24 16:00 UTC: "db migration"``.
#[must_use]
pub fn held(lock: &Lock) -> String {
    let until = lock
        .until
        .map(|until| format!(" until {}", moment(until)))
        .unwrap_or_default();
    format!("locked{} since {}{until}{}", owner(lock), moment(lock.since), why(lock))
}

/// The same with how long that has been, for whoever looks now.
#[must_use]
pub fn held_now(lock: &Lock, now: Timestamp) -> String {
    let until = match lock.until {
        Some(until) => format!(", for another {}", span(until - now)),
        None => String::new(),
    };
    format!(
        "locked{} for {}{until}{}",
        owner(lock),
        span(now - lock.since),
        why(lock)
    )
}

/// Somebody who waits, as people read it.
#[must_use]
pub fn who(somebody: &Person) -> String {
    person(&somebody.name)
}

/// Who can clear it, and how.
#[must_use]
pub fn way_out(lock: &Lock) -> String {
    let Place { app, environment } = &lock.place;
    match lock.cause {
        Cause::Person => format!(
            "ask {}, or unlock it yourself: `chima unlock {app} {}`",
            person(&lock.owner.name),
            argument(environment.as_str())
        ),
        Cause::AfterCancel { .. } => format!(
            "look whether it still runs there, then `chima unlock {app} {}`",
            argument(environment.as_str())
        ),
    }
}

/// What whoever wanted to deploy hears.
#[must_use]
pub fn keeps_out(lock: &Lock, now: Timestamp) -> String {
    let Place { app, environment } = &lock.place;
    let wait = match lock.cause {
        Cause::Person => format!(", or `wait for {app} {}`", argument(environment.as_str())),
        Cause::AfterCancel { .. } => String::new(),
    };
    format!(
        "{} is {}; {}{wait}",
        place(&lock.place),
        held_now(lock, now),
        way_out(lock)
    )
}

/// Who holds it, as far as that is a person's doing.
fn owner(lock: &Lock) -> String {
    match lock.cause {
        Cause::Person => format!(" by {}", person(&lock.owner.name)),
        Cause::AfterCancel { .. } => String::new(),
    }
}

fn why(lock: &Lock) -> String {
    match (&lock.cause, lock.reason.as_deref().filter(|words| !words.is_empty())) {
        (Cause::AfterCancel { run }, _) => {
            format!(
                ": run `{run}` may still be running (cancelled by {})",
                person(&lock.owner.name)
            )
        }
        (Cause::Person, Some(words)) => format!(": {}", said(words, WORDS_LIMIT)),
        (Cause::Person, None) => String::new(),
    }
}

/// Names with spaces need quotation marks, in chat as at a terminal.
fn argument(name: &str) -> String {
    if name.contains(' ') {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

/// `` `production` of `site` ``.
#[must_use]
pub fn place(place: &Place) -> String {
    format!(
        "{} of {}",
        quoted(place.environment.as_str()),
        quoted(place.app.as_str())
    )
}

fn places<'a>(all: impl IntoIterator<Item = &'a Place>) -> String {
    let all: Vec<String> = all.into_iter().map(place).collect();
    enumeration(&all)
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// What a request to lock came to.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// Locked.
    Taken {
        /// The new locks.
        locks: &'a [Lock],
        /// Those that were taken over.
        stolen: &'a [Lock],
        /// Runs that go on.
        under_way: &'a [Run],
    },
    /// These hold, so nothing was locked.
    InTheWay(&'a [Lock]),
    /// The person waits.
    Waits {
        /// Behind this lock.
        behind: &'a Lock,
        /// Place in the line, 1 is next.
        position: u32,
        /// Whether the person waited before.
        already: bool,
    },
}

/// What whoever asked to lock hears.
#[must_use]
pub fn answer(by: &Person, answer: Answer<'_>, now: Timestamp) -> String {
    match answer {
        Answer::Taken {
            locks,
            stolen,
            under_way,
        } => {
            let what = places(locks.iter().map(|lock| &lock.place));
            let first = locks.first();
            // as it was asked for, whatever the moment in which that is said
            let length = first
                .and_then(|lock| Some(lock.until? - lock.since))
                .map(|length| format!(" for {}", span(length)));
            let words = first.map(why).unwrap_or_default();
            let mut text = format!(
                "{what} {} locked by {}{}{words}",
                verb(locks.len()),
                person(&by.name),
                length.unwrap_or_default()
            );
            for lock in stolen.iter().filter(|lock| !lock.owner.is_called(&by.name)) {
                text.push_str(&format!("; {} was {}", place(&lock.place), held_now(lock, now)));
            }
            for run in under_way {
                let id = run.id;
                text.push_str(&format!(
                    "; run `{id}` had begun and goes on: `chima cancel {id}` stops it"
                ));
            }
            text
        }
        Answer::InTheWay(locks) => {
            let each: Vec<String> = locks.iter().map(|lock| in_the_way(by, lock, now)).collect();
            format!("nothing was locked: {}", each.join("; "))
        }
        Answer::Waits {
            behind,
            position,
            already,
        } => {
            let word = if already {
                "waits for it already"
            } else {
                "waits for it"
            };
            format!(
                "{} is {}; {} {word}, at position {position}, and is told when it is theirs",
                place(&behind.place),
                held_now(behind, now),
                person(&by.name)
            )
        }
    }
}

fn in_the_way(by: &Person, lock: &Lock, now: Timestamp) -> String {
    let Place { app, environment } = &lock.place;
    let environment = argument(environment.as_str());
    if lock.lets_its_owner_pass() && lock.owner.is_called(&by.name) {
        return format!(
            "{} is locked by you already, for {}{}; `chima unlock {app} {environment}` first, or `--steal` to lock it anew",
            place(&lock.place),
            span(now - lock.since),
            why(lock)
        );
    }
    format!(
        "{} is {}; {}, take it over with `--steal`, or wait for it with `--wait`",
        place(&lock.place),
        held_now(lock, now),
        way_out(lock)
    )
}

/// What whoever unlocked hears. `next`: who waited and holds it now. `given_up`: what that person does not wait for any more.
#[must_use]
pub fn unlocked(
    by: &Person,
    (ended, free): (&[Lock], &[Place]),
    (next, given_up): (&[Lock], &[Place]),
    now: Timestamp,
) -> String {
    let mut parts: Vec<String> = ended
        .iter()
        .map(|lock| {
            let what = place(&lock.place);
            if lock.lets_its_owner_pass() && lock.owner.is_called(&by.name) {
                format!("{what} is unlocked, after {}", span(now - lock.since))
            } else {
                format!("{what} is unlocked; it was {}", held_now(lock, now))
            }
        })
        .collect();
    parts.extend(next.iter().map(|lock| {
        let what = place(&lock.place);
        format!("{} waited for {what}, and holds it now", person(&lock.owner.name))
    }));
    parts.extend(free.iter().map(|free| format!("{} is not locked", place(free))));
    if !given_up.is_empty() {
        parts.push(format!("you wait for {} no more", places(given_up)));
    }
    if parts.is_empty() {
        return format!("{} has locked nothing; `chima locks` lists what is", person(&by.name));
    }
    parts.join("; ")
}

/// What is told in chat and in the log without being asked.
#[must_use]
pub fn news(lock: &Lock, news: News<'_>, now: Timestamp) -> String {
    let (what, owner) = (place(&lock.place), person(&lock.owner.name));
    match (news, &lock.cause) {
        (News::Begun, Cause::Person) => {
            let until = lock
                .until
                .map(|until| format!(" until {}", moment(until)))
                .unwrap_or_default();
            format!("{owner}: {what} is yours now{until}; you waited for it{}", why(lock))
        }
        (News::Begun, Cause::AfterCancel { .. }) => format!("{what} is {}; {}", held(lock), way_out(lock)),
        (News::Ended(LockEnding::Expired), _) => {
            format!(
                "{owner}: your lock of {what} has expired, after {}{}",
                span(until(lock, now) - lock.since),
                why(lock)
            )
        }
        (News::Ended(LockEnding::Unlocked { by }), _) => format!(
            "{owner}: {} has unlocked {what}, which you had locked{}",
            person(&by.name),
            why(lock)
        ),
        (News::Ended(LockEnding::Stolen { by, .. }), _) if by.source == Source::Chima => format!(
            "{owner}: your lock of {what} has given way to one that nobody passes, because a run that {} cancelled may still run",
            person(&by.name)
        ),
        (News::Ended(LockEnding::Stolen { by, reason }), _) => {
            let words = reason.as_deref().map(|words| format!(": {}", said(words, WORDS_LIMIT)));
            format!(
                "{owner}: {} has taken over your lock of {what}{}",
                person(&by.name),
                words.unwrap_or_default()
            )
        }
        (News::Old, _) => format!(
            "{owner}: {what} is still {}; if that is over: `chima unlock {} {}`",
            held_now(lock, now),
            lock.place.app,
            argument(lock.place.environment.as_str())
        ),
    }
}

fn until(lock: &Lock, now: Timestamp) -> Timestamp {
    lock.until.unwrap_or(now)
}

/// What a deployment that was a lock command came to.
#[must_use]
pub fn done(command: &LockCommand) -> String {
    match command {
        LockCommand::Lock { lock } => {
            format!(
                "{} is locked{}{}",
                quoted(lock.place.environment.as_str()),
                owner(lock),
                why(lock)
            )
        }
        LockCommand::Unlock { lock, by } => {
            let environment = quoted(lock.place.environment.as_str());
            let was = format!("; it was {}", held(lock));
            let own = lock.owner.is_called(&by.name);
            format!(
                "{environment} is unlocked by {}{}",
                person(&by.name),
                if own { String::new() } else { was }
            )
        }
    }
}

/// Minutes are enough, and the date is needed: locks outlive days.
fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use ulid::Ulid;

    use super::*;
    use crate::domain::ids::{LockId, RunId};

    fn lock(environment: &str, words: Option<&str>) -> Lock {
        Lock {
            id: LockId::new(Ulid::from_parts(0, 1)),
            place: Place {
                app: "site".parse().unwrap(),
                environment: environment.parse().unwrap(),
            },
            owner: Person::new(Source::Chat, "Mona Lisa"),
            reason: words.map(str::to_owned),
            cause: Cause::Person,
            since: Timestamp::UNIX_EPOCH,
            until: Some(Timestamp::UNIX_EPOCH + TimeDelta::hours(2)),
        }
    }

    #[test]
    fn a_lock_says_who_since_when_until_when_and_why() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::minutes(65);
        let lock = lock("eu west", Some("<!channel> `x`\u{1b}"));
        assert_eq!(
            held(&lock),
            "locked by `Mona Lisa` since 1970-01-01 00:00 UTC until 1970-01-01 02:00 UTC: \"<!channel> 'x'\\u{1b}\""
        );
        assert_eq!(
            held_now(&lock, now),
            "locked by `Mona Lisa` for 1 h 5 min, for another 55 min: \"<!channel> 'x'\\u{1b}\""
        );
        assert_eq!(
            way_out(&lock),
            "ask `Mona Lisa`, or unlock it yourself: `chima unlock site \"eu west\"`"
        );
    }

    #[test]
    fn one_that_a_cancel_left_names_the_run_and_what_to_do_first() {
        let lock = Lock {
            owner: Person::new(Source::Chima, "mona"),
            cause: Cause::AfterCancel {
                run: RunId::new(Ulid::from_parts(0, 1)),
            },
            until: None,
            ..lock("live", None)
        };
        assert_eq!(
            held(&lock),
            "locked since 1970-01-01 00:00 UTC: run `00000000000000000000000001` may still be running (cancelled by @mona)"
        );
        assert_eq!(
            way_out(&lock),
            "look whether it still runs there, then `chima unlock site live`"
        );
    }

    #[test]
    fn a_deployment_that_was_a_lock_command_fits_into_a_status_with_what_matters_first() {
        let by = Person::new(Source::Chat, "lisa");
        let lock = Box::new(lock("live", Some(&"long ".repeat(50))));
        let unlock = LockCommand::Unlock { lock: lock.clone(), by };
        assert!(done(&unlock).starts_with("`live` is unlocked by @lisa; it was locked by `Mona Lisa` since "));
        assert!(done(&LockCommand::Lock { lock }).starts_with("`live` is locked by `Mona Lisa`: \"long long"));
    }

    #[test]
    fn news_name_whom_they_are_for() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::hours(3);
        let lock = lock("live", None);
        let begun = news(&lock, News::Begun, now);
        assert_eq!(
            begun,
            "`Mona Lisa`: `live` of `site` is yours now until 1970-01-01 02:00 UTC; you waited for it"
        );
        let expired = news(&lock, News::Ended(&LockEnding::Expired), now);
        assert_eq!(
            expired,
            "`Mona Lisa`: your lock of `live` of `site` has expired, after 2 h"
        );
    }
}
