//! Bodies that are rightly signed and are not what their headers say: each is refused, kept, and does nothing.
//!
//! Whoever has the secret may ask for anything; whoever only captured a delivery has one signature, for one body, and can change
//! what stands around it.

use std::collections::BTreeSet;
use std::time::Duration;

use chima_simulator::sign::sign;

use crate::dice::Dice;
use crate::process::edge::door::exchange;
use crate::process::edge::hostile::{NEXT, SECRETS, asked, in_peace, open_doors};
use crate::process::edge::ledger;
use crate::torture::{rounds, row};

const DEPLOYMENT: &str = r#"{"action":"created","deployment":{"id":NUMBER,"sha":"0000000000000000000000000000000000000000","ref":"main","task":"deploy","environment":"staging","payload":{},"creator":{"login":"mona","id":1}},"repository":{"id":1,"full_name":"octo/site"},"sender":{"login":"mona","id":1}}"#;
const STATUS: &str = r#"{"id":NUMBER,"sha":"0000000000000000000000000000000000000000","state":"success","context":"ci","repository":{"id":1,"full_name":"octo/site"}}"#;
const PUSH: &str = r#"{"ref":"refs/heads/main","before":"0","after":"0000000000000000000000000000000000000000","pusher":{"name":"NUMBER"},"repository":{"id":1,"full_name":"octo/site"}}"#;
const COMMENT: &str = r#"{"action":"created","issue":{"number":1,"pull_request":{}},"comment":{"id":NUMBER,"body":".deploy","user":{"login":"mona"}},"repository":{"id":1,"full_name":"octo/site"}}"#;

struct Parcel {
    what: &'static str,
    event: Vec<u8>,
    kind: &'static [u8],
    encoding: Option<&'static str>,
    body: Vec<u8>,
}

