//! How a step may end, and what the command is given.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

async fn only_outcome(rig: &Rig) -> StepOutcome {
    let mut exit = rig.run().await;
    assert_eq!(exit.steps.len(), 1);
    exit.steps.remove(0).outcome
}

#[tokio::test]
async fn an_exit_code_is_told_and_ends_the_run() {
    let rig = Rig::new(vec![script("exit 7"), script("echo never")]);
    let exit = rig.run().await;
    assert_eq!(
        (exit.outcome.clone(), outcomes(&exit)),
        (Outcome::Failed, vec![&StepOutcome::Exited { code: 7 }])
    );
    assert!(rig.log().ends_with("[chima: exited with code 7]\n"), "{}", rig.log());
}

#[tokio::test]
async fn a_signal_is_told() {
    assert_eq!(
        only_outcome(&Rig::script("kill -9 $$")).await,
        StepOutcome::Signalled { signal: 9 }
    );
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let file = |rig: &Rig, text: &str, mode: u32| {
        fs::write(rig.path("tool"), text).unwrap();
        fs::set_permissions(rig.path("tool"), fs::Permissions::from_mode(mode)).unwrap();
    };
    let detail = async |rig: &Rig| match only_outcome(rig).await {
        StepOutcome::NotStarted { detail, .. } => detail.replace(&rig.path("").display().to_string(), "/rig/"),
        other => panic!("{other:?}"),
    };
    let rig = Rig::new(vec![step(&["no-such-tool"])]);
    assert_eq!(detail(&rig).await, "not found in PATH `/usr/local/bin:/usr/bin:/bin`");
    let rig = Rig::new(vec![step(&["./tool"])]);
    assert_eq!(detail(&rig).await, "`./tool` does not exist");
    let rig = Rig::new(vec![step(&["./tool"])]);
    file(&rig, "#!/bin/sh\n", 0o600);
    assert!(detail(&rig).await.starts_with("`./tool` is not executable"));
    let rig = Rig::new(vec![step(&["./tool"])]);
    file(&rig, "#!/no/such/shell\n", 0o700);
    assert_eq!(
        detail(&rig).await,
        "`./tool` names an interpreter that does not exist: `#!/no/such/shell`"
    );
    let rig = Rig::new(vec![step(&["./tool"])]);
    file(&rig, "echo no first line\n", 0o700);
    assert!(detail(&rig).await.contains("is no program; a script begins with"));
    let mut rig = Rig::new(vec![step(&["./tool"])]);
    rig.spec.steps[0].cwd = rig.path("nowhere");
    assert_eq!(detail(&rig).await, "the folder `/rig/nowhere` does not exist");
}

#[tokio::test]
async fn time_is_limited_in_total_and_in_silence() {
    let mut rig = Rig::script("while :; do echo x; sleep 0.05; done");
    rig.spec.timeout = Duration::from_millis(300);
    assert_eq!(only_outcome(&rig).await, StepOutcome::TimedOut { limit_ms: 300 });
    assert!(rig.log().ends_with("[chima: stopped: timed out after 0.3 s]\n"));

    let mut rig = Rig::script("for i in 1 2 3 4 5; do echo x; sleep 0.4; done; sleep 60");
    rig.spec.steps[0].inactivity = Some(Duration::from_millis(1500));
    assert_eq!(only_outcome(&rig).await, StepOutcome::Inactive { limit_ms: 1500 });
    assert_eq!(rig.log().matches("x\n").count(), 5);
}

#[tokio::test]
async fn a_command_that_obeys_sigterm_gets_its_grace() {
    let mut rig = Rig::script("trap 'echo tidying; exit 0' TERM; echo up; while :; do sleep 0.02; done");
    rig.spec.timeout = Duration::from_millis(300);
    rig.spec.graces.terminate = Duration::from_secs(20);
    assert_eq!(only_outcome(&rig).await, StepOutcome::TimedOut { limit_ms: 300 });
    assert!(rig.log().contains("tidying\n"));
}

