//! Everything a user of Chima has around it: a folder, a configuration, a repository, GitHub, and a port.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chima::provider::marker::{self, Marker};
use chima::provider::processes::{self, ProcessId};
use chima_simulator::git::GitRepository;
use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::openapi;
use crate::process::child::{Chima, Output, command, output};
use crate::process::journal::Journal;
use crate::process::wire;
use crate::queue_conformance::redis_server::RedisServer;

pub const REPOSITORY: &str = "octo/site";
pub const ENVIRONMENTS: [&str; 3] = ["staging", "qa", "live"];
const SECRET: &str = "a webhook secret of many bytes";
const TERMINAL: [&str; 4] = ["success", "failure", "error", "inactive"];

/// Each note is one write at the end of a file that nothing of Chima's knows.
const DEPLOY: &str = r#"#!/bin/sh
set -eu
note() {
  printf '%s env=%s deployment=%s run=%s fence=%s sha=%s pid=%s lines=%s\n' "$1" "$CHIMA_ENVIRONMENT" \
    "$CHIMA_DEPLOYMENT_ID" "$CHIMA_RUN_ID" "$CHIMA_FENCE" "$head" "$$" "$lines" >> "$JOURNAL"
}
say() {
  printf 'line %05d\n' "$lines"
  lines=$((lines + 1))
}
lines=0 code=0
head=$(git rev-parse HEAD)
note start
. ./script/work
note end
exit "$code"
"#;

/// What the branches do between start and end.
const BRANCHES: [(&str, &str); 11] = [
    ("main", "while [ $lines -lt 10 ]; do say; sleep 0.01; done\n"),
    // long enough to be met in the middle
    ("slow", "while [ $lines -lt 40 ]; do say; sleep 0.02; done\n"),
    // ends by a signal of its own
    ("aborting", "say; kill -ABRT $$\n"),
    ("endless", "while :; do say; sleep 0.02; done\n"),
    ("failing", "say; code=7\n"),
    // until the test opens its gate
    (
        "gated",
        "while [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do say; sleep 0.01; done\n",
    ),
    // the same, and costs nothing
    (
        "waiting",
        "while [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do sleep 0.2; done\n",
    ),
    (
        "gated-failing",
        "while [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do say; sleep 0.01; done\ncode=7\n",
    ),
    // writes down that it lives, and does not heed a request to end
    (
        "stubborn",
        "trap '' TERM HUP\nwhile [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do note alive; sleep 0.02; done\n",
    ),
    // prints what the test puts there
    (
        "printing",
        "while [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do\n\
         for text in \"$GATES\"/*.print; do [ ! -e \"$text\" ] || { cat \"$text\"; rm \"$text\"; }; done\n\
         sleep 0.02\ndone\n",
    ),
    // what it starts leaves its session and its parent
    (
        "forking",
        "(setsid sh -c 'trap \"\" TERM; while :; do sleep 0.02; done' & echo $! > \"$GATES/child\")\n\
         while [ ! -e \"$GATES/$CHIMA_DEPLOYMENT_ID\" ]; do note alive; sleep 0.02; done\n",
    ),
];

/// A whole installation in a temporary folder.
pub struct Installation {
    pub github: GitHub,
    pub port: u16,
    pub redis: Option<RedisServer>,
    queue: String,
    // last: the folder outlives what uses it
    folder: TempDir,
}

impl Installation {
    pub async fn sqlite() -> Self {
        Self::with("sqlite".to_owned(), None).await
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start();
        Self::with(server.url(), Some(server)).await
    }

