//! The queue, and who holds what.

use std::time::Duration;

use chima::domain::run::RunState;

use crate::world::ending::Left;
use crate::world::sign_in::{open_to_the_world, signed_in};
use crate::world::stage::World;

#[tokio::test]
async fn each_that_waits_says_why_and_when_it_begins() {
    let world = World::new().await;
    // what is usual must be known
    for number in 0..5 {
        world.hold();
        let id = world.deploy("staging").await;
        world.intake().await;
        let job = world.begin(world.run(id).await.id);
        world.journal_of(number * 2 + 1).await;
        world.clock.advance(Duration::from_secs(60));
        world.release();
        job.await.unwrap();
        world.settle().await;
    }
    world.hold();
    let running = world.deploy("staging").await;
    world.intake().await;
    let job = world.begin(world.run(running).await.id);
    world.journal_of(11).await;
    world.clock.advance(Duration::from_secs(1));
    let next = world.deploy("staging").await;
    world.clock.advance(Duration::from_secs(1));
    let last = world.deploy("staging").await;
    world.intake().await;
    assert_eq!(world.state(last).await, RunState::Queued);
    let page = world.page("/queue").await;
    let mut expected = Vec::new();
    for id in [running, next, last] {
        expected.push(world.run(id).await.id.to_string());
    }
    assert_eq!(World::runs_on(&page), expected, "{page}");
    for text in [
        "runs for ",
        "waits for ",
        "it is next, and begins when what runs there has ended",
        "it is at position 2 in its lane",
        "Nobody holds an environment.",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(
        page.matches("<td><time datetime=").count() >= 2,
        "when they begin: {page}"
    );
    world.release();
    job.await.unwrap();
    world.settle().await;
    let page = world.page("/queue").await;
    assert!(page.contains("Nothing runs, and nothing waits."), "{page}");
    world.end().await;
}

#[tokio::test]
async fn a_lock_is_shown_with_whose_it_is_and_why() {
    let world = World::setup().with("on_lock: wait").start().await;
    world.lock_for_test("lisa", "production").await;
    let held = world.deploy("production").await;
    world.settle().await;
    assert_eq!(world.state(held).await, RunState::Held);
    let page = world.page("/queue").await;
    for text in [
        "site · production",
        "lisa",
        "db migration",
        "somebody unlocks",
        "state held",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    world.end_with(Left { held: 1, dead: 0 }).await;
}

#[tokio::test]
async fn people_lock_and_unlock_from_the_page() {
    let world = open_to_the_world()
        .with("viewers: [oscar]\ndeployers: [mona, lisa]")
        .start()
        .await;
    let (mut mona, mut lisa) = (signed_in(&world, "mona").await, signed_in(&world, "lisa").await);
    let mut oscar = signed_in(&world, "oscar").await;
    let (proof, lisas, oscars) = (mona.proof().await, lisa.proof().await, oscar.proof().await);
    let asked = |proof: &str, otherwise: &str| {
        [
            ("proof", proof.to_owned()),
            ("place", "site/production".to_owned()),
            ("reason", "db <migration>".to_owned()),
            ("for", "2h".to_owned()),
            ("otherwise", otherwise.to_owned()),
        ]
    };
    let form = |fields: &[(&'static str, String); 5]| fields.clone();
    let page = mona.page("/queue").await;
    assert!(
        page.contains("action=\"/locks\"") && page.contains("site/production"),
        "{page}"
    );
    let fields = form(&asked(&proof, "refuse"));
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = mona.post("/locks", &pairs).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/queue"), "{}", done.text);
    let page = lisa.page("/queue").await;
    assert!(
        page.contains("mona") && page.contains("db &#60;migration&#62;"),
        "{page}"
    );
    // somebody else has it
    let fields = form(&asked(&lisas, "refuse"));
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = lisa.post("/locks", &pairs).await;
    assert!(
        refused.status == 409 && refused.text.contains("mona"),
        "{} {}",
        refused.status,
        refused.text
    );
    // whoever may only look is shown no button, and gets no further without one
    let page = oscar.page("/queue").await;
    assert!(page.contains("mona") && !page.contains("action=\"/locks"), "{page}");
    let fields = form(&asked(&oscars, "steal"));
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(oscar.post("/locks", &pairs).await.status, 403);
    let held = world.engine.store.locks(world.engine.now()).await.unwrap();
    let (id, owner) = (held[0].lock.id.to_string(), held[0].lock.owner.name.clone());
    assert_eq!((held.len(), owner.as_str()), (1, "mona"));
    let path = format!("/locks/{id}/unlock");
    assert_eq!(oscar.post(&path, &[("proof", &oscars)]).await.status, 403);
    let unlocked = lisa.post(&path, &[("proof", &lisas)]).await;
    assert_eq!(
        (unlocked.status, unlocked.location.as_str()),
        (303, "/queue"),
        "{}",
        unlocked.text
    );
    assert_eq!(lisa.post(&path, &[("proof", &lisas)]).await.status, 404);
    assert!(world.engine.store.locks(world.engine.now()).await.unwrap().is_empty());
    world.settle_all().await;
    world.end().await;
}
