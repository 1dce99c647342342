//! Another reader of our description: schemathesis makes up requests from it and looks whether the real server answers as described,
//! and never with a fault of its own. `script/tools` installs it; `CHIMA_SCHEMATHESIS_SECONDS` gives it more time.

use std::process::Command;
use std::time::Duration;

use crate::docs::root;
use crate::process::child::output;
use crate::process::installation::Installation;

const SECONDS: &str = "20";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance";

#[expect(
    clippy::disallowed_methods,
    reason = "the judge is another program, and a person may give it more time"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_described_is_what_is_answered_whatever_is_asked() {
    let installation = Installation::sqlite().await;
    // GitHub's pace is no fault of the server, and not what is tested here
    let hurried = installation
        .config()
        .replace("writes_per_minute: 80", "writes_per_minute: 10000");
    installation.write("app.yaml", &hurried);
    let mut server = installation.serve().await;
    for branch in ["main", "failing"] {
        let deployment = installation.deploy(branch, "staging").await;
        installation.concluded(deployment, Duration::from_secs(20)).await;
    }
    let made = installation
        .run(&["token", "create", "--for", "mona", "--scope", "admin"])
        .await;
    let token = made.stdout.trim().to_owned();
    let runs = installation.run(&["runs", "--json"]).await.stdout;
    let run: serde_json::Value = serde_json::from_str(runs.lines().next().unwrap()).unwrap();
    // so that not every name is one that is not there
    let known = format!(
        "[parameters]\n\"path.app\" = \"site\"\n\"path.environment\" = \"staging\"\n\"path.run\" = {}\n\
         \"body.app\" = \"site\"\n\"body.environment\" = \"staging\"\n",
        run["id"]
    );
    installation.write("schemathesis.toml", &known);
    let program = root().join("target/tools/schemathesis/bin/schemathesis");
    assert!(
        program.exists(),
        "`{}` is not there; run script/test",
        program.display()
    );
    let seconds = std::env::var("CHIMA_SCHEMATHESIS_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    let limit = Duration::from_secs(seconds.parse::<u64>().unwrap() * 3 + 120);
    let mut judge = Command::new(&program);
    judge
        .current_dir(installation.path(""))
        .env("NO_COLOR", "1")
        .args([
            "run",
            &format!("http://127.0.0.1:{}/api/openapi.json", installation.port),
        ])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        // without end: it is followed by a test of its own
        .args(["--exclude-path", "/events"])
        .args(["--rate-limit", "20/s", "--max-examples", "15", "--seed", "1"])
        .args([
            "--generation-database",
            "none",
            "--request-timeout",
            "20",
            "--max-time",
            &seconds,
        ]);
    let said = output(judge, limit).await;
    assert_eq!(said.code, Some(0), "{}\n{}", said.stdout, said.stderr);
    server.stop(Duration::from_secs(20)).await;
}
