//! What Ansible is given and what it gives back: variables, hosts, secrets, requirements, dry runs, results. Over a real
//! connection, in both versions.

use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::tools::ansible::{both, debian, inventory, playbook};
use crate::tools::requirements;
use crate::tools::stage::{Act, Case, Stage};
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::setup::Setup;
use crate::world::stage::{SITE, World};

/// Writes the variables down on the target.
const RECORD: &str =
    "copy: { dest: '~/record', content: '{{ [chima_ref, from_app, [deep.list, deep.text], version] | to_json }}' }";

/// A stage on which these tasks are what `site.yml` does.
async fn stage(tool: &Tool, tasks: &[&str], cases: &[Case], furnish: impl FnOnce(Setup) -> Setup) -> Stage {
    let target = Target::start();
    let setup = World::setup()
        .files(&[("hosts.ini", &inventory(&target)), ("site.yml", &playbook(tasks))])
        .app(&Stage::app(tool, &target, "with: { inventory: hosts.ini }", cases));
    Stage::start(furnish(setup), target).await
}

#[tokio::test]
async fn a_plan_shows_the_difference_and_changes_nothing() {
    for tool in both() {
        let page = "copy: { dest: '~/page', content: \"hello\\n\" }";
        let cases = [Case::new("staging", "{ with: { limit: web1 } }")
            .act(Act::Plan)
            .logs("+hello")];
        let stage = stage(&tool, &[page], &cases, |setup| setup).await;
        let row = stage.play(&cases).await.remove(0);
        insta::allow_duplicates! {
            assert_snapshot!(row.shown(), @r"
            staging: 0 inactive: planned: deploy <one> (main) to staging in 0 s; nothing was deployed, see the log
                web1: ok 1, changed 1
            ");
        }
        assert_eq!(stage.target.read("page"), None);
        let cases = [Case::new("staging", "")];
        stage.play(&cases).await;
        assert_eq!(stage.target.read("page").as_deref(), Some("hello\n"));
        stage.end().await;
    }
}

#[tokio::test]
async fn hosts_of_a_request_narrow_and_one_that_is_no_host_fails() {
    for tool in both() {
        let keys = "{ with: { limit: web }, hosts: [web1, web2, web9] }";
        let case = |name, hosts| Case::new(name, keys).hosts(hosts);
        let cases = [
            case("one", "web2").logs("'--limit=web2,&web'"),
            case("both", "web1,web2"),
            case("a stranger", "web2,web9"),
            case("unheard of", "web2,elsewhere"),
        ];
        let stage = stage(&tool, &["ping:"], &cases, |setup| setup).await;
        let rows: String = stage.play(&cases).await.iter().map(|row| row.shown()).collect();
        insta::allow_duplicates! {
            assert_snapshot!(rows, @r"
            one: 0 success: deployed <one> (main) to one in 0 s
                web2: ok 1
            both: 0 success: deployed <one> (main) to both in 0 s
                web1: ok 1
                web2: ok 1
            a stranger: 1 failure: failure: no host matches `web9` (step `ansible-playbook`, code 1) after 0 s
            unheard of: - error: rejected: host `elsewhere` is not declared; declared: `web1`, `web2`, `web9`
            ");
        }
        stage.end().await;
    }
}

#[tokio::test]
async fn what_a_branch_is_called_reaches_a_playbook_as_the_text_it_is() {
    let keys =
        "{ with: { extra_vars: { from_app: '{{ref}}', version: '1.10', deep: { list: ['{{ref}}'], text: 'no' } } } }";
    for tool in both() {
        let cases = [Case::new("staging", keys)];
        let stage = stage(&tool, &[RECORD], &cases, |setup| setup).await;
        let sha = stage.world.git.git(&["rev-parse", "HEAD"]).unwrap();
        for name in ["a=1,ansible_connection=local", "0x1f", "release#1@x+y"] {
            stage.world.github.repository(SITE).branch(name, &sha);
            stage.world.ask(DeploymentRequest::to("staging").of(name)).await;
            stage.world.settle_all().await;
            let record: Value = serde_json::from_str(&stage.target.read("record").unwrap()).unwrap();
            assert_eq!(record, json!([name, name, [[name], "no"], "1.10"]));
        }
        stage.end().await;
    }
}

/// What git and GitHub would take as a branch, and Ansible for an expression.
#[tokio::test]
async fn a_branch_that_is_an_expression_is_refused_before_anything_is_evaluated() {
    let keys = "{ with: { extra_vars: { from_app: '{{ref}}', version: '1.10', deep: { list: [], text: '' } } } }";
    let cases = [Case::new("staging", keys)];
    let stage = stage(&debian(), &[RECORD], &cases, |setup| setup).await;
    let canary = stage.world.path("canary");
    let sha = stage.world.git.git(&["rev-parse", "HEAD"]).unwrap();
    let name = format!("x{{{{lookup('pipe','touch${{IFS}}{}')}}}}", canary.display());
    stage.world.github.repository(SITE).branch(&name, &sha);
    let id = stage.world.ask(DeploymentRequest::to("staging").of(&name)).await;
    stage.world.settle_all().await;
    assert_eq!((stage.world.code(id).await, canary.exists()), ("ref_malformed", false));
    assert_eq!(stage.target.read("record"), None);
    stage.end().await;
}

#[tokio::test]
async fn the_password_of_a_vault_comes_from_a_command_and_stays_hidden() {
    let keys = "{ secrets: { ANSIBLE_VAULT_PASSWORD_FILE: { command: [cat, '{folder}/password'] } } }";
    for tool in both() {
        let cases = [Case::new("staging", keys)];
        let tasks = [
            "include_vars: vault.yml",
            "copy: { dest: '~/greeting', content: '{{ greeting }}' }",
            "{ debug: { msg: \"{{ lookup('file', lookup('env', 'ANSIBLE_VAULT_PASSWORD_FILE')) }}\" } }",
        ];
        let stage = stage(&tool, &tasks, &cases, |setup| {
            setup
                .file("vault.yml", include_str!("vault.yml"))
                .beside("password", "an open door of a test\n")
        })
        .await;
        let row = stage.play(&cases).await.remove(0);
        assert_eq!(stage.target.read("greeting").as_deref(), Some("well met"), "{row:?}");
        let log = stage.world.log(row.id).await;
        assert!(log.contains("\"msg\": \"***\"") && !log.contains("open door"), "{log}");
        stage.end().await;
    }
}

/// With what JSON escapes, and over two lines.
const TOKEN: &str = "tk-\"quoted\" \\ and\nmore-of-it-here";

#[tokio::test]
async fn a_secret_is_masked_in_what_ansible_prints_and_in_what_github_is_told() {
    let keys = "{ secrets: { DEPLOY_TOKEN: { file: '{folder}/deploy-token' } }, with: { verbosity: 3, limit: web1 } }";
    for tool in both() {
        let cases = [Case::new("staging", keys)];
        let tasks = [
            // As one argument: from a line Ansible would take the quotes out, and what is shown would not be the secret.
            "command: { argv: [printf, '%s', \"{{ lookup('env', 'DEPLOY_TOKEN') }}\"] }",
            "fail: { msg: \"no entry with {{ lookup('env', 'DEPLOY_TOKEN') | b64encode }}\" }",
        ];
        let stage = stage(&tool, &tasks, &cases, |setup| setup.beside("deploy-token", TOKEN)).await;
        let row = stage.play(&cases).await.remove(0);
        insta::allow_duplicates! {
            assert_snapshot!(row.shown(), @r"
            staging: 2 failure: failure: `web1` failed: no entry with ***
                web1: ok 1, changed 1, failed 1: no entry with ***
            ");
        }
        let log = stage.world.log(row.id).await;
        assert!(log.contains("***"), "{log}");
        for part in ["quoted", "more-of-it"] {
            assert!(!log.contains(part), "{part}: {log}");
        }
        stage.end().await;
    }
}

#[tokio::test]
async fn roles_and_collections_are_installed_from_files_first() {
    let keys = "{ with: { requirements: requirements.yml, limit: web1 } }";
    let folder = requirements::folder();
    for tool in both() {
        let cases = [Case::new("staging", keys).logs("$ ansible-galaxy install -r requirements.yml")];
        let target = Target::start();
        let site = "- hosts: web\n  gather_facts: false\n  roles: [greeting]\n  tasks:\n    - acme.tools.note: { dest: '~/note' }\n";
        let setup = World::setup()
            .project(folder.path())
            .file("hosts.ini", &inventory(&target))
            .file("site.yml", site)
            .app(&Stage::app(&tool, &target, "with: { inventory: hosts.ini }", &cases));
        let stage = Stage::start(setup, target).await;
        let row = stage.play(&cases).await.remove(0);
        assert_eq!(row.state, "success", "{}", stage.world.log(row.id).await);
        assert_eq!(stage.target.read("greeting").as_deref(), Some("from a role"));
        assert_eq!(stage.target.read("note").as_deref(), Some("from a collection"));
        stage.end().await;
    }
}

#[tokio::test]
async fn a_run_that_outlives_its_server_keeps_the_results_of_its_hosts() {
    for tool in both() {
        let cases = [Case::new("staging", "{}")];
        let target = Target::start();
        let linger = format!("command: {}", target.linger("{{ inventory_hostname }}"));
        let app = Stage::app(&tool, &target, "with: { inventory: hosts.ini }", &cases);
        let files = [
            ("hosts.ini", inventory(&target)),
            (
                "site.yml",
                playbook(&[&linger, "{ command: 'false', when: inventory_hostname == 'web2' }"]),
            ),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let mut stage = Stage::start(World::setup().app(&app).files(&files), target).await;
        let id = stage.world.deploy("staging").await;
        stage.world.intake().await;
        let running = stage.begin(id).await;
        stage.seen("web1", &running).await;
        stage.world.engine.stop.cancel();
        stage.ended(id, running).await;
        stage.world.restart_with(&app).await;
        stage.world.clock.advance(Duration::from_secs(31));
        stage.world.sweep().await;
        stage.target.let_go("web1");
        stage.target.let_go("web2");
        let none = || stage.world.engine.watched_runs().is_empty().then_some(());
        stage.world.until("what was adopted has ended", none).await;
        stage.world.settle_all().await;
        let row = stage.row("staging", id).await;
        insta::allow_duplicates! {
            assert_snapshot!(row.shown(), @r"
            staging: 2 failure: failure: `web2` failed (1 of 2 ok): exit code 1
                web1: ok 1, changed 1, skipped 1
                web2: ok 1, changed 1, failed 1: exit code 1
            ");
        }
        stage.end().await;
    }
}
