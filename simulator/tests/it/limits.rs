//! Rate limits against a clock that the test moves.

use chima_simulator::clock::ManualClock;
use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::GitHub;
use chima_simulator::limits::Limits;
use chrono::{DateTime, TimeDelta};
use serde_json::json;

use crate::client::{Got, get, get_unless, post};

async fn limited(limits: Limits) -> (GitHub, ManualClock) {
    let github = GitHub::start().await.unwrap();
    let clock = ManualClock::at(DateTime::from_timestamp(1_760_000_000, 0).unwrap());
    github.set_clock(clock.clock());
    github.limit(limits);
    github.repository("octo/site");
    (github, clock)
}

async fn create(github: &GitHub) -> Got {
    post(github, "/repos/octo/site/deployments", json!({"ref": "main"})).await
}

#[tokio::test]
async fn the_eighty_first_write_of_a_minute_is_refused() {
    let (github, clock) = limited(Limits {
        content_per_minute: Some(80),
        ..Limits::generous()
    })
    .await;
    for _ in 0..80 {
        assert_eq!(create(&github).await.status, 201);
    }
    clock.advance(TimeDelta::seconds(20));
    let refused = create(&github).await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, "40"));
    assert!(refused.message().contains("secondary rate limit"));
    assert_eq!(github.requests_inside_wait_window(), 0);

    assert_eq!(create(&github).await.status, 403);
    assert_eq!(get(&github, "/rate_limit").await.status, 200);
    assert_eq!(github.requests_inside_wait_window(), 1);

    clock.advance(TimeDelta::seconds(40));
    assert_eq!(create(&github).await.status, 201);
    assert_eq!(github.requests_inside_wait_window(), 1);
}

#[tokio::test]
async fn the_hourly_limit_outlasts_the_minute() {
    let (github, clock) = limited(Limits {
        content_per_hour: Some(3),
        ..Limits::generous()
    })
    .await;
    for _ in 0..3 {
        assert_eq!(create(&github).await.status, 201);
        clock.advance(TimeDelta::minutes(2));
    }
    let refused = create(&github).await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, "3240"));
}

#[tokio::test]
async fn writes_cost_five_points() {
    let (github, _clock) = limited(Limits {
        points_per_minute: Some(10),
        ..Limits::generous()
    })
    .await;
    assert_eq!(create(&github).await.status, 201);
    for _ in 0..5 {
        assert_eq!(get(&github, "/repos/octo/site").await.status, 200);
    }
    assert_eq!(get(&github, "/repos/octo/site").await.header("retry-after"), "60");
}

#[tokio::test]
async fn the_primary_limit_says_when_it_resets() {
    let (github, clock) = limited(Limits {
        primary_per_hour: Some(2),
        ..Limits::generous()
    })
    .await;
    assert_eq!(
        get(&github, "/repos/octo/site").await.header("x-ratelimit-remaining"),
        "1"
    );
    get(&github, "/repos/octo/site").await;
    let refused = get(&github, "/repos/octo/site").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(refused.header("retry-after"), "");
    let reset = clock.now() + TimeDelta::hours(1);
    assert_eq!(refused.header("x-ratelimit-reset"), reset.timestamp().to_string());
    let standing = get(&github, "/rate_limit").await;
    assert_eq!(standing.body["resources"]["core"]["remaining"], 0);
    clock.advance(TimeDelta::hours(1));
    assert_eq!(get(&github, "/repos/octo/site").await.status, 200);
}

#[tokio::test]
async fn what_has_not_changed_costs_nothing_and_has_no_body() {
    let (github, _) = limited(Limits {
        primary_per_hour: Some(5),
        ..Limits::generous()
    })
    .await;
    let list = "/repos/octo/site/deployments";
    let etag = get(&github, list).await.header("etag").to_owned();
    for _ in 0..20 {
        assert_eq!(get_unless(&github, list, &etag).await, (304, String::new()));
    }
    assert_eq!(get(&github, list).await.header("x-ratelimit-remaining"), "3");
    create(&github).await;
    assert_eq!(get_unless(&github, list, &etag).await.0, 200, "there is news");
    assert_eq!(get_unless(&github, &format!("{list}?page=2"), &etag).await.0, 200);
}

#[tokio::test]
async fn a_fault_that_says_wait_opens_a_window_that_counts_but_does_not_refuse() {
    let (github, clock) = limited(Limits::generous()).await;
    github.fail(Fault::on(
        "POST",
        "/deployments",
        FaultKind::TooManyRequests { seconds: 30 },
    ));
    assert_eq!(create(&github).await.status, 429);
    clock.advance(TimeDelta::seconds(29));
    assert_eq!(create(&github).await.status, 201);
    assert_eq!(github.requests_inside_wait_window(), 1);
    assert!(github.requests()[1].inside_wait_window);
    clock.advance(TimeDelta::seconds(1));
    create(&github).await;
    assert_eq!(github.requests_inside_wait_window(), 1);
}
