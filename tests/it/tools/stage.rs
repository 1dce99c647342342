//! A world with a target: the whole app in process, and a real tool that deploys over a real `sshd`.
//!
//! Every case of a table is an environment of the one app, with a lane of its own, so that some go on side by side. What a
//! case does is told in [`Act`]; what became of it is a [`Row`].

use std::time::Duration;

use chima::provider::exit::{StepEnd, StepOutcome};
use chima::provider::results::HostResult;
use chima_simulator::github::deploy::DeploymentRequest;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::setup::Setup;
use crate::world::stage::World;

/// How many deployments go on at once: one more than has work to do where one only waits.
const SIDE_BY_SIDE: usize = 3;

/// One row of a table.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about; the name of its environment, too.
    pub name: &'static str,
    /// The environment's keys, in YAML's flow form. [`Stage::app`] says what may stand in them.
    keys: String,
    act: Act,
    hosts: &'static str,
    log: Vec<String>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is deployed, and ends by itself.
    Deploy,
    /// It is planned.
    Plan,
    /// Somebody cancels it when this lingering command is at work on the target.
    CancelAt(&'static str, Remote),
    /// Its time is over while this lingering command is at work on the target. `timeout_seconds` is among the keys.
    TimeOutAt(&'static str, Remote),
}

/// What becomes of the remote command of a run that is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remote {
    Ends,
    GoesOn,
}

/// What became of a case.
#[derive(Debug, Clone)]
pub struct Row {
    pub case: &'static str,
    /// GitHub's number of the deployment.
    pub id: u64,
    /// The exit code in the record; none where the command did not end by itself.
    pub exit: Option<i32>,
    /// What GitHub shows.
    pub state: String,
    /// As GitHub shows it, but for the time it took: the clock of a world stands still.
    pub told: String,
    /// The same with what differs from test to test replaced.
    pub description: String,
    /// How long the commands ran.
    pub seconds: f64,
    /// One line for each host, where the tool tells of hosts.
    pub hosts: Vec<String>,
}

/// The app and the host it deploys to. Must be ended.
pub struct Stage {
    pub world: World,
    pub target: Target,
}

impl Case {
    /// A deployment with these keys of the environment.
    pub fn new(name: &'static str, keys: &str) -> Self {
        Self {
            name,
            keys: keys.to_owned(),
            act: Act::Deploy,
            hosts: "",
            log: Vec::new(),
        }
    }

    pub fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    /// What the payload says of hosts, separated by commas.
    pub fn hosts(mut self, hosts: &'static str) -> Self {
        self.hosts = hosts;
        self
    }

    /// What its log must hold.
    pub fn logs(mut self, text: &str) -> Self {
        self.log.push(text.to_owned());
        self
    }

    fn request(&self) -> DeploymentRequest {
        let mut request = DeploymentRequest::to(self.name);
        if self.act == Act::Plan {
            request.task = "deploy:plan".to_owned();
        }
        if !self.hosts.is_empty() {
            request.payload = json!({ "hosts": self.hosts });
        }
        request
    }
}

impl Row {
    /// For a snapshot: the case and how it ended, then a line for each host.
    pub fn shown(&self) -> String {
        let exit = self.exit.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let mut text = format!("{}: {exit} {}: {}\n", self.case, self.state, self.description);
        for host in &self.hosts {
            text.push_str(&format!("    {host}\n"));
        }
        text
    }
}

impl Stage {
    /// The app's keys for these cases: the tool in the `PATH`, `ssh:` with the key and the known hosts of the target, nothing
    /// required. In `keys`, which are added, and in those of the cases may stand `{folder}` (the world's), `{path}`, `{key}`,
    /// `{other_key}` (which the target does not accept), `{known_hosts}`, `{home}` (on the target).
    pub fn app(tool: &Tool, target: &Target, keys: &str, cases: &[Case]) -> String {
        let mut text = format!(
            "provider: {}\nrequired_contexts: []\nssh: {{ key: '{{key}}', known_hosts: '{{known_hosts}}' }}\n",
            tool.provider
        );
        text.push_str(keys);
        if !keys.contains("env:") {
            text.push_str("\nenv: { PATH: '{path}' }");
        }
        text.push_str("\nenvironments:\n");
        for case in cases {
            text.push_str(&format!("  {}: {}\n", case.name, case.keys));
        }
        let server = &target.server;
        text.replace("{path}", &tool.path)
            .replace("{key}", &server.key().display().to_string())
            .replace("{other_key}", &server.other_key().display().to_string())
            .replace("{known_hosts}", &server.known_hosts().display().to_string())
            .replace("{home}", &server.home().display().to_string())
    }

    pub async fn start(setup: Setup, target: Target) -> Self {
        Self {
            world: setup.start().await,
            target,
        }
    }

    /// Carries out every case, some side by side, and says in their order what became of each.
    pub async fn play(&self, cases: &[Case]) -> Vec<Row> {
        let mut asked = Vec::new();
        for case in cases {
            asked.push((case, self.world.ask(case.request()).await));
        }
        while self.world.intake().await > 0 {}
        let runs = asked.iter().map(|(case, id)| self.carry_out(case, *id));
        stream::iter(runs).buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
        self.world.settle_all().await;
        let mut rows = Vec::new();
        for (case, id) in asked {
            let log = self.world.log(id).await;
            for text in &case.log {
                assert!(log.contains(text), "the log of `{}` lacks `{text}`:\n{log}", case.name);
            }
            rows.push(self.row(case.name, id).await);
        }
        rows
    }

