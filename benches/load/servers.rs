//! The programs under measurement, each in a folder of its own, ended when dropped.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::Connection;
use crate::deliveries::SECRET;

/// Ours, built by cargo beside this benchmark.
pub const CHIMA: &str = env!("CARGO_BIN_EXE_chima");

const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    /// From the spawn until it was ready.
    pub ready_after: Duration,
    process: Child,
}

impl Server {
    /// Starts a program and waits until `path` is answered with 200.
    async fn start(mut command: Command, address: SocketAddr, path: &str, log: &Path) -> anyhow::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log)?);
        let began = Instant::now();
        let process = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let mut server = Self {
            address,
            ready_after: Duration::ZERO,
            process,
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        while !server.answers(request.as_bytes()).await {
            let ended = server.process.try_wait()?;
            if ended.is_some() || began.elapsed() > START_LIMIT {
                anyhow::bail!("the server is not ready: {}", fs::read_to_string(log)?);
            }
            sleep(Duration::from_micros(500)).await;
        }
        server.ready_after = began.elapsed();
        Ok(server)
    }

    async fn answers(&self, request: &[u8]) -> bool {
        match Connection::open(self.address).await {
            Ok(mut connection) => connection.send(request).await.is_ok_and(|status| status == 200),
            Err(_) => false,
        }
    }

    /// A number of its memory, by its name in `/proc/<pid>/status`, in MiB.
    pub fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process()))?;
        let found = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = found.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        Ok(kib.context("the kernel does not tell how much memory it has")? / 1024.0)
    }

    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as a service manager would, and waits for it.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let process = i32::try_from(self.process.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let process = process.context("the server has no process number")?;
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts `chima serve` in `folder` with these lines of configuration below its own.
pub async fn chima(program: &Path, folder: &Path, more: &str) -> anyhow::Result<Server> {
    fs::create_dir_all(folder)?;
    let address = free_address()?;
    write_secret(&folder.join("webhook-secret"), SECRET)?;
    let config = folder.join("app.yaml");
    fs::write(
        &config,
        format!(
            "server: {{ listen: '{address}' }}\ndata_dir: {data}\nstore: sqlite:{data}/chima.db\n{more}",
            data = folder.join("data").display()
        ),
    )?;
    let mut command = command(&program.to_string_lossy());
    command.arg("--config").arg(config).arg("serve");
    Server::start(command, address, "/readyz", &folder.join("chima.log")).await
}

/// Starts `chima worker` beside a server in `folder`, with the server's configuration.
pub fn worker(program: &Path, folder: &Path, number: usize) -> anyhow::Result<Ended> {
    let mut command = command(&program.to_string_lossy());
    command
        .arg("--config")
        .arg(folder.join("app.yaml"))
        .arg("worker")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(folder.join(format!("worker-{number}.log")))?);
    Ok(Ended(command.spawn()?))
}

/// A Redis that loses nothing, in `folder`; and its address.
pub async fn redis(folder: &Path) -> anyhow::Result<(Ended, String)> {
    fs::create_dir_all(folder)?;
    let address = free_address()?;
    let mut command = command("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--save",
            "",
        ])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let redis = Ended(command.spawn().context("cannot start `redis-server`")?);
    let began = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        anyhow::ensure!(began.elapsed() < START_LIMIT, "Redis does not answer");
        sleep(Duration::from_millis(10)).await;
    }
    Ok((redis, format!("redis://{address}")))
}

/// A program that is ended when this is dropped: as a service manager would.
#[derive(Debug)]
pub struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let process = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// Starts Debian's `webhook`. It verifies the signature; where `matches` is false a second condition is not met, and it runs
/// nothing.
pub async fn webhook(program: &Path, folder: &Path, matches: bool) -> anyhow::Result<Server> {
    fs::create_dir_all(folder)?;
    let address = free_address()?;
    let signed = json!({ "match": {
        "type": "payload-hmac-sha256",
        "secret": SECRET,
        "parameter": { "source": "header", "name": "X-Hub-Signature-256" },
    }});
    let created = json!({ "match": {
        "type": "value",
        "value": if matches { "created" } else { "never" },
        "parameter": { "source": "payload", "name": "action" },
    }});
    let hooks: Value = json!([{
        "id": "deploy",
        "execute-command": "/bin/true",
        "response-message": "stored nowhere",
        "trigger-rule": { "and": [signed, created] },
    }]);
    let file = folder.join("hooks.json");
    fs::write(&file, hooks.to_string())?;
    let mut command = command(&program.to_string_lossy());
    command
        .arg("-hooks")
        .arg(file)
        .args(["-ip", "127.0.0.1", "-port", &address.port().to_string()]);
    Server::start(command, address, "/", &folder.join("webhook.log")).await
}

/// Writes a file that only we can read: Chima refuses any other.
pub fn write_secret(path: &Path, value: &str) -> anyhow::Result<()> {
    fs::write(path, value)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(())
}

/// A port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the benchmark starts programs"
)]
pub fn command(program: &str) -> Command {
    Command::new(program)
}
