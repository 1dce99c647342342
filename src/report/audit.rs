//! The audit log in words: its rows, and what checking it came to.

use crate::domain::audit::finding::{Fault, Note, Verified, Witness};
use crate::domain::audit::{By, Decided, Deed, Entry, Head};
use crate::domain::lock::{Cause, LockEnding};
use crate::domain::names::AppName;
use crate::domain::reason::Reason;
use crate::report::force;
use crate::report::sentence::why;
use crate::report::words::{brief, enumeration, person, plain, quoted, said, sha8};

/// More of what a person said stands in `chima audit --json`.
const WORDS_LIMIT: usize = 200;

/// Who did it: nothing where Chima did by itself.
#[must_use]
pub fn who(entry: &Entry) -> String {
    let Some(by) = &entry.by else {
        return "-".to_owned();
    };
    let account = match &entry.account {
        Some(account) if *account != by.name => format!(" from the account {}", quoted(account)),
        Some(_) | None => String::new(),
    };
    format!("{}{account}", somebody(by))
}

fn somebody(by: &By) -> String {
    match by.via.as_deref() {
        Some("github") | None => person(&by.name),
        Some("chima") => format!("{}, by itself", person(&by.name)),
        Some(via) => format!("{} ({})", person(&by.name), brief(via)),
    }
}

/// Where it was done, as short as it can be told.
#[must_use]
pub fn place(entry: &Entry) -> String {
    let subject = &entry.subject;
    let name = subject.app.as_deref().or(subject.repository.as_deref());
    match (name, subject.environment.as_deref()) {
        (Some(name), Some(environment)) => format!("{} to {}", brief(name), brief(environment)),
        (Some(one), None) | (None, Some(one)) => brief(one),
        (None, None) => "-".to_owned(),
    }
}

/// What was done, and why.
#[must_use]
pub fn what(entry: &Entry) -> String {
    match &entry.deed {
        Deed::Decided(decided) => decision(decided),
        Deed::Answered { state, reason, .. } => {
            format!(
                "a job of GitHub Actions was {}{}",
                plain(state),
                because(reason.as_deref())
            )
        }
        Deed::Ended { state, reason } => format!("ended: {}{}", state.as_str(), because(reason.as_deref())),
        Deed::Asked {
            task,
            git_ref,
            force,
            room,
        } => {
            let how = if *force { ", to be forced" } else { "" };
            let room = room.as_deref().map(|room| format!(" in {}", quoted(room)));
            format!(
                "asked for {} of {}{how}{}",
                quoted(task),
                quoted(git_ref),
                room.unwrap_or_default()
            )
        }
        Deed::CancelRequested { reason } => format!("asked to cancel{}", words(reason.as_deref())),
        Deed::PersonSaid { done: true, note } => format!("said that it is done{}", words(Some(note))),
        Deed::PersonSaid { done: false, note } => format!("said that it could not be done{}", words(Some(note))),
        Deed::Locked {
            cause, reason, until, ..
        } => {
            let until = until.map(|until| format!(" until {} UTC", until.format("%F %R")));
            let why = match cause {
                Cause::Person => words(reason.as_deref()),
                Cause::AfterCancel { run } => format!(": run `{run}` was cancelled and may still be running"),
            };
            format!("locked{}{why}", until.unwrap_or_default())
        }
        Deed::LockAwaited { .. } => "waits for the lock".to_owned(),
        Deed::LockEnded { owner, ending, .. } => match ending {
            LockEnding::Expired => format!("the lock of {} was over", person(owner)),
            LockEnding::Unlocked { .. } => format!("unlocked what {} had locked or waited for", person(owner)),
            LockEnding::Stolen { reason, .. } => {
                format!("took the lock of {} over{}", person(owner), words(reason.as_deref()))
            }
        },
        Deed::Replayed => "put a delivery before the door again".to_owned(),
        Deed::SentAgain { messages: 1, .. } => "sent again what was given up: one message".to_owned(),
        Deed::SentAgain { messages, .. } => format!("sent again what was given up: {messages} messages"),
        Deed::Forgot => "forgot which repository is meant by this name".to_owned(),
        Deed::TokenMade {
            login, scopes, apps, ..
        } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            let apps = apps.as_ref().map(|apps| {
                let names: Vec<&str> = apps.iter().map(AppName::as_str).collect();
                format!(
                    ", for {} only",
                    enumeration(&names.iter().map(|name| quoted(name)).collect::<Vec<_>>())
                )
            });
            format!(
                "made a token for {} to {}{}",
                person(login),
                scopes.join(", "),
                apps.unwrap_or_default()
            )
        }
        Deed::TokenRevoked { token, login } => format!("revoked the token {} of {}", quoted(token), person(login)),
        Deed::SignedIn {
            user: Some(_),
            expires_at,
            ..
        } => format!("signed in until {} UTC", expires_at.format("%F %R")),
        Deed::SignedIn {
            user: None, expires_at, ..
        } => format!(
            "got in without GitHub, and may all until {} UTC",
            expires_at.format("%F %R")
        ),
        Deed::SignedOut { .. } => "signed out".to_owned(),
        Deed::SessionsEnded { sessions, of, .. } => {
            let many = if *sessions == 1 {
                "1 session".to_owned()
            } else {
                format!("{sessions} sessions")
            };
            let whose = of.as_deref().map_or_else(|| "everybody".to_owned(), person);
            format!("ended {many} of {whose}")
        }
        Deed::LoginTaken { login, .. } => format!(
            "ended a session of {}: another account has that login now",
            person(login)
        ),
        Deed::BreakGlassMade { expires_at } => format!(
            "made a word to get in with once, without GitHub, until {} UTC",
            expires_at.format("%F %T")
        ),
        Deed::Configured { version, .. } => {
            let digest = entry.subject.config.as_deref().unwrap_or_default();
            format!("Chima {} works with configuration {}", plain(version), sha8(digest))
        }
        Deed::Restored { made_at, replaced, .. } => {
            format!(
                "restored a backup of {} UTC{}",
                made_at.format("%F %T"),
                over(replaced.as_ref())
            )
        }
        Deed::TakenIntoUse {
            made_at,
            ended,
            unknown,
            replaced,
        } => format!(
            "took the backup of {} UTC into use: of what was open, {ended} had ended and {unknown} nobody knows{}",
            made_at.format("%F %T"),
            over(replaced.as_ref())
        ),
        Deed::HeadMissing => {
            "the file that says where this log ends was not there; rows may be missing before this one".to_owned()
        }
    }
}

