//! The disk is full while a command writes its log: that costs log, never the command or its result, and it is said.

use std::time::Duration;

use chima_simulator::git::GitRepository;

use crate::process::child::{Chima, program};
use crate::process::installation::{Installation, REPOSITORY};
use crate::process::wire::get;

/// Fills what there is, writes on, and ends as it wants. What it filled the disk with goes with the run.
const WORK: &str = "head -c 4000000 /dev/zero > \"$HOME/rest\" || true\n\
                    head -c 8000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; code=7\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_log_and_never_the_result() {
    let installation = Installation::sqlite().await;
    let git = GitRepository::create(&installation.path("site")).expect("git");
    git.switch("filling").expect("git");
    git.write("script/work", WORK).expect("the folder is ours");
    let sha = git.commit("filling").expect("git");
    let repository = installation.github.repository(REPOSITORY);
    repository.commit(&sha, "filling", "mona", &[]).branch("filling", &sha);
    installation.write("app.yaml", &(installation.config() + "disk: { free_mib: 0 }\n"));
    // the runs have a small disk of their own, which only this server and its runners see
    std::fs::create_dir_all(installation.path("data/runs")).expect("the folder is ours");
    let serve = format!(
        "mount -t tmpfs -o size=3m,mode=700 none data/runs && exec '{}' --config app.yaml serve",
        env!("CARGO_BIN_EXE_chima")
    );
    let arguments = ["--mount", "--map-root-user", "sh", "-c", &serve];
    let command = program("unshare".as_ref(), &installation.path(""), &arguments);
    let mut server = Chima::start(command, installation.path("serve.err"));
    installation.ready(&mut server).await;
    let deployment = installation.deploy("filling", "staging").await;
    let end = installation.concluded(deployment, Duration::from_secs(60)).await;
    let told = installation.description(deployment);
    assert!(end == "failure" && told.contains("exited with code 7"), "{end}: {told}");
    let run = installation.noted(deployment, "start").await.field("run").to_owned();
    let page = get(installation.port, &format!("/runs/{run}"))
        .await
        .expect("the server answers")
        .body;
    assert!(
        page.contains("the log is not complete: ") && page.contains("No space left on device"),
        "{page}"
    );
    // and the next one has room again
    let next = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(next, Duration::from_secs(60)).await, "success");
    assert!(server.stderr().contains("the log of a run is not complete"));
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
}
