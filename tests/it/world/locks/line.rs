//! Several people and one environment: one wins, takes over, or waits in line.

use std::time::Duration;

use chima::domain::ids::LockId;
use chima::domain::lock::{LockEnding, LockRequest, Otherwise};
use chima::domain::run::RunState;
use chima::flow::lock::{answered, lock, unlock_all, unlocked};
use chima::store::locks::Locked;
use futures_util::future::join_all;
use insta::assert_snapshot;

use super::{lisa, person};
use crate::world::stage::{APP, World};

impl World {
    /// What whoever asks to lock is answered.
    async fn answer(&self, by: &str, environments: &[&str], otherwise: Otherwise) -> String {
        let locked = self.ask_to_lock(by, environments, None, otherwise).await;
        answered(&person(by), &locked, self.engine.now())
    }
}

#[tokio::test]
async fn of_two_who_lock_at_once_one_wins_also_in_two_processes() {
    let world = World::new().await;
    let second = world.second_worker().await;
    for round in 0..10 {
        let names: Vec<String> = (0..8).map(|number| format!("person-{round}-{number}")).collect();
        let asked = names.iter().enumerate().map(|(number, name)| {
            let engine = if number % 2 == 0 { &world.engine } else { &second };
            let places = world.places(&["production", "staging"]);
            let request = LockRequest::new(person(name), places, None, None);
            async move { lock(&engine.desk(), &request).await.unwrap() }
        });
        let answers = join_all(asked).await;
        let won = answers
            .iter()
            .filter(|answer| matches!(answer, Locked::Taken { .. }))
            .count();
        assert_eq!(won, 1);
        let held = world.engine.store.locks(world.engine.now()).await.unwrap();
        assert_eq!(
            (held.len(), &held[0].lock.owner),
            (2, &held[1].lock.owner),
            "both of one person"
        );
        world.unlocked("mona", &["production", "staging"]).await;
    }
    second.stop.cancel();
    second.store.close().await;
    world.sweep().await;
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn several_are_locked_together_or_not_at_all() {
    let world = World::new().await;
    world.locked("lisa", "staging", None).await;
    world.clock.advance(Duration::from_secs(60));
    let both = ["production", "staging", "PRODUCTION"];
    assert_snapshot!(world.answer("mona", &both, Otherwise::Refuse).await, @r#"nothing was locked: `staging` of `site` is locked by @lisa for 1 min: "db migration"; ask @lisa, or unlock it yourself: `chima unlock site staging`, take it over with `--steal`, or wait for it with `--wait`"#);
    assert_snapshot!(world.answer("mona", &both, Otherwise::Wait).await, @r#"nothing was locked: `staging` of `site` is locked by @lisa for 1 min: "db migration"; ask @lisa, or unlock it yourself: `chima unlock site staging`, take it over with `--steal`, or wait for it with `--wait`"#);
    assert_eq!(world.held().await, ["staging: lisa"]);
    assert_snapshot!(world.answer("mona", &both, Otherwise::Steal).await, @r#"`production` of `site` and `staging` of `site` are locked by @mona: "db migration"; `staging` of `site` was locked by @lisa for 1 min: "db migration""#);
    assert_eq!(world.held().await, ["production: mona", "staging: mona"]);
    world.sweep().await;
    world.outbox().await;
    assert_snapshot!(world.chat().await, @r#"@lisa: @mona has taken over your lock of `staging` of `site`: "db migration""#);
    let gone = unlock_all(&world.engine.desk(), &person("MONA")).await.unwrap();
    assert_snapshot!(unlocked(&person("mona"), &gone, world.engine.now()), @"`production` of `site` is unlocked, after 0 s; `staging` of `site` is unlocked, after 0 s");
    let nothing = unlock_all(&world.engine.desk(), &person("mona")).await.unwrap();
    assert_snapshot!(unlocked(&person("mona"), &nothing, world.engine.now()), @"@mona has locked nothing; `chima locks` lists what is");
    world.end().await;
}

#[tokio::test]
async fn a_no_op_is_refused_with_words() {
    let world = World::new().await;
    assert_snapshot!(world.answer("mona", &["staging"], Otherwise::Refuse).await, @r#"`staging` of `site` is locked by @mona: "db migration""#);
    world.clock.advance(Duration::from_secs(7200));
    let refused = world.answer("Mona", &["staging"], Otherwise::Refuse).await;
    assert_eq!(world.answer("Mona", &["staging"], Otherwise::Wait).await, refused);
    assert_snapshot!(refused, @r#"nothing was locked: `staging` of `site` is locked by you already, for 2 h: "db migration"; `chima unlock site staging` first, or `--steal` to lock it anew"#);
    assert_snapshot!(world.answer("mona", &["staging"], Otherwise::Steal).await, @r#"`staging` of `site` is locked by @mona: "db migration""#);
    world.sweep().await;
    assert_eq!(world.chat().await, "", "nobody is told what that person did alone");
    let gone = world.unlocked("lisa", &["staging", "production"]).await;
    assert_snapshot!(unlocked(&person("lisa"), &gone, world.engine.now()), @r#"`staging` of `site` is unlocked; it was locked by @mona for 0 s: "db migration"; `production` of `site` is not locked"#);
    world.sweep().await;
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn whoever_waits_first_gets_it_and_is_told() {
    let world = World::new().await;
    world.locked("mona", "staging", None).await;
    world.clock.advance(Duration::from_secs(60));
    assert_snapshot!(world.answer("lisa", &["staging"], Otherwise::Wait).await, @r#"`staging` of `site` is locked by @mona for 1 min: "db migration"; @lisa waits for it, at position 1, and is told when it is theirs"#);
    assert_snapshot!(world.answer("paul", &["staging"], Otherwise::Wait).await, @r#"`staging` of `site` is locked by @mona for 1 min: "db migration"; @paul waits for it, at position 2, and is told when it is theirs"#);
    assert_snapshot!(world.answer("lisa", &["staging"], Otherwise::Wait).await, @r#"`staging` of `site` is locked by @mona for 1 min: "db migration"; @lisa waits for it already, at position 1, and is told when it is theirs"#);
    let gone = world.unlocked("mona", &["staging"]).await;
    assert_snapshot!(unlocked(&person("mona"), &gone, world.engine.now()), @"`staging` of `site` is unlocked, after 1 min; @lisa waited for `staging` of `site`, and holds it now");
    world.sweep().await;
    world.outbox().await;
    assert_snapshot!(world.last_word().await, @r#"@lisa: `staging` of `site` is yours now; you waited for it: "db migration""#);
    // whoever does not want it any more leaves the line
    unlock_all(&world.engine.desk(), &person("paul")).await.unwrap();
    world.unlocked("lisa", &["staging"]).await;
    assert_eq!(world.held().await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn whoever_waits_comes_before_whoever_finds_it_expired() {
    let app = APP.replace("staging: {}", "staging: { on_lock: wait }");
    let world = World::setup().app(&app).start().await;
    let first = world.locked("mona", "staging", Some("1h")).await;
    let waits = world
        .ask_to_lock("lisa", &["staging"], Some("2h"), Otherwise::Wait)
        .await;
    assert!(matches!(waits, Locked::Waits { position: 1, .. }));
    let (own, other) = (world.ask(lisa("staging")).await, world.deploy("staging").await);
    world.settle().await;
    assert_eq!(
        (world.state(own).await, world.latest(other).state),
        (RunState::Held, "success".into())
    );
    world.clock.advance(Duration::from_secs(3600));
    let late = world.answer("paul", &["staging"], Otherwise::Refuse).await;
    assert!(late.contains("locked by @lisa for 0 s, for another 2 h"), "{late}");
    // refused, so nothing was written: the sweep passes it on
    world.pass(Duration::ZERO).await;
    assert_eq!(world.latest(own).state, "success", "its owner passes");
    assert_eq!(
        world.engine.store.ending_of(first.id).await.unwrap(),
        Some(LockEnding::Expired)
    );
    assert_eq!(world.held().await, ["staging: lisa"]);
    world.pass(Duration::from_secs(7200)).await;
    assert_eq!(world.held().await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn the_ledger_itself_refuses_a_second_lock() {
    let world = World::new().await;
    world.locked("mona", "staging", None).await;
    let ids = [LockId::new(chima::domain::clock::Clock::fresh_ulid(&world.clock))];
    let request = LockRequest::new(person("lisa"), world.places(&["Staging"]), None, None);
    let locked = world
        .engine
        .store
        .lock(&request, &ids, world.engine.now())
        .await
        .unwrap();
    assert!(matches!(locked, Locked::InTheWay(held) if held[0].owner.name == "mona"));
    world.end().await;
}
