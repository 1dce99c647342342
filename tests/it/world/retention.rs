//! What is old and over goes; what is open stays, and so does what makes a deployment run once.

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use chima::domain::clock::Timestamp;
use chima::domain::delivery::{Disposition, Source};
use chima::domain::ids::DeliveryId;
use chima::domain::run::RunState;
use chima::flow::retention::{self, Removed};
use chima::store::Store;
use chima::store::inbox::NewDelivery;
use chima::store::retention::Old;
use chima_simulator::github::deploy::DeploymentRequest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::torture;
use crate::world::stage::World;

const DAY: Duration = Duration::from_secs(86_400);

impl World {
    async fn removed(&self) -> Removed {
        retention::step(&self.engine).await.unwrap()
    }

    /// Somebody who looks into the file itself.
    async fn ledger(&self) -> SqliteConnection {
        let file = self.path("data/chima.db");
        SqliteConnectOptions::new().filename(file).connect().await.unwrap()
    }

    async fn count(&self, of: &str) -> i64 {
        let query = format!("SELECT COUNT(*) FROM {of}");
        let mut ledger = self.ledger().await;
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut ledger)
            .await
            .unwrap();
        row.get(0)
    }

    fn folder_of(&self, run: &chima::domain::run::Run) -> bool {
        self.path(&format!("data/runs/{}", run.id)).exists()
    }
}

#[tokio::test]
async fn a_deployment_that_is_forgotten_never_runs_again() {
    let world = World::new().await;
    let refused = world.deploy("nowhere").await;
    let done = world.deploy("staging").await;
    world.settle_all().await;
    let parcels: Vec<_> = world
        .github
        .read(|found| {
            found
                .deliveries
                .iter()
                .filter(|one| one.event == "deployment")
                .map(|one| one.guid.clone())
                .collect::<Vec<_>>()
        })
        .iter()
        .map(|guid| world.parcel(guid))
        .collect();
    assert_eq!(world.removed().await, Removed::default(), "nothing is old");
    // what GitHub said of the last statuses
    while world.intake().await > 0 {}
    let beginnings = world.beginnings();
    world.clock.advance(400 * DAY);
    assert!(world.removed().await.rows > 0);
    // the only run of its lane stays; the one that was refused is gone, and its deployment is not
    assert_eq!(world.run(done).await.state, RunState::Succeeded);
    assert!(world.runs().await.iter().all(|run| run.deployment.0 != refused));
    assert_eq!((world.count("deployments").await, world.count("runs").await), (2, 1));
    assert_eq!(world.count("deliveries WHERE length(body) > 0").await, 0);
    assert!(world.count("audit").await >= 4, "the audit log stays");
    for parcel in &parcels {
        assert_eq!(world.post(parcel).await.status, 200, "a duplicate");
    }
    // and where nothing but the deployment's own row knows it
    let mut ledger = world.ledger().await;
    sqlx::query("UPDATE deliveries SET effect_key = NULL")
        .execute(&mut ledger)
        .await
        .unwrap();
    ledger.close().await.unwrap();
    for parcel in &parcels {
        world.post(parcel).await;
    }
    world.settle_all().await;
    assert_eq!(world.count("runs").await, 1);
    assert_eq!(world.beginnings(), beginnings);
    let found = world.engine.store.verify_audit(&[]).await.unwrap();
    assert_eq!(found.faults, [], "what is gone is no fault");
    world.end().await;
}

#[tokio::test]
async fn what_is_open_stays_however_old_it_is() {
    let world = World::new().await;
    let queued = world.deploy("staging").await;
    while world.intake().await > 0 {}
    let unread = world.deploy("production").await;
    world.clock.advance(4000 * DAY);
    world.removed().await;
    assert_eq!(world.state(queued).await, RunState::Queued);
    assert_eq!(
        world
            .count("deliveries WHERE event = 'deployment' AND length(body) > 0")
            .await,
        2
    );
    assert!(world.count("outbox WHERE state = 'pending'").await > 0);
    world.settle_all().await;
    assert_eq!(world.state(queued).await, RunState::Succeeded);
    assert!(world.state(unread).await.is_terminal());
    world.end().await;
}

