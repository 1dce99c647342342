//! Deployments that nobody asks for, by the real program: a push is deployed, and so is one that came while nobody ran.

use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;

use crate::process::installation::{Installation, REPOSITORY};

const SOON: Duration = Duration::from_secs(20);

impl Installation {
    /// Puts `main` at a commit on top of the first one; answers the deployment that follows.
    async fn pushed(&self, before: usize) -> u64 {
        let found = self.github.wait_to_find(
            |world| {
                world
                    .repository(REPOSITORY)?
                    .deployments
                    .get(before)
                    .map(|made| made.id)
            },
            SOON,
        );
        found.await.unwrap_or_else(|unmet| panic!("{unmet}"))
    }

    /// Makes `failing` follow `main` on GitHub: the only other commit that git has and that no deployment has had.
    fn follows(&self) -> String {
        let repository = self.github.repository(REPOSITORY);
        let (main, next) = (repository.head("main").unwrap(), repository.head("failing").unwrap());
        repository.commit(&next, "next", "mona", &[&main]);
        next
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_deployed_also_when_the_server_was_away() {
    for away in [false, true] {
        let installation = Installation::sqlite().await;
        let config = installation.config();
        let config = config.replace("staging: {}", "staging: { auto_deploy: { on: push } }");
        installation.write("app.yaml", &config);
        let mut server = installation.serve().await;
        let first = DeploymentRequest::to("staging").of("main");
        let first = installation.github.deploy(REPOSITORY, first).await.unwrap().id;
        assert_eq!(installation.concluded(first, SOON).await, "success");
        let next = installation.follows();
        if away {
            server.stop(SOON).await;
        }
        installation
            .github
            .move_branch(REPOSITORY, "main", Some(&next))
            .await
            .unwrap();
        if away {
            server = installation.serve().await;
        }
        let made = installation.pushed(1).await;
        assert_eq!(installation.concluded(made, SOON).await, "failure", "that branch fails");
        assert_eq!(installation.deployments().len(), 2);
        let doctor = installation.run(&["doctor"]).await;
        assert!(
            doctor.stdout.contains("auto-deploy of `site` to `staging` at "),
            "{}",
            doctor.stdout
        );
        server.stop(SOON).await;
        installation.close().await;
    }
}
