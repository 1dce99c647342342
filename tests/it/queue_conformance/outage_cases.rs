//! What the queue does while its backend is away, locked or silent: Redis is killed or frozen, the SQLite file is
//! locked by another connection.

use std::time::{Duration, Instant};

use super::door::{Door, Journal, nothing_happens_for, until};
use super::fixture::{Fixture, run};

pub async fn a_worker_survives_an_outage_of_three_seconds(mut fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 2, &journal);
    queue.ring(run(1)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    fixture.fail().await;
    nothing_happens_for(Duration::from_secs(3)).await;
    fixture.recover().await;
    let began = Instant::now();
    fixture.queue().await.ring(run(2)).await.expect("rung");
    until("the worker came back by itself", 10, || journal.times(run(2)) == 1).await;
    println!("answering again {:?} after the outage", began.elapsed());
}

pub async fn a_ring_during_an_outage_is_a_transient_error_in_time(mut fixture: Fixture) {
    let queue = fixture.queue().await;
    queue.ring(run(1)).await.expect("rung");
    fixture.fail().await;
    for number in 2..5 {
        let began = Instant::now();
        let error = queue.ring(run(number)).await.expect_err("nobody takes it");
        assert!(error.is_transient(), "{error:?}");
        assert!(
            began.elapsed() < fixture.options.ring_within + Duration::from_millis(500),
            "{:?}",
            began.elapsed()
        );
    }
    fixture.recover().await;
}

pub async fn a_ring_into_a_hanging_backend_returns_in_time(mut fixture: Fixture) {
    let queue = fixture.queue().await;
    queue.ring(run(1)).await.expect("rung");
    fixture.hang().await;
    let began = Instant::now();
    let rings: Vec<_> = (2..12).map(|number| queue.ring(run(number))).collect();
    for outcome in futures_util::future::join_all(rings).await {
        assert!(outcome.expect_err("nobody answers").is_transient());
    }
    assert!(
        began.elapsed() < fixture.options.ring_within + Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    fixture.wake_up().await;
    queue.ring(run(12)).await.expect("the next one gets through");
}

pub async fn callers_get_through_right_after_an_outage(mut fixture: Fixture) {
    let queue = fixture.queue().await;
    queue.ring(run(1)).await.expect("rung");
    fixture.fail().await;
    assert!(queue.waiting().await.is_err() || queue.ring(run(2)).await.is_err());
    fixture.recover().await;
    queue.ring(run(3)).await.expect("the first call after the outage");
    assert!(
        queue.waiting().await.expect("counted") >= 2,
        "and what was there before is still there"
    );
}

pub async fn stopping_during_an_outage_is_prompt(mut fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let door = Door::open(&queue, 2, &journal);
    queue.ring(run(1)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    fixture.hang().await;
    nothing_happens_for(Duration::from_millis(500)).await;
    let took = door.close().await;
    fixture.wake_up().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

pub async fn a_worker_started_during_an_outage_begins_when_it_ends(mut fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    fixture.fail().await;
    let _door = Door::open(&queue, 2, &journal);
    nothing_happens_for(Duration::from_secs(1)).await;
    fixture.recover().await;
    queue.ring(run(1)).await.expect("rung");
    until("the worker begins", 10, || journal.entries() == [run(1)]).await;
}

pub async fn a_job_that_a_vanished_worker_had_fetched_comes_back(fixture: Fixture) {
    let fixture = fixture.with_short_heartbeats();
    let (queue, journal) = (fixture.queue().await, Journal::default());
    queue.ring(run(1)).await.expect("rung");
    fixture.strand().await;
    let _door = Door::open(&queue, 1, &journal);
    until("the job comes back", 10, || journal.entries() == [run(1)]).await;
}

pub async fn a_job_that_a_stopped_worker_had_fetched_comes_back_at_once(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    fixture.push_fetched_by(&fixture.worker().await, 1).await;
    door.close().await;
    let _door = Door::open(&fixture.queue().await, 1, &journal);
    until("the job comes back", 3, || journal.entries() == [run(0), run(1)]).await;
}
