//! A reason as one sentence: why, and what to do next. Lower case and without a full stop, so that it fits into others.

use crate::domain::command::{Cancellation, PersonsVerdict};
use crate::domain::reason::{ContextFinding, HostFinding, Reason};
use crate::domain::run::{Run, RunState};
use crate::report::catalogue::entry_of;
use crate::report::duration::span_of_seconds;
use crate::report::lock;
use crate::report::words::{brief, enumeration, names, one_line, person, plain, printable, quoted, said};

/// More of what is to be done stands in the log.
const INSTRUCTIONS_LIMIT: usize = 400;

/// The whole sentence: for chat, pages and the API.
#[must_use]
pub fn sentence(reason: &Reason) -> String {
    format!("{}; {}", why(reason), entry_of(reason).advice)
}

/// The whole sentence about a run, with what people said about it; nothing where there is nothing to explain.
#[must_use]
pub fn sentence_of(run: &Run) -> Option<String> {
    if let Some(instructions) = run.waits_for_person() {
        let instructions = one_line(instructions, INSTRUCTIONS_LIMIT);
        let instructions = instructions.trim_end_matches('.');
        return Some(format!("waiting for a person: {instructions}; {}", how_to_answer(run)));
    }
    if run.state == RunState::Running {
        return match (run.persons_verdict(), &run.cancel) {
            (Some(verdict), _) => Some(format!("{}; it is being written down", word_of(verdict))),
            (None, Some(cancellation)) => Some(format!("{}; it is being stopped", wanted_by(cancellation))),
            (None, None) => run.reason.as_ref().map(sentence),
        };
    }
    let why = why_of(run)?;
    Some(match &run.reason {
        Some(reason) => format!("{why}; {}", entry_of(reason).advice),
        None => why,
    })
}

/// Only why, with what people said about it.
#[must_use]
pub fn why_of(run: &Run) -> Option<String> {
    if run.waits_for_person().is_some() {
        return Some("waiting for a person".to_owned());
    }
    match (&run.reason, &run.cancel) {
        (Some(Reason::Cancelled { by, remote }), Some(cancellation)) => {
            let words = words_of(cancellation.reason.as_deref());
            Some(format!("cancelled by {}{words}{}", person(by), elsewhere(*remote)))
        }
        (Some(Reason::TimedOut { limit_seconds, .. }), _) if run.instructions.is_some() => {
            Some(format!("timed out after {limit_seconds} s: nobody said how it went"))
        }
        (Some(reason), _) => Some(why(reason)),
        (None, _) if run.command.is_some() => run.command.as_ref().map(lock::done),
        (None, _) if run.state == RunState::Succeeded => run
            .persons_verdict()
            .map(|verdict| format!("done, says {}{}", person(&verdict.by), words_of(Some(&verdict.note)))),
        (None, _) => None,
    }
}

/// What to type once a person knows how it went.
pub(crate) fn how_to_answer(run: &Run) -> String {
    format!("then `chima finish {}`, or with `--failed`", run.id)
}

/// What a person said of how it went.
#[must_use]
pub fn word_of(verdict: &PersonsVerdict) -> String {
    let how = if verdict.done { "is done" } else { "could not be done" };
    format!(
        "{} says that it {how}{}",
        person(&verdict.by),
        words_of(Some(&verdict.note))
    )
}

/// The same word for a runner's log, which shows it as it stands.
#[must_use]
pub fn word_for_log(verdict: &PersonsVerdict) -> PersonsVerdict {
    PersonsVerdict {
        by: person(&verdict.by),
        done: verdict.done,
        note: printable(&verdict.note),
    }
}

/// Who wants a run to stop, and why.
#[must_use]
pub fn wanted_by(cancellation: &Cancellation) -> String {
    let words = words_of(cancellation.reason.as_deref());
    format!("{} asked to cancel{words}", person(&cancellation.by))
}

/// The same for a runner's log, where the verb stands already.
#[must_use]
pub fn asked_by(cancellation: &Cancellation) -> String {
    format!(
        "{}{}",
        person(&cancellation.by),
        words_of(cancellation.reason.as_deref())
    )
}

/// `: "wrong branch"`, or nothing.
fn words_of(words: Option<&str>) -> String {
    let words = words.filter(|words| !words.is_empty());
    words.map(|words| format!(": {}", said(words, 200))).unwrap_or_default()
}

