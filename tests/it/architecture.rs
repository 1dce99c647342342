//! The shape of the house: imports go down only, each library stays in its room, every file says what it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms it may import from. `domain` is open to all.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &[]),
    ("webhook", &[]),
    ("report", &[]),
    ("chat", &[]),
    ("config", &[]),
    ("github", &["policy", "webhook", "report", "chat", "config"]),
    ("store", &["policy", "webhook", "report", "chat", "config"]),
    ("queue", &["policy", "webhook", "report", "chat", "config"]),
    ("provider", &["policy", "webhook", "report", "chat", "config"]),
    ("notify", &["policy", "webhook", "report", "chat", "config"]),
    (
        "flow",
        &[
            "policy", "webhook", "report", "chat", "config", "github", "store", "queue", "provider", "notify",
        ],
    ),
    (
        "http",
        &[
            "policy", "webhook", "report", "chat", "config", "github", "store", "queue", "provider", "notify", "flow",
        ],
    ),
    (
        "cli",
        &[
            "policy", "webhook", "report", "chat", "config", "github", "store", "queue", "provider", "notify", "flow",
        ],
    ),
    (
        "app",
        &[
            "policy", "webhook", "report", "chat", "config", "github", "store", "queue", "provider", "notify", "flow",
            "http", "cli",
        ],
    ),
];

/// A library and the only rooms that may name it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("octocrab", &["github"]),
    ("sqlx", &["store"]),
    ("apalis", &["queue"]),
    ("apalis_core", &["queue"]),
    ("apalis_sqlite", &["queue"]),
    ("apalis_redis", &["queue"]),
    ("redis", &["queue"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("jsonwebtoken", &["github"]),
    ("reqwest", &["cli", "github", "notify", "provider"]),
    ("tokio_tungstenite", &["notify"]),
    ("chima_simulator", &["app"]),
    ("clap", &["cli", "app"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("askama", &["http"]),
    ("globset", &["domain"]),
    ("lettre", &["notify"]),
    ("prometheus_client", &["http"]),
];

/// What knows of OpenTelemetry, and the only files that may name it: where it is put together, and where stages tell what is over.
const TELEMETRY: &[(&str, &[&str])] = &[
    ("report::trace::", &["report/trace", "flow/traces"]),
    (
        "notify::otlp::",
        &["flow/engine.rs", "app/recipients.rs", "app/settle.rs"],
    ),
];

/// Rooms that do no I/O and read no clock.
const PURE: &[&str] = &["domain", "policy", "webhook", "report", "chat"];
const EFFECTS: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "SystemTime",
    "Utc::now",
    "Instant::now",
];

pub struct Source {
    path: PathBuf,
    pub room: String,
    pub text: String,
}

/// Every source file of the library, without its tests.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source {
                    path: inside.to_owned(),
                    room,
                    text,
                });
            }
        }
    }
    found
}

/// The code of a file without its comments and without `mod tests`, where other rules hold.
fn code(source: &Source) -> String {
    if source
        .path
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
    {
        return String::new();
    }
    let production = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    production
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn names(code: &str, library: &str) -> bool {
    code.match_indices(&format!("{library}::"))
        .any(|(at, _)| !code[..at].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | ':')))
}

