//! A desk to try one provider at: a checkout, a probe program under the tool's name, and the real runner.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chima::domain::deployment::Order;
use chima::domain::ids::DeploymentId;
use chima::domain::reason::Reason;
use chima::domain::run::RunState;
use chima::flow::outcome::{Ending, of_exit};
use chima::provider::environment::{Environment, RunIdentity, Sources, compose};
use chima::provider::exit::StepOutcome;
use chima::provider::launch::Running;
use chima::provider::manifest::Manifest;
use chima::provider::manifest::catalogue::Catalogue;
use chima::provider::plan::error::PlanError;
use chima::provider::plan::values::PlanPlaces;
use chima::provider::plan::{Plan, PlanContext, plan};
use chima::provider::reading;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::runner::{Rig, exit};

pub const SHA: &str = "0123456789012345678901234567890123456789";

/// Notes how it was called and its variables, then says and does what the files beside it say: `out.2` and `code.2` hold for the
/// second call of all.
const PROBE: &str = r#"#!/bin/sh
set -u
desk='DESK'
count=$(($(cat "$desk/count" 2> /dev/null || echo 0) + 1))
echo "$count" > "$desk/count"
{ printf '%s\037' "${0##*/}" "$@"; printf '\036'; } >> "$desk/calls"
env -0 > "$desk/variables.$count"
if [ -e "$desk/see" ]; then . "$desk/see"; fi
if [ -e "$desk/out.$count" ]; then cat "$desk/out.$count"; fi
if [ -e "$desk/code.$count" ]; then exit "$(cat "$desk/code.$count")"; fi
"#;

/// What one test tries.
pub struct Desk {
    rig: Rig,
    manifest: Manifest,
    order: Order,
    env: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
}

/// What became of it.
pub struct Ran {
    /// Each call: the program and its arguments.
    pub calls: Vec<Vec<String>>,
    pub ending: Ending,
    pub log: String,
}

impl Desk {
    pub fn new(provider: &str) -> Self {
        let catalogue = Catalogue::load(&[]).unwrap();
        let mut rig = Rig::new(Vec::new());
        for folder in ["bin", "checkout", "desk"] {
            fs::create_dir(rig.path(folder)).unwrap();
        }
        rig.spec.scratch = vec![rig.path("home"), rig.path("tmp"), rig.path("own")];
        Self {
            rig,
            manifest: catalogue.find(provider).unwrap().clone(),
            order: Order {
                app: "shop".parse().unwrap(),
                environment: "staging".parse().unwrap(),
                sha: SHA.parse().unwrap(),
                git_ref: "feature/x".parse().unwrap(),
                task: "deploy".parse().unwrap(),
                hosts: Vec::new(),
                noop: false,
            },
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// With the probe as these programs.
    pub fn program(self, names: &[&str]) -> Self {
        let text = PROBE.replace("DESK", &self.path("desk").display().to_string());
        for name in names {
            let path = self.path("bin").join(name);
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        self
    }

    /// With a file in the checkout.
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.path("checkout").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The call of this number prints this and ends with this code.
    pub fn answers(self, call: u32, code: i32, output: &str) -> Self {
        fs::write(self.path(&format!("desk/out.{call}")), output).unwrap();
        fs::write(self.path(&format!("desk/code.{call}")), code.to_string()).unwrap();
        self
    }

    /// Every call does this too, as a part of a shell script.
    pub fn see(self, script: &str) -> Self {
        fs::write(self.path("desk/see"), script).unwrap();
        self
    }

    pub fn order(mut self, change: impl FnOnce(&mut Order)) -> Self {
        change(&mut self.order);
        self
    }

    pub fn noop(self) -> Self {
        self.order(|order| order.noop = true)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), SecretString::from(value));
        self.rig = self.rig.secret(value);
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.rig.spec.timeout = timeout;
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.rig.path(name)
    }

    pub fn attempt(&self) -> &Path {
        self.rig.attempt()
    }

    /// The plan for these inputs.
    pub fn plan(&self, with: &Value) -> Result<Plan, PlanError> {
        let places = PlanPlaces {
            files: self.path("own/files"),
            results: self.path("own/results.jsonl"),
            tmp: self.path("tmp"),
            ssh: None,
        };
        let names: Vec<&str> = self.secrets.keys().map(String::as_str).collect();
        let checkout = self.path("checkout");
        let context = PlanContext {
            requested: &Map::new(),
            places: &places,
            has_file: &|file| checkout.join(file).exists(),
            secrets: &names,
            variables: &[],
            declared: &[],
        };
        plan(&self.manifest, with.as_object().unwrap(), &self.order, &context)
    }

    /// The command lines for these inputs, in which `FILES` and `TMP` stand for the run's own folders.
    pub fn lines(&self, with: &Value) -> Vec<String> {
        let plan = self.plan(with).unwrap_or_else(|error| panic!("{with}: {error}"));
        let lines = plan.steps.iter().map(|step| step.argv().join(" "));
        lines.map(|line| self.shortened(&line)).collect()
    }

    pub fn shortened(&self, text: &str) -> String {
        let folder = |name: &str| self.path(name).display().to_string();
        text.replace(&folder("own/files"), "FILES")
            .replace(&folder("tmp"), "TMP")
    }

    /// Starts the run.
    pub async fn start(&mut self, with: Value) -> Running {
        let mut plan = self.plan(&with).unwrap_or_else(|error| panic!("{with}: {error}"));
        let identity = RunIdentity {
            repository: &"octo/shop".parse().unwrap(),
            deployment: DeploymentId(7),
            run: self.rig.spec.run,
            fence: self.rig.spec.fence,
        };
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display());
        let (home, temporary) = (self.path("home"), self.path("tmp"));
        let sources = Sources {
            path: &path,
            user: "deploy",
            lang: "",
            home: &home,
            temporary: &temporary,
            inherited: &BTreeMap::new(),
            app: &self.env,
            secrets: &self.secrets,
        };
        self.rig.spec.files = std::mem::take(&mut plan.files);
        self.rig.spec.steps = plan
            .steps
            .into_iter()
            .map(|step| {
                let variables = compose(&self.order, &identity, &step.environment, &sources);
                step.into_spec(variables, &self.path("checkout"))
            })
            .collect();
        self.rig.start().await
    }

