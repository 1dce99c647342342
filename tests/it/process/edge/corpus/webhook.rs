//! Deliveries that GitHub did not send: bodies, signatures, heads.

use chima_simulator::sign::sign;
use hmac::{Hmac, KeyInit, Mac};

use crate::process::edge::corpus::draft::Draft;
use crate::process::edge::corpus::{Corpus, Hostile, TYPES};

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

impl Corpus {
    pub fn webhook(&mut self) -> Hostile {
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

    /// A body, and what it is called.
    pub fn body(&mut self) -> (String, Vec<u8>) {
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
}