/// Only why: for a status, which has room for no more.
#[must_use]
pub fn why(reason: &Reason) -> String {
    match reason {
        Reason::ForeignWorkflow => "a job of GitHub Actions made this deployment for itself".to_owned(),
        Reason::ForeignApp { app } => {
            format!(
                "the App {} made this deployment, and Chima was not told about it",
                quoted(app)
            )
        }
        Reason::RepositoryNotConfigured { repository } => {
            format!("repository {} is not configured", quoted(repository))
        }
        Reason::EnvironmentUnknown { found, configured } => {
            let environment = quoted(found);
            format!(
                "environment {environment} is not configured; {}",
                choice("configured", configured)
            )
        }
        Reason::EnvironmentMalformed { found, expected } => malformed(found, "an environment name", expected),
        Reason::TaskMalformed { found, expected } => malformed(found, "a task name", expected),
        Reason::TaskNotAllowed { found, allowed } => {
            format!("task {} is not allowed; {}", quoted(found), choice("allowed", allowed))
        }
        Reason::RefMalformed { found, expected } => malformed(found, "a ref name", expected),
        Reason::ShaMalformed { found, expected } => malformed(found, "a full commit SHA", expected),
        Reason::HostsMalformed { found, expected } => malformed(found, "a host name", expected),
        Reason::HostsNotAllowed { found, allowed } => {
            let (noun, verb) = if found.len() == 1 {
                ("host", "is")
            } else {
                ("hosts", "are")
            };
            format!(
                "{noun} {} {verb} not declared; {}",
                names(found),
                choice("declared", allowed)
            )
        }
        Reason::RoomNotAllowed { found, allowed } => {
            format!(
                "room {} may not deploy this; {}",
                quoted(found),
                choice("allowed", allowed)
            )
        }
        Reason::DeployerNotAllowed { found, entry, allowed } => format!(
            "{} is none of those who may deploy this: {}",
            known_by(found, entry),
            names(allowed)
        ),
        Reason::ForceNotAllowed { found, entry, admins } => {
            let found = known_by(found, entry);
            if admins.is_empty() {
                format!("{found} may not force it, and nobody may: no `admins` are named")
            } else {
                format!("{found} may not force it; {}", choice("admins", admins))
            }
        }
        Reason::RequiredContextFailed { contexts } => {
            let noun = if contexts.len() == 1 { "context" } else { "contexts" };
            format!("required {noun} failed: {}", states(contexts))
        }
        Reason::RequiredContextPending { contexts } => format!("waiting for {}", states(contexts)),
        Reason::FactsUnavailable { detail } => {
            format!(
                "GitHub could not tell what the decision needs to know: {}",
                plain(detail)
            )
        }
        Reason::Superseded { by } => format!("superseded by deployment {by}"),
        Reason::AlreadyReported { state } => format!("GitHub shows it as {} already", quoted(state)),
        Reason::OutcomeUnknown { state } => format!(
            "GitHub shows it as {}, and the ledger knows nothing of it: it may have run",
            quoted(state)
        ),
        Reason::AskedTooLongAgo { age_seconds } => format!(
            "it was missed, and asked for {} before it was found",
            span_of_seconds(*age_seconds)
        ),
        Reason::Locked { lock } => format!("{} is {}", quoted(lock.place.environment.as_str()), lock::held(lock)),
        Reason::AlreadyLocked { lock, own } => {
            let environment = quoted(lock.place.environment.as_str());
            let own = if *own { "you have locked it already: " } else { "" };
            format!("{own}{environment} is {}", lock::held(lock))
        }
        Reason::NotLocked { place } => format!("{} is not locked", quoted(place.environment.as_str())),
        Reason::LaneBusy { position, behind } => format!("position {position}, behind run `{behind}`"),
        Reason::ExitCode {
            step,
            exit_code,
            cause: None,
        } => format!("step {} exited with code {exit_code}", quoted(step)),
        Reason::ExitCode {
            step,
            exit_code,
            cause: Some(cause),
        } => format!("{} (step {}, code {exit_code})", plain(cause), quoted(step)),
        Reason::HostsFailed { hosts, of, .. } => hosts_failed(hosts, *of),
        Reason::NoHosts { step, play: None } => format!("step {} did nothing on any host", quoted(step)),
        Reason::NoHosts { step, play: Some(play) } => {
            format!("play {} of step {} matched no host", quoted(play), quoted(step))
        }
        Reason::HostsUnmatched { step, pattern } => {
            format!(
                "step {} knows no host {}, and deployed to the others only",
                quoted(step),
                quoted(pattern)
            )
        }
        Reason::ResultsMissing { step } => {
            format!(
                "step {} exited with code 0, but did not say how it went on its hosts",
                quoted(step)
            )
        }
        Reason::FileMissing { input, path } => {
            format!("{} names {}, which does not exist", quoted(input), quoted(path))
        }
        Reason::NotDone { by, note } => format!("not done, says {}{}", person(by), words_of(Some(note))),
        Reason::Signalled { step, signal } => format!("step {} was ended by signal {signal}", quoted(step)),
        // In seconds, because that is how `timeout_seconds` is written.
        Reason::TimedOut {
            step,
            limit_seconds,
            remote,
        } => format!(
            "timed out after {limit_seconds} s in step {}{}",
            quoted(step),
            elsewhere(*remote)
        ),
        Reason::Inactive {
            step,
            limit_seconds,
            remote,
        } => format!(
            "no output for {limit_seconds} s in step {}{}",
            quoted(step),
            elsewhere(*remote)
        ),
        Reason::CommandNotStarted { program, detail } => {
            format!("{} could not be started: {}", quoted(program), plain(detail))
        }
        Reason::CheckoutFailed { detail } => format!("the commit could not be checked out: {}", plain(detail)),
        Reason::NoRoom { free_mib, needed_mib } => {
            format!("the disk has no room for a checkout: {free_mib} MiB are free, {needed_mib} MiB are needed")
        }
        Reason::ShaMismatch { found } => {
            format!(
                "the checkout is at {} instead of the deployment's commit",
                quoted(found)
            )
        }
        Reason::Interrupted { detail } => format!("interrupted: {}", plain(detail)),
        Reason::Restored { state } => {
            let shown = match state {
                Some(state) => format!("GitHub shows it as {}", quoted(state)),
                None => "GitHub shows nothing of it".to_owned(),
            };
            format!("restored from a backup in which it had not ended, and {shown}: it may have run since")
        }
        Reason::Cancelled { by, remote } => format!("cancelled by {}{}", person(by), elsewhere(*remote)),
        Reason::HoldExpired {
            limit_seconds,
            waited_for,
        } => {
            format!(
                "still held after {}, waiting for {}",
                span_of_seconds(*limit_seconds),
                plain(waited_for)
            )
        }
        Reason::ConfigurationChanged { detail } => {
            format!("the configuration changed while it waited: {}", plain(detail))
        }
        Reason::ConfigurationUnusable { detail } => format!("the configuration cannot be used: {}", plain(detail)),
        Reason::AttemptsExhausted { attempts } => format!("it took its worker down {attempts} times"),
    }
}

