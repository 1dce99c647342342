//! A `redis-server` of one test: on a free local port, in a directory of its own, stopped by its process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub struct RedisServer {
    directory: TempDir,
    port: u16,
    process: Option<Child>,
}

impl RedisServer {
    /// A running server with an append-only file.
    pub fn start() -> Self {
        let mut server = Self {
            directory: tempfile::tempdir().expect("a directory"),
            port: 0,
            process: None,
        };
        // Another process may take the port between our look and the server's.
        for _ in 0..5 {
            server.port = free_port();
            if server.try_run() {
                return server;
            }
        }
        unreachable!("redis-server found no free port in five attempts");
    }

    /// An address at which nothing listens yet.
    pub fn not_running() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            port: free_port(),
            process: None,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it again, on the same port and with what it had written.
    pub fn run(&mut self) {
        assert!(self.try_run(), "redis-server does not start on port {}", self.port);
    }

    /// As a power switch would, without any last words.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("redis-server is ours");
            process.wait().expect("redis-server was started by us");
        }
    }

    /// What it had written is gone as well. It does not run.
    pub fn forget(&self) {
        assert!(self.process.is_none(), "it would write it again");
        for entry in std::fs::read_dir(self.directory.path()).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).expect("it is ours");
            } else {
                std::fs::remove_file(path).expect("it is ours");
            }
        }
    }

    /// It keeps its connections and says nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("an address");
        client
            .get_multiplexed_async_connection()
            .await
            .expect("redis-server runs")
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("redis-server runs");
        kill_process(Pid::from_child(process), signal).expect("redis-server is ours");
    }

    #[expect(clippy::disallowed_methods, reason = "the test brings its own server")]
    fn try_run(&mut self) -> bool {
        let mut process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--dir"])
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`redis-server` is not installed; run script/test, or `apt-get install redis-server`");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && process.try_wait().is_ok_and(|ended| ended.is_none()) {
            if self.answers() {
                self.process = Some(process);
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut answer = [0; 5];
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a local port");
    listener.local_addr().expect("bound").port()
}
