//! The reference page of the configuration, made from the schema.
//!
//! A test writes it to `docs/reference/configuration.md` and fails when it was stale, so that the page cannot describe keys
//! that do not exist.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::config::schema;
use crate::config::walk;

const SECRETS: &str = "Secrets";

/// The page, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let root = schema::value();
    let mut page = String::from("# Configuration\n\n");
    page.push_str("<!-- Made from the schema by a test: change the comments in `src/config/file.rs` instead. -->\n\n");
    let _ = writeln!(
        page,
        "{} The file is the one `--config` names, else the one in the variable `CHIMA_CONFIG`, else `config/app.yaml`. \
         `chima check` prints every problem in it; `config/app.yaml` shows every key. Unknown keys are refused.\n",
        description(root)
    );
    section(&mut page, "Top level", "", root, &[]);
    page.push_str(SECRETS_TEXT);
    page
}

const SECRETS_TEXT: &str = "## Secrets

Where the tables say *secret*, exactly one of these keys is written; the secret itself never is.

| key | value | meaning |
|---|---|---|
| `env` | text | Name of an environment variable of Chima's process. |
| `file` | text | Path of a file that others cannot read; one newline at its end is cut off. |
| `command` | list of text | Secrets of an app only: program and arguments that print the secret when a step needs it. |

A secret whose variable is not set, or whose file is missing, is *not set up*: Chima starts, and what needs it answers so. \
One that is there must be long enough: 16 bytes where it proves who is speaking (webhook, signing secret, chat token), \
8 bytes elsewhere, because a shorter one cannot be masked in logs.
";

/// A heading, a table of the keys that are values, and then the keys that are maps of known keys, each as its own section.
fn section(page: &mut String, heading: &str, path: &str, target: &Value, left_out: &[&str]) {
    let _ = writeln!(page, "## {heading}\n");
    if !path.is_empty() {
        let _ = writeln!(page, "{}\n", description(target));
    }
    page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    let none = Map::new();
    let required: Vec<&str> = target["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let keys = target["properties"].as_object().unwrap_or(&none);
    for (key, wanted) in keys.iter().filter(|(key, _)| !left_out.contains(&key.as_str())) {
        let default = match wanted.get("default") {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
            None if required.contains(&key.as_str()) => "*required*".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(
            page,
            "| `{key}` | {} | {default} | {} |",
            kind(wanted),
            description(wanted)
        );
    }
    page.push('\n');
    for (key, wanted) in keys.iter().filter(|(key, _)| !left_out.contains(&key.as_str())) {
        let (path, target) = match inner(wanted) {
            Some((target, true)) => (join(path, key) + ".<name>", target),
            Some((target, false)) => (join(path, key), target),
            None => continue,
        };
        // What an app and an environment share is explained once, at the environment.
        let shared: Vec<&str> = match keys_of(target, "environments").and_then(inner) {
            Some((environment, _)) => environment["properties"]
                .as_object()
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect(),
            None => Vec::new(),
        };
        section(page, &format!("`{path}`"), &path, target, &shared);
    }
}

/// The map of known keys that a value is, or that each entry of it is.
fn inner(wanted: &Value) -> Option<(&Value, bool)> {
    let direct = |wanted| {
        let options = schema::alternatives(wanted).map_or_else(|| vec![wanted], |options| options.iter().collect());
        let mut targets = options.into_iter().map(schema::resolve);
        targets.find(|target| target.get("properties").is_some() && target.get("x-secret").is_none())
    };
    match direct(wanted) {
        Some(target) => Some((target, false)),
        None => schema::resolve(wanted)
            .get("additionalProperties")
            .and_then(direct)
            .map(|target| (target, true)),
    }
}

fn keys_of<'a>(target: &'a Value, key: &str) -> Option<&'a Value> {
    target["properties"].get(key)
}

fn kind(wanted: &Value) -> String {
    if let Some(options) = schema::alternatives(wanted) {
        let kinds: Vec<String> = options
            .iter()
            .filter(|option| option["type"] != "null")
            .map(kind)
            .collect();
        return kinds.join(" or ");
    }
    let target = schema::resolve(wanted);
    if target.get("x-secret").is_some() {
        return format!("[secret](#{})", SECRETS.to_lowercase());
    }
    match schema::type_name(wanted) {
        Some("array") => format!("list of {}", kind(&target["items"])),
        Some("object") => match target.get("additionalProperties") {
            Some(Value::Bool(_)) | None => "map".to_owned(),
            Some(values) => match kind(values) {
                values if values == "map" => "map of maps".to_owned(),
                values => format!("map of {values}"),
            },
        },
        Some("integer") => walk::expected(wanted).trim_start_matches("a ").to_owned(),
        Some(_) | None => walk::expected(wanted),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}
