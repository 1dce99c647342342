//! What there is to look at, for a terminal: the same words whether it was read here or asked of a server.

use std::fmt::Write as _;

use crate::domain::clock::Timestamp;
use crate::flow::view::board::{Board, EnvironmentView};
use crate::flow::view::delivery::DeliveryView;
use crate::flow::view::lock::LockView;
use crate::flow::view::needs::{Need, Needs};
use crate::flow::view::queue::Queue;
use crate::flow::view::run::{CheckView, EstimateView, RunDetail, RunView};
use crate::report::duration::span;
use crate::report::log_text::plain;

/// What runs where.
#[must_use]
pub fn board(board: &Board, now: Timestamp) -> String {
    let mut text = String::new();
    for app in &board.apps {
        line(&mut text, &format!("{} ({})", app.app, app.repository));
        let width = app
            .environments
            .iter()
            .map(|one| one.environment.len())
            .max()
            .unwrap_or(0);
        for one in &app.environments {
            line(
                &mut text,
                &format!("  {:<width$}  {}", one.environment, environment(one, now)),
            );
        }
    }
    if text.is_empty() {
        line(
            &mut text,
            "there is nothing to see: no app is configured, or none is open to you",
        );
    }
    text
}

fn environment(one: &EnvironmentView, now: Timestamp) -> String {
    let mut parts = vec![match &one.current {
        Some(run) => {
            let at = run.finished_at.map(|at| format!(", deployed {} ago", span(now - at)));
            let by = run.requester.as_ref().map(|by| format!(" by {by}"));
            let title = run.title.as_ref().map(|title| format!(" \"{title}\""));
            let (at, by, title) = (
                at.unwrap_or_default(),
                by.unwrap_or_default(),
                title.unwrap_or_default(),
            );
            format!("{}{title}{at}{by}", commit(run))
        }
        None => "nothing deployed yet".to_owned(),
    }];
    if let Some(run) = &one.running {
        let since = run.started_at.map(|at| format!(" for {}", span(now - at)));
        parts.push(format!("deploying {}{}", commit(run), since.unwrap_or_default()));
    } else if let Some(last) = one.last.as_ref().filter(|last| last.state != "succeeded") {
        parts.push(format!("last tried: {}", last.summary));
    }
    if one.queued > 0 {
        parts.push(format!("{} queued", one.queued));
    }
    if one.held > 0 {
        parts.push(format!("{} held", one.held));
    }
    if let Some(lock) = &one.lock {
        parts.push(format!("locked by {}", lock.owner));
    }
    parts.join("; ")
}

fn commit(run: &RunView) -> String {
    let short = run.sha.get(..8).unwrap_or(&run.sha);
    format!("{short} ({})", run.git_ref)
}

/// What runs and waits.
#[must_use]
pub fn queue(queue: &Queue, now: Timestamp) -> String {
    let mut text = String::new();
    for one in &queue.on_its_way {
        line(&mut text, &format!("{} {}", one.app, one.text));
    }
    for one in &queue.page.items {
        let run = &one.run;
        let app = run.app.as_deref().unwrap_or(&run.repository);
        let since = span(now - run.started_at.unwrap_or(run.requested_at));
        let mut said = format!(
            "{}  {:<7}  {app}/{} to {}  for {since}",
            run.id, run.state, run.git_ref, run.environment
        );
        if let Some(why) = &one.waits_for {
            let _ = write!(said, "; {}", why.text);
        }
        if let Some(at) = one.begins_at.filter(|at| *at > now) {
            let _ = write!(said, "; begins in about {}", span(at - now));
        }
        line(&mut text, &said);
    }
    if text.is_empty() {
        line(&mut text, "nothing runs or waits");
    }
    if queue.page.next.is_some() {
        line(&mut text, "and more");
    }
    text
}

