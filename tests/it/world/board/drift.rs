//! How what runs stands to the default branch: learned beside the pages, from GitHub, and only when something may have changed.

use std::time::Duration;

use chima::flow::drift;
use chima_simulator::fault::{Fault, FaultKind};

use crate::world::stage::{SITE, World};

impl World {
    /// Looks at default branches, when they are due.
    async fn look_at_branches(&self, after: u64) -> usize {
        self.clock.advance(Duration::from_secs(after));
        drift::step(&self.engine).await.unwrap()
    }
}

#[tokio::test]
async fn what_runs_falls_behind_and_catches_up() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.look_at_branches(1).await, 0, "not at once");
    assert_eq!(world.look_at_branches(3).await, 1);
    assert_eq!(world.look_at_branches(0).await, 0, "only once");
    assert!(world.page("/").await.contains("up to date with <code>main</code>"));
    for name in ["two", "three"] {
        world.push(name).await;
    }
    world.settle().await;
    assert_eq!(world.look_at_branches(30).await, 1);
    let page = world.page("/").await;
    assert!(
        page.contains("2 commits behind <code>main</code>") && page.contains("/compare/"),
        "{page}"
    );
    assert!(page.contains("three") && page.contains("no checks"), "{page}");
    world.deploy("staging").await;
    world.settle().await;
    // what is at the head needs nobody to be asked
    assert!(world.page("/").await.contains("up to date with <code>main</code>"));
    world.end().await;
}

#[tokio::test]
async fn what_is_reported_about_the_head_is_seen() {
    let world = World::new().await;
    world.look_at_branches(20).await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    for (state, expected) in [
        ("pending", "checks pending"),
        ("failure", "checks red"),
        ("success", "checks green"),
    ] {
        world.github.ci(SITE, &sha, "ci", state).await.unwrap();
        world.settle().await;
        assert_eq!(world.look_at_branches(30).await, 1, "{state}");
        let page = world.page("/").await;
        assert!(page.contains(expected), "{state}: {page}");
    }
    world.end().await;
}

#[tokio::test]
async fn where_github_cannot_be_asked_the_page_says_so_and_keeps_what_is_known() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    world.look_at_branches(20).await;
    world
        .github
        .fail(Fault::on_any("/branches", FaultKind::InternalError).always());
    world.push("two").await;
    world.settle().await;
    assert_eq!(world.look_at_branches(30).await, 1);
    let page = world.page("/").await;
    assert!(
        page.contains("GitHub could not be asked") && page.contains("known at"),
        "{page}"
    );
    world.github.heal();
    assert_eq!(world.look_at_branches(1000).await, 1);
    let page = world.page("/").await;
    assert!(
        !page.contains("could not be asked") && page.contains("1 commit behind <code>main</code>"),
        "{page}"
    );
    world.end().await;
}

/// What a look asked GitHub about the repository: as whom, and how each answer ended.
async fn asked_by_a_look(world: &World, after: u64) -> Vec<(String, u16)> {
    let before = world.github.requests().len();
    assert_eq!(world.look_at_branches(after).await, 1);
    let asked = world.github.requests().into_iter().skip(before);
    let about_it = asked.filter(|one| one.path.starts_with("/repos/") && !one.path.ends_with("/installation"));
    about_it
        .map(|one| (one.identity, one.status.unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn an_app_learns_it_with_the_token_of_its_installation() {
    let mut world = World::setup().github_app().start().await;
    world.deploy("staging").await;
    world.settle().await;
    world.push("two").await;
    world.settle().await;
    let asked = asked_by_a_look(&world, 30).await;
    assert!(asked.len() >= 4, "{asked:?}");
    assert!(
        asked.iter().all(|one| *one == ("installation 77".to_owned(), 200)),
        "{asked:?}"
    );
    assert!(world.page("/").await.contains("1 commit behind <code>main</code>"));
    // nothing has changed: what GitHub can say so about is not read again, nor counted
    let again = asked_by_a_look(&world, 1000).await;
    assert_eq!(
        again.iter().filter(|(_, status)| *status == 304).count(),
        2,
        "{again:?}"
    );
    assert!(world.page("/").await.contains("1 commit behind <code>main</code>"));
    world.end().await;
}

#[tokio::test]
async fn an_app_that_was_installed_anew_is_found_again() {
    let world = World::setup().github_app().start().await;
    world.deploy("staging").await;
    world.settle().await;
    world.look_at_branches(30).await;
    world.github.change(|world| world.app.installations[0].id = 99);
    world.github.revoke_installation_tokens();
    let refused = asked_by_a_look(&world, 1000).await;
    assert!(refused.iter().all(|(_, status)| *status == 401), "{refused:?}");
    assert!(world.page("/").await.contains("GitHub could not be asked"));
    let asked = asked_by_a_look(&world, 120).await;
    assert!(
        asked.iter().all(|one| *one == ("installation 99".to_owned(), 200)),
        "{asked:?}"
    );
    assert!(!world.page("/").await.contains("could not be asked"));
    world.end().await;
}

#[tokio::test]
async fn of_two_processes_one_looks() {
    let world = World::new().await;
    let other = world.second_worker().await;
    world.clock.advance(Duration::from_secs(20));
    let (one, two) = tokio::join!(drift::step(&world.engine), drift::step(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    other.store.close().await;
    world.end().await;
}
