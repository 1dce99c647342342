//! The scenes in which the calls are made. One world plays all failures of a call, one after the other, an hour or two apart.

mod answers;

use std::time::Duration;

use chima::domain::audit::By;
use chima::domain::auto_deploy::Outcome;
use chima::domain::run::RunState;
use chima::report::auto_deploy::sentence;
use chima::store::dead_letters::Which;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::auto::app;
use crate::world::github_failures::{FAILURES, Failure};
use crate::world::stage::{APP, SITE, World};

/// Which way leads to the call.
#[derive(Debug, Clone, Copy)]
pub enum Scene {
    /// A deployment that is refused: only a status is sent. Method and path of the call.
    Status(&'static str, &'static str),
    /// The same, but the answer to the status is lost.
    LostStatus,
    /// A deployment that our own App made.
    OwnApp,
    /// A deployment that needs a context, which is green.
    Contexts(&'static str),
    /// A deployment by somebody who may as a member of a team.
    Member,
    /// A push that is deployed by itself.
    Auto(&'static str, &'static str),
    /// The same; the path of this call is the beginning of all others.
    Repository,
    /// A merged pull request that is deployed by itself.
    Merged,
    /// A deployment that came late, and the owner of a token.
    Late,
    /// A command in a comment on a pull request.
    Comment(&'static str, &'static str),
    /// The same, but the answer to our own comment is lost.
    LostComment,
    /// The same; what is asked for is refused, which our comment tells by a change.
    ChangedComment,
    /// The same, in pull mode.
    PolledComment,
    /// The same, but nobody delivers it. The App's hook.
    UnheardByApp(&'static str, &'static str),
    /// The hook of a repository, and a token.
    UnheardByToken(&'static str, &'static str),
    /// A job of GitHub Actions that asks whether it may go on.
    Job,
}

impl Scene {
    /// Whether it is about what is answered to somebody, not about a deployment.
    fn answers(self) -> bool {
        match self {
            Self::Comment(..)
            | Self::LostComment
            | Self::ChangedComment
            | Self::PolledComment
            | Self::UnheardByApp(..)
            | Self::UnheardByToken(..)
            | Self::Job => true,
            Self::Status(..)
            | Self::LostStatus
            | Self::OwnApp
            | Self::Contexts(_)
            | Self::Member
            | Self::Auto(..)
            | Self::Repository
            | Self::Merged
            | Self::Late => false,
        }
    }

    fn by_token(self) -> bool {
        matches!(self, Self::Late | Self::UnheardByToken(..))
    }
}

/// Long enough for a loaded machine, short enough to be waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1000);

/// What became of it, failure by failure.
pub async fn play(scene: Scene) -> Vec<String> {
    let setup = match scene {
        Scene::Auto(..) | Scene::Repository => World::setup().app(&app("required_contexts: []", "{ on: push }")),
        Scene::Merged => World::setup().app(&app("required_contexts: []", "{ on: merged_pull_request }")),
        Scene::Member => World::setup().with("deployers: [octo/web]"),
        Scene::Contexts(_) | Scene::Late | Scene::ChangedComment => World::setup().required("[ci]"),
        Scene::PolledComment => World::setup().polling(60),
        Scene::Status(..)
        | Scene::LostStatus
        | Scene::OwnApp
        | Scene::Comment(..)
        | Scene::LostComment
        | Scene::UnheardByApp(..)
        | Scene::UnheardByToken(..)
        | Scene::Job => World::setup(),
    };
    let setup = if scene.by_token() { setup } else { setup.github_app() };
    let mut world = setup.without_slack().answer_timeout(ANSWER_TIMEOUT).start().await;
    let sha = world.commits[0].1.clone();
    let red = matches!(scene, Scene::Late);
    let state = if red { "failure" } else { "success" };
    world.github.repository(SITE).status(&sha, "ci", state);
    world.github.team_member("octo", "web", "mona");
    if matches!(scene, Scene::Auto(..) | Scene::Repository) {
        world.deploy("staging").await;
        world.round().await;
    }
    if scene.answers() {
        answers::prepare(&mut world, scene).await;
    }
    let mut ends = Vec::new();
    for failure in &FAILURES {
        // tokens have run out, and so have waits
        world.later(7200).await;
        ends.push(Play::begin(&mut world, scene, failure).await.end().await);
    }
    world.end().await;
    ends
}

struct Play<'a> {
    world: &'a World,
    scene: Scene,
    failure: &'static Failure,
    /// Deployments and requests before.
    before: (usize, usize),
    /// What was answered before, and what answers.
    asked: answers::Asked,
}

