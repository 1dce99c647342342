//! Scenes in which somebody waits for an answer: whoever wrote a comment on a pull request, or a job of GitHub Actions.

use std::time::Duration;

use chima::flow::{comment, protection};
use chima_simulator::fault::{Fault, FaultKind};

use crate::world::github_failures::scenes::Scene;
use crate::world::stage::{SITE, World};
use crate::world::steps::PATIENCE;

/// The one pull request.
const PULL: u64 = 1;

/// What answers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Comments of ours before.
    replies: usize,
    /// The workflow run whose job asks.
    workflow_run: u64,
}

/// A pull request, and for a while nothing that fails.
pub(super) async fn prepare(world: &mut World, scene: Scene) {
    if let Scene::UnheardByToken(..) = scene {
        world.hook.on_repository(&world.github.repository(SITE));
    }
    let pull = world.open().await;
    assert_eq!(pull.number, PULL);
    if let Scene::ChangedComment = scene {
        let sha = world.github.repository(SITE).head("topic").unwrap();
        world.github.repository(SITE).status(&sha, "ci", "failure");
    }
    if let Scene::PolledComment = scene {
        world.hook.active(false);
    }
    if let Scene::PolledComment | Scene::UnheardByApp(..) | Scene::UnheardByToken(..) = scene {
        world.look().await;
    }
}

/// Somebody asks, and GitHub begins to fail.
pub(super) async fn begin(world: &World, scene: Scene, fault: &impl Fn(&str, &str) -> Fault) -> Asked {
    let replies = replies(world).len();
    world.clock.advance(Duration::from_secs(10));
    let asked = Asked {
        replies,
        workflow_run: 0,
    };
    match scene {
        Scene::Comment(method, path) => {
            world.github.fail(fault(method, path));
            say(world, "/chima locks").await;
        }
        Scene::LostComment => {
            world.github.fail(Fault::on("POST", "/comments", FaultKind::LostAnswer));
            world.github.fail(fault("GET", "/comments"));
            say(world, "/chima locks").await;
        }
        Scene::ChangedComment => {
            world.github.fail(fault("PATCH", "/comments"));
            say(world, "/deploy to staging").await;
        }
        Scene::PolledComment => {
            world.github.fail(fault("GET", "/issues/comments"));
            say(world, "/chima locks").await;
        }
        Scene::UnheardByApp(method, path) | Scene::UnheardByToken(method, path) => {
            world.hook.url("http://127.0.0.1:1/");
            say(world, "/chima locks").await;
            world.hook.url(&format!("{}/webhooks/github", world.url));
            world.github.fail(fault(method, path));
        }
        Scene::Job => {
            world.github.fail(fault("POST", "/deployment_protection_rule"));
            let asked = world.github.job_asks(SITE, "production", "main", "lisa").await.unwrap();
            return Asked {
                replies,
                workflow_run: asked.workflow_run,
            };
        }
        Scene::Status(..)
        | Scene::LostStatus
        | Scene::OwnApp
        | Scene::Contexts(_)
        | Scene::Member
        | Scene::Auto(..)
        | Scene::Repository
        | Scene::Merged
        | Scene::Late => {}
    }
    asked
}

async fn say(world: &World, text: &str) {
    world.github.comment(SITE, PULL, "mona", text).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
}

/// Everything that is due.
pub(super) async fn step(world: &World) {
    world.look().await;
    world.settle().await;
    protection::step(&world.engine).await.unwrap();
    while comment::step(&world.engine).await.unwrap() > 0 {
        world.github.wait_for_deliveries(PATIENCE).await.unwrap();
        world.settle().await;
    }
    world.settle().await;
}

fn replies(world: &World) -> Vec<String> {
    let all = world.github.comments(SITE, PULL).into_iter();
    all.filter(|one| one.author != "mona").map(|one| one.body).collect()
}

impl Asked {
    /// The last word that was answered.
    pub(super) fn told(&self, world: &World, scene: Scene) -> Option<String> {
        if let Scene::Job = scene {
            let job = world.github.jobs(self.workflow_run).remove(0);
            assert_eq!(job.reports, Vec::<String>::new(), "nothing to wait for");
            return job.answer.map(|(state, _)| state);
        }
        let all = replies(world);
        let new = &all[self.replies..];
        assert!(new.len() <= 1, "answered more than once: {new:?}");
        let said = new.first()?.lines().rfind(|line| !line.is_empty())?;
        let known = [
            ("nothing is locked", "the answer"),
            ("may not be wanted any more", "too late"),
            ("rejected", "the end"),
        ];
        let found = known.iter().find(|(part, _)| new[0].contains(part));
        match (scene, found) {
            (Scene::ChangedComment, None) => None,
            (_, Some((_, name))) => Some((*name).to_owned()),
            (_, None) => Some(said.replace('`', "")),
        }
    }

    /// What an operator reads while it waits.
    pub(super) async fn shown(&self, world: &World) -> String {
        let waiting = world.engine.store.undelivered(false).await.unwrap();
        if let Some(row) = waiting.first() {
            return row.last_error.clone().unwrap_or_default();
        }
        let host = world.engine.config.github.host.clone();
        let rows = world.engine.store.catch_ups(&host).await.unwrap();
        let mut troubles = rows.iter().flat_map(|row| {
            let progress = &row.progress;
            [&row.trouble, &progress.no_log, &progress.no_comments]
        });
        if let Some(trouble) = troubles.find_map(Clone::clone) {
            return trouble;
        }
        for source in ["", SITE] {
            let lost = world.engine.store.lost_deliveries(&host, source).await.unwrap();
            if let Some(one) = lost.first() {
                return format!("a delivery never arrived; asked for it {} times", one.asks);
            }
        }
        String::new()
    }
}
