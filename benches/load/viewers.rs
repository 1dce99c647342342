//! Many who look on while one deployment runs: half of them follow its log, half what happens anywhere.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use chima_simulator::git::GitRepository;
use chima_simulator::github::DEFAULT_TOKEN;
use futures_util::future::join_all;
use memchr::memmem;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Options;
use crate::client::Connection;
use crate::figures::{Figures, heading, row};
use crate::first_act::{REPOSITORY, world};
use crate::servers::{self, Server};

/// What one token may ask at once is 400.
const OF_ONE_TOKEN: usize = 300;
const WATCHED: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(60);

/// Forty lines a second, some of them coloured, until its gate opens.
const SCRIPT: &str = r#"#!/bin/sh
n=0
while [ ! -e "$GATE" ]; do
  n=$((n + 1))
  printf '\033[32mstep %d\033[0m of something that two thousand people want to see end well\n' "$n"
  sleep 0.025
done
"#;

struct Viewer {
    stream: TcpStream,
    /// The end of what was read last.
    seen: Vec<u8>,
    bytes: usize,
    ended: Option<Instant>,
}

impl Viewer {
    /// Looks at a page, and follows what its script follows.
    async fn open(server: &Server, page: &str, path: &str, token: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(server.address).await?;
        let asked = format!("GET {page} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        let status = connection.send(asked.as_bytes()).await?;
        anyhow::ensure!(status == 200, "`{page}` is answered with {status}");
        drop(connection);
        let mut stream = TcpStream::connect(server.address).await?;
        let asked = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(asked.as_bytes()).await?;
        let mut head = Vec::new();
        while memmem::find(&head, b"\r\n\r\n").is_none() {
            let read = stream.read_buf(&mut head).await?;
            anyhow::ensure!(read > 0, "the server closed the connection");
        }
        anyhow::ensure!(
            head.starts_with(b"HTTP/1.1 200"),
            "`{path}` is answered with {}",
            String::from_utf8_lossy(&head)
        );
        Ok(Self {
            stream,
            bytes: head.len(),
            seen: head,
            ended: None,
        })
    }

    /// Reads until it is over, or nobody wants to know any more.
    async fn look(&mut self, done: &Cell<bool>) -> anyhow::Result<()> {
        let mut piece = vec![0; 16 * 1024];
        while !done.get() && self.ended.is_none() {
            let Ok(read) = timeout(Duration::from_millis(500), self.stream.read(&mut piece)).await else {
                continue;
            };
            let read = read?;
            anyhow::ensure!(read > 0, "the server closed the connection");
            self.bytes += read;
            // a word may come in two pieces
            let kept = self.seen.len().saturating_sub(32);
            self.seen.drain(..kept);
            self.seen.extend_from_slice(piece.get(..read).unwrap_or_default());
            if memmem::find(&self.seen, b"event: end").is_some() {
                self.ended = Some(Instant::now());
            }
        }
        Ok(())
    }
}

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let descriptors = options.viewers as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|soft| soft < descriptors) {
        let raised = Rlimit {
            current: Some(descriptors),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).context("the limit of open files is too low for so many viewers")?;
    }
    let folder = TempDir::new()?;
    let at = folder.path();
    let git = GitRepository::create(&at.join("hello"))?;
    git.write("script/deploy", SCRIPT)?;
    let sha = git.commit("Print")?;
    let (github, deliveries, _elsewhere) = world(&sha, vec!["production".to_owned()])?;
    servers::write_secret(&at.join("token"), DEFAULT_TOKEN)?;
    let home = at.join("chima");
    let config = format!(
        "github:\n  url: {url}\n  api_url: {api}\n  token: {{ file: {at}/token }}\n  \
         webhook_secrets: [{{ file: {at}/chima/webhook-secret }}]\n\
         apps:\n  hello:\n    repository: {REPOSITORY}\n    remote: {at}/hello\n    provider: shell\n    \
         with: {{ command: [./script/deploy] }}\n    env: {{ GATE: {at}/gate }}\n    required_contexts: []\n    \
         environments: {{ production: {{}} }}\n",
        url = github.url(),
        api = github.api_url(),
        at = at.display(),
    );
    let server = servers::chima(&options.chima, &home, &config).await?;
    let tokens = tokens(options, &home)?;
    let mut connection = Connection::open(server.address).await?;
    for request in &deliveries {
        let status = connection.send(request).await?;
        anyhow::ensure!(status == 202, "answered with {status}, expected 202");
    }
    let run = begun(&home.join("data/runs")).await?;
    let alone = server.memory("VmRSS")?;
    let began = Instant::now();
    let mut viewers = Vec::with_capacity(options.viewers);
    for number in 0..options.viewers {
        let token = tokens.get(number / OF_ONE_TOKEN).context("too few tokens")?;
        let (page, path) = if number % 2 == 0 {
            (format!("/runs/{run}"), format!("/api/v1/runs/{run}/log"))
        } else {
            ("/".to_owned(), "/api/v1/events".to_owned())
        };
        viewers.push(Viewer::open(&server, &page, &path, token).await?);
    }
    let opened = began.elapsed();
    let done = Cell::new(false);
    let watch = async {
        let (mut resident, worked) = (Figures::default(), processor_time(server.process())?);
        let began = Instant::now();
        while began.elapsed() < WATCHED {
            resident.push(server.memory("VmRSS")?);
            sleep(Duration::from_millis(250)).await;
        }
        let worked = processor_time(server.process())?.saturating_sub(worked);
        let opened = Instant::now();
        fs::write(at.join("gate"), "")?;
        sleep(Duration::from_secs(5)).await;
        done.set(true);
        anyhow::Ok((resident, worked, opened))
    };
    let look = async { join_all(viewers.iter_mut().map(|viewer| viewer.look(&done))).await };
    let (watched, looked) = timeout(LIMIT, async { tokio::join!(watch, look) }).await?;
    let (resident, worked, gate) = watched?;
    let lost = looked.iter().filter(|looked| looked.is_err()).count();
    let (mut heard, mut bytes) = (Figures::default(), Figures::default());
    for viewer in viewers.iter().step_by(2) {
        bytes.push(viewer.bytes as f64 / 1024.0);
        if let Some(ended) = viewer.ended {
            heard.push_time(ended - gate);
        }
    }
    heading(&format!(
        "{} who look on for {} s while one deployment prints 40 lines a second; half follow its log",
        options.viewers,
        WATCHED.as_secs()
    ));
    row(
        "until all had their page and their stream, s",
        &format!("{:.1}", opened.as_secs_f64()),
    );
    row("resident before, MiB", &format!("{alone:.1}"));
    row("resident meanwhile, MiB (aim: below 128)", &resident.shown(1));
    row(
        "resident at most, pages included, MiB",
        &format!("{:.1}", server.memory("VmHWM")?),
    );
    row(
        "processors' share, %",
        &format!("{:.0}", worked.as_secs_f64() / WATCHED.as_secs_f64() * 100.0),
    );
    row("of the log, to each who follows it, KiB", &bytes.shown(1));
    row(
        "connections that were cut; followers who heard of the end",
        &format!("{lost}; {} of {}", heard.len(), viewers.len().div_ceil(2)),
    );
    row("from the end of the command until they heard, ms", &heard.shown(0));
    server.stop()
}

