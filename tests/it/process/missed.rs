//! Deployments that were made while no server ran: the real program finds all of them, runs each at most once, and tells how
//! each ended.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chima_simulator::github::deploy::DeploymentRequest;

use crate::process::installation::{Installation, REPOSITORY};

/// What was promised to users.
const FOUND_WITHIN: Duration = Duration::from_secs(60);
const CONCLUDED_WITHIN: Duration = Duration::from_secs(300);

/// How a server is told of deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The App's hook, whose log it may read.
    Log,
    /// A token that may see no hook.
    List,
    /// None: it asks.
    Pull,
}

impl Installation {
    fn set_up(&self, way: Way, environments: usize) {
        let list: String = (0..environments)
            .map(|number| format!("      env-{number}: {{}}\n"))
            .collect();
        let mut config = self
            .config()
            .replace(
                "      staging: {}\n      qa: {}\n      live: { production: true }\n",
                &list,
            )
            .replace("writes_per_minute: 80", "writes_per_minute: 100000");
        match way {
            Way::Log => {
                self.write("key.pem", &self.github.app_key().unwrap());
                let id = self.github.read(|world| world.app.id);
                let app = format!("app_id: {id}\n  private_key: {{ file: key.pem }}");
                config = config.replace("token: { file: github-token }", &app);
            }
            Way::List => {}
            Way::Pull => {
                config = config.replace(
                    "webhook_secrets: [{ file: webhook-secret }]",
                    "polling: { interval_seconds: 1 }",
                );
            }
        }
        self.write("app.yaml", &config);
    }

    /// The deployments that have a run, and how many of them were found in GitHub's list.
    async fn known(&self) -> (BTreeSet<u64>, usize) {
        let text = self.run(&["runs", "--json", "-n", "1000"]).await.stdout;
        let runs: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let listed = runs.iter().filter(|run| run["source"] == "listing").count();
        (
            runs.iter().filter_map(|run| run["deployment"].as_u64()).collect(),
            listed,
        )
    }

    async fn wait_until_ended(&self, all: &BTreeSet<u64>) {
        let told = self.github.wait_for(
            |world| {
                let ended = |id: &u64| {
                    let deployment = world.deployment(REPOSITORY, *id);
                    deployment
                        .and_then(|one| one.state())
                        .is_some_and(|state| ["success", "failure", "error", "inactive"].contains(&state))
                };
                all.iter().all(ended)
            },
            CONCLUDED_WITHIN,
        );
        told.await.unwrap_or_else(|unmet| panic!("{unmet}"));
    }
}

#[expect(clippy::print_stderr, reason = "the figures are of interest")]
async fn an_outage(way: Way, deployments: usize, environments: usize) {
    let installation = Installation::sqlite().await;
    installation.set_up(way, environments);
    let mut server = installation.serve().await;
    // it has looked once: from here on what happens is its business
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.stop(Duration::from_secs(20)).await;
    let mut all = BTreeSet::new();
    for number in 0..deployments {
        let request = DeploymentRequest::to(&format!("env-{}", number % environments));
        all.insert(installation.github.deploy(REPOSITORY, request).await.unwrap().id);
    }
    let begun = Instant::now();
    let mut server = installation.start_serving();
    let listed = loop {
        let (known, listed) = installation.known().await;
        if known.is_superset(&all) {
            break listed;
        }
        assert!(
            begun.elapsed() < FOUND_WITHIN,
            "{} of {deployments} after {FOUND_WITHIN:?}",
            known.len()
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    let found = begun.elapsed();
    installation.wait_until_ended(&all).await;
    eprintln!(
        "{way:?}: {deployments} deployments to {environments} environments, found after {:.1} s ({listed} by listing), all ended after {:.1} s",
        found.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    let journal = installation.journal();
    assert_eq!(journal.repeated(), Vec::<u64>::new());
    for id in &all {
        let last = installation.told(*id).pop().unwrap_or_default();
        let ran = journal.count(*id, "start");
        assert!(
            (last == "success" && ran == 1) || (last == "inactive" && ran == 0),
            "{id}: {last}, ran {ran} times"
        );
    }
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_while_no_server_ran_is_delivered_again() {
    an_outage(Way::Log, 40, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_while_no_server_ran_is_found_in_the_list() {
    an_outage(Way::List, 40, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_what_was_made_is_found() {
    an_outage(Way::Pull, 40, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; the figures stand in docs/reference/benchmarks.md"]
async fn five_hundred_lost_deliveries_are_found_within_a_minute() {
    for way in [Way::Log, Way::List, Way::Pull] {
        an_outage(way, 500, 100).await;
    }
}
