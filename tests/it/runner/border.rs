//! The border between "queue it again" and "only adopt it", and what is provable after the runner was killed.

use chima::provider::launch::LaunchError;
use chima::provider::watch::{Condition, inspect, stop_survivors, watch};
use chima::provider::{lock, marker, processes};
use rustix::process::{Pid, Signal, kill_process};

use super::*;

fn kill(running: &Running) {
    let pid = Pid::from_raw(i32::try_from(running.pid().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn condition(rig: &Rig) -> Condition {
    inspect(rig.attempt(), &rig.spec.lock_file).unwrap()
}

#[tokio::test]
async fn a_busy_lane_refuses_and_writes_nothing() {
    let rig = Rig::script("touch ran");
    fs::create_dir_all(rig.path("locks")).unwrap();
    let held = lock::LaneLock::take(&rig.spec.lock_file).unwrap().unwrap();
    assert!(matches!(launcher().start(&rig.spec).await.unwrap(), Start::LaneBusy));
    assert_eq!(condition(&rig), Condition::NotStarted);
    assert!(!rig.path("ran").exists() && !rig.attempt().join("log").exists());
    drop(held);
    assert_eq!(rig.run().await.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn a_sealed_attempt_never_starts() {
    let rig = Rig::script("touch ran");
    assert!(marker::seal(rig.attempt()).unwrap());
    assert!(matches!(
        launcher().start(&rig.spec).await.unwrap(),
        Start::AlreadyStarted
    ));
    assert_eq!(condition(&rig), Condition::Sealed);
    assert!(!rig.path("ran").exists());
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Sealed);
}

#[tokio::test]
async fn a_started_attempt_is_neither_sealed_nor_started_again() {
    let rig = Rig::script("echo x >> ran");
    let running = rig.start().await;
    assert!(!marker::seal(rig.attempt()).unwrap());
    let first = exit(running).await;
    assert!(matches!(
        launcher().start(&rig.spec).await.unwrap(),
        Start::AlreadyStarted
    ));
    assert_eq!(fs::read_to_string(rig.path("ran")).unwrap(), "x\n");
    assert_eq!(condition(&rig), Condition::Ended(first));
}

#[tokio::test]
async fn of_seal_and_start_at_once_exactly_one_wins() {
    for round in 0..12 {
        let rig = Rig::script("touch ran");
        fs::create_dir_all(rig.attempt()).unwrap();
        let attempt = rig.attempt().to_owned();
        let sealing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(round));
            marker::seal(&attempt).unwrap()
        });
        let start = launcher().start(&rig.spec).await.unwrap();
        let sealed = sealing.join().unwrap();
        match start {
            Start::Started(running) => {
                assert!(!sealed);
                exit(running).await;
            }
            Start::AlreadyStarted => assert!(sealed),
            Start::LaneBusy => panic!("nobody holds the lane"),
        }
        assert_eq!(rig.path("ran").exists(), !sealed, "round {round}");
    }
}

#[tokio::test]
async fn a_short_secret_starts_nothing_and_says_so() {
    let rig = Rig::script("touch ran").secret("short");
    let error = launcher().start(&rig.spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the runner did not start: secret `TOKEN` is shorter than 8 bytes; use a longer one"
    );
    assert!(matches!(error, LaunchError::Failed { .. }));
    assert_eq!(condition(&rig), Condition::NotStarted);
}

#[tokio::test]
async fn an_attempt_is_watched_from_any_process() {
    let rig = Rig::script("until [ -e go ]; do sleep 0.01; done; echo done");
    drop(rig.start().await);
    assert_eq!(condition(&rig), Condition::Alive);
    let attempt = rig.attempt().to_owned();
    let (ended, ()) = tokio::join!(watch(&attempt), async { fs::write(rig.path("go"), "").unwrap() });
    match ended.unwrap() {
        Ended::Exit(exit) => assert_eq!(exit.outcome, Outcome::Succeeded),
        other => panic!("{other:?}"),
    }
    assert!(rig.log().ends_with("done\n"));
}

#[tokio::test]
async fn a_killed_runner_keeps_the_lane_until_its_command_has_ended() {
    let rig = Rig::script("echo $$ > pid; until [ -e go ]; do sleep 0.01; done; touch finished");
    let running = rig.start().await;
    rig.written("pid").await;
    kill(&running);
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Gone);
    assert_eq!(condition(&rig), Condition::Gone { lock_free: false });
    let mut next = Rig::script("touch ran");
    next.spec.lock_file = rig.spec.lock_file.clone();
    assert!(matches!(launcher().start(&next.spec).await.unwrap(), Start::LaneBusy));
    fs::write(rig.path("go"), "").unwrap();
    eventually("the lane is free", || {
        (condition(&rig) == Condition::Gone { lock_free: true }).then_some(())
    })
    .await;
    assert!(rig.path("finished").exists());
    assert_eq!(next.run().await.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn a_command_without_a_share_in_the_lock_keeps_the_lane_too() {
    let mut rig = Rig::script("echo $$ > pid; exec sleep 60");
    rig.spec.steps[0].leftover = Leftover::Allow;
    let running = rig.start().await;
    let command = pid(&rig.written("pid").await);
    eventually("the runner has noted which process it is", || {
        rig.attempt().join("command").exists().then_some(())
    })
    .await;
    kill(&running);
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Gone);
    assert_eq!(condition(&rig), Condition::Gone { lock_free: false });
    let stopped = stop_survivors(rig.attempt(), &rig.spec.lock_file, &rig.spec.graces)
        .await
        .unwrap();
    // its name is `sh` until it has become `sleep`
    assert_eq!(stopped.found.len(), 1);
    assert!(
        stopped.found[0].ends_with(&format!("({command})")),
        "{:?}",
        stopped.found
    );
    assert_eq!(condition(&rig), Condition::Gone { lock_free: true });
}

#[tokio::test]
async fn survivors_of_a_killed_runner_are_found_and_stopped() {
    // The inner one closes the lock, as Python's subprocess does: it is found as a child of one that holds it.
    let rig = Rig::script(
        "trap '' TERM; for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\" ; done 2> /dev/null; sh -c 'echo $$ > inner; trap \"\" TERM; while :; do sleep 0.1; done' & echo $$ > outer; wait; wait; sleep 60",
    );
    let running = rig.start().await;
    let (inner, outer) = (pid(&rig.written("inner").await), pid(&rig.written("outer").await));
    kill(&running);
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Gone);
    let stopped = stop_survivors(rig.attempt(), &rig.spec.lock_file, &rig.spec.graces)
        .await
        .unwrap();
    for found in [inner, outer] {
        assert!(stopped.found.contains(&format!("sh ({found})")), "{:?}", stopped.found);
        assert!(!is_alive(found));
    }
    assert_eq!(stopped.remaining, Vec::<String>::new());
    assert_eq!(condition(&rig), Condition::Gone { lock_free: true });
}