/// Tokens for all, because each may ask so much and no more.
fn tokens(options: &Options, home: &Path) -> anyhow::Result<Vec<String>> {
    let mut tokens = Vec::new();
    for _ in 0..options.viewers.div_ceil(OF_ONE_TOKEN) {
        let made = servers::command(&options.chima.to_string_lossy())
            .arg("--config")
            .arg(home.join("app.yaml"))
            .args(["token", "create", "--for", "mona", "--scope", "read"])
            .stderr(Stdio::inherit())
            .output()?;
        anyhow::ensure!(made.status.success(), "no token was made");
        tokens.push(String::from_utf8(made.stdout)?.trim().to_owned());
    }
    Ok(tokens)
}

/// The run, once its command prints.
async fn begun(runs: &Path) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        let run = fs::read_dir(runs).ok().and_then(|mut runs| runs.next()?.ok());
        if let Some(run) = run.filter(|run| run.path().join("attempt-1/log").exists()) {
            return Ok(run.file_name().to_string_lossy().into_owned());
        }
        anyhow::ensure!(began.elapsed() < LIMIT, "the deployment did not begin");
        sleep(Duration::from_millis(10)).await;
    }
}

/// What a process has had of the processors.
fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // behind the name, which may have spaces in it
    let fields = stat.rsplit_once(')').context("the kernel tells something else")?.1;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let user = fields.next().context("the kernel does not tell")??;
    let system = fields.next().context("the kernel does not tell")??;
    // in hundredths of a second everywhere
    Ok(Duration::from_millis((user + system) * 10))
}
