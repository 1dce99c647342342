//! The audit log: what it tells of a day's work, and that it tells of nothing that did not happen.

mod tampering;

use std::collections::BTreeMap;

use chima::domain::audit::{Deed, Entry};
use chima::domain::command::Cancellation;
use chima::domain::lock::{LockRequest, Otherwise};
use chima::domain::person::{Person, Source};
use chima::domain::run::RunState;
use chima::flow::{cancel, lock};
use chima::report::audit as words;
use chima::store::audit::{Filter, Standing};
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::world::stage::{APP, World};

impl World {
    /// Every row of the log, as people read it, without the commit and the configuration, which differ from day to day.
    async fn told_by_audit(&self, filter: &Filter) -> String {
        let rows = self.engine.store.audit_rows(filter, 10_000).await.unwrap();
        let sha = self.commits.last().unwrap().1[..8].to_owned();
        let digest = self.engine.config.digest[..8].to_owned();
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                let entry = row.entry.as_ref().unwrap();
                let (place, who, what) = (words::place(entry), words::who(entry), words::what(entry));
                format!("{place}: {who}: {what}")
                    .replace(&sha, "<sha>")
                    .replace(&digest, "<config>")
            })
            .collect();
        lines.join("\n")
    }

    async fn audited(&self) -> Vec<Entry> {
        let rows = self.engine.store.audit_rows(&Filter::default(), 10_000).await.unwrap();
        rows.into_iter().map(|row| row.entry.unwrap()).collect()
    }

    /// The log is whole, and the file beside the ledger knows its end.
    async fn whole_audit(&self) {
        self.sweep().await;
        let found = self.engine.store.verify_audit(&[]).await.unwrap();
        assert_eq!(found.faults, [], "{found:?}");
        let (_, standing) = self.engine.store.audit_standing().await.unwrap();
        assert_eq!(standing, Standing::Agrees);
    }

    async fn lock_as(&self, name: &str, otherwise: Otherwise) {
        let places = lock::places(&self.engine.config, "site", &["production"]).unwrap();
        let by = Person::new(Source::Terminal, name);
        let request = LockRequest {
            otherwise,
            ..LockRequest::new(by, places, Some("db migration"), None)
        };
        lock::lock(&self.engine.desk(), &request).await.unwrap();
    }
}

