//! The reference page of the configuration, made from the schema.
//!
//! A test writes it to `docs/reference/configuration.md` and fails when it was stale, so that the page cannot describe keys
//! that do not exist.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::config::schema::{self, Schema, description};
use crate::config::table::{Table, keys};

const SECRETS: &str = "Secrets";

/// The page, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let root = schema::configuration().root();
    let mut page = String::from("# Configuration\n\n");
    page.push_str("<!-- Made from the schema by a test: change the comments in `src/config/file.rs` and `src/config/file/` instead. -->\n\n");
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
    let table = Table {
        schema: schema::configuration(),
        linked: secret,
    };
    table.push(page, target, left_out);
    for (key, wanted) in keys(target).filter(|(key, _)| !left_out.contains(&key.as_str())) {
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
    let schema = schema::configuration();
    let direct = |wanted| {
        let options = schema
            .alternatives(wanted)
            .map_or_else(|| vec![wanted], |options| options.iter().collect());
        let mut targets = options.into_iter().map(|option| schema.resolve(option));
        targets.find(|target| target.get("properties").is_some() && target.get("x-secret").is_none())
    };
    match direct(wanted) {
        Some(target) => Some((target, false)),
        None => schema
            .resolve(wanted)
            .get("additionalProperties")
            .and_then(direct)
            .map(|target| (target, true)),
    }
}

fn keys_of<'a>(target: &'a Value, key: &str) -> Option<&'a Value> {
    target["properties"].get(key)
}

fn secret(schema: &Schema, wanted: &Value) -> Option<String> {
    schema.resolve(wanted).get("x-secret")?;
    Some(format!("[secret](#{})", SECRETS.to_lowercase()))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