#[tokio::test]
async fn logs_go_before_runs_and_mirrors_that_nobody_uses_go_too() {
    let world = World::new().await;
    let done = world.deploy("staging").await;
    world.settle_all().await;
    let run = world.run(done).await;
    let stranger = world.path("data/mirrors/4242.git");
    fs::create_dir_all(&stranger).unwrap();
    let own = world.path(&format!("data/mirrors/{}.git", run.repository_id));
    for mirror in [&stranger, &own] {
        File::open(mirror)
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
    }
    world.clock.advance(89 * DAY);
    assert!(world.removed().await.folders == 0 && world.folder_of(&run));
    world.clock.advance(2 * DAY);
    let removed = world.removed().await;
    assert_eq!((removed.folders, removed.mirrors), (1, 0), "{removed:?}");
    assert!(!world.folder_of(&run) && own.exists());
    let page = world.run_page(done).await;
    assert!(page.contains("succeeded"), "the run is still there");
    world.end().await;
}

/// A mirror of a stranger, of so many MiB, used a day ago and so many seconds after that.
fn mirror_of(world: &World, id: u64, mebibytes: usize, used: u64) -> std::path::PathBuf {
    let mirror = world.path(&format!("data/mirrors/{id}.git"));
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("pack"), vec![7; mebibytes << 20]).unwrap();
    let used = SystemTime::from(world.engine.now()) - DAY + Duration::from_secs(used);
    File::open(&mirror).unwrap().set_modified(used).unwrap();
    mirror
}

#[tokio::test]
async fn mirrors_beyond_what_may_be_kept_go_and_those_used_longest_ago_go_first() {
    let mut world = World::setup().top("disk: { mirrors_mib: 5 }").start().await;
    world.deploy("staging").await;
    world.settle_all().await;
    let own = world.path(&format!("data/mirrors/{}.git", world.runs().await[0].repository_id));
    let (old, older) = (mirror_of(&world, 4242, 3, 2000), mirror_of(&world, 4243, 3, 1000));
    // retention alone would keep them
    let removed = world.removed().await;
    assert_eq!(removed.mirrors, 1);
    assert!(old.exists() && !older.exists() && own.exists());
    // what is fetched by a deployment is counted at once
    let third = mirror_of(&world, 4244, 3, 3000);
    world.commit("two");
    world.deploy("staging").await;
    world.settle_all().await;
    world.until("it is trimmed", || (!old.exists()).then_some(())).await;
    assert!(third.exists() && own.exists());
    world.end().await;
}

#[tokio::test]
async fn where_too_little_is_free_no_checkout_begins_and_the_deployment_says_what_to_do() {
    let world = World::setup().top("disk: { free_mib: 1000000000 }").start().await;
    let stranger = mirror_of(&world, 4242, 1, 1000);
    let id = world.deploy("staging").await;
    world.settle().await;
    let told = world.told(id).await;
    assert!(
        told.starts_with("error: error: the disk has no room for a checkout: ")
            && told.contains(" MiB are free, 1000000000 MiB are needed"),
        "{told}"
    );
    assert!(!stranger.exists(), "what nobody uses was tried first");
    assert!(
        world.journal().is_empty()
            && !world
                .path("data/mirrors")
                .join(format!("{}.git", world.run(id).await.repository_id))
                .exists()
    );
    let ready = world.page("/readyz").await;
    assert!(ready.contains("1000000000 MiB are needed (`disk.free_mib`)"), "{ready}");
    world.end().await;
}

