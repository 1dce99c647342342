//! A hundred secrets of every kind, printed in every encoding, in colours and in pieces: none is in anything that is kept or told, nor
//! in what is left of it without colours. What is looked for is worked out here, by other libraries than those that mask.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chima::provider::mask::{Masker, Patterns};
use chima::provider::processes;
use chima::provider::spec::Secret;
use chima_simulator::git::GitRepository;
use chima_simulator::rooms::Rooms;
use chima_simulator::rooms::world::Service;
use chima_simulator::slack::Slack;
use chima_simulator::smtp::MailServer;

use crate::process::child::Chima;
use crate::process::installation::{Installation, REPOSITORY};
use crate::process::wire::get;
use crate::torture::{rounds, row};

const HOW_MANY: usize = 100;

/// Letters that tools have no reason to print.
fn letters(dice: &mut u64, count: usize) -> String {
    const ALL: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut letter = || {
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        ALL.get(usize::try_from(*dice % 62).unwrap_or(0))
            .map_or('x', |byte| char::from(*byte))
    };
    (0..count).map(|_| letter()).collect()
}

/// Many lines, quotes, other letters, expressions, beginnings of one another, overlaps, eight letters, ten thousand.
fn secrets() -> Vec<Secret> {
    let mut dice = 0x9e37_79b9_7f4a_7c15;
    let mut all: Vec<String> = Vec::new();
    for number in 0..HOW_MANY {
        let fresh = letters(&mut dice, 20);
        let last = all.last().cloned().unwrap_or_default();
        all.push(match number % 10 {
            0 => {
                let lines: Vec<String> = (0..6).map(|_| letters(&mut dice, 64)).collect();
                format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
                    lines.join("\n")
                )
            }
            1 => format!("p\"{fresh}'s \\w/ $HOME `id` & <b>"),
            2 => format!("pa\u{df}w\u{f6}rt-\u{65e5}\u{672c}-\u{1f511}{fresh}"),
            3 => format!("^({fresh}|x)*[y]{{2}}.+?\\d$"),
            4 => letters(&mut dice, 8),
            // the one before begins it
            5 => last + &fresh,
            // it begins with the end of the one before
            6 => last.chars().skip(12).collect::<String>() + &fresh,
            7 => format!("https://user:{fresh}@db.example.com/x?y=z#{number}"),
            8 if number == 8 => letters(&mut dice, 10_000),
            8 => letters(&mut dice, 300),
            _ => format!("ghp_{fresh}{fresh}"),
        });
    }
    let named = |(number, value): (usize, String)| Secret {
        name: format!("S_{number}"),
        value,
    };
    all.into_iter().enumerate().map(named).collect()
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let code = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(code).collect()
}

fn as_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As tools colour it: in one part, or letter by letter.
fn coloured(text: &str, every: usize) -> String {
    let letters = text.chars().enumerate();
    let dressed = letters.map(|(at, letter)| {
        if at % every == every / 2 {
            format!("\x1b[38;5;{}m{letter}\x1b[0m", at % 256)
        } else {
            letter.to_string()
        }
    });
    dressed.collect()
}

/// What whoever sees no colours sees.
fn bare(text: &[u8]) -> Vec<u8> {
    static COLOUR: LazyLock<regex::bytes::Regex> =
        LazyLock::new(|| regex::bytes::Regex::new("(?-u)\x1b\\[[0-9;]*m").expect("an expression"));
    COLOUR.replace_all(text, b"".as_slice()).into_owned()
}

