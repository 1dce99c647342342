//! What monitoring reads.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use chima::domain::viewer::Scope;
use chima_simulator::github::deploy::DeploymentRequest;
use insta::assert_snapshot;

use crate::docs::root;
use crate::world::stage::{APP, World};

impl World {
    /// The samples of these families, without their descriptions.
    async fn metrics(&self, families: &[&str]) -> String {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
        let wanted = |line: &&str| {
            families
                .iter()
                .any(|family| line.starts_with(&format!("chima_{family}")))
        };
        text.lines().filter(wanted).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn every_end_is_counted_once_by_app_environment_and_state() {
    let script = "#!/bin/sh\n[ \"$CHIMA_ENVIRONMENT\" = staging ]\n";
    let world = World::setup().script(script).start().await;
    for _ in 0..2 {
        world.deploy("staging").await;
    }
    world.deploy("production").await;
    world.settle().await;
    // refused: it counts under no name that somebody made up
    for environment in ["nowhere", "<script>", "nowhere\"} 1"] {
        world.deploy(environment).await;
    }
    // a delivery that comes again is no second deployment
    let guids: Vec<String> = world
        .github
        .read(|world| world.deliveries.iter().map(|one| one.guid.clone()).collect());
    for guid in guids {
        world.github.redeliver(&guid).await;
    }
    world.settle().await;
    assert_snapshot!(world.metrics(&["runs_ended", "run_seconds_count", "runs_open"]).await, @r#"
    chima_runs_open{state="held"} 0
    chima_runs_open{state="queued"} 0
    chima_runs_open{state="running"} 0
    chima_runs_ended_total{app="",environment="",state="rejected"} 3
    chima_runs_ended_total{app="site",environment="production",state="failed"} 1
    chima_runs_ended_total{app="site",environment="staging",state="succeeded"} 2
    chima_run_seconds_count{app="site",environment="production",state="failed"} 1
    chima_run_seconds_count{app="site",environment="staging",state="succeeded"} 2
    "#);
    world.end().await;
}

#[tokio::test]
async fn what_waits_shows_its_age() {
    let mut world = World::setup().start().await;
    world.deploy("staging").await;
    let fresh = world.metrics(&["deliveries_waiting", "delivery_age"]).await;
    world.clock.advance(Duration::from_secs(90));
    let old = world.metrics(&["deliveries_waiting", "delivery_age"]).await;
    world.intake().await;
    world.clock.advance(Duration::from_secs(7));
    let queued = world
        .metrics(&[
            "deliveries_waiting",
            "runs_open",
            "idle_lane_age",
            "outbox_waiting",
            "outbox_age",
        ])
        .await;
    assert_snapshot!(format!("{fresh}\n--\n{old}\n--\n{queued}"), @r#"
    chima_deliveries_waiting 1
    chima_delivery_age_seconds 0.0
    --
    chima_deliveries_waiting 1
    chima_delivery_age_seconds 90.0
    --
    chima_deliveries_waiting 0
    chima_runs_open{state="held"} 0
    chima_runs_open{state="queued"} 1
    chima_runs_open{state="running"} 0
    chima_outbox_waiting 1
    chima_idle_lane_age_seconds 97.0
    chima_outbox_age_seconds 7.0
    "#);
    world.settle().await;
    let done = world.metrics(&["idle_lane_age", "outbox_age", "ledger_writable"]).await;
    assert_snapshot!(done, @r#"
    chima_idle_lane_age_seconds 0.0
    chima_outbox_age_seconds 0.0
    chima_ledger_writable 1
    "#);
    world.restart_with(APP).await;
    assert_snapshot!(world.metrics(&["runs_ended"]).await, @r#"chima_runs_ended_total{app="site",environment="staging",state="succeeded"} 1"#);
    world.end().await;
}

#[tokio::test]
async fn nothing_that_people_choose_becomes_a_label() {
    let world = World::new().await;
    for name in ["feature/a", "feature/b", "main"] {
        let request = DeploymentRequest {
            task: name.to_owned(),
            ..DeploymentRequest::to(name)
        };
        world.ask(request).await;
    }
    world.settle().await;
    let text = world.metrics(&[""]).await;
    assert!(!text.contains("feature") && !text.contains("mona"), "{text}");
    assert!(text.lines().count() < 40, "{text}");
    world.end().await;
}

#[tokio::test]
async fn from_elsewhere_it_opens_for_whoever_may_see_all_apps() {
    let world = World::new().await;
    let all = world.token("mona", &[Scope::Read]).await;
    let some = world.token_for("mona", &[Scope::Read], Some(&["site"])).await;
    let unknown = format!("chima_{}", "0".repeat(64));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (name, value) in [("x-forwarded-for", "192.0.2.1"), ("host", "deploy.example.com")] {
        for (token, expected) in [
            ("", 401),
            (unknown.as_str(), 401),
            (some.as_str(), 403),
            (all.as_str(), 200),
        ] {
            let mut request = client.get(format!("{}/metrics", world.url)).header(name, value);
            if !token.is_empty() {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), expected, "{name} {token}");
            let text = answer.text().await.unwrap();
            assert_eq!(
                text.contains("chima_runs_open"),
                expected == 200,
                "{name} {token}: {text}"
            );
        }
    }
    world.end().await;
}

/// Prometheus' own client for Python, the reference reader of the format, finds nothing wrong with it.
#[expect(clippy::disallowed_methods, reason = "the judge is another program")]
#[tokio::test]
async fn another_reader_of_the_format_understands_all_of_it() {
    const READ: &str = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        print(sorted(family.name for family in read(sys.stdin.read())))";
    let world = World::new().await;
    world.deploy("staging").await;
    world.settle().await;
    let (_, text) = world.get("/metrics").await;
    let python = root().join("target/tools/prometheus/bin/python");
    let mut reader = Command::new(&python)
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `script/tools` installs it", python.display()));
    reader.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout);
    assert!(
        names.contains("'chima_run_seconds'") && names.contains("'chima_runs_ended'"),
        "{names}"
    );
    world.end().await;
}
