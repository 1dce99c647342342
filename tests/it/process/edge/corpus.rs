//! Requests that nobody honest sends, for every door: generated, and the same again for the same seed.

use chima_simulator::sign::sign;
use hmac::{Hmac, KeyInit, Mac};

use crate::dice::Dice;

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

/// Bodies that decode to much more than they are.
pub fn gzip_bomb(megabytes: usize) -> Vec<u8> {
    struct Bits(Vec<u8>, usize);
    impl Bits {
        fn push(&mut self, bits: &str) {
            for bit in bits.bytes() {
                if self.1 == 0 {
                    self.0.push(0);
                }
                if bit == b'1' {
                    *self.0.last_mut().unwrap() |= 1 << self.1;
                }
                self.1 = (self.1 + 1) % 8;
            }
        }
    }
    // one final block with the fixed codes: a zero, then "the same 258 times" again and again, then the end
    let mut bits = Bits(b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec(), 0);
    bits.push("110");
    bits.push("00110000");
    for _ in 0..megabytes * 1024 * 1024 / 258 {
        bits.push("1100010100000");
    }
    bits.push("0000000");
    let mut bytes = bits.0;
    bytes.extend([0; 8]);
    bytes
}

/// Requests in an endless row.
pub struct Corpus {
    dice: Dice,
    secrets: Secrets,
    bomb: Vec<u8>,
    deep: Vec<u8>,
}

/// A head as it will be sent, with the body's framing.
struct Draft {
    method: &'static str,
    target: String,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
}

