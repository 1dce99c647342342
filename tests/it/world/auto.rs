//! Deployments that nobody asks for: which events lead to one, to how many, and why to none. All of it comes in through the
//! signed door, and goes out as a deployment that comes in there too.

mod crash;
mod merges;
mod order;
mod outages;

use std::time::Duration;

use chima::flow::auto_deploy;
use chima_simulator::github::verb::Pushed;
use insta::assert_snapshot;

use crate::world::stage::{APP, SITE, World};
use crate::world::steps::PATIENCE;

/// [`APP`] where `staging` is deployed by itself like this; contexts as GitHub has them unless `required` says more.
pub fn app(required: &str, auto: &str) -> String {
    APP.replace("required_contexts: []", required)
        .replace("staging: {}", &format!("staging: {{ auto_deploy: {auto} }}"))
}

async fn following(auto: &str) -> World {
    World::setup().app(&app("", auto)).start().await
}

/// The same, with a deployment of the first commit, made by hand.
async fn deployed(auto: &str) -> World {
    let world = following(auto).await;
    world.deploy("staging").await;
    world.round().await;
    assert_eq!(world.made(), ["one: success"]);
    world
}

impl World {
    /// Commits a version, which is on no branch yet. Answers the SHA.
    pub fn land(&mut self, name: &str, files: &[&str]) -> String {
        self.git.write("version", &format!("{name}\n")).unwrap();
        let sha = self.git.commit(name).unwrap();
        let parent = self.commits.last().unwrap().1.clone();
        let repository = self.github.repository(SITE);
        repository.commit(&sha, name, "mona", &[&parent]).files(&sha, files);
        self.commits.push((name.to_owned(), sha.clone()));
        sha
    }

    /// Commits a version and pushes it to `main`; the webhook is stored.
    pub async fn push(&mut self, name: &str) -> Pushed {
        self.push_files(name, &["version"]).await
    }

    pub async fn push_files(&mut self, name: &str, files: &[&str]) -> Pushed {
        let sha = self.land(name, files);
        let pushed = self.github.move_branch(SITE, "main", Some(&sha)).await.unwrap();
        assert!(pushed.deliveries.iter().all(|one| one.status == 202), "{pushed:?}");
        pushed
    }

    fn sha(&self, name: &str) -> String {
        let known = self.commits.iter().find(|(known, _)| known == name);
        known.unwrap().1.clone()
    }

    async fn status_of(&self, name: &str, context: &str, state: &str) {
        self.github.ci(SITE, &self.sha(name), context, state).await.unwrap();
        self.round().await;
    }

    async fn check_of(&self, name: &str, check: &str, conclusion: Option<&str>) {
        self.github
            .check(SITE, &self.sha(name), check, conclusion)
            .await
            .unwrap();
        self.round().await;
    }

    /// Looks at environments until none is due.
    pub async fn auto(&self) {
        while auto_deploy::step(&self.engine).await.unwrap() > 0 {}
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
    }

    /// Deliveries, looks, and what they lead to.
    pub async fn round(&self) {
        self.settle().await;
        self.auto().await;
        self.settle().await;
    }

    /// Lets time pass, then does what is due.
    pub async fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.sweep().await;
        self.round().await;
    }

    /// Every deployment on GitHub, oldest first: which commit, and the last state that Chima told.
    pub fn made(&self) -> Vec<String> {
        let ids: Vec<(u64, String)> = self.github.read(|world| {
            let found = world.repository(SITE).or_else(|| world.repositories.first()).unwrap();
            let all = found.deployments.iter();
            all.map(|one| (one.id, one.sha.clone())).collect()
        });
        ids.into_iter()
            .map(|(id, sha)| {
                let name = self.commits.iter().find(|(_, known)| *known == sha);
                let name = name.map_or(sha.as_str(), |(name, _)| name.as_str());
                let state = self.told_states(id).pop().unwrap_or_default();
                format!("{name}: {state}")
            })
            .collect()
    }

    /// Why the environment stands where it stands.
    pub async fn why(&self) -> &'static str {
        let rows = self
            .engine
            .store
            .auto_deploys(&self.engine.config.github.host)
            .await
            .unwrap();
        rows[0]
            .outcome
            .as_ref()
            .map_or("", chima::domain::auto_deploy::Outcome::code)
    }
}

