//! Whatever a command starts is gone when its step is over, however it tried to get away.

use super::*;

/// Leaves the group, the session and its parent, ignores every polite signal, and says who it is.
const ESCAPED: &str = "setsid sh -c '(trap \"\" TERM HUP INT; echo $$ > escaped.tmp; sh -c \"echo \\$PPID > escaped\"; while :; do sleep 0.1; done) & ' & wait";

#[tokio::test]
async fn a_timeout_takes_double_forks_sessions_and_ignored_signals_along() {
    let mut rig = Rig::script(&format!(
        "trap '' TERM; {ESCAPED}; echo $$ > main; while :; do sleep 0.1; done"
    ));
    rig.spec.timeout = Duration::from_millis(2500);
    let running = rig.start().await;
    let (escaped, main) = (pid(&rig.written("escaped").await), pid(&rig.written("main").await));
    assert!(is_alive(escaped) && is_alive(main));
    let begun = Instant::now();
    let exit = exit(running).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(outcomes(&exit), [&StepOutcome::TimedOut { limit_ms: 2500 }]);
    assert!(!is_alive(escaped) && !is_alive(main));
    assert!(exit.survivors.is_empty());
}

#[tokio::test]
async fn a_fork_bomb_is_outrun() {
    let bomb = "n=0; while [ $n -lt 20 ]; do (trap '' TERM; while :; do (sleep 0.01 & sleep 0.01) & sleep 0.005; done) & n=$((n+1)); done; echo $$ > main; wait";
    let mut rig = Rig::script(bomb);
    rig.spec.timeout = Duration::from_millis(1000);
    rig.spec.steps[0].environment.set("MARK", "fork-bomb");
    let exit = rig.run().await;
    assert_eq!(outcomes(&exit), [&StepOutcome::TimedOut { limit_ms: 1000 }]);
    assert!(exit.survivors.is_empty(), "{:?}", exit.survivors);
    assert!(chima::provider::lock::is_free(&rig.spec.lock_file).unwrap());
}

#[tokio::test]
async fn a_stopped_process_is_ended_too() {
    let mut rig = Rig::script("echo $$ > main; kill -STOP $$; exit 3");
    rig.spec.timeout = Duration::from_millis(300);
    assert_eq!(outcomes(&rig.run().await), [&StepOutcome::TimedOut { limit_ms: 300 }]);
    assert!(!is_alive(pid(&rig.written("main").await)));
}

#[tokio::test]
async fn leftovers_get_a_moment_then_they_are_stopped_and_named() {
    let rig = Rig::new(vec![
        script("(sleep 0.05; echo late) & echo early"),
        script("sleep 60 & echo $! > left; exit 0"),
    ]);
    let exit = rig.run().await;
    assert_eq!(exit.outcome, Outcome::Succeeded);
    let left = pid(&rig.written("left").await);
    assert!(!is_alive(left));
    assert!(exit.steps[0].leftovers.is_empty());
    assert_eq!(exit.steps[1].leftovers, [format!("sleep ({left})")]);
    let log = rig.log();
    assert!(log.contains("early\nlate\n"), "{log}");
    assert!(
        log.contains(&format!(
            "[chima: left behind by the command and stopped: sleep ({left})]\n"
        )),
        "{log}"
    );
}

#[tokio::test]
async fn allowed_leftovers_live_on_without_the_lane() {
    let mut rig = Rig::new(vec![
        // only once it is called by its own name: between fork and exec it is another shell
        script("sleep 60 > /dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done; echo $! > left"),
        script("sleep 60 & exit 0"),
    ]);
    rig.spec.steps[0].leftover = Leftover::Allow;
    let exit = rig.run().await;
    let left = pid(&rig.written("left").await);
    assert!(is_alive(left));
    assert!(chima::provider::lock::is_free(&rig.spec.lock_file).unwrap());
    assert_eq!(exit.steps[0].leftovers, [format!("sleep ({left})")]);
    // The second step's own are stopped, the first's are not its business.
    assert_eq!(exit.steps[1].leftovers.len(), 1);
    assert!(rig.path("attempt/home").exists(), "what lives on may use it");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(left).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn a_command_whose_leftovers_may_live_is_stopped_with_all_of_it() {
    let mut rig = Rig::script(&format!("{ESCAPED}; echo $$ > main; while :; do sleep 0.1; done"));
    rig.spec.steps[0].leftover = Leftover::Allow;
    let running = rig.start().await;
    let (escaped, main) = (pid(&rig.written("escaped").await), pid(&rig.written("main").await));
    assert!(is_alive(escaped) && is_alive(main));
    chima::provider::attempt::request_cancel(rig.attempt(), "@mona").unwrap();
    let exit = exit(running).await;
    assert_eq!(exit.outcome, Outcome::Cancelled { by: "@mona".to_owned() });
    assert!(!is_alive(escaped) && !is_alive(main) && exit.survivors.is_empty());
}

#[tokio::test]
async fn many_short_orphans_leave_no_zombies() {
    let rig = Rig::script(
        "i=0; while [ $i -lt 200 ]; do (true &) ; i=$((i+1)); done; ls /proc/$PPID/task/*/children > /dev/null; grep -c . /proc/$PPID/stat > /dev/null; sleep 0.3; for p in $(cat /proc/$PPID/task/$PPID/children); do grep State /proc/$p/status; done",
    );
    rig.run().await;
    assert!(!rig.log().contains('Z'), "{}", rig.log());
}