#[tokio::test]
async fn crowds_of_others_and_what_was_sent_go_after_days() {
    let world = World::new().await;
    for _ in 0..3 {
        world
            .ask(DeploymentRequest {
                creator: Some("github-actions[bot]".to_owned()),
                ..DeploymentRequest::to("staging")
            })
            .await;
    }
    world.deploy("staging").await;
    world.settle_all().await;
    while world.intake().await > 0 {}
    let before = world.count("deliveries").await;
    world.clock.advance(31 * DAY);
    world.removed().await;
    assert_eq!(world.count("outbox").await, 0);
    assert_eq!(world.count("decisions WHERE verdict = 'ignore'").await, 0);
    assert!(world.count("deliveries").await < before);
    assert_eq!(world.count("runs").await, world.count("deployments").await);
    world.end().await;
}

/// An old delivery of an event that nothing rests on.
async fn fill(ledger: &std::path::Path, rows: u64, at: Timestamp) {
    let mut connection = SqliteConnectOptions::new().filename(ledger).connect().await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    let body = vec![b'x'; 2048];
    for number in 0..rows {
        let id = Ulid::from_parts(at.timestamp_millis().unsigned_abs() + number, u128::from(number)).to_string();
        sqlx::query(
            "INSERT INTO deliveries (id, guid, event, host, body, body_sha256, received_at, disposition) \
             VALUES (?1, ?1, 'status', 'github.com', ?2, '', ?3, 'processed')",
        )
        .bind(id)
        .bind(&body)
        .bind(at.timestamp_millis())
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    connection.close().await.unwrap();
}

fn fresh(number: u128, at: Timestamp) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(Ulid::from_parts(at.timestamp_millis().unsigned_abs(), number)),
        source: Source::Webhook,
        guid: None,
        event: "status".to_owned(),
        hook_id: None,
        host: "github.com".to_owned(),
        repository_id: None,
        repository: None,
        effect_key: None,
        content_type: None,
        body: Bytes::from_static(b"{}"),
        body_sha256: String::new(),
        received_at: at,
        disposition: Disposition::Unhandled,
        detail: None,
    }
}

/// How long a delivery waited; the next comes a little later.
async fn accepted(store: &Store, number: u128, at: Timestamp) -> Duration {
    let began = Instant::now();
    store.accept(fresh(number, at)).await.unwrap();
    let waited = began.elapsed();
    tokio::time::sleep(Duration::from_millis(2)).await;
    waited
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_old_rows_by_the_thousand_keeps_no_delivery_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("data/chima.db");
    let store = Store::open(&ledger).await.unwrap();
    let writer = TaskTracker::new().spawn(store.take_inbox_writer().unwrap().run());
    let now = chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap();
    let rows = torture::rounds(5_000, 100_000);
    fill(&ledger, rows, now - 90 * DAY).await;
    // what a delivery waits for where nothing is removed: the disk, and whoever else uses the machine
    let mut number = 0;
    let mut alone = Vec::new();
    for _ in 0..200 {
        number += 1;
        alone.push(accepted(&store, number, now).await);
    }
    let remover = store.clone();
    let removing = TaskTracker::new().spawn(async move {
        let (mut at, mut gone) = (String::new(), 0);
        loop {
            let found = remover.remove_old(Old::Deliveries, &at, now - 30 * DAY).await.unwrap();
            gone += found.rows;
            match found.at {
                Some(last) => at = last,
                None => return gone,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut waits = Vec::new();
    while !removing.is_finished() {
        number += 1;
        waits.push(accepted(&store, number, now).await);
    }
    assert_eq!(removing.await.unwrap(), rows);
    alone.sort_unstable();
    waits.sort_unstable();
    let longest = waits[waits.len() - 1];
    // the machine may be busy with other tests: what must not happen is that somebody waits for all of it
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    let shown = |waits: &[Duration]| {
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        format!(
            "median {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            at(50),
            at(99),
            at(100)
        )
    };
    torture::row(
        "removing_old_rows_by_the_thousand_keeps_no_delivery_waiting",
        rows,
        format!(
            "{} deliveries meanwhile: {}; before: {}",
            waits.len(),
            shown(&waits),
            shown(&alone)
        ),
        "longest 50 ms",
    );
    store.close().await;
    drop(store);
    writer.abort();
}
