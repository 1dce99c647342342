//! What Chima answers in chat: lines that read well with nothing but backticks and dashes, so that they read well everywhere.

mod refusals;

use chrono::TimeDelta;

use crate::domain::actor::Actor;
use crate::domain::clock::Timestamp;
use crate::domain::estimate::Estimate;
use crate::domain::ids::DeploymentId;
use crate::domain::lock::{Lock, Place};
use crate::domain::names::shown;
use crate::domain::person::Person;
use crate::domain::run::Run;
use crate::report::catalogue::entry_of;
use crate::report::duration::span;
use crate::report::estimate::{in_line, usually};
use crate::report::lock::{held_now, who};
use crate::report::outlook::{Outlook, brief, prospect, waiting};
use crate::report::sentence::sentence_of;
use crate::report::status;
use crate::report::words::{commit, enumeration, fitted, names, person, plain, quoted, sha8, web};

pub use crate::report::chat::refusals::{
    from_a_fork, head_unknown, may_not_write, may_only_look, never_ran, no_commit, no_ref, not_over, nothing_before,
    nothing_done, nothing_to_roll_back, pull_request_closed, ref_moved, restored, too_late, unsettled,
};

/// More lines than this are a page, not an answer.
pub const LINES: usize = 10;
/// A commit's title is one line of this many characters at most.
const TITLE: usize = 72;

/// A commit, as far as people want to read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// Its id.
    pub sha: String,
    /// Who wrote it: a login, or a name where GitHub knows none.
    pub author: Option<String>,
    /// The first line of its message.
    pub title: String,
}

/// What an environment runs, and what is about to happen there.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// Its name.
    pub environment: &'a str,
    /// What it runs.
    pub current: Option<Run>,
    /// What has not ended there.
    pub open: Vec<Outlook>,
    /// Who holds it.
    pub lock: Option<Lock>,
}

/// `3 min ago`.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now - at))
}

/// What an environment runs: `4f3c2b1a (edge), deployed 2 h ago by @mona`.
#[must_use]
pub fn running(run: &Run, now: Timestamp) -> String {
    let when = run.finished_at.map(|at| ago(at, now));
    let by = run.requester.as_deref().map(person);
    let told: Vec<String> = [Some("deployed".to_owned()), when, by.map(|by| format!("by {by}"))]
        .into_iter()
        .flatten()
        .collect();
    format!("{}, {}", commit(&run.sha, &run.git_ref), told.join(" "))
}

/// One line about an environment.
#[must_use]
pub fn standing(one: &Standing<'_>, now: Timestamp) -> String {
    let current = match &one.current {
        Some(run) => running(run, now),
        None => "nothing deployed yet".to_owned(),
    };
    let open: Vec<String> = one.open.iter().map(|run| format!("; {}", brief(run, now))).collect();
    let lock = one.lock.as_ref().map(|lock| format!("; {}", held_now(lock, now)));
    format!(
        "{}: {current}{}{}",
        quoted(one.environment),
        open.concat(),
        lock.unwrap_or_default()
    )
}

/// From where an environment may be deployed to, and whether that happens by itself.
#[must_use]
pub fn limits(rooms: Option<&[String]>, by_itself: bool) -> String {
    let rooms = rooms.map(|rooms| format!("; from {} only", names(rooms)));
    let by_itself = if by_itself { "; by itself too" } else { "" };
    format!("{}{by_itself}", rooms.unwrap_or_default())
}

/// One deployment of a list: when, who, and how it stands.
#[must_use]
pub fn entry(run: &Run, now: Timestamp) -> String {
    let by = run.requester.as_deref().map(|by| format!(", {}", person(by)));
    format!(
        "{}{}: {}",
        ago(run.requested_at, now),
        by.unwrap_or_default(),
        status::summary(run)
    )
}

/// As [`waiting`], with what it can be named by.
#[must_use]
pub fn with_id(one: &Outlook, now: Timestamp) -> String {
    format!("`{}` {}", one.run.id, waiting(one, now))
}

