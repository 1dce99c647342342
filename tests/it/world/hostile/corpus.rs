//! The whole corpus through the whole pipeline, in one installation: a signed webhook, the intake, the decision, the checkout, the
//! runner, a command that writes down what it got, and everything that is told of it. A value is either refused before anything
//! runs, or it arrives byte for byte as one argument and one variable; and nobody runs, evaluates or follows it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chima::domain::ids::RunId;
use chima::domain::run::{Run, RunState};
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::hostile;
use serde_json::json;

use crate::torture::{rounds, row};
use crate::world::stage::{CHAT_TOKEN, SITE, World};

/// Writes down its arguments and variables as the kernel has them, for each deployment by itself.
const RECORDER: &str = "#!/bin/sh
printf '%s\\0' \"$@\" > \"$RECORDS/$CHIMA_DEPLOYMENT_ID.argv\"
cat /proc/$$/environ > \"$RECORDS/$CHIMA_DEPLOYMENT_ID.environ\"
";

const APP: &str = "
provider: shell
with: { command: [./script/deploy, '{{environment}}', '{{ref}}', '{{task}}', '{{hosts}}', '--ref={{ref}}', 'a {{ref}} b', '{{sha}}'] }
env: { RECORDS: '{folder}/records' }
required_contexts: []
tasks: [deploy, 'deploy:migrate']
hosts: [web1, web2]
environments: { qa: {}, staging: {} }
";

const FIELDS: [&str; 9] = [
    "ref",
    "environment",
    "task",
    "payload value",
    "description",
    "user",
    "room",
    "lock reason",
    "repository name",
];

/// What is expected of a value in a field, without asking the code that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The command gets it.
    Arrives,
    /// The command runs without it: it is for people only.
    IsShown,
    /// It is told why not, and nothing runs.
    IsRefused,
    /// Nobody is told, and nothing runs: it is not about a repository of ours.
    IsIgnored,
    /// It stands in the reason of a lock.
    Locks,
}

/// One value in one field, and the deployment that it became.
struct Case {
    field: &'static str,
    text: String,
    deployment: u64,
    fate: Fate,
}

/// A name of the letters that are let through, spelled out here once more.
pub(super) fn is_plain_ref(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || "._/+#@=,-".contains(c);
    (1..=255).contains(&text.len())
        && text.starts_with(first)
        && text.chars().all(rest)
        && !text.contains("..")
        && !text.contains("@{")
}

fn fate(field: &str, text: &str) -> Fate {
    match field {
        "ref" if is_plain_ref(text) => Fate::Arrives,
        "ref" | "environment" | "task" | "payload value" => Fate::IsRefused,
        "repository name" => Fate::IsIgnored,
        "lock reason" => Fate::Locks,
        _ => Fate::IsShown,
    }
}

impl World {
    async fn ask_hostile(&self, field: &'static str, text: &str) -> Case {
        let mut request = DeploymentRequest::to("staging");
        match field {
            "ref" => {
                self.github.repository(SITE).branch(text, &self.commits[0].1);
                text.clone_into(&mut request.git_ref);
            }
            "environment" => text.clone_into(&mut request.environment),
            "task" => text.clone_into(&mut request.task),
            "payload value" => {
                request.payload =
                    json!({"hosts": [text], "env": {"PATH": text}, "with": {"command": [text]}, (text): text});
            }
            "description" => request.description = Some(text.to_owned()),
            "user" => request.payload = json!({"notify": {"user_name": text, "user": text}, "actor": text}),
            "room" => request.payload = json!({"notify": {"room": text, "adapter": text}}),
            _ => {}
        }
        let deployment = match field {
            "repository name" => self.ask_under_another_name(text).await,
            "lock reason" => self.ask_under_a_lock(text).await,
            _ => self.ask(request).await,
        };
        Case {
            field,
            text: text.to_owned(),
            deployment,
            fate: fate(field, text),
        }
    }

