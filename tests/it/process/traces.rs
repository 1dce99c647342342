//! Traces by the program itself: several processes, one of them killed in the middle, and a collector that nobody answers for.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::collector::Collector;
use crate::process::child::Chima;
use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(30);

fn with_collector(installation: &Installation, url: &str) {
    let config = format!("{}telemetry: {{ otlp_endpoint: '{url}' }}\n", installation.config());
    installation.write("app.yaml", &config);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_and_the_one_that_carries_on_tell_one_trace_with_the_server() {
    let collector = Collector::start().await;
    let installation = Installation::sqlite().await;
    with_collector(&installation, &collector.url);
    let mut server = Chima::start(
        installation.command(&["serve", "--no-work"]),
        installation.path("serve.err"),
    );
    installation.ready(&mut server).await;
    let mut first = installation.worker().await;
    let deployment = installation.deploy("gated", "staging").await;
    installation.noted(deployment, "start").await;
    eventually("the first worker has told of its claim", || {
        collector
            .spans()
            .iter()
            .any(|span| span.name == "prepare")
            .then_some(())
    })
    .await;
    first.signal(Signal::KILL);
    first.wait(SOON).await;
    let mut second = installation.worker().await;
    eventually("the run is adopted", || {
        let said = format!("{}{}", second.stderr(), server.stderr());
        said.contains("adopting a run").then_some(())
    })
    .await;
    installation.open_gate(deployment);
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    // what they have not told yet, they tell when they are stopped
    for process in [&mut server, &mut second] {
        process.stop(SOON).await;
    }
    let tree = collector.tree(&["state", "exit_code"]);
    let shape: Vec<&str> = tree
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("queued"))
        .collect();
    assert_eq!(shape[0], "deployment state=succeeded", "{tree}");
    for expected in [
        "receive",
        "decide",
        "attempt state=succeeded +prepared +started +adopted",
        "claim",
        "fetch",
        "checkout",
        "step exit_code=0",
        "report",
    ] {
        assert!(shape.contains(&expected), "no `{expected}` in\n{tree}");
    }
    assert!(collector.instances() >= 2, "{}", collector.instances());
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_collector_is_dead_or_deaf_deploys_and_stops_as_ever() {
    // one refuses, the other takes connections and never answers
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf_url = format!("http://{}", deaf.local_addr().unwrap());
    for url in ["http://127.0.0.1:1", deaf_url.as_str()] {
        let installation = Installation::sqlite().await;
        with_collector(&installation, url);
        let mut server = installation.serve().await;
        let deployment = installation.deploy("main", "staging").await;
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
        let begun = Instant::now();
        server.stop(Duration::from_secs(10)).await;
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        let said = server.stderr();
        assert!(said.contains("has not taken the last of them"), "{said}");
        assert!(said.matches("traces are not taken").count() <= 1, "{said}");
        installation.close().await;
    }
}
