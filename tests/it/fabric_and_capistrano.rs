//! The manifests of Fabric and Capistrano: the command lines they make, and what they make of what was printed.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use chima::domain::deployment::Order;
use chima::provider::environment::Environment;
use chima::provider::exit::StepOutcome;
use chima::provider::manifest::Manifest;
use chima::provider::manifest::catalogue::Catalogue;
use chima::provider::plan::error::PlanError;
use chima::provider::plan::values::{PlanPlaces, SshPlaces};
use chima::provider::plan::{Plan, PlanContext, plan};
use chima::provider::reading::read;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::docs::root;

const SHA: &str = "0123456789012345678901234567890123456789";

fn manifest(name: &str) -> Manifest {
    let catalogue = Catalogue::load(&[root().join("providers")]).unwrap();
    catalogue.find(name).unwrap().clone()
}

/// A plan for `production` with the files of the checkout, the hosts that were asked for, and `with`.
struct Wanted<'a> {
    provider: &'a str,
    with: Value,
    files: &'a [&'a str],
    hosts: &'a [&'a str],
    task: &'a str,
    noop: bool,
    ssh: bool,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            provider: "fabric",
            with: json!({}),
            files: &[],
            hosts: &[],
            task: "deploy",
            noop: false,
            ssh: false,
        }
    }
}

impl Wanted<'_> {
    fn plan(&self) -> Result<Plan, PlanError> {
        let order = Order {
            app: "site".parse().unwrap(),
            environment: "production".parse().unwrap(),
            sha: SHA.parse().unwrap(),
            git_ref: "main".parse().unwrap(),
            task: self.task.parse().unwrap(),
            hosts: self.hosts.iter().map(|host| host.parse().unwrap()).collect(),
            noop: self.noop,
        };
        let places = PlanPlaces {
            files: PathBuf::from("/f"),
            ssh: self.ssh.then(|| SshPlaces {
                config: PathBuf::from("/s/config"),
                key: Some(PathBuf::from("/s/key")),
                known_hosts: Some(PathBuf::from("/s/known_hosts")),
            }),
            ..PlanPlaces::default()
        };
        let context = PlanContext {
            requested: &Map::new(),
            places: &places,
            has_file: &|file| self.files.contains(&file),
            secrets: &[],
            variables: &[],
            declared: &[],
        };
        plan(
            &manifest(self.provider),
            self.with.as_object().unwrap(),
            &order,
            &context,
        )
    }

    fn lines(&self) -> String {
        let plan = self.plan().unwrap();
        let lines = plan.steps.iter().map(|step| step.argv().join(" "));
        lines.collect::<Vec<_>>().join("\n").replace(SHA, "SHA")
    }
}

#[test]
fn fabric_gets_hosts_task_and_arguments() {
    let with = json!({
        "hosts": ["deploy@web1:2222", "web2"], "args": {"sha": "{{sha}}", "environment": "{{environment}}"},
        "fabfile": "ops/release.py",
    });
    let mut wanted = Wanted {
        with,
        ..Wanted::default()
    };
    insta::assert_snapshot!(wanted.lines(), @"fab --search-root=ops/release.py --hosts=deploy@web1:2222,web2 deploy --environment=production --sha=SHA");
    wanted.hosts = &["web2"];
    wanted.noop = true;
    insta::assert_snapshot!(wanted.lines(), @"fab --search-root=ops/release.py --hosts=web2 --dry deploy --environment=production --sha=SHA");
}

#[test]
fn fabric_1_gets_the_environment_as_a_role() {
    let mut wanted = Wanted {
        with: json!({"legacy": true}),
        ..Wanted::default()
    };
    insta::assert_snapshot!(wanted.lines(), @"fab -R production --fabfile=./fabfile.py --abort-on-prompts deploy:branch_name=SHA");
    wanted.with = json!({"legacy": true, "roles": ["web"], "terminal": false});
    wanted.files = &["fabfile/__init__.py"];
    insta::assert_snapshot!(wanted.lines(), @"fab -R production,web --fabfile=./fabfile.py --fabfile=./fabfile --no-pty --abort-on-prompts deploy:branch_name=SHA");
}

#[test]
fn arguments_of_fabric_1_stand_behind_its_task_and_are_only_values() {
    let with = |value: &str| Wanted {
        with: json!({"legacy": true, "args": {"restart": value}}),
        ..Wanted::default()
    };
    insta::assert_snapshot!(with("yes").lines(), @"fab -R production --fabfile=./fabfile.py --abort-on-prompts deploy:branch_name=SHA,restart=yes");
    for value in ["a,hosts=b", "a=b", "a:b", "a\\"] {
        let plan = with(value).plan();
        assert!(matches!(plan, Err(PlanError::BadEntry { .. })), "{value}: {plan:?}");
    }
}

