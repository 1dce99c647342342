//! Repositories that get other names, other owners, or a namesake: the number decides.

use chima::flow::repositories;
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::stage::{APP, SITE, World};

const NEW: &str = "octo/site-new";

impl World {
    /// Asks for a deployment in a repository of that name, and works it off. What became of its delivery.
    async fn deployed_in(&self, name: &str) -> (u64, &'static str) {
        let asked = self
            .github
            .deploy(name, DeploymentRequest::to("staging"))
            .await
            .unwrap();
        self.settle().await;
        let parcel = self.parcel(&asked.deliveries[0].guid);
        (asked.id, self.disposition(&parcel).await)
    }

    fn last_state(&self, name: &str, deployment: u64) -> String {
        let statuses = self.github.statuses(name, deployment);
        statuses.last().map(|status| status.state.clone()).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_renamed_repository_is_deployed_as_before() {
    let world = World::new().await;
    let (first, _) = world.deployed_in(SITE).await;
    assert_eq!(world.last_state(SITE, first), "success");
    world.github.rename_repository(SITE, NEW).await.unwrap();
    let (second, _) = world.deployed_in(NEW).await;
    assert_eq!(world.last_state(NEW, second), "success");
    // and so is one with another owner
    world.github.rename_repository(NEW, "elsewhere/site").await.unwrap();
    let (third, _) = world.deployed_in("elsewhere/site").await;
    assert_eq!(world.last_state("elsewhere/site", third), "success");
    world.github.rename_repository("elsewhere/site", SITE).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_rename_that_nobody_heard_of_changes_nothing() {
    let mut world = World::setup().github_app().start().await;
    world.deployed_in(SITE).await;
    world.hook.url("http://127.0.0.1:1/");
    world.github.rename_repository(SITE, NEW).await.unwrap();
    world.restart_with(APP).await;
    let (id, _) = world.deployed_in(NEW).await;
    assert_eq!(world.last_state(NEW, id), "success");
    world.github.rename_repository(NEW, SITE).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_name_that_is_old_before_anything_happens_is_looked_up() {
    let world = World::setup().renamed_from("octo/before").start().await;
    repositories::step(&world.engine).await.unwrap();
    let (id, _) = world.deployed_in(SITE).await;
    assert_eq!(world.last_state(SITE, id), "success");
    world.end().await;
}

#[tokio::test]
async fn a_namesake_is_not_the_one_that_was_meant() {
    let world = World::setup().github_app().start().await;
    world.deployed_in(SITE).await;
    world.github.rename_repository(SITE, NEW).await.unwrap();
    world.settle().await;
    let old = world.github.repository(NEW).id();
    world.github.change(|world| {
        let sha = world.repository(NEW).unwrap().branches["main"].clone();
        let commits = world.repository(NEW).unwrap().commits.clone();
        let mut namesake = world.repository(NEW).unwrap().clone();
        namesake.id = old + 500_000;
        namesake.name = SITE.to_owned();
        namesake.deployments.clear();
        namesake.commits = commits;
        namesake.branches.insert("main".to_owned(), sha);
        world.repositories.push(namesake);
    });
    let (refused, disposition) = world.deployed_in(SITE).await;
    assert_eq!((disposition, world.last_state(SITE, refused).as_str()), ("ignored", ""));
    // the one that is meant goes on, and nothing of it reaches the namesake
    let (meant, _) = world.deployed_in(NEW).await;
    assert_eq!(world.last_state(NEW, meant), "success");
    // until somebody says that the new one is meant, or the old one is gone for good
    let told = world
        .github
        .read(|world| world.repository(NEW).unwrap().deployments.clone());
    world.github.delete_repository(NEW).await.unwrap();
    world.settle().await;
    let (id, _) = world.deployed_in(SITE).await;
    assert_eq!(world.last_state(SITE, id), "success");
    // the closing assertions look there for what was told
    world.github.change(|world| {
        let site = world.repositories.iter_mut().find(|found| found.name == SITE).unwrap();
        site.deployments.extend(told);
    });
    world.end().await;
}

#[tokio::test]
async fn an_installation_that_comes_back_speaks_with_a_new_token() {
    let world = World::setup().github_app().start().await;
    world.deployed_in(SITE).await;
    world.github.installation("octo", "suspend").await;
    world.github.revoke_installation_tokens();
    world.github.installation("octo", "unsuspend").await;
    world.github.install_on(SITE, false).await.unwrap();
    world.github.install_on(SITE, true).await.unwrap();
    world.settle().await;
    let known = world.engine.store.repositories("127.0.0.1").await.unwrap();
    assert!(known.iter().all(|one| !one.gone), "{known:?}");
    let (second, _) = world.deployed_in(SITE).await;
    assert_eq!(world.last_state(SITE, second), "success");
    world.end().await;
}
