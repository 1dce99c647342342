//! What was missed is found: by GitHub's log of deliveries, by its list of deployments, each run at most once.

mod history;
mod listing;
mod trouble;

use std::time::Duration;

use chima::flow::catch_up;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::hook::HookDelivery;

use crate::world::stage::{SITE, World};
use crate::world::steps::PATIENCE;

/// The App's hook, which is the only one.
async fn by_app() -> World {
    let world = World::setup().github_app().start().await;
    world.look().await;
    world
}

/// A hook of the repository, and a token that may see it.
async fn by_token() -> World {
    let world = World::new().await;
    world.hook.on_repository(&world.github.repository(SITE));
    world.look().await;
    world
}

impl World {
    /// Looks for what was missed, once, and lets GitHub deliver what it is asked for.
    pub(crate) async fn look(&self) -> usize {
        let looked = catch_up::step(&self.engine).await.unwrap();
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        looked
    }

    /// Lets time pass, looks, and does what follows.
    pub(crate) async fn look_later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.look().await;
        self.sweep().await;
        self.settle().await;
    }

    /// A deployment of which nobody hears.
    pub(crate) async fn lost(&self, environment: &str) -> u64 {
        self.ask_unheard(DeploymentRequest::to(environment)).await.0
    }

    /// How often GitHub was asked to deliver again.
    fn asked_again(&self) -> usize {
        let requests = self.github.requests();
        requests
            .iter()
            .filter(|one| one.method == "POST" && one.path.ends_with("/attempts"))
            .count()
    }

    /// How often something was read.
    pub(crate) fn read_of(&self, path: &str) -> usize {
        let requests = self.github.requests();
        requests
            .iter()
            .filter(|one| one.method == "GET" && one.path.ends_with(path))
            .count()
    }

    /// Everything that was delivered, or that GitHub tried to deliver.
    fn sent(&self) -> Vec<HookDelivery> {
        self.github.read(|world| world.deliveries.clone())
    }

    /// How a deployment came to us.
    pub(crate) async fn heard(&self, deployment: u64) -> String {
        let page = self.run_page(deployment).await;
        let (_, rest) = page.split_once("GitHub deployment</dt><dd>").unwrap();
        let (text, _) = rest.split_once("</dd>").unwrap();
        let text = text.split_once(", ").unwrap().1.replace("&#39;", "'");
        // where the delivery may be seen, the words lead to it
        let words = text.split_once('>').map_or(text.as_str(), |(_, words)| words);
        words.trim_end_matches("</a>").to_owned()
    }
}

#[tokio::test]
async fn a_delivery_that_never_arrived_comes_in_again_by_the_signed_door() {
    for world in [by_app().await, by_token().await] {
        let id = world.lost("staging").await;
        world.look_later(120).await;
        assert_eq!((world.states(id), world.asked_again()), (vec!["success".to_owned()], 1));
        assert_eq!(world.heard(id).await, "by webhook");
        let sent = world.sent();
        let again = sent.iter().find(|one| one.redelivery).unwrap();
        assert_eq!(again.guid, sent[0].guid);
        world.look_later(600).await;
        world.look_later(600).await;
        assert_eq!(world.asked_again(), 1, "it is here now");
        world.end().await;
    }
}

#[tokio::test]
async fn a_delivery_that_was_answered_with_503_is_asked_for_again() {
    let world = by_app().await;
    let (id, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    world.github.change(|found| {
        let outcome = found.deliveries[0].outcome.as_mut().unwrap();
        outcome.status_code = 503;
        outcome.status = "Invalid HTTP Response: 503".to_owned();
    });
    world.look_later(60).await;
    assert_eq!(world.states(id), ["success"]);
    assert_eq!(world.post(&parcel).await.status, 200, "a duplicate by now");
    world.end().await;
}

#[tokio::test]
async fn what_github_calls_delivered_and_nobody_stored_is_asked_for_when_it_is_certain() {
    let world = by_app().await;
    world.clock.advance(Duration::from_secs(60));
    let id = world.lost("staging").await;
    // a proxy answered in our place
    world.github.change(|found| {
        let outcome = found.deliveries[0].outcome.as_mut().unwrap();
        outcome.status_code = 200;
        outcome.status = "OK".to_owned();
    });
    world.look().await;
    assert_eq!(world.asked_again(), 0, "it may still be on its way");
    world.look_later(60).await;
    assert_eq!(world.asked_again(), 1);
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

#[tokio::test]
async fn what_github_holds_back_is_left_alone_for_some_minutes() {
    let world = by_app().await;
    let id = world.lost("staging").await;
    let now = world.github.read(chima_simulator::github::world::World::now);
    world
        .github
        .change(|found| found.deliveries[0].throttled_at = Some(now));
    // its deployment is not found by listing meanwhile
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(60));
        catch_up_app_only(&world).await;
    }
    assert_eq!(world.asked_again(), 0);
    world.look_later(60).await;
    assert_eq!(world.states(id), ["success"]);
    world.end().await;
}

/// Only the log is due.
async fn catch_up_app_only(world: &World) {
    let host = world.engine.config.github.host.clone();
    for row in world.engine.store.catch_ups(&host).await.unwrap() {
        if !row.source.is_empty() {
            assert!(row.due_at > world.engine.clock.now(), "the list is not due yet");
        }
    }
    world.look().await;
}