#[tokio::test]
async fn every_decision_and_command_and_end_is_told_once_in_its_order() {
    let world = World::setup()
        .app(&APP.replace("staging: {}", "staging: { required_contexts: [ci] }"))
        .start()
        .await;
    // run, and its end
    world.deploy("production").await;
    world.settle().await;
    // reject
    world.deploy("nowhere").await;
    world.settle().await;
    // hold, and a person who stops it
    let held = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(held).await;
    assert_eq!(run.state, RunState::Held);
    let cancellation = Cancellation::new("mona", Some("not today"));
    cancel::cancel(&world.engine.desk(), run, &cancellation).await.unwrap();
    // locks
    world.lock_as("mona", Otherwise::Refuse).await;
    world.lock_as("lisa", Otherwise::Steal).await;
    let places = lock::places(&world.engine.config, "site", &["production"]).unwrap();
    let mona = Person::new(Source::Terminal, "mona");
    lock::unlock(&world.engine.desk(), &places, &mona).await.unwrap();
    world.settle().await;
    assert_snapshot!(world.told_by_audit(&Filter::default()).await, @r#"
    -: -: Chima 0.1.0 works with configuration <config>
    site to production: @mona: run: `deploy` of <sha>
    site to production: -: ended: succeeded
    octo/site to nowhere: @mona: reject: `deploy` of <sha>: environment `nowhere` is not configured; configured: `production`, `staging`
    site to staging: @mona: hold: `deploy` of <sha>: waiting for `ci` (missing)
    site to staging: @mona: asked to cancel: "not today"
    site to staging: -: ended: cancelled: cancelled by @mona
    site to production: @mona (terminal): locked: "db migration"
    site to production: @lisa (terminal): took the lock of @mona over: "db migration"
    site to production: @lisa (terminal): locked: "db migration"
    site to production: @mona (terminal): unlocked what @lisa had locked or waited for
    "#);
    world.whole_audit().await;
    // its sweep tells the room of the locks
    world.settle().await;
    world.end().await;
}

#[tokio::test]
async fn rows_are_found_by_run_place_and_person() {
    let world = World::new().await;
    let one = world.deploy("production").await;
    world
        .ask(DeploymentRequest {
            creator: Some("lisa".to_owned()),
            ..DeploymentRequest::to("staging")
        })
        .await;
    world.settle().await;
    let run = world.run(one).await.id;
    let count = async |filter: Filter| world.engine.store.audit_rows(&filter, 100).await.unwrap().len();
    let name = |name: &str| Some(name.to_owned());
    let filters = [
        (
            Filter {
                run: Some(run),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                environment: name("STAGING"),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                app: name("site"),
                environment: name("production"),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                by: name("@Lisa"),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                app: name("other"),
                ..Filter::default()
            },
            0,
        ),
        (
            Filter {
                since: Some(world.engine.now()),
                ..Filter::default()
            },
            5,
        ),
        (
            Filter {
                since: Some(world.engine.now() + chrono::TimeDelta::seconds(1)),
                ..Filter::default()
            },
            0,
        ),
    ];
    for (filter, expected) in filters {
        assert_eq!(count(filter.clone()).await, expected, "{filter:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_decision_that_finds_the_lane_moved_leaves_no_row() {
    // many at once: those that lose the race decide again, and each is told of once
    let world = World::new().await;
    for _ in 0..12 {
        world.deploy("staging").await;
    }
    let second = world.second_worker().await;
    let (one, other) = tokio::join!(
        chima::flow::intake::step(&world.engine),
        chima::flow::intake::step(&second)
    );
    assert!(one.unwrap() + other.unwrap() >= 12);
    world.settle().await;
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for entry in world.audited().await {
        if let Deed::Decided(_) = entry.deed {
            *told.entry(entry.subject.deployment.unwrap().to_string()).or_default() += 1;
        }
    }
    assert_eq!(told.len(), 12);
    assert!(told.values().all(|rows| *rows == 1), "{told:?}");
    world.whole_audit().await;
    second.store.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_start_is_told_where_the_configuration_is_another() {
    let mut world = World::new().await;
    let configured = async |world: &World| {
        let entries = world.audited().await.into_iter();
        entries
            .filter(|entry| matches!(entry.deed, Deed::Configured { .. }))
            .count()
    };
    assert_eq!(configured(&world).await, 1);
    chima::flow::audit::configured(&world.engine).await.unwrap();
    assert_eq!(configured(&world).await, 1, "the same");
    world.restart_with(&format!("{APP}  qa: {{}}\n")).await;
    assert_eq!(configured(&world).await, 2);
    world.whole_audit().await;
    world.end().await;
}

#[tokio::test]
async fn no_secret_reaches_the_audit_log() {
    let world = World::setup()
        .app(
            "
provider: shell
with: { command: [sh, -c, 'echo \"token $TOKEN\" >&2; exit 3'] }
secrets: { TOKEN: { file: '{folder}/token' } }
required_contexts: []
environments: { production: {}, staging: {} }
",
        )
        .start()
        .await;
    std::fs::write(world.path("token"), "a-secret-of-the-audit-test\n").unwrap();
    let failed = world.deploy("staging").await;
    world.settle().await;
    assert_eq!(world.state(failed).await, RunState::Failed);
    let rows = world.engine.store.audit_rows(&Filter::default(), 1000).await.unwrap();
    let all: String = rows.iter().map(|row| row.text.as_str()).collect();
    assert!(
        all.contains("\"what\":\"ended\"") && all.contains("\"exit_code\":3"),
        "{all}"
    );
    for secret in [
        "a-secret-of-the-audit-test",
        crate::world::stage::SECRET,
        "simulator-token",
    ] {
        assert!(!all.contains(secret), "{secret}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_restore_is_told_and_is_no_fault() {
    let mut world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    let backup = world.copied().await;
    world.deploy("production").await;
    world.settle().await;
    world.sweep().await;
    let before = world.engine.store.audit_head().await.unwrap();
    world.put_back(&backup).await;
    world.sweep().await;
    world.settle_all().await;
    let found = world
        .engine
        .store
        .verify_audit(std::slice::from_ref(&before))
        .await
        .unwrap();
    assert_eq!(found.faults, [], "{found:?}");
    let notes: Vec<String> = found.notes.iter().map(words::note).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("of the log that it replaced are not here"),
        "{notes:?}"
    );
    assert!(notes[1].contains("is of the log that a restore replaced"), "{notes:?}");
    world.whole_audit().await;
    world.end().await;
}
