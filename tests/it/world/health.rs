//! What monitoring is told.

use std::time::Duration;

use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::world::stage::World;
use crate::world::steps::PATIENCE;

impl World {
    async fn readiness(&self) -> Value {
        serde_json::from_str(&self.page("/readyz").await).unwrap()
    }
}

#[tokio::test]
async fn readiness_tells_what_waits_and_what_to_look_at_and_stays_green() {
    let world = World::new().await;
    world.deploy("staging").await;
    world.clock.advance(Duration::from_secs(90));
    let told = world.readiness().await;
    assert_eq!((&told["ready"], &told["draining"]), (&true.into(), &false.into()));
    assert_eq!(
        (&told["backlog"]["deliveries"], &told["oldest_seconds"]["delivery"]),
        (&1.into(), &90.into())
    );
    let disk = &told["disks"][0];
    let (free, total) = (
        disk["free_bytes"].as_u64().unwrap(),
        disk["total_bytes"].as_u64().unwrap(),
    );
    assert!(disk["of"] == "ledger" && free <= total && total > 0, "{disk}");
    assert!(told["ledger"]["write_seconds"].as_f64().unwrap() > 0.0, "{told}");
    let metrics = world.page("/metrics").await;
    for line in [
        "chima_disk_free_bytes{disk=\"ledger\"} ",
        "chima_disk_size_bytes{disk=\"ledger\"} ",
        "chima_audit_intact 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    world.settle_all().await;
    world.end().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_told_and_refuses_nothing() {
    let world = World::new().await;
    world.deploy("staging").await;
    world.settle_all().await;
    // what GitHub says of our own statuses
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    let file = world.path("data/chima.db");
    let mut ledger = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    sqlx::query("UPDATE deliveries SET received_at = received_at + 7200000")
        .execute(&mut ledger)
        .await
        .unwrap();
    let told = world.readiness().await;
    let warnings = told["warnings"].to_string();
    assert!(
        told["ready"] == true && warnings.contains("clock is 2 h behind the newest delivery"),
        "{told}"
    );
    world.end().await;
}
