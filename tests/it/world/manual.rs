//! A run that a person carries out: how it waits, every way in which it ends, and that it stands in nobody's way.

use std::time::Duration;

use chima::domain::command::{Cancellation, PersonsVerdict};
use chima::domain::run::{Run, RunState};
use chima::flow::cancel::{Answer, cancel};
use chima::flow::execute;
use chima::flow::finish::{finish, finish_here};
use chima::flow::sweep;
use chima::store::verdict::Heard;
use insta::assert_snapshot;

use crate::world::stage::World;
use crate::world::steps::PATIENCE;

const APP: &str = "
provider: manual
with: { instructions: \"Release {{ref}} to the store,\\nthen press `go`.\" }
env: { JOURNAL: '{folder}' }
required_contexts: []
environments:
  store: {}
  market: {}
  guarded: { required_contexts: [ci/build] }
  hasty: { timeout_seconds: 1 }
  staging: { provider: shell, with: { command: [./script/deploy] } }
";

impl World {
    async fn manual() -> Self {
        Self::setup().app(APP).start().await
    }

    /// A deployment that waits for a person.
    async fn waiting(&self, environment: &str) -> u64 {
        let id = self.deploy(environment).await;
        self.settle().await;
        assert_eq!(self.state(id).await, RunState::Running);
        id
    }

    /// Somebody beside the server says how it went: it is in the ledger, and nobody has been told.
    async fn say(&self, deployment: u64, by: &str, done: bool, note: &str) -> Heard {
        let verdict = PersonsVerdict::new(by, done, Some(note));
        let run = self.run(deployment).await;
        finish(&self.engine.desk(), &run, &verdict).await.unwrap()
    }

    /// Passes on what was asked, waits until nothing is watched any more, and tells it.
    async fn conclude(&self) {
        self.sweep().await;
        self.until("nothing is watched", || {
            self.engine.watched_runs().is_empty().then_some(())
        })
        .await;
        self.settle().await;
    }

    async fn timeline_of(&self, deployment: u64) -> Vec<String> {
        let run = self.run(deployment).await.id;
        let events = self.engine.store.events(run).await.unwrap();
        let lines = events.iter().map(|(_, event)| chima::report::event::wording(event));
        lines.skip(2).collect()
    }

    /// The run of a deployment in a world that runs by itself, once there is one.
    async fn come(&self, deployment: u64) -> chima::domain::ids::RunId {
        let begun = std::time::Instant::now();
        loop {
            let found = self.runs().await.into_iter().find(|run| run.deployment.0 == deployment);
            if let Some(run) = found {
                return run.id;
            }
            assert!(begun.elapsed() < PATIENCE, "deployment {deployment} has no run");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn kill_runner(&self, run: &Run) {
        let marker = self.path(&format!("data/runs/{}/attempt-{}/started", run.id, run.attempts));
        let marker: serde_json::Value = serde_json::from_slice(&std::fs::read(marker).unwrap()).unwrap();
        let runner = i32::try_from(marker["pid"].as_i64().unwrap()).unwrap();
        let runner = rustix::process::Pid::from_raw(runner).unwrap();
        rustix::process::kill_process(runner, rustix::process::Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn it_says_what_is_to_be_done_and_waits() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    assert_snapshot!(world.told(id).await, @"in_progress: waiting for a person to deploy <one> (main) to store; then `chima finish <run 1>`, or with `--failed`");
    assert_snapshot!(world.chat().await, @"started: deploy `site` to `store`: waiting for a person: Release main to the store, then press `go`; then `chima finish <run 1>`, or with `--failed` (`octo/site` at <one> (main), asked for by @mona) <chima>/runs/<run 1>");
    // the runner writes it while GitHub is told
    let log = tokio::time::timeout(PATIENCE, async {
        loop {
            let log = world.log(id).await;
            if !log.is_empty() {
                return log;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_snapshot!(log.await.unwrap(), @r#"
    [chima: waiting for a person]
    Release main to the store,
    then press `go`.
    "#);
    let page = world.run_page(id).await;
    assert!(
        page.contains("waiting for a person: Release main to the store, then press <code>go</code>;"),
        "{page}"
    );
    let run = world.run(id).await;
    assert!(world.engine.is_watching(run.id), "its claim is renewed");
    assert_eq!(
        run.waits_for_person(),
        Some("Release main to the store,\nthen press `go`.")
    );
    world.say(id, "mona", true, "").await;
    world.conclude().await;
    world.end().await;
}

#[tokio::test]
async fn what_is_done_is_a_success_with_the_words_of_whoever_did_it() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    let heard = world.say(id, "mona", true, "version 7").await;
    assert!(matches!(heard, Heard::Taken(run) if run.state == RunState::Running));
    assert_eq!(
        world.state(id).await,
        RunState::Running,
        "its runner has not heard of it yet"
    );
    assert!(
        world
            .run_page(id)
            .await
            .contains("@mona says that it is done: &#34;version 7&#34;; it is being written down")
    );
    world.conclude().await;
    assert_snapshot!(world.latest(id).state, @"success");
    assert_snapshot!(world.latest(id).description, @r#"done, says @mona after 0 s: "version 7""#);
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @r#"succeeded: deploy `site` to `store`: done, says @mona: "version 7" (`octo/site` at <one> (main), asked for by @mona, took 0 s) <chima>/runs/<run 1>"#);
    assert_snapshot!(world.log(id).await.lines().last().unwrap(), @r#"[chima: done, says @mona: "version 7"]"#);
    assert_eq!(
        world.timeline_of(id).await,
        [
            "taken by a worker",
            "waiting for a person",
            "@mona says that it is done: \"version 7\"",
            "succeeded"
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn what_could_not_be_done_is_a_failure_with_the_reason() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    world.say(id, "mona", false, "the store refused the build").await;
    world.conclude().await;
    assert_snapshot!(world.latest(id).state, @"failure");
    assert_snapshot!(world.latest(id).description, @r#"not done, says @mona after 0 s: "the store refused the build""#);
    assert_eq!(
        (world.state(id).await, world.code(id).await),
        (RunState::Failed, "not_done")
    );
    world.end().await;
}

#[tokio::test]
async fn a_name_and_a_note_from_outside_call_nobody_and_break_nothing() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    world
        .say(
            id,
            "<!channel>\u{202e}`x`",
            false,
            "</pre><script>alert(1)</script>\u{7}\u{1b}[2J\nsuccess",
        )
        .await;
    world.conclude().await;
    assert_snapshot!(world.latest(id).description, @r#"not done, says `<!channel>\u{202e}'x'` after 0 s: "</pre><script>alert(1)</script>\u{7}\u{1b}[2J success""#);
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @r#"failed: deploy `site` to `store`: not done, says `&lt;!channel&gt;\u{202e}'x'`: "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{7}\u{1b}[2J success"; deploy again when what stood in the way is gone; nothing has worked on `store` yet (`octo/site` at <one> (main), asked for by @mona, took 0 s) <chima>/runs/<run 1>"#);
    assert_snapshot!(world.log(id).await.lines().last().unwrap(), @r#"[chima: not done, says `<!channel>\u{202e}'x'`: "</pre><script>alert(1)</script>\u{7}\u{1b}[2J success"]"#);
    let page = world.run_page(id).await;
    assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{page}");
    world.end().await;
}

#[tokio::test]
async fn of_two_words_the_first_stays() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    world.say(id, "mona", false, "the store refused").await;
    let second = world.say(id, "hubot", true, "it worked for me").await;
    let first = PersonsVerdict::new("mona", false, Some("the store refused"));
    assert!(matches!(second, Heard::SaidBefore(run) if run.verdict == Some(first)));
    world.sweep().await;
    world.conclude().await;
    assert_snapshot!(world.latest(id).description, @r#"not done, says @mona after 0 s: "the store refused""#);
    assert_eq!(world.timeline_of(id).await.len(), 4);
    let third = world.say(id, "hubot", true, "").await;
    assert!(matches!(third, Heard::NotAsked(run) if run.state == RunState::Failed));
    world.end().await;
}

#[tokio::test]
async fn whoever_says_it_inside_the_server_wakes_it() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    drop(world.engine.tasks.spawn(sweep::run(world.engine.clone())));
    let said = std::time::Instant::now();
    let run = world.run(id).await;
    let verdict = PersonsVerdict::new("mona", true, None);
    let heard = finish_here(&world.engine, &run, &verdict).await;
    assert!(matches!(heard, Ok(Heard::Taken(_))));
    world
        .until("it has ended", || world.engine.watched_runs().is_empty().then_some(()))
        .await;
    assert!(
        said.elapsed() < Duration::from_millis(900),
        "not by the next tick: {:?}",
        said.elapsed()
    );
    world.outbox().await;
    assert_eq!(world.latest(id).state, "success");
    world.end().await;
}

#[tokio::test]
async fn a_run_that_waits_for_nobody_takes_no_word() {
    let world = World::manual().await;
    let held = world.deploy("guarded").await;
    let first = world.waiting("store").await;
    let queued = world.deploy("store").await;
    world.intake().await;
    let command = world.deploy("staging").await;
    world.intake().await;
    world.hold();
    let running = world.begin(world.run(command).await.id);
    world.journal_of(1).await;
    for (id, state) in [
        (held, RunState::Held),
        (queued, RunState::Queued),
        (command, RunState::Running),
    ] {
        let heard = world.say(id, "mona", true, "").await;
        assert!(
            matches!(&heard, Heard::NotAsked(run) if run.state == state),
            "{heard:?}"
        );
        assert_eq!(world.run(id).await.verdict, None);
    }
    world.release();
    running.await.unwrap();
    let cancellation = Cancellation::new("hubot", None);
    cancel(&world.engine.desk(), world.run(first).await, &cancellation)
        .await
        .unwrap();
    let heard = world.say(first, "mona", true, "").await;
    assert!(
        matches!(&heard, Heard::NotAsked(run) if run.cancel == Some(cancellation)),
        "{heard:?}"
    );
    cancel(
        &world.engine.desk(),
        world.run(held).await,
        &Cancellation::new("hubot", None),
    )
    .await
    .unwrap();
    world.conclude().await;
    assert_eq!(world.state(first).await, RunState::Cancelled);
    world.say(queued, "mona", true, "").await;
    world.conclude().await;
    world.end().await;
}

#[tokio::test]
async fn it_can_be_cancelled_while_it_waits() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    let cancellation = Cancellation::new("mona", Some("nobody should"));
    let answer = cancel(&world.engine.desk(), world.run(id).await, &cancellation).await;
    assert!(matches!(answer, Ok(Answer::Requested(_))));
    world.conclude().await;
    assert_snapshot!(world.latest(id).state, @"error");
    assert_snapshot!(world.latest(id).description, @r#"cancelled by @mona after 0 s: "nobody should""#);
    world.end().await;
}

#[tokio::test]
async fn it_does_not_wait_for_ever() {
    let world = World::manual().await;
    let id = world.waiting("hasty").await;
    world.conclude().await;
    assert_snapshot!(world.latest(id).state, @"failure");
    assert_snapshot!(world.latest(id).description, @"timed out after 1 s: nobody said how it went");
    world.end().await;
}

#[tokio::test]
async fn the_next_of_its_environment_waits_until_it_has_ended() {
    let world = World::manual().await;
    let first = world.waiting("store").await;
    let second = world.deploy("store").await;
    world.intake().await;
    world.outbox().await;
    assert!(
        world
            .latest(second)
            .description
            .starts_with("queued: position 2, behind run of ")
    );
    execute::answer(world.engine.clone(), world.run(second).await.id).await;
    world.sweep().await;
    assert_eq!(world.state(second).await, RunState::Queued);
    world.say(first, "mona", true, "").await;
    world.conclude().await;
    assert_eq!(
        (world.state(first).await, world.state(second).await),
        (RunState::Succeeded, RunState::Running)
    );
    world.say(second, "mona", true, "").await;
    world.conclude().await;
    world.end().await;
}

#[tokio::test]
async fn two_that_wait_and_one_that_works_need_one_place() {
    let world = World::manual().await;
    world.run_by_itself_with(1);
    drop(world.engine.tasks.spawn(sweep::run(world.engine.clone())));
    let (store, market) = (world.deploy("store").await, world.deploy("market").await);
    for id in [store, market] {
        let waits = format!("data/runs/{}/attempt-1/started", world.come(id).await);
        world
            .until("it waits", || world.path(&waits).exists().then_some(()))
            .await;
    }
    let works = world.deploy("staging").await;
    assert_eq!(world.journal_of(2).await.len(), 2, "it ran beside them");
    for id in [store, market] {
        let verdict = PersonsVerdict::new("mona", true, None);
        let run = world.run(id).await;
        finish_here(&world.engine, &run, &verdict).await.unwrap();
    }
    world.quiet().await;
    for id in [store, market, works] {
        assert_eq!(world.latest(id).state, "success");
    }
    world.end().await;
}

#[tokio::test]
async fn it_waits_on_while_the_server_is_gone_and_a_word_said_meanwhile_counts() {
    let mut world = World::manual().await;
    let id = world.waiting("store").await;
    world.restart_with(APP).await;
    world.clock.advance(Duration::from_secs(31));
    world.sweep().await;
    let run = world.run(id).await;
    assert!(
        world.engine.is_watching(run.id) && run.waits_for_person().is_some(),
        "{run:?}"
    );
    world.say(id, "mona", true, "").await;
    // the server that was to pass it on is gone before it does
    world.restart_with(APP).await;
    world.clock.advance(Duration::from_secs(31));
    world.conclude().await;
    assert_snapshot!(world.told(id).await, @"
    in_progress: waiting for a person to deploy <one> (main) to store; then `chima finish <run 1>`, or with `--failed`
    success: done, says @mona after 1 min 2 s
    ");
    world.end().await;
}

#[tokio::test]
async fn a_word_outlives_the_attempt_and_the_runner_it_was_said_of() {
    let world = World::manual().await;
    // its worker has written down that it waits, and died before a runner began
    let early = world.deploy("store").await;
    world.intake().await;
    let run = world.claimed(early).await;
    let now = chima::domain::clock::Clock::now(&world.clock);
    world
        .engine
        .store
        .await_person(run.id, run.fence, "Do it.", &[], now)
        .await
        .unwrap();
    assert!(matches!(world.say(early, "mona", true, "").await, Heard::Taken(_)));
    world.clock.advance(Duration::from_secs(31));
    world.conclude().await;
    world.conclude().await;
    assert_eq!(
        (world.state(early).await, world.run(early).await.attempts),
        (RunState::Succeeded, 2)
    );
    assert!(world.latest(early).description.starts_with("done, says @mona"));

    // its runner has died before it heard of it
    let late = world.waiting("market").await;
    world.say(late, "mona", false, "the market is closed").await;
    world.kill_runner(&world.run(late).await);
    world.conclude().await;
    assert_snapshot!(world.latest(late).description, @r#"not done, says @mona after 0 s: "the market is closed""#);
    world.end().await;
}

#[tokio::test]
async fn a_runner_that_dies_without_a_word_leaves_nothing_known() {
    let world = World::manual().await;
    let id = world.waiting("store").await;
    world.kill_runner(&world.run(id).await);
    world.conclude().await;
    assert_eq!(world.state(id).await, RunState::Interrupted);
    world.end().await;
}