/// Why a run stands as it does, how long it takes, and what to do about it.
#[must_use]
pub fn why(one: &Outlook, now: Timestamp) -> String {
    let run = &one.run;
    let line = status::line(run, one.place.as_ref());
    let asks = run.waits_for_person().is_some();
    let advice = match &run.reason {
        _ if asks => sentence_of(run),
        Some(reason) => Some(entry_of(reason).advice.to_owned()),
        None => None,
    };
    let advice = advice.map(|advice| format!("\n{advice}")).unwrap_or_default();
    let since = match (run.finished_at, run.started_at) {
        (Some(at), _) => ago(at, now),
        (None, Some(at)) => format!("for {}", span(now - at)),
        (None, None) => format!("for {}", span(now - run.requested_at)),
    };
    format!("{line} ({since}{}){advice}", prospect(one, now))
}

/// The history has nothing to list.
#[must_use]
pub fn no_deployments(app: &str, git_ref: Option<&str>) -> String {
    match git_ref {
        Some(git_ref) => format!("no deployment of {} is known of {}", quoted(git_ref), quoted(app)),
        None => format!("nothing was deployed yet of {}", quoted(app)),
    }
}

/// A list, cut to what an answer may hold.
#[must_use]
pub fn list(lines: &[String], rest: Option<&str>) -> String {
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| format!("- {line}")).collect();
    let more = lines.len().saturating_sub(LINES);
    if more > 0 {
        let rest = rest.map(|rest| format!(": {rest}")).unwrap_or_default();
        shown.push(format!("- and {more} more{rest}"));
    }
    shown.join("\n")
}

/// A commit of a list.
#[must_use]
pub fn commit_line(commit: &CommitLine) -> String {
    let by = commit.author.as_deref().map(|author| format!(" by {}", person(author)));
    let title = fitted(&shown(&commit.title), TITLE);
    format!("{}{}: {title}", sha8(&commit.sha), by.unwrap_or_default())
}

/// Where two commits can be compared, if that is a link.
#[must_use]
pub fn compare_url(github: &str, repository: &str, base: &str, head: &str) -> Option<String> {
    let address = format!("{github}/{repository}/compare/{base}...{head}");
    web(&address).map(str::to_owned)
}

/// Where a commit can be looked at, if that is a link.
#[must_use]
pub fn commit_url(github: &str, repository: &str, sha: &str) -> Option<String> {
    let address = format!("{github}/{repository}/commit/{sha}");
    web(&address).map(str::to_owned)
}

/// What came of asking GitHub: which deployment, of what, to where, for whom.
#[must_use]
pub fn will_deploy(answer: &str, (app, environment): (&str, &str), task: &str, actor: &Actor) -> String {
    let (app, environment, by) = (quoted(app), quoted(environment), somebody(actor));
    match task {
        "deploy" => format!("{answer} to {environment} of {app}, asked for by {by}"),
        task => format!(
            "{answer}: {} on {environment} of {app}, asked for by {by}",
            quoted(task)
        ),
    }
}

/// Nothing is there that it would take the place of.
#[must_use]
pub fn first_there() -> String {
    "nothing was deployed there before".to_owned()
}

/// It brings nothing.
#[must_use]
pub fn same_again(environment: &str) -> String {
    format!("no change: {} runs exactly that", quoted(environment))
}