fn decision(decided: &Decided) -> String {
    let commit = format!("{} of {}", quoted(&decided.task), sha8(&decided.sha));
    let why = match (decided.reasons.first(), decided.codes.first()) {
        (Some(reason), _) => because(Some(reason)),
        (None, Some(code)) => format!(": {}", quoted(code)),
        (None, None) => String::new(),
    };
    let forced = decided
        .forced
        .as_ref()
        .map(|forced| format!("; {}", force::told(forced)));
    format!(
        "{}: {commit}{why}{}",
        plain(&decided.verdict),
        forced.unwrap_or_default()
    )
}

fn because(reason: Option<&Reason>) -> String {
    reason.map(|reason| format!(": {}", why(reason))).unwrap_or_default()
}

fn words(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| format!(": {}", said(text, WORDS_LIMIT)))
        .unwrap_or_default()
}

fn over(replaced: Option<&Head>) -> String {
    let told = replaced.map(|head| format!(", over a log that ended with row {} {}", head.position, head.hash));
    told.unwrap_or_default()
}

/// Everything that checking came to, a line each; the last says how it stands.
#[must_use]
pub fn verified(found: &Verified) -> String {
    let mut lines: Vec<String> = found.faults.iter().map(fault).collect();
    lines.extend(found.notes.iter().map(note));
    let head = &found.head;
    let end = match found.rows {
        0 => "the audit log is empty".to_owned(),
        1 => format!("1 row, which ends with {}", head.hash),
        rows => format!("{rows} rows, which end with {}", head.hash),
    };
    lines.push(if found.faults.is_empty() {
        let answers = match found.answers {
            0 => String::new(),
            answers => format!(", and answers to jobs of GitHub Actions: {answers}"),
        };
        format!(
            "the audit log is whole: {end}; decisions compared with what is stored of them: {}{answers}",
            found.decisions
        )
    } else {
        let count = found.faults.len();
        let things = if count == 1 { "thing is" } else { "things are" };
        format!("the audit log is not whole: {count} {things} wrong; {end}")
    });
    lines.join("\n") + "\n"
}

/// What is wrong, where, and what to do.
#[must_use]
pub fn fault(fault: &Fault) -> String {
    let rows = |from: u64, to: u64| {
        if from == to {
            format!("row {from}")
        } else {
            format!("rows {from} to {to}")
        }
    };
    let verb = |from: u64, to: u64, one: &'static str, many: &'static str| if from == to { one } else { many };
    let whence = |witness: &Witness| match witness {
        Witness::File => "the file beside the ledger",
        Witness::Given => "the end that you gave",
    };
    match fault {
        Fault::Missing { from, to } => format!(
            "{} {} missing: somebody has removed {}",
            rows(*from, *to),
            verb(*from, *to, "is", "are"),
            verb(*from, *to, "it", "them"),
        ),
        Fault::Altered { from: 1, to } => format!("{} cannot be what was written", rows(1, *to)),
        Fault::Altered { from, to } => {
            let before = from - 1;
            let (does, it, is) = if from == to {
                ("does", "it", "is")
            } else {
                ("do", "they", "are")
            };
            format!(
                "{} {does} not continue row {before}: {it}, or row {before}, {is} not what was written",
                rows(*from, *to)
            )
        }
        Fault::Truncated { from, to, witness } => format!(
            "{} {} missing at the end: {} knows {}",
            rows(*from, *to),
            verb(*from, *to, "is", "are"),
            whence(witness),
            verb(*from, *to, "of it", "of them"),
        ),
        Fault::Rewritten { at, witness } => format!(
            "row {at} is not the one that {} knows: it, or any row before it, was written anew",
            whence(witness)
        ),
        Fault::HeadFileMissing => "the file beside the ledger that says where the log ends is missing: nothing here shows whether rows \
                                   are missing at the end; the next command or server makes it anew, and the log tells of that"
            .to_owned(),
        Fault::HeadFileUnreadable => {
            "the file beside the ledger that says where the log ends holds something that Chima never writes".to_owned()
        }
        Fault::DecisionUnlogged {
            decision,
            position: Some(position),
        } => format!("decision {} should be told of by row {position}, which does not", quoted(decision)),
        Fault::DecisionUnlogged { decision, position: None } => {
            format!("decision {} is told of by no row", quoted(decision))
        }
        Fault::DecisionAltered { decision, position } => format!(
            "what is stored of decision {} is not what row {position} tells of: its facts, rules or outcome were changed",
            quoted(decision)
        ),
        Fault::AnswerUnlogged { request } => format!(
            "the answer to the job of GitHub Actions {} is told of by no row",
            quoted(request)
        ),
        Fault::AnswerAltered { request, position } => format!(
            "what is stored of the answer to the job of GitHub Actions {} is not what row {position} tells of: its facts, rules or \
             outcome were changed",
            quoted(request)
        ),
    }
}

