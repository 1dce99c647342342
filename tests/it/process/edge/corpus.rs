//! Requests that nobody honest sends, for every door: generated, and the same again for the same seed.

mod broken;
pub mod draft;
mod webhook;

use hmac::{Hmac, KeyInit, Mac};

use crate::dice::Dice;
use crate::process::edge::corpus::draft::{Draft, Framing, gzip_bomb};

/// What the program under attack believes.
#[derive(Debug, Clone, Copy)]
pub struct Secrets {
    pub webhook: &'static str,
    pub chat: &'static str,
    pub slack: &'static str,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Hostile {
    pub what: String,
    pub bytes: Vec<u8>,
}

/// Requests in an endless row.
pub struct Corpus {
    dice: Dice,
    secrets: Secrets,
    bomb: Vec<u8>,
    deep: Vec<u8>,
}

const TYPES: &[&[u8]] = &[
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"application/json; charset=utf-7",
    b"text/xml",
    b"multipart/form-data; boundary=x",
    b"application/cbor",
    b"",
    b"application/json\xff",
    b"application/json, text/html",
];

const WORDS: &[&str] = &[
    "<script>alert(1)</script>",
    "';drop table runs;--",
    "$(id)",
    "`id`",
    "../../etc/passwd",
    "%2e%2e%2f",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "\u{202e}evil",
    "%00",
    "-eputs 1",
    "A\u{0}B",
    "\u{1b}]0;x\u{7}",
];

const UNKNOWN: &[&str] = &[
    "/.git/config",
    "/.env",
    "/wp-login.php",
    "/admin",
    "/webhooks",
    "/webhooks/github/",
    "/webhooks/github/..%2f..%2fsetup",
    "/WEBHOOKS/GITHUB",
    "//webhooks/github",
    "/webhooks//github",
    "/webhooks/github%00",
    "/webhooks/github;x=1",
    "/assets/../run.js",
    "/assets/%2e%2e/%2e%2e/config/app.yaml",
    "/runs/",
    "/api",
    "/api/v1/",
    "/api/v2/runs",
    "/cgi-bin/.%2e/.%2e/bin/sh",
    "/\u{7f}",
    "/%",
    "/%zz",
    "/%c0%ae%c0%ae/",
    "/..;/metrics",
    "/metrics/",
    "/readyz%2f",
    "/slack",
    "/slack/commands/x",
    "/chat/",
];

impl Corpus {
    pub fn new(seed: u64, secrets: Secrets) -> Self {
        Self {
            dice: Dice(seed),
            secrets,
            bomb: gzip_bomb(16),
            deep: vec![b'['; 1_000_000],
        }
    }

    pub fn request(&mut self) -> Hostile {
        match self.dice.index(20) {
            0..=7 => self.webhook(),
            8..=9 => self.chat(),
            10..=11 => self.slack(),
            12 => self.api(),
            13 => self.page(),
            14 => self.unknown(),
            15 => self.method(),
            _ => self.broken(),
        }
    }

    fn word(&mut self) -> &'static str {
        let words: &[&'static str] = WORDS;
        self.dice.one_of::<&'static str>(words)
    }

    /// Headers that want something of a proxy or of a library.
    fn decorate(&mut self, draft: &mut Draft) {
        match self.dice.index(14) {
            0 => draft.header("x-forwarded-for", "127.0.0.1, 10.0.0.1"),
            1 => draft.header("x-http-method-override", "GET"),
            2 => draft.header("x-original-url", "/setup"),
            3 => draft.header("transfer-encoding", "chunked, identity"),
            4 => draft.header("upgrade", "h2c"),
            5 => draft.header("cookie", "a=b; ".repeat(500)),
            6 => (0..60).for_each(|number| draft.header(&format!("x-{number}"), "1")),
            7 => draft.header("range", "bytes=0-0,1-1,2-2,3-3"),
            8 => draft.framing = Framing::Chunked,
            9 => draft.version = "HTTP/1.0",
            10 => draft.target = format!("http://evil.example{}", draft.target),
            11 => draft.header("expect", "100-continue"),
            12 => draft.header("origin", "null"),
            _ => {}
        }
    }