/// Where a new deployment stands in its lane, and how long it takes; nothing where there is nothing to say.
#[must_use]
pub fn prospects(line: Option<(u32, Option<TimeDelta>)>, estimate: Option<&Estimate>) -> Option<String> {
    let line = line.map(|(position, wait)| in_line(position, wait));
    let parts: Vec<String> = [line, estimate.map(usually)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What the environment runs while the new deployment is on its way.
#[must_use]
pub fn instead_of(run: &Run, now: Timestamp) -> String {
    format!("now it runs {}", running(run, now))
}

/// What GitHub merged before it made the deployment.
#[must_use]
pub fn merged(message: &str) -> String {
    plain(message)
}

/// The description of a deployment that somebody asked for; `branch` where the ref is a commit of it.
#[must_use]
pub fn asked_by(actor: &Actor, branch: Option<&str>) -> String {
    let of = branch.map(|branch| format!(" {}", shown(branch)));
    format!(
        "asked for by {}{}",
        somebody(actor),
        of.map(|of| format!(", head of{of}")).unwrap_or_default()
    )
}

/// The description of a deployment that repeats another.
#[must_use]
pub fn retry_of(actor: &Actor, deployment: DeploymentId) -> String {
    format!("retry of deployment {deployment}, asked for by {}", somebody(actor))
}

/// The description of a deployment that goes back.
#[must_use]
pub fn rollback_of(actor: &Actor, sha: &str) -> String {
    format!("rollback from {}, asked for by {}", sha8(sha), somebody(actor))
}

/// Where GitHub knows them, by their login there; a name of a chat is no mention on GitHub.
fn somebody(actor: &Actor) -> String {
    match &actor.login {
        Some(login) => format!("@{}", shown(login)),
        None => shown(&actor.name),
    }
}

/// GitHub had made it, and the answer was lost.
#[must_use]
pub fn made_before(deployment: DeploymentId) -> String {
    format!("deployment {deployment}")
}

/// Who holds what, and who waits for it.
#[must_use]
pub fn locks(held: &[(&Lock, &[Person])], now: Timestamp) -> String {
    if held.is_empty() {
        return "nothing is locked".to_owned();
    }
    let lines: Vec<String> = held
        .iter()
        .map(|(lock, waiting)| {
            let names: Vec<String> = waiting.iter().map(who).collect();
            let line = if names.is_empty() {
                String::new()
            } else {
                format!("; waiting for it: {}", enumeration(&names))
            };
            let Place { app, environment } = &lock.place;
            format!("`{app}` `{environment}` is {}{line}", held_now(lock, now))
        })
        .collect();
    list(&lines, None)
}

/// What going back would undo, and how to say that it is wanted.
#[must_use]
pub fn would_undo((app, environment): (&str, &str), back: &Run, now: Timestamp) -> String {
    format!(
        "before, {} of {} ran {}; say `rollback {app} {environment} to {}` to deploy that again, which undoes",
        quoted(environment),
        quoted(app),
        running(back, now),
        sha8(&back.sha)
    )
}

/// What a ref has that an environment lacks.
#[must_use]
pub fn difference(environment: &str, head: &str, ahead: u64, behind: u64) -> String {
    let (environment, head) = (quoted(environment), quoted(head));
    match (ahead, behind) {
        (0, 0) => format!("{environment} runs exactly {head}"),
        (0, behind) => format!("{head} is {} behind what {environment} runs", commits(behind)),
        (ahead, 0) => format!("{head} has {} that {environment} lacks", commits(ahead)),
        (ahead, behind) => format!(
            "{head} has {} that {environment} lacks, and lacks {} that it has",
            commits(ahead),
            commits(behind)
        ),
    }
}

/// How many commits are new and gone beside what ran before.
#[must_use]
pub fn new_and_gone(new: u64, gone: u64) -> String {
    match (new, gone) {
        (0, 0) => "nothing is new".to_owned(),
        (new, 0) => format!("{} new", commits(new)),
        (0, gone) => format!("{} gone, and nothing new", commits(gone)),
        (new, gone) => format!("{} new and {} gone", commits(new), commits(gone)),
    }
}

/// GitHub knows no connection between two commits.
#[must_use]
pub fn nothing_in_common(environment: &str, head: &str) -> String {
    format!(
        "{} has nothing in common with what {} runs",
        quoted(head),
        quoted(environment)
    )
}

/// GitHub did not say what differs.
#[must_use]
pub fn not_compared(environment: &str) -> String {
    format!("GitHub does not say what is new to {}", quoted(environment))
}

fn commits(count: u64) -> String {
    match count {
        1 => "1 commit".to_owned(),
        count => format!("{count} commits"),
    }
}

/// How the contexts of a commit stand: what is red, what is open, and how many are green.
#[must_use]
pub fn builds((git_ref, sha): (&str, &str), failed: &[(&str, &str)], pending: &[(&str, &str)], green: usize) -> String {
    let what = format!("{} at {}", quoted(git_ref), sha8(sha));
    let named = |contexts: &[(&str, &str)]| {
        let all: Vec<String> = contexts
            .iter()
            .map(|(name, state)| format!("{} ({})", quoted(name), shown(state)))
            .collect();
        list(&all, None)
    };
    match (failed, pending, green) {
        ([], [], 0) => format!("nothing has reported about {what} yet"),
        ([], [], green) => format!("{what} is green: {green} of {green} contexts"),
        ([], pending, green) => format!(
            "{what} is not finished: {green} of {} contexts are green\n{}",
            green + pending.len(),
            named(pending)
        ),
        (failed, pending, _) => format!(
            "{what} is red{}\n{}",
            if pending.is_empty() { "" } else { ", and not finished" },
            named(&[failed, pending].concat())
        ),
    }
}

/// How an environment stands to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Containing {
    /// It runs that commit, or one that came after it.
    Itself,
    /// It runs a copy of it.
    CherryPick,
    /// It runs an earlier one, or one of another branch.
    NotYet,
    /// GitHub knows no connection between the two.
    Unrelated,
    /// It runs nothing.
    Nothing,
}

impl Containing {
    const ALL: [Self; 5] = [
        Self::Itself,
        Self::CherryPick,
        Self::NotYet,
        Self::Unrelated,
        Self::Nothing,
    ];

    /// The API's word for it. Add, never rename.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "contains",
            Self::CherryPick => "cherry_pick",
            Self::NotYet => "not_yet",
            Self::Unrelated => "unrelated",
            Self::Nothing => "nothing",
        }
    }

    /// Reads that word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One line about an environment and a commit.
