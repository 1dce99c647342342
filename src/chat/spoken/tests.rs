//! Whatever is typed is taken for something, and whatever is shown as a command is understood as that command.
//!
//! `PROPTEST_CASES=1000000 cargo test --lib chat::spoken` tries so many of each.

use proptest::prelude::*;

use super::*;
use crate::chat::grammar::{Misunderstood, parse};
use crate::chat::manual::MANUAL;
use crate::chat::offers::{At, again, builds, cancel, log, meant, offer};
use crate::chat::vocabulary::{KnownApp, Vocabulary};
use crate::domain::names::{AppName, EnvironmentName};

/// An answer that is longer is no answer.
const ANSWER: usize = 600;

fn cases() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        // many names cannot be said, and those are drawn again: with many cases that adds up
        max_local_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

/// A word as somebody types it: of ours, of nobody's, or odd.
fn typed_word() -> impl Strategy<Value = String> {
    let ours = MANUAL.iter().map(|entry| entry.name).chain([
        "deploy:migrate",
        "deploy!",
        "lock!",
        "deplyo",
        "rolback",
        "stauts",
        "to",
        "in",
        "on",
        "for",
        "is",
        "can",
        "i",
        "all",
        "mine",
        "site",
        "site/main",
        "staging",
        "eu/west",
        "production",
        "2h",
        "90 days",
        "4f3c2b1a",
        "123456",
        "--steal",
        "--wait",
        "--help",
        "help",
        ":",
        "because:",
        "\"my",
        "env\"",
        "`site`",
        "\u{201c}",
        "\u{201d}",
        "?",
        "!",
        "/",
        ",",
        "@chima",
        "\u{202e}",
        "\u{0}",
    ]);
    prop_oneof![
        4 => proptest::sample::select(ours.collect::<Vec<_>>()).prop_map(str::to_owned),
        1 => "[a-z0-9/:!,.\"`?-]{0,12}",
        1 => any::<String>(),
    ]
}

fn typed() -> impl Strategy<Value = String> {
    let separator = prop_oneof![4 => Just(" "), 1 => Just(""), 1 => Just("\n"), 1 => Just(": ")];
    proptest::collection::vec((typed_word(), separator), 0..8)
        .prop_map(|words| words.into_iter().map(|(word, separator)| word + separator).collect())
}

/// Names that the configuration may have and that can be said: no preposition, no number that could be a code.
fn environment() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9 ._/-]{0,15}[a-z0-9]".prop_filter("a name that can be said", |name| {
        let words = [
            "to",
            "in",
            "on",
            "for",
            "and",
            "all",
            "help",
            "is",
            "everything",
            "mine",
            "my",
            "locks",
        ];
        name.parse::<EnvironmentName>().is_ok()
            && !words.contains(&name.as_str())
            && name.split_whitespace().collect::<Vec<_>>().join(" ") == *name
            && !name.bytes().all(|b| b"cbdefghijklnrtuv".contains(&b))
    })
}

fn app() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._-]{1,12}[a-z0-9]".prop_filter("a name that can be said", |name| {
        let words = [
            "all",
            "help",
            "for",
            "status",
            "everything",
            "mine",
            "locks",
            "can",
            "you",
            "deploy",
            "does",
            "run",
        ];
        let aloud = name.parse::<AppName>().is_ok() && !words.contains(&name.as_str()) && !name.starts_with("deploy");
        aloud && MANUAL.iter().all(|entry| entry.name != name)
    })
}

fn target() -> impl Strategy<Value = Target> {
    let git_ref = proptest::option::of("[a-z0-9][a-z0-9._/-]{0,10}[a-z0-9]");
    (app(), git_ref, proptest::option::of(environment())).prop_map(|(app, git_ref, environment)| Target {
        app,
        git_ref,
        environment,
    })
}

fn reason() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-zA-Z0-9:][ -~]{0,20}[a-z]")
}

fn lock_command() -> impl Strategy<Value = Command> {
    let otherwise = proptest::sample::select(vec![Otherwise::Refuse, Otherwise::Steal, Otherwise::Wait]);
    let length = proptest::option::of(proptest::sample::select(vec!["30m", "2h", "1d"]));
    let environments = proptest::collection::vec(environment(), 0..3);
    (app(), environments, length, reason(), otherwise).prop_map(|(app, environments, length, reason, otherwise)| {
        Command::Lock(Lock {
            app,
            environments,
            length: length.map(|length| length.parse().unwrap()),
            reason,
            otherwise,
        })
    })
}