impl<'a> Play<'a> {
    async fn begin(world: &'a mut World, scene: Scene, failure: &'static Failure) -> Self {
        let mut before = (ids(world).len(), world.github.requests().len());
        let fault = |method: &str, path: &str| {
            let mut fault = Fault::on(method, path, failure.kind.clone());
            if failure.lasts {
                fault = fault.always();
            }
            if failure.with_effect {
                fault = fault.with_effect();
            }
            fault
        };
        let asked = answers::begin(world, scene, &fault).await;
        match scene {
            Scene::Comment(..)
            | Scene::LostComment
            | Scene::ChangedComment
            | Scene::PolledComment
            | Scene::UnheardByApp(..)
            | Scene::UnheardByToken(..)
            | Scene::Job => {}
            Scene::Late => {
                // a process asks whose its token is once
                world
                    .restart_with(&APP.replace("required_contexts: []", "required_contexts: [ci]"))
                    .await;
                let (_, parcel) = world.ask_unheard(DeploymentRequest::to("staging")).await;
                world.github.fail(fault("GET", "/user"));
                world.clock.advance(Duration::from_secs(60));
                world.deliver(&parcel).await;
            }
            Scene::Status(method, path) => {
                world.github.fail(fault(method, path));
                world.deploy("nowhere").await;
            }
            Scene::LostStatus => {
                world.github.fail(Fault::on("POST", "/statuses", FaultKind::LostAnswer));
                world.github.fail(fault("GET", "/statuses"));
                world.deploy("nowhere").await;
            }
            Scene::OwnApp => {
                // a process asks for its name once
                world.restart_with(APP).await;
                world.github.fail(fault("GET", "/app"));
                let request = DeploymentRequest {
                    creator: Some("chima[bot]".to_owned()),
                    app: Some("chima".to_owned()),
                    ..DeploymentRequest::to("nowhere")
                };
                world.ask(request).await;
            }
            Scene::Contexts(path) => {
                world.github.fail(fault("GET", path));
                world.deploy("staging").await;
            }
            Scene::Member => {
                world.github.fail(fault("GET", "/memberships"));
                world.deploy("staging").await;
            }
            Scene::Auto(method, path) => {
                if path == "/installation" {
                    // which one it is, is asked anew after a refusal
                    world.github.fail(Fault::on("GET", SITE, FaultKind::NotFound));
                    world.later(3600).await;
                    before.1 = world.github.requests().len();
                }
                push(world, "push").await;
                world.github.fail(fault(method, path));
            }
            Scene::Repository => {
                push(world, "push").await;
                world.github.fail(fault("GET", "/repos/octo/site"));
            }
            Scene::Merged => {
                let name = format!("merge {}", world.commits.len());
                world.merge(&name).await;
                world.github.fail(fault("GET", "/pulls"));
            }
        }
        Self {
            world,
            scene,
            failure,
            before,
            asked,
        }
    }

    async fn end(self) -> String {
        let limit = if self.failure.lasts { 900.0 } else { 3600.0 };
        let (seconds, told) = self.wait(limit).await;
        let calls = format!("{} call{}", self.calls(), if self.calls() == 1 { "" } else { "s" });
        if let Some(told) = told {
            self.world.github.heal();
            let when = if seconds == 0.0 {
                "at once".to_owned()
            } else {
                format!("after {seconds} s")
            };
            return format!("`{told}` is told {when}, with {calls}");
        }
        let lost = self.world.engine.store.undelivered(true).await.unwrap();
        let shown = self.shown().await;
        let waiting = self.world.engine.store.backlog().await.unwrap().outbox;
        if self.scene.answers() && lost.is_empty() && waiting == 0 && shown.is_empty() {
            self.world.github.heal();
            let (_, told) = self.wait(1800.0).await;
            assert_eq!(told, None, "it was left alone");
            return format!("left alone after {calls}");
        }
        let now = match lost.first() {
            Some(lost) => format!(
                "given up after {calls}: *{}*",
                lost.last_error.as_deref().unwrap_or_default()
            ),
            None => format!("waits, with {calls} in a quarter of an hour: *{shown}*"),
        };
        self.world.github.heal();
        self.world
            .engine
            .store
            .send_again(Which::All, By::called("mona"), self.world.engine.now())
            .await
            .unwrap();
        let (_, told) = self.wait(7200.0).await;
        let how = if lost.is_empty() {
            "once it is mended"
        } else {
            "sent again"
        };
        let end = format!("{now}; {how}: `{}`", told.as_deref().unwrap_or("nothing"));
        let commits = self.world.commits.iter();
        commits.fold(end, |end, (_, sha)| end.replace(&sha[..8], "<commit>"))
    }

