//! The program and its pipe: calls, answers and events of the protocol of its developer tools, for many pages at once.
//! <https://chromedevtools.github.io/devtools-protocol/>
//!
//! A thread reads, so that tests with runtimes of their own can share one browser. The last test that has it ends it; a browser
//! whose pipe is closed, because the tests were killed, ends by itself.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::process::child::program;

/// Within that every answer comes, also where the machine is busy.
const ANSWER: Duration = Duration::from_secs(60);

/// Another name of this machine, for a server that is to believe that it is open to the network. Browsers trust it as if it had TLS.
pub const ELSEWHERE: &str = "deploy.localhost";

/// One browser. Ended when the last handle is dropped.
pub struct Chromium {
    child: Mutex<Child>,
    wire: Arc<Wire>,
    _profile: tempfile::TempDir,
}

struct Wire {
    /// Taken when it is over: the browser ends with its pipe.
    to: Mutex<Option<ChildStdin>>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<Value>>,
    /// What the page of a session did that one of ours never should.
    noticed: HashMap<String, Vec<String>>,
    ended: bool,
}

/// What a call came to, where it is not what was asked for.
#[derive(Debug)]
pub struct Refused(pub String);

impl Chromium {
    /// The one that runs, or a new one.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Chromium>> = Mutex::new(Weak::new());
        let mut shared = lock(&SHARED);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    fn start() -> Self {
        let profile = tempfile::Builder::new()
            .prefix("chima-chromium-")
            .tempdir()
            .expect("a folder");
        // its pipe is 3 and 4; it may run as root, whose processes it does not lock in; its shadows of scroll bars differ by machine
        let line = format!(
            "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions \
             --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
             --disable-background-timer-throttling --disable-renderer-backgrounding --disable-backgrounding-occluded-windows \
             --host-resolver-rules='MAP {ELSEWHERE} 127.0.0.1' --user-data-dir={} --remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null",
            profile.path().display()
        );
        let mut command: Command = program(Path::new("sh"), profile.path(), &["-c", &line]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let (to, from) = (child.stdin.take(), child.stdout.take().expect("its pipe"));
        let wire = Arc::new(Wire {
            to: Mutex::new(to),
            open: Mutex::default(),
        });
        let reads = Arc::clone(&wire);
        std::thread::spawn(move || reads.read(from));
        Self {
            child: Mutex::new(child),
            wire,
            _profile: profile,
        }
    }

    /// Calls a method, of a page's session or of the browser itself.
    pub async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, Refused> {
        let answer = self.wire.send(session, method, &params);
        let answer = tokio::time::timeout(ANSWER, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("the browser does not answer `{method}` within {ANSWER:?}"));
        let mut answer = answer.unwrap_or_else(|_| panic!("the browser has ended; is `chromium` installed?"));
        match answer.get("error") {
            Some(error) => Err(Refused(error.to_string())),
            None => Ok(answer["result"].take()),
        }
    }

    /// Says something whose answer nobody waits for.
    pub fn say(&self, method: &str, params: &Value) {
        drop(self.wire.send(None, method, params));
    }

    /// What the page of a session did that it should not; each is told once.
    pub fn noticed(&self, session: &str) -> Vec<String> {
        let mut open = lock(&self.wire.open);
        open.noticed.get_mut(session).map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.say("Browser.close", &json!({}));
        let mut child = lock(&self.child);
        let asked = Instant::now();
        while child.try_wait().is_ok_and(|ended| ended.is_none()) && asked.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        lock(&self.wire.to).take();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Wire {
    fn send(&self, session: Option<&str>, method: &str, params: &Value) -> oneshot::Receiver<Value> {
        let (answered, answer) = oneshot::channel();
        let mut open = lock(&self.open);
        if open.ended {
            return answer;
        }
        open.next += 1;
        let id = open.next;
        open.answers.insert(id, answered);
        drop(open);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        // where it has ended nobody will answer, which is told there
        if let Some(to) = lock(&self.to).as_mut() {
            let _ = to.write_all(&bytes);
        }
        answer
    }

    fn read(&self, from: ChildStdout) {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while from.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
            bytes.pop();
            if let Ok(message) = serde_json::from_slice::<Value>(&bytes) {
                self.take(message);
            }
            bytes.clear();
        }
        let mut open = lock(&self.open);
        open.ended = true;
        // whoever waits is told so
        open.answers.clear();
    }

    fn take(&self, message: Value) {
        let mut open = lock(&self.open);
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = open.answers.remove(&id) {
                let _ = waiting.send(message);
            }
            return;
        }
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        if let Some(told) = fault(&message) {
            open.noticed.entry(session).or_default().push(told);
        }
    }
}

/// What no page of ours does.
fn fault(message: &Value) -> Option<String> {
    let event = message["method"].as_str()?;
    let params = &message["params"];
    match event {
        // the way to GitHub and back
        "Audits.issueAdded" if params["issue"]["code"] == "BounceTrackingIssue" => None,
        "Page.javascriptDialogOpening"
        | "Runtime.consoleAPICalled"
        | "Runtime.exceptionThrown"
        | "Log.entryAdded"
        | "Audits.issueAdded" => Some(format!("{event}: {params}")),
        // what it asked for, and of whom
        "Network.requestWillBeSent" => {
            let url = params["request"]["url"].as_str().unwrap_or_default();
            // the browser's own symbols are addresses that lead nowhere
            let ours = [
                "http://127.0.0.1:",
                &format!("http://{ELSEWHERE}:"),
                "about:blank",
                "data:",
            ];
            let ours = ours.iter().any(|address| url.starts_with(address));
            (!ours).then(|| format!("request: {url}"))
        }
        _ => None,
    }
}

/// A thread that has panicked leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
