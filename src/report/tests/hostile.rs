//! Any text in any field: GitHub takes the status, Slack shows the message, nobody is called by it.

use proptest::prelude::*;

use super::{links, run};
use crate::domain::command::Cancellation;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::lock::Lock;
use crate::domain::person::{Person, Source};
use crate::domain::reason::{ContextFinding, HostFinding, Reason};
use crate::domain::run::{Run, RunState};
use crate::report::catalogue::examples;
use crate::report::sentence::{asked_by, sentence, sentence_of, wanted_by};
use crate::report::slack::message;
use crate::report::status::{DESCRIPTION_LIMIT, Place, deployment_status};

/// An environment's name has a form; what its owner says has none.
fn hostile_lock(lock: Lock, text: &str) -> Lock {
    Lock {
        owner: Person {
            name: text.to_owned(),
            source: Source::Chat,
        },
        reason: Some(text.to_owned()),
        ..lock
    }
}

/// The same reason with `text` in every place a text can stand, `count` times where there is a list.
fn filled(reason: Reason, text: &str, count: usize) -> Reason {
    let one = || text.to_owned();
    let many = || vec![text.to_owned(); count];
    let contexts = || {
        vec![
            ContextFinding {
                name: one(),
                state: one()
            };
            count
        ]
    };
    match reason {
        Reason::ForeignWorkflow => Reason::ForeignWorkflow,
        Reason::ForeignApp { .. } => Reason::ForeignApp { app: one() },
        Reason::RepositoryNotConfigured { .. } => Reason::RepositoryNotConfigured { repository: one() },
        Reason::EnvironmentUnknown { .. } => Reason::EnvironmentUnknown {
            found: one(),
            configured: many(),
        },
        Reason::EnvironmentMalformed { .. } => Reason::EnvironmentMalformed {
            found: one(),
            expected: one(),
        },
        Reason::TaskMalformed { .. } => Reason::TaskMalformed {
            found: one(),
            expected: one(),
        },
        Reason::TaskNotAllowed { .. } => Reason::TaskNotAllowed {
            found: one(),
            allowed: many(),
        },
        Reason::RefMalformed { .. } => Reason::RefMalformed {
            found: one(),
            expected: one(),
        },
        Reason::ShaMalformed { .. } => Reason::ShaMalformed {
            found: one(),
            expected: one(),
        },
        Reason::HostsMalformed { .. } => Reason::HostsMalformed {
            found: one(),
            expected: one(),
        },
        Reason::HostsNotAllowed { .. } => Reason::HostsNotAllowed {
            found: many(),
            allowed: many(),
        },
        Reason::RoomNotAllowed { .. } => Reason::RoomNotAllowed {
            found: one(),
            allowed: many(),
        },
        Reason::DeployerNotAllowed { .. } => Reason::DeployerNotAllowed {
            found: one(),
            entry: one(),
            allowed: many(),
        },
        Reason::ForceNotAllowed { .. } => Reason::ForceNotAllowed {
            found: one(),
            entry: one(),
            admins: many(),
        },
        Reason::RequiredContextFailed { .. } => Reason::RequiredContextFailed { contexts: contexts() },
        Reason::RequiredContextPending { .. } => Reason::RequiredContextPending { contexts: contexts() },
        Reason::FactsUnavailable { .. } => Reason::FactsUnavailable { detail: one() },
        Reason::Superseded { .. } => Reason::Superseded {
            by: DeploymentId(u64::MAX),
        },
        Reason::AlreadyReported { .. } => Reason::AlreadyReported { state: one() },
        Reason::OutcomeUnknown { .. } => Reason::OutcomeUnknown { state: one() },
        Reason::AskedTooLongAgo { .. } => Reason::AskedTooLongAgo { age_seconds: u64::MAX },
        Reason::LaneBusy { behind, .. } => Reason::LaneBusy {
            position: u32::MAX,
            behind,
        },
        Reason::ExitCode { .. } => Reason::ExitCode {
            step: one(),
            exit_code: i32::MIN,
            cause: Some(one()),
        },
        Reason::HostsFailed { .. } => Reason::HostsFailed {
            hosts: (0..50)
                .map(|number| HostFinding {
                    host: one(),
                    unreachable: number % 2 == 0,
                    message: Some(one()),
                })
                .collect(),
            of: u32::MAX,
            exit_code: i32::MIN,
        },
        Reason::Locked { lock } => Reason::Locked {
            lock: Box::new(hostile_lock(*lock, text)),
        },
        Reason::AlreadyLocked { lock, own } => Reason::AlreadyLocked {
            lock: Box::new(hostile_lock(*lock, text)),
            own,
        },
        Reason::NotLocked { place } => Reason::NotLocked { place },
        Reason::NoHosts { .. } => Reason::NoHosts {
            step: one(),
            play: Some(one()),
        },
        Reason::HostsUnmatched { .. } => Reason::HostsUnmatched {
            step: one(),
            pattern: one(),
        },
        Reason::ResultsMissing { .. } => Reason::ResultsMissing { step: one() },
        Reason::FileMissing { .. } => Reason::FileMissing {
            input: one(),
            path: one(),
        },
        Reason::NotDone { .. } => Reason::NotDone { by: one(), note: one() },
        Reason::Signalled { .. } => Reason::Signalled {
            step: one(),
            signal: i32::MIN,
        },
        Reason::TimedOut { .. } => Reason::TimedOut {
            step: one(),
            limit_seconds: u64::MAX,
            remote: true,
        },
        Reason::Inactive { .. } => Reason::Inactive {
            step: one(),
            limit_seconds: u64::MAX,
            remote: true,
        },
        Reason::CommandNotStarted { .. } => Reason::CommandNotStarted {
            program: one(),
            detail: one(),
        },
        Reason::CheckoutFailed { .. } => Reason::CheckoutFailed { detail: one() },
        Reason::NoRoom { .. } => Reason::NoRoom {
            free_mib: u64::MAX,
            needed_mib: u64::MAX,
        },
        Reason::ShaMismatch { .. } => Reason::ShaMismatch { found: one() },
        Reason::Interrupted { .. } => Reason::Interrupted { detail: one() },
        Reason::Cancelled { .. } => Reason::Cancelled {
            by: one(),
            remote: true,
        },
        Reason::HoldExpired { .. } => Reason::HoldExpired {
            limit_seconds: u64::MAX,
            waited_for: one(),
        },
        Reason::ConfigurationChanged { .. } => Reason::ConfigurationChanged { detail: one() },
        Reason::ConfigurationUnusable { .. } => Reason::ConfigurationUnusable { detail: one() },
        Reason::Restored { state } => Reason::Restored {
            state: state.as_ref().map(|_| text.to_owned()),
        },
        Reason::AttemptsExhausted { .. } => Reason::AttemptsExhausted { attempts: u32::MAX },
    }
}

