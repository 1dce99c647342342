//! Merged pull requests, and what a branch looks like after somebody has rewritten it.

use chima_simulator::github::pull::Closing;

use super::{app, deployed};
use crate::world::stage::{SITE, World};

async fn merged_only() -> World {
    let world = World::setup()
        .app(&app("required_contexts: []", "{ on: merged_pull_request }"))
        .start()
        .await;
    world.deploy("staging").await;
    world.round().await;
    world
}

impl World {
    /// A pull request whose merge makes this commit.
    pub async fn merge(&mut self, name: &str) {
        let before = self.commits.last().unwrap().1.clone();
        let sha = self.land(name, &["version"]);
        let closed = self
            .github
            .close_pull(SITE, Closing::of(&before).with(&sha))
            .await
            .unwrap();
        assert!(closed.deliveries.iter().all(|one| one.status == 202), "{closed:?}");
    }
}

#[tokio::test]
async fn a_merge_makes_one_deployment_although_two_events_tell_of_it() {
    let mut world = deployed("true").await;
    world.merge("two").await;
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.later(3600).await;
    assert_eq!(world.made().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn where_only_merges_count_a_push_is_not_deployed() {
    let mut world = merged_only().await;
    world.push("two").await;
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("nothing_merged", 1));
    world.merge("three").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success", "three: success"]);
    let payload = world
        .github
        .read(|found| found.repository(SITE).unwrap().deployments[1].payload.clone());
    assert_eq!(
        (&payload["trigger"], &payload["pull_request"], &payload["actor"]),
        (
            &serde_json::json!("merged_pull_request"),
            &serde_json::json!(1),
            &serde_json::json!("hubot")
        )
    );
    world.end().await;
}

#[tokio::test]
async fn a_merge_that_somebody_pushed_over_is_deployed_all_the_same() {
    let mut world = merged_only().await;
    world.merge("two").await;
    world.push("three").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.later(300).await;
    assert_eq!(world.made().len(), 2, "and what was pushed is not");
    world.end().await;
}

#[tokio::test]
async fn merges_into_other_branches_and_closed_ones_do_not_count() {
    let mut world = merged_only().await;
    let one = world.sha("one");
    let other = world.land("two", &[]);
    world.github.repository(SITE).branch("edge", &one);
    let into_edge = Closing::of(&one).into("edge").with(&other);
    world.github.close_pull(SITE, into_edge).await.unwrap();
    let topic = world.land("three", &[]);
    let closed = Closing::of(&topic).from("other/site").unmerged();
    world.github.close_pull(SITE, closed).await.unwrap();
    world.round().await;
    world.later(300).await;
    assert_eq!((world.why().await, world.made().len()), ("nothing_merged", 1));
    world.end().await;
}

#[tokio::test]
async fn a_fork_is_merged_like_any_other_and_its_head_is_never_deployed() {
    let mut world = merged_only().await;
    let head = world.land("theirs", &[]);
    let merge = world.land("two", &[]);
    let closing = Closing::of(&head).from("other/site").with(&merge);
    world.github.close_pull(SITE, closing).await.unwrap();
    world.round().await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_merge_that_was_rewritten_away_is_not_deployed() {
    let mut world = merged_only().await;
    world.merge("two").await;
    let one = world.sha("one");
    let sha = world.land("other", &[]);
    world.github.repository(SITE).commit(&sha, "other", "mona", &[&one]);
    world.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("merge_undone", 1));
    world.end().await;
}

#[tokio::test]
async fn after_a_forced_push_a_person_decides_once_and_then_it_goes_on() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.round().await;
    let one = world.sha("one");
    let rewritten = world.land("rewritten", &[]);
    world
        .github
        .repository(SITE)
        .commit(&rewritten, "rewritten", "mona", &[&one]);
    world.github.move_branch(SITE, "main", Some(&rewritten)).await.unwrap();
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("diverged", 2));
    world.deploy("staging").await;
    world.round().await;
    world.push("three").await;
    world.round().await;
    assert_eq!(
        world.made(),
        ["one: success", "two: success", "rewritten: success", "three: success"]
    );
    world.end().await;
}

#[tokio::test]
async fn a_branch_that_went_back_takes_nothing_back_with_it() {
    let mut world = deployed("{ on: push }").await;
    world.push("two").await;
    world.push("three").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success", "three: success"], "only the newest");
    let two = world.sha("two");
    world.github.move_branch(SITE, "main", Some(&two)).await.unwrap();
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("behind", 2));
    world.end().await;
}
