//! What only Redis can get wrong.

use std::time::Duration;

use chima::queue::Queue;
use chima::queue::address::{QueueAddress, WorkerName};
use chima::queue::findings::Severity;
use chima::queue::options::QueueOptions;
use secrecy::SecretString;
use ulid::Ulid;

use super::door::{Door, Journal, nothing_happens_for, until};
use super::fixture::{Backend, Fixture, run};
use super::line::Line;
use super::redis_server::RedisServer;
use crate::torture::within;

fn name() -> WorkerName {
    WorkerName::new("test", "boot", Ulid::from_parts(99, 99))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_while_redis_is_away_and_works_when_it_comes() {
    let mut fixture = Fixture::with(Backend::Redis(RedisServer::not_running()));
    let error = Queue::connect(&fixture.address(), name())
        .await
        .expect_err("nothing listens");
    assert!(error.is_transient(), "{error:?}");
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 1, &journal);
    assert!(queue.ring(run(1)).await.expect_err("nothing listens").is_transient());
    fixture.recover().await;
    queue.ring(run(2)).await.expect("rung");
    until("the ring is answered", 10, || journal.entries() == [run(2)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_due_jobs_than_one_script_call_can_take_do_not_wedge_it() {
    let (fixture, journal) = (Fixture::redis(), Journal::default());
    let queue = fixture.queue().await;
    for number in 0..9000 {
        queue.ring(run(number)).await.expect("rung");
    }
    assert_eq!(queue.waiting().await.expect("counted"), 9000);
    let _door = Door::open(&queue, 8, &journal);
    until("all are answered", 120, || journal.len() >= 9000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_data_is_gone_ends_the_worker_only_once() {
    let (fixture, journal) = (Fixture::redis(), Journal::default());
    let mut connection = fixture.server().connection().await;
    let pushed: redis::RedisResult<()> = redis::cmd("RPUSH")
        .arg("chima.run.v1:active")
        .arg("01JD0000000000000000000000")
        .query_async(&mut connection)
        .await;
    pushed.expect("pushed");
    let queue = fixture.queue().await;
    let door = Door::open(&queue, 1, &journal);
    queue.ring(run(1)).await.expect("rung");
    until("the worker came back", 5, || journal.len() == 1).await;
    nothing_happens_for(Duration::from_millis(1500)).await;
    assert!(
        fixture.worker().await.ends_with(".1"),
        "the second worker of the process is the last"
    );
    door.close().await;
    assert_eq!(fixture.traces().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_replaced() {
    let (fixture, journal) = (Fixture::redis(), Journal::default());
    let queue = fixture.queue().await;
    let _door = Door::open(&queue, 1, &journal);
    for number in 0..5 {
        queue.ring(run(number)).await.expect("rung");
        until("the ring is answered", 5, || journal.times(run(number)) >= 1).await;
        let mut connection = fixture.server().connection().await;
        let killed: redis::RedisResult<()> = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal"])
            .query_async(&mut connection)
            .await;
        killed.expect("killed");
    }
}

/// As when a firewall forgets a connection: no end of it hears anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_other_end_vanished_is_replaced() {
    let (fixture, journal) = (Fixture::redis(), Journal::default());
    let line = Line::to(fixture.server().port()).await;
    let address = QueueAddress::Redis {
        url: SecretString::from(format!("redis://{}/0", line.address)),
    };
    let options = QueueOptions {
        response: Duration::from_secs(1),
        ..QueueOptions::default()
    };
    let queue = Queue::open_with(&address, name(), options).await.expect("an address");
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    line.cut();
    assert!(queue.ring(run(1)).await.expect_err("nobody hears it").is_transient());
    queue.ring(run(2)).await.expect("on a new connection");
    until("the worker has a new one too", 10, || journal.times(run(2)) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_shorter_than_the_response_time_out_ends_nobody() {
    let (fixture, journal) = (Fixture::redis(), Journal::default());
    let queue = fixture.queue().await;
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    fixture.server().freeze();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    fixture.server().thaw();
    fixture.queue().await.ring(run(1)).await.expect("rung");
    let took = until("the ring is answered", 5, || journal.len() == 2).await;
    assert!(took < within(Duration::from_secs(1)), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_lose_jobs_are_found() {
    let fixture = Fixture::redis();
    let queue = fixture.queue().await;
    let found = async || {
        let findings = queue.findings().await.expect("settings");
        findings
            .iter()
            .map(|finding| (finding.severity, finding.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(found().await, [(Severity::Warn, "redis_fsync_late")]);
    let mut connection = fixture.server().connection().await;
    for (setting, value) in [
        ("appendfsync", "always"),
        ("maxmemory-policy", "allkeys-lru"),
        ("appendonly", "no"),
    ] {
        let set: redis::RedisResult<()> = redis::cmd("CONFIG")
            .arg("SET")
            .arg(setting)
            .arg(value)
            .query_async(&mut connection)
            .await;
        set.expect("set");
    }
    assert_eq!(
        found().await,
        [
            (Severity::Refuse, "redis_not_durable"),
            (Severity::Refuse, "redis_evicts")
        ]
    );
}

#[tokio::test]
async fn an_unusable_address_is_a_lasting_error_that_keeps_its_password() {
    for url in [
        "redis:/:hunter2@",
        "http://:hunter2@localhost",
        "rediss://:hunter2@localhost",
    ] {
        let address = QueueAddress::Redis {
            url: SecretString::from(url),
        };
        let error = Queue::open(&address, name()).await.expect_err(url);
        assert!(!error.is_transient(), "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
    }
}