fn broken(text: &str, width: usize) -> String {
    let lines = text.as_bytes().chunks(width).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

/// What a command may print of a secret.
fn encodings(value: &str) -> Vec<String> {
    let base64 = |before: &str| STANDARD.encode(format!("{before}{value}"));
    vec![
        value.to_owned(),
        base64(""),
        base64("u"),
        base64("u:"),
        broken(&base64("user:"), 76),
        broken(&base64("no more than a few words"), 64),
        hex::encode(value),
        hex::encode_upper(value),
        percent_encoded(value),
        form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        as_json(value),
        as_json(&as_json(value)),
        value.replace('\'', "'\\''"),
        value.replace('\'', "'\"'\"'"),
        coloured(value, 1),
        coloured(value, 5),
        coloured(&base64(""), 3),
        coloured(&hex::encode(value), 7),
    ]
}

/// What must be nowhere, by its first eight bytes.
struct Needles(BTreeMap<[u8; 8], Vec<Vec<u8>>>);

impl Needles {
    fn of(secrets: &[Secret]) -> Self {
        let mut needles = Self(BTreeMap::new());
        for secret in secrets {
            let value = secret.value.as_str();
            // what every key begins with is no secret
            for line in value.lines().filter(|line| !line.starts_with("-----")) {
                needles.insert(line.as_bytes());
                needles.insert(hex::encode(line).as_bytes());
                needles.insert(hex::encode_upper(line).as_bytes());
                needles.insert(percent_encoded(line).as_bytes());
                needles.insert(as_json(line).as_bytes());
                for before in ["", "u", "u:"] {
                    // every eight characters of it are six bytes of the secret; those at its edges are of others too
                    let encoded = STANDARD.encode(format!("{before}{line}"));
                    let own = encoded.as_bytes().get(4..encoded.len() - 4).unwrap_or_default();
                    own.windows(8).for_each(|piece| needles.insert(piece));
                }
            }
        }
        needles
    }

    fn insert(&mut self, needle: &[u8]) {
        if let Some(head) = needle.first_chunk() {
            let entry = self.0.entry(*head).or_default();
            if !entry.iter().any(|known| known == needle) {
                entry.push(needle.to_vec());
            }
        }
    }

    fn found_in(&self, text: &[u8]) -> Option<String> {
        (0..text.len().saturating_sub(7)).find_map(|at| {
            let rest = &text[at..];
            let needles = rest.first_chunk().and_then(|head| self.0.get(head))?;
            let needle = needles.iter().find(|needle| rest.starts_with(needle))?;
            Some(format!("{} at {at}", String::from_utf8_lossy(needle)))
        })
    }
}

/// Where a text is cut in two: everywhere, or in many places where it is long.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    let many = usize::try_from(rounds(16, 400)).unwrap_or(16);
    let step = (length / many).max(1);
    (0..=length).filter(move |at| at % step == 0)
}

