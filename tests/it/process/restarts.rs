//! The server is killed, stopped or replaced by another build in the middle of a deployment, again and again: the command goes on,
//! its log is whole, and what really became of it is told within five seconds.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::child::{Chima, program};
use crate::process::crashes::log_ends;
use crate::process::installation::{ENVIRONMENTS, Installation};
use crate::torture::{rounds, row};

const SOON: Duration = Duration::from_secs(10);
const REPORTED: Duration = Duration::from_secs(5);

/// Where an administrator puts the program, and two builds of it to put there.
struct Place {
    program: PathBuf,
    builds: [PathBuf; 2],
}

impl Place {
    fn make(installation: &Installation) -> Self {
        let folder = installation.path("bin");
        fs::create_dir(&folder).unwrap();
        let builds = [folder.join("one"), folder.join("two")];
        // by another process: a file that this one still had open for writing could not be run
        let make = "strip -o \"$2\" \"$1\" && cp -p \"$2\" \"$3\" && printf 'another build' >> \"$3\"";
        #[expect(clippy::disallowed_methods, reason = "makes another build of the program")]
        let made = std::process::Command::new("sh")
            .args(["-c", make, "sh", env!("CARGO_BIN_EXE_chima")])
            .args(&builds)
            .stdin(Stdio::null())
            .status()
            .expect("`sh` is there");
        assert!(made.success());
        let place = Self {
            program: folder.join("chima"),
            builds,
        };
        place.put(0);
        place
    }

    /// As package managers do: the new file is renamed over the old one, which a process may still run.
    fn put(&self, build: usize) {
        let aside = self.program.with_extension("new");
        fs::hard_link(&self.builds[build], &aside).unwrap();
        fs::rename(&aside, &self.program).unwrap();
    }

    async fn serve(&self, installation: &Installation) -> Chima {
        let serve = program(
            &self.program,
            &installation.path(""),
            &["--config", "app.yaml", "serve"],
        );
        let mut server = Chima::start(serve, installation.path("serve.err"));
        installation.ready(&mut server).await;
        let runs = fs::metadata(format!("/proc/{}/exe", server.pid())).unwrap().ino();
        assert_eq!(runs, fs::metadata(&self.program).unwrap().ino(), "another file runs");
        server
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_outlives_every_kill_stop_and_upgrade_of_the_server() {
    let count = rounds(6, 200);
    let installation = Installation::sqlite().await;
    let place = Place::make(&installation);
    let mut server = place.serve(&installation).await;
    let (mut told, mut upgrades) = (Vec::new(), 0);
    for round in 0..count {
        let (branch, state) = [("gated", "success"), ("gated-failing", "failure")][usize::from(round % 4 == 3)];
        let environment = ENVIRONMENTS[usize::try_from(round).unwrap() % ENVIRONMENTS.len()];
        let deployment = installation.deploy(branch, environment).await;
        installation.noted(deployment, "start").await;
        if round % 3 == 2 {
            upgrades += 1;
            place.put(upgrades % 2);
            // the old process starts what is there now
            let beside = installation
                .deploy("main", if environment == "qa" { "live" } else { "qa" })
                .await;
            assert_eq!(installation.concluded(beside, SOON).await, "success");
        }
        if round % 2 == 0 {
            server.kill();
        } else {
            server.signal(Signal::TERM);
            assert_eq!(server.wait(SOON).await.code(), Some(0));
        }
        assert!(installation.runner(deployment).is_alive());
        let ends_alone = round % 4 < 2;
        if ends_alone {
            installation.open_gate(deployment);
            installation.noted(deployment, "end").await;
        }
        let mut begun = Instant::now();
        server = place.serve(&installation).await;
        if !ends_alone {
            installation.open_gate(deployment);
            begun = Instant::now();
        }
        assert_eq!(installation.concluded(deployment, SOON).await, state);
        told.push(begun.elapsed());
        let mut last = "";
        if state == "failure" {
            let said = installation.description(deployment);
            assert!(said.contains("exited with code 7"), "{said}");
            last = "[chima: exited with code 7]\n";
        }
        log_ends(&installation, deployment, last).await;
    }
    told.sort_unstable();
    let (most, slowest) = (told[(told.len() - 1) * 9 / 10], told[told.len() - 1]);
    assert!(most < REPORTED, "{told:?}");
    server.stop(SOON).await;
    installation.close().await;
    row(
        "server killed, stopped or upgraded in the middle of a deployment",
        count,
        format!(
            "{upgrades} upgrades; every log byte-exact, every result true; told after {} ms (90 %), {} ms (all)",
            most.as_millis(),
            slowest.as_millis()
        ),
        "the true result within 5 s of the restart",
    );
}
