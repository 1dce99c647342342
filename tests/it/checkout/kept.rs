//! What is kept of a repository can be given up whenever nobody uses it, and never while somebody does.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chima::domain::ids::RepositoryId;

use crate::checkout::{Rig, read};

const OURS: RepositoryId = RepositoryId(7);

fn folders(rig: &Rig) -> Vec<String> {
    let entries = fs::read_dir(rig.path("mirrors")).unwrap().map(Result::unwrap);
    let mut folders: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    folders
}

#[tokio::test]
async fn it_is_given_up_once_the_last_checkout_is_gone_and_fetched_again_when_it_is_needed() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    let run = rig.checkout(&sha, "run").await.unwrap();
    let kept = rig.checkouts.kept();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].repository == OURS && kept[0].bytes > 4096, "{kept:?}");
    assert!(!rig.checkouts.give_up(OURS).unwrap(), "a checkout is there");
    assert_eq!(read(&run, "file"), "one");
    rig.remove("run").await;
    fs::create_dir_all(rig.path("mirrors/7.lfs/objects")).unwrap();
    // as somebody left it who was killed while it was removed
    fs::create_dir_all(rig.path("mirrors/7.git.gone/objects")).unwrap();
    assert!(rig.checkouts.give_up(OURS).unwrap());
    assert_eq!((folders(&rig).len(), rig.checkouts.kept().len()), (0, 0));
    let again = rig.checkout(&sha, "again").await.unwrap();
    assert_eq!(read(&again, "file"), "one");
}

#[tokio::test]
async fn what_was_used_longest_ago_comes_first() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    for id in [9, 8] {
        fs::create_dir_all(rig.path(&format!("mirrors/{id}.git"))).unwrap();
    }
    rig.checkout(&sha, "run").await.unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH;
    for (name, seconds) in [("8.git", 1), ("9.git", 2)] {
        let at = old + std::time::Duration::from_secs(seconds);
        let folder = fs::File::open(rig.path("mirrors").join(name)).unwrap();
        folder.set_modified(at).unwrap();
    }
    fs::write(rig.path("mirrors/notes.txt"), "somebody's own").unwrap();
    let order: Vec<u64> = rig.checkouts.kept().iter().map(|one| one.repository.0).collect();
    assert_eq!(order, [8, 9, 7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_gives_it_up_meanwhile_every_checkout_is_whole() {
    let rig = Arc::new(Rig::new());
    let sha = rig.commit("file", "one");
    let over = Arc::new(AtomicBool::new(false));
    let thief = {
        let (rig, over) = (Arc::clone(&rig), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut taken = 0;
            while !over.load(Ordering::Relaxed) {
                let there = rig.mirror().exists();
                taken += u32::from(rig.checkouts.give_up(OURS).unwrap_or(false) && there);
                std::thread::yield_now();
            }
            taken
        })
    };
    for round in 0..20 {
        let name = format!("run-{round}");
        let run = rig.checkout(&sha, &name).await.unwrap();
        assert_eq!(read(&run, "file"), "one");
        assert_eq!(rig.git_in(&name, &["rev-parse", "HEAD"], b""), sha.as_str());
        rig.remove(&name).await;
    }
    over.store(true, Ordering::Relaxed);
    assert!(thief.join().unwrap() > 0, "it was never given up");
}
