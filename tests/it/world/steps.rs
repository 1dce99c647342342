//! Verbs and steps. A step does what is due now and returns; only what a real process does is waited for.

use std::fs;
use std::time::{Duration, Instant};

use chima::domain::ids::RunId;
use chima::domain::run::{Run, RunState};
use chima::flow::{execute, intake, outbox, recheck, sweep};
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::sign::sign;
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::world::stage::{SECRET, SITE, World};

/// Longer than anything takes, also a real tool on a busy machine; only a fault exceeds it.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Headers and body of a delivery that is on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Parcel {
    /// With another value of a header; an empty one removes it.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// With another body, signed anew.
    pub fn body(mut self, body: &[u8]) -> Self {
        body.clone_into(&mut self.body);
        self.signed(SECRET)
    }

    /// With a changed JSON body, signed anew.
    pub fn json(self, change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut json = serde_json::from_slice(&self.body).unwrap();
        change(&mut json);
        self.body(json.to_string().as_bytes())
    }

    pub fn signed(self, secret: &str) -> Self {
        let signature = sign(secret, &self.body);
        self.header("X-Hub-Signature-256", &signature)
    }
}

impl World {
    /// Creates a deployment of `main`; the webhook is stored. Answers GitHub's number.
    pub async fn deploy(&self, environment: &str) -> u64 {
        self.ask(DeploymentRequest::to(environment)).await
    }

    /// Creates a deployment; the webhook is stored. Answers GitHub's number.
    pub async fn ask(&self, request: DeploymentRequest) -> u64 {
        let deployed = self.github.deploy(SITE, request).await.unwrap();
        let answers: Vec<u16> = deployed.deliveries.iter().map(|delivered| delivered.status).collect();
        assert_eq!(answers, [202], "{:?}", deployed.deliveries);
        deployed.id
    }

    /// Creates a deployment whose webhook is lost on the way. Answers GitHub's number and the delivery.
    pub async fn ask_unheard(&self, request: DeploymentRequest) -> (u64, Parcel) {
        self.hook.url("http://127.0.0.1:1/");
        let deployed = self.github.deploy(SITE, request).await.unwrap();
        self.hook.url(&format!("{}/webhooks/github", self.url));
        let parcel = self.parcel(&deployed.deliveries[0].guid);
        (deployed.id, parcel)
    }

    /// A delivery as GitHub sent it, or tried to.
    pub fn parcel(&self, guid: &str) -> Parcel {
        self.github.read(|world| {
            let sent = world.deliveries.iter().find(|delivery| delivery.guid == guid).unwrap();
            Parcel {
                headers: sent.headers.clone(),
                body: sent.body.clone(),
            }
        })
    }

    /// Commits a version in the repository, puts `main` there, here and on GitHub. Answers the SHA.
    pub fn commit(&mut self, version: &str) -> String {
        self.git.write("version", &format!("{version}\n")).unwrap();
        self.commit_all(version)
    }

    /// Commits whatever is in the work tree.
    pub fn commit_all(&mut self, name: &str) -> String {
        let sha = self.git.commit(name).unwrap();
        let parent = self.commits.last().unwrap().1.clone();
        self.github
            .repository(SITE)
            .commit(&sha, name, "mona", &[&parent])
            .branch("main", &sha);
        self.commits.push((name.to_owned(), sha.clone()));
        sha
    }

    /// Works on the deliveries that are due.
    pub async fn intake(&self) -> usize {
        intake::step(&self.engine).await.unwrap()
    }

    /// Tries what is due in the outbox, until nothing is. Answers how many tries there were.
    pub async fn outbox(&self) -> usize {
        let mut tried = 0;
        loop {
            let now = outbox::step(&self.engine).await.unwrap();
            if now == 0 {
                return tried;
            }
            tried += now;
        }
    }

    /// Looks for what lost bells, dead workers and lost webhooks left behind.
    pub async fn sweep(&self) {
        sweep::step(&self.engine).await.unwrap();
        recheck::step(&self.engine).await.unwrap();
    }

