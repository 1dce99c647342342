//! What the queue does while its backend is well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::door::{Door, Journal, nothing_happens_for, until};
use super::fixture::{Fixture, run};
use crate::torture::within;

pub async fn a_ring_is_answered_once(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 2, &journal);
    queue.ring(run(1)).await.expect("rung");
    until("the ring is answered", 5, || journal.len() == 1).await;
    nothing_happens_for(Duration::from_secs(1)).await;
    assert_eq!(journal.entries(), [run(1)]);
}

pub async fn many_rings_are_all_answered(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 4, &journal);
    for number in 0..200 {
        queue.ring(run(number)).await.expect("rung");
    }
    until("all are answered", 20, || journal.len() == 200).await;
    let mut answered = journal.entries();
    answered.sort();
    assert_eq!(answered, (0..200).map(run).collect::<Vec<_>>());
}

pub async fn two_thousand_rings_drain(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    for number in 0..2000 {
        queue.ring(run(number)).await.expect("rung");
    }
    let _door = Door::open(&queue, 8, &journal);
    let took = until("all are answered", 60, || journal.len() >= 2000).await;
    println!("2000 waiting rings answered in {took:?}");
    assert_eq!(journal.len(), 2000);
}

pub async fn no_more_answers_run_at_once_than_asked_for(fixture: Fixture) {
    let queue = fixture.queue().await;
    let (now, most, ended) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let counters = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&ended));
    let _door = Door::open_with(&queue, 3, move |_| {
        let (now, most, ended) = (
            Arc::clone(&counters.0),
            Arc::clone(&counters.1),
            Arc::clone(&counters.2),
        );
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    });
    for number in 0..20 {
        queue.ring(run(number)).await.expect("rung");
    }
    until("all are answered", 20, || ended.load(Ordering::SeqCst) == 20).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

pub async fn a_ring_before_the_worker_starts_is_answered(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    queue.ring(run(1)).await.expect("rung");
    let _door = Door::open(&fixture.queue().await, 1, &journal);
    until("the ring is answered", 5, || journal.entries() == [run(1)]).await;
}

