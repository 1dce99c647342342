//! Files that nobody meant to write: no panic, nothing secret, and only what loads.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ImportError, Imported, Kind, convert_text, told};

/// In values that must not be copied, and nowhere else.
const SECRET: &str = "hunter2hunter2";

const KEYS: [&str; 28] = [
    "repository",
    "provider",
    "environments",
    "auto_merge",
    "required_contexts",
    "allowed_rooms",
    "github_api",
    "heroku_name",
    "heroku_production_name",
    "production_url",
    "deploy_script",
    "deploy_command_format",
    "ansible_hosts",
    "stage",
    "extra_vars",
    "id",
    "execute-command",
    "command-working-directory",
    "pass-arguments-to-command",
    "pass-environment-to-command",
    "trigger-rule",
    "and",
    "match",
    "source",
    "name",
    "config",
    "payload",
    "deployment",
];
const TEXTS: [&str; 16] = [
    "",
    "o/r",
    "shell",
    "fabric",
    "ansible",
    "payload",
    "ref",
    "string",
    "/srv/x",
    "production",
    "$(id)",
    "{{x}}",
    "a\nb: c",
    "-x",
    "https://example.com/",
    "refs/heads/main",
];

fn value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(TEXTS.to_vec()).prop_map(Value::from);
    let leaf = prop_oneof![4 => text, 1 => any::<bool>().prop_map(Value::from), 1 => any::<i32>().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let keys = prop::sample::select(KEYS.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
                let mut map = Map::from_iter(entries);
                map.insert("github_token".to_owned(), Value::from(SECRET));
                map.insert("secret".to_owned(), Value::from(SECRET));
                Value::Object(map)
            }),
        ]
    })
}

/// An entry of which every value has the right form, whatever is in it.
fn entry() -> impl Strategy<Value = Value> {
    let text = || prop::sample::select(TEXTS.to_vec());
    let texts = || prop::collection::vec(text(), 0..3);
    let keys = prop::sample::subsequence(KEYS[7..13].to_vec(), 0..6);
    let values = prop::collection::vec(text(), 6);
    (text(), texts(), texts(), texts(), keys, values).prop_map(
        |(provider, environments, contexts, rooms, keys, values)| {
            let mut entry = json!({
                "repository": "o/a", "provider": provider, "environments": environments, "required_contexts": contexts,
                "allowed_rooms": rooms, "github_token": SECRET, "password": SECRET,
            });
            for (key, value) in keys.into_iter().zip(values) {
                entry[key] = Value::from(value);
            }
            entry
        },
    )
}

/// A hook of which every value has the right form.
fn hook() -> impl Strategy<Value = Value> {
    let text = || prop::sample::select(TEXTS.to_vec());
    let argument = (text(), text()).prop_map(|(source, name)| json!({ "source": source, "name": name }));
    let arguments = prop::collection::vec(argument.clone(), 0..4);
    (text(), text(), text(), arguments, argument, text()).prop_map(|(id, program, folder, arguments, parameter, value)| {
        json!({
            "id": id, "execute-command": program, "command-working-directory": folder, "pass-arguments-to-command": arguments,
            "trigger-rule": { "and": [
                { "match": { "type": "payload-hmac-sha1", "secret": SECRET } },
                { "match": { "type": "value", "value": value, "parameter": parameter } },
                { "match": { "type": "value", "value": SECRET, "parameter": { "source": "url", "name": "x" } } },
            ] },
        })
    })
}

fn survives(text: &str, kind: Kind) {
    match convert_text(text, "the file", Some(kind)) {
        Ok(Imported { yaml, .. }) => assert!(!yaml.contains(SECRET), "{yaml}"),
        Err(ImportError::Refused(error)) => panic!("{text}\n{error}"),
        Err(error) => assert!(!told(error).contains(SECRET), "{text}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_imported_or_refused(entry in value()) {
        let (entry, apps) = (entry.clone(), json!({ "a": entry, "b": { "repository": "o/b", "x": SECRET } }));
        survives(&apps.to_string(), Kind::AppsJson);
        survives(&entry.to_string(), Kind::Heaven);
        survives(&json!([entry]).to_string(), Kind::Hooks);
        let _ = convert_text(&entry.to_string(), "the file", None);
    }

    #[test]
    fn what_has_the_right_form_is_imported_without_its_secrets(entry in entry(), hook in hook()) {
        survives(&json!({ "a": entry, "b": { "repository": "o/b" } }).to_string(), Kind::AppsJson);
        survives(&json!({ "name": "a", "config": entry }).to_string(), Kind::Heaven);
        survives(&json!([hook]).to_string(), Kind::Hooks);
    }

    #[test]
    fn any_text_is_imported_or_refused(text in r##"(REPOS = )?[ \n\t{}\[\]():,='"#a-z\\/]{0,60}"##) {
        for kind in [None, Some(Kind::Pybossa), Some(Kind::Hooks), Some(Kind::AppsJson)] {
            let _ = convert_text(&text, "the file", kind);
        }
    }
}