#[tokio::test]
async fn nobody_asks_twice_for_the_same_within_minutes() {
    let world = by_app().await;
    world.lost("staging").await;
    // what is delivered again is lost too; the list is not read
    world.hook.url("http://127.0.0.1:1/");
    world.github.fail(
        chima_simulator::fault::Fault::on("GET", "/repos/", chima_simulator::fault::FaultKind::BadGateway).always(),
    );
    for (seconds, asked) in [(60, 1), (60, 1), (60, 1), (60, 2), (180, 2), (180, 3)] {
        world.look_later(seconds).await;
        assert_eq!(world.asked_again(), asked);
    }
    for _ in 0..40 {
        world.look_later(180).await;
    }
    assert_eq!(world.asked_again(), 5, "some day nobody asks any more");
    world.github.heal();
    world.hook.url(&format!("{}/webhooks/github", world.url));
    world.look_later(400).await;
    assert_eq!(world.runs().await.len(), 1, "the list has it");
    world.end().await;
}

#[tokio::test]
async fn events_that_only_say_where_to_look_are_asked_for_too() {
    let app = crate::world::stage::APP.replace("staging: {}", "staging: { auto_deploy: { on: push } }");
    let world = World::setup().app(&app).github_app().start().await;
    world.look().await;
    world.hook.url("http://127.0.0.1:1/");
    let mut world = world;
    let sha = world.commit("two");
    world.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
    // not handled: nobody asks for it
    world.github.change(|found| {
        let mut other = found.deliveries[0].clone();
        (other.id, other.guid, other.event) = (other.id + 900_000, "other".to_owned(), "issues".to_owned());
        found.deliveries.push(other);
    });
    world.hook.url(&format!("{}/webhooks/github", world.url));
    world.look_later(60).await;
    assert_eq!(world.asked_again(), 1);
    while chima::flow::auto_deploy::step(&world.engine).await.unwrap() > 0 {}
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    world.settle().await;
    assert_eq!(world.runs().await.len(), 1, "the push was heard of");
    world.end().await;
}

#[tokio::test]
async fn what_happened_before_the_first_start_is_nobodys() {
    let world = World::setup().github_app().start().await;
    // a fresh ledger beside an old repository: other receivers have had these
    world.clock.advance(Duration::from_secs(5));
    let old = world.lost("staging").await;
    world.clock.advance(Duration::from_secs(3600));
    let host = world.engine.config.github.host.clone();
    let sources: Vec<String> = world
        .engine
        .store
        .catch_ups(&host)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.source)
        .collect();
    let now = world.engine.clock.now();
    world.engine.store.follow_sources(&host, &[], now).await.unwrap();
    world.engine.store.follow_sources(&host, &sources, now).await.unwrap();
    world.look_later(60).await;
    world.look_later(600).await;
    assert_eq!(
        (world.states(old).len(), world.asked_again(), world.runs().await.len()),
        (0, 0, 0)
    );
    world.end().await;
}

#[tokio::test]
async fn a_long_log_is_read_to_its_end_and_then_only_what_is_new() {
    let world = by_app().await;
    world.clock.advance(Duration::from_secs(600));
    let id = world.lost("staging").await;
    let lost = world.sent()[0].clone();
    world.github.number_from(lost.id + 1000);
    world.github.change(|found| {
        for number in 0..250 {
            let mut other = lost.clone();
            (other.id, other.guid, other.event) = (lost.id + 1 + number, format!("g{number}"), "issues".to_owned());
            found.deliveries.push(other);
        }
    });
    world.look().await;
    assert_eq!(world.read_of("/app/hook/deliveries"), 1 + 3);
    world.settle().await;
    assert_eq!(world.states(id), ["success"]);
    // what GitHub may have shown late is read once more, and then no more
    world.look_later(300).await;
    world.look_later(300).await;
    assert_eq!(world.read_of("/app/hook/deliveries"), 1 + 3 + 3 + 1);
    world.end().await;
}

#[tokio::test]
async fn of_several_processes_one_looks() {
    let world = by_app().await;
    let other = world.second_worker().await;
    world.lost("staging").await;
    world.clock.advance(Duration::from_secs(60));
    let (one, two) = tokio::join!(catch_up::step(&world.engine), catch_up::step(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 2, "the log and one repository");
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    // one may have read the list before the other had read the log: then there is nothing to ask for any more
    assert!(world.asked_again() <= 1);
    world.settle().await;
    assert_eq!((world.runs().await.len(), world.journal().len()), (1, 2), "it ran once");
    other.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_small_loss_is_delivered_again_and_a_large_one_is_read_from_the_list() {
    let world = by_app().await;
    world.github.limit(chima_simulator::limits::Limits::github());
    let mut all = Vec::new();
    for number in 0..30 {
        let request = DeploymentRequest {
            task: if number % 2 == 0 { "deploy" } else { "odd" }.to_owned(),
            ..DeploymentRequest::to("staging")
        };
        all.push(world.ask_unheard(request).await.0);
    }
    world.look_later(60).await;
    assert_eq!(world.asked_again(), 10, "as fast as GitHub likes");
    world.look().await;
    world.settle_all().await;
    assert_eq!(world.runs().await.len(), 30);
    for id in all {
        assert!(["success", "inactive", "error"].contains(&world.latest(id).state.as_str()));
    }
    assert_eq!(world.journal().len(), 2, "only the newest is of any use");
    for _ in 0..5 {
        world.look_later(60).await;
    }
    assert_eq!(world.asked_again(), 10, "the list has told of the rest");
    let refused = world
        .github
        .requests()
        .into_iter()
        .filter(|one| one.status == Some(403));
    assert_eq!(refused.count(), 0, "GitHub never asked to wait");
    world.end().await;
}