#[tokio::test]
async fn what_a_later_run_has_started_is_not_taken_for_what_an_earlier_one_left() {
    let rig = Rig::script("echo $$ > pid; exec sleep 60");
    let running = rig.start().await;
    let command = pid(&rig.written("pid").await);
    kill(&running);
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Gone);
    // somebody has seen to it, and the next run works, when one that was paused since goes on
    assert!(processes::signal(processes::find(command).unwrap().id, Signal::KILL));
    eventually("the lane is free", || {
        (condition(&rig) == Condition::Gone { lock_free: true }).then_some(())
    })
    .await;
    let mut next = Rig::script("echo $$ > pid; until [ -e go ]; do sleep 0.01; done");
    next.spec.lock_file = rig.spec.lock_file.clone();
    let mut works = next.start().await;
    next.written("pid").await;
    let stopped = stop_survivors(rig.attempt(), &rig.spec.lock_file, &rig.spec.graces)
        .await
        .unwrap();
    assert_eq!((stopped.found, stopped.remaining), Default::default());
    fs::write(next.path("go"), "").unwrap();
    match works.ended().await.unwrap() {
        Ended::Exit(exit) => assert_eq!(exit.outcome, Outcome::Succeeded),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_chima_that_looks_at_the_lock_is_not_stopped_with_what_a_runner_left() {
    let rig = Rig::script("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done");
    let running = rig.start().await;
    rig.written("pid").await;
    kill(&running);
    assert_eq!(watch(rig.attempt()).await.unwrap(), Ended::Gone);
    let lock = fs::OpenOptions::new().append(true).open(&rig.spec.lock_file).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "one that waits for its orders stands for another server"
    )]
    let mut other = std::process::Command::new(env!("CARGO_BIN_EXE_chima"))
        .arg("runner")
        .stdin(std::process::Stdio::piped())
        .stdout(lock)
        .spawn()
        .unwrap();
    let stopped = stop_survivors(rig.attempt(), &rig.spec.lock_file, &rig.spec.graces)
        .await
        .unwrap();
    assert!(
        !stopped.found.iter().any(|one| one.contains("chima")),
        "{:?}",
        stopped.found
    );
    assert_eq!(stopped.remaining, Vec::<String>::new());
    assert_eq!(other.try_wait().unwrap(), None, "it lives");
    other.kill().unwrap();
    other.wait().unwrap();
}
