//! Holds what Chima says to GitHub, and what the stand-in answers and sends, against GitHub's own description of its API.
//!
//! `script/tools` puts what is needed of the description into `target/tools/openapi`. GitHub ignores what it does not know, so a key
//! or a parameter that is not described is a mistake here, although the schema would let it pass. The stand-in may leave out what
//! nobody reads, as GitHub's own published examples do (120 of 329 are invalid, nearly all for that); what it does say must be
//! as described.
#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::sync::{Arc, LazyLock, Mutex};

use chima_simulator::journal::Recorded;
use jsonschema::{ValidationError, Validator};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::docs::root;

const FILE: &str = "target/tools/openapi/github.json";

#[derive(Deserialize)]
struct Description {
    operations: Vec<Operation>,
    webhooks: BTreeMap<String, Value>,
    #[serde(rename = "$defs")]
    defs: Map<String, Value>,
}

#[derive(Deserialize)]
pub struct Operation {
    pub id: String,
    method: String,
    path: String,
    parameters: Vec<Parameter>,
    body: Option<Value>,
    body_required: bool,
    answers: BTreeMap<String, Option<Value>>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(rename = "in")]
    place: String,
    required: bool,
    schema: Value,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let text = fs::read_to_string(root().join(FILE)).unwrap_or_else(|error| {
        panic!("GitHub's description is not at `{FILE}` ({error}): run `script/tools`, or `script/test`")
    });
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("`{FILE}` cannot be read ({error}): remove it, then `script/tools`"))
});

/// By what they are for: a schema is read once in a process.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What is wrong with requests and with the answers to them, one line each.
pub fn faults(requests: &[Recorded]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    // pages for people, to which the browser goes by itself, and what they are exchanged for
    let page = |path: &str| path.ends_with("/settings/apps/new") || path.starts_with("/login/oauth/");
    for request in requests.iter().filter(|request| !page(&request.path)) {
        let Some(operation) = operation(request) else {
            faults.insert(format!(
                "{} {} is no operation of GitHub's",
                request.method, request.path
            ));
            continue;
        };
        let mut found = Vec::new();
        found.extend(parameters(operation, request));
        found.extend(body(operation, request));
        found.extend(answer(operation, request));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", operation.id)));
    }
    faults.into_iter().collect()
}

/// What is wrong with a webhook.
pub fn faults_of_webhook(event: &str, body: &Value) -> Vec<String> {
    let action = body.get("action").and_then(Value::as_str);
    let name = [
        event.to_owned(),
        action.map_or_else(String::new, |action| format!("-{action}")),
    ]
    .concat();
    let name = name.replace('_', "-");
    match DESCRIPTION.webhooks.get(&name) {
        Some(schema) => said_wrong(&format!("webhook {name}"), schema, body),
        None => Vec::new(),
    }
}

/// Which operation a request is; the one that says most of its path.
pub fn operation(request: &Recorded) -> Option<&'static Operation> {
    let path = described_path(request);
    let parts: Vec<&str> = path.split('/').collect();
    let literal = |operation: &&Operation| operation.path.split('/').filter(|part| !part.starts_with('{')).count();
    DESCRIPTION
        .operations
        .iter()
        .filter(|operation| operation.method == request.method && fits(&operation.path, &parts))
        .max_by_key(literal)
}

/// What a redirect of a renamed repository leads to is not described: it is the same under the repository's number.
fn described_path(request: &Recorded) -> String {
    match request.path.strip_prefix("/repositories/") {
        Some(rest) => format!("/repos/by/number{}", rest.find('/').map_or("", |at| &rest[at..])),
        None => request.path.clone(),
    }
}

fn fits(template: &str, parts: &[&str]) -> bool {
    let template: Vec<&str> = template.split('/').collect();
    template.len() == parts.len()
        && template
            .iter()
            .zip(parts)
            .all(|(wanted, found)| wanted.starts_with('{') && !found.is_empty() || wanted == found)
}

fn parameters(operation: &Operation, request: &Recorded) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in &request.query {
        match operation
            .parameters
            .iter()
            .find(|one| one.place == "query" && one.name == *name)
        {
            Some(parameter) => {
                let about = format!("{} ?{name}", operation.id);
                faults.extend(violations(&about, &parameter.schema, &read(value)));
            }
            None => faults.push(format!("`?{name}` is not described")),
        }
    }
    let path = described_path(request);
    for (template, found) in operation.path.split('/').zip(path.split('/')) {
        let Some(name) = template.strip_prefix('{').map(|name| name.trim_end_matches('}')) else {
            continue;
        };
        if let Some(parameter) = operation
            .parameters
            .iter()
            .find(|one| one.place == "path" && one.name == name)
        {
            let value = if parameter.schema["type"] == "integer" {
                read(found)
            } else {
                json!(found)
            };
            faults.extend(violations(
                &format!("{} {{{name}}}", operation.id),
                &parameter.schema,
                &value,
            ));
        }
    }
    let given = |name: &str| request.query.iter().any(|(found, _)| found == name);
    let missing = operation
        .parameters
        .iter()
        .filter(|one| one.place == "query" && one.required && !given(&one.name));
    faults.extend(missing.map(|one| format!("`?{}` is missing", one.name)));
    faults
}

/// A number where it is one, as whoever reads a query does.
fn read(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}