#[must_use]
pub fn containing((app, environment): (&str, &str), found: Containing) -> String {
    let what = match found {
        Containing::Itself => "contains it",
        Containing::CherryPick => "contains a cherry-pick of it",
        Containing::NotYet => "does not contain it yet",
        Containing::Unrelated => "runs something that has nothing to do with it",
        Containing::Nothing => "runs nothing yet",
    };
    format!("{} {} {what}", quoted(app), quoted(environment))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;
    use crate::domain::run::RunState;
    use crate::report::tests::run;

    fn now() -> Timestamp {
        Utc.with_ymd_and_hms(2026, 1, 31, 15, 0, 0).unwrap()
    }

    #[test]
    fn long_lists_say_how_much_they_leave_out() {
        let lines: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let text = list(&lines, Some("https://x.example"));
        assert_eq!(text.lines().count(), LINES + 1);
        assert!(text.ends_with("- 9\n- and 2 more: https://x.example"), "{text}");
        assert_eq!(list(&lines[..2], None), "- 0\n- 1");
    }

    #[test]
    fn a_title_is_one_line_that_cannot_mislead() {
        let line = commit_line(&CommitLine {
            sha: "0123456789abcdef".to_owned(),
            author: Some("mona".to_owned()),
            title: format!("fix\u{202e} `it` {}", "x".repeat(200)),
        });
        assert!(line.starts_with("01234567 by @mona: fix"), "{line}");
        assert!(!line.contains('\u{202e}'), "{line}");
        assert!(line.chars().count() < 110, "{line}");
    }

    #[test]
    fn what_runs_says_who_and_when() {
        let mut run = run(RunState::Succeeded, None);
        run.finished_at = Some(now() - TimeDelta::minutes(125));
        run.requester = Some("mona".to_owned());
        assert!(
            running(&run, now()).ends_with("deployed 2 h 5 min ago by @mona"),
            "{}",
            running(&run, now())
        );
    }
}
