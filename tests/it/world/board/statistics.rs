//! How deployments go, in numbers.

use std::time::Duration;

use chima::domain::run::RunState;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};

use crate::world::stage::World;

const BREAKABLE: &str = "#!/bin/sh\n[ ! -e \"$JOURNAL/broken\" ]\n";
const MIGRATION: &str = include_str!("../../../../migrations/0028_statistics.sql");

/// Good, bad, bad, good, an hour between them: two hours until it came right.
async fn ups_and_downs() -> World {
    let world = World::setup().script(BREAKABLE).start().await;
    for good in [true, false, false, true] {
        if good {
            std::fs::remove_file(world.path("broken")).ok();
        } else {
            std::fs::write(world.path("broken"), "").unwrap();
        }
        let id = world.deploy("staging").await;
        world.settle().await;
        let expected = if good { RunState::Succeeded } else { RunState::Failed };
        assert_eq!(world.state(id).await, expected);
        world.clock.advance(Duration::from_secs(3600));
    }
    world.deploy("nowhere").await;
    world.deploy("production").await;
    world.settle_all().await;
    world
}

async fn tallies(connection: &mut SqliteConnection) -> Vec<(i64, String, String, String, i64, i64)> {
    let rows =
        sqlx::query("SELECT * FROM daily_tallies WHERE what <> 'lead' ORDER BY day, app, environment, what, up_to");
    let rows = rows.fetch_all(connection).await.unwrap();
    let read = rows.iter().map(|row| {
        (
            row.get("day"),
            row.get("app"),
            row.get("environment"),
            row.get("what"),
            row.get("up_to"),
            row.get("runs"),
        )
    });
    read.collect()
}

#[tokio::test]
async fn what_went_well_and_wrong_is_counted_with_how_long_it_lasted() {
    let world = ups_and_downs().await;
    let all: Value = serde_json::from_str(&world.page("/api/v1/statistics?days=30").await).unwrap();
    let places: Vec<(&str, u64, u64)> = all["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let number = |name: &str| one[name].as_u64().unwrap();
            (
                one["environment"].as_str().unwrap(),
                number("deployments"),
                number("failures"),
            )
        })
        .collect();
    assert_eq!(places, [("production", 1, 0), ("staging", 2, 2)]);
    let staging = &all["environments"][1];
    assert_eq!(staging["failure_rate"], 0.5);
    assert_eq!(
        (&staging["restore_seconds"], &staging["restored"]),
        (&Value::from(7200), &Value::from(1))
    );
    assert!(
        staging["lead_seconds"].is_number() && staging["took_seconds"].is_number(),
        "{staging}"
    );
    assert_eq!(all["all"]["deployments"], 3);
    let sum: u64 = all["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["deployments"].as_u64().unwrap())
        .sum();
    assert_eq!((sum, all["periods"].as_array().unwrap().len()), (3, 30));
    let only: Value = serde_json::from_str(
        &world
            .page("/api/v1/statistics?days=365&app=SITE&environment=Production")
            .await,
    )
    .unwrap();
    assert_eq!(
        (&only["all"]["deployments"], &only["all"]["failures"]),
        (&Value::from(1), &Value::from(0))
    );
    let (status, _) = world.get("/api/v1/statistics?days=31").await;
    assert_eq!(status, 400);
    world.end().await;
}

#[tokio::test]
async fn the_page_shows_the_same_as_plots_and_as_tables() {
    let world = ups_and_downs().await;
    for days in [30, 90, 365] {
        let page = world.page(&format!("/statistics?days={days}")).await;
        for text in [
            "2 h",
            "40 %",
            "By environment",
            "Over time",
            "<polyline",
            "<rect class=\"bar bad\"",
            "role=\"img\"",
        ] {
            assert!(page.contains(text), "{days}: {text}: {page}");
        }
        assert!(!page.contains("style="), "{page}");
    }
    let page = world
        .page("/statistics?days=7&app=%3Cscript%3E&environment=nowhere")
        .await;
    assert!(
        page.contains("Nothing has been deployed in this time.") && !page.contains("<script>"),
        "{page}"
    );
    world.end().await;
}

#[tokio::test]
async fn what_ended_before_there_was_a_count_is_counted_the_same() {
    let world = ups_and_downs().await;
    let file = world.engine.config.store.clone();
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let counted = tallies(&mut connection).await;
    assert!(counted.iter().any(|row| row.3 == "restored"), "{counted:?}");
    sqlx::query("DELETE FROM daily_tallies")
        .execute(&mut connection)
        .await
        .unwrap();
    let (_, backfill) = MIGRATION.split_once("-- What has ended so far.").unwrap();
    let (_, backfill) = backfill.split_once('\n').unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(backfill.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(tallies(&mut connection).await, counted);
    drop(connection);
    world.end().await;
}
