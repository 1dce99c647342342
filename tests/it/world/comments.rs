//! Commands in comments on pull requests: one comment answers each, and changes as things go on.

mod polled;

use std::time::Duration;

use chima::domain::run::RunState;
use chima::flow::comment;
use chima_simulator::fault::{Fault, FaultKind};
use insta::assert_snapshot;

use crate::world::stage::{SITE, World};
use crate::world::steps::PATIENCE;

/// A pull request of the branch `topic`, one commit ahead of `main`.
pub(crate) struct Pull {
    pub(crate) number: u64,
    /// Where the branch was when it was opened.
    sha: String,
}

impl World {
    pub(crate) async fn open(&mut self) -> Pull {
        self.git.write("version", "topic\n").unwrap();
        let sha = self.git.commit("topic").unwrap();
        let parent = self.commits.last().unwrap().1.clone();
        let repository = self.github.repository(SITE);
        repository.commit(&sha, "topic", "mona", &[&parent]);
        repository.permission("mona", "write").permission("reader", "read");
        self.commits.push(("topic".to_owned(), sha.clone()));
        self.github.move_branch(SITE, "topic", Some(&sha)).await.unwrap();
        self.clock.advance(Duration::from_secs(60));
        let number = self.github.open_pull(SITE, "topic", None).unwrap();
        self.settle().await;
        Pull { number, sha }
    }

    /// Somebody comments, some seconds later; the webhook is stored and worked on.
    async fn comment_by(&self, login: &str, pull: &Pull, text: &str) {
        self.clock.advance(Duration::from_secs(5));
        self.github.comment(SITE, pull.number, login, text).await.unwrap();
        self.clock.advance(Duration::from_secs(5));
        self.intake().await;
        comment::step(&self.engine).await.unwrap();
    }

    /// Until the answers say what there is to say.
    async fn answered(&self) {
        while self.intake().await > 0 {}
        while comment::step(&self.engine).await.unwrap() > 0 {}
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        self.settle_all().await;
        comment::step(&self.engine).await.unwrap();
        self.outbox().await;
        // our own comments are told to us too
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        self.settle().await;
    }

    /// The comments of Chima, one after the other.
    async fn replies(&self, pull: &Pull) -> String {
        let comments = self.github.comments(SITE, pull.number).into_iter();
        let ours = comments.filter(|comment| comment.author == "chima-bot");
        let texts: Vec<String> = ours
            .map(|comment| {
                let text = comment.body.split_once("-->\n").unwrap().1.to_owned();
                format!("[edited {}x] {text}", comment.edits)
            })
            .collect();
        self.redacted(&texts.join("\n----\n")).await
    }
}

#[tokio::test]
async fn a_comment_deploys_the_pull_request_and_says_how_it_went() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.comment_by("mona", &pull, "/deploy to staging").await;
    world.outbox().await;
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 0x] > /deploy to staging

    deployment <1> of <topic> to `staging` of `site`, asked for by @mona
    nothing was deployed there before
    ");
    world.answered().await;
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 2x] > /deploy to staging

    deployment <1> of <topic> to `staging` of `site`, asked for by @mona
    nothing was deployed there before

    **deployed <topic> (topic) to staging in 0 s**

    [log](<chima>/runs/<run 1>)
    ");
    let run = world.runs().await.pop().unwrap();
    assert_eq!((run.state, run.sha.as_str()), (RunState::Succeeded, pull.sha.as_str()));
    assert_eq!(run.requester.as_deref(), Some("mona"));
    world.end().await;
}

#[tokio::test]
async fn what_is_pushed_after_the_comment_is_not_deployed() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.clock.advance(Duration::from_secs(5));
    world
        .github
        .comment(SITE, pull.number, "mona", "/deploy staging")
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(1));
    world.github.push(SITE, "topic", "evil").await.unwrap();
    world.settle().await;
    world.answered().await;
    let run = world.runs().await.pop().unwrap();
    assert_eq!(run.sha, pull.sha);
    // in the same second nobody can tell what was looked at
    world.clock.advance(Duration::from_secs(5));
    world.github.push(SITE, "topic", "more").await.unwrap();
    world
        .github
        .comment(SITE, pull.number, "mona", "/deploy staging")
        .await
        .unwrap();
    world.settle().await;
    world.answered().await;
    assert_eq!(world.runs().await.len(), 1);
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 1x] > /deploy staging

    deployment <1> of <topic> to `staging` of `site`, asked for by @mona
    nothing was deployed there before

    **deployed <topic> (topic) to staging in 0 s**

    [log](<chima>/runs/<run 1>)
    ----
    [edited 0x] > /deploy staging

    somebody pushed while this was written, and nobody can tell which commit is meant; look at it, then ask again
    ");
    world.end().await;
}

