//! Traces: one of each deployment, whoever works on it, and never in anybody's way.

use std::time::{Duration, Instant};

use chima::domain::audit::By;
use chima::domain::run::RunState;
use chima::flow::engine::Engine;
use chima::flow::{execute, outbox, traces};
use chima::store::dead_letters::Which;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::collector::{Collector, Mood};
use crate::world::setup::Setup;
use crate::world::stage::{APP, SITE, World};

/// What is shown of a span, beside what a test asks for.
const USUAL: [&str; 7] = [
    "disposition",
    "verdict",
    "reasons",
    "state",
    "says",
    "exit_code",
    "http.response.status_code",
];

fn telling(collector: &Collector) -> Setup {
    World::setup()
        .without_slack()
        .top(&format!("telemetry: {{ otlp_endpoint: '{}' }}", collector.url))
}

/// Everything that waits is told, or refused.
async fn tell(engine: &Engine) {
    while matches!(traces::step(engine).await, Ok(1..)) {}
}

#[tokio::test]
async fn a_deployment_is_one_trace_from_the_webhook_to_the_last_status() {
    let collector = Collector::start().await;
    let top = format!(
        "telemetry: {{ otlp_endpoint: '{}/', service_name: deploys, headers: {{ Authorization: {{ file: '{{folder}}/otlp' }} }} }}",
        collector.url
    );
    let setup = World::setup().top(&top).beside("otlp", "Bearer of-the-collector\n");
    let world = setup.start().await;
    world.deploy("production").await;
    while world.intake().await > 0 {}
    world.outbox().await;
    world.settle().await;
    tell(&world.engine).await;
    assert_snapshot!(collector.tree(&[&USUAL[..], &["kind", "attempts", "provider", "step"]].concat()), @r"
    deployment state=succeeded attempts=1
      receive disposition=received http.response.status_code=202
      intake
        gather
        decide verdict=run
      queued
      attempt state=succeeded provider=shell +prepared +started
        claim
        prepare
          fetch
          checkout
        step exit_code=0 provider=shell step=deploy
      report says=queued http.response.status_code=201 kind=deployment_status attempts=1
        send http.response.status_code=201
      report says=succeeded kind=slack_webhook attempts=1
        send
      report says=success http.response.status_code=201 kind=deployment_status attempts=1
        send http.response.status_code=201
    ");
    assert_eq!(collector.services()[0], "deploys");
    assert_eq!(collector.header("authorization"), "Bearer of-the-collector");
    assert_eq!(collector.header("content-type"), "application/x-protobuf");
    for secret in [
        "Bearer",
        "version one",
        chima_simulator::github::DEFAULT_TOKEN,
        "script/deploy",
    ] {
        assert!(!collector.was_told(secret), "{secret}");
    }
    let (sent, dropped) = world.engine.traces.counts();
    assert_eq!((sent as usize, dropped), (collector.spans().len(), 0));
    world.end().await;
}

#[tokio::test]
async fn what_it_waited_for_and_why_it_was_refused_is_told() {
    let collector = Collector::start().await;
    let world = telling(&collector).required("[build]").start().await;
    let sha = world.commits[0].1.clone();
    world.github.check(SITE, &sha, "build", None).await.unwrap();
    let id = world.deploy("staging").await;
    while world.intake().await > 0 {}
    assert_eq!(world.state(id).await, RunState::Held);
    world.clock.advance(Duration::from_secs(20));
    world.github.check(SITE, &sha, "build", Some("success")).await.unwrap();
    while world.intake().await > 0 {}
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    let refused = world.deploy("nowhere").await;
    world.settle().await;
    assert_eq!(world.state(refused).await, RunState::Rejected);
    tell(&world.engine).await;
    let spans = collector.spans();
    let held = spans.iter().find(|span| span.name == "held").unwrap();
    assert_eq!(held.end_time_unix_nano - held.start_time_unix_nano, 25_000_000_000);
    let mut trees: Vec<String> = collector
        .trees(&["verdict", "reasons", "reason", "state"])
        .into_values()
        .collect();
    trees.sort();
    assert_snapshot!(trees.join("--\n"), @r"
    deployment reason=environment_unknown state=rejected
      receive
      intake
        gather
        decide verdict=reject reasons=environment_unknown
      report
        send
    --
    deployment state=succeeded
      receive
      intake
        gather
        decide verdict=hold reasons=required_context_pending
      intake
        gather
        decide verdict=run
      held reasons=required_context_pending
      queued
      attempt state=succeeded +prepared +started
        claim
        prepare
          fetch
          checkout
        step
      report
        send
    ");
    world.end().await;
}

#[tokio::test]
async fn the_deployments_of_others_are_told_and_end_at_the_decision() {
    let collector = Collector::start().await;
    let world = telling(&collector).start().await;
    world
        .ask(DeploymentRequest {
            app: Some("pages".to_owned()),
            ..DeploymentRequest::to("staging")
        })
        .await;
    world.settle().await;
    tell(&world.engine).await;
    assert_snapshot!(collector.tree(&USUAL), @r"
    deployment state=ignore
      receive disposition=received http.response.status_code=202
      intake
        gather
        decide verdict=ignore reasons=foreign_app
    ");
    world.end().await;
}

/// Its trace ends with the first try at the latest, and a delivery that comes again is part of it.
#[tokio::test]
async fn a_failed_deployment_and_one_that_is_delivered_twice_say_so() {
    let collector = Collector::start().await;
    let world = telling(&collector).script("#!/bin/sh\nexit 3\n").start().await;
    world.deploy("staging").await;
    world.settle().await;
    let guid = world.github.read(|world| world.deliveries[0].guid.clone());
    world.github.redeliver(&guid).await;
    world.settle().await;
    tell(&world.engine).await;
    assert_snapshot!(collector.tree(&USUAL), @r"
    deployment state=failed !exit_code
      receive disposition=duplicate http.response.status_code=200
      receive disposition=received http.response.status_code=202
      intake
        gather
        decide verdict=run
      queued
      attempt state=failed +prepared +started !exit_code
        claim
        prepare
          fetch
          checkout
        step exit_code=3 !exited
      report says=failure http.response.status_code=201
        send http.response.status_code=201
    ");
    world.end().await;
}

#[tokio::test]
async fn whoever_carries_on_after_a_restart_adds_to_the_same_trace() {
    let collector = Collector::start().await;
    let mut world = telling(&collector).start().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let run = world.run(id).await.id;
    let running = world.begin(run);
    world.journal_of(1).await;
    world.outbox().await;
    tell(&world.engine).await;
    world.restart_with(APP).await;
    let _ = running.await;
    world.clock.advance(Duration::from_secs(31));
    world.sweep().await;
    world.release();
    world
        .until("nothing is watched", || {
            world.engine.watched_runs().is_empty().then_some(())
        })
        .await;
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    tell(&world.engine).await;
    assert_snapshot!(collector.tree(&USUAL), @r"
    deployment state=succeeded
      receive disposition=received http.response.status_code=202
      intake
        gather
        decide verdict=run
      queued
      attempt state=succeeded +prepared +started +adopted
        claim
        prepare
          fetch
          checkout
        step exit_code=0
      report says=in_progress http.response.status_code=201
        send http.response.status_code=201
      report says=success http.response.status_code=201
        send http.response.status_code=201
    ");
    world.end().await;
}

#[tokio::test]
async fn two_processes_tell_one_trace() {
    let collector = Collector::start().await;
    let world = telling(&collector).start().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    let worker = world.second_worker().await;
    execute::answer(worker.clone(), world.run(id).await.id).await;
    while outbox::step(&worker).await.unwrap() > 0 {}
    tell(&world.engine).await;
    tell(&worker).await;
    for engine in [&world.engine, &worker] {
        assert!(engine.traces.counts().0 > 2);
    }
    let tree = collector.tree(&[]);
    assert!(tree.starts_with("deployment\n  receive\n  intake\n"), "{tree}");
    assert!(tree.contains("\n    step\n"), "{tree}");
    worker.stop.cancel();
    worker.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_deployment_that_was_found_in_the_list_is_received_there() {
    let collector = Collector::start().await;
    let world = telling(&collector).github_app().start().await;
    world.hook.active(false);
    world.look().await;
    world
        .github
        .deploy(SITE, DeploymentRequest::to("staging"))
        .await
        .unwrap();
    world.look_later(300).await;
    tell(&world.engine).await;
    let tree = collector.tree(&["disposition", "http.response.status_code"]);
    assert!(
        tree.starts_with("deployment\n  receive disposition=received\n  intake\n"),
        "{tree}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_last_word_that_is_sent_again_tells_no_second_root() {
    let collector = Collector::start().await;
    let world = telling(&collector).start().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.outbox().await;
    world.answer_bells().await;
    let refused = Fault::on("POST", "/statuses", FaultKind::Unprocessable);
    world.github.fail(refused);
    world.settle().await;
    tell(&world.engine).await;
    let store = &world.engine.store;
    let (by, now) = (By::called("mona"), world.engine.now());
    assert_eq!(store.send_again(Which::All, by, now).await.unwrap().len(), 1);
    world.settle().await;
    assert_eq!(world.latest(id).state, "success");
    tell(&world.engine).await;
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!((named("deployment"), named("report"), named("send")), (1, 3, 3));
    let mut ids: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "no span is told twice");
    world.end().await;
}

#[tokio::test]
async fn what_a_sender_says_of_traces_of_its_own_is_not_heeded() {
    let collector = Collector::start().await;
    let world = telling(&collector).start().await;
    let (_, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
    let foreign = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parcel = parcel
        .header("traceparent", &format!("00-{foreign}-00f067aa0ba902b7-00"))
        .header("tracestate", "evil=1");
    assert_eq!(world.post(&parcel).await.status, 202);
    world.settle().await;
    tell(&world.engine).await;
    let traces = collector.trees(&[]);
    assert_eq!(traces.len(), 1);
    assert!(!traces.contains_key(foreign) && !collector.was_told("evil"));
    world.end().await;
}

/// A collector of each bad kind: deployments go their way as without one.
#[tokio::test]
async fn a_collector_that_fails_is_slow_or_dead_is_in_nobodys_way() {
    for mood in [Mood::Answers(500), Mood::Answers(400), Mood::Answers(429), Mood::Silent] {
        let collector = Collector::start().await;
        collector.is(mood);
        let world = telling(&collector).start().await;
        world.run_by_itself();
        let telling = world.engine.tasks.spawn(traces::run(world.engine.clone()));
        let begun = Instant::now();
        let id = world.deploy("staging").await;
        world.quiet().await;
        assert_eq!(world.state(id).await, RunState::Succeeded, "{mood:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{mood:?}: {:?}",
            begun.elapsed()
        );
        world
            .until("it was asked", || {
                (mood == Mood::Silent || collector.requests() > 0).then_some(())
            })
            .await;
        telling.abort();
        let _ = telling.await;
        let begun = Instant::now();
        traces::flush(&world.engine).await;
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{mood:?}: {:?}",
            begun.elapsed()
        );
        let (sent, dropped) = world.engine.traces.counts();
        assert!(sent == 0 && dropped > 8, "{mood:?}: {sent} sent, {dropped} dropped");
        world.end().await;
    }
}

#[tokio::test]
async fn what_nobody_takes_is_tried_a_few_times_dropped_and_counted_and_then_it_goes_on() {
    let collector = Collector::start().await;
    collector.is(Mood::Answers(503));
    let world = telling(&collector).start().await;
    world.deploy("staging").await;
    world.settle().await;
    let mut tries = 0;
    while traces::step(&world.engine).await.is_err() {
        tries += 1;
        assert!(tries < 20);
    }
    assert_eq!(tries, 6);
    let (_, text) = world.get("/metrics").await;
    let (_, dropped) = world.engine.traces.counts();
    assert!(dropped > 8);
    assert!(text.contains("chima_trace_spans_sent_total 0\n"), "{text}");
    assert!(
        text.contains(&format!("chima_trace_spans_dropped_total {dropped}\n")),
        "{text}"
    );
    collector.is(Mood::Well);
    world.deploy("production").await;
    world.settle().await;
    tell(&world.engine).await;
    assert!(collector.tree(&["state"]).starts_with("deployment state=succeeded\n"));
    world.end().await;
}

#[tokio::test]
async fn a_share_of_all_deployments_is_told_whole() {
    let collector = Collector::start().await;
    let top = format!(
        "telemetry: {{ otlp_endpoint: '{}', sample_percent: 40 }}",
        collector.url
    );
    let world = World::setup().without_slack().top(&top).start().await;
    for _ in 0..12 {
        world.deploy("nowhere").await;
    }
    world.settle_all().await;
    tell(&world.engine).await;
    let trees = collector.trees(&[]);
    assert!((1..12).contains(&trees.len()), "{}", trees.len());
    for tree in trees.values() {
        assert!(tree.starts_with("deployment\n  receive\n  intake\n"), "{tree}");
    }
    world.end().await;
}

#[tokio::test]
async fn where_nobody_collects_nothing_is_made() {
    let world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    assert_eq!(traces::step(&world.engine).await, Ok(0));
    assert_eq!(world.engine.traces.counts(), (0, 0));
    let (_, text) = world.get("/metrics").await;
    assert!(!text.contains("trace_spans"), "{text}");
    world.end().await;
}