    /// Lets time pass until the deployment has been told its end, or its status is lost; how long that took, and the end.
    async fn wait(&self, limit: f64) -> (f64, Option<String>) {
        let mut seconds = 0.0;
        loop {
            match self.scene {
                Scene::Auto(..) | Scene::Repository | Scene::Merged => self.world.round().await,
                Scene::Status(..)
                | Scene::LostStatus
                | Scene::OwnApp
                | Scene::Contexts(_)
                | Scene::Late
                | Scene::Member => {
                    self.world.settle().await;
                }
                Scene::Comment(..)
                | Scene::LostComment
                | Scene::ChangedComment
                | Scene::PolledComment
                | Scene::UnheardByApp(..)
                | Scene::UnheardByToken(..)
                | Scene::Job => answers::step(self.world).await,
            }
            let backlog = self.world.engine.store.backlog().await.unwrap();
            if backlog.dead > 0 {
                return (seconds, None);
            }
            if let Some(told) = self.told()
                && backlog.outbox == 0
            {
                return (seconds, Some(told));
            }
            if seconds >= limit {
                return (seconds, None);
            }
            let step = match seconds {
                _ if self.failure.lasts && self.scene.answers() => 180.0,
                _ if self.failure.lasts => 60.0,
                ..5.0 if self.scene.answers() => 1.0,
                ..40.0 if self.scene.answers() => 35.0,
                ..60.0 if self.scene.answers() => 20.0,
                ..5.0 => 0.5,
                ..65.0 => 5.0,
                _ => 60.0,
            };
            seconds += step;
            self.world.clock.advance(Duration::from_secs_f64(step));
            self.world.sweep().await;
        }
    }

    /// The states of the new deployment, when it has come to its end.
    fn told(&self) -> Option<String> {
        if self.scene.answers() {
            return self.asked.told(self.world, self.scene);
        }
        let ids = ids(self.world);
        let new = &ids[self.before.0..];
        assert!(new.len() <= 1, "more than one deployment was made: {new:?}");
        let states = self.world.told_states(*new.first()?);
        let over = ["success", "error", "failure", "inactive"];
        over.contains(&states.last()?.as_str()).then(|| states.join(", "))
    }

    /// What people read while it waits.
    async fn shown(&self) -> String {
        let world = self.world;
        if self.scene.answers() {
            return self.asked.shown(world).await;
        }
        if let Scene::Auto(..) | Scene::Repository | Scene::Merged = self.scene {
            let host = &world.engine.config.github.host;
            let rows = world.engine.store.auto_deploys(host).await.unwrap();
            return rows[0]
                .outcome
                .as_ref()
                .map(|outcome: &Outcome| sentence(outcome))
                .unwrap_or_default();
        }
        let id = *ids(world).last().unwrap();
        if let Some(held) = world.runs_in(RunState::Held).await.first() {
            return chima::report::cancel::how(held);
        }
        match world.runs().await.iter().find(|run| run.deployment.0 == id) {
            Some(_) => {
                let waiting = world.engine.store.undelivered(false).await.unwrap();
                waiting
                    .first()
                    .and_then(|row| row.last_error.clone())
                    .unwrap_or_default()
            }
            None => {
                let guid = world.github.read(|found| {
                    let last = found.deliveries.iter().rfind(|delivery| delivery.event == "deployment");
                    last.map(|delivery| delivery.guid.clone()).unwrap_or_default()
                });
                let delivery = world.engine.store.find_delivery(&guid).await.unwrap();
                delivery.and_then(|delivery| delivery.detail).unwrap_or_default()
            }
        }
    }

    /// How often the call was made.
    fn calls(&self) -> usize {
        let requests = self.world.github.requests();
        requests[self.before.1..]
            .iter()
            .filter(|request| self.is_the_call(request))
            .count()
    }

    fn is_the_call(&self, request: &chima_simulator::journal::Recorded) -> bool {
        let (method, path) = match self.scene {
            Scene::Status(method, path)
            | Scene::Auto(method, path)
            | Scene::Comment(method, path)
            | Scene::UnheardByApp(method, path)
            | Scene::UnheardByToken(method, path) => (method, path),
            Scene::Late => ("GET", "/user"),
            Scene::LostComment => ("GET", "/comments"),
            Scene::ChangedComment => ("PATCH", "/comments"),
            Scene::PolledComment => ("GET", "/issues/comments"),
            Scene::Job => ("POST", "/deployment_protection_rule"),
            Scene::LostStatus => ("GET", "/statuses"),
            Scene::OwnApp => ("GET", "/app"),
            Scene::Contexts(path) => ("GET", path),
            Scene::Member => ("GET", "/memberships"),
            Scene::Repository => return request.method == "GET" && request.path == "/repos/octo/site",
            Scene::Merged => ("GET", "/pulls"),
        };
        request.is(method, path) && !(path == "/deployments" && request.path.contains("/statuses"))
    }
}

async fn push(world: &mut World, name: &str) {
    let name = format!("{name} {}", world.commits.len());
    world.push(&name).await;
}

fn ids(world: &World) -> Vec<u64> {
    world.github.read(|found| {
        let all = found.repository(SITE).unwrap().deployments.iter();
        all.map(|deployment| deployment.id).collect()
    })
}
