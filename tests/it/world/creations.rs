//! Deployments that people ask for are writes like statuses, and all of them keep one pace.

use std::time::Duration;

use chima::store::outbox::GITHUB_PACE;
use insta::assert_snapshot;

use crate::world::stage::World;

/// So many may leave at once.
const BURST: usize = 20;

impl World {
    /// Others write so much.
    async fn written_by_others(&self, writes: usize) {
        for _ in 0..writes {
            let taken = self
                .engine
                .store
                .take_place(GITHUB_PACE, &self.engine.pace, self.engine.now());
            assert!(taken.await.unwrap());
        }
    }

    fn writes(&self) -> usize {
        let requests = self.github.requests();
        requests.iter().filter(|one| one.method == "POST").count()
    }
}

#[tokio::test]
async fn statuses_wait_for_what_people_asked_for() {
    let world = World::new().await;
    world.written_by_others(BURST - 6).await;
    for _ in 0..4 {
        world.say_in("deployment", "deploy site to production").await;
    }
    world.settle().await;
    assert_eq!(world.writes(), 6, "as much as there is room for, of both together");
    world.clock.advance(Duration::from_secs(60));
    world.settle_all().await;
    for run in world.runs().await {
        assert_eq!(world.latest(run.deployment.0).state, "success");
    }
    world.end().await;
}

#[tokio::test]
async fn who_finds_no_room_hears_when_to_ask_again() {
    let world = World::new().await;
    world.written_by_others(BURST).await;
    assert_snapshot!(world.dialogue(&["deploy site to staging"]).await, @r#"
    > deploy site to staging
    nothing more goes to GitHub for 10 s: it asks for that, or as much was written as `github.writes_per_minute` allows; nothing was done [github_unavailable]
      [Try again] deploy site to staging
    "#);
    assert_eq!(world.writes(), 0);
    world.clock.advance(Duration::from_secs(10));
    let answer = world.say_in("deployment", "deploy site to staging").await;
    assert!(answer["ok"].as_bool().unwrap(), "{answer}");
    world.settle_all().await;
    world.end().await;
}