    /// GitHub signs a delivery of a repository that is called like this.
    async fn ask_under_another_name(&self, name: &str) -> u64 {
        let (deployment, parcel) = self.ask_unheard(DeploymentRequest::to("staging")).await;
        let parcel = parcel.json(|body| {
            body["repository"]["full_name"] = json!(name);
            body["repository"]["name"] = json!(name);
            body["repository"]["id"] = json!(987_654);
        });
        let status = self.post(&parcel).await.status;
        assert!((200..300).contains(&status), "{status} for {name:?}");
        deployment
    }

    /// Somebody of that name, in a room of that name, locks for this reason; a deployment then meets the lock.
    async fn ask_under_a_lock(&self, reason: &str) -> u64 {
        let words = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = json!({"user": "mona", "room": "deployment", "text": format!("lock site qa: {words}")});
        let (status, answer) = self.said_with(CHAT_TOKEN, &said).await;
        assert_eq!(status, 200, "{answer}");
        for (key, value) in [("user", reason), ("room", reason), ("text", reason)] {
            let mut body = json!({"user": "mona", "room": "deployment", "text": "status"});
            body[key] = json!(value);
            let (status, answer) = self.said_with(CHAT_TOKEN, &body).await;
            assert!(matches!(status, 200 | 400), "{status} {answer}");
        }
        let request = DeploymentRequest {
            creator: Some("lisa".to_owned()),
            ..DeploymentRequest::to("qa")
        };
        let deployment = self.ask(request).await;
        while self.intake().await > 0 {}
        self.say_in("deployment", "unlock site qa").await;
        deployment
    }

    /// Everything in the world's folder that is not of one run, and not what the command wrote down.
    fn files_outside(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        list(self.folder(), &mut found);
        let of_a_run = |path: &Path| {
            let below = path.strip_prefix(self.path("data/runs")).ok()?;
            below.iter().next()?.to_str()?.parse::<RunId>().ok()
        };
        let moving = [
            "data/mirrors",
            "data/locks",
            "data/chima.db",
            "data/queue.db",
            "records",
        ];
        let moving = moving.map(|name| self.path(name).display().to_string());
        found.retain(|path| {
            let name = path.display().to_string();
            of_a_run(path).is_none() && !moving.iter().any(|place| name.starts_with(place))
        });
        found
    }
}

fn list(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), found);
        }
        found.insert(entry.path());
    }
}

