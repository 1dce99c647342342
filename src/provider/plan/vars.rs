//! A file of Ansible variables in which no text is a template.
//!
//! Ansible evaluates `{{ }}` in extra variables, wherever they come from, on the machine it runs on. `!unsafe` is its own way
//! to say that a text is only a text. <https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_advanced_syntax.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// The file, as YAML in flow style: numbers and yes/no keep their type, every text is `!unsafe`.
pub(super) fn vars_file(vars: &BTreeMap<String, Value>) -> String {
    let mut out = String::from("---\n");
    for (name, value) in vars {
        push_text(name, &mut out);
        out.push_str(": ");
        push_value(value, &mut out);
        out.push('\n');
    }
    if vars.is_empty() {
        out.push_str("{}\n");
    }
    out
}

fn push_value(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => {
            out.push_str("!unsafe ");
            push_text(text, out);
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_value(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_text(name, out);
                out.push_str(": ");
                push_value(value, out);
            }
            out.push('}');
        }
    }
}

/// A double-quoted YAML scalar. Whatever is not plain ASCII is escaped: what YAML calls printable is a list of its own.
fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_unsafe_and_other_values_keep_their_type() {
        let vars = json!({
            "plain": "main", "template": "{{ lookup('pipe', 'id') }}", "quote": "a\"b\\c\n", "far": "ü🦀",
            "yes": true, "count": 3, "list": ["a", 1], "map": {"k": "v"},
        });
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        assert_eq!(
            vars_file(&vars),
            r#"---
"count": 3
"far": !unsafe "\U000000fc\U0001f980"
"list": [!unsafe "a", 1]
"map": {"k": !unsafe "v"}
"plain": !unsafe "main"
"quote": !unsafe "a\"b\\c\U0000000a"
"template": !unsafe "{{ lookup('pipe', 'id') }}"
"yes": true
"#
        );
    }
}