#[tokio::test]
async fn cancel_stops_the_step_and_names_who() {
    let rig = Rig::new(vec![script("echo $$ > pid; exec sleep 60"), script("echo never")]);
    let running = rig.start().await;
    let sleeper = pid(&rig.written("pid").await);
    assert!(chima::provider::attempt::request_cancel(rig.attempt(), "@mona").unwrap());
    assert!(!chima::provider::attempt::request_cancel(rig.attempt(), "@late").unwrap());
    let exit = exit(running).await;
    assert_eq!(exit.outcome, Outcome::Cancelled { by: "@mona".to_owned() });
    assert_eq!(outcomes(&exit), [&StepOutcome::Cancelled { by: "@mona".to_owned() }]);
    assert!(!is_alive(sleeper));
}

#[tokio::test]
async fn a_cancel_before_the_start_runs_nothing() {
    let rig = Rig::script("echo never");
    fs::create_dir_all(rig.attempt()).unwrap();
    chima::provider::attempt::request_cancel(rig.attempt(), "@mona").unwrap();
    let exit = rig.run().await;
    assert_eq!(
        (exit.outcome, exit.steps.len()),
        (Outcome::Cancelled { by: "@mona".to_owned() }, 0)
    );
}

#[tokio::test]
async fn a_signal_to_the_runner_is_a_cancel() {
    let rig = Rig::script("echo $$ > pid; exec sleep 60");
    let running = rig.start().await;
    rig.written("pid").await;
    let runner = rustix::process::Pid::from_raw(i32::try_from(running.pid().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(runner, rustix::process::Signal::TERM).unwrap();
    let exit = exit(running).await;
    assert_eq!(
        exit.outcome,
        Outcome::Cancelled {
            by: "stopped by a signal".to_owned()
        }
    );
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let mut rig = Rig::new(vec![step(&["env"])]);
    rig.spec.steps[0].environment.set("CHIMA_FENCE", "3");
    rig.spec.steps[0].environment.set("EMPTY", "");
    rig.run().await;
    let log = rig.log();
    let found: BTreeMap<&str, &str> = log.lines().filter_map(|line| line.split_once('=')).collect();
    let expected = [
        ("CHIMA_FENCE", "3"),
        ("EMPTY", ""),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_command_has_its_outputs_the_lock_and_nothing_else_open() {
    for (leftover, expected) in [(Leftover::Stop, 4), (Leftover::Allow, 3)] {
        let mut rig = Rig::script("cd /proc/$$/fd; for fd in *; do readlink $fd; done; umask; cat");
        rig.spec.steps[0].leftover = leftover;
        // Not ours to close, but ours to keep from the command: a descriptor the server inherited itself.
        let leaked = fs::File::open("/etc/passwd").unwrap();
        rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
        rig.run().await;
        drop(leaked);
        let log = rig.log();
        let mut found: Vec<String> = log
            .lines()
            .skip(1)
            .map(|line| {
                if line.starts_with("pipe:") {
                    "pipe".to_owned()
                } else {
                    line.to_owned()
                }
            })
            .collect();
        assert_eq!(found.pop().unwrap(), "0077");
        // The shell holds the folder open while it expands the `*`; it is gone when its link is read.
        let mut wanted = vec!["/dev/null".to_owned(), "pipe".to_owned(), "pipe".to_owned()];
        wanted.extend((expected == 4).then(|| rig.spec.lock_file.display().to_string()));
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{leftover:?}");
    }
}

#[tokio::test]
async fn a_name_without_a_slash_is_looked_up_in_the_commands_own_path() {
    let mut rig = Rig::new(vec![step(&["tool", "x"])]);
    fs::create_dir(rig.path("bin")).unwrap();
    fs::write(rig.path("bin/tool"), "#!/bin/sh\necho mine \"$0\" $1\n").unwrap();
    fs::set_permissions(rig.path("bin/tool"), fs::Permissions::from_mode(0o700)).unwrap();
    let bin = rig.path("bin").display().to_string();
    rig.spec.steps[0].environment.set("PATH", &format!(".:{bin}:/bin"));
    assert_eq!(only_outcome(&rig).await, StepOutcome::Exited { code: 0 });
    assert!(rig.log().contains("mine "), "{}", rig.log());
}
