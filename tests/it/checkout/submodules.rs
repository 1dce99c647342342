//! Submodules: the recorded commits, at all levels, and errors that name the place.

use std::fmt::Write as _;

use super::*;

/// Records the head of a neighbour as a submodule, by a relative address.
fn add(rig: &Rig, repository: &str, neighbour: &str, path: &str) -> Sha {
    let sha: Sha = rig.git_in(neighbour, &["rev-parse", "HEAD"], b"").parse().unwrap();
    describe(rig, repository, path, &format!("url = ../{neighbour}"));
    rig.record(repository, path, &sha);
    rig.commit_index_in(repository)
}

/// Adds an entry to `.gitmodules`.
pub(super) fn describe(rig: &Rig, repository: &str, path: &str, settings: &str) {
    let file = rig.path(repository).join(".gitmodules");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let entry = format!("[submodule \"{path}\"]\n\tpath = {path}\n\t{settings}\n");
    fs::write(&file, before + &entry).unwrap();
    rig.git_in(repository, &["add", ".gitmodules"], b"");
}

#[tokio::test]
async fn nothing_is_brought_that_was_not_asked_for() {
    let rig = Rig::new();
    rig.repository("lib");
    rig.commit_in("lib", "file", "lib");
    let sha = add(&rig, "remote", "lib", "lib");
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert!(checkout.join("lib").read_dir().unwrap().next().is_none());
    assert!(!rig.path("mirrors/7.modules").exists());
}

#[tokio::test]
async fn every_level_is_at_its_recorded_commit() {
    let rig = Rig::with_everything();
    for name in ["lib", "deep"] {
        rig.repository(name);
        rig.commit_in(name, "file", "recorded");
    }
    add(&rig, "lib", "deep", "in/deep");
    let sha = add(&rig, "remote", "lib", "vendor/lib");
    // What came later is not deployed.
    for name in ["lib", "deep"] {
        rig.commit_in(name, "file", "newer");
    }
    let checkout = rig.checkout(&sha, "runs/a/checkout").await.unwrap();
    assert_eq!(read(&checkout, "vendor/lib/file"), "recorded");
    assert_eq!(read(&checkout, "vendor/lib/in/deep/file"), "recorded");
    assert_eq!(rig.git_in("runs/a/checkout", &["status", "--porcelain"], b""), "");
    rig.remove("runs/a/checkout").await;
    assert!(is_tidy(&rig) && !checkout.exists());
}

#[tokio::test]
async fn the_second_checkout_does_not_need_the_remotes() {
    let rig = Rig::with_everything();
    rig.repository("lib");
    rig.commit_in("lib", "file", "lib");
    let sha = add(&rig, "remote", "lib", "lib");
    rig.checkout(&sha, "a").await.unwrap();
    rig.checkouts.pack(RepositoryId(7)).await.unwrap();
    for name in ["remote", "lib"] {
        fs::remove_dir_all(rig.path(name)).unwrap();
    }
    assert_eq!(read(&rig.checkout(&sha, "b").await.unwrap(), "lib/file"), "lib");
}

#[tokio::test]
async fn one_that_is_not_to_be_updated_stays_empty() {
    let rig = Rig::with_everything();
    rig.repository("lib");
    rig.commit_in("lib", "file", "lib");
    let sha = rig.git_in("lib", &["rev-parse", "HEAD"], b"").parse().unwrap();
    describe(&rig, "remote", "lib", "url = ../lib\n\tupdate = none");
    rig.record("remote", "lib", &sha);
    let sha = rig.commit_index_in("remote");
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert!(checkout.join("lib").read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_submodule_and_the_remedy() {
    let absent: Sha = ABSENT.parse().unwrap();
    let root = |rig: &Rig, text: String| text.replace(rig.path("").to_str().unwrap(), "/srv/");
    let mut said = Vec::new();
    for settings in [
        "url = ../lib",
        "url = ../away",
        "url = ext::sh",
        "url = http://example.com/x",
        "branch = x",
    ] {
        let rig = Rig::with_everything();
        rig.repository("lib");
        describe(&rig, "remote", "vendor/lib", settings);
        rig.record("remote", "vendor/lib", &absent);
        let sha = rig.commit_index_in("remote");
        said.push(root(&rig, rig.refusal(&sha).await));
        assert!(is_tidy(&rig));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    submodule `vendor/lib`: `/srv/lib` has no commit `0123456789012345678901234567890123456789`; push it again or deploy another ref
    submodule `vendor/lib`: there is no folder `/srv/away`; correct its address in `.gitmodules`
    submodule `vendor/lib`: its address `ext::sh` is not fetched; use https, ssh or a relative address in `.gitmodules`
    submodule `vendor/lib`: its address `http://example.com/x` is not fetched; use https, ssh or a relative address in `.gitmodules`
    submodule `vendor/lib` has no address in `.gitmodules`; add it there, or remove the folder from the repository
    ");
}

#[tokio::test]
async fn a_submodule_of_a_submodule_is_named_by_its_whole_path() {
    let rig = Rig::with_everything();
    rig.repository("lib");
    rig.record("lib", "deep", &ABSENT.parse().unwrap());
    rig.commit_index_in("lib");
    let sha = add(&rig, "remote", "lib", "vendor/lib");
    insta::assert_snapshot!(rig.refusal(&sha).await, @"submodule `vendor/lib/deep` has no address in `.gitmodules`; add it there, or remove the folder from the repository");
}

#[tokio::test]
async fn more_than_anybody_needs_are_refused() {
    let rig = Rig::with_everything();
    rig.repository("lib");
    let sha = rig.commit_in("lib", "file", "lib");
    let (mut index, mut modules) = (String::new(), String::new());
    for n in 0..301 {
        writeln!(index, "160000 {sha} 0\tlib/{n}").unwrap();
        writeln!(modules, "[submodule \"{n}\"]\npath = lib/{n}\nurl = ../lib").unwrap();
    }
    fs::write(rig.path("remote/.gitmodules"), modules).unwrap();
    rig.git(&["add", ".gitmodules"]);
    rig.git_in("remote", &["update-index", "--index-info"], index.as_bytes());
    let sha = rig.commit_index_in("remote");
    insta::assert_snapshot!(rig.refusal(&sha).await, @"there are more than 300 submodules; set `checkout: { submodules: false }` or use fewer");
    assert!(!rig.path("mirrors/7.modules").exists());
}