#[tokio::test]
async fn who_may_not_push_may_not_deploy() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.comment_by("reader", &pull, "/deploy to staging").await;
    world.comment_by("stranger", &pull, "/deploy to staging").await;
    world.comment_by("chima-helper[bot]", &pull, "/deploy to staging").await;
    world.answered().await;
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 0x] > /deploy to staging

    @reader may not: commands here are for people with write permission on the repository
    ");
    assert_eq!(world.runs().await.len(), 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_not_meant_for_us_is_left_alone_and_slips_are_answered() {
    let mut world = World::new().await;
    let pull = world.open().await;
    for text in ["looks good", "/assign @mona", "> /deploy to staging", "/help"] {
        world.comment_by("mona", &pull, text).await;
    }
    world.answered().await;
    assert_eq!(world.github.comments(SITE, pull.number).len(), 4);
    for text in [
        "/deploy to moon",
        "/deploy",
        "/deploy to staging production",
        "/why staging",
        "/chima status",
        "/rollback production",
        "/lock: reviewing",
        "/unlock all",
    ] {
        world.comment_by("mona", &pull, text).await;
    }
    world.answered().await;
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 0x] > /deploy to moon

    `site` has no environment `moon`; it has `production`, `staging`
    ----
    [edited 0x] > /deploy

    say where: `site` has `production`, `staging`
    ----
    [edited 0x] > /deploy to staging production

    `production` follows the environment; expected `deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]`, for example `deploy trelhub/edge to staging`
    ----
    [edited 0x] > /why staging

    nothing was ever deployed to `staging` of `site`; `deploy site to staging` does
    ----
    [edited 0x] > /status

    `site` (octo/site):
    - `production`: nothing deployed yet
    - `staging`: nothing deployed yet
    ----
    [edited 0x] > /rollback production

    nothing was ever deployed to `production` of `site`
    ----
    [edited 0x] > /lock: reviewing

    say where: `site` has `production`, `staging`
    ----
    [edited 0x] > /unlock all

    @mona has locked nothing; `chima locks` lists what is
    ");
    world.end().await;
}

#[tokio::test]
async fn a_fork_and_a_closed_pull_request_are_refused() {
    let mut world = World::new().await;
    let pull = world.open().await;
    let number = world.github.open_pull(SITE, "topic", Some("evil/site")).unwrap();
    let fork = Pull { number, sha: pull.sha };
    world.comment_by("mona", &fork, "/deploy to staging").await;
    world.answered().await;
    assert_snapshot!(world.replies(&fork).await, @"
    [edited 0x] > /deploy to staging

    the branch is in another repository, and whoever owns that decides what it is; push it to a branch here, and ask there
    ");
    assert_eq!(world.runs().await.len(), 0);
    world.end().await;
}

#[tokio::test]
async fn a_comment_is_answered_once_however_often_it_comes() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.clock.advance(Duration::from_secs(5));
    let said = world
        .github
        .comment(SITE, pull.number, "mona", "/deploy to staging")
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(5));
    let guid = said.deliveries[0].guid.clone();
    world.github.redeliver(&guid).await;
    world.settle().await;
    world.github.redeliver(&guid).await;
    world.answered().await;
    assert_eq!(world.runs().await.len(), 1);
    assert_eq!(world.github.comments(SITE, pull.number).len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_lost_answer_of_github_makes_neither_a_second_deployment_nor_a_second_comment() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world
        .github
        .fail(Fault::on("POST", "/deployments", FaultKind::LostAnswer));
    world.github.fail(Fault::on("POST", "/comments", FaultKind::LostAnswer));
    world.comment_by("mona", &pull, "/deploy to staging").await;
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(60));
        world.settle().await;
        world.answered().await;
    }
    assert_eq!(world.runs().await.len(), 1);
    assert_eq!(world.github.comments(SITE, pull.number).len(), 2);
    let replies = world.replies(&pull).await;
    // how often it was changed depends on what came first
    assert!(
        replies.contains("**deployed <topic> (topic) to staging in 0 s**"),
        "{replies}"
    );
    world.end().await;
}