fn deploy_command() -> impl Strategy<Value = Command> {
    let task = prop_oneof![Just("deploy".to_owned()), "deploy:(m|x)[a-z]{0,6}"];
    let code = proptest::option::of("[0-9]{6}");
    (task, any::<bool>(), target(), code, any::<bool>()).prop_map(|(task, force, target, code, plan)| {
        let deploy = Deploy {
            task,
            force,
            target,
            code,
            seen: None,
            called: None,
        };
        if plan {
            Command::Plan(deploy)
        } else {
            Command::Deploy(deploy)
        }
    })
}

fn command() -> impl Strategy<Value = Command> {
    let sha = || "[0-9a-f]{7,40}";
    prop_oneof![
        deploy_command(),
        (target(), proptest::option::of(sha())).prop_map(|(target, to)| Command::Rollback { target, to }),
        target().prop_map(|target| Command::Retry { target }),
        (target(), reason()).prop_map(|(target, reason)| Command::Cancel { target, reason }),
        proptest::option::of(target()).prop_map(|target| Command::Status { target }),
        proptest::option::of(target()).prop_map(|target| Command::Queue { target }),
        target().prop_map(|target| Command::Why { target }),
        target().prop_map(|target| Command::Log { target }),
        target().prop_map(|target| Command::Diff { target }),
        target().prop_map(|target| Command::Deploys { target }),
        target().prop_map(|target| Command::Builds { target }),
        app().prop_map(|app| Command::Where { app }),
        sha().prop_map(|sha| Command::Contains { sha }),
        lock_command(),
        (app(), proptest::collection::vec(environment(), 0..3))
            .prop_map(|(app, environments)| Command::Unlock { app, environments }),
        Just(Command::UnlockAll),
        proptest::option::of(app()).prop_map(|app| Command::Locks { app }),
        proptest::option::of(proptest::sample::select(
            MANUAL.iter().map(|entry| entry.name).collect::<Vec<_>>()
        ))
        .prop_map(|about| Command::Help {
            about: about.map(str::to_owned)
        }),
        Just(Command::Version),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_is_typed_is_answered_shortly_and_with_what_works(text in typed()) {
        match parse(&text) {
            Ok(_) => {}
            Err(misunderstood) => {
                let answer = misunderstood.to_string();
                prop_assert!(answer.chars().count() <= ANSWER && answer.lines().count() == 1, "{answer}");
                if let Misunderstood::Unknown { meant: Some(meant), .. } = &misunderstood {
                    prop_assert!(parse(meant).is_ok(), "{text:?}: {meant}");
                }
            }
        }
    }

    #[test]
    fn a_command_as_it_is_shown_is_that_command(command in command()) {
        let said = command.to_string();
        prop_assert_eq!(parse(&said), Ok(command), "{}", said);
    }

    #[test]
    fn every_offer_is_a_command(app in app(), environment in environment(), other in environment(), command in command()) {
        let at = At { app: &app, environment: &environment };
        let vocabulary = Vocabulary {
            apps: vec![KnownApp {
                name: app.clone(),
                environments: vec![environment.clone(), other],
                default_environment: None,
            }],
        };
        let mut offers = at.after_failure(Some("4f3c2b1a9d8e7f60514233241506978afbecd0e1"));
        offers.extend(at.locked_by_other("@mona"));
        offers.extend(at.locked_by_self());
        offers.extend([at.deploy(), at.keep_for("feature/x"), again(&command), offer("x", &command)]);
        offers.extend([builds(&app, Some("main")), builds(&app, None)]);
        offers.extend([cancel("01JAZ3N8Q0000000000000000A"), log("01JAZ3N8Q0000000000000000A")]);
        for named in [&app, "siet", "x"] {
            let slip = Target { app: named.to_owned(), git_ref: None, environment: None };
            if let Err(unknown) = vocabulary.look_up(&slip) {
                offers.extend(meant(&unknown, &command));
            }
        }
        for offer in &offers {
            prop_assert!(parse(&offer.says).is_ok(), "{:?}", offer);
            prop_assert!(offer.label.chars().count() <= 75 + 60 && !offer.label.is_empty(), "{:?}", offer);
        }
    }
}
