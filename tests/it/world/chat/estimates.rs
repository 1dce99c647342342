//! How long things take, as far as history tells.

use std::time::Duration;

use insta::assert_snapshot;

use crate::world::stage::World;

const MINUTE: Duration = Duration::from_secs(60);

impl World {
    /// A deployment that takes so long; the room hears the answer before.
    async fn deployment_of(&self, minutes: u32) -> String {
        let answer = self.dialogue(&["deploy site to staging"]).await;
        self.intake().await;
        self.hold();
        let lines = self.journal().len();
        let running = self.begin(self.runs().await.last().unwrap().id);
        self.journal_of(lines + 1).await;
        self.clock.advance(MINUTE * minutes);
        self.release();
        running.await.unwrap();
        self.settle_all().await;
        answer
    }
}

#[tokio::test]
async fn what_it_usually_takes_is_said_once_history_tells() {
    let world = World::new().await;
    let first = world.deployment_of(2).await;
    world.deployment_of(3).await;
    let third = world.deployment_of(2).await;
    assert!(!first.contains("takes") && !third.contains("takes"), "{first}\n{third}");
    assert_snapshot!(world.dialogue(&["deploy site to staging", "deploy:migrate site to staging", "plan site to staging"]).await, @r#"
    > deploy site to staging
    deployment <4> of `main` at <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    usually takes 2 min
    > deploy:migrate site to staging
    task `deploy:migrate` is not allowed; allowed: `deploy`; ask again with an allowed one, or have an operator add it to `tasks` [task_not_allowed]
      [deploy] deploy site to staging
    > plan site to staging
    deployment <5> of `main` at <one>: `deploy:plan` on `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    "#);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_run_is_compared_with_its_like_and_a_line_is_added_up() {
    let world = World::new().await;
    for minutes in [2, 3, 2] {
        world.deployment_of(minutes).await;
    }
    world.hold();
    world.say_in("deployment", "deploy site to staging").await;
    world.intake().await;
    let running = world.begin(world.runs().await[3].id);
    world.journal_of(7).await;
    let early = world.dialogue(&["deploy site to staging", "status site staging"]).await;
    world.intake().await;
    let behind = world.dialogue(&["deploy site to staging"]).await;
    world.intake().await;
    world.clock.advance(MINUTE);
    let queue = world.dialogue(&["queue", "why site staging"]).await;
    world.clock.advance(MINUTE * 3);
    let late = world
        .dialogue(&["queue site staging", "status site staging", "deploy site to staging"])
        .await;
    assert_snapshot!([early, behind, queue, late].join("\n"), @r#"
    > deploy site to staging
    deployment <5> of `main` at <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    next in line, about 2 min until it begins; usually takes 2 min
    > status site staging
    `staging`: <one> (main), deployed 0 s ago by @mona; deploying <one> (main) now for 0 s (usually 2 min)
    > deploy site to staging
    deployment <6> of `main` at <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 0 s ago by @mona
    no change: `staging` runs exactly that
    second in line, about 4 min until it begins; usually takes 2 min
    > queue
    - `site` deploying <one> (main) to staging; for 1 min, asked for by @mona; usually 2 min
    - `site` queued: <one> (main) to staging; for 1 min, asked for by @mona; about 1 min until it begins
    - `site` queued: position 2; for 1 min, asked for by @mona; about 3 min until it begins
    > why site staging
    queued: position 2 (for 1 min; about 3 min until it begins)
    it starts by itself when its turn comes
    <chima>/runs/<run 6>
      [Cancel] cancel <run 6>
    > queue site staging
    - `site` deploying <one> (main) to staging; for 4 min, asked for by @mona; usually 2 min, longer than each of the last 3
    - `site` queued: <one> (main) to staging; for 4 min, asked for by @mona
    - `site` queued: position 2; for 4 min, asked for by @mona
    > status site staging
    `staging`: <one> (main), deployed 4 min ago by @mona; deploying <one> (main) now for 4 min (usually 2 min, longer than each of the last 3); <one> (main) is queued; <one> (main) is queued
    > deploy site to staging
    deployment <7> of `main` at <one> to `staging` of `site`, asked for by mona
    now it runs <one> (main), deployed 4 min ago by @mona
    no change: `staging` runs exactly that
    third in line; usually takes 2 min
    "#);
    world.release();
    running.await.unwrap();
    world.settle_all().await;
    world.end().await;
}