/// What a hold waits for, without a verb: the text that [`Reason::HoldExpired`] keeps.
#[must_use]
pub fn waited_for(reason: &Reason) -> String {
    if let Reason::RequiredContextPending { contexts } = reason {
        states(contexts)
    } else {
        why(reason)
    }
}

/// A command that works on other hosts is only known to have stopped here.
pub(crate) fn elsewhere(remote: bool) -> &'static str {
    if remote {
        "; stopped locally, the remote command may still be running"
    } else {
        ""
    }
}

/// Which hosts, how, and the first thing that any of them said.
fn hosts_failed(hosts: &[HostFinding], of: u32) -> String {
    let named = |unreachable: bool| {
        let of_kind: Vec<&str> = hosts
            .iter()
            .filter(|host| host.unreachable == unreachable)
            .map(|host| host.host.as_str())
            .collect();
        let word = if unreachable { "unreachable" } else { "failed" };
        (!of_kind.is_empty()).then(|| format!("{} {word}", names(&of_kind)))
    };
    let bad: Vec<String> = [named(false), named(true)].into_iter().flatten().collect();
    let good = of.saturating_sub(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
    let rest = if of > 1 {
        format!(" ({good} of {of} ok)")
    } else {
        String::new()
    };
    let message = hosts.iter().find_map(|host| host.message.as_deref());
    let message = message.map(|text| format!(": {}", plain(text))).unwrap_or_default();
    format!("{}{rest}{message}", bad.join(", "))
}

fn malformed(found: &str, what: &str, expected: &str) -> String {
    format!("{} is not {what}; expected {}", quoted(found), plain(expected))
}

/// A person, with what would name them in the configuration where that is something else.
fn known_by(found: &str, entry: &str) -> String {
    if entry == found {
        person(found)
    } else {
        format!("{} ({})", person(found), quoted(entry))
    }
}

fn choice(word: &str, items: &[String]) -> String {
    if items.is_empty() {
        format!("{word}: none")
    } else {
        format!("{word}: {}", names(items))
    }
}

pub(crate) fn states(contexts: &[ContextFinding]) -> String {
    let parts: Vec<String> = contexts
        .iter()
        .map(|context| format!("{} ({})", quoted(&context.name), brief(&context.state)))
        .collect();
    enumeration(&parts)
}
