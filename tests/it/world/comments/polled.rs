//! Commands in comments where no webhook brings them, or where one does as well.

use std::time::Duration;

use chima::webhook::envelope::comment_key;
use chima_simulator::fault::{Fault, FaultKind};

use crate::world::comments::Pull;
use crate::world::setup::Setup;
use crate::world::stage::{SECRET, SITE, World};

const INTERVAL: u64 = 15;

/// Asks GitHub, and is told nothing.
async fn polled(setup: Setup) -> (World, Pull) {
    let mut world = setup.polling(INTERVAL).start().await;
    world.look().await;
    world.hook.active(false);
    let pull = world.open().await;
    world.ask_github().await;
    (world, pull)
}

impl World {
    async fn ask_github(&self) {
        self.look_later(INTERVAL).await;
        self.answered().await;
        // what was asked for is found by the next question
        self.look_later(INTERVAL).await;
        self.answered().await;
    }

    /// Somebody writes, some seconds after the last.
    async fn said(&self, issue: u64, login: &str, text: &str) -> u64 {
        self.clock.advance(Duration::from_secs(5));
        self.github.comment(SITE, issue, login, text).await.unwrap().id
    }

    /// What became of the delivery of that GUID.
    async fn became_of(&self, guid: &str) -> (String, String) {
        let found = self.engine.store.find_delivery(guid).await.unwrap().unwrap();
        (found.disposition.as_str().to_owned(), found.detail.unwrap_or_default())
    }

    /// Whether a comment is in the ledger.
    async fn has_stored(&self, comment: u64) -> bool {
        let host = self.engine.config.github.host.clone();
        let key = comment_key(&host, self.github.repository(SITE).id(), comment);
        !self.engine.store.known_of(&[key]).await.unwrap().is_empty()
    }

    fn calls_that_count(&self) -> usize {
        let requests = self.github.requests();
        requests.iter().filter(|one| one.status != Some(304)).count()
    }
}

#[tokio::test]
async fn a_comment_is_found_and_answered_without_any_webhook() {
    for setup in [World::setup(), World::setup().github_app()] {
        let (world, pull) = polled(setup).await;
        world.said(pull.number, "mona", "/deploy to staging").await;
        world.ask_github().await;
        let runs = world.runs().await;
        assert_eq!((runs.len(), runs[0].sha.as_str()), (1, pull.sha.as_str()));
        let comments = world.github.comments(SITE, pull.number);
        assert_eq!(comments.len(), 2, "{comments:?}");
        assert!(comments[1].body.contains("**deployed "), "{}", comments[1].body);
        for _ in 0..3 {
            world.ask_github().await;
        }
        assert_eq!(world.github.comments(SITE, pull.number), comments);
        world.end().await;
    }
}