impl Parcel {
    fn bytes(&self, secret: &str, number: u64) -> Vec<u8> {
        let mut bytes = format!(
            "POST /webhooks/github HTTP/1.1\r\nhost: l\r\nconnection: close\r\nx-hub-signature-256: {}\r\n\
             x-github-delivery: 00000000-0000-0000-0000-{number:012}\r\ncontent-length: {}\r\n",
            sign(secret, &self.body),
            self.body.len()
        )
        .into_bytes();
        for (name, value) in [
            (b"x-github-event: ".as_slice(), self.event.as_slice()),
            (b"content-type: ", self.kind),
        ] {
            bytes.extend([name, value, b"\r\n"].concat());
        }
        if let Some(encoding) = self.encoding {
            bytes.extend(format!("content-encoding: {encoding}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

/// A body of one event under another's name, or a body that cannot be read.
fn wrong(dice: &mut Dice, number: u64) -> Parcel {
    let named = |text: &str| text.replace("NUMBER", &(900_000 + number).to_string()).into_bytes();
    let json: &[u8] = b"application/json";
    let parcel = |what, event: &str, body| Parcel {
        what,
        event: event.as_bytes().to_vec(),
        kind: json,
        encoding: None,
        body,
    };
    let deployment = || named(DEPLOYMENT);
    match dice.index(24) {
        0 => parcel("a deployment called ping", "ping", deployment()),
        1 => parcel("a deployment called push", "push", deployment()),
        2 => parcel("a deployment called star", "star", deployment()),
        3 => parcel(
            "a deployment called deployment_status",
            "deployment_status",
            deployment(),
        ),
        4 => parcel("a status called deployment", "deployment", named(STATUS)),
        5 => parcel("a push called deployment", "deployment", named(PUSH)),
        6 => parcel("a comment called deployment", "deployment", named(COMMENT)),
        7 => parcel("a deployment called issue_comment", "issue_comment", deployment()),
        8 => parcel("a push called check_run", "check_run", named(PUSH)),
        9 => parcel("no event", "", deployment()),
        10 => parcel("an event in capitals", "Deployment", deployment()),
        11 => Parcel {
            event: b"deployment\xff".to_vec(),
            ..parcel("an event that is not ASCII", "", deployment())
        },
        12 => Parcel {
            event: b"deployment\r\nx-github-event: ping".to_vec(),
            ..parcel("two events", "", deployment())
        },
        13 => {
            let mut body = deployment();
            body.truncate(dice.index(body.len() - 1));
            parcel("half a body", "deployment", body)
        }
        14 => parcel(
            "a million brackets",
            "deployment",
            b"[".repeat(if dice.index(4) == 0 { 1_000_000 } else { 1_000 }),
        ),
        15 => parcel("nested objects", "deployment", br#"{"a":"#.repeat(300)),
        16 => parcel(
            "a number beyond 64 bits",
            "deployment",
            DEPLOYMENT.replace("NUMBER", "184467440737095516160000").into_bytes(),
        ),
        17 => parcel(
            "a number that is none",
            "deployment",
            DEPLOYMENT
                .replace(
                    "NUMBER",
                    dice.one_of::<&str>(&["-1", "1.5", "\"1\"", "1e400", "null", "NaN", "01"]),
                )
                .into_bytes(),
        ),
        18 => parcel(
            "not UTF-8",
            "deployment",
            named(DEPLOYMENT)
                .into_iter()
                .map(|byte| if byte == b'm' { 0xff } else { byte })
                .collect(),
        ),
        19 => Parcel {
            kind: b"application/x-www-form-urlencoded",
            ..parcel("JSON called a form", "deployment", deployment())
        },
        20 => Parcel {
            kind: b"application/x-www-form-urlencoded",
            ..parcel("two payloads", "deployment", b"payload=%7B%7D&payload=%7B%7D".to_vec())
        },
        21 => Parcel {
            kind: dice.one_of::<&[u8]>(&[
                b"text/plain".as_slice(),
                b"",
                b"application/xml",
                b"application/json\r\ncontent-type: text/xml",
            ]),
            ..parcel("another type", "deployment", deployment())
        },
        22 => Parcel {
            encoding: Some("gzip"),
            ..parcel(
                "compressed",
                "deployment",
                crate::process::edge::corpus::draft::gzip_bomb(4),
            )
        },
        _ => parcel(
            "no object",
            "deployment",
            dice.one_of(&[
                "null",
                "[]",
                "\"deployment\"",
                "1",
                "",
                " ",
                "{}",
                "\u{feff}{}",
                "{\"deployment\":{}}{}",
            ])
            .as_bytes()
            .to_vec(),
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rightly_signed_bodies_that_are_not_what_they_say_are_kept_and_do_nothing() {
    let installation = open_doors().await;
    let (mut expected, calls) = in_peace(&installation).await;
    let mut server = installation.serve().await;
    let count = rounds(400, 4_000);
    let mut dice = Dice(3);
    let mut odd = BTreeSet::new();
    for number in 0..count {
        let parcel = wrong(&mut dice, number);
        let secret = if number % 2 == 0 { SECRETS.webhook } else { NEXT };
        let heard = exchange(installation.port, &parcel.bytes(secret, number)).await;
        if heard.statuses != [400] || !heard.text.contains("\r\n\r\nstored as ") {
            odd.insert(format!(
                "{}: {}",
                parcel.what,
                heard.text.lines().last().unwrap_or_default()
            ));
        }
    }
    assert_eq!(odd, BTreeSet::new());
    server.stop(Duration::from_secs(10)).await;
    *expected.get_mut("deliveries").expect("it is a table") += count;
    assert_eq!(ledger::rows(&installation.path("data/chima.db")).await, expected);
    let new: Vec<String> = asked(&installation).difference(&calls).cloned().collect();
    assert_eq!(new, Vec::<String>::new());
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
    installation.close().await;
    row(
        "signed bodies under other headers",
        count,
        "100 % 400 and kept, 0 runs, 0 calls, 0 panics",
        "0 runs",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_is_replaced_both_are_good_and_no_third() {
    let installation = open_doors().await;
    let mut server = installation.serve().await;
    let ping = Parcel {
        what: "a ping",
        event: b"ping".to_vec(),
        kind: b"application/json",
        encoding: None,
        body: br#"{"zen":"Keep it logically awesome.","hook_id":1,"hook":{}}"#.to_vec(),
    };
    for (secret, status) in [
        (SECRETS.webhook, 200),
        (NEXT, 200),
        ("a secret of last year, retired", 401),
    ] {
        let heard = exchange(installation.port, &ping.bytes(secret, 1)).await;
        assert_eq!(heard.statuses, [status], "{}", heard.text);
    }
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
}
