//! The corpus with the real Ansible, Fabric and Capistrano, which evaluate, import and expand what they are given: what is refused
//! never reaches them, and what passes reaches a task of theirs byte for byte.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::hostile;
use serde_json::{Value, json};

use super::corpus::is_plain_ref;
use crate::torture::{rounds, row};
use crate::world::setup::Setup;
use crate::world::stage::{SITE, World};

/// A tool, its project, its `with`, and how its task writes down what it got: three times the ref.
struct Bait {
    provider: &'static str,
    with: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const ANSIBLE: Bait = Bait {
    provider: "ansible",
    with: "inventory: hosts.ini, extra_vars: { whole: '{{ref}}', deep: { list: ['at {{ref}}'] } }",
    files: &[
        (
            "hosts.ini",
            "web1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n",
        ),
        (
            "site.yml",
            "- hosts: all
  gather_facts: false
  tasks:
    - command: { argv: [printf, '%s', '{{ whole }}'] }
      register: printed
    - debug: { msg: '{{ chima_ref }} {{ whole }} {{ deep }}' }
    - copy:
        dest: \"{{ lookup('env', 'RECORDS') }}/{{ lookup('env', 'CHIMA_DEPLOYMENT_ID') }}\"
        content: '{{ [chima_ref, printed.stdout, deep.list[0]] | to_json }}'
",
        ),
    ],
};

const FABRIC: Bait = Bait {
    provider: "fabric",
    with: "args: { whole: '{{ref}}', part: 'at {{ref}}' }",
    files: &[(
        "fabfile.py",
        "import json, os
from fabric import task

@task
def deploy(c, whole, part):
    with open(os.environ['RECORDS'] + '/' + os.environ['CHIMA_DEPLOYMENT_ID'], 'w') as record:
        json.dump([os.environ['CHIMA_REF'], whole, part], record)
",
    )],
};

const CAPISTRANO: Bait = Bait {
    provider: "capistrano",
    with: "bundler: false",
    files: &[
        ("Capfile", "require 'capistrano/setup'\n"),
        ("config/deploy/staging.rb", ""),
        (
            "config/deploy.rb",
            "require 'json'
set :scm, nil
task :deploy do
  seen = [ENV.fetch('CHIMA_REF'), ENV.fetch('CHIMA_REF'), \"at #{ENV.fetch('CHIMA_REF')}\"]
  raise \"another commit: #{fetch(:branch)}\" unless fetch(:branch) == ENV.fetch('CHIMA_SHA')
  File.write(\"#{ENV.fetch('RECORDS')}/#{ENV.fetch('CHIMA_DEPLOYMENT_ID')}\", JSON.generate(seen))
end
",
        ),
    ],
};

fn setup(bait: &Bait) -> Setup {
    let app = format!(
        "provider: {}\nwith: {{ {} }}\nenv: {{ PATH: '/usr/bin:/bin', RECORDS: '{{folder}}/records', LANG: C.UTF-8 }}\n\
         required_contexts: []\nenvironments: {{ staging: {{}} }}\n",
        bait.provider, bait.with
    );
    World::setup().files(bait.files).app(&app)
}

/// `short` refs that pass, and as many values in each field that do not.
async fn tempt(bait: Bait, test: &str) {
    let world = setup(&bait).start().await;
    fs::create_dir(world.path("records")).unwrap();
    let canary = world.path("canary");
    let texts = hostile::texts(&canary.display().to_string());
    let (passing, refused): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| is_plain_ref(text));
    let count = usize::try_from(rounds(2, 1000)).unwrap();
    let every = |texts: &[String], count: usize| -> Vec<String> {
        let step = (texts.len() / count.max(1)).max(1);
        texts.iter().step_by(step).take(count).cloned().collect()
    };
    let (passing, refused) = (every(&passing, count), every(&refused, count * 4));
    let to = |git_ref: &str| DeploymentRequest::to("staging").of(git_ref);
    let mut rejected = Vec::new();
    // a few at a time: GitHub's limits make many statuses wait for hours
    for some in refused.chunks(15) {
        for text in some {
            world.github.repository(SITE).branch(text, &world.commits[0].1);
            rejected.push(world.ask(to(text)).await);
            for request in [
                DeploymentRequest {
                    environment: text.clone(),
                    ..to("main")
                },
                DeploymentRequest {
                    task: text.clone(),
                    ..to("main")
                },
            ] {
                // GitHub takes no task for `deploy`
                if !request.task.is_empty() {
                    rejected.push(world.ask(request).await);
                }
            }
        }
        world.settle_all().await;
    }
    for id in &rejected {
        assert_eq!(world.latest(*id).state, "error", "{}", world.told(*id).await);
    }
    for text in &passing {
        world.github.repository(SITE).branch(text, &world.commits[0].1);
        let id = world.ask(to(text)).await;
        world.settle_all().await;
        let log = world.log(id).await;
        assert_eq!(world.latest(id).state, "success", "{text}: {log}");
        let record = fs::read(world.path(&format!("records/{id}"))).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record, json!([text, text, format!("at {text}")]), "{log}");
    }
    assert!(!canary.exists(), "the canary sings");
    let records = fs::read_dir(world.path("records")).unwrap().count();
    assert_eq!(records, passing.len(), "something ran that was refused");
    row(
        test,
        (passing.len() + rejected.len()) as u64,
        format!("0 fired, {} arrived byte for byte", passing.len()),
        "0 fired, exact",
    );
    world.end().await;
}

#[tokio::test]
async fn ansible_evaluates_no_hostile_value() {
    tempt(ANSIBLE, "ansible_evaluates_no_hostile_value").await;
}

#[tokio::test]
async fn fabric_expands_no_hostile_value() {
    tempt(FABRIC, "fabric_expands_no_hostile_value").await;
}

#[tokio::test]
async fn capistrano_runs_no_hostile_value() {
    tempt(CAPISTRANO, "capistrano_runs_no_hostile_value").await;
}
