//! What only a SQLite file can get wrong.

use std::fs;
use std::time::{Duration, Instant};

use chima::queue::Queue;
use chima::queue::address::{QueueAddress, WorkerName};
use ulid::Ulid;

use super::door::{Door, Journal, nothing_happens_for, until};
use super::fixture::{Fixture, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_open_a_new_file_at_the_same_moment() {
    let fixture = Fixture::sqlite();
    let queues = futures_util::future::join_all((0..6).map(|_| fixture.queue())).await;
    for (number, queue) in (0..).zip(&queues) {
        queue.ring(run(number)).await.expect("rung");
    }
    assert_eq!(queues[0].waiting().await.expect("counted"), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_set_aside() {
    // One that was never a database, and one whose pages behind the first were overwritten.
    for keep in [0, 4096] {
        let fixture = Fixture::sqlite();
        drop(fixture.queue().await);
        let mut content = fs::read(fixture.file()).expect("a file");
        content[keep..].fill(b'x');
        fs::write(fixture.file(), content).expect("written");
        let (queue, journal) = (fixture.queue().await, Journal::default());
        let _door = Door::open(&queue, 1, &journal);
        queue.ring(run(1)).await.expect("rung");
        until("the ring is answered", 5, || journal.len() == 1).await;
        assert!(fixture.file().with_extension("db.damaged").exists());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_a_lasting_error_at_once() {
    let fixture = Fixture::sqlite();
    let address = QueueAddress::Sqlite(fixture.file().join("below a file that is not there"));
    let name = WorkerName::new("test", "boot", Ulid::nil());
    let began = Instant::now();
    let error = Queue::open(&address, name)
        .await
        .expect_err("there is no such directory");
    assert!(!error.is_transient(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_with_a_foreign_id_ends_the_worker_only_once() {
    let (fixture, journal) = (Fixture::sqlite(), Journal::default());
    let queue = fixture.queue().await;
    let door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    for id in [
        "7",
        "not-a-ulid",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "01JD00000000000000000000il",
    ] {
        let insert = "INSERT INTO Jobs (job, id, job_type, run_at) VALUES (x'00', ?, 'chima.run.v1', 1)";
        let query = sqlx::query(insert).bind(id);
        query
            .execute(&mut fixture.sqlite_connection().await)
            .await
            .expect("a row");
    }
    queue.ring(run(1)).await.expect("rung");
    until("the worker came back", 5, || journal.len() == 2).await;
    door.close().await;
    assert_eq!(fixture.traces().await, 0);
}

/// Polling four times a second must not write: neither wear of the disk nor waiting for other writers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_work_writes_nothing_but_heartbeats() {
    let mut fixture = Fixture::sqlite();
    fixture.options.heartbeat = Duration::from_secs(60);
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    nothing_happens_for(Duration::from_millis(600)).await;
    let state = || {
        let wal = fixture.file().with_extension("db-wal");
        [fixture.file(), wal].map(|file| {
            let metadata = fs::metadata(file).expect("a file");
            (metadata.len(), metadata.modified().expect("a time"))
        })
    };
    let before = state();
    nothing_happens_for(Duration::from_secs(3)).await;
    assert_eq!(state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_does_not_grow_with_the_number_of_rings() {
    let (fixture, journal) = (Fixture::sqlite(), Journal::default());
    let queue = fixture.queue().await;
    let door = Door::open(&queue, 4, &journal);
    for round in 1..=20_usize {
        for number in 0..50 {
            queue.ring(run(number)).await.expect("rung");
        }
        until("the round is answered", 10, || journal.len() == round * 50).await;
    }
    door.close().await;
    let length = fs::metadata(fixture.file()).expect("a file").len();
    assert!(length < 400_000, "{length} bytes after 1000 rings");
    assert_eq!(fixture.traces().await, 0);
}

/// A full disk does both: SQLite takes a whole transaction back by itself, and another time a single statement. Whoever counts
/// transactions counts wrong after the first, and after the second leaves one open that locks everybody out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_sqlite_takes_back_lock_nobody_out() {
    let (mut fixture, journal) = (Fixture::sqlite(), Journal::default());
    fixture.options.heartbeat = Duration::from_secs(1);
    let queue = fixture.queue().await;
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    let mut connection = fixture.sqlite_connection().await;
    for outcome in ["ROLLBACK", "FAIL"] {
        let triggers = format!(
            "BEGIN IMMEDIATE;
             DROP TRIGGER IF EXISTS full_update; DROP TRIGGER IF EXISTS full_insert;
             CREATE TRIGGER full_update BEFORE UPDATE ON Workers BEGIN SELECT RAISE({outcome}, 'full'); END;
             CREATE TRIGGER full_insert BEFORE INSERT ON Workers BEGIN SELECT RAISE({outcome}, 'full'); END;
             COMMIT;"
        );
        let made = sqlx::raw_sql(sqlx::AssertSqlSafe(triggers))
            .execute(&mut connection)
            .await;
        made.expect("made");
        // several beats, and several workers that start
        nothing_happens_for(Duration::from_secs(4)).await;
    }
    let mended = sqlx::raw_sql("DROP TRIGGER full_update; DROP TRIGGER full_insert;");
    mended
        .execute(&mut connection)
        .await
        .expect("nobody holds the file locked");
    queue.ring(run(1)).await.expect("rung");
    until("the worker came back", 10, || journal.len() == 2).await;
}