#[test]
fn no_task_of_a_request_becomes_an_argument_of_fabric_1() {
    let wanted = Wanted {
        with: json!({"legacy": true}),
        task: "deploy:hosts",
        ..Wanted::default()
    };
    assert!(
        matches!(wanted.plan(), Err(PlanError::PatternMismatch { .. })),
        "{:?}",
        wanted.plan()
    );
}

#[test]
fn a_remote_command_that_has_a_terminal_ends_with_the_run() {
    let remote = |provider, with| {
        let wanted = Wanted {
            provider,
            with,
            ..Wanted::default()
        };
        wanted.plan().unwrap().steps.last().unwrap().remote
    };
    assert!(!remote("fabric", json!({})));
    assert!(remote("fabric", json!({"terminal": false})));
    assert!(!remote("fabric", json!({"legacy": true})));
    assert!(remote("fabric", json!({"legacy": true, "terminal": false})));
    assert!(remote("capistrano", json!({})));
    assert!(!remote("capistrano", json!({"terminal": true})));
}

#[test]
fn capistrano_gets_stage_and_task_and_bundler_where_there_is_a_gemfile() {
    let mut wanted = Wanted {
        provider: "capistrano",
        ..Wanted::default()
    };
    insta::assert_snapshot!(wanted.lines(), @"cap --no-search --require=/f/chima_stage.rb production deploy");
    wanted.files = &["Gemfile"];
    wanted.ssh = true;
    wanted.noop = true;
    wanted.hosts = &["web1", "web2"];
    wanted.with = json!({"stage": "live", "roles": ["app", "db"]});
    insta::assert_snapshot!(wanted.lines(), @"
    sh /f/bundle.sh
    bundle exec cap --no-search --require=/f/chima_ssh.rb --require=/f/chima_stage.rb --require=/f/chima_dry_run.rb --dry-run --roles=app,db --hosts=web1,web2 live deploy
    ");
    wanted.with = json!({"bundler": "false", "task": "deploy:check"});
    insta::assert_snapshot!(wanted.lines(), @"cap --no-search --require=/f/chima_ssh.rb --require=/f/chima_stage.rb --require=/f/chima_dry_run.rb --dry-run --hosts=web1,web2 production deploy:check");
}

#[test]
fn capistrano_hears_the_commit_and_never_the_branch() {
    let wanted = Wanted {
        provider: "capistrano",
        ..Wanted::default()
    };
    let environment = &wanted.plan().unwrap().steps[0].environment;
    assert_eq!(environment.find("BRANCH"), Some(SHA));
    assert_eq!(environment.find("REVISION"), Some(SHA));
    assert!(!environment.iter().any(|(_, value)| value == "main"));
}

#[test]
fn a_stage_or_task_is_no_option_and_no_setting() {
    for with in [
        json!({"stage": "-eputs"}),
        json!({"task": "BRANCH=x"}),
        json!({"task": "a b"}),
        json!({"hosts": ["a|b"]}),
    ] {
        let wanted = Wanted {
            provider: "capistrano",
            with,
            ..Wanted::default()
        };
        assert!(
            matches!(wanted.plan(), Err(PlanError::PatternMismatch { .. })),
            "{:?}",
            wanted.plan()
        );
    }
}

/// One failure that was seen, and what a status says about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    case: String,
    tool: String,
    exit_code: i32,
    says: String,
    output: String,
}

fn failures(provider: &str) -> Vec<Failure> {
    let path = root().join(format!("tests/it/tools/causes/{provider}.yaml"));
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_failure_that_was_seen_is_told_by_its_cause() {
    for provider in ["fabric", "capistrano"] {
        let plan = Wanted {
            provider,
            ..Wanted::default()
        };
        let step = plan.plan().unwrap().steps.pop().unwrap();
        let step = step.into_spec(Environment::default(), Path::new("/checkout"));
        for failure in failures(provider) {
            let outcome = StepOutcome::Exited {
                code: failure.exit_code,
            };
            let said = read(&step, outcome, &failure.output).cause;
            assert_eq!(
                said.as_deref(),
                Some(failure.says.as_str()),
                "{}, {}",
                failure.tool,
                failure.case
            );
        }
    }
}

#[test]
fn every_cause_has_been_seen() {
    for provider in ["fabric", "capistrano"] {
        let outputs: Vec<String> = failures(provider).into_iter().map(|failure| failure.output).collect();
        for cause in manifest(provider).causes {
            let pattern = regex::Regex::new(&cause.pattern).unwrap();
            assert!(
                outputs.iter().any(|output| pattern.is_match(output)),
                "{provider}: {}",
                cause.pattern
            );
        }
    }
}
