//! The server is asked to stop while many runs are under way and a worker lives beside it.

use std::time::Duration;

use rustix::process::Signal;

use crate::process::installation::{Installation, eventually};
use crate::torture::{rounds, row};

const SOON: Duration = Duration::from_secs(30);
const LANES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_under_load_hands_over_and_refuses_with_503_only() {
    let count = rounds(1, 20);
    let (mut adopted, mut refused) = (0, 0);
    for _ in 0..count {
        let (took_over, turned_away) = round().await;
        adopted += took_over;
        refused += turned_away;
    }
    row(
        "`SIGTERM` with 12 long runs, 12 more that wait, deliveries all the time, and a worker beside",
        count,
        format!(
            "{adopted} runs adopted, 0 begun twice; of the deliveries {refused} refused, all with 503 or an unanswered connection"
        ),
        "0 duplicates, no 5xx but 503, runs adopted",
    );
}

async fn round() -> (usize, usize) {
    let installation = Installation::sqlite().await;
    let lanes: Vec<String> = (0..LANES).map(|number| format!("lane-{number}")).collect();
    let named: String = lanes.iter().map(|lane| format!("      {lane}: {{}}\n")).collect();
    let config = installation
        .config()
        .replace("      staging: {}\n", &format!("      staging: {{}}\n{named}"))
        .replace("workers: 4", "workers: 12")
        .replace("writes_per_minute: 80", "writes_per_minute: 100000");
    installation.write("app.yaml", &config);
    let mut server = installation.serve().await;
    let mut begun = Vec::new();
    for lane in &lanes {
        begun.push(installation.deploy("waiting", lane).await);
    }
    for deployment in &begun {
        installation.noted(*deployment, "start").await;
    }
    let mut waiting = Vec::new();
    for lane in &lanes {
        waiting.push(installation.deploy("main", lane).await);
    }
    let mut worker = installation.worker().await;
    let deliveries = async {
        let mut late = Vec::new();
        // until nobody listens any more
        loop {
            let (deployment, status, guid) = installation.deliver("main", "nowhere").await;
            late.push((deployment, status, guid));
            if status == 0 {
                return late;
            }
            assert!(late.len() < 2000, "it does not stop");
        }
    };
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.signal(Signal::TERM);
        server.wait(SOON).await
    };
    let (late, status) = tokio::join!(deliveries, stopping);
    assert_eq!(status.code(), Some(0));
    for (_, status, _) in &late {
        assert!(matches!(status, 202 | 503 | 0), "answered {status}");
    }
    eventually("every run is adopted", || {
        (worker.stderr().matches("adopting a run").count() >= LANES).then_some(())
    })
    .await;
    for deployment in &begun {
        installation.open_gate(*deployment);
    }
    for deployment in begun.iter().chain(&waiting) {
        assert_eq!(installation.concluded(*deployment, SOON).await, "success");
    }
    let mut server = installation.serve().await;
    let refused = late.iter().filter(|(_, status, _)| *status != 202);
    let refused: Vec<String> = refused.map(|(_, _, guid)| guid.clone()).collect();
    installation.deliver_again(&refused).await;
    for (deployment, _, _) in &late {
        // refused by the policy, which says so
        assert_eq!(installation.concluded(*deployment, SOON).await, "error");
    }
    for process in [&mut server, &mut worker] {
        process.stop(SOON).await;
    }
    installation.close().await;
    (LANES, refused.len())
}
