//! Pull mode: no webhook at all, and everything works.

use std::time::Duration;

use chima::flow::auto_deploy;
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::stage::{APP, SITE, World};
use crate::world::steps::PATIENCE;

const INTERVAL: u64 = 15;

async fn polled(app: &str) -> World {
    let world = World::setup().app(app).polling(INTERVAL).start().await;
    world.hook.active(false);
    world.look().await;
    world
}

impl World {
    async fn wanted(&self, environment: &str) -> u64 {
        let request = DeploymentRequest::to(environment);
        self.github.deploy(SITE, request).await.unwrap().id
    }

    /// One question, and what follows.
    async fn poll(&self) {
        self.look_later(INTERVAL).await;
        while auto_deploy::step(&self.engine).await.unwrap() > 0 {}
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        self.settle().await;
    }
}

#[tokio::test]
async fn a_deployment_is_found_and_run_without_any_webhook() {
    for setup in [World::setup(), World::setup().github_app()] {
        let world = setup.polling(INTERVAL).start().await;
        world.hook.active(false);
        world.look().await;
        let id = world.wanted("staging").await;
        world.poll().await;
        assert_eq!(world.states(id), ["success"]);
        assert_eq!(world.heard(id).await, "found in GitHub's list");
        let asked: Vec<String> = world.github.requests().into_iter().map(|one| one.path).collect();
        assert!(asked.iter().all(|path| !path.contains("/hook")), "{asked:?}");
        assert_eq!(world.runs().await.len(), 1);
        world.end().await;
    }
}

#[tokio::test]
async fn several_of_one_interval_run_in_order_as_they_would_with_a_webhook() {
    let world = polled(APP).await;
    let mut began = Vec::new();
    for _ in 0..3 {
        let id = world.wanted("staging").await;
        began.push(format!("begin staging {id}"));
        world.clock.advance(Duration::from_secs(2));
    }
    world.poll().await;
    let journal = world.journal().into_iter();
    assert_eq!(
        journal.filter(|line| line.starts_with("begin")).collect::<Vec<_>>(),
        began
    );
    world.end().await;
}

#[tokio::test]
async fn what_is_too_young_is_taken_moments_later() {
    let world = polled(APP).await;
    world.clock.advance(Duration::from_secs(INTERVAL - 1));
    let id = world.wanted("staging").await;
    world.look_later(1).await;
    assert_eq!(world.states(id).len(), 0);
    world.look_later(4).await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn an_idle_poll_costs_nothing() {
    let world = polled(APP).await;
    let id = world.wanted("staging").await;
    for _ in 0..3 {
        world.poll().await;
    }
    assert_eq!(world.states(id), ["success"]);
    let used = |world: &World| {
        let requests = world.github.requests();
        requests.iter().filter(|one| one.status != Some(304)).count()
    };
    let before = used(&world);
    for _ in 0..20 {
        world.poll().await;
    }
    assert_eq!(used(&world), before, "only answers that nothing has changed");
    world.end().await;
}

#[tokio::test]
async fn a_held_one_goes_on_when_its_contexts_are_green() {
    let app = APP.replace("required_contexts: []", "required_contexts: [ci]");
    let world = polled(&app).await;
    let id = world.wanted("staging").await;
    world.poll().await;
    assert_eq!(world.states(id), ["pending"]);
    let sha = world.run(id).await.sha;
    world.github.repository(SITE).status(&sha, "ci", "success");
    for _ in 0..4 {
        world.poll().await;
    }
    world.settle_all().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_push_is_deployed_by_itself() {
    let app = APP.replace("staging: {}", "staging: { auto_deploy: { on: push } }");
    let mut world = polled(&app).await;
    world.poll().await;
    assert_eq!(world.runs().await.len(), 0, "what was there before is nobody's wish");
    let sha = world.commit("two");
    // one question finds the push, the next the deployment that it led to
    world.poll().await;
    world.poll().await;
    let runs = world.runs().await;
    assert_eq!(
        runs.iter().map(|run| run.sha.as_str()).collect::<Vec<_>>(),
        [sha.as_str()]
    );
    assert_eq!(world.states(runs[0].deployment.0), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn a_push_while_nobody_asked_is_found_at_the_start() {
    let app = APP.replace("staging: {}", "staging: { auto_deploy: { on: push } }");
    let mut world = polled(&app).await;
    let sha = world.commit("two");
    world.clock.advance(Duration::from_secs(3600));
    world.restart_with(&app).await;
    world.poll().await;
    world.poll().await;
    assert_eq!(world.runs().await[0].sha, sha);
    world.end().await;
}

#[tokio::test]
async fn what_was_made_while_nobody_asked_is_found_and_what_is_older_than_the_installation_is_not() {
    let world = World::setup().polling(INTERVAL).start().await;
    world.hook.active(false);
    let mut world = world;
    // before the ledger first followed the repository
    world.github.change(|found| {
        let now = found.now();
        let repository = &mut found.repositories[0];
        repository.commits.values_mut().for_each(|commit| commit.at = now);
    });
    let ancient = world.wanted("production").await;
    world.github.change(|found| {
        let old = found.now() - chrono::TimeDelta::hours(2);
        found.repositories[0].deployments[0].created_at = old;
    });
    world.look().await;
    world.settle().await;
    let missed = world.wanted("staging").await;
    world.clock.advance(Duration::from_secs(3600));
    world.restart_with(APP).await;
    world.poll().await;
    assert_eq!(
        (world.states(ancient).len(), world.states(missed)),
        (0, vec!["success".to_owned()])
    );
    world.end().await;
}

#[tokio::test]
async fn pages_and_webhooks_say_that_github_is_asked() {
    let world = polled(APP).await;
    assert!(!world.page("/").await.contains("Not set up"));
    assert!(world.page("/readyz").await.contains(r#""set_up":true"#));
    let (status, text) = {
        let parcel = crate::world::steps::Parcel {
            headers: Vec::new(),
            body: Vec::new(),
        };
        let answer = world.post(&parcel).await;
        (answer.status, answer.body)
    };
    assert_eq!(status, 503);
    assert!(text.contains("`github.polling`"), "{text}");
    world.end().await;
}
