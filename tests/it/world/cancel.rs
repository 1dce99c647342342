//! A person stops a run: while it waits, while it is prepared, while it works, twice, and too late.

use std::time::Duration;

use chima::domain::command::Cancellation;
use chima::domain::run::{Run, RunState};
use chima::flow::cancel::{Answer, cancel};
use chima::flow::prepare::lock_file;
use chima::flow::{execute, sweep};
use chima::provider::lock;
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};

/// What a stop makes of [`crate::world::stage::SCRIPT`]: it does not hear a request to end for as long as it waits.
const DEAF: &str = r#"#!/bin/sh
trap '' TERM
echo "begin $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
echo "end $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
"#;

impl World {
    /// Somebody beside the server asks: it is in the ledger, and nobody has been told.
    pub async fn ask_to_stop(&self, deployment: u64, by: &str, words: &str) -> Answer {
        let cancellation = Cancellation::new(by, Some(words));
        let run = self.run(deployment).await;
        cancel(&self.engine.desk(), run, &cancellation).await.unwrap()
    }

    /// A deployment whose script waits.
    async fn working(&self, environment: &str) -> (u64, tokio::task::JoinHandle<()>) {
        let id = self.deploy(environment).await;
        self.intake().await;
        self.hold();
        let lines = self.journal().len() + 1;
        let running = self.begin(self.run(id).await.id);
        self.journal_of(lines).await;
        (id, running)
    }

    /// The timeline of a deployment's run from the request on.
    async fn timeline(&self, deployment: u64) -> Vec<String> {
        let run = self.run(deployment).await.id;
        let events = self.engine.store.events(run).await.unwrap();
        let lines = events.iter().map(|(_, event)| chima::report::event::wording(event));
        lines.skip_while(|line| !line.contains("asked to cancel")).collect()
    }
}

fn before(answer: &Answer) -> RunState {
    match answer {
        Answer::Ended(run) | Answer::Requested(run) | Answer::RequestedBefore(run) | Answer::Over(run) => run.state,
    }
}

