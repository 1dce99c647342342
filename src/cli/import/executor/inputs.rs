//! Inputs of a provider that an entry holds by their own name, as `playbook` or `ansible_playbook`.

use serde_json::{Map, Value};

use crate::cli::import::entry::{Entries, variable};
use crate::cli::import::secrets::{is_secret_name, is_secret_text, told};
use crate::cli::import::shape::Keys;

/// An input and the key of an entry that holds it, with or without the provider's name before it.
type Known = (&'static str, &'static str);

const ANSIBLE: [Known; 8] = [
    ("playbook", "playbook"),
    ("inventory", "inventory"),
    ("inventory", "ansible_hosts"),
    ("limit", "limit"),
    ("tags", "tags"),
    ("extra_vars", "extra_vars"),
    ("vault_password_file", "vault_password_file"),
    ("requirements", "requirements"),
];
const FABRIC: [Known; 5] = [
    ("task", "task"),
    ("args", "args"),
    ("hosts", "hosts"),
    ("fabfile", "fabfile"),
    ("legacy", "legacy"),
];
const CAPISTRANO: [Known; 5] = [
    ("stage", "stage"),
    ("task", "task"),
    ("roles", "roles"),
    ("hosts", "hosts"),
    ("bundler", "bundler"),
];

/// What an entry says of a provider's inputs.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) with: Map<String, Value>,
    /// Keys that cannot stand in `with:`.
    pub(super) unreadable: Vec<String>,
    /// Entries of maps that look like secrets: a variable for each, and where it was.
    pub(super) secrets: Vec<(String, String)>,
}

pub(super) fn of(entries: &mut Entries, keys: &mut Keys<'_>, provider: &str) -> Inputs {
    let known: &[Known] = match provider {
        "ansible" => &ANSIBLE,
        "fabric" => &FABRIC,
        "capistrano" => &CAPISTRANO,
        _ => &[],
    };
    let mut inputs = Inputs::default();
    for (input, key) in known {
        for key in [(*key).to_owned(), format!("{provider}_{key}")] {
            let Some(value) = keys.take(&key) else {
                continue;
            };
            match inputs.value(entries, (&keys.name(&key), &key), value) {
                Some(value) => _ = inputs.with.insert((*input).to_owned(), value),
                None => inputs.unreadable.push(format!("`{key}`")),
            }
        }
    }
    inputs
}

impl Inputs {
    /// A value that may stand in `with:` as it is.
    fn value(&mut self, entries: &mut Entries, (at, key): (&str, &str), value: &Value) -> Option<Value> {
        match value {
            Value::String(text) => is_open(text).then(|| value.clone()),
            Value::Bool(_) | Value::Number(_) => Some(value.clone()),
            Value::Array(_) => {
                let texts = entries.reader.texts(at, value)?;
                let all_open = texts.iter().all(|text| is_open(text));
                // one text, as Ansible's own option takes it
                let joined = matches!(key.trim_start_matches("ansible_"), "tags" | "limit");
                all_open.then(|| {
                    if joined {
                        texts.join(",").into()
                    } else {
                        Value::from(texts)
                    }
                })
            }
            Value::Object(map) => self.map(key, map),
            Value::Null => None,
        }
    }

    fn map(&mut self, key: &str, map: &Map<String, Value>) -> Option<Value> {
        let mut open = Map::new();
        for (name, value) in map {
            let is_secret = is_secret_name(name) || value.as_str().is_some_and(is_secret_text);
            match value {
                _ if is_secret => self.secrets.push((variable(name), format!("{key}.{}", told(name)))),
                Value::String(text) if !is_open(text) => return None,
                Value::String(_) | Value::Bool(_) | Value::Number(_) => _ = open.insert(name.clone(), value.clone()),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            }
        }
        Some(Value::Object(open))
    }
}

fn is_open(text: &str) -> bool {
    !text.contains("{{") && !is_secret_text(text)
}