pub async fn a_ring_of_another_process_is_answered_within_a_second(fixture: Fixture) {
    let (queue, other, journal) = (fixture.queue().await, fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the worker is there", 5, || journal.len() == 1).await;
    for number in 1..5 {
        other.ring(run(number)).await.expect("rung");
        let took = until("the ring is answered", 5, || journal.times(run(number)) == 1).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

pub async fn two_processes_share_the_work_without_doing_it_twice(fixture: Fixture) {
    let (first, second, journal) = (fixture.queue().await, fixture.queue().await, Journal::default());
    let _doors = (Door::open(&first, 2, &journal), Door::open(&second, 2, &journal));
    for number in 0..300 {
        let queue = if number % 2 == 0 { &first } else { &second };
        queue.ring(run(number)).await.expect("rung");
    }
    until("all are answered", 30, || journal.len() >= 300).await;
    nothing_happens_for(Duration::from_millis(600)).await;
    assert_eq!(journal.len(), 300);
}

pub async fn a_run_may_be_rung_for_again_and_again(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let _door = Door::open(&queue, 1, &journal);
    for times in 1..=5 {
        queue.ring(run(1)).await.expect("rung");
        until("the ring is answered", 5, || journal.times(run(1)) == times).await;
    }
}

pub async fn a_panicking_answer_does_not_stop_the_others(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let noted = journal.clone();
    let _door = Door::open_with(&queue, 1, move |id| {
        // One panics while it is called, one while it runs.
        assert_ne!(id, run(0), "a panic for the test");
        let journal = noted.clone();
        async move {
            assert_ne!(id, run(1), "a panic for the test");
            journal.note(id);
        }
    });
    for number in 0..4 {
        queue.ring(run(number)).await.expect("rung");
    }
    until("the others are answered", 5, || journal.len() == 2).await;
}

pub async fn an_unreadable_job_does_not_stop_the_others(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    for (number, content) in [&b"\xff\xfe\x00"[..], b"{\"run\": [", b"\"no run\"", b""]
        .into_iter()
        .enumerate()
    {
        fixture.push_raw(number as u64, content).await;
    }
    let _door = Door::open(&queue, 1, &journal);
    queue.ring(run(1)).await.expect("rung");
    let took = until("the ring is answered", 5, || journal.entries() == [run(1)]).await;
    assert!(
        took < Duration::from_secs(2),
        "the worker did not have to start again: {took:?}"
    );
    queue.ring(run(2)).await.expect("rung");
    until("the next too", 5, || journal.len() == 2).await;
}

/// The answer takes several times as long as a worker may be silent, and another worker is ready to step in.
pub async fn a_slow_answer_is_given_once(fixture: Fixture) {
    let fixture = fixture.with_short_heartbeats();
    let (queue, other, journal) = (fixture.queue().await, fixture.queue().await, Journal::default());
    let slow = |journal: Journal| {
        move |id| {
            journal.note(id);
            async { tokio::time::sleep(Duration::from_secs(6)).await }
        }
    };
    let doors = (
        Door::open_with(&queue, 1, slow(journal.clone())),
        Door::open_with(&other, 1, slow(journal.clone())),
    );
    queue.ring(run(1)).await.expect("rung");
    nothing_happens_for(Duration::from_secs(7)).await;
    assert_eq!(journal.entries(), [run(1)]);
    drop(doors);
}

pub async fn stopping_is_prompt_and_leaves_slow_answers_running(fixture: Fixture) {
    let (queue, started, ended) = (fixture.queue().await, Journal::default(), Journal::default());
    let release = Arc::new(Semaphore::new(0));
    let (start, end, gate) = (started.clone(), ended.clone(), Arc::clone(&release));
    let door = Door::open_with(&queue, 1, move |id| {
        let (start, end, gate) = (start.clone(), end.clone(), Arc::clone(&gate));
        async move {
            start.note(id);
            let _gate = gate.acquire().await;
            end.note(id);
        }
    });
    queue.ring(run(1)).await.expect("rung");
    queue.ring(run(2)).await.expect("rung");
    until("one is under way", 5, || started.len() == 1).await;
    // of bells of one moment either may be answered first
    let first = started.entries();
    let tasks = door.tasks.clone();
    let took = door.close().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!((ended.len(), tasks.len()), (0, 1));
    release.add_permits(1);
    until("the answer ends without its worker", 5, || ended.entries() == first).await;
    assert_eq!(started.len(), 1, "nothing is fetched after a stop");
}

pub async fn stopping_waits_for_quick_answers(fixture: Fixture) {
    let (queue, started, ended) = (fixture.queue().await, Journal::default(), Journal::default());
    let (start, end) = (started.clone(), ended.clone());
    let door = Door::open_with(&queue, 1, move |id| {
        let (start, end) = (start.clone(), end.clone());
        async move {
            start.note(id);
            tokio::time::sleep(Duration::from_millis(300)).await;
            end.note(id);
        }
    });
    queue.ring(run(1)).await.expect("rung");
    until("it is under way", 5, || started.len() == 1).await;
    door.close().await;
    assert_eq!(ended.entries(), [run(1)]);
}

pub async fn a_worker_that_is_dropped_leaves_its_answers_running(fixture: Fixture) {
    let (queue, started, ended) = (fixture.queue().await, Journal::default(), Journal::default());
    let (start, end) = (started.clone(), ended.clone());
    let door = Door::open_with(&queue, 1, move |id| {
        let (start, end) = (start.clone(), end.clone());
        async move {
            start.note(id);
            tokio::time::sleep(Duration::from_millis(300)).await;
            end.note(id);
        }
    });
    queue.ring(run(1)).await.expect("rung");
    until("it is under way", 5, || started.len() == 1).await;
    door.worker.abort();
    until("it ends", 5, || ended.entries() == [run(1)]).await;
}

pub async fn a_worker_told_to_stop_before_it_starts_fetches_nothing(fixture: Fixture) {
    let (queue, journal, stop) = (fixture.queue().await, Journal::default(), CancellationToken::new());
    queue.ring(run(1)).await.expect("rung");
    stop.cancel();
    let noted = journal.clone();
    let answer = move |id| {
        noted.note(id);
        async {}
    };
    queue.work(1, answer, &TaskTracker::new(), stop).await;
    assert_eq!((journal.len(), queue.waiting().await.expect("counted")), (0, 1));
}

pub async fn a_fresh_worker_answers_the_rest_at_once(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let door = Door::open(&queue, 1, &journal);
    queue.ring(run(0)).await.expect("rung");
    until("the first is answered", 5, || journal.len() == 1).await;
    door.close().await;
    for number in 1..50 {
        queue.ring(run(number)).await.expect("rung");
    }
    // In the same process, stopped in the middle of it; then in another one.
    let door = Door::open(&queue, 1, &journal);
    until("some are answered", 5, || journal.len() > 5).await;
    door.close().await;
    let other = fixture.queue().await;
    let _door = Door::open(&other, 1, &journal);
    let took = until("the rest is answered", 10, || {
        (0..50).all(|number| journal.times(run(number)) > 0)
    })
    .await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The places belong to the process, not to one apalis worker.
pub async fn answers_of_an_earlier_worker_count_while_it_restarts(mut fixture: Fixture) {
    fixture.options.busy = Duration::from_millis(300);
    let (queue, started) = (fixture.queue().await, Journal::default());
    let release = Arc::new(Semaphore::new(0));
    let (start, gate) = (started.clone(), Arc::clone(&release));
    let _door = Door::open_with(&queue, 1, move |id| {
        let (start, gate) = (start.clone(), Arc::clone(&gate));
        async move {
            start.note(id);
            let _gate = gate.acquire().await;
        }
    });
    queue.ring(run(1)).await.expect("rung");
    until("the first is under way", 5, || started.len() == 1).await;
    fixture.fail().await;
    nothing_happens_for(Duration::from_secs(1)).await;
    fixture.recover().await;
    fixture.queue().await.ring(run(2)).await.expect("rung");
    nothing_happens_for(Duration::from_secs(4)).await;
    assert_eq!(started.entries(), [run(1)]);
    release.add_permits(2);
    until("the second follows", 10, || started.times(run(2)) == 1).await;
}

pub async fn waiting_counts_what_nobody_fetched(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    assert_eq!(queue.waiting().await.expect("counted"), 0);
    for number in 0..3 {
        queue.ring(run(number)).await.expect("rung");
    }
    assert_eq!(queue.waiting().await.expect("counted"), 3);
    let _door = Door::open(&queue, 1, &journal);
    until("all are answered", 5, || journal.len() == 3).await;
    assert_eq!(queue.waiting().await.expect("counted"), 0);
}

pub async fn finished_jobs_leave_nothing_behind(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let door = Door::open(&queue, 4, &journal);
    for number in 0..300 {
        queue.ring(run(number)).await.expect("rung");
    }
    until("all are answered", 20, || journal.len() == 300).await;
    door.close().await;
    assert_eq!(fixture.traces().await, 0);
}

/// Prints what it measures. The bound is wide, because the machine may be busy with other tests.
pub async fn a_ring_in_the_same_process_is_answered_in_milliseconds(fixture: Fixture) {
    let (queue, journal) = (fixture.queue().await, Journal::default());
    let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let _door = Door::open_with(&queue, 1, move |_| {
        let _ = answered.send(Instant::now());
        async {}
    });
    queue.ring(run(0)).await.expect("rung");
    answers.recv().await.expect("the worker is there");
    let mut took = Vec::new();
    for number in 1..=100 {
        nothing_happens_for(Duration::from_millis(20)).await;
        let began = Instant::now();
        queue.ring(run(number)).await.expect("rung");
        took.push(answers.recv().await.expect("answered").duration_since(began));
    }
    took.sort();
    println!(
        "ring to answer: p50 {:?}, p90 {:?}, p99 {:?}, most {:?}",
        took[49], took[89], took[98], took[99]
    );
    assert!(took[49] < within(Duration::from_millis(50)), "{:?}", took[49]);
    drop(journal);
}
