//! Hostile repositories through the whole pipeline: nothing of them runs, GitHub is told in one sentence why, and the lane goes on.
//! What is tried with git alone is in `tests/it/checkout/hostile/`.

use std::fs;

use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::stage::{APP, SITE, World};

impl World {
    /// Writes an object of this kind into the remote, whatever git thinks of it.
    fn object(&self, kind: &str, content: &[u8]) -> String {
        let file = self.path("object");
        fs::write(&file, content).unwrap();
        let file = file.display().to_string();
        let args = ["hash-object", "-t", kind, "-w", "--literally", "--no-filters", &file];
        self.git.git(&args).unwrap()
    }

    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut content = Vec::new();
        for (mode, name, id) in entries {
            content.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            content.extend_from_slice(&hex::decode(id).unwrap());
        }
        self.object("tree", &content)
    }

    /// Somebody deploys this tree.
    async fn deploy_tree(&self, tree: &str) -> u64 {
        let sha = self.git.git(&["commit-tree", tree, "-m", "x"]).unwrap();
        self.deploy_commit(&sha).await
    }

    async fn deploy_commit(&self, sha: &str) -> u64 {
        let branch = format!("b-{}", &sha[..8]);
        self.git
            .git(&["update-ref", &format!("refs/heads/{branch}"), sha])
            .unwrap();
        let repository = self.github.repository(SITE);
        repository.commit(sha, "x", "mona", &[]).branch(&branch, sha);
        self.ask(DeploymentRequest::to("staging").of(&branch)).await
    }
}

#[tokio::test]
async fn a_hostile_repository_ends_in_an_error_that_says_why_and_the_next_deployment_runs() {
    let app = format!("checkout: {{ submodules: true, lfs: true }}\n{APP}");
    let world = World::setup().app(&app).start().await;
    let canary = world.path("canary");
    let run = format!("touch {}", canary.display());
    let script = world.object("blob", format!("#!/bin/sh\n{run}\n").as_bytes());
    let hooks = world.tree(&[("100755", "post-checkout", &script)]);
    let inner = world.tree(&[("40000", "hooks", &hooks)]);
    let absent = "0123456789012345678901234567890123456789";
    let modules = |settings: &str| {
        let text = format!("[submodule \"sub\"]\n\tpath = sub\n\t{settings}\n");
        world.object("blob", text.as_bytes())
    };
    let with_submodule = |settings: &str| {
        let file = modules(settings);
        world.tree(&[("100644", ".gitmodules", &file), ("160000", "sub", absent)])
    };
    let person = "M <m@example.com> 0 +0000";
    let broken = format!("tree {absent}\nauthor {person}\ncommitter {person}\n\nx");
    let mut asked = Vec::new();
    for tree in [
        world.tree(&[("40000", ".git", &inner)]),
        world.tree(&[("40000", "git~1", &inner)]),
        world.tree(&[("100755", "../canary", &script)]),
        with_submodule(&format!("url = x\n\tupdate = !{run}")),
        with_submodule(&format!("url = \"ext::sh -c '{run}'\"")),
        with_submodule("url = -u./canary"),
    ] {
        asked.push(world.deploy_tree(&tree).await);
    }
    asked.push(world.deploy_commit(&world.object("commit", broken.as_bytes())).await);
    let honest = world.deploy("staging").await;
    world.settle_all().await;
    for id in asked {
        let status = world.latest(id);
        let sentence = "error: the commit could not be checked out: ";
        assert!(
            status.state == "error" && status.description.starts_with(sentence),
            "{status:?}"
        );
        let why = status.description.trim_start_matches(sentence);
        assert!(why.len() > 20 && !why.contains(char::is_control), "{status:?}");
    }
    assert_eq!(world.latest(honest).state, "success");
    assert!(!canary.exists(), "the canary sings");
    world.end().await;
}