#[tokio::test]
async fn a_push_is_deployed_when_its_statuses_turn_green() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.why().await, "no_contexts");
    world.status_of("two", "ci", "pending").await;
    assert_eq!((world.why().await, world.made().len()), ("contexts_pending", 1));
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.later(300).await;
    assert_eq!((world.why().await, world.made().len()), ("deployed", 2));
    world.end().await;
}

#[tokio::test]
async fn a_push_is_deployed_when_its_check_runs_turn_green() {
    let mut world = deployed("{ branch: main }").await;
    world.push("two").await;
    world.round().await;
    world.check_of("two", "build", None).await;
    assert_eq!(world.why().await, "no_contexts", "one that has begun tells nobody");
    world.later(60).await;
    assert_eq!(world.why().await, "contexts_pending");
    world.check_of("two", "build", Some("success")).await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn what_was_made_says_who_and_why_and_reads_well() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.status_of("two", "ci", "success").await;
    let sha = world.sha("two");
    let (id, made) = world.github.read(|found| {
        let made = found.repository(SITE).unwrap().deployments.last().unwrap();
        let mut payload = made.payload.clone();
        // the number of the ledger's record, another one each time
        assert!(payload.as_object_mut().unwrap().remove("nonce").is_some());
        let words = format!(
            "{} | {} | {payload} | {:?} | {}",
            made.git_ref, made.task, made.description, made.production
        );
        (made.id, words)
    });
    let made = made.replace(&sha, "<two>");
    assert_snapshot!(made, @r#"<two> | deploy | {"sha":"<two>","trigger":"green","actor":"mona","via":"auto_deploy","branch":"main"} | Some("by itself: main is green") | false"#);
    assert_snapshot!(world.told(id).await, @"success: deployed <two> (main) to staging in 0 s");
    assert_snapshot!(world.chat().await.lines().last().unwrap(), @"succeeded: deploy `site` to `staging` (`octo/site` at <two> (main), asked for by @mona, took 0 s) <chima>/runs/<run 2>");
    world.end().await;
}

#[tokio::test]
async fn what_is_red_is_not_deployed_until_it_is_green() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.status_of("two", "ci", "failure").await;
    assert_eq!((world.why().await, world.made().len()), ("contexts_failed", 1));
    world.later(3600).await;
    assert_eq!(world.made().len(), 1);
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn required_contexts_alone_count_where_they_are_named() {
    let world = World::setup()
        .app(&app("required_contexts: [ci]", "true"))
        .start()
        .await;
    world.github.repository(SITE).status(&world.sha("one"), "ci", "success");
    world.deploy("staging").await;
    let mut world = world;
    world.round().await;
    world.push("two").await;
    world.status_of("two", "lint", "failure").await;
    assert_eq!(world.why().await, "contexts_pending");
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn without_ci_and_without_required_contexts_a_push_is_deployed_at_once() {
    let mut world = World::setup().app(&app("required_contexts: []", "true")).start().await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["two: success"]);
    world.end().await;
}

#[tokio::test]
async fn on_push_a_deployment_is_made_at_once_and_held_by_the_door() {
    let mut world = World::setup()
        .app(&app("required_contexts: [ci]", "{ on: push }"))
        .start()
        .await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["two: pending"]);
    world.status_of("two", "ci", "success").await;
    world.later(1).await;
    assert_eq!(world.made(), ["two: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_workflow_that_ends_is_a_reason_to_look_too() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.round().await;
    let sha = world.sha("two");
    world
        .github
        .repository(SITE)
        .check_run(&sha, "CI", "completed", Some("success"));
    world.github.workflow_ran(SITE, &sha, "CI", "success").await.unwrap();
    world.round().await;
    assert_eq!(world.made(), ["one: success", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn only_the_configured_branch_is_followed() {
    let mut world = World::setup()
        .app(&app("required_contexts: []", "{ branch: edge }"))
        .start()
        .await;
    world.push("two").await;
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("branch_gone", 0));
    let sha = world.land("three", &[]);
    world.github.move_branch(SITE, "edge", Some(&sha)).await.unwrap();
    world.round().await;
    assert_eq!(world.made(), ["three: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_branch_that_is_gone_or_renamed_is_not_followed() {
    let mut world = World::setup()
        .app(&app("required_contexts: []", "{ branch: main }"))
        .start()
        .await;
    world.push("two").await;
    world.round().await;
    world.land("three", &[]);
    let sha = world.sha("three");
    world.github.move_branch(SITE, "main", None).await.unwrap();
    world.round().await;
    assert_eq!(world.why().await, "branch_gone");
    world
        .github
        .repository(SITE)
        .branch("main", &sha)
        .rename_branch("main", "trunk");
    world.later(300).await;
    assert_eq!((world.why().await, world.made().len()), ("branch_gone", 1));
    world.end().await;
}

#[tokio::test]
async fn nothing_is_deployed_before_something_happens_where_nothing_was() {
    let mut world = World::setup().app(&app("required_contexts: []", "true")).start().await;
    world.round().await;
    world.later(3600).await;
    assert_eq!((world.why().await, world.made().len()), ("never_deployed", 0));
    world.restart_with(&app("required_contexts: []", "true")).await;
    world.round().await;
    assert_eq!(world.made().len(), 0);
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["two: success"]);
    world.end().await;
}

#[tokio::test]
async fn only_files_that_count_lead_to_a_deployment() {
    let paths = "{ on: push, paths: [\"web/**\"] }";
    let mut world = World::setup().app(&app("required_contexts: []", paths)).start().await;
    world.deploy("staging").await;
    world.round().await;
    world.push_files("two", &["docs/a.md"]).await;
    world.round().await;
    assert_eq!((world.why().await, world.made().len()), ("no_path_changed", 1));
    world.push_files("three", &["web/a.css"]).await;
    world.push_files("four", &["docs/b.md"]).await;
    world.round().await;
    assert_eq!(
        world.made(),
        ["one: success", "four: success"],
        "with what three had changed"
    );
    let many: Vec<String> = (0..301).map(|number| format!("docs/{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.push_files("five", &many).await;
    world.round().await;
    assert_eq!(
        world.made().last().unwrap(),
        "five: success",
        "GitHub does not name them all"
    );
    world.end().await;
}

#[tokio::test]
async fn an_app_deploys_by_itself_as_the_owner_of_a_token_does() {
    let mut world = World::setup()
        .app(&app("required_contexts: []", "true"))
        .github_app()
        .start()
        .await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["two: success"]);
    world.end().await;
}

#[tokio::test]
async fn deployments_of_other_apps_say_nothing_about_what_runs() {
    let mut world = deployed("true").await;
    world.push("two").await;
    world.settle().await;
    let foreign = chima_simulator::github::deploy::DeploymentRequest {
        creator: Some("github-actions[bot]".to_owned()),
        app: Some("github-actions".to_owned()),
        ..chima_simulator::github::deploy::DeploymentRequest::to("staging")
    };
    world.github.deploy(SITE, foreign).await.unwrap();
    world.status_of("two", "ci", "success").await;
    assert_eq!(world.made(), ["one: success", "two: ", "two: success"]);
    world.end().await;
}

#[tokio::test]
async fn a_repository_that_was_renamed_goes_on_under_its_configured_name() {
    let mut world = World::setup()
        .app(&app("required_contexts: []", "true"))
        .renamed_from("octo/before")
        .start()
        .await;
    world.round().await;
    world.push("two").await;
    world.round().await;
    assert_eq!(world.made(), ["two: success"]);
    let id = world.runs().await[0].delivery.to_string();
    let (text, same) = chima::cli::decide::decide(&world.engine.store, &id, false)
        .await
        .unwrap();
    assert!(same, "{text}");
    world.end().await;
}
