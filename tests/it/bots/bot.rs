//! A bot at a terminal: a process that is typed to and read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::child::program;
use crate::world::setup::Setup;
use crate::world::stage::{CHAT_TOKEN, World};

/// Errbot takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Signs what the bots are told.
pub const SECRET: &str = "a secret of the bots' own";

/// A bot that is running; it ends with its handle.
#[derive(Debug)]
pub struct Bot {
    child: Child,
    stdin: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Bot {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `script/tools` installs the bots"));
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for mut stream in streams {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut piece = [0; 4096];
                // a prompt ends in no line feed
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    said.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
                }
            });
        }
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, said }
    }

    /// Types a line.
    pub fn type_in(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
        self.stdin.flush().unwrap();
    }

    /// Waits until the bot has said something.
    pub async fn says(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.said().contains(text) {
            let gone = self.child.try_wait().unwrap();
            assert!(
                gone.is_none() && begun.elapsed() < PATIENCE,
                "not said: {text}\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the bot listens for later news: its adapter is there then.
    pub async fn listens(&mut self, port: u16) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let gone = self.child.try_wait().unwrap();
            assert!(
                gone.is_none() && begun.elapsed() < PATIENCE,
                "nobody listens\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of a bot, in a folder of its own, that knows where Chima is.
pub fn bot(world: &World, path: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(path, folder, arguments);
    command
        .env("CHIMA_URL", &world.url)
        .env("CHIMA_CHAT_TOKEN", CHAT_TOKEN)
        .env("TERM", "dumb");
    command
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A world that tells a bot on a port.
pub fn setup(name: &str, port: u16) -> Setup {
    let url = format!("http://127.0.0.1:{port}/chima");
    World::setup().without_slack().callback(name, &url, SECRET)
}

/// Somebody else posts to the bot: it must not be said.
pub async fn forged(port: u16) -> u16 {
    let body = r#"{"key": "1", "room": "Shell", "user": "mona", "text": "forged words"}"#;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(format!("http://127.0.0.1:{port}/chima"))
        .header("content-type", "application/json")
        .header("webhook-id", "1")
        .header(
            "webhook-timestamp",
            chrono::DateTime::<chrono::Utc>::from(now()).timestamp().to_string(),
        )
        .header("webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .body(body)
        .send()
        .await
        .unwrap();
    answer.status().as_u16()
}

#[expect(clippy::disallowed_methods, reason = "the bots live by the real clock")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
