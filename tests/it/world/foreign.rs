//! Deployments that others carry out, and what others say of ours: recorded, told, and otherwise left alone.

use std::time::Duration;

use chima::cli::runs;
use chima_simulator::github::deploy::{DeploymentRequest, StatusReport};
use chima_simulator::github::world::Workflow;
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};

/// A job of GitHub Actions deploys.
pub(super) fn job(environment: &str) -> DeploymentRequest {
    DeploymentRequest {
        creator: Some("github-actions[bot]".to_owned()),
        workflow: Workflow::Run {
            name: "release".to_owned(),
        },
        ..DeploymentRequest::to(environment)
    }
}

pub(super) fn report(state: &str, description: &str) -> StatusReport {
    StatusReport {
        state: state.to_owned(),
        description: description.to_owned(),
        log_url: "https://ci.example.com/log".to_owned(),
        ..StatusReport::default()
    }
}

impl World {
    /// Somebody else reports; the GUID of what GitHub delivered.
    pub async fn told_by(&self, deployment: u64, report: StatusReport, by: &str) -> String {
        let delivered = self.github.report(SITE, deployment, report, by).await.unwrap();
        assert_eq!(delivered[0].status, 202);
        delivered[0].guid.clone()
    }

    async fn listed(&self) -> String {
        let text = runs::list(&self.engine.store, 10, false, self.engine.now())
            .await
            .unwrap();
        self.redacted(&text).await
    }
}

#[tokio::test]
async fn what_github_actions_deploys_is_in_the_history_and_told_in_chat() {
    let world = World::new().await;
    let id = world.ask(job("production")).await;
    world.settle().await;
    world
        .told_by(id, report("in_progress", ""), "github-actions[bot]")
        .await;
    world
        .told_by(id, report("success", "shipped"), "github-actions[bot]")
        .await;
    world.settle().await;
    assert_eq!(world.runs().await, vec![], "no run");
    assert_snapshot!(world.listed().await, @r"
    RUN                         STATE        AGE        WHAT                                WHY
    deployment <1>           success      0 s        octo/site/main to production        not Chima's: made by @github-actions[bot]; shipped
    ");
    assert_snapshot!(world.chat().await, @"success: <one> (main) of octo/site to production, says @github-actions[bot]");
    let page = world.page("/").await;
    assert!(
        page.contains("Deployments of others") && page.contains("https://ci.example.com/log"),
        "{page}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_word_that_comes_late_or_twice_changes_nothing() {
    let world = World::new().await;
    let id = world.ask(job("staging")).await;
    let begun = world
        .told_by(id, report("in_progress", "begins"), "github-actions[bot]")
        .await;
    world.clock.advance(Duration::from_secs(2));
    let ended = world
        .told_by(id, report("failure", "broke"), "github-actions[bot]")
        .await;
    world.settle().await;
    for guid in [&begun, &ended, &begun] {
        world.github.redeliver(guid).await;
        world.settle().await;
    }
    let others = world.engine.store.foreign_deployments(10).await.unwrap();
    assert_eq!((others.len(), others[0].state()), (1, "failure"));
    assert_eq!(world.slack.messages().len(), 1, "told once");
    world.end().await;
}

#[tokio::test]
async fn an_environment_that_is_not_configured_is_recorded_and_told_to_nobody() {
    let world = World::new().await;
    let id = world.ask(job("github-pages")).await;
    world.told_by(id, report("success", ""), "github-pages[bot]").await;
    world.settle().await;
    let others = world.engine.store.foreign_deployments(10).await.unwrap();
    assert_eq!((others.len(), others[0].environment.as_str()), (1, "github-pages"));
    assert_eq!(world.slack.messages(), vec![]);
    world.end().await;
}

#[tokio::test]
async fn our_own_words_come_back_and_mean_nothing() {
    let world = World::setup().app(APP).start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    world.settle().await;
    let run = world.run(id).await;
    let events = world.engine.store.events(run.id).await.unwrap();
    assert!(!format!("{events:?}").contains("ReportedByOther"), "{events:?}");
    assert!(world.engine.store.foreign_deployments(10).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn what_somebody_else_says_of_a_run_is_on_its_page() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    let states = world.states(id);
    // somebody else's word stands beside ours on GitHub, and a redelivery adds none
    let guid = world.told_by(id, report("success", ""), "smoke-bot").await;
    world.settle().await;
    world.github.redeliver(&guid).await;
    world.settle().await;
    assert_eq!(world.states(id).len(), states.len() + 1);
    let page = world.run_page(id).await;
    let line = "@smoke-bot, not Chima, told GitHub <code>success</code>";
    assert_eq!(page.matches(line).count(), 1, "{page}");
    world.end().await;
}

#[tokio::test]
async fn the_release_log_has_deployments_of_other_tools_in_it() {
    let world = World::new().await;
    let id = world.ask(job("production")).await;
    let pages = world.ask(job("github-pages")).await;
    world.settle().await;
    world.clock.advance(Duration::from_secs(90));
    world
        .told_by(id, report("success", "shipped"), "github-actions[bot]")
        .await;
    world
        .told_by(pages, report("failure", "broke"), "github-actions[bot]")
        .await;
    world.say_in("deployment", "deploy site to staging").await;
    world.settle_all().await;
    world.clock.advance(Duration::from_secs(3600));
    assert_snapshot!(world.dialogue(&["deploys site", "deploys site in production", "deploys site to staging please", "deploys site/topic"]).await, @"
    > deploys site
    - 1 h ago, @mona: deployed <one> (main) to staging in 0 s
    - 1 h 1 min ago, @github-actions[bot]: failure: <one> (main) to github-pages after 1 min 30 s, by another tool
    - 1 h 1 min ago, @github-actions[bot]: deployed <one> (main) to production in 1 min 30 s, by another tool
    > deploys site in production
    - 1 h 1 min ago, @github-actions[bot]: deployed <one> (main) to production in 1 min 30 s, by another tool
    > deploys site to staging please
    - 1 h ago, @mona: deployed <one> (main) to staging in 0 s
    > deploys site/topic
    no deployment of `topic` is known of `site`
    ");
    world.end().await;
}
