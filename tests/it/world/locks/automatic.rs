//! Nothing is deployed by itself to a locked environment, not even by its owner.

use std::time::Duration;

use chima::flow::auto_deploy;
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::stage::{APP, SITE, World};
use crate::world::steps::PATIENCE;

async fn following() -> World {
    let app = APP.replace("staging: {}", "staging: { auto_deploy: { on: push } }");
    let world = World::setup().app(&app).start().await;
    world.deploy("staging").await;
    world.rounds().await;
    world
}

impl World {
    /// Deliveries, looks, and what they lead to.
    async fn rounds(&self) {
        for _ in 0..2 {
            self.settle().await;
            while auto_deploy::step(&self.engine).await.unwrap() > 0 {}
            self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        }
        self.settle().await;
    }

    async fn pushed(&mut self, name: &str) -> String {
        self.git.write("version", &format!("{name}\n")).unwrap();
        let sha = self.git.commit(name).unwrap();
        let parent = self.commits.last().unwrap().1.clone();
        let repository = self.github.repository(SITE);
        repository
            .commit(&sha, name, "mona", &[&parent])
            .files(&sha, &["version"]);
        self.commits.push((name.to_owned(), sha.clone()));
        self.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
        sha
    }

    /// Commits of the deployments there are, oldest first.
    fn deployed(&self) -> Vec<String> {
        self.github.read(|world| {
            let all = world.repository(SITE).unwrap().deployments.iter();
            all.map(|one| one.sha.clone()).collect()
        })
    }

    async fn outcome(&self) -> &'static str {
        let rows = self
            .engine
            .store
            .auto_deploys(&self.engine.config.github.host)
            .await
            .unwrap();
        rows[0]
            .outcome
            .as_ref()
            .map_or("", chima::domain::auto_deploy::Outcome::code)
    }
}

#[tokio::test]
async fn an_environment_that_is_locked_is_not_even_asked_about_and_goes_on_when_it_is_free() {
    let mut world = following().await;
    world.locked("mona", "staging", None).await;
    let sha = world.pushed("two").await;
    let asked = world.github.requests().len();
    world.rounds().await;
    assert_eq!((world.outcome().await, world.deployed().len()), ("locked", 1));
    assert_eq!(world.github.requests().len(), asked, "GitHub was not asked");
    world.clock.advance(Duration::from_secs(60));
    world.rounds().await;
    assert_eq!(world.deployed().len(), 1);
    world.unlocked("mona", &["staging"]).await;
    world.rounds().await;
    assert_eq!(world.deployed().last(), Some(&sha));
    assert_eq!(world.journal().len(), 4);
    world.end().await;
}

#[tokio::test]
async fn what_was_asked_for_just_before_the_lock_waits_for_it_to_go() {
    let mut world = following().await;
    world.pushed("two").await;
    while world.intake().await > 0 {}
    assert_eq!(auto_deploy::step(&world.engine).await.unwrap(), 1);
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    // made by mona's push, which does not help: the lock is hers, and came first as far as whole seconds can tell
    world.locked("mona", "staging", None).await;
    world.settle().await;
    assert_eq!(
        world.runs().await.last().unwrap().reason.as_ref().unwrap().code(),
        "locked"
    );
    assert_eq!(world.journal().len(), 2);
    world.unlocked("mona", &["staging"]).await;
    world.sweep().await;
    world.rounds().await;
    assert_eq!(world.journal().len(), 4);
    world.end().await;
}

#[tokio::test]
async fn a_lock_that_expires_lets_the_look_happen() {
    let mut world = following().await;
    world.locked("lisa", "staging", Some("30m")).await;
    world.pushed("two").await;
    world.rounds().await;
    assert_eq!(world.outcome().await, "locked");
    world.clock.advance(Duration::from_secs(1800));
    world.sweep().await;
    world.rounds().await;
    assert_eq!(world.journal().len(), 4);
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn a_lock_command_says_nothing_about_what_an_environment_runs() {
    let mut world = following().await;
    let lock = DeploymentRequest {
        task: "deploy:lock".to_owned(),
        creator: Some("lisa".to_owned()),
        ..DeploymentRequest::to("staging")
    };
    let first = world.commits[0].1.clone();
    world.ask(lock).await;
    world.rounds().await;
    let sha = world.pushed("two").await;
    world.rounds().await;
    world.unlocked("lisa", &["staging"]).await;
    world.rounds().await;
    assert_eq!(world.deployed(), [first.clone(), first, sha]);
    world.end().await;
}