impl Draft {
    fn new(method: &'static str, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            version: "HTTP/1.1",
            headers: vec![("host".to_owned(), b"localhost".to_vec())],
            body: Vec::new(),
            framing: Framing::Length,
        }
    }

    fn header(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(name.bytes().chain(*b": ").chain(value.iter().copied()).chain(*b"\r\n"));
        }
        bytes.extend(b"connection: close\r\n");
        match self.framing {
            Framing::Length => {
                bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).into_bytes());
                bytes.extend(&self.body);
            }
            Framing::Chunked => {
                bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
                for piece in self.body.chunks(1000) {
                    bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
                    bytes.extend(piece);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

const EVENTS: &[&[u8]] = &[
    b"deployment",
    b"deployment_status",
    b"push",
    b"ping",
    b"issue_comment",
    b"check_run",
    b"status",
    b"repository",
    b"installation",
    b"",
    b"DEPLOYMENT",
    b"deployment\xff",
    b"deployment, push",
    b"../../deployment",
    b"deployment\t",
    b"__proto__",
];

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

const ENCODINGS: &[&[u8]] = &[
    b"gzip",
    b"br",
    b"deflate, gzip",
    b"identity",
    b"zstd",
    b"gzip, gzip, gzip",
    b"*",
    b"aws-chunked",
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

    /// A body, and what it is called.
    fn body(&mut self) -> (String, Vec<u8>) {
        let whole = br#"{"action":"created","deployment":{"id":1,"sha":"0000000000000000000000000000000000000000","ref":"main","task":"deploy","environment":"staging","payload":{},"creator":{"login":"mona"}},"repository":{"id":1,"full_name":"octo/site"}}"#;
        let (what, body) = match self.dice.index(17) {
            0 => ("whole", whole.to_vec()),
            1 => ("nothing", Vec::new()),
            2 => ("half", whole[..self.dice.index(whole.len())].to_vec()),
            3 => ("noise", self.dice.bytes(2000)),
            4 => (
                "duplicate keys",
                br#"{"deployment":{"id":1},"deployment":{"id":2},"repository":{"id":1},"repository":{"id":2}}"#
                    .to_vec(),
            ),
            5 => (
                "number",
                br#"{"deployment":{"id":184467440737095516160000},"repository":{"id":-1e999}}"#.to_vec(),
            ),
            6 => (
                "invalid UTF-8",
                b"{\"deployment\":{\"id\":1,\"ref\":\"\xff\xfe\xc0\x80\"}}".to_vec(),
            ),
            7 => (
                "surrogate",
                br#"{"deployment":{"id":1,"ref":"\ud800"},"repository":{"id":1}}"#.to_vec(),
            ),
            8 => (
                "form",
                b"payload=%7B%7D&payload=%7B%22deployment%22%3A1%7D&payload".to_vec(),
            ),
            9 => ("form with a bomb of fields", b"a=1&".repeat(3000)),
            10 => (
                "multipart",
                b"--x\r\ncontent-disposition: form-data; name=\"payload\"\r\n\r\n{}\r\n--x--".to_vec(),
            ),
            11 => (
                "UTF-16",
                "{\"deployment\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ),
            12 => ("byte order mark", b"\xef\xbb\xbf{}".to_vec()),
            13 => (
                "word",
                format!("{{\"deployment\":{{\"ref\":\"{}\"}}}}", self.word()).into_bytes(),
            ),
            14 => (
                "wide",
                [b"{".to_vec(), b"\"a\":1,".repeat(5000), b"\"b\":1}".to_vec()].concat(),
            ),
            // these have a megabyte, so they are rare
            15 if self.dice.index(8) == 0 => ("deep", self.deep.clone()),
            16 if self.dice.index(4) == 0 => ("bomb", self.bomb.clone()),
            _ => ("deep enough", b"[".repeat(200)),
        };
        (what.to_owned(), body)
    }

    /// A signature that is not the right one for this body, and what is wrong with it.
    fn signature(&mut self, body: &[u8]) -> (&'static str, Vec<(&'static str, Vec<u8>)>) {
        const NEW: &str = "x-hub-signature-256";
        let right = sign(self.secrets.webhook, body);
        let digits = right.trim_start_matches("sha256=").to_owned();
        let other = |key: &[u8], body: &[u8]| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
            mac.update(body);
            format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
        };
        let one = |value: String| vec![(NEW, value.into_bytes())];
        match self.dice.index(24) {
            0 => ("missing", vec![]),
            1 => ("empty", one(String::new())),
            2 => ("old name", vec![("x-hub-signature", right.clone().into_bytes())]),
            3 => (
                "old algorithm",
                vec![(
                    "x-hub-signature",
                    b"sha1=0123456789012345678901234567890123456789".to_vec(),
                )],
            ),
            4 => ("sha1 prefix", one(format!("sha1={digits}"))),
            5 => ("no prefix", one(digits)),
            6 => ("short", one(right[..right.len() - 1 - self.dice.index(40)].to_owned())),
            7 => ("long", one(format!("{right}{}", "0".repeat(1 + self.dice.index(90))))),
            8 => ("upper case", one(right.to_uppercase())),
            9 => (
                "upper case digits",
                one(format!(
                    "sha256={}",
                    digits.to_uppercase().replacen(|c: char| c.is_ascii_digit(), "A", 1)
                )),
            ),
            10 => ("upper case prefix", one(format!("SHA256={digits}"))),
            11 => (
                "two, both right",
                vec![(NEW, right.clone().into_bytes()), (NEW, right.into_bytes())],
            ),
            12 => (
                "two, one right",
                vec![(NEW, other(b"x", body).into_bytes()), (NEW, right.into_bytes())],
            ),
            13 => (
                "for one byte more",
                one(sign(self.secrets.webhook, &[body, b" "].concat())),
            ),
            14 => ("for nothing", one(sign(self.secrets.webhook, b"nothing of this"))),
            15 => ("wrong secret", one(other(b"a secret that was retired", body))),
            16 => ("empty secret", one(other(b"", body))),
            17 => (
                "secret with a line end",
                one(other(format!("{}\n", self.secrets.webhook).as_bytes(), body)),
            ),
            18 => ("list", one(format!("{right}, {right}"))),
            19 => ("inner space", one(format!("sha256= {digits}"))),
            20 => ("not hexadecimal", one(format!("sha256={}", "z".repeat(64)))),
            21 => (
                "not ASCII",
                vec![(NEW, [b"sha256=", b"\xff".repeat(64).as_slice()].concat())],
            ),
            22 => ("zeroes", one(format!("sha256={}", "0".repeat(64)))),
            _ => {
                let mut changed = right.into_bytes();
                let at = 7 + self.dice.index(64);
                changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
                ("one digit", vec![(NEW, changed)])
            }
        }
    }

    fn webhook(&mut self) -> Hostile {
        let (body_is, body) = self.body();
        let (wrong, signature) = self.signature(&body);
        let mut draft = Draft::new("POST", "/webhooks/github");
        for (name, value) in signature {
            draft.header(name, value);
        }
        let event = *self.dice.one_of(EVENTS);
        draft.header("x-github-event", event);
        if self.dice.index(8) == 0 {
            draft.header("x-github-event", "ping");
        }
        draft.header("x-github-delivery", self.guid());
        draft.header("content-type", self.dice.one_of(TYPES));
        if self.dice.index(3) == 0 {
            draft.header("content-encoding", self.dice.one_of(ENCODINGS));
        }
        self.decorate(&mut draft);
        draft.body = body;
        Hostile {
            what: format!("webhook: {body_is}, signature {wrong}"),
            bytes: draft.bytes(),
        }
    }

    fn guid(&mut self) -> Vec<u8> {
        match self.dice.index(5) {
            0 => b"".to_vec(),
            1 => self.word().bytes().filter(|byte| *byte >= b' ').collect(),
            2 => b"0".repeat(4000),
            3 => b"\xff\xfe".to_vec(),
            _ => format!("00000000-0000-0000-0000-{:012}", self.dice.index(1_000_000)).into_bytes(),
        }
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

    /// What is not HTTP/1.1, or reads as two different requests.
    fn broken(&mut self) -> Hostile {
        const HEAD: &str = "POST /webhooks/github HTTP/1.1\r\nhost: l\r\n";
        const INNER: &str = "GET /setup HTTP/1.1\r\nhost: l\r\n\r\n";
        let noise = self.dice.bytes(300);
        let (what, bytes): (_, Vec<u8>) = match self.dice.index(26) {
            0 => (
                "two lengths",
                format!("{HEAD}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd").into(),
            ),
            1 => (
                "length and chunks",
                format!(
                    "{HEAD}connection: close\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{INNER}"
                )
                .into(),
            ),
            2 => (
                "chunks and length",
                format!("{HEAD}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5\r\nabcde\r\n0\r\n\r\n{INNER}")
                    .into(),
            ),
            3 => (
                "chunks not last",
                format!("{HEAD}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n").into(),
            ),
            4 => (
                "chunks in HTTP/1.0",
                format!(
                    "{}transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                    HEAD.replace("1.1", "1.0")
                )
                .into(),
            ),
            5 => (
                "odd encoding",
                format!("{HEAD}transfer-encoding: \u{b}chunked\r\n\r\n0\r\n\r\n").into(),
            ),
            6 => (
                "space before colon",
                format!("{HEAD}content-length : 3\r\n\r\nabc").into(),
            ),
            7 => ("folded header", format!("{HEAD}x-a: b\r\n c\r\n\r\n").into()),
            8 => (
                "length with plus",
                format!("{HEAD}content-length: +3\r\n\r\nabc").into(),
            ),
            9 => ("length below zero", format!("{HEAD}content-length: -1\r\n\r\n").into()),
            10 => (
                "length in hexadecimal",
                format!("{HEAD}content-length: 0x3\r\n\r\nabc").into(),
            ),
            11 => (
                "length beyond 64 bits",
                format!("{HEAD}content-length: 18446744073709551616\r\n\r\n").into(),
            ),
            12 => (
                "lengths in a list",
                format!("{HEAD}content-length: 3, 4\r\n\r\nabcd").into(),
            ),
            13 => ("NUL in a value", format!("{HEAD}x-a: b\0c\r\n\r\n").into()),
            14 => ("NUL in a name", format!("{HEAD}x\0: b\r\n\r\n").into()),
            15 => (
                "lone line feeds and a bad name",
                "GET / HTTP/1.1\nhost: l\n\u{e9}: x\n\n".into(),
            ),
            16 => (
                "huge head",
                format!("{HEAD}x-a: {}\r\n\r\n", "a".repeat(20_000 + self.dice.index(300_000))).into(),
            ),
            17 => (
                "header bomb",
                format!("{HEAD}{}\r\n", "a: b\r\n".repeat(200 + self.dice.index(2000))).into(),
            ),
            18 => (
                "huge target",
                format!("GET /{} HTTP/1.1\r\nhost: l\r\n\r\n", "a".repeat(70_000)).into(),
            ),
            19 => (
                "version",
                format!(
                    "GET / HTTP/{}.{}\r\nhost: l\r\n\r\n",
                    2 + self.dice.index(7),
                    self.dice.index(9)
                )
                .into(),
            ),
            20 => (
                "HTTP/2 preface",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            ),
            21 => (
                "TLS",
                [
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
                    &noise,
                    b"\r\n\r\n",
                ]
                .concat(),
            ),
            22 => ("no version", "GET /\r\n\r\n".into()),
            23 => ("two spaces", "GET  /  HTTP/1.1\r\nhost: l\r\n\r\n".into()),
            24 => ("NUL first", [b"\0\0".as_slice(), &noise, b"\r\n\r\n"].concat()),
            _ => (
                "target not ASCII",
                "GET /\u{ff}\u{0} HTTP/1.1\r\nhost: l\r\n\r\n".into(),
            ),
        };
        Hostile {
            what: format!("broken: {what}"),
            bytes,
        }
    }
}