    pub async fn with(queue: String, redis: Option<RedisServer>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("chima-process-")
            .tempdir()
            .expect("a folder");
        let github = GitHub::start().await.expect("a stand-in for GitHub");
        let repository = github.repository(REPOSITORY);
        let git = GitRepository::create(&folder.path().join("site")).expect("git");
        for (branch, work) in BRANCHES {
            git.switch(branch).expect("git");
            git.write("script/deploy", DEPLOY).expect("the folder is ours");
            git.write("script/work", work).expect("the folder is ours");
            let sha = git.commit(branch).expect("git");
            repository.commit(&sha, branch, "mona", &[]).branch(branch, &sha);
        }
        let port = free_port();
        github.hook(&format!("http://127.0.0.1:{port}/webhooks/github"), SECRET);
        fs::create_dir(folder.path().join("gates")).expect("the folder is ours");
        let installation = Self {
            github,
            port,
            redis,
            queue,
            folder,
        };
        installation.write("webhook-secret", SECRET);
        installation.write("github-token", "simulator-token\n");
        installation.write("app.yaml", &installation.config());
        installation
    }

    /// As a user would have written it.
    pub fn config(&self) -> String {
        format!(
            r"server:
  listen: 127.0.0.1:{port}
github:
  url: {github}
  api_url: {api}
  token: {{ file: github-token }}
  webhook_secrets: [{{ file: webhook-secret }}]
  writes_per_minute: 80
  writes_per_hour: 100000
data_dir: data
store: sqlite:data/chima.db
ephemeral: true
queue: {queue}
workers: 4
apps:
  site:
    repository: {REPOSITORY}
    remote: {folder}/site
    provider: shell
    with: {{ command: [./script/deploy] }}
    env: {{ JOURNAL: {folder}/journal, GATES: {folder}/gates }}
    required_contexts: []
    environments:
      staging: {{}}
      qa: {{}}
      live: {{ production: true }}
",
            port = self.port,
            github = self.github.url(),
            api = self.github.api_url(),
            queue = self.queue,
            folder = self.path("").display().to_string().trim_end_matches('/'),
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    }

    /// A server that answers.
    pub async fn serve(&self) -> Chima {
        let mut server = self.start_serving();
        self.ready(&mut server).await;
        server
    }

    /// A server that was just started.
    pub fn start_serving(&self) -> Chima {
        Chima::start(self.command(&["serve"]), self.path("serve.err"))
    }

    pub async fn ready(&self, server: &mut Chima) {
        let begun = Instant::now();
        while wire::get(self.port, "/readyz")
            .await
            .is_none_or(|answer| answer.status != 200)
        {
            assert_eq!(server.has_ended(), None, "the server ended instead of becoming ready");
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "the server never became ready"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A worker beside the server.
    pub async fn worker(&self) -> Chima {
        let worker = self.start_working();
        eventually("the worker is ready", || {
            worker.stderr().contains("ready to carry out runs").then_some(())
        })
        .await;
        worker
    }

    pub fn start_working(&self) -> Chima {
        // its own file: the last line of another worker's must not count as its word
        let name = (0..)
            .map(|number| format!("worker-{number}.err"))
            .find(|name| !self.path(name).exists())
            .expect("a free name");
        Chima::start(self.command(&["worker"]), self.path(&name))
    }

    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let arguments: Vec<&str> = ["--config", "app.yaml"].iter().chain(arguments).copied().collect();
        command(self.folder.path(), &arguments)
    }

    /// Runs a command of this installation to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        output(self.command(arguments), Duration::from_secs(60)).await
    }

    /// Asks GitHub for a deployment; its delivery must be acknowledged.
    pub async fn deploy(&self, branch: &str, environment: &str) -> u64 {
        let (deployment, acknowledged) = self.try_deploy(branch, environment).await;
        assert!(acknowledged, "{}", self.github.describe());
        deployment
    }

    /// Asks GitHub for a deployment; whether its delivery was acknowledged.
    pub async fn try_deploy(&self, branch: &str, environment: &str) -> (u64, bool) {
        let (deployment, status, _) = self.deliver(branch, environment).await;
        (deployment, (200..300).contains(&status))
    }

    /// Asks GitHub for a deployment; its number, what its delivery was answered, and the delivery's GUID.
    pub async fn deliver(&self, branch: &str, environment: &str) -> (u64, u16, String) {
        let request = DeploymentRequest::to(environment).of(branch);
        let deployed = self.github.deploy(REPOSITORY, request).await.expect("GitHub agrees");
        let delivery = &deployed.deliveries[0];
        (deployed.id, delivery.status, delivery.guid.clone())
    }

    /// Delivers again what was not acknowledged.
    pub async fn deliver_again(&self, guids: &[String]) {
        for guid in guids {
            let again = self.github.redeliver(guid).await;
            assert!(again[0].accepted(), "{again:?}");
        }
    }

    /// Lets a gated deployment end.
    pub fn open_gate(&self, deployment: u64) {
        self.write(&format!("gates/{deployment}"), "");
    }

    /// Lets a deployment of the branch `printing` print this, whole.
    pub fn print(&self, name: &str, bytes: &[u8]) {
        let (unfinished, path) = (self.path("gates/unfinished"), self.path(&format!("gates/{name}.print")));
        fs::write(&unfinished, bytes).expect("the folder is ours");
        fs::rename(unfinished, path).expect("the folder is ours");
    }

    pub fn journal(&self) -> Journal {
        Journal::read(&self.path("journal"))
    }

    /// Waits for a note of the script.
    pub async fn noted(&self, deployment: u64, what: &str) -> crate::process::journal::Note {
        eventually(&format!("`{what}` of {deployment} in the journal"), || {
            self.journal().find(deployment, what).cloned()
        })
        .await
    }

    /// The states that we told GitHub, oldest first.
    pub fn told(&self, deployment: u64) -> Vec<String> {
        let path = format!("/deployments/{deployment}/statuses");
        self.github
            .requests()
            .iter()
            .filter(|request| request.is("POST", &path) && request.status == Some(201))
            .map(|request| request.body["state"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Waits for the last word about a deployment.
    pub async fn concluded(&self, deployment: u64, limit: Duration) -> String {
        let path = format!("/deployments/{deployment}/statuses");
        let last = self.github.wait_to_find(
            |world| {
                let statuses = &world.deployment(REPOSITORY, deployment)?.statuses;
                let told = world.requests.iter().any(|request| request.is("POST", &path));
                let last = statuses
                    .iter()
                    .find(|status| TERMINAL.contains(&status.state.as_str()))?;
                told.then(|| last.state.clone())
            },
            limit,
        );
        last.await
            .unwrap_or_else(|unmet| panic!("deployment {deployment}: {unmet}\n{:?}", self.journal().of(deployment)))
    }

    /// What GitHub shows last about a deployment.
    pub fn description(&self, deployment: u64) -> String {
        let statuses = self.github.statuses(REPOSITORY, deployment);
        statuses
            .iter()
            .rev()
            .find(|status| TERMINAL.contains(&status.state.as_str()) && !status.description.is_empty())
            .map(|status| status.description.clone())
            .unwrap_or_default()
    }

    /// The process of the runner that carries out a deployment.
    pub fn runner(&self, deployment: u64) -> ProcessId {
        let run = self
            .journal()
            .find(deployment, "start")
            .expect("it has begun")
            .field("run")
            .to_owned();
        self.runners()
            .into_iter()
            .find_map(|(folder, process)| folder.to_string_lossy().contains(&run).then_some(process))
            .expect("its runner's marker")
    }

    /// Runners that have begun and have not ended.
    pub fn live_runners(&self) -> Vec<ProcessId> {
        let runners = self.runners().into_iter().map(|(_, process)| process);
        runners.filter(|process| process.is_alive()).collect()
    }

    fn attempts(&self) -> Vec<PathBuf> {
        let list = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder)
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default()
        };
        list(&self.path("data/runs")).iter().flat_map(|run| list(run)).collect()
    }

    /// Every runner that ever began, with its attempt's folder.
    fn runners(&self) -> Vec<(PathBuf, ProcessId)> {
        let begun = |folder: PathBuf| match marker::read(&folder) {
            Ok(Some(Marker::Started(started))) => Some((folder, started.process)),
            Ok(Some(Marker::Sealed { .. }) | None) | Err(_) => None,
        };
        self.attempts().into_iter().filter_map(begun).collect()
    }

    /// Processes that belong to this installation: runners, and whatever carries the folder's name in its environment.
    fn living(&self) -> Vec<ProcessId> {
        let name = self.folder.path().to_string_lossy().into_owned();
        let runners = self.runners().into_iter().map(|(_, process)| process);
        let commands = processes::all().into_iter().filter(|process| {
            let environment = fs::read(format!("/proc/{}/environ", process.id.pid)).unwrap_or_default();
            !process.is_zombie && String::from_utf8_lossy(&environment).contains(&name)
        });
        runners
            .filter(|process| process.is_alive())
            .chain(commands.map(|process| process.id))
            .collect()
    }

    /// Ends whatever belongs to it, runners first, so that nothing new is begun. The servers are dead.
    pub fn kill_everything(&self) {
        for _ in 0..50 {
            let living = self.living();
            if living.is_empty() {
                return;
            }
            for process in living {
                processes::signal(process, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What every test ends with: everything was told once, nothing overlapped, nothing is left. The servers have ended.
    pub async fn close(&self) {
        assert!(self.github.unplanned().is_empty(), "{}", self.github.describe());
        let faults = openapi::faults(&self.github.requests());
        assert!(faults.is_empty(), "not as GitHub describes it:\n{}", faults.join("\n"));
        for deployment in self.deployments() {
            let told = self.told(deployment);
            let ends = told.iter().filter(|state| TERMINAL.contains(&state.as_str())).count();
            assert_eq!(ends, 1, "deployment {deployment} was told {told:?}");
            assert!(
                told.len() <= 4 && TERMINAL.contains(&told[told.len() - 1].as_str()),
                "{told:?}"
            );
        }
        let journal = self.journal();
        assert_eq!(journal.overlaps(), Vec::<String>::new());
        assert_eq!(journal.repeated(), Vec::<u64>::new());
        assert_eq!(journal.fences_that_did_not_grow(), Vec::<String>::new());
        let shown = |process: &ProcessId| processes::find(process.pid).map(|process| process.shown());
        eventually_or(
            || self.living().is_empty().then_some(()),
            || format!("still alive: {:?}", self.living().iter().map(shown).collect::<Vec<_>>()),
        )
        .await;
        let said = fs::read_to_string(self.path("serve.err")).unwrap_or_default();
        assert!(
            !said.contains(SECRET) && !said.contains("simulator-token"),
            "a secret in the log: {said}"
        );
        assert_eq!(
            self.leftovers(),
            Vec::<PathBuf>::new(),
            "folders of ended attempts are left"
        );
    }

    /// Folders of attempts that should have gone with them.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        self.attempts()
            .iter()
            .flat_map(|attempt| ["checkout", "home", "tmp", "own"].map(|name| attempt.join(name)))
            .filter(|folder| folder.exists())
            .collect()
    }

    pub fn deployments(&self) -> Vec<u64> {
        self.github.read(|world| {
            world
                .repository(REPOSITORY)
                .map(|repository| repository.deployments.iter().map(|deployment| deployment.id).collect())
                .unwrap_or_default()
        })
    }
}

impl Drop for Installation {
    /// A failed test leaves nothing behind either.
    fn drop(&mut self) {
        self.kill_everything();
    }
}

/// Looks again and again, within a deadline that only a fault exceeds.
pub async fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_or(look, || what.to_owned()).await
}

async fn eventually_or<T>(mut look: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {}", what());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Below the range from which the system hands out ports by itself: a server that restarts finds its port free.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 61 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + number % 10_000).expect("a small number");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