#[test]
fn no_secret_in_any_encoding_leaks_at_any_boundary() {
    let secrets = secrets();
    let patterns = Patterns::new(&secrets).unwrap();
    let (mut tried, mut leaks) = (0_u64, Vec::new());
    for secret in &secrets {
        let needles = Needles::of(std::slice::from_ref(secret));
        for (which, form) in encodings(&secret.value).into_iter().enumerate() {
            let text = format!("before <{form}> after");
            let whole = patterns.mask(text.as_bytes());
            if let Some(leak) = needles.found_in(&whole).or_else(|| needles.found_in(&bare(&whole))) {
                leaks.push(format!("{} as {which}: {leak}", secret.name));
            }
            assert!(whole.starts_with(b"before <") && whole.ends_with(b"> after"));
            for cut in cuts(text.len()) {
                let (one, other) = text.as_bytes().split_at(cut);
                let (mut masker, mut out) = (Masker::new(patterns.clone()), Vec::new());
                masker.push(one, &mut out);
                masker.push(other, &mut out);
                masker.finish(&mut out);
                assert!(out == whole, "{} as {which}, cut at {cut}", secret.name);
                tried += 1;
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let shown = format!("{:?} {:?}", secrets, Masker::new(patterns));
    assert_eq!(
        Needles::of(&secrets).found_in(shown.as_bytes()),
        None,
        "in what a panic would show"
    );
    row(
        "no_secret_in_any_encoding_leaks_at_any_boundary",
        tried,
        format!("{HOW_MANY} secrets, 18 encodings, 0 leaks"),
        "0 leaks",
    );
}

/// Prints every secret in every encoding on both streams, in pieces of all sizes, and ends with some in its last words.
const LEAKY: &str = r#"#!/usr/bin/env python3
import base64, json, os, shlex, sys, time, urllib.parse

names = sorted((name for name in os.environ if name.startswith("S_")), key=lambda name: int(name[2:]))

def forms(value):
    raw = value.encode()
    yield value
    for before in (b"", b"u", b"u:", b"user:"):
        yield base64.b64encode(before + raw).decode()
        yield base64.encodebytes(before + raw).decode()
    yield raw.hex()
    yield raw.hex().upper()
    yield urllib.parse.quote(value)
    yield urllib.parse.quote_plus(value)
    yield json.dumps(value)
    yield json.dumps(value, ensure_ascii=False)
    yield json.dumps(json.dumps(value))
    yield repr(value)
    yield shlex.quote(value)
    yield "'" + value.replace("'", "'\\''") + "'"
    yield "".join("\x1b[38;5;%dm%s\x1b[0m" % (at % 256, letter) for at, letter in enumerate(value))
    yield value[:3] + "\x1b[31m" + value[3:6] + "\x1b[0m" + value[6:]

def write(stream, text, size):
    data = (text + "\n").encode()
    for at in range(0, len(data), size):
        os.write(stream, data[at:at + size])

for number, name in enumerate(names):
    for which, text in enumerate(forms(os.environ[name])):
        for stream in (1, 2):
            write(stream, text, 65536 if len(text) > 400 else (number + which) % 23 + 1)
fatal = " and ".join(json.dumps(os.environ[name]) for name in names[1:8])
write(2, "at last: " + os.environ[names[9]] + " " + fatal, 7)
write(1, "fatal: the login with " + os.environ[names[9]] + " was refused, also with " + fatal, 5)
sys.exit(9)
"#;

const MANIFEST: &str = "name: leaky
description: Shows its secrets.
kind: command
forms:
  - command: [./script/leak]
leftover: stop
results: exit_code
causes:
  - pattern: 'fatal: ([^\\n]+)'
    says: $1
";

/// The files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Everybody whom the server tells something.
struct Town {
    slack: Slack,
    rooms: Rooms,
    mail: MailServer,
}

fn furnish(installation: &Installation, secrets: &[Secret], town: &Town) {
    let git = GitRepository::create(&installation.path("site")).expect("git");
    git.switch("leaky").expect("git");
    git.write("script/leak", LEAKY).expect("the folder is ours");
    let sha = git.commit("leaky").expect("git");
    installation
        .github
        .repository(REPOSITORY)
        .commit(&sha, "leaky", "mona", &[])
        .branch("leaky", &sha);
    for folder in ["secrets", "providers/leaky"] {
        fs::create_dir_all(installation.path(folder)).expect("the folder is ours");
    }
    installation.write("providers/leaky/provider.yaml", MANIFEST);
    let mut named = String::new();
    for secret in secrets {
        installation.write(&format!("secrets/{}", secret.name), &secret.value);
        named.push_str(&format!("          {0}: {{ file: secrets/{0} }}\n", secret.name));
    }
    installation.write("slack", &town.slack.webhook_url());
    installation.write("program", &town.rooms.url(Service::Program));
    installation.write("program-secret", chima_simulator::rooms::SECRET);
    installation.write("mattermost", &town.rooms.url(Service::Mattermost));
    let leaking = format!(
        "      leaking:\n        provider: leaky\n        with: {{}}\n        secrets:\n{named}      live: {{ production: true }}"
    );
    let config = installation
        .config()
        .replace("      live: { production: true }", &leaking);
    let more = format!(
        "providers: [providers]
slack: {{ incoming_webhook: {{ file: slack }} }}
smtp: {{ host: 127.0.0.1, port: {}, tls: none }}
notify:
  - to: {{ mattermost: {{ file: mattermost }} }}
  - to: {{ webhook: {{ url: {{ file: program }}, secret: {{ file: program-secret }} }} }}
  - to: {{ email: {{ to: [ops@example.com], from: chima@example.com }} }}
",
        town.mail.port()
    );
    installation.write("app.yaml", &(config + &more));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_secrets_that_a_command_prints_are_in_nothing_that_is_kept_or_told() {
    let installation = Installation::sqlite().await;
    let secrets = secrets();
    let town = Town {
        slack: Slack::start().await.expect("a stand-in"),
        rooms: Rooms::start().await.expect("a stand-in"),
        mail: MailServer::start(None).await.expect("a stand-in"),
    };
    furnish(&installation, &secrets, &town);
    let mut command = installation.command(&["serve"]);
    command.env("RUST_LOG", "debug");
    let mut server = Chima::start(command, installation.path("serve.err"));
    installation.ready(&mut server).await;
    let deployment = installation.deploy("leaky", "leaking").await;
    let needles = Needles::of(&secrets);
    // while it works, nothing of it is in what every account of the machine can read
    let watched = async {
        loop {
            for process in processes::all() {
                let own = fs::read_link(format!("/proc/{}/exe", process.id.pid));
                if own.is_ok_and(|program| program == Path::new(env!("CARGO_BIN_EXE_chima"))) {
                    let line = fs::read(format!("/proc/{}/cmdline", process.id.pid)).unwrap_or_default();
                    assert_eq!(needles.found_in(&line), None, "in an argument list");
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let end = tokio::select! {
        end = installation.concluded(deployment, Duration::from_secs(120)) => end,
        () = watched => String::new(),
    };
    assert_eq!(end, "failure");
    let told = installation.description(deployment);
    assert!(told.contains("the login with *** was refused"), "{told}");

    let runs = installation.run(&["runs"]).await.stdout;
    let run = runs
        .split_whitespace()
        .find(|word| word.len() == 26)
        .expect("a run")
        .to_owned();
    let everybody = || {
        town.slack.messages().is_empty()
            || town.rooms.posted(Service::Program).is_empty()
            || town.mail.letters().is_empty()
    };
    crate::process::installation::eventually("everybody is told", || (!everybody()).then_some(())).await;
    let mut sinks: Vec<(String, Vec<u8>)> = vec![
        (
            "GitHub".to_owned(),
            format!("{:?}", installation.github.requests()).into_bytes(),
        ),
        ("Slack".to_owned(), format!("{:?}", town.slack.requests()).into_bytes()),
        (
            "rooms and programs".to_owned(),
            format!("{:?}", town.rooms.requests()).into_bytes(),
        ),
        ("letters".to_owned(), format!("{:?}", town.mail.letters()).into_bytes()),
    ];
    for arguments in [
        vec!["runs"],
        vec!["logs", &run],
        vec!["why", "site/leaking"],
        vec!["status"],
        vec!["decide", &run],
    ] {
        let said = installation.run(&arguments).await;
        sinks.push((
            arguments.join(" "),
            format!("{}{}", said.stdout, said.stderr).into_bytes(),
        ));
    }
    for page in [
        "/",
        "/metrics",
        "/deliveries",
        &format!("/runs/{run}"),
        &format!("/api/v1/runs/{run}/log"),
    ] {
        let answer = get(installation.port, page).await.expect("the server answers");
        sinks.push((page.to_owned(), answer.body.into_bytes()));
    }
    let followed = format!(
        "GET /api/v1/runs/{run}/log HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n"
    );
    let events = crate::process::wire::say(installation.port, followed.as_bytes())
        .await
        .expect("events")
        .body;
    assert!(events.contains("event: end"), "{events}");
    sinks.push(("events".to_owned(), events.into_bytes()));
    server.stop(Duration::from_secs(20)).await;
    for file in files(&installation.path("data"))
        .into_iter()
        .chain([installation.path("serve.err")])
    {
        sinks.push((file.display().to_string(), fs::read(&file).unwrap_or_default()));
    }
    let log = sinks.iter().find(|(name, _)| name.ends_with("/log")).expect("the log");
    let masks = String::from_utf8_lossy(&log.1).matches("***").count();
    assert!(masks > HOW_MANY * 20, "only {masks} masks in the log");
    let leaks: Vec<String> = sinks
        .iter()
        .filter_map(|(name, text)| {
            let leak = needles.found_in(text).or_else(|| needles.found_in(&bare(text)))?;
            Some(format!("{name}: {leak}"))
        })
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let bytes: usize = sinks.iter().map(|(_, text)| text.len()).sum();
    installation.close().await;
    row(
        "a_hundred_secrets_that_a_command_prints_are_in_nothing_that_is_kept_or_told",
        HOW_MANY as u64,
        format!("0 leaks in {} places, {} KiB", sinks.len(), bytes >> 10),
        "0 leaks",
    );
}