#[tokio::test]
async fn a_held_run_is_cancelled_at_once() {
    let world = World::setup().required("[ci/build]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    let answer = world.ask_to_stop(id, "mona", "the wrong branch").await;
    assert!(matches!(answer, Answer::Ended(_)) && before(&answer) == RunState::Held);
    assert_eq!(world.state(id).await, RunState::Cancelled);
    world.outbox().await;
    assert_snapshot!(world.told(id).await, @r#"
    pending: held: waiting for `ci/build` (missing)
    error: cancelled by @mona: "the wrong branch"
    "#);
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @r#"cancelled: deploy `site` to `production`: cancelled by @mona: "the wrong branch"; deploy again when it is wanted (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>"#);
    assert_eq!(
        world.timeline(id).await,
        [
            "@mona asked to cancel: \"the wrong branch\"",
            "cancelled: cancelled by @mona; deploy again when it is wanted"
        ]
    );
    // what it waited for comes too late
    world
        .github
        .ci(SITE, &world.commits[0].1, "ci/build", "success")
        .await
        .unwrap();
    world.settle().await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!((world.state(id).await, world.journal().len()), (RunState::Cancelled, 0));
    world.end().await;
}

#[tokio::test]
async fn a_queued_run_is_cancelled_at_once_and_its_bell_serves_the_next() {
    let world = World::new().await;
    let (first, second) = (world.deploy("staging").await, world.deploy("staging").await);
    world.intake().await;
    let bell = world.run(first).await.id;
    let answer = world.ask_to_stop(first, "mona", "").await;
    assert!(matches!(answer, Answer::Ended(_)) && before(&answer) == RunState::Queued);
    execute::answer(world.engine.clone(), bell).await;
    assert_eq!(
        world.journal(),
        [format!("begin staging {second}"), format!("end staging {second}")]
    );
    world.settle().await;
    assert_snapshot!(world.told(first).await, @"error: cancelled by @mona");
    assert_eq!(world.latest(second).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_run_behind_one_that_is_cancelled_does_not_wait_until_its_bell_counts_as_lost() {
    let world = World::new().await;
    let (first, second) = (world.deploy("staging").await, world.deploy("staging").await);
    world.intake().await;
    world.lose_bells().await;
    world.ask_to_stop(first, "mona", "").await;
    world.sweep().await;
    assert_eq!(world.engine.queue.waiting().await.unwrap(), 1, "rung at once");
    world.settle().await;
    assert_eq!(
        (world.state(second).await, world.journal().len()),
        (RunState::Succeeded, 2)
    );
    world.end().await;
}

#[tokio::test]
async fn a_running_one_is_stopped_and_the_next_of_its_lane_follows() {
    let world = World::new().await;
    let (id, running) = world.working("staging").await;
    let next = world.deploy("staging").await;
    world.intake().await;
    let answer = world.ask_to_stop(id, "mona", "the wrong branch").await;
    assert!(matches!(answer, Answer::Requested(_)) && before(&answer) == RunState::Running);
    assert_eq!(
        world.state(id).await,
        RunState::Running,
        "its worker has not heard of it yet"
    );
    assert!(
        world
            .run_page(id)
            .await
            .contains("@mona asked to cancel: &#34;the wrong branch&#34;; it is being stopped")
    );
    world.sweep().await;
    running.await.unwrap();
    world.release();
    world.settle().await;
    assert_snapshot!(world.told(id).await, @r#"error: cancelled by @mona after 0 s: "the wrong branch""#);
    assert_snapshot!(world.log(id).await, @r#"
    $ ./script/deploy
    [chima: cancelled: @mona: "the wrong branch"]
    "#);
    assert_snapshot!(world.chat().await.lines().find(|line| line.starts_with("cancelled")).unwrap(), @r#"cancelled: deploy `site` to `staging`: cancelled by @mona: "the wrong branch"; deploy again when it is wanted; nothing has worked on `staging` yet (`octo/site` at <one> (main), asked for by @mona, took 0 s) <chima>/runs/<run 1>"#);
    assert!(world.run_page(id).await.contains("cancelled by @mona"), "on its page");
    assert_eq!(
        world.journal(),
        [
            format!("begin staging {id}"),
            format!("begin staging {next}"),
            format!("end staging {next}")
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn whoever_asks_inside_the_server_wakes_it() {
    let world = World::setup().script(DEAF).start().await;
    let (id, running) = world.working("staging").await;
    let asked = std::time::Instant::now();
    let answer = world.say_in("deployment", "cancel site staging").await;
    assert_eq!(answer["ok"], true, "{answer}");
    let rung = tokio::time::timeout(Duration::ZERO, world.engine.sweeps.notified()).await;
    assert_eq!(rung, Ok(()), "nobody waits for the next tick");
    drop(world.engine.tasks.spawn(sweep::run(world.engine.clone())));
    running.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    world.outbox().await;
    assert_eq!(world.latest(id).state, "error");
    world.end().await;
}

#[tokio::test]
async fn of_two_requests_the_first_stays() {
    let world = World::new().await;
    let (id, running) = world.working("staging").await;
    world.ask_to_stop(id, "mona", "the wrong branch").await;
    let second = world.ask_to_stop(id, "hubot", "me too").await;
    assert!(
        matches!(&second, Answer::RequestedBefore(run) if run.cancel == Some(Cancellation::new("mona", Some("the wrong branch"))))
    );
    world.sweep().await;
    world.sweep().await;
    running.await.unwrap();
    world.outbox().await;
    let asked = world.timeline(id).await;
    let asked: Vec<&String> = asked.iter().filter(|line| line.contains("asked to cancel")).collect();
    assert_eq!(asked, ["@mona asked to cancel: \"the wrong branch\""]);
    assert!(world.latest(id).description.starts_with("cancelled by @mona after"));
    let third = world.ask_to_stop(id, "hubot", "").await;
    assert!(matches!(third, Answer::Over(_)) && before(&third) == RunState::Cancelled);
    world.release();
    world.end().await;
}

#[tokio::test]
async fn what_has_ended_keeps_its_end() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let answer = world.ask_to_stop(id, "mona", "").await;
    assert!(matches!(answer, Answer::Over(_)) && before(&answer) == RunState::Succeeded);
    world.sweep().await;
    world.settle().await;
    assert_eq!(world.states(id).last().map(String::as_str), Some("success"));
    assert_eq!(world.timeline(id).await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_run_that_came_to_its_own_end_before_the_request_reached_it_keeps_that() {
    let world = World::new().await;
    let (id, running) = world.working("staging").await;
    world.ask_to_stop(id, "mona", "").await;
    world.release();
    running.await.unwrap();
    world.sweep().await;
    world.outbox().await;
    assert_eq!(
        (world.state(id).await, world.latest(id).state.as_str()),
        (RunState::Succeeded, "success")
    );
    world.end().await;
}

#[tokio::test]
async fn a_run_that_is_being_prepared_ends_without_having_started() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    let run = world.run(id).await;
    let mirrors = world.path("data/mirrors");
    std::fs::create_dir_all(&mirrors).unwrap();
    let fetching = lock::try_take(&mirrors.join(format!("{}.lock", run.repository_id))).unwrap();
    assert!(fetching.is_some());
    let preparing = world.begin(run.id);
    let attempt = world.path(&format!("data/runs/{}/attempt-1", run.id));
    world
        .until("it is being prepared", || attempt.exists().then_some(()))
        .await;
    let answer = world.ask_to_stop(id, "mona", "").await;
    assert!(matches!(answer, Answer::Requested(_)));
    world.sweep().await;
    preparing.await.unwrap();
    world.outbox().await;
    assert_snapshot!(world.told(id).await, @"error: cancelled by @mona after 0 s");
    assert!(!attempt.join("started").exists() && world.journal().is_empty());
    drop(fetching);
    world.end().await;
}

#[tokio::test]
async fn a_run_that_waits_for_what_an_earlier_one_left_can_be_stopped() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    let run = world.run(id).await;
    std::fs::create_dir_all(world.path("data/locks")).unwrap();
    let left = lock::try_take(&lock_file(&world.path("data"), run.lane.as_ref().unwrap())).unwrap();
    assert!(left.is_some());
    let waiting = world.begin(run.id);
    let attempt = world.path(&format!("data/runs/{}/attempt-1", run.id));
    world
        .until("a runner found the lane busy", || {
            attempt.join("runner.err").exists().then_some(())
        })
        .await;
    world.ask_to_stop(id, "mona", "").await;
    world.sweep().await;
    waiting.await.unwrap();
    assert_eq!(world.state(id).await, RunState::Cancelled);
    assert!(!attempt.join("started").exists() && world.journal().is_empty());
    drop(left);
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn a_run_of_another_process_is_stopped_by_whoever_sweeps_first() {
    let world = World::new().await;
    let (id, running) = world.working("staging").await;
    world.ask_to_stop(id, "mona", "").await;
    let other = world.second_worker().await;
    sweep::step(&other).await.unwrap();
    running.await.unwrap();
    assert_eq!(world.state(id).await, RunState::Cancelled);
    world.release();
    world.outbox().await;
    other.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_request_outlives_the_server_that_took_it() {
    let mut world = World::new().await;
    let (id, running) = world.working("staging").await;
    world.ask_to_stop(id, "mona", "").await;
    world.engine.stop.cancel();
    running.await.unwrap();
    world.restart_with(APP).await;
    world.clock.advance(Duration::from_secs(31));
    world.sweep().await;
    world
        .until("what was adopted has ended", || {
            world.engine.watched_runs().is_empty().then_some(())
        })
        .await;
    world.outbox().await;
    assert_eq!(world.state(id).await, RunState::Cancelled);
    assert_eq!(world.journal().len(), 1, "it never reached its end");
    world.release();
    world.end().await;
}

#[tokio::test]
async fn a_run_that_would_go_back_into_its_lane_ends_instead() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.intake().await;
    world.claimed(id).await;
    world.ask_to_stop(id, "mona", "").await;
    world.clock.advance(Duration::from_secs(31));
    world.sweep().await;
    world
        .until("what was adopted has ended", || {
            world.engine.watched_runs().is_empty().then_some(())
        })
        .await;
    world.settle().await;
    assert_eq!((world.state(id).await, world.journal().len()), (RunState::Cancelled, 0));
    assert!(world.latest(id).description.starts_with("cancelled by @mona"));
    world.end().await;
}

#[tokio::test]
async fn a_runner_that_dies_while_it_stops_a_run_has_stopped_it() {
    let world = World::setup().script(DEAF).start().await;
    let (id, running) = world.working("staging").await;
    let run: Run = world.run(id).await;
    world.ask_to_stop(id, "mona", "").await;
    world.sweep().await;
    let marker = std::fs::read(world.path(&format!("data/runs/{}/attempt-1/started", run.id))).unwrap();
    let marker: serde_json::Value = serde_json::from_slice(&marker).unwrap();
    let runner = i32::try_from(marker["pid"].as_i64().unwrap()).unwrap();
    let runner = rustix::process::Pid::from_raw(runner).unwrap();
    rustix::process::kill_process(runner, rustix::process::Signal::KILL).unwrap();
    running.await.unwrap();
    world.outbox().await;
    assert_eq!(world.state(id).await, RunState::Cancelled);
    assert!(world.latest(id).description.starts_with("cancelled by @mona after"));
    world.end().await;
}

#[tokio::test]
async fn a_request_and_a_claim_at_the_same_moment_end_the_run_once() {
    let world = World::new().await;
    for round in 0..12 {
        let id = world.deploy("staging").await;
        world.intake().await;
        let run = world.run(id).await.id;
        let asked = async {
            tokio::time::sleep(Duration::from_millis(round * 7)).await;
            let answer = world.ask_to_stop(id, "mona", "").await;
            while world.state(id).await == RunState::Running {
                world.sweep().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer
        };
        let (answer, ()) = tokio::join!(asked, execute::answer(world.engine.clone(), run));
        let state = world.state(id).await;
        let (began, ended) = (format!("begin staging {id}"), format!("end staging {id}"));
        let journal = world.journal();
        assert_eq!(
            journal.contains(&ended),
            state == RunState::Succeeded,
            "{answer:?} {journal:?}"
        );
        match answer {
            Answer::Ended(_) => assert!(state == RunState::Cancelled && !journal.contains(&began)),
            Answer::Requested(_) => assert!(matches!(state, RunState::Cancelled | RunState::Succeeded)),
            Answer::Over(_) => assert_eq!(state, RunState::Succeeded),
            Answer::RequestedBefore(_) => panic!("nobody else asked"),
        }
        world.outbox().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_name_and_words_from_outside_call_nobody_and_break_nothing() {
    let world = World::setup().required("[ci/build]").start().await;
    let id = world.deploy("production").await;
    world.settle().await;
    world
        .ask_to_stop(id, "<!channel>\u{202e}`x`", "</pre><script>alert(1)</script>\u{7}")
        .await;
    world.outbox().await;
    assert_snapshot!(world.latest(id).description, @r#"cancelled by `<!channel>\u{202e}'x'`: "</pre><script>alert(1)</script>\u{7}""#);
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @r#"cancelled: deploy `site` to `production`: cancelled by `&lt;!channel&gt;\u{202e}'x'`: "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{7}"; deploy again when it is wanted (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>"#);
    let page = world.run_page(id).await;
    assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{page}");
    world.end().await;
}