/// Why a run stands as it does.
#[must_use]
pub fn why(one: &RunDetail, now: Timestamp) -> String {
    let run = &one.run;
    let mut text = String::new();
    line(&mut text, &format!("{}  {}", run.id, run.summary));
    if let Some(explained) = &one.explained {
        line(&mut text, explained);
    }
    if let Some(position) = one.position {
        let begins = one.begins_at.filter(|at| *at > now);
        let begins = begins.map(|at| format!(", begins in about {}", span(at - now)));
        line(
            &mut text,
            &format!("position {position} in its lane{}", begins.unwrap_or_default()),
        );
    }
    if let Some(estimate) = &one.estimate {
        usually(&mut text, estimate);
    }
    if let Some(decision) = one.decisions.last() {
        checks(&mut text, &decision.checks);
    }
    line(&mut text, &run.url);
    text
}

/// How long its like take.
pub(super) fn usually(text: &mut String, estimate: &EstimateView) {
    let said = format!(
        "usually takes {} s, nine of ten no more than {} s (of {})",
        estimate.usual_seconds, estimate.long_seconds, estimate.of
    );
    line(text, &said);
}

/// Every gate that is not open.
pub(super) fn checks(text: &mut String, checks: &[CheckView]) {
    let counts = |check: &&CheckView| !matches!(check.verdict.as_str(), "passed" | "skipped");
    for check in checks.iter().filter(counts) {
        let said = format!(
            "  {} {}: found {}; wanted {}",
            check.name, check.verdict, check.found, check.wanted
        );
        line(text, &said);
    }
}

/// Deliveries, the newest first, with what became of each.
#[must_use]
pub fn deliveries(all: &[DeliveryView], now: Timestamp) -> String {
    let mut text = String::new();
    if all.is_empty() {
        line(&mut text, "no such deliveries");
        return text;
    }
    line(
        &mut text,
        &format!(
            "{:<26}  {:<11}  {:<9}  {:<20}  {:<26}  WHY",
            "DELIVERY", "BECAME", "AGE", "EVENT", "RUN"
        ),
    );
    for one in all {
        let age = span(now - one.received_at);
        let run = one.run.as_deref().unwrap_or("-");
        let why = one.detail.as_deref().or(one.verdict.as_deref()).unwrap_or_default();
        let about = one.repository.as_deref();
        let why = about.map_or_else(|| why.to_owned(), |about| format!("{about}: {why}"));
        let said = format!(
            "{:<26}  {:<11}  {age:<9}  {:<20}  {run:<26}  {why}",
            one.id, one.disposition, one.event
        );
        line(&mut text, &said);
    }
    text
}

/// Runs, the newest first.
#[must_use]
pub fn runs(runs: &[RunView], now: Timestamp) -> String {
    let mut text = String::new();
    if runs.is_empty() {
        line(&mut text, "no such runs");
        return text;
    }
    line(
        &mut text,
        &format!("{:<26}  {:<11}  {:<9}  {:<34}  WHY", "RUN", "STATE", "AGE", "WHAT"),
    );
    for run in runs {
        let app = run.app.as_deref().unwrap_or(&run.repository);
        let what = format!("{app}/{} to {}", run.git_ref, run.environment);
        let why = run.why.as_ref().map_or("", |why| why.text.as_str());
        let age = span(now - run.created_at);
        line(
            &mut text,
            &format!("{:<26}  {:<11}  {age:<9}  {what:<34}  {why}", run.id, run.state),
        );
    }
    text
}

/// Who holds what.
#[must_use]
pub fn locks(locks: &[LockView]) -> String {
    let mut text = String::new();
    for lock in locks {
        line(
            &mut text,
            &format!("{} of {} is {}", lock.environment, lock.app, lock.text),
        );
        for (place, name) in lock.waiting.iter().enumerate() {
            line(&mut text, &format!("  {name} waits for it, at position {}", place + 1));
        }
    }
    if text.is_empty() {
        line(&mut text, "nothing is locked");
    }
    text
}