    fn chat(&mut self) -> Hostile {
        let token = self.secrets.chat;
        let mut draft = Draft::new("POST", "/chat");
        let wrong = match self.dice.index(12) {
            0 => vec![],
            1 => vec![String::new()],
            2 => vec![format!("Basic {token}")],
            3 => vec![format!("Bearer {}", &token[1..])],
            4 => vec![format!("Bearer {token}x")],
            5 => vec![format!("Bearer  {token}")],
            6 => vec![format!("Bearer {token}"), format!("Bearer {token}")],
            7 => vec![format!("Bearer {}", token.to_uppercase())],
            8 => vec!["Bearer".to_owned()],
            9 => vec![token.to_owned()],
            10 => vec![format!("Bearer {token}, Bearer x")],
            _ => vec![format!("Bearer {}", self.dice.index(1_000_000))],
        };
        for value in &wrong {
            draft.header("authorization", value);
        }
        if self.dice.index(4) == 0 {
            draft.target = format!("/chat?token={}", token.replace(' ', "+"));
        }
        draft.header("content-type", self.dice.one_of(TYPES));
        self.decorate(&mut draft);
        draft.body = match self.dice.index(3) {
            0 => br#"{"user":"mona","room":"deployment","text":"deploy site to staging"}"#.to_vec(),
            _ => self.body().1,
        };
        Hostile {
            what: format!("chat: {wrong:?}"),
            bytes: draft.bytes(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "Slack's signatures are good for five minutes of the real clock"
    )]
    fn slack(&mut self) -> Hostile {
        let door = *self
            .dice
            .one_of(&["/slack/commands", "/slack/events", "/slack/interactivity"]);
        let mut draft = Draft::new("POST", door);
        let body = match self.dice.index(4) {
            0 => br#"{"type":"url_verification","challenge":"x"}"#.to_vec(),
            1 => b"command=%2Fchima&text=deploy+site+to+staging&user_id=U1&channel_id=C1&team_id=T1&trigger_id=1"
                .to_vec(),
            2 => b"payload=%7B%22type%22%3A%22block_actions%22%7D".to_vec(),
            _ => self.body().1,
        };
        let now = chrono::Utc::now().timestamp();
        let signed = |secret: &str, time: &str| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(format!("v0:{time}:").as_bytes());
            mac.update(&body);
            format!("v0={}", hex::encode(mac.finalize().into_bytes()))
        };
        let (secret, at) = (self.secrets.slack, now.to_string());
        let old = (now - 301 - i64::try_from(self.dice.index(100_000)).unwrap()).to_string();
        let soon = (now + 400 + i64::try_from(self.dice.index(100_000)).unwrap()).to_string();
        let (wrong, headers): (_, Vec<(&str, String)>) = match self.dice.index(9) {
            0 => ("none", vec![]),
            1 => ("no time", vec![("s", signed(secret, &at))]),
            2 => ("no signature", vec![("t", at)]),
            3 => ("a recording", vec![("s", signed(secret, &old)), ("t", old)]),
            4 => ("a time to come", vec![("s", signed(secret, &soon)), ("t", soon)]),
            5 => (
                "another secret",
                vec![("s", signed("another secret of some length", &at)), ("t", at)],
            ),
            6 => (
                "another time",
                vec![("s", signed(secret, &at)), ("t", (now - 1).to_string())],
            ),
            7 => (
                "two times",
                vec![("s", signed(secret, &at)), ("t", at.clone()), ("t", at)],
            ),
            _ => (
                "another version",
                vec![("s", signed(secret, &at).replace("v0=", "v1=")), ("t", at)],
            ),
        };
        for (name, value) in headers {
            let name = if name == "s" {
                "x-slack-signature"
            } else {
                "x-slack-request-timestamp"
            };
            draft.header(name, value);
        }
        draft.header("content-type", self.dice.one_of(TYPES));
        self.decorate(&mut draft);
        draft.body = body;
        Hostile {
            what: format!("{door}: {wrong}"),
            bytes: draft.bytes(),
        }
    }

    fn escaped(&mut self) -> String {
        let word = self.word();
        word.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    fn api(&mut self) -> Hostile {
        let id = match self.dice.index(5) {
            0 => "00000000000000000000000000".to_owned(),
            1 => "7".repeat(3000),
            2 => "%ff%fe".to_owned(),
            _ => self.escaped(),
        };
        let target = match self.dice.index(4) {
            0 => format!("/api/v1/runs/{id}/log?from=-1"),
            1 => format!("/api/v1/runs/{id}/log?from=99999999999999999999999"),
            2 => format!("/api/v1/{id}"),
            _ => format!("/api/v1/runs/{id}/log"),
        };
        let mut draft = Draft::new("GET", &target);
        draft.header(
            "accept",
            *self
                .dice
                .one_of(&["text/event-stream", "text/plain", "*/*;q=NaN", "\u{ff}"]),
        );
        draft.header("last-event-id", self.word().replace(['\0', '\u{1b}', '\u{7}'], ""));
        Hostile {
            what: format!("api: {}", &target[..target.len().min(60)]),
            bytes: draft.bytes(),
        }
    }

    fn page(&mut self) -> Hostile {
        let target = match self.dice.index(3) {
            0 => format!("/runs/{}", self.escaped()),
            1 => format!("/runs/01J0000000000000000000000{}/..%2f..", self.dice.index(9)),
            _ => format!("/setup/callback?code={}&state={}", self.escaped(), self.escaped()),
        };
        Hostile {
            what: format!("page: {target}"),
            bytes: Draft::new("GET", &target).bytes(),
        }
    }

    fn unknown(&mut self) -> Hostile {
        let target = *self.dice.one_of(UNKNOWN);
        let method = *self.dice.one_of(&["GET", "POST", "PUT", "HEAD"]);
        let mut draft = Draft::new(method, target);
        draft.header("x-github-event", "deployment");
        draft.body = if method == "POST" { self.body().1 } else { Vec::new() };
        Hostile {
            what: format!("unknown: {method} {target}"),
            bytes: draft.bytes(),
        }
    }

    fn method(&mut self) -> Hostile {
        let method = *self.dice.one_of(&[
            "PUT",
            "DELETE",
            "PATCH",
            "OPTIONS",
            "TRACE",
            "CONNECT",
            "PROPFIND",
            "FOO",
            "X".repeat(40).leak(),
        ]);
        let target = *self.dice.one_of(&[
            "/",
            "/webhooks/github",
            "/chat",
            "/slack/events",
            "/healthz",
            "/readyz",
            "/metrics",
            "/setup",
            "/assets/run.js",
        ]);
        let mut draft = Draft::new(method, target);
        if method == "CONNECT" {
            draft.target = "127.0.0.1:22".to_owned();
        }
        draft.header("x-http-method-override", "POST");
        Hostile {
            what: format!("method: {method} {target}"),
            bytes: draft.bytes(),
        }
    }
}