fn with_text(state: RunState, reason: Option<Reason>, text: &str, ordered: bool) -> Run {
    let plain = run(state, reason);
    Run {
        order: plain.order.clone().filter(|_| ordered),
        environment: text.to_owned(),
        git_ref: text.to_owned(),
        sha: text.to_owned(),
        task: text.to_owned(),
        creator: Some(text.to_owned()),
        cancel: Some(Cancellation::new(text, Some(text))),
        ..plain
    }
}

fn is_calm(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'))
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,300}",
        "[<>&|!@#`\\\\\u{202e}\u{200b}\r\n\u{1b}\u{7}a-z]{0,80}",
        "[ä漢🚀e\u{301}]{0,200}",
        Just("<!channel>".repeat(30)),
        Just("&".repeat(500)),
        Just("\u{0}".repeat(500)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_status_is_one_that_github_takes(
        text in hostile_text(), index in 0..45_usize, count in 0..40_usize, ordered: bool, position: u32,
    ) {
        let reason = examples().swap_remove(index);
        for state in RunState::ALL {
            for reason in [None, Some(filled(reason.clone(), &text, count))] {
                let run = with_text(state, reason, &text, ordered);
                let place = Place { position, behind: Some(text.clone()) };
                let body = deployment_status(&run, Some(&place), &links());
                let length = body.description.chars().count();
                prop_assert!((5..=DESCRIPTION_LIMIT).contains(&length), "{} characters", length);
                prop_assert!(is_calm(&body.description), "{:?}", body.description);
            }
        }
    }

    #[test]
    fn every_message_is_one_that_slack_shows(
        text in hostile_text(), index in 0..45_usize, count in 0..40_usize, ordered: bool,
    ) {
        let reason = filled(examples().swap_remove(index), &text, count);
        for state in RunState::ALL.into_iter().filter(|state| *state != RunState::Succeeded) {
            let message = message(&with_text(state, Some(reason.clone()), &text, ordered), Some(&text), &links());
            prop_assert_eq!(super::slack::brackets(&message), 1);
            let section = message.blocks[0]["text"]["text"].as_str().unwrap();
            prop_assert!(section.chars().count() <= 3000);
            prop_assert!(message.text.chars().count() <= 4000);
            prop_assert!(is_calm(&message.text));
        }
    }

    #[test]
    fn every_sentence_ends(text in hostile_text(), index in 0..45_usize, count in 0..2000_usize) {
        let sentence = sentence(&filled(examples().swap_remove(index), &text, count));
        prop_assert!(sentence.chars().count() < 1500, "{} characters", sentence.chars().count());
        prop_assert!(is_calm(&sentence));
        let cancellation = Cancellation::new(&text, Some(&text));
        prop_assert!(is_calm(&wanted_by(&cancellation)) && is_calm(&asked_by(&cancellation)));
        for state in RunState::ALL {
            let reason = filled(examples().swap_remove(index), &text, 1);
            prop_assert!(sentence_of(&with_text(state, Some(reason), &text, true)).is_some_and(|line| is_calm(&line)));
        }
    }
}

#[test]
fn the_table_above_covers_every_reason() {
    assert_eq!(examples().len(), 46);
    let text = RunId::new(ulid::Ulid::from_parts(0, 0)).to_string();
    for reason in examples() {
        assert_eq!(filled(reason.clone(), &text, 1).code(), reason.code());
    }
}
