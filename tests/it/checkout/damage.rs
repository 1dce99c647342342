//! What a power cut leaves of a mirror: files that are empty, folders that are not there. It is a cache, and is made anew.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::checkout::{Rig, read};

/// All but packs, which have a test of their own.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("pack") {
            continue;
        } else if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn empty(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(file, "").unwrap();
}

#[tokio::test]
async fn a_mirror_with_empty_files_is_made_anew() {
    let count = {
        let rig = Rig::new();
        let sha = rig.commit("folder/file", "one");
        rig.checkout(&sha, "a").await.unwrap();
        rig.remove("a").await;
        files(&rig.mirror()).len()
    };
    assert!(count > 2);
    for number in 0..count {
        let rig = Rig::new();
        let sha = rig.commit("folder/file", "one");
        rig.checkout(&sha, "a").await.unwrap();
        rig.remove("a").await;
        let mut all = files(&rig.mirror());
        all.sort();
        let file = &all[number.min(all.len() - 1)];
        empty(file);
        let again = rig.checkout(&sha, "b").await;
        assert!(again.is_ok(), "with an empty `{}`: {again:?}", file.display());
        assert_eq!(read(&again.unwrap(), "folder/file"), "one", "{}", file.display());
        assert!(!rig.path("mirrors/7.damaged").exists());
    }
}

#[tokio::test]
async fn a_mirror_that_lost_everything_but_its_names_is_made_anew() {
    let rig = Rig::new();
    let sha = rig.commit("folder/file", "one");
    rig.checkout(&sha, "a").await.unwrap();
    for file in files(&rig.mirror()) {
        empty(&file);
    }
    assert_eq!(read(&rig.checkout(&sha, "b").await.unwrap(), "folder/file"), "one");

    let rig = Rig::new();
    let sha = rig.commit("folder/file", "one");
    rig.checkout(&sha, "a").await.unwrap();
    fs::remove_dir_all(rig.mirror().join("objects")).unwrap();
    assert_eq!(read(&rig.checkout(&sha, "b").await.unwrap(), "folder/file"), "one");
}

#[tokio::test]
async fn a_mirror_with_an_empty_pack_or_index_is_made_anew() {
    for kind in ["pack", "idx", "rev"] {
        let rig = Rig::new();
        let sha = rig.commit("folder/file", "one");
        rig.checkout(&sha, "a").await.unwrap();
        rig.remove("a").await;
        rig.git_in("mirrors/7.git", &["gc", "--quiet"], b"");
        let packs: Vec<PathBuf> = fs::read_dir(rig.mirror().join("objects/pack"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == kind))
            .collect();
        assert_eq!(packs.len(), 1, "{kind}");
        empty(&packs[0]);
        assert_eq!(
            read(&rig.checkout(&sha, "b").await.unwrap(), "folder/file"),
            "one",
            "{kind}"
        );
        assert!(!rig.path("mirrors/7.damaged").exists());
    }
}

/// Both find it damaged. Whoever is later must not take away what the other has made and checked out from.
#[tokio::test]
async fn a_damaged_mirror_that_two_find_at_once_is_made_anew_once() {
    for round in 0..10 {
        let rig = Rig::new();
        let sha = rig.commit("folder/file", "one");
        rig.checkout(&sha, "a").await.unwrap();
        rig.remove("a").await;
        empty(&rig.mirror().join("HEAD"));
        let (b, c) = tokio::join!(rig.checkout(&sha, "b"), rig.checkout(&sha, "c"));
        for (name, done) in [("b", b), ("c", c)] {
            assert_eq!(read(&done.unwrap(), "folder/file"), "one", "{round}");
            let head = rig.git_in(name, &["rev-parse", "HEAD"], b"");
            assert_eq!(head, sha.as_str(), "{round}: what a command in `{name}` sees");
        }
    }
}