    /// Runs it to its end.
    pub async fn run(&mut self, with: Value) -> Ran {
        let running = self.start(with).await;
        self.end(running).await
    }

    pub async fn end(&self, running: Running) -> Ran {
        let exit = exit(running).await;
        Ran {
            calls: self.calls(),
            ending: of_exit(&exit),
            log: self.log(),
        }
    }

    pub fn log(&self) -> String {
        self.shortened(&self.rig.log())
    }

    fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("desk/calls")).unwrap_or_default();
        let calls = text.split_terminator('\u{1e}');
        let words = |call: &str| {
            let words = call.split_terminator('\u{1f}');
            words.map(|word| self.shortened(word)).collect()
        };
        calls.map(words).collect()
    }

    /// The variables of a call, as far as they have one of these names.
    pub fn variables(&self, call: u32, names: &[&str]) -> Vec<String> {
        let text = fs::read_to_string(self.path(&format!("desk/variables.{call}"))).unwrap();
        let mut found: Vec<String> = text
            .split('\0')
            .filter(|entry| names.contains(&entry.split('=').next().unwrap_or_default()))
            .map(|entry| self.shortened(entry))
            .collect();
        found.sort();
        found
    }

    /// Everything that is given as an input is refused with these words.
    pub fn refusal(&self, with: &Value) -> String {
        match self.plan(with) {
            Ok(_) => panic!("{with} is planned"),
            Err(error) => error.to_string(),
        }
    }
}

impl Ran {
    /// The state, and the cause that was read.
    pub fn told(&self) -> (RunState, Option<&str>) {
        let cause = match &self.ending.reason {
            Some(Reason::ExitCode { cause, .. }) => cause.as_deref(),
            _ => None,
        };
        (self.ending.state, cause)
    }
}

/// Every one of these outputs of a failing command is read as this cause: the first by a whole run, the others by what reads
/// the end of one.
pub async fn causes(provider: &str, programs: &[&str], with: Value, secrets: &[(&str, &str)], table: &[(&str, &str)]) {
    let desk = || {
        let desk = Desk::new(provider).program(programs);
        secrets
            .iter()
            .fold(desk, |desk, (name, value)| desk.secret(name, value))
    };
    let (output, cause) = table[0];
    let ran = desk().answers(1, 1, output).run(with.clone()).await;
    assert_eq!(ran.told(), (RunState::Failed, Some(cause)), "{output}");
    let step = desk().plan(&with).unwrap().steps.remove(0);
    let step = step.into_spec(Environment::default(), Path::new("/"));
    for (output, cause) in table {
        let reading = reading::read(&step, StepOutcome::Exited { code: 1 }, output);
        assert_eq!(reading.cause.as_deref(), Some(*cause), "{output}");
    }
    let ran = desk().answers(1, 9, "something else\n").run(with).await;
    assert_eq!(ran.told(), (RunState::Failed, None), "a code without a known cause");
    assert!(matches!(ran.ending.reason, Some(Reason::ExitCode { exit_code: 9, .. })));
}
