//! `examples/ansible/project` works as its page says, over a real connection.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::{Value, json};

use crate::docs::root;
use crate::tools::ansible::{Played, Project, both, playbook_programs};
use crate::tools::example::example;
use crate::tools::sshd::Sshd;

const FIRST: &str = "1111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222";

#[test]
fn the_example_installs_releases_and_its_dry_run_changes_nothing() {
    for program in playbook_programs() {
        let server = Sshd::start();
        let project = Project::copy(&root().join("examples/ansible/project"));
        let play = |sha: &str, options: &[&str]| {
            let args = format!("-F {}", server.ssh_config().display());
            let port = server.port().to_string();
            let vars = json!({ "chima_sha": sha, "ssh_port": port, "ansible_ssh_common_args": args });
            let vars = vars.to_string();
            let mut arguments = vec!["site.yml", "-e", &vars];
            arguments.extend(options);
            project.play(&program, &arguments)
        };
        let site = server.home().join("chima-example-site");

        let dry = play(FIRST, &["--check", "--diff"]);
        assert_eq!(changed(&dry), json!(2), "{dry:?}");
        assert!(dry.stdout.contains("+    \"state\": \"link\""), "{}", dry.stdout);
        assert!(!site.exists());

        assert_eq!(changed(&play(FIRST, &[])), json!(4));
        assert_eq!(changed(&play(FIRST, &[])), json!(0));
        assert_eq!(changed(&play(SECOND, &[])), json!(4));
        assert_eq!(
            fs::read_to_string(site.join("current/revision.txt")).unwrap(),
            format!("{SECOND}\n")
        );
        assert_eq!(fs::read_dir(site.join("releases")).unwrap().count(), 2);
    }
}

#[tokio::test]
async fn the_example_deploys_through_chima() {
    for tool in both() {
        let stage = example(&tool, |target, staging| {
            let vars = json!({ "ssh_port": target.server.port().to_string(), "site_root": target.path("site") });
            staging["with"] = json!({ "extra_vars": vars });
        })
        .await;
        let id = stage.world.ask(DeploymentRequest::to("staging")).await;
        stage.world.settle_all().await;
        let row = stage.row("staging", id).await;
        assert_eq!((row.state.as_str(), row.hosts.len()), ("success", 1), "{row:?}");
        let live = stage.target.read("site/current/revision.txt").unwrap();
        assert_eq!(live.trim(), stage.world.run(id).await.sha);
        stage.end().await;
    }
}

/// How many tasks changed something, of a play that did well.
fn changed(played: &Played) -> Value {
    assert_eq!(played.code, Some(0), "{played:?}");
    played.of("host")[0]["changed"].clone()
}
