//! What fails is not tried again: commands that fail, abort or run out of time are begun once, and a job that takes its worker down is
//! given up while the others go on.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::process::child::Chima;
use crate::process::installation::{Installation, REPOSITORY};
use crate::torture::{rounds, row};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_fail_abort_or_run_out_of_time_run_exactly_once() {
    let count = rounds(2, 50);
    let installation = Installation::sqlite().await;
    let config = installation.config().replace(
        "      staging: {}\n",
        "      staging: {}\n      hasty: { timeout_seconds: 1 }\n",
    );
    installation.write("app.yaml", &config);
    let mut server = installation.serve().await;
    let mut all = Vec::new();
    for _ in 0..count {
        let cases = [
            ("failing", "staging", "exited with code 7"),
            ("aborting", "qa", "signal"),
            ("endless", "hasty", "timed out"),
        ];
        let mut asked = Vec::new();
        for (branch, environment, words) in cases {
            asked.push((installation.deploy(branch, environment).await, words));
        }
        for (deployment, words) in asked {
            assert_eq!(installation.concluded(deployment, SOON).await, "failure");
            let told = installation.description(deployment);
            assert!(told.contains(words), "{told}");
            all.push(deployment);
        }
        // neither who comes next nor a new process takes them up again
        server.kill();
        server = installation.serve().await;
    }
    for environment in ["staging", "qa", "live"] {
        let next = installation.deploy("main", environment).await;
        assert_eq!(installation.concluded(next, SOON).await, "success");
    }
    for deployment in &all {
        assert_eq!(installation.journal().count(*deployment, "start"), 1);
    }
    server.stop(SOON).await;
    installation.close().await;
    row(
        "commands that fail, abort or run out of time",
        3 * count,
        "each begun once, also after a restart of the server",
        "exactly once",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_kills_its_worker_is_given_up_after_three_attempts_and_takes_nobody_with_it() {
    let count = rounds(1, 30);
    for _ in 0..count {
        poison().await;
    }
    row(
        "a job that kills its worker, others beside and behind it",
        count,
        "given up after three attempts with the reason; all others succeeded",
        "parked after 3 attempts, the others go on",
    );
}

async fn poison() {
    let installation = Installation::sqlite().await;
    // the git of this machine takes whoever asks it for this commit down, but gives everybody time to ask
    let programs = installation.path("programs");
    std::fs::create_dir(&programs).unwrap();
    let sha = installation.github.repository(REPOSITORY).head("failing").unwrap();
    let git = format!(
        "#!/bin/sh\ncase \"$*\" in *{sha}*) sleep 0.2; kill -9 $PPID; exit 1 ;; esac\nPATH=${{PATH#*:}}\n\
         case \"$*\" in *worktree*) sleep 0.3 ;; esac\nexec git \"$@\"\n"
    );
    std::fs::write(programs.join("git"), git).unwrap();
    std::fs::set_permissions(programs.join("git"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let start = || {
        let mut serve = installation.command(&["serve"]);
        #[expect(clippy::disallowed_methods, reason = "git is where the tester's shell finds it")]
        let path = std::env::var("PATH").unwrap_or_default();
        serve.env("PATH", format!("{}:{path}", programs.display()));
        Chima::start(serve, installation.path("serve.err"))
    };
    let mut server = start();
    installation.ready(&mut server).await;
    let poison = installation.deploy("failing", "staging").await;
    let mut others = Vec::new();
    for environment in ["qa", "live", "staging", "qa", "live", "staging"] {
        others.push(installation.deliver("main", environment).await);
    }
    let mut deaths = 0;
    let begun = Instant::now();
    while installation.told(poison).last().is_none_or(|state| state != "error") {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never given up");
        if server.has_ended().is_some() {
            deaths += 1;
            server = start();
            installation.ready(&mut server).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(deaths, 3);
    let told = installation.description(poison);
    assert!(told.contains("took its worker down"), "{told}");
    assert_eq!(installation.journal().count(poison, "start"), 0);
    for (deployment, status, guid) in others {
        if status != 202 {
            installation.deliver_again(&[guid]).await;
        }
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
    }
    server.stop(SOON).await;
    installation.close().await;
}
