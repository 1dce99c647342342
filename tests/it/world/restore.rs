//! A ledger that was restored from a backup: older than what happened, so it asks before it does anything.

use std::fs;
use std::path::PathBuf;

use chima::domain::run::RunState;
use chima::flow::execute;
use chima_simulator::fault::{Fault, FaultKind};
use insta::assert_snapshot;

use crate::world::stage::{APP, World};

impl World {
    pub(crate) async fn copied(&self) -> PathBuf {
        let to = self.path("backup.db");
        self.engine.store.back_up(&to, self.engine.now()).await.unwrap();
        to
    }

    /// As `chima restore` does it.
    pub(crate) async fn put_back(&mut self, backup: &PathBuf) {
        self.stop().await;
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.path(&format!("data/chima.db{suffix}")));
        }
        fs::copy(backup, self.path("data/chima.db")).unwrap();
        self.restart_with(APP).await;
    }

    pub(crate) fn beginnings(&self) -> Vec<String> {
        let journal = self.journal().into_iter();
        journal.filter(|line| line.starts_with("begin")).collect()
    }
}

#[tokio::test]
async fn what_happened_since_the_backup_is_not_repeated() {
    let mut world = World::new().await;
    // queued in the copy, with its first status unsent
    let queued = world.deploy("staging").await;
    world.intake().await;
    // only stored in the copy
    let stored = world.deploy("production").await;
    let backup = world.copied().await;
    world.settle().await;
    let told: Vec<Vec<String>> = [queued, stored].iter().map(|id| world.states(*id)).collect();
    let said = world.slack.messages().len();
    world.put_back(&backup).await;
    world.sweep().await;
    world.settle_all().await;
    // two lanes, two commands: either may write first
    let mut begun = world.beginnings();
    begun.sort();
    assert_eq!(
        begun,
        [format!("begin production {stored}"), format!("begin staging {queued}")]
    );
    let now: Vec<Vec<String>> = [queued, stored].iter().map(|id| world.states(*id)).collect();
    assert_eq!(now, told, "nothing is told twice, nothing is taken back");
    assert_eq!(world.slack.messages().len(), said);
    assert_eq!(world.state(queued).await, RunState::Succeeded);
    let run = world.run(queued).await;
    let events = world.engine.store.events(run.id).await.unwrap();
    let words: Vec<String> = events
        .iter()
        .map(|(_, event)| chima::report::event::wording(event))
        .collect();
    assert!(
        words.iter().any(|line| line.starts_with("the ledger was restored")),
        "{words:?}"
    );
    // and from here on it is a ledger like any other
    let next = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.latest(next).state, "success");
    world.end().await;
}

#[tokio::test]
async fn what_may_have_run_is_not_run_and_a_person_is_asked_to_look() {
    let mut world = World::new().await;
    let lost = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    let backup = world.copied().await;
    world.put_back(&backup).await;
    // not even a bell that comes early begins anything
    world.begin(world.run(lost).await.id).await.unwrap();
    assert_eq!(world.beginnings(), Vec::<String>::new());
    world.sweep().await;
    world.settle_all().await;
    assert_eq!(world.beginnings(), Vec::<String>::new());
    assert_eq!(world.states(lost), ["queued", "error"]);
    assert_snapshot!(world.latest(lost).description, @"error: restored from a backup in which it had not ended, and GitHub shows it as `queued`: it may have run since");
    let again = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.beginnings(), [format!("begin staging {again}")]);
    world.end().await;
}

#[tokio::test]
async fn nothing_begins_and_nothing_is_said_before_github_can_be_asked() {
    let mut world = World::new().await;
    let open = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    let backup = world.copied().await;
    world.put_back(&backup).await;
    world
        .github
        .fail(Fault::on("GET", "/statuses", FaultKind::BadGateway).times(2));
    let fresh = world.deploy("production").await;
    world.sweep().await;
    world.intake().await;
    assert_eq!(world.outbox().await, 0);
    execute::answer(world.engine.clone(), world.run(open).await.id).await;
    assert_eq!(
        world.beginnings(),
        Vec::<String>::new(),
        "a bell of before is answered by nobody"
    );
    assert_eq!(
        (world.states(fresh), world.states(open)),
        (vec![], vec!["queued".to_owned()]),
        "stored, and nothing else yet"
    );
    for _ in 0..3 {
        world.sweep().await;
    }
    world.settle_all().await;
    assert_eq!(world.states(open), ["queued", "error"]);
    assert_eq!(world.latest(fresh).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_backup_is_whole_private_and_never_put_over_something() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    let backup = world.copied().await;
    let mode = fs::metadata(&backup).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{mode:o}");
    let made = chima::store::backup::examine(&backup).await.unwrap();
    assert_eq!(made.timestamp_millis(), world.engine.now().timestamp_millis());
    let before = fs::read(&backup).unwrap();
    let again = world.engine.store.back_up(&backup, world.engine.now()).await;
    assert!(again.unwrap_err().to_string().contains("File exists"));
    assert_eq!(fs::read(&backup).unwrap(), before);
    assert!(!world.path("backup.db.partial").exists());
    // a ledger itself is no backup, and a damaged one is none either
    let plain = chima::store::backup::examine(&world.path("data/chima.db")).await;
    assert!(plain.unwrap_err().to_string().contains("not a backup"));
    let mut damaged = before;
    let middle = damaged.len() / 2;
    for byte in &mut damaged[4096..middle] {
        *byte = 0x5a;
    }
    fs::write(&backup, damaged).unwrap();
    chima::store::backup::examine(&backup).await.unwrap_err();
    world.end().await;
}
