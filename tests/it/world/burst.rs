//! A thousand deployments at once, under limits that GitHub enforces: everything is told, the ends first, and never more than is
//! allowed. Hours pass in seconds.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use chima::domain::audit::By;
use chima::domain::run::RunState;
use chima::flow::outbox;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::journal::Recorded;
use chima_simulator::limits::Limits;

use crate::world::stage::{APP, SITE, World};

const STEP: Duration = Duration::from_secs(2);

/// Most content-creating requests in any stretch of time, over the whole journal.
fn most_within(requests: &[Recorded], seconds: i64) -> usize {
    let times: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "POST" && !request.path.starts_with("/app"))
        .map(|request| request.at.timestamp_millis())
        .collect();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while at - times[first] >= seconds * 1000 {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn refused(requests: &[Recorded]) -> usize {
    let told_to_wait = |request: &&Recorded| matches!(request.status, Some(403 | 429));
    requests.iter().filter(told_to_wait).count()
}

/// Lets time pass until everything is told; how much that was.
async fn told(world: &World) -> Duration {
    let mut passed = Duration::ZERO;
    world.outbox().await;
    while world.engine.store.backlog().await.unwrap().outbox > 0 {
        assert!(passed < Duration::from_secs(6 * 3600), "something is never told");
        world.clock.advance(STEP);
        passed += STEP;
        world.outbox().await;
    }
    passed
}

fn memory_peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Four of five are refused by the policy, which is one status each. The others are held, which is an intermediate one, until
/// their context turns green; then the newest runs and all before it are superseded.
#[expect(clippy::print_stderr, reason = "the figures are for docs/reference/benchmarks.md")]
async fn burst(size: usize) {
    let begun = Instant::now();
    let app = APP.replace("required_contexts: []", "required_contexts: [ci]\nlane: latest");
    let world = World::setup().app(&app).without_slack().start().await;
    world.github.limit(Limits::github());
    let mut asked = Vec::new();
    for number in 0..size {
        let environment = if number % 5 == 4 { "staging" } else { "nowhere" };
        asked.push(world.deploy(environment).await);
    }
    while world.intake().await > 0 {}
    world.outbox().await;
    // as long as a quick CI takes; GitHub counts reads by the minute too
    world.clock.advance(Duration::from_secs(60));
    let sha = world.commits[0].1.clone();
    let green = world.github.ci(SITE, &sha, "ci", "success").await.unwrap();
    assert!(green.iter().all(|one| one.status == 202));
    while world.intake().await > 0 {}
    // a sweep looks at some of them
    while !world.runs_in(RunState::Held).await.is_empty() {
        world.sweep().await;
    }
    world.settle().await;
    let passed = told(&world).await;
    let requests = world.github.requests();
    assert_eq!(refused(&requests), 0, "GitHub never had to ask for a wait");
    let (minute, hour) = (most_within(&requests, 60), most_within(&requests, 3600));
    assert!(minute <= 80 && hour <= 500, "{minute} in a minute, {hour} in an hour");
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for id in &asked {
        *ends.entry(world.latest(*id).state).or_default() += 1;
    }
    let staging = size / 5;
    assert_eq!(
        ends,
        [("error", size - staging), ("inactive", staging - 1), ("success", 1)]
            .map(|(state, count)| (state.to_owned(), count))
            .into()
    );
    let sent = requests
        .iter()
        .filter(|request| request.is("POST", "/statuses"))
        .count();
    let early = first_intermediate_after_an_end_was_due(&requests);
    assert_eq!(early, None, "an intermediate state was sent although ends were waiting");
    assert!(
        sent <= size + 2,
        "{sent} statuses for {size} ends: intermediate ones gave way"
    );
    eprintln!(
        "{size} deployments: {sent} statuses in {} requests, {} s of GitHub's time, at most {minute} in a minute and {hour} in an \
         hour; {:.1} s here, peak memory of the test {} MiB",
        requests.len(),
        passed.as_secs(),
        begun.elapsed().as_secs_f64(),
        memory_peak_kib() / 1024
    );
    world.end().await;
}

/// All ends but the last wait from the beginning: whatever else is said before them is too early.
fn first_intermediate_after_an_end_was_due(requests: &[Recorded]) -> Option<usize> {
    let states: Vec<&str> = requests
        .iter()
        .filter(|request| request.is("POST", "/statuses"))
        .filter_map(|request| request.body["state"].as_str())
        .collect();
    let last_error = states.iter().rposition(|state| *state == "error")?;
    let intermediate = |state: &&str| matches!(*state, "pending" | "queued" | "in_progress");
    states[..last_error].iter().position(intermediate)
}

#[tokio::test]
async fn two_hundred_deployments_at_once_are_told_within_githubs_limits() {
    burst(200).await;
}

#[tokio::test]
#[ignore = "takes about a minute: cargo test --test it a_thousand_deployments -- --ignored --nocapture"]
async fn a_thousand_deployments_at_once_are_told_within_githubs_limits() {
    burst(1000).await;
}

#[tokio::test]
async fn where_others_use_up_the_limits_every_wait_is_kept_and_no_end_is_lost() {
    let world = World::setup()
        .without_slack()
        .github("writes_per_minute: 6000")
        .github("writes_per_hour: 100000")
        .start()
        .await;
    world.github.limit(Limits {
        content_per_minute: Some(30),
        content_per_hour: Some(100),
        ..Limits::github()
    });
    let mut asked = Vec::new();
    for _ in 0..150 {
        asked.push(world.deploy("nowhere").await);
    }
    while world.intake().await > 0 {}
    told(&world).await;
    let requests = world.github.requests();
    assert!(refused(&requests) > 1, "GitHub asked to wait");
    assert!(asked.iter().all(|id| world.states(*id) == ["error"]));
    // the end of the world looks for requests inside of a wait
    world.end().await;
}

#[tokio::test]
async fn two_processes_keep_to_one_pace() {
    let world = World::setup().without_slack().start().await;
    world.github.limit(Limits::github());
    let other = world.second_worker().await;
    for _ in 0..100 {
        world.deploy("nowhere").await;
    }
    while world.intake().await > 0 {}
    while world.engine.store.backlog().await.unwrap().outbox > 0 {
        let (one, two) = tokio::join!(outbox::step(&world.engine), outbox::step(&other));
        if one.unwrap() + two.unwrap() == 0 {
            world.clock.advance(Duration::from_millis(500));
        }
    }
    let requests = world.github.requests();
    assert_eq!(refused(&requests), 0);
    assert!(most_within(&requests, 60) <= 80);
    other.stop.cancel();
    other.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_call_that_hangs_delays_no_other_status() {
    let world = World::setup()
        .without_slack()
        .answer_timeout(Duration::from_secs(6))
        .start()
        .await;
    world.github.fail(Fault::on("POST", "/statuses", FaultKind::Timeout));
    let mut asked = Vec::new();
    for _ in 0..12 {
        asked.push(world.deploy("nowhere").await);
    }
    while world.intake().await > 0 {}
    let tried = outbox::step(&world.engine).await.unwrap();
    assert_eq!(tried, 12, "all of them beside the one that hangs");
    let told = asked.iter().filter(|id| world.states(**id) == ["error"]).count();
    assert_eq!(told, 11);
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_success_that_is_told_late_leaves_the_newer_one_active() {
    let mut world = World::setup().without_slack().start().await;
    let older = world.deploy("staging").await;
    world.settle().await;
    let before = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.github.fail(
        Fault::on(
            "POST",
            &format!("/deployments/{before}/statuses"),
            FaultKind::BadGateway,
        )
        .times(3),
    );
    world.answer_bells().await;
    world.outbox().await;
    world.commit("two");
    let newer = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(
        (world.latest(newer).state.as_str(), world.latest(before).state.as_str()),
        ("success", "queued")
    );
    world.settle_all().await;
    assert_eq!(world.latest(before).state, "success");
    assert_eq!(
        world.latest(newer).state,
        "success",
        "GitHub does not take it for inactive"
    );
    assert_eq!(world.latest(older).state, "inactive");
    world.end().await;
}

#[tokio::test]
async fn what_was_given_up_is_listed_with_its_reason_and_sent_again_by_hand() {
    use chima::cli::outbox::{list, retry};
    let world = World::setup().without_slack().github_app().start().await;
    let missing = FaultKind::Forbidden;
    world.github.fail(Fault::on("POST", "/statuses", missing).always());
    let id = world.deploy("nowhere").await;
    world.settle().await;
    let (store, now) = (&world.engine.store, world.engine.now());
    let listed = list(store, true, false, now).await.unwrap();
    for words in [
        "given up",
        "GitHub answered 403: the permission `Deployments: write` is missing",
        "--retry ID",
    ] {
        assert!(listed.contains(words), "{words} is missing in: {listed}");
    }
    let lost = store.undelivered(true).await.unwrap();
    let page = world.run_page(id).await;
    assert!(
        page.contains(&format!("chima outbox --retry {}", lost[0].outgoing.id)),
        "{page}"
    );
    world.github.heal();
    assert!(retry(store, "01AAAA", By::called("mona"), now).await.is_err());
    retry(store, &lost[0].outgoing.id, By::called("mona"), now)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.states(id), ["error"]);
    assert_eq!(
        list(store, false, false, now).await.unwrap(),
        "nothing waits, and nothing was given up\n"
    );
    world.end().await;
}

#[tokio::test]
async fn a_lost_word_counts_only_until_something_newer_was_said() {
    let world = World::setup().without_slack().start().await;
    world.github.fail(Fault::on("POST", "/statuses", FaultKind::NotFound));
    let id = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    assert_eq!(world.engine.store.backlog().await.unwrap().dead, 1);
    world.answer_bells().await;
    world.outbox().await;
    assert_eq!(world.states(id), ["success"]);
    // the end of the world finds nothing that was given up
    world.end().await;
}