    /// Answers bells until no lane has anything left to run: lanes side by side, each one run after the other.
    pub async fn answer_bells(&self) {
        loop {
            let queued = self.runs_in(RunState::Queued).await;
            if queued.is_empty() {
                return;
            }
            let mut heads: Vec<Run> = Vec::new();
            for run in queued {
                if heads.iter().all(|head| head.lane != run.lane) {
                    heads.push(run);
                }
            }
            let answers = heads.iter().map(|run| execute::answer(self.engine.clone(), run.id));
            let all = tokio::time::timeout(PATIENCE, join_all(answers)).await;
            assert!(all.is_ok(), "a run does not end");
        }
    }

    /// Deliveries, bells and outbox, until nothing is due.
    pub async fn settle(&self) {
        while self.intake().await > 0 {}
        self.answer_bells().await;
        self.outbox().await;
    }

    /// The same, and lets time pass until everything is told: half a second at a time, an hour at most.
    pub async fn settle_all(&self) {
        self.settle().await;
        for _ in 0..7200 {
            if self.engine.store.backlog().await.unwrap().outbox == 0 {
                return;
            }
            self.clock.advance(Duration::from_millis(500));
            self.outbox().await;
        }
        panic!("something is never told");
    }

    /// Lets time pass, then sweeps and settles.
    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.sweep().await;
        self.settle().await;
    }

    /// Answers the bell of a run beside the test.
    pub fn begin(&self, run: RunId) -> JoinHandle<()> {
        let engine = self.engine.clone();
        self.engine.tasks.spawn(execute::answer(engine, run))
    }

    /// Starts the stages and the real queue, as a server does; the clock still stands.
    pub fn run_by_itself(&self) {
        self.run_by_itself_with(4);
    }

    /// The same with so many places for runs.
    pub fn run_by_itself_with(&self, workers: usize) {
        let engine = self.engine.clone();
        drop(self.engine.tasks.spawn(intake::run(engine.clone())));
        drop(self.engine.tasks.spawn(outbox::run(engine.clone())));
        drop(self.engine.tasks.spawn(async move {
            let answering = engine.clone();
            let answer = move |run| execute::answer(answering.clone(), run);
            engine
                .queue
                .work(workers, answer, &engine.tasks, engine.stop.clone())
                .await;
        }));
    }

    /// Waits until a world that runs by itself has nothing left to do now.
    pub async fn quiet(&self) {
        let begun = Instant::now();
        loop {
            let backlog = self.engine.store.backlog().await.unwrap();
            if (backlog.deliveries, backlog.queued, backlog.running, backlog.outbox) == (0, 0, 0, 0) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "never quiet: {backlog:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every run in a state, in the order in which lanes run them.
    pub async fn runs_in(&self, state: RunState) -> Vec<Run> {
        let mut runs = self.runs().await;
        runs.retain(|run| run.state == state);
        runs.sort_by_key(|run| (run.requested_at, run.deployment));
        runs
    }

    /// Every run, oldest first.
    pub async fn runs(&self) -> Vec<Run> {
        let mut runs = self.engine.store.recent_runs(10_000).await.unwrap();
        runs.reverse();
        runs
    }

    /// The run of a deployment.
    pub async fn run(&self, deployment: u64) -> Run {
        let found = self.runs().await.into_iter().find(|run| run.deployment.0 == deployment);
        found.unwrap_or_else(|| panic!("deployment {deployment} has no run"))
    }

    /// The state of a deployment's run.
    pub async fn state(&self, deployment: u64) -> RunState {
        self.run(deployment).await.state
    }

    /// The stable code of why a deployment's run stands where it stands.
    pub async fn code(&self, deployment: u64) -> &'static str {
        let run = self.run(deployment).await;
        run.reason.as_ref().map_or("", chima::domain::reason::Reason::code)
    }

    /// Makes the deployed script wait.
    pub fn hold(&self) {
        fs::write(self.path("hold"), "").unwrap();
    }

    /// Lets it go on.
    pub fn release(&self) {
        fs::remove_file(self.path("hold")).unwrap();
    }

    /// What the deployed script wrote, line by line.
    pub fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("journal")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the deployed script has written so many lines.
    pub async fn journal_of(&self, lines: usize) -> Vec<String> {
        self.until("the journal is long enough", || {
            Some(self.journal()).filter(|journal| journal.len() >= lines)
        })
        .await
    }

    /// Looks again and again at what a real process does.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
