//! What is built into the program: its licenses, where it comes from, and what must not be there.
//!
//! `deny.toml` says the same to cargo-deny, which also knows advisories. This needs nothing but cargo and no network.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::docs::root;

/// Two ways to do TLS in one program fight over the process; the C ones also need a compiler. `serde_yml` has an advisory.
const BANNED: [&str; 7] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "serde_yaml",
    "serde_yml",
];

/// Every package that takes part in a build for this machine, with its license.
#[expect(clippy::disallowed_methods, reason = "cargo itself knows what it builds")]
fn packages() -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--all-features"])
        .args(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(package, license)| (package.to_owned(), license.trim_end_matches(" (*)").to_owned()))
        .collect()
}

/// The licenses that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let list = text.split_once("\nallow = [").unwrap().1.split_once(']').unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with what is allowed. `/` is the old spelling of `OR`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any_of(&words, &mut at, allowed);
    met && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at, allowed);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let met = any_of(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(word)
}

#[test]
fn every_license_is_allowed() {
    let allowed = allowed();
    let wrong: Vec<_> = packages()
        .into_iter()
        .filter(|(_, license)| !is_met(license, &allowed))
        .collect();
    assert!(wrong.is_empty(), "licenses that `deny.toml` does not allow: {wrong:?}");
}

#[test]
fn every_allowed_license_is_used() {
    let words: BTreeSet<String> = packages()
        .into_values()
        .flat_map(|license| {
            license
                .replace('/', " ")
                .replace(['(', ')'], " ")
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let unused: Vec<_> = allowed()
        .into_iter()
        .filter(|license| !words.contains(license))
        .collect();
    assert!(unused.is_empty(), "`deny.toml` allows what nothing uses: {unused:?}");
}

#[test]
fn nothing_banned_is_built() {
    let packages = packages();
    assert!(
        packages.len() > 100,
        "only {} packages: is the list complete?",
        packages.len()
    );
    let names = packages.keys().filter_map(|package| package.split(' ').next());
    let found: Vec<&str> = names.filter(|name| BANNED.contains(name)).collect();
    assert!(found.is_empty(), "banned: {found:?}");
    let policy = fs::read_to_string(root().join("deny.toml")).unwrap();
    let forgotten: Vec<_> = BANNED
        .iter()
        .filter(|name| !policy.contains(&format!("\"{name}\"")))
        .collect();
    assert!(forgotten.is_empty(), "not banned in `deny.toml`: {forgotten:?}");
}

#[test]
fn everything_comes_from_the_registry() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let others: Vec<&str> = lock
        .lines()
        .filter(|line| {
            line.starts_with("source = ") && !line.contains("registry+https://github.com/rust-lang/crates.io-index")
        })
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]
        .map(str::to_owned)
        .into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("ISC AND (Apache-2.0 OR MIT)", true),
        ("ISC AND (Apache-2.0 OR GPL-3.0)", false),
        ("GPL-3.0 OR ISC AND MIT", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("Apache-2.0 WITH other-exception", false),
        ("", false),
    ] {
        assert_eq!(is_met(expression, &allowed), expected, "{expression}");
    }
}
