//! What is shipped to run Chima with: systemd's own tools judge the units, and whatever a file names is there.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::PathBuf;

use chima::cli::args::{Args, Command};
use clap::Parser as _;

use crate::docs::root;

const UNITS: [&str; 3] = ["chima.socket", "chima.service", "chima-worker.service"];

fn shipped(unit: &str) -> PathBuf {
    root().join("packaging/systemd").join(unit)
}

fn text(unit: &str) -> String {
    fs::read_to_string(shipped(unit)).expect("it is shipped")
}

/// Everything a unit says under a key.
fn values(unit: &str, key: &str) -> Vec<String> {
    let given = text(unit);
    let lines = given.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// Runs one of systemd's tools; it needs no systemd that runs.
fn analyze(arguments: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the judge of the units")]
    let ended = std::process::Command::new("systemd-analyze")
        .args(arguments)
        .output()
        .expect("script/tools installs it");
    let said = [ended.stdout, ended.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// How exposed a service is, from 0 to 10.
fn exposure(unit: &str) -> f64 {
    let path = shipped(unit).display().to_string();
    let said = analyze(&["security", "--offline=true", "--no-pager", &path]);
    let line = said.lines().find(|line| line.contains("Overall exposure level"));
    let words = line.and_then(|line| line.split_once(": ")).map(|(_, words)| words);
    let figure = words.and_then(|words| words.split(' ').next()?.parse().ok());
    figure.unwrap_or_else(|| panic!("no figure in: {said}"))
}

#[test]
fn the_server_is_exposed_no_more_than_its_business_needs() {
    let exposed = exposure("chima.service");
    assert!(exposed <= 1.5, "{exposed}");
}

#[test]
fn the_worker_is_exposed_no_more_than_peoples_commands_need() {
    let exposed = exposure("chima-worker.service");
    assert!(exposed <= 4.0, "{exposed}");
}

#[test]
fn systemd_understands_every_line() {
    for unit in UNITS {
        let said = analyze(&[
            "verify",
            "--man=no",
            "--recursive-errors=no",
            &shipped(unit).display().to_string(),
        ]);
        let ours = |line: &&str| line.contains(unit) && !line.contains("is not executable");
        let faults: Vec<&str> = said.lines().filter(ours).collect();
        assert_eq!(faults, Vec::<&str>::new(), "{unit}");
    }
}

/// What a unit has Chima do.
fn started(unit: &str) -> Command {
    let starts = values(unit, "ExecStart");
    let [start] = starts.as_slice() else {
        panic!("{unit}: {starts:?}");
    };
    let args = Args::try_parse_from(start.split(' ')).unwrap_or_else(|error| panic!("{unit}: {error}"));
    args.command
}

#[test]
fn a_unit_starts_chima_with_words_that_it_takes() {
    assert!(matches!(started("chima.service"), Command::Serve { no_work: true }));
    assert!(matches!(started("chima-worker.service"), Command::Worker));
    for unit in ["chima.service", "chima-worker.service"] {
        assert_eq!(values(unit, "ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    }
}

#[test]
fn what_keeps_commands_alive_and_what_would_blind_chima_is_as_it_must_be() {
    assert_eq!(values("chima-worker.service", "KillMode"), ["process"]);
    assert_eq!(values("chima-worker.service", "Delegate"), ["yes"]);
    assert_eq!(values("chima-worker.service", "PrivateTmp"), Vec::<String>::new());
    for unit in ["chima.service", "chima-worker.service"] {
        for key in ["PrivateUsers", "ProtectProc", "ProcSubset"] {
            assert_eq!(values(unit, key), Vec::<String>::new(), "{unit}");
        }
        // they share ledger, locks and what /proc shows of each other
        for (key, value) in [
            ("User", "chima"),
            ("WorkingDirectory", "/var/lib/chima"),
            ("Type", "notify"),
            // as measured in docs/reference/benchmarks.md
            ("Environment", "MALLOC_MMAP_THRESHOLD_=131072"),
        ] {
            assert_eq!(values(unit, key), [value], "{unit}");
        }
    }
}

#[test]
fn the_socket_is_where_the_shipped_configuration_listens() {
    let shipped = fs::read_to_string(root().join("config/app.yaml")).expect("it is shipped");
    for address in values("chima.socket", "ListenStream") {
        assert!(shipped.contains(&format!("listen: {address}")), "{address}");
    }
}

#[test]
fn the_container_copies_what_is_there_and_hides_what_is_not_its_business() {
    let file = fs::read_to_string(root().join("Containerfile")).expect("it is shipped");
    let ignored = fs::read_to_string(root().join(".containerignore")).expect("it is shipped");
    let copies = file.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut copied = 0;
    for line in copies.filter(|line| !line.starts_with("--from")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.pop();
        for word in words {
            assert!(root().join(word).exists(), "`{word}` is copied and is not there");
            assert!(
                !ignored.lines().any(|line| line == word),
                "`{word}` is copied and ignored"
            );
            copied += 1;
        }
    }
    assert!(copied > 5, "{copied}");
    for secret in ["data", "target", ".git"] {
        assert!(ignored.lines().any(|line| line == secret), "{secret}");
    }
    // every folder that the program is made from goes in
    for folder in ["src", "providers", "migrations", "templates", "simulator", "Cargo.lock"] {
        assert!(file.contains(&format!(" {folder}")), "{folder}");
    }
    assert!(file.contains("\nUSER chima\n"));
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).expect("it is there");
    let compiler = file
        .lines()
        .find_map(|line| line.strip_prefix("FROM rust:")?.split('-').next());
    let compiler = compiler.expect("what it is built with");
    assert!(toolchain.contains(&format!("channel = \"{compiler}")), "{compiler}");
}