#[test]
fn imports_go_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !matches!(source.room.as_str(), "lib" | "main"))
    {
        let Some(below) = allowed.get(source.room.as_str()) else {
            panic!("`{}` is in no room of the table", source.path.display());
        };
        let code = code(source);
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            if rest.starts_with('{') {
                wrong.push(format!(
                    "{}: a grouped `use crate::{{..}}` hides rooms",
                    source.path.display()
                ));
                continue;
            }
            let room: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if room != source.room && room != "domain" && !below.contains(&room.as_str()) {
                wrong.push(format!(
                    "{}: `{}` may not import `{room}`",
                    source.path.display(),
                    source.room
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_library_stays_in_its_room() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = code(&source);
        for (library, rooms) in LIBRARIES {
            if names(&code, library) && !rooms.contains(&source.room.as_str()) {
                wrong.push(format!(
                    "{}: names `{library}`, which stays in {rooms:?}",
                    source.path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_its_own_files_know_of_open_telemetry() {
    for source in sources() {
        let code = code(&source);
        for (name, files) in TELEMETRY {
            let known = files
                .iter()
                .any(|file| source.path.starts_with(file) || source.path == Path::new(&format!("{file}.rs")));
            assert!(
                !code.contains(name) || known,
                "{}: names `{name}`, which stays in {files:?}",
                source.path.display()
            );
        }
    }
}

#[test]
fn pure_rooms_have_no_effects() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| PURE.contains(&source.room.as_str())) {
        let code = code(source);
        for effect in EFFECTS.iter().filter(|effect| code.contains(**effect)) {
            wrong.push(format!("{}: `{effect}` in a pure room", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_provider_spawns_processes() {
    for source in sources().iter().filter(|source| source.room != "provider") {
        let code = code(source);
        assert!(
            !code.contains("Command::new"),
            "{} starts a program",
            source.path.display()
        );
    }
}

#[test]
fn test_builds_are_the_real_thing() {
    for source in sources() {
        let odd = source
            .text
            .lines()
            .find(|line| line.contains("cfg(test)") && line.trim() != "#[cfg(test)]");
        assert!(odd.is_none(), "{}: {odd:?}", source.path.display());
        assert!(!source.text.contains("cfg!(test)"), "{}", source.path.display());
        let mut lines = source.text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                let next = lines
                    .find(|line| !line.trim_start().starts_with("#["))
                    .unwrap_or_default();
                assert!(
                    next.contains("mod "),
                    "{}: `cfg(test)` outside a test module",
                    source.path.display()
                );
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for source in sources() {
        assert!(
            source.text.starts_with("//! "),
            "{} begins without a `//!` line",
            source.path.display()
        );
    }
}

#[test]
fn no_unsafe_code_and_nothing_unfinished() {
    for source in sources() {
        let code = code(&source);
        for word in ["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME"] {
            assert!(!code.contains(word), "{}: `{word}`", source.path.display());
        }
    }
}

/// What is secret, or proves that somebody knows something secret. Compared by `webhook::same`, by `Mac::verify_slice`, or not at all:
/// `==` ends at the first byte that differs, and its time can be measured.
const SECRET: &[&str] = &[
    "expose_secret",
    "secret",
    "secrets",
    "token",
    "signature",
    "digest",
    "hmac",
    "mac",
    "password",
    "claimed",
    "finalize",
];

/// The same names for what is no secret: the file, and the comparison.
const NO_SECRET: &[(&str, &str)] = &[
    // the digest of a file, which everybody may know
    ("provider/checkout/lfs.rs", "pointer.oid"),
    // the digest of a request, whose sender knows the whole of it
    ("store/api_requests.rs", "key.digest"),
    // the digest of the configuration, which every run's page shows
    ("store/audit.rs", "subject.config"),
];

/// The name at the end of what stands before a comparison, and at the end of the path that stands after it; calls that change only the
/// form are left out.
fn operands(line: &str, at: usize) -> [String; 2] {
    let form = [
        ".as_bytes()",
        ".as_str()",
        ".as_ref()",
        ".as_slice()",
        ".trim()",
        ".to_owned()",
        ".into_bytes()",
        ".as_deref()",
        ".len()",
    ];
    let mut before = line[..at].trim_end();
    while let Some(shorter) = form.iter().find_map(|call| before.strip_suffix(call)) {
        if before.ends_with(".len()") {
            return [String::new(), String::new()];
        }
        before = shorter;
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let before = before.strip_suffix("()").unwrap_or(before);
    let left = before.rsplit(|c: char| !is_name(c)).next().unwrap_or_default();
    let after = line[at + 2..].trim_start().trim_start_matches(['&', '*']);
    let path: String = after
        .chars()
        .take_while(|c| is_name(*c) || matches!(c, '.' | ':' | '(' | ')'))
        .collect();
    let mut path = path.as_str();
    while let Some(shorter) = form
        .iter()
        .find_map(|call| path.trim_end_matches(')').strip_suffix(call.trim_end_matches(')')))
    {
        path = shorter;
    }
    let path = path.trim_end_matches([')', '(']);
    let right = path.rsplit(|c: char| !is_name(c)).next().unwrap_or_default();
    [left.to_owned(), right.to_owned()]
}

#[test]
fn secrets_are_compared_in_constant_time() {
    let mut wrong = Vec::new();
    for source in sources() {
        for line in code(&source).lines() {
            let signs = line.match_indices("==").chain(line.match_indices("!="));
            for (at, _) in signs {
                let odd = operands(line, at)
                    .into_iter()
                    .any(|name| SECRET.contains(&name.as_str()))
                    || line.contains("expose_secret(")
                    || line.contains("finalize(");
                let known = NO_SECRET
                    .iter()
                    .any(|(file, text)| source.path.ends_with(file) && line.contains(text));
                if odd && !known {
                    wrong.push(format!("{}: {}", source.path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "compared with `==` or `!=`:\n{}", wrong.join("\n"));
}

#[test]
fn the_judge_of_comparisons_sees_the_known_ways() {
    for line in [
        "if given == secret {",
        "    signature != expected",
        "let ok = Sha256::digest(a) == self.digest;",
        "if token.expose_secret().as_bytes() == shown {",
        "a == b.mac.finalize()",
        "return header.token.as_str() == shown;",
    ] {
        let at = line.find("==").or_else(|| line.find("!=")).unwrap();
        let seen = operands(line, at).iter().any(|name| SECRET.contains(&name.as_str()));
        assert!(
            seen || line.contains("expose_secret("),
            "{line} {:?}",
            operands(line, at)
        );
    }
}
