//! The faults of `tests/canaries` are real: each still fits the code, and the tests that are to notice it exist. Whether they do
//! notice is what `script/canaries` tries, which takes an hour.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::docs::{files, root};

/// As many as were asked for.
const FAULTS: usize = 25;

fn patches() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("tests/canaries")).unwrap();
    let mut found: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn applied(patch: &Path) -> Output {
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool for patches, which knows nothing of Chima"
    )]
    let mut git = Command::new("git");
    git.args(["apply", "--check"])
        .arg(patch)
        .current_dir(root())
        .output()
        .unwrap()
}

#[test]
fn every_fault_fits_the_code_and_names_tests_that_exist() {
    let sources: String = files("rs")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut wrong = Vec::new();
    for patch in patches() {
        let name = patch.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&patch).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
        let tests = head.iter().filter_map(|line| line.strip_prefix("caught by: "));
        if !head.iter().any(|line| line.starts_with("fault: ")) || tests.clone().count() == 0 {
            wrong.push(format!("{name} does not say what it is and what notices it"));
        }
        for test in tests.filter(|test| !sources.contains(&format!("fn {test}("))) {
            wrong.push(format!("{name} names the test `{test}`, which is not there"));
        }
        let fits = applied(&patch);
        if !fits.status.success() {
            wrong.push(format!("{name}: {}", String::from_utf8_lossy(&fits.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(patches().len() >= FAULTS, "{} are fewer than {FAULTS}", patches().len());
}
