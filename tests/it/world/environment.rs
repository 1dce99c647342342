//! What a command gets: exactly these variables, byte for byte.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::json;

use crate::world::stage::World;

/// Notes arguments and variables as the kernel has them.
pub const RECORDER: &str = "#!/bin/sh
printf '%s\\0' \"$@\" > \"$JOURNAL/argv\"
cat /proc/$$/environ > \"$JOURNAL/environ\"
";

/// The app that runs [`RECORDER`].
pub const RECORDED: &str = "
provider: shell
with: { command: [./script/deploy, '{{environment}}', '{{ref}}', '{{task}}', '{{hosts}}'] }
env: { JOURNAL: '{folder}', LANG: C }
required_contexts: []
tasks: [deploy, 'deploy:migrate']
hosts: [web1, web2]
environments: { 'eu west/1': {}, staging: {} }
";

impl World {
    /// What [`RECORDER`] noted: entries that end with a NUL byte.
    pub fn recorded(&self, name: &str) -> Vec<String> {
        let bytes = fs::read(self.path(name)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut entries: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
        if name == "environ" {
            entries.sort();
        }
        entries
    }
}

#[tokio::test]
async fn the_list_of_variables_is_complete_and_closed() {
    let world = World::setup().app(RECORDED).script(RECORDER).start().await;
    let request = DeploymentRequest {
        task: "deploy:migrate".to_owned(),
        payload: json!({"hosts": "web2", "env": {"EXTRA": "1"}, "CHIMA_SHA": "0"}),
        ..DeploymentRequest::to("eu west/1")
    };
    let id = world.ask(request).await;
    world.settle().await;
    assert_eq!(world.latest(id).state, "success", "{}", world.log(id).await);
    // as this machine has them
    let machines = |entry: &&String| !["PATH=", "USER="].iter().any(|name| entry.starts_with(name));
    let variables: Vec<String> = world.recorded("environ").iter().filter(machines).cloned().collect();
    assert_snapshot!(world.redacted(&variables.join("\n")).await, @"
    BRANCH=main
    CHIMA_APP=site
    CHIMA_DEPLOYMENT_ID=<1>
    CHIMA_ENVIRONMENT=eu west/1
    CHIMA_FENCE=1
    CHIMA_HOSTS=web2
    CHIMA_REF=main
    CHIMA_REPOSITORY=octo/site
    CHIMA_RUN_ID=<run 1>
    CHIMA_SHA=<one>
    CHIMA_TASK=deploy:migrate
    DEPLOY_ENV=eu west/1
    DEPLOY_TASK=deploy:migrate
    HOME=<folder>/data/runs/<run 1>/attempt-1/home
    JOURNAL=<folder>
    LANG=C
    SHA=<one>
    TMPDIR=<folder>/data/runs/<run 1>/attempt-1/tmp
    ");
    assert_eq!(world.recorded("argv"), ["eu west/1", "main", "deploy:migrate", "web2"]);
    world.end().await;
}

#[tokio::test]
async fn the_configuration_may_set_any_variable_but_chimas_own() {
    let app = RECORDED.replace("LANG: C", "BRANCH: mine, EMPTY: '', QUOTED: 'a \"b\" $HOME'");
    let world = World::setup().app(&app).script(RECORDER).start().await;
    world.deploy("staging").await;
    world.settle().await;
    let variables = world.recorded("environ");
    for expected in ["BRANCH=mine", "EMPTY=", "QUOTED=a \"b\" $HOME", "CHIMA_REF=main"] {
        assert!(
            variables.iter().any(|found| found == expected),
            "{expected}: {variables:#?}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn every_attempt_has_a_home_of_its_own_that_goes_with_it() {
    let app = "
provider: shell
with: { command: [sh, -c, 'touch $HOME/file $TMPDIR/file && ls -A $HOME $TMPDIR | wc -l'] }
required_contexts: []
environments: { staging: {} }
";
    let world = World::setup().app(app).start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let attempt = world.path(&format!("data/runs/{}/attempt-1", world.run(id).await.id));
    world
        .until("scratch is gone", || {
            (!attempt.join("home").exists() && !attempt.join("tmp").exists()).then_some(())
        })
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_path_of_the_configuration_finds_the_program_and_what_ssh_needs_stays_before_it() {
    let app = "
provider: shell
with: { command: [deploy] }
env: { PATH: '{folder}/site/script:/usr/bin:/bin' }
required_contexts: []
environments:
  staging: {}
  production: { ssh: { key: '{folder}/key', known_hosts: '{folder}/hosts' } }
";
    let setup = World::setup().app(app).script("#!/bin/sh\necho \"$PATH\"\n");
    let world = setup
        .beside("key", "a key of a test\n")
        .beside("hosts", "")
        .start()
        .await;
    let staging = world.deploy("staging").await;
    let production = world.deploy("production").await;
    world.settle().await;
    assert_snapshot!(world.redacted(&world.log(staging).await).await, @"
    $ deploy
    <folder>/site/script:/usr/bin:/bin
    ");
    assert_snapshot!(world.redacted(&world.log(production).await).await, @"
    $ deploy
    <folder>/data/runs/<run 2>/attempt-1/own/ssh/bin:<folder>/site/script:/usr/bin:/bin
    ");
    world.end().await;
}