#[tokio::test]
async fn whichever_brings_a_comment_first_the_other_brings_nothing_new() {
    let setup = World::setup().polling(INTERVAL).secrets(&[SECRET]);
    let mut world = setup.start().await;
    world.look().await;
    let pull = world.open().await;
    // by webhook first
    world.said(pull.number, "mona", "/deploy to staging").await;
    world.answered().await;
    world.ask_github().await;
    assert_eq!(world.github.comments(SITE, pull.number).len(), 2);
    // then by the list
    world.hook.active(false);
    world.said(pull.number, "mona", "/deploy to production").await;
    world.ask_github().await;
    world.hook.active(true);
    assert_eq!(world.github.comments(SITE, pull.number).len(), 4);
    let said = world.github.comments(SITE, pull.number).remove(2).id;
    let told = world.github.tell_of_comment(SITE, said).await.unwrap();
    world.answered().await;
    let (disposition, detail) = world.became_of(&told[0].guid).await;
    assert_eq!(disposition, "duplicate", "{detail}");
    assert_eq!(world.github.comments(SITE, pull.number).len(), 4);
    assert_eq!(world.runs().await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn while_nobody_writes_the_question_costs_nothing() {
    let (world, pull) = polled(World::setup()).await;
    world.said(pull.number, "mona", "/deploy to staging").await;
    for _ in 0..3 {
        world.ask_github().await;
    }
    let (before, asked) = (world.calls_that_count(), world.read_of("/issues/comments"));
    for _ in 0..20 {
        world.look_later(INTERVAL).await;
    }
    assert_eq!(
        world.calls_that_count(),
        before,
        "only answers that nothing has changed"
    );
    assert_eq!(world.read_of("/issues/comments"), asked + 20, "one question each time");
    // and not even a week later
    world.look_later(7 * 24 * 3600).await;
    let before = world.calls_that_count();
    world.look_later(INTERVAL).await;
    world.look_later(INTERVAL).await;
    assert_eq!(world.calls_that_count(), before);
    world.end().await;
}

#[tokio::test]
async fn what_is_no_command_of_a_person_on_a_pull_request_is_left_alone() {
    let mut world = World::setup().polling(INTERVAL).start().await;
    world.hook.active(false);
    let pull = world.open().await;
    // before the ledger first followed the repository
    world
        .github
        .comment(SITE, pull.number, "mona", "/deploy to staging")
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(60));
    let now = world.engine.now();
    let host = world.engine.config.github.host.clone();
    world.engine.store.follow_sources(&host, &[], now).await.unwrap();
    world
        .engine
        .store
        .follow_sources(&host, &[SITE.to_owned()], now)
        .await
        .unwrap();
    world.look().await;
    let mut alone = Vec::new();
    for text in ["looks good", "> /deploy to staging", "/assign @mona"] {
        alone.push(world.said(pull.number, "mona", text).await);
    }
    let bots = world.said(pull.number, "chima-helper[bot]", "/deploy to staging").await;
    let of_an_issue = world.said(900, "mona", "/deploy to staging").await;
    let harmless = world.said(pull.number, "mona", "looks good").await;
    world.clock.advance(Duration::from_secs(5));
    world
        .github
        .rewrite(SITE, harmless, "/deploy to production")
        .await
        .unwrap();
    let looked_up = world.read_of("/pulls/900");
    for _ in 0..3 {
        world.ask_github().await;
    }
    assert_eq!(world.runs().await.len(), 0);
    assert_eq!(world.github.comments(SITE, pull.number).len(), 6, "nothing is answered");
    assert_eq!(
        world.read_of("/pulls/900"),
        looked_up + 1,
        "an issue is told from a pull request once"
    );
    alone.push(harmless);
    for comment in alone {
        assert!(!world.has_stored(comment).await);
    }
    assert!(world.has_stored(bots).await && world.has_stored(of_an_issue).await);
    // what was answered and is changed afterwards is not answered again
    let said = world.said(pull.number, "mona", "/deploy to staging").await;
    world.ask_github().await;
    world.github.rewrite(SITE, said, "/deploy to production").await.unwrap();
    world.ask_github().await;
    assert_eq!(world.runs().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn many_comments_are_read_to_their_end() {
    let (world, pull) = polled(World::setup()).await;
    let asked = world.read_of("/issues/comments");
    for number in 0..250 {
        let second = Duration::from_secs(u64::from(number % 3 == 0));
        world.clock.advance(second);
        world.github.comment(SITE, pull.number, "mona", "well").await.unwrap();
    }
    world.said(pull.number, "mona", "/deploy to staging").await;
    world.look_later(INTERVAL).await;
    assert_eq!(world.read_of("/issues/comments"), asked + 3);
    world.answered().await;
    world.ask_github().await;
    assert_eq!(world.runs().await.len(), 1);
    for _ in 0..3 {
        world.ask_github().await;
    }
    let before = world.calls_that_count();
    for _ in 0..5 {
        world.look_later(INTERVAL).await;
    }
    assert_eq!(world.calls_that_count(), before, "quiet again");
    world.end().await;
}

#[tokio::test]
async fn more_comments_of_one_second_than_a_page_has_are_read_too() {
    let (world, pull) = polled(World::setup()).await;
    for _ in 0..230 {
        world.github.comment(SITE, pull.number, "mona", "well").await.unwrap();
    }
    world
        .github
        .comment(SITE, pull.number, "mona", "/deploy to staging")
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.ask_github().await;
    world.ask_github().await;
    assert_eq!(world.runs().await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn without_the_right_to_read_comments_deployments_go_on() {
    let (world, pull) = polled(World::setup()).await;
    world
        .github
        .fail(Fault::on("GET", "/issues/comments", FaultKind::Forbidden).always());
    world.said(pull.number, "mona", "/deploy to staging").await;
    let id = world
        .github
        .deploy(SITE, chima_simulator::github::deploy::DeploymentRequest::to("staging"))
        .await
        .unwrap()
        .id;
    world.ask_github().await;
    assert_eq!(world.states(id), ["success"]);
    let host = world.engine.config.github.host.clone();
    let row = world.engine.store.catch_ups(&host).await.unwrap().remove(0);
    assert_eq!(row.trouble, None);
    let why = row.progress.no_comments.unwrap();
    assert!(why.contains("403"), "{why}");
    // once it is granted, what was written meanwhile is found
    world.github.heal();
    world.ask_github().await;
    assert_eq!(world.runs().await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_comment_in_a_repository_that_was_renamed_is_answered() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.deploy("production").await;
    world.settle().await;
    let new = "octo/site-new";
    world.github.rename_repository(SITE, new).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    world
        .github
        .comment(new, pull.number, "mona", "/deploy to staging")
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.settle().await;
    world.answered().await;
    assert_eq!(world.github.comments(new, pull.number).len(), 2);
    assert_eq!(world.runs().await.len(), 2);
    world.github.rename_repository(new, SITE).await.unwrap();
    world.end().await;
}