/// What should be known.
#[must_use]
pub fn note(note: &Note) -> String {
    match note {
        Note::Restored {
            position,
            made_at,
            replaced,
            kept,
        } => {
            let made_at = made_at.format("%F %T");
            let gone = match replaced {
                Some(head) if head.position >= *position => format!(
                    "; rows {position} to {} of the log that it replaced are not here",
                    head.position
                ),
                Some(_) | None => String::new(),
            };
            let kept = kept.as_deref().map(|kept| format!("; it is kept as {}", quoted(kept)));
            format!(
                "row {position}: a backup of {made_at} UTC took the ledger's place{gone}{}",
                kept.unwrap_or_default()
            )
        }
        Note::HeadWasMissing { position } => format!(
            "row {position}: the file that says where the log ends was missing; rows may be missing before this one"
        ),
        Note::OfReplaced { head, position } => format!(
            "the end {}:{} is of the log that a restore replaced (row {position}): compare it with the ledger that was kept",
            head.position, head.hash
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;

    fn at() -> Timestamp {
        chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap()
    }

    #[test]
    fn every_fault_says_where_it_is() {
        let hash = "ab".repeat(32);
        let rows = [
            (
                Fault::Missing { from: 7, to: 7 },
                "row 7 is missing: somebody has removed it",
            ),
            (
                Fault::Altered { from: 7, to: 9 },
                "rows 7 to 9 do not continue row 6: they, or row 6, are not what was written",
            ),
            (
                Fault::Altered { from: 7, to: 7 },
                "row 7 does not continue row 6: it, or row 6, is not what was written",
            ),
            (Fault::Altered { from: 1, to: 1 }, "row 1 cannot be what was written"),
            (
                Fault::Truncated {
                    from: 7,
                    to: 9,
                    witness: Witness::File,
                },
                "rows 7 to 9 are missing at the end: the file beside the ledger knows of them",
            ),
            (
                Fault::Rewritten {
                    at: 9,
                    witness: Witness::Given,
                },
                "row 9 is not the one that the end that you gave knows: it, or any row before it, was written anew",
            ),
            (
                Fault::AnswerUnlogged {
                    request: "01JD".to_owned(),
                },
                "the answer to the job of GitHub Actions `01JD` is told of by no row",
            ),
        ];
        for (found, expected) in rows {
            assert_eq!(fault(&found), expected);
        }
        let whole = Verified {
            rows: 2,
            head: Head {
                position: 2,
                hash: hash.clone(),
            },
            decisions: 1,
            answers: 2,
            faults: Vec::new(),
            notes: vec![Note::Restored {
                position: 2,
                made_at: at(),
                replaced: Some(Head {
                    position: 9,
                    hash: hash.clone(),
                }),
                kept: Some("data/chima.db.before".to_owned()),
            }],
        };
        assert_eq!(
            verified(&whole),
            format!(
                "row 2: a backup of 2025-06-15 15:06:40 UTC took the ledger's place; rows 2 to 9 of the log that it replaced are not \
                 here; it is kept as `data/chima.db.before`\nthe audit log is whole: 2 rows, which end with {hash}; decisions \
                 compared with what is stored of them: 1, and answers to jobs of GitHub Actions: 2\n"
            )
        );
    }

    #[test]
    fn what_people_typed_cannot_move_the_cursor() {
        let entry = Entry::new(
            at(),
            Deed::CancelRequested {
                reason: Some("x\u{1b}[2Jy\u{202e}".to_owned()),
            },
        )
        .by(By::called("mona\u{7}"))
        .from_account("root");
        let text = format!("{} {} {}", who(&entry), place(&entry), what(&entry));
        assert_eq!(
            text,
            "`mona\\u{7}` from the account `root` - asked to cancel: \"x\\u{1b}[2Jy\\u{202e}\""
        );
    }
}
