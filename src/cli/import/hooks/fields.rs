//! Fields of a request that a hook passed to its command, and what Chima has in their place.

use serde_json::Value;

use crate::cli::import::commands::Word;
use crate::cli::import::secrets::told;

/// An argument of the command. `repository` is the hook's, where its rule named one.
pub(super) fn argument(value: &Value, repository: Option<&str>) -> Word {
    let name = text(value, "name").unwrap_or_default();
    if text(value, "source") == Some("string") {
        return Word::literal(name);
    }
    match known(value) {
        Some((template, _)) => Word::Template(template.to_owned()),
        None => match repository.and_then(|repository| of_repository(value, repository)) {
            Some(text) => Word::Literal(text),
            None => Word::Gone(describe(value)),
        },
    }
}

/// Where a command finds the same, in words.
pub(super) fn found_in(value: &Value) -> Option<String> {
    if is_payload(value) && text(value, "name") == Some("repository.full_name") {
        return Some("the same in `CHIMA_REPOSITORY`".to_owned());
    }
    known(value).map(|(template, variable)| {
        let what = if template.starts_with("refs/") {
            "it, without `refs/heads/`,"
        } else {
            "the same"
        };
        format!("{what} in `{variable}`")
    })
}

/// What it is, in words; names of fields are no secrets.
pub(super) fn describe(value: &Value) -> String {
    let name = told(text(value, "name").unwrap_or_default());
    match text(value, "source") {
        Some("payload") => format!("`{name}` of what was sent"),
        Some("header") => format!("the header `{name}`"),
        Some("url" | "query") => format!("`{name}` of the address"),
        Some("request") => format!("`{name}` of the request"),
        Some("string") => "a text of the hook".to_owned(),
        Some("entire-payload" | "raw-request-body") => "all that was sent".to_owned(),
        Some("entire-headers") => "all headers".to_owned(),
        Some("entire-query") => "the whole query of the address".to_owned(),
        Some(_) | None => "of a source that is not known here".to_owned(),
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn is_payload(value: &Value) -> bool {
    text(value, "source") == Some("payload")
}

/// Placeholder and variable for a field of a push or a deployment.
fn known(value: &Value) -> Option<(&'static str, &'static str)> {
    if !is_payload(value) {
        return None;
    }
    match text(value, "name")? {
        "head_commit.id" | "after" | "sha" | "commit.sha" | "checkout_sha" | "deployment.sha" => {
            Some(("{{sha}}", "CHIMA_SHA"))
        }
        // a push has the whole name, a deployment only the branch's
        "ref" => Some(("refs/heads/{{ref}}", "CHIMA_REF")),
        "deployment.ref" => Some(("{{ref}}", "CHIMA_REF")),
        "deployment.environment" => Some(("{{environment}}", "CHIMA_ENVIRONMENT")),
        "deployment.task" => Some(("{{task}}", "CHIMA_TASK")),
        _ => None,
    }
}

/// What is the same in everything that a repository sends.
fn of_repository(value: &Value, repository: &str) -> Option<String> {
    if !is_payload(value) {
        return None;
    }
    let (owner, name) = repository.split_once('/')?;
    match text(value, "name")? {
        "repository.full_name" => Some(repository.to_owned()),
        "repository.name" => Some(name.to_owned()),
        "repository.owner.name" | "repository.owner.login" => Some(owner.to_owned()),
        "repository.html_url" | "repository.url" => Some(format!("https://github.com/{repository}")),
        "repository.clone_url" => Some(format!("https://github.com/{repository}.git")),
        "repository.ssh_url" => Some(format!("git@github.com:{repository}.git")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_become_placeholders_texts_or_nothing() {
        let table = [
            (
                json!({ "source": "string", "name": "-v" }),
                Word::Literal("-v".to_owned()),
            ),
            (
                json!({ "source": "string", "name": "--password=x" }),
                Word::Secret("PASSWORD".to_owned()),
            ),
            (
                json!({ "source": "payload", "name": "head_commit.id" }),
                Word::Template("{{sha}}".to_owned()),
            ),
            (
                json!({ "source": "payload", "name": "ref" }),
                Word::Template("refs/heads/{{ref}}".to_owned()),
            ),
            (
                json!({ "source": "payload", "name": "deployment.environment" }),
                Word::Template("{{environment}}".to_owned()),
            ),
            (
                json!({ "source": "payload", "name": "repository.name" }),
                Word::Literal("r".to_owned()),
            ),
            (
                json!({ "source": "payload", "name": "pusher.email" }),
                Word::Gone("`pusher.email` of what was sent".to_owned()),
            ),
            (
                json!({ "source": "url", "name": "ref" }),
                Word::Gone("`ref` of the address".to_owned()),
            ),
            (
                json!({ "source": "entire-payload" }),
                Word::Gone("all that was sent".to_owned()),
            ),
            (json!("x"), Word::Gone("of a source that is not known here".to_owned())),
        ];
        for (value, expected) in table {
            assert_eq!(argument(&value, Some("o/r")), expected, "{value}");
        }
        let name = json!({ "source": "payload", "name": "repository.full_name" });
        assert!(matches!(argument(&name, None), Word::Gone(_)));
    }
}
