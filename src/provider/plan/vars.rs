//! A file of Ansible variables in which no text is a template, and every text stays the text it is.
//!
//! Ansible evaluates `{{ }}` in extra variables, wherever they come from, on the machine it runs on. Its own way to say that a
//! text is only a text is the tag `!unsafe` in YAML, which some versions read as a number or a date all the same (`1.10`), and
//! an object of this form in JSON, which is exact in all of them.
//! <https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_advanced_syntax.html#unsafe-or-raw-strings>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const MARK: &str = "__ansible_unsafe";

/// The file: numbers and yes/no keep their type, every text is marked, at any depth.
pub(super) fn vars_file(vars: &BTreeMap<String, Value>) -> String {
    let marked: Map<String, Value> = vars.iter().map(|(name, value)| (name.clone(), marked(value))).collect();
    format!("{}\n", Value::Object(marked))
}

fn marked(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => json!({ MARK: text }),
        Value::Array(items) => items.iter().map(marked).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), marked(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_marked_and_other_values_keep_their_type() {
        let vars = json!({
            "template": "{{ lookup('pipe', 'id') }}", "version": "1.10", "yes": true, "count": 3,
            "list": ["a", 1], "map": {"k": "v"},
        });
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        assert_eq!(
            vars_file(&vars),
            concat!(
                r#"{"count":3,"list":[{"__ansible_unsafe":"a"},1],"map":{"k":{"__ansible_unsafe":"v"}},"#,
                r#""template":{"__ansible_unsafe":"{{ lookup('pipe', 'id') }}"},"version":{"__ansible_unsafe":"1.10"},"yes":true}"#,
                "\n"
            )
        );
    }
}
