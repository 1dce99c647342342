//! A real browser on a real page: it follows a log that was made to get at it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::log_view::is_look;
use crate::log_view::payloads::payloads;
use crate::process::child::program;
use crate::process::installation::Installation;
use crate::torture::row;

/// Chromium, spoken to over its debugging pipe.
/// <https://chromedevtools.github.io/devtools-protocol/>
struct Browser {
    _child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Value,
    next: u64,
    /// What a page does that one of ours never should.
    noticed: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // its pipe is 3 and 4; it may run as root, whose processes it does not lock in
        let line = format!(
            "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions \
             --disable-background-networking --user-data-dir={} --remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null",
            profile.path().display()
        );
        let mut command = Command::from(program(std::path::Path::new("sh"), profile.path(), &["-c", &line]));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            _child: child,
            to,
            from: BufReader::new(from),
            session: Value::Null,
            next: 0,
            noticed: Vec::new(),
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let target = json!({"targetId": page["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", target).await["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if self.session.is_string() {
            message["sessionId"] = self.session.clone();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await.expect("the browser lives");
        loop {
            let mut bytes = Vec::new();
            let read = tokio::time::timeout(Duration::from_secs(60), self.from.read_until(0, &mut bytes));
            let read = read.await.expect("the browser answers").expect("the browser lives");
            assert!(read > 0, "the browser has ended; is `chromium` installed?");
            bytes.pop();
            let message: Value = serde_json::from_slice(&bytes).unwrap();
            if message["id"] == self.next {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.notice(&message);
        }
    }

    fn notice(&mut self, message: &Value) {
        let shown = message["params"].to_string();
        match message["method"].as_str().unwrap_or_default() {
            event @ ("Page.javascriptDialogOpening"
            | "Runtime.consoleAPICalled"
            | "Runtime.exceptionThrown"
            | "Log.entryAdded") => {
                self.noticed.push(format!("{event}: {shown}"));
            }
            // what it asked for, and of whom
            "Network.requestWillBeSent" => {
                let url = message["params"]["request"]["url"].as_str().unwrap_or_default();
                if !url.starts_with("http://127.0.0.1:") && url != "about:blank" {
                    self.noticed.push(format!("request: {url}"));
                }
            }
            _ => {}
        }
    }

    async fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        self.call("Runtime.evaluate", params).await["result"]["value"].clone()
    }

    async fn until(&mut self, expression: &str) {
        for _ in 0..600 {
            if self.evaluate(expression).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = self.evaluate("document.documentElement.outerHTML.slice(0, 3000)").await;
        panic!("never: {expression}\n{page}\n{:#?}", self.noticed);
    }
}

/// Each element of the log as one word: its name and its attributes.
const ELEMENTS: &str = "[...document.querySelectorAll('#log *')].map(e => e.localName + '|' + \
                        [...e.attributes].map(a => a.name + '=' + a.value).join('|'))";
/// The elements of the page outside the log, by name.
const OUTSIDE: &str = "[...new Set([...document.querySelectorAll('*')].filter(e => !e.closest('#log')).map(e => e.localName))].sort().join(' ')";

fn unlisted(elements: &Value) -> Vec<String> {
    let all = elements.as_array().expect("a list").iter().filter_map(Value::as_str);
    let listed = |element: &&str| {
        element
            .strip_prefix("span|class=")
            .is_some_and(|class| class.split(' ').all(is_look))
    };
    all.filter(|element| !listed(element)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_follows_a_hostile_log_has_nothing_but_text_and_listed_spans() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("printing", "staging").await;
    let run = installation.noted(deployment, "start").await.field("run").to_owned();
    let all = payloads();
    let whole = [all.concat(), b"\x1b[1;32mfirst part\x1b[0m\n".to_vec()].concat();
    installation.print("first", &whole);
    let mut browser = Browser::start().await;
    // part of it may be on the page as it was made, the rest comes while it is followed
    let url = format!("http://127.0.0.1:{}/runs/{run}", installation.port);
    browser.call("Page.navigate", json!({"url": url})).await;
    browser
        .until("document.getElementById('follow')?.textContent === 'following'")
        .await;
    browser
        .until("[...document.querySelectorAll('#log .ink2')].some(e => e.textContent === 'first part')")
        .await;
    let again = [all.concat(), b"\x1b[1;33msecond part\x1b[0m\n".to_vec()].concat();
    installation.print("second", &again);
    browser
        .until("[...document.querySelectorAll('#log .ink3')].some(e => e.textContent === 'second part')")
        .await;
    let live = browser.evaluate(ELEMENTS).await;
    assert_eq!(unlisted(&live), Vec::<String>::new());
    let text = browser.evaluate("document.getElementById('log').textContent").await;
    assert!(
        text.as_str()
            .is_some_and(|text| text.matches("<script>alert(1)</script>").count() > 100)
    );
    // what the page is when its run has ended, made by the server alone
    installation.open_gate(deployment);
    assert_eq!(
        installation.concluded(deployment, Duration::from_secs(20)).await,
        "success"
    );
    browser
        .until(
            "document.readyState === 'complete' && document.getElementById('state')?.textContent === 'succeeded' \
             && !document.getElementById('follow')",
        )
        .await;
    let made = browser.evaluate(ELEMENTS).await;
    assert_eq!(unlisted(&made), Vec::<String>::new());
    assert!(made.as_array().is_some_and(|made| made.len() > 100));
    let outside = browser.evaluate(OUTSIDE).await;
    assert_eq!(
        outside,
        "a body code dd div dl dt h1 h2 head header html link main meta p section span table tbody td th thead time title tr"
    );
    assert_eq!(
        browser.noticed,
        Vec::<String>::new(),
        "an alert, a line in the console, or a request to others"
    );
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
    row(
        "hostile logs in Chromium, made by the server and followed live",
        u64::try_from(all.len()).unwrap(),
        format!(
            "{} spans of the list, no other element, no alert, console empty",
            live.as_array().map_or(0, Vec::len)
        ),
        "only listed nodes",
    );
}
