//! From a delivery to the first act of the deployed command, next to a bare script that checks out and runs the same.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use chima_simulator::git::GitRepository;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::{DEFAULT_TOKEN, GitHub};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::Options;
use crate::client::Connection;
use crate::deliveries::{SECRET, wire};
use crate::figures::{Figures, heading, row};
use crate::servers;

pub const REPOSITORY: &str = "octo/hello";
const FILES: usize = 100;
/// Pairs that only warm the mirror, the page cache and the prepared statements.
const WARM_UP: usize = 3;
const END_LIMIT: Duration = Duration::from_secs(20);

const BARE_SCRIPT: &str = r#"#!/bin/sh
git --git-dir="$1" worktree add --quiet --detach "$2" "$3" && cd "$2" && exec ./script/deploy
"#;

/// Both ways, ready to be taken.
#[derive(Debug)]
struct Stage {
    folder: TempDir,
    sha: String,
    mirror: PathBuf,
    /// What the command writes to; the other end is held open too, so that reading never meets an end.
    bell: File,
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let at = folder.path();
        let bell = at.join("bell");
        let made = servers::command("mkfifo").arg(&bell).status()?;
        anyhow::ensure!(made.success(), "cannot make a FIFO");
        let bell = OpenOptions::new().read(true).write(true).open(bell)?;
        let git = GitRepository::create(&at.join("hello"))?;
        git.write("script/deploy", &format!("#!/bin/sh\necho > {}/bell\n", at.display()))?;
        for number in 0..FILES {
            git.write(
                &format!("src/{}/file-{number}.txt", number % 10),
                &format!("line {number}\n").repeat(200),
            )?;
        }
        let sha = git.commit("Say hello")?;
        let mirror = at.join("mirror.git");
        git.git(&["clone", "--quiet", "--bare", ".", &mirror.to_string_lossy()])?;
        fs::write(at.join("bare.sh"), BARE_SCRIPT)?;
        Ok(Self {
            folder,
            sha,
            mirror,
            bell,
        })
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    /// Blocks until the command has written. Nothing else of this process is needed meanwhile but the stand-in for GitHub,
    /// which has a thread of its own.
    fn heard(&mut self) -> anyhow::Result<()> {
        let mut byte = [0];
        self.bell.read_exact(&mut byte).context("cannot read from the FIFO")
    }

    fn bare(&mut self) -> anyhow::Result<Duration> {
        let checkout = self.at().join("bare-checkout");
        let mut command = servers::command("/bin/sh");
        command
            .arg(self.at().join("bare.sh"))
            .arg(&self.mirror)
            .arg(&checkout)
            .arg(&self.sha)
            .stdin(Stdio::null());
        let began = Instant::now();
        let mut script = command.spawn()?;
        self.heard()?;
        let took = began.elapsed();
        anyhow::ensure!(script.wait()?.success(), "the bare script went wrong");
        let removed = servers::command("git")
            .arg("--git-dir")
            .arg(&self.mirror)
            .args(["worktree", "remove", "--force"])
            .arg(&checkout)
            .status()?;
        anyhow::ensure!(removed.success(), "cannot remove the bare script's worktree");
        Ok(took)
    }

    fn config(&self, github: &GitHub) -> String {
        format!(
            "github:\n  url: {url}\n  api_url: {api}\n  token: {{ file: {at}/token }}\n  \
             webhook_secrets: [{{ file: {at}/chima/webhook-secret }}]\n\
             apps:\n  hello:\n    repository: {REPOSITORY}\n    remote: {at}/hello\n    provider: shell\n    \
             with: {{ command: [./script/deploy] }}\n    required_contexts: []\n    environments: {{ production: {{}} }}\n",
            url = github.url(),
            api = github.api_url(),
            at = self.at().display(),
        )
    }
}

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let mut stage = Stage::set()?;
    let (github, deliveries, _elsewhere) =
        world(&stage.sha, vec!["production".to_owned(); options.deployments + WARM_UP])?;
    servers::write_secret(&stage.at().join("token"), DEFAULT_TOKEN)?;
    let home = stage.at().join("chima");
    let server = servers::chima(&options.chima, &home, &stage.config(&github)).await?;
    let mut connection = Connection::open(server.address).await?;
    let (mut ours, mut bare, mut more) = (Figures::default(), Figures::default(), Figures::default());
    for (number, request) in deliveries.iter().enumerate() {
        let began = Instant::now();
        let status = connection.send(request).await?;
        anyhow::ensure!(status == 202, "answered with {status}, expected 202");
        stage.heard()?;
        let took = began.elapsed();
        settled(&home.join("data/runs"), number + 1).await?;
        let script = stage.bare()?;
        if number >= WARM_UP {
            ours.push_time(took);
            bare.push_time(script);
            more.push((took.as_secs_f64() - script.as_secs_f64()) * 1000.0);
        }
    }
    server.stop()?;
    heading(&format!(
        "delivery to the command's first act, {} deployments in turn with the bare script: median (lowest to highest)",
        ours.len()
    ));
    row("chima, from sending the delivery, ms", &ours.shown(1));
    row("script with `git worktree add` and exec, ms", &bare.shown(1));
    row(
        "difference of the medians, ms",
        &format!("{:.1}", ours.median() - bare.median()),
    );
    row("difference within each pair, ms", &more.shown(1));
    row(
        "p90: chima / script, ms",
        &format!("{:.1} / {:.1}", ours.quantile(0.9), bare.quantile(0.9)),
    );
    Ok(())
}

/// The stand-in for GitHub with that many deployments, and their deliveries, not yet sent. It runs in a thread of its own.
pub fn world(
    sha: &str,
    environments: Vec<String>,
) -> anyhow::Result<(GitHub, Vec<Vec<u8>>, std::thread::JoinHandle<()>)> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sha = sha.to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let _ = sender.send(populate(&sha, environments).await);
            std::future::pending::<()>().await;
        });
    });
    let (github, deliveries) = receiver.recv().context("the stand-in for GitHub did not start")??;
    Ok((github, deliveries, thread))
}

async fn populate(sha: &str, environments: Vec<String>) -> anyhow::Result<(GitHub, Vec<Vec<u8>>)> {
    let github = GitHub::start().await?;
    github
        .repository(REPOSITORY)
        .commit(sha, "Say hello", "mona", &[])
        .branch("main", sha);
    // a port that nobody listens on: what would be sent is taken from the record
    github.hook("http://127.0.0.1:9/", SECRET);
    for environment in environments {
        github
            .deploy(REPOSITORY, DeploymentRequest::to(&environment))
            .await
            .map_err(|refused| anyhow::anyhow!("the stand-in for GitHub refused: {refused:?}"))?;
    }
    let deliveries = github.read(|world| {
        world
            .deliveries
            .iter()
            .filter(|delivery| delivery.event == "deployment")
            .map(|delivery| wire("/webhooks/github", &delivery.headers, &delivery.body))
            .collect()
    });
    Ok((github, deliveries))
}

/// Waits until every run has ended and its checkout is gone, so that one deployment never slows the next measurement.
async fn settled(runs: &Path, count: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let mut ended = 0;
        for run in fs::read_dir(runs)? {
            let attempt = run?.path().join("attempt-1");
            ended += usize::from(attempt.join("exit.json").exists() && !attempt.join("checkout").exists());
        }
        if ended == count {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < END_LIMIT, "{ended} of {count} runs have ended");
        sleep(Duration::from_millis(5)).await;
    }
}