#[tokio::test]
async fn trouble_of_github_makes_an_answer_late_and_nothing_twice() {
    let mut world = World::new().await;
    let pull = world.open().await;
    let calls = [
        ("GET", "/permission"),
        ("GET", "/pulls/"),
        ("GET", "/activity"),
        ("POST", "/comments"),
        ("PATCH", "/issues/comments/"),
    ];
    let kinds = [
        FaultKind::Unauthorized,
        FaultKind::InternalError,
        FaultKind::Reset,
        FaultKind::TooManyRequests { seconds: 40 },
        FaultKind::Garbage,
    ];
    let mut asked = 0;
    for (method, path) in calls {
        for kind in &kinds {
            world.github.fail(Fault::on(method, path, kind.clone()));
            world.comment_by("mona", &pull, "/deploy to staging").await;
            for _ in 0..3 {
                world.answered().await;
                world.clock.advance(Duration::from_secs(60));
            }
            world.answered().await;
            asked += 1;
            assert_eq!(world.runs().await.len(), asked, "{method} {path} {kind:?}");
            let comments = world.github.comments(SITE, pull.number);
            assert_eq!(comments.len(), 2 * asked, "{method} {path} {kind:?}");
            let last = &comments.last().unwrap().body;
            assert!(last.contains("**deployed "), "{method} {path} {kind:?}: {last}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_plan_shows_its_output() {
    let script = "#!/bin/sh\nif [ -n \"${DRY_RUN:-}\" ]; then echo \"would deploy $(cat version)\"; fi\n";
    let app = "provider: shell
with: { command: [./script/deploy], dry_run: true }
required_contexts: []
default_environment: staging
environments: { staging: {}, production: {} }
";
    let mut world = World::setup().app(app).script(script).start().await;
    let pull = world.open().await;
    world.comment_by("mona", &pull, "/plan").await;
    world.answered().await;
    assert_snapshot!(world.replies(&pull).await, @"
    [edited 1x] > /plan

    deployment <1> of <topic>: `deploy:plan` on `staging` of `site`, asked for by @mona
    nothing was deployed there before

    **planned: deploy <topic> (topic) to staging in 0 s; nothing was deployed, see the log**

    <details><summary>the end of the log</summary>

    ```text
    $ ./script/deploy
    would deploy topic
    ```

    </details>

    [log](<chima>/runs/<run 1>)
    ");
    world.end().await;
}

#[tokio::test]
async fn a_comment_that_somebody_deleted_is_not_written_again() {
    let mut world = World::new().await;
    let pull = world.open().await;
    world.comment_by("mona", &pull, "/deploy to staging").await;
    world.outbox().await;
    world.github.delete_comments(SITE, pull.number, "chima-bot");
    world.answered().await;
    assert_eq!(world.github.comments(SITE, pull.number).len(), 1);
    world.end().await;
}

#[tokio::test]
async fn whoever_may_push_may_not_deploy_where_deployers_are_named() {
    let mut world = World::setup().with("deployers: [mona]\nadmins: [lead]").start().await;
    let pull = world.open().await;
    world
        .github
        .repository(SITE)
        .permission("pusher", "write")
        .permission("lead", "write");
    for (login, text) in [
        ("pusher", "/deploy to staging"),
        ("pusher", "/lock staging"),
        ("mona", "/deploy! to staging"),
        ("lead", "/deploy! to staging"),
    ] {
        world.comment_by(login, &pull, text).await;
        world.answered().await;
    }
    assert_snapshot!(world.replies(&pull).await, @r#"
    [edited 0x] > /deploy to staging

    @pusher is none of those who may deploy this: `mona`, `lead`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people`
    ----
    [edited 0x] > /lock staging

    @pusher is none of those who may deploy this: `mona`, `lead`; ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people`
    ----
    [edited 0x] > /deploy! to staging

    @mona may not force it; admins: `lead`; ask without `!`, or ask an admin; an operator names those who may force with `admins`
    ----
    [edited 1x] > /deploy! to staging

    deployment <1> of <topic> to `staging` of `site`, asked for by @lead
    nothing was deployed there before

    **deployed <topic> (topic) to staging in 0 s**

    [log](<chima>/runs/<run 1>)
    "#);
    let run = world.runs().await.pop().unwrap();
    assert_eq!(
        (run.state, run.requester.as_deref()),
        (RunState::Succeeded, Some("lead"))
    );
    assert_eq!(run.forced.unwrap().by, "lead");
    world.end().await;
}

#[tokio::test]
async fn what_a_newer_ledger_may_have_done_is_not_done_again_after_a_restore() {
    let mut world = World::new().await;
    let pull = world.open().await;
    let backup = world.copied().await;
    world.comment_by("mona", &pull, "/deploy to staging").await;
    world.answered().await;
    let guid = world.github.read(|github| {
        let mut all = github.deliveries.iter();
        all.find(|one| one.event == "issue_comment").unwrap().guid.clone()
    });
    world.put_back(&backup).await;
    world.sweep().await;
    world.github.redeliver(&guid).await;
    world.answered().await;
    assert_eq!(world.beginnings().len(), 1, "{:?}", world.beginnings());
    let replies = world.replies(&pull).await;
    assert_snapshot!(replies.rsplit("----\n").next().unwrap(), @r#"
    [edited 0x] > /deploy to staging

    Chima was restored from a backup after this was written, and may have done it before; look, then ask again
    "#);
    // and whoever asks now is heard
    world.comment_by("mona", &pull, "/deploy to staging").await;
    world.answered().await;
    assert_eq!(world.beginnings().len(), 2);
    world.end().await;
}
