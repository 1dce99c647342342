//! Jobs of GitHub Actions that ask for our word: one set of rules for them and for our own runs.

use std::time::Duration;

use chima::domain::lock::LockRequest;
use chima::domain::person::{Person, Source};
use chima::domain::run::RunState;
use chima::flow::lock::{lock, places, unlock};
use chima::flow::protection;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::job::{Asked, Job};
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};

impl World {
    pub(in crate::world) async fn job_asks(&self, environment: &str) -> Asked {
        let asked = self.github.job_asks(SITE, environment, "main", "lisa").await.unwrap();
        self.look_at_jobs().await;
        asked
    }

    /// Deliveries, a look at what is due, and the outbox.
    async fn look_at_jobs(&self) {
        while self.intake().await > 0 {}
        protection::step(&self.engine).await.unwrap();
        self.outbox().await;
    }

    /// What one job was told, and its answer.
    fn job(&self, asked: &Asked) -> Job {
        let mut jobs = self.github.jobs(asked.workflow_run);
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    fn final_word(&self, asked: &Asked) -> String {
        let answer = self.job(asked).answer;
        answer.map_or_else(|| "none".to_owned(), |(state, comment)| format!("{state}: {comment}"))
    }

    async fn lock_it(&self, by: &str) {
        let places = places(&self.engine.config, "site", &["production"]).unwrap();
        let request = LockRequest::new(
            Person::new(Source::Terminal, by),
            places,
            Some("<b>db</b> migration"),
            None,
        );
        lock(&self.engine.desk(), &request).await.unwrap();
    }

    async fn unlock_it(&self) {
        let places = places(&self.engine.config, "site", &["production"]).unwrap();
        let by = Person::new(Source::Terminal, "mona");
        unlock(&self.engine.desk(), &places, &by).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_goes_on_where_nothing_stands_against_it() {
    let world = World::new().await;
    let asked = world.job_asks("production").await;
    assert_snapshot!(world.final_word(&asked), @"approved: Chima: nothing stands against `site` to `production`");
    // asked again, GitHub hears nothing more, and no run was made
    world.github.redeliver(&asked.deliveries[1].guid).await;
    world.look_at_jobs().await;
    assert_eq!(world.runs().await, vec![]);
    assert!(world.page("/").await.contains("Jobs of GitHub Actions that asked"));
    world.end().await;
}

#[tokio::test]
async fn an_environment_that_is_not_configured_is_rejected_with_a_way_out() {
    let world = World::new().await;
    let asked = world.job_asks("prod").await;
    assert_snapshot!(world.final_word(&asked), @"rejected: Chima: rejected: environment `prod` is not configured; configured: `production`, `staging`; ask again with a configured one, or have an operator add it under `environments`; or take Chima's rule off this environment in the repository's settings");
    world.end().await;
}

#[tokio::test]
async fn a_job_waits_for_a_lock_to_go() {
    let world = World::new().await;
    world.lock_it("mona").await;
    let asked = world.job_asks("production").await;
    let told = world.job(&asked);
    assert_eq!((told.answer, told.reports.len()), (None, 1));
    assert!(
        told.reports[0].contains("mona") && told.reports[0].contains(r"\<b\>db\</b\> migration"),
        "{:?}",
        told.reports
    );
    // the same again is no news
    world.clock.advance(Duration::from_secs(60));
    world.look_at_jobs().await;
    assert_eq!(world.job(&asked).reports.len(), 1);
    world.unlock_it().await;
    world.look_at_jobs().await;
    assert!(world.final_word(&asked).starts_with("approved"));
    world.sweep().await;
    world.outbox().await;
    world.end().await;
}

#[tokio::test]
async fn required_contexts_hold_a_job_and_end_its_wait() {
    let world = World::setup().required("[ci]").start().await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    let green = world.job_asks("production").await;
    assert_snapshot!(world.job(&green).reports.join("\n"), @"Chima: waiting: waiting for `ci` (missing); it goes on by itself once they are green; if one never starts, whoever runs the checks can look");
    world.github.ci(SITE, &sha, "ci", "success").await.unwrap();
    world.look_at_jobs().await;
    assert!(world.final_word(&green).starts_with("approved"));
    world.github.ci(SITE, &sha, "ci", "failure").await.unwrap();
    let red = world.job_asks("production").await;
    assert!(
        world
            .final_word(&red)
            .starts_with("rejected: Chima: rejected: required context failed: `ci`"),
        "{}",
        world.final_word(&red)
    );
    world.end().await;
}

#[tokio::test]
async fn where_every_context_counts_a_job_does_not_wait_for_itself() {
    let world = World::setup().required("").start().await;
    let sha = world.github.repository(SITE).head("main").unwrap();
    world.github.check(SITE, &sha, "test", Some("success")).await.unwrap();
    let asked = world.job_asks("production").await;
    assert!(
        world.final_word(&asked).starts_with("approved"),
        "{}",
        world.final_word(&asked)
    );
    // but for those of other workflows
    let other = world.job_asks("staging").await;
    assert!(
        world.job(&other).reports[0].contains("deploy to production"),
        "{:?}",
        world.job(&other)
    );
    world.clock.advance(Duration::from_secs(86_400));
    world.look_at_jobs().await;
    assert!(
        world
            .final_word(&other)
            .starts_with("rejected: Chima: rejected: still held after 1 d"),
        "{}",
        world.final_word(&other)
    );
    world.end().await;
}

#[tokio::test]
async fn a_run_of_ours_goes_first() {
    let world = World::new().await;
    world.hold();
    let id = world.deploy("production").await;
    world.intake().await;
    let running = world.begin(world.run(id).await.id);
    world.journal_of(1).await;
    let asked = world.job_asks("production").await;
    let elsewhere = world.job_asks("staging").await;
    assert_eq!(world.final_word(&asked), "none");
    assert!(world.final_word(&elsewhere).starts_with("approved"));
    world.release();
    running.await.unwrap();
    world.settle().await;
    assert_eq!(world.state(id).await, RunState::Succeeded);
    world.clock.advance(Duration::from_secs(5));
    world.look_at_jobs().await;
    assert!(world.final_word(&asked).starts_with("approved"));
    world.end().await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_counts_once() {
    let world = World::new().await;
    let path = "/deployment_protection_rule";
    world
        .github
        .fail(Fault::on("POST", path, FaultKind::InternalError).with_effect());
    let asked = world.job_asks("production").await;
    assert!(world.final_word(&asked).starts_with("approved"), "it had worked");
    world.settle_all().await;
    let posts = world
        .github
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with(path))
        .count();
    assert_eq!(posts, 2);
    world.end().await;
}

#[tokio::test]
async fn a_job_that_was_cancelled_meanwhile_leaves_nothing_behind() {
    let world = World::setup().app(APP).start().await;
    world.lock_it("mona").await;
    let asked = world.job_asks("production").await;
    world.github.change(|world| world.jobs.clear());
    world.unlock_it().await;
    world.look_at_jobs().await;
    assert_eq!(world.github.jobs(asked.workflow_run), vec![]);
    world.sweep().await;
    world.outbox().await;
    world.end().await;
}