/// Every field with its share of the corpus; another share for each field.
fn chosen(texts: &[String], count: usize) -> Vec<(&'static str, String)> {
    let all: Vec<(&'static str, &String)> = texts
        .iter()
        .enumerate()
        .flat_map(|(index, text)| (0..FIELDS.len()).map(move |shift| (FIELDS[(index + shift) % FIELDS.len()], text)))
        .collect();
    // a step without a common factor walks through all of them
    let step = (all.len() / count).max(1);
    let step = (step..).find(|step| common(*step, all.len()) == 1).unwrap_or(1);
    let picked = (0..count.min(all.len())).map(|number| all[number * step % all.len()]);
    picked.map(|(field, text)| (field, text.clone())).collect()
}

fn common(one: usize, other: usize) -> usize {
    if other == 0 { one } else { common(other, one % other) }
}

impl Case {
    async fn judge(&self, world: &World, runs: &[Run]) {
        let what = format!("{} {:?}", self.field, self.text);
        let record = |kind: &str| fs::read(world.path(&format!("records/{}.{kind}", self.deployment))).ok();
        let run = runs.iter().find(|run| run.deployment.0 == self.deployment);
        let (argv, environ) = (record("argv"), record("environ"));
        if self.fate == Fate::IsIgnored {
            assert!(run.is_none() && argv.is_none(), "{what}");
            assert!(world.github.statuses(SITE, self.deployment).is_empty(), "{what}");
            return;
        }
        let run = run.unwrap_or_else(|| panic!("{what}: no run"));
        let status = world.latest(self.deployment);
        assert!(status.description.chars().count() <= 140, "{what}: {status:?}");
        assert!(!status.description.contains(char::is_control), "{what}: {status:?}");
        let page = world.page(&format!("/runs/{}", run.id)).await;
        for teeth in ["<script>fetch", "<img src=x", "\u{202e}", "\u{1b}"] {
            assert!(!page.contains(teeth), "{what}: {teeth:?} on the page");
        }
        if matches!(self.fate, Fate::IsRefused | Fate::Locks) {
            assert_eq!(
                (run.state, status.state.as_str()),
                (RunState::Rejected, "error"),
                "{what}"
            );
            assert!(status.description.starts_with("rejected: "), "{what}: {status:?}");
            assert!(argv.is_none() && environ.is_none(), "{what}: something ran");
            return;
        }
        // GitHub marks the successes before it `inactive`
        let told = world.told_states(self.deployment);
        let expected = (RunState::Succeeded, Some("success"));
        assert_eq!(
            (run.state, told.last().map(String::as_str)),
            expected,
            "{what}: {told:?}"
        );
        let value = if self.fate == Fate::Arrives {
            self.text.as_str()
        } else {
            "main"
        };
        let (at_ref, between, sha) = (format!("--ref={value}"), format!("a {value} b"), &world.commits[0].1);
        let expected = ["staging", value, "deploy", "", &at_ref, &between, sha].map(|word| format!("{word}\0"));
        assert_eq!(String::from_utf8(argv.unwrap()).unwrap(), expected.concat(), "{what}");
        let environ = environ.unwrap();
        let mut variables = environ.split(|byte| *byte == 0);
        for name in ["BRANCH", "CHIMA_REF"] {
            let expected = format!("{name}={value}");
            assert!(
                variables.clone().any(|found| found == expected.as_bytes()),
                "{what}: {name}"
            );
        }
        let teeth = self.fate == Fate::IsShown && self.text.len() > 8;
        let arrived = variables.any(|found| String::from_utf8_lossy(found).contains(&self.text));
        assert!(!(teeth && arrived), "{what}: what is for people only is in a variable");
    }
}

#[tokio::test]
async fn no_hostile_value_fires_and_what_passes_arrives_byte_for_byte() {
    let world = World::setup().app(APP).script(RECORDER).start().await;
    fs::create_dir(world.path("records")).unwrap();
    let canary = world.path("canary");
    let texts = hostile::texts(&canary.display().to_string());
    let count = usize::try_from(rounds(150, 2_000)).unwrap();
    world.deploy("staging").await;
    world.settle_all().await;
    let before = world.files_outside();
    let mut cases = Vec::new();
    for batch in chosen(&texts, count).chunks(50) {
        for (field, text) in batch {
            cases.push(world.ask_hostile(field, text).await);
        }
        world.settle_all().await;
        assert!(!canary.exists(), "the canary sings");
    }
    let runs = world.runs().await;
    for case in &cases {
        case.judge(&world, &runs).await;
    }
    let mut arrived = 0;
    for fate in [
        Fate::Arrives,
        Fate::IsShown,
        Fate::IsRefused,
        Fate::IsIgnored,
        Fate::Locks,
    ] {
        let count = cases.iter().filter(|case| case.fate == fate).count();
        assert!(count > 0, "no case of {fate:?}");
        arrived += if fate == Fate::Arrives { count } else { 0 };
    }
    for message in world.slack.messages() {
        let shown = format!("{} {}", message.text, message.blocks);
        for teeth in ["<!channel>", "<@U1>", "<http://127.0.0.1:1/"] {
            assert!(!shown.contains(teeth), "{teeth} in {shown}");
        }
    }
    let new: Vec<PathBuf> = world.files_outside().difference(&before).cloned().collect();
    assert!(new.is_empty() && !canary.exists(), "outside the runs: {new:?}");
    row(
        "no_hostile_value_fires_and_what_passes_arrives_byte_for_byte",
        cases.len() as u64,
        format!("0 fired, 0 files outside, {arrived} arrived byte for byte"),
        "0 fired, 0 files outside, argv exact",
    );
    world.end().await;
}
