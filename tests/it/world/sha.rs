//! Exactly the deployment's commit, whatever branches do meanwhile.

use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::{SITE, World};

#[tokio::test]
async fn a_branch_that_moved_after_the_webhook_changes_nothing() {
    let mut world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.commit("two");
    world.settle().await;
    assert!(world.log(id).await.contains("version one"));
    world.end().await;
}

#[tokio::test]
async fn a_branch_that_was_rewritten_changes_nothing() {
    let mut world = World::new().await;
    let id = world.deploy("staging").await;
    world
        .git
        .git(&["commit", "--quiet", "--amend", "--message", "rewritten"])
        .unwrap();
    world.commit("two");
    world.settle().await;
    assert!(world.log(id).await.contains("version one"));
    world.end().await;
}

#[tokio::test]
async fn a_branch_with_the_name_of_the_commit_does_not_win() {
    let mut world = World::new().await;
    let one = world.commits[0].1.clone();
    let two = world.commit("two");
    for name in [
        format!("refs/heads/{one}"),
        format!("refs/tags/{one}"),
        format!("refs/heads/{}", &one[..8]),
    ] {
        world.git.git(&["update-ref", &name, &two]).unwrap();
    }
    let by_branch = world.ask(DeploymentRequest::to("staging").of(&one)).await;
    world.settle().await;
    assert!(world.log(by_branch).await.contains("version one"));
    world.end().await;
}

#[tokio::test]
async fn tags_and_full_ids_are_deployed_like_branches() {
    let mut world = World::new().await;
    let one = world.commits[0].1.clone();
    world.commit("two");
    world.github.repository(SITE).tag("v1", &one);
    let tag = world.ask(DeploymentRequest::to("staging").of("v1")).await;
    let id = world.ask(DeploymentRequest::to("production").of(&one)).await;
    world.settle().await;
    assert_snapshot!(world.told(tag).await, @"success: deployed <one> (v1) to staging in 0 s");
    assert_snapshot!(world.told(id).await, @"success: deployed <one> to production in 0 s");
    assert!(world.log(tag).await.contains("version one") && world.log(id).await.contains("version one"));
    world.end().await;
}

#[tokio::test]
async fn a_commit_that_git_does_not_have_is_an_error() {
    let mut world = World::new().await;
    let ghost = "0123456789abcdef0123456789abcdef01234567";
    world
        .github
        .repository(SITE)
        .commit(ghost, "gone", "mona", &[])
        .branch("ghost", ghost);
    world.commits.push(("ghost".to_owned(), ghost.to_owned()));
    let id = world.ask(DeploymentRequest::to("staging").of("ghost")).await;
    let next = world.deploy("staging").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"error: error: the commit could not be checked out: `<folder>/site` has no commit `<ghost>`; push i…");
    assert_eq!(world.latest(next).state, "success", "the lane goes on");
    world.end().await;
}

#[tokio::test]
async fn a_remote_that_is_not_there_is_an_error_that_names_it() {
    let world = World::new().await;
    std::fs::rename(world.path("site"), world.path("elsewhere")).unwrap();
    let id = world.deploy("staging").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"error: error: the commit could not be checked out: remote `<folder>/site` is not an absolute path of a folder; correct `remote` of…");
    world.end().await;
}
