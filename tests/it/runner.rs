//! The runner as a real process: what it starts, what it stops, and what it leaves on the disk.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test says no more than where it stopped"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chima::domain::ids::Fence;
use chima::provider::environment::Environment;
use chima::provider::exit::{Exit, Outcome, StepOutcome};
use chima::provider::launch::{Launcher, Running, Start};
use chima::provider::log;
use chima::provider::log::reader::LogReader;
use chima::provider::manifest::Leftover;
use chima::provider::spec::{Action, Graces, LogCaps, RunnerSpec, Secret, StepSpec};
use chima::provider::watch::Ended;
use tempfile::TempDir;

mod border;
mod ends;
mod nasty;
mod output;
mod reading;
mod tree;

/// A folder with one attempt and one lane in it.
pub struct Rig {
    dir: TempDir,
    pub spec: RunnerSpec,
}

impl Rig {
    pub fn new(steps: Vec<StepSpec>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let mut spec = RunnerSpec {
            run: "01JD0000000000000000000000".parse().unwrap(),
            fence: Fence(3),
            attempt_dir: path.join("attempt"),
            lock_file: path.join("locks/lane"),
            scratch: vec![path.join("attempt/home"), path.join("attempt/tmp")],
            files: Vec::new(),
            steps,
            timeout: Duration::from_secs(60),
            secrets: Vec::new(),
            log: LogCaps::default(),
            graces: Graces {
                terminate: Duration::from_millis(300),
                leftover: Duration::from_millis(200),
                kill: Duration::from_secs(10),
            },
        };
        for step in &mut spec.steps {
            if step.cwd.as_os_str().is_empty() {
                step.cwd = path.to_owned();
            }
        }
        Self { dir, spec }
    }

    /// One step that is a shell script, run in the rig's folder.
    pub fn script(text: &str) -> Self {
        Self::new(vec![script(text)])
    }

    pub fn secret(mut self, value: &str) -> Self {
        self.spec.secrets.push(Secret {
            name: "TOKEN".to_owned(),
            value: value.to_owned(),
        });
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn attempt(&self) -> &Path {
        &self.spec.attempt_dir
    }

    pub async fn start(&self) -> Running {
        match launcher().start(&self.spec).await.unwrap() {
            Start::Started(running) => running,
            other => panic!("{other:?}"),
        }
    }

    pub async fn run(&self) -> Exit {
        exit(self.start().await).await
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.reader().whole().unwrap()).into_owned()
    }

    pub fn reader(&self) -> LogReader {
        LogReader::open(log::dir(&self.spec.attempt_dir))
    }

    /// What a command wrote into a file of the rig's folder, once it did.
    pub async fn written(&self, name: &str) -> String {
        let path = self.path(name);
        eventually(&format!("`{name}` is written"), || {
            fs::read_to_string(&path)
                .ok()
                .filter(|text| text.ends_with('\n'))
                .map(|text| text.trim().to_owned())
        })
        .await
    }
}

pub fn launcher() -> Launcher {
    Launcher {
        program: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
    }
}

pub fn script(text: &str) -> StepSpec {
    step(&["/bin/sh", "-c", text])
}

pub fn step(argv: &[&str]) -> StepSpec {
    let mut environment = Environment::default();
    environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    StepSpec {
        name: argv[0].to_owned(),
        action: Action::Command {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        },
        cwd: PathBuf::new(),
        environment,
        inactivity: None,
        leftover: Leftover::Stop,
        remote: false,
        pty: false,
        must_exist: Vec::new(),
        results: None,
        causes: Vec::new(),
    }
}

pub async fn exit(mut running: Running) -> Exit {
    match running.ended().await.unwrap() {
        Ended::Exit(exit) => exit,
        other => panic!("{other:?}"),
    }
}

pub fn outcomes(exit: &Exit) -> Vec<&StepOutcome> {
    exit.steps.iter().map(|step| &step.outcome).collect()
}

pub fn pid(text: &str) -> i32 {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("`{text}` is not a process number"))
}

pub fn is_alive(pid: i32) -> bool {
    chima::provider::processes::find(pid).is_some_and(|process| !process.is_zombie)
}

/// Looks again and again, within a deadline that only a fault exceeds.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn steps_run_in_order_and_the_log_reads_like_a_session() {
    let rig = Rig::new(vec![
        script("echo one; echo two >&2"),
        step(&["printf", "%s|", "a b", "$(id)"]),
    ]);
    let exit = rig.run().await;
    assert_eq!(exit.outcome, Outcome::Succeeded);
    assert_eq!(outcomes(&exit), [&StepOutcome::Exited { code: 0 }; 2]);
    assert_eq!(
        rig.log(),
        "$ /bin/sh -c 'echo one; echo two >&2'\none\ntwo\n$ printf '%s|' 'a b' '$(id)'\na b|$(id)|"
    );
    assert_eq!(
        (exit.run, exit.fence, exit.survivors.len()),
        (rig.spec.run, Fence(3), 0)
    );
    assert!(rig.reader().final_size().unwrap().is_some());
}

#[tokio::test]
async fn the_lane_is_free_as_soon_as_the_result_is_there_and_scratch_goes() {
    let rig = Rig::script("echo x > attempt/home/file; chmod 0 attempt/tmp");
    let mut running = rig.start().await;
    assert!(matches!(running.ended().await.unwrap(), Ended::Exit(_)));
    assert!(chima::provider::lock::is_free(&rig.spec.lock_file).unwrap());
    eventually("scratch is gone", || {
        (!rig.path("attempt/home").exists() && !rig.path("attempt/tmp").exists()).then_some(())
    })
    .await;
    let mut left: Vec<String> = fs::read_dir(rig.attempt())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["command", "exit.json", "log", "runner.err", "started"]);
    assert_eq!(fs::read_to_string(rig.attempt().join("runner.err")).unwrap(), "");
}