/// What needs a person, the most pressing first.
#[must_use]
pub fn needs(needs: &Needs, now: Timestamp) -> String {
    let mut text = String::new();
    if needs.items.is_empty() {
        line(&mut text, "nothing needs a person");
        return text;
    }
    line(
        &mut text,
        &format!("{:<11}  {:<12}  {:<26}  {:<24}  WHY", "WHAT", "SINCE", "RUN", "WHERE"),
    );
    for one in &needs.items {
        let since = one.since.map_or_else(|| "-".to_owned(), |since| span(now - since));
        let run = one.run.as_deref().unwrap_or("-");
        let place = place(one);
        line(
            &mut text,
            &format!("{:<11}  {since:<12}  {run:<26}  {place:<24}  {}", one.kind, one.text),
        );
    }
    text
}

fn place(one: &Need) -> String {
    match (&one.app, &one.environment) {
        (Some(app), Some(environment)) => format!("{app} {environment}"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => "-".to_owned(),
    }
}

/// One line of it. What others chose is shown without what would move the cursor.
pub(super) fn line(text: &mut String, said: &str) {
    text.push_str(plain(said.as_bytes()).trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::view::board::AppView;

    #[test]
    fn what_others_chose_cannot_move_the_cursor() {
        let board = Board {
            apps: vec![AppView {
                head: None,
                head_trouble: None,
                app: "si\u{1b}[2Jte".to_owned(),
                repository: "octo/site".to_owned(),
                environments: Vec::new(),
            }],
        };
        assert_eq!(super::board(&board, chrono::DateTime::UNIX_EPOCH), "site (octo/site)\n");
    }

    #[test]
    fn a_delivery_says_what_it_is_about_and_why() {
        let epoch = chrono::DateTime::UNIX_EPOCH;
        let ours = DeliveryView {
            id: "01JD0000000000000000000000".to_owned(),
            source: "webhook".to_owned(),
            guid: None,
            event: "deployment_status".to_owned(),
            repository: Some("octo/site".to_owned()),
            received_at: epoch,
            disposition: "ignored".to_owned(),
            detail: Some("our own status, coming back".to_owned()),
            verdict: None,
            run: None,
        };
        let nobodys = DeliveryView {
            event: "ping".to_owned(),
            repository: None,
            disposition: "ping".to_owned(),
            detail: None,
            ..ours.clone()
        };
        let told = deliveries(&[ours, nobodys], epoch + chrono::TimeDelta::hours(2));
        let lines: Vec<&str> = told.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        DELIVERY                    BECAME       AGE        EVENT                 RUN                         WHY
        01JD0000000000000000000000  ignored      2 h        deployment_status     -                           octo/site: our own status, coming back
        01JD0000000000000000000000  ping         2 h        ping                  -
        ");
    }

    #[test]
    fn what_needs_a_person_is_a_row_each() {
        let epoch = chrono::DateTime::UNIX_EPOCH;
        let none = Needs { items: Vec::new() };
        assert_eq!(needs(&none, epoch), "nothing needs a person\n");
        let items = vec![
            Need {
                kind: "failed".to_owned(),
                app: Some("site".to_owned()),
                environment: Some("production".to_owned()),
                text: "step `deploy` exited with code 7".to_owned(),
                run: Some("01JD0000000000000000000000".to_owned()),
                since: Some(epoch),
            },
            Need {
                kind: "undelivered".to_owned(),
                app: None,
                environment: None,
                text: "1 status or message could not be delivered".to_owned(),
                run: None,
                since: None,
            },
        ];
        let told = needs(&Needs { items }, epoch + chrono::TimeDelta::hours(2));
        insta::assert_snapshot!(told, @r"
        WHAT         SINCE         RUN                         WHERE                     WHY
        failed       2 h           01JD0000000000000000000000  site production           step `deploy` exited with code 7
        undelivered  -             -                           -                         1 status or message could not be delivered
        ");
    }
}
