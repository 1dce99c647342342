//! How deployments go, in numbers.

use std::time::Duration;

use chima::domain::run::RunState;
use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};

use crate::world::stage::World;

const BREAKABLE: &str = "#!/bin/sh\n[ ! -e \"$JOURNAL/broken\" ]\n";
const MIGRATION: &str = include_str!("../../../../migrations/0028_statistics.sql");
const ROLLBACKS: &str = include_str!("../../../../migrations/0030_rollbacks.sql");
const DAY: Duration = Duration::from_secs(86_400);

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

/// Deployments, failures, rollbacks and the rate of what is asked for.
async fn figures(world: &World, query: &str) -> (Value, Value) {
    let text = world.page(&format!("/api/v1/statistics?{query}")).await;
    let found: Value = serde_json::from_str(&text).unwrap();
    let row = |one: &Value| {
        json!([
            one["deployments"],
            one["failures"],
            one["rolled_back"],
            one["failure_rate"]
        ])
    };
    let days = found["periods"].as_array().unwrap().iter();
    let days = days
        .filter(|one| one["deployments"] != 0 || one["failures"] != 0)
        .map(row);
    (row(&found["all"]), days.collect())
}

async fn said(world: &World, text: &str, expected: RunState) {
    let answer = world.say_in("deployment", text).await;
    assert_eq!(answer["ok"], true, "{text}: {answer}");
    world.settle_all().await;
    assert_eq!(world.runs().await.pop().unwrap().state, expected, "{text}");
}

#[tokio::test]
async fn what_a_rollback_undid_is_a_failed_change_of_its_own_day() {
    let mut world = World::setup().script(BREAKABLE).start().await;
    let one = world.commits[0].1[..8].to_owned();
    said(&world, "deploy site to staging", RunState::Succeeded).await;
    let two = world.commit("two");
    said(&world, "deploy site to staging", RunState::Succeeded).await;
    world.clock.advance(DAY);
    // one that goes wrong has undone nothing; tried again, it is still a rollback
    std::fs::write(world.path("broken"), "").unwrap();
    said(&world, &format!("rollback site staging to {one}"), RunState::Failed).await;
    assert_eq!(figures(&world, "days=30").await.0, json!([2, 1, 0, 1.0 / 3.0]));
    std::fs::remove_file(world.path("broken")).unwrap();
    said(&world, "retry site staging", RunState::Succeeded).await;
    let (all, days) = figures(&world, "days=30").await;
    assert_eq!(all, json!([3, 1, 1, 0.5]));
    assert_eq!(days, json!([[2, 0, 1, 0.5], [1, 1, 0, 0.5]]));
    // the same again, and from what runs no more: nothing more is undone
    said(&world, "retry site staging", RunState::Succeeded).await;
    assert_eq!(figures(&world, "days=30").await.0, json!([4, 1, 1, 0.4]));
    let page = world.page("/statistics?days=30").await;
    assert!(page.contains("1 went wrong, 1 rolled back"), "{page}");

    // whatever came between is what would be undone, and nobody asked to leave that
    world.commit("three");
    said(&world, "deploy site to production", RunState::Succeeded).await;
    world.commit("four");
    said(&world, "deploy site to production", RunState::Succeeded).await;
    world.commit("five");
    world.say_in("deployment", "deploy site to production").await;
    let three = world.commits[2].1[..8].to_owned();
    said(
        &world,
        &format!("rollback site production to {three}"),
        RunState::Succeeded,
    )
    .await;
    assert_eq!(
        figures(&world, "days=30&environment=production").await.0,
        json!([4, 0, 0, 0.0])
    );
    // a payload that Chima did not write is nobody's word
    let forged = DeploymentRequest {
        git_ref: two,
        payload: json!({"rollback_from": world.commits[2].1}),
        ..DeploymentRequest::to("production")
    };
    world.ask(forged).await;
    world.settle_all().await;
    assert_eq!(
        figures(&world, "days=30&environment=production").await.0,
        json!([5, 0, 0, 0.0])
    );
    world.end().await;
}

#[tokio::test]
async fn what_was_rolled_back_before_that_was_counted_is_counted_the_same() {
    let mut world = World::setup().script(BREAKABLE).start().await;
    let one = world.commits[0].1[..8].to_owned();
    said(&world, "deploy site to staging", RunState::Succeeded).await;
    world.commit("two");
    said(&world, "deploy site to staging", RunState::Succeeded).await;
    said(&world, "deploy site to production", RunState::Succeeded).await;
    world.clock.advance(DAY);
    said(&world, &format!("rollback site staging to {one}"), RunState::Succeeded).await;
    let file = world.engine.config.store.clone();
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let counted = tallies(&mut connection).await;
    let undone =
        |rows: &[(i64, String, String, String, i64, i64)]| rows.iter().filter(|row| row.3 == "rolled_back").count();
    assert_eq!(undone(&counted), 1, "{counted:?}");
    sqlx::query("DELETE FROM daily_tallies WHERE what = 'rolled_back'")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::raw_sql(ROLLBACKS).execute(&mut connection).await.unwrap();
    assert_eq!(tallies(&mut connection).await, counted);
    drop(connection);
    world.end().await;
}