    async fn carry_out(&self, case: &Case, id: u64) {
        let running = self.begin(id).await;
        match case.act {
            Act::Deploy | Act::Plan => self.ended(id, running).await,
            Act::CancelAt(name, remote) => {
                self.seen(name, &running).await;
                self.cancel(id).await;
                self.ended(id, running).await;
                self.check_remote(name, remote).await;
            }
            Act::TimeOutAt(name, remote) => {
                self.seen(name, &running).await;
                self.ended(id, running).await;
                self.check_remote(name, remote).await;
            }
        }
    }

    /// Begins the run of a deployment that has passed the intake.
    pub async fn begin(&self, id: u64) -> JoinHandle<()> {
        self.world.begin(self.world.run(id).await.id)
    }

    /// Waits until a lingering command is at work on the target, or the run has ended before.
    pub async fn seen(&self, name: &str, running: &JoinHandle<()>) {
        let look = || (self.target.has_begun(name) || running.is_finished()).then_some(());
        self.world.until(&format!("`{name}` is seen on the target"), look).await;
    }

    /// Somebody cancels, and the server hears of it.
    pub async fn cancel(&self, id: u64) {
        self.world.ask_to_stop(id, "mona", "").await;
        self.world.sweep().await;
    }

    /// Waits for the end of a run that was begun.
    pub async fn ended(&self, id: u64, running: JoinHandle<()>) {
        let ended = tokio::time::timeout(crate::world::steps::PATIENCE, running).await;
        assert!(
            ended.is_ok_and(|ended| ended.is_ok()),
            "deployment {id} does not end:\n{}",
            self.world.log(id).await
        );
    }

    async fn check_remote(&self, name: &str, remote: Remote) {
        assert!(self.target.has_begun(name), "`{name}` was never at work on the target");
        match remote {
            Remote::Ends => {
                let look = || (!self.target.is_lingering(name)).then_some(());
                self.world.until(&format!("`{name}` has ended"), look).await;
                assert!(!self.target.came_to_its_end(name));
            }
            Remote::GoesOn => {
                assert!(self.target.is_lingering(name), "`{name}` was stopped after all");
                self.target.let_go(name);
                let look = || self.target.came_to_its_end(name).then_some(());
                self.world.until(&format!("`{name}` comes to its end"), look).await;
            }
        }
    }

    /// What became of a deployment that has been told.
    pub async fn row(&self, case: &'static str, id: u64) -> Row {
        let steps = self.steps(id).await;
        let status = self.world.latest(id);
        let told = ["in", "after"].iter().fold(status.description.clone(), |text, word| {
            text.replace(&format!(" {word} 0 s"), "")
        });
        let milliseconds: u64 = steps.iter().map(|step| step.finished_at_ms - step.started_at_ms).sum();
        let last = steps.last();
        Row {
            case,
            id,
            exit: last.and_then(|step| exit_code(&step.outcome)),
            state: status.state,
            description: self.redacted(&status.description).await,
            told,
            seconds: Duration::from_millis(milliseconds).as_secs_f64(),
            hosts: last
                .map(|step| step.hosts.iter().map(host).collect())
                .unwrap_or_default(),
        }
    }

    /// The steps in the record of a deployment's run.
    pub async fn steps(&self, id: u64) -> Vec<StepEnd> {
        let run = self.world.run(id).await.id;
        let records = self.world.engine.store.steps(run).await.unwrap();
        let ends = records
            .iter()
            .map(|record| serde_json::from_str(&record.outcome).unwrap());
        ends.collect()
    }

    /// Replaces what differs from test to test.
    pub async fn redacted(&self, text: &str) -> String {
        let text = self.world.redacted(text).await;
        let text = text.replace(&self.target.server.home().display().to_string(), "<home>");
        text.replace(&self.target.server.port().to_string(), "PORT")
    }

    /// Ends it: nothing is left here, and nothing on the target.
    pub async fn end(self) {
        self.world.end().await;
        let patience = std::time::Instant::now() + crate::world::steps::PATIENCE;
        loop {
            let left: Vec<_> = self
                .target
                .server
                .remote_processes()
                .iter()
                .map(|process| process.shown())
                .collect();
            if left.is_empty() {
                break;
            }
            assert!(std::time::Instant::now() < patience, "left on the target: {left:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn exit_code(outcome: &StepOutcome) -> Option<i32> {
    match outcome {
        StepOutcome::Exited { code } => Some(*code),
        StepOutcome::Disproved { .. } => Some(0),
        StepOutcome::Signalled { .. }
        | StepOutcome::TimedOut { .. }
        | StepOutcome::Inactive { .. }
        | StepOutcome::Cancelled { .. }
        | StepOutcome::Confirmed { .. }
        | StepOutcome::Refused { .. }
        | StepOutcome::Missing { .. }
        | StepOutcome::NotStarted { .. } => None,
    }
}

/// The counts that are not 0, and what went wrong.
fn host(result: &HostResult) -> String {
    let counts = [
        ("ok", result.ok),
        ("changed", result.changed),
        ("failed", result.failed),
        ("unreachable", result.unreachable),
        ("skipped", result.skipped),
        ("rescued", result.rescued),
        ("ignored", result.ignored),
    ];
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(word, count)| format!("{word} {count}")).collect();
    let message = result
        .message
        .as_deref()
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    format!("{}: {}{message}", result.host, counts.join(", "))
}