fn body(operation: &Operation, request: &Recorded) -> Vec<String> {
    let Some(schema) = &operation.body else {
        return Vec::new();
    };
    if request.body.is_null() {
        return operation
            .body_required
            .then(|| "the body is missing".to_owned())
            .into_iter()
            .collect();
    }
    let mut faults = violations(&format!("{} body", operation.id), schema, &request.body);
    if let (Some(given), Some(known)) = (request.body.as_object(), schema["properties"].as_object()) {
        let unknown = given.keys().filter(|key| !known.contains_key(*key));
        faults.extend(unknown.map(|key| format!("`{key}` is not described")));
    }
    faults
}

/// Answers that a fault made are not the stand-in's own.
fn answer(operation: &Operation, request: &Recorded) -> Vec<String> {
    let Some(status) = request.status.filter(|_| request.planned && !request.faulted) else {
        return Vec::new();
    };
    // one of two shapes, and the stand-in gives what both have: neither is whole
    if operation.id == "users/get-authenticated" {
        return Vec::new();
    }
    match operation.answers.get(&status.to_string()) {
        Some(Some(schema)) => {
            let body = serde_json::from_str(&request.answer).unwrap_or(Value::Null);
            said_wrong(&format!("{} answer {status}", operation.id), schema, &body)
        }
        Some(None) => Vec::new(),
        None if status < 300 => vec![format!("{status} is not described")],
        None => Vec::new(),
    }
}

fn violations(about: &str, schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(about, schema);
    let errors = validator.iter_errors(value);
    errors.map(|error| worded(about, &error)).collect()
}

/// The same, without what was left out.
fn said_wrong(about: &str, schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(about, schema);
    let errors = validator
        .iter_errors(value)
        .filter(|error| error.kind().keyword() != "required");
    // hostile senders put anything there
    let meant = errors.filter(|error| error.instance_path().to_string() != "/deployment/payload");
    meant.map(|error| worded(about, &error)).collect()
}

fn worded(about: &str, error: &ValidationError<'_>) -> String {
    let text: String = error.to_string().chars().take(160).collect();
    format!("{about} at `{}`: {text}", error.instance_path())
}

fn validator(about: &str, schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let known = validators.entry(about.to_owned()).or_insert_with(|| {
        let mut defs = Map::new();
        collect(schema, &mut defs);
        let mut whole = schema.clone();
        if let Some(whole) = whole.as_object_mut() {
            whole.insert("$defs".to_owned(), Value::Object(defs));
        }
        let built = jsonschema::draft202012::new(&whole);
        Arc::new(built.unwrap_or_else(|error| panic!("{about}: GitHub's schema cannot be read: {error}")))
    });
    Arc::clone(known)
}

/// The definitions that a schema refers to.
fn collect(schema: &Value, defs: &mut Map<String, Value>) {
    match schema {
        Value::Object(fields) => {
            if let Some(name) = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|name| name.strip_prefix("#/$defs/"))
                && !defs.contains_key(name)
            {
                let found = DESCRIPTION
                    .defs
                    .get(name)
                    .unwrap_or_else(|| panic!("`{name}` is not in `{FILE}`"));
                defs.insert(name.to_owned(), found.clone());
                collect(found, defs);
            }
            fields.values().for_each(|inner| collect(inner, defs));
        }
        Value::Array(all) => all.iter().for_each(|inner| collect(inner, defs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, path: &str, query: &[(&str, &str)], body: Value) -> Recorded {
        let query: Vec<(String, String)> = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Recorded {
            at: chrono::DateTime::UNIX_EPOCH,
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            body,
            identity: String::new(),
            status: None,
            answer: Arc::from(""),
            planned: true,
            faulted: false,
            inside_wait_window: false,
        }
    }

    #[test]
    fn what_github_describes_passes_and_nothing_else() {
        let status = "/repos/octo/site/deployments/7/statuses";
        for (request, wrong) in [
            (
                asked("POST", status, &[], json!({"state": "success", "description": "x"})),
                "",
            ),
            (
                asked("POST", status, &[], json!({"state": "done"})),
                "\"done\" is not one of",
            ),
            (
                asked("POST", status, &[], json!({"description": "x"})),
                "\"state\" is a required property",
            ),
            (
                asked("POST", status, &[], json!({"state": "success", "colour": "red"})),
                "`colour` is not described",
            ),
            (asked("POST", status, &[], Value::Null), "the body is missing"),
            (asked("GET", status, &[("per_page", "10")], Value::Null), ""),
            (
                asked("GET", status, &[("per_page", "many")], Value::Null),
                "\"many\" is not of type",
            ),
            (
                asked("GET", status, &[("newest", "true")], Value::Null),
                "`?newest` is not described",
            ),
            (
                asked("GET", "/repos/octo/site/deployments/x/statuses", &[], Value::Null),
                "is not of type",
            ),
            (asked("PUT", status, &[], Value::Null), "is no operation of GitHub's"),
            (asked("GET", "/repositories/7/compare/a...b", &[], Value::Null), ""),
        ] {
            let faults = faults(&[request]);
            assert_eq!(faults.is_empty(), wrong.is_empty(), "{faults:?}, not {wrong}");
            assert!(
                faults.iter().all(|fault| fault.contains(wrong)),
                "{faults:?}, not {wrong}"
            );
        }
    }
}
