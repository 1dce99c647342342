//! The reference page of manifests, made from their schema.
//!
//! A test writes it to `docs/reference/provider-manifest.md` and fails when it was stale, so that the page cannot describe keys
//! that do not exist. Each kind of map is explained once, at a heading of its own.

use std::fmt::Write;

use serde_json::Value;

use crate::config::schema::{Schema, definition_name, description};
use crate::config::table::{Table, keys};
use crate::provider::manifest::input::InputKind;
use crate::provider::manifest::schema::schema;
use crate::provider::manifest::{MANIFEST_WORDS, RUN_WORDS};

/// The page, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let schema = schema();
    let root = schema.root();
    let mut page = String::from("# Provider manifests\n\n");
    page.push_str(
        "<!-- Made from the schema by a test: change the comments in `src/provider/manifest/` instead. -->\n\n",
    );
    page.push_str(INTRODUCTION);
    let mut sections = Sections {
        table: Table { schema, linked },
        waiting: Vec::new(),
        told: Vec::new(),
    };
    let _ = writeln!(page, "## The file\n\n{}\n", description(root));
    sections.keys(&mut page, root);
    while let Some(name) = sections.next() {
        sections.definition(&mut page, &name);
    }
    placeholders(&mut page);
    patterns(&mut page);
    page
}

const INTRODUCTION: &str = "\
A provider is data: `<folder>/<name>/provider.yaml`, in a folder that `providers:` of the [configuration](configuration.md) names. \
[Writing a provider](../guides/writing-a-provider.md) leads through an example; [what every provider gets](../concepts/providers.md) \
needs no line in a manifest. Unknown keys are refused. `chima schema --provider` prints the JSON Schema, which editors find by the \
first line of the shipped manifests.

";

struct Sections<'s> {
    table: Table<'s>,
    /// Definitions that have been named and not yet told, each list of one section; the last list comes first.
    waiting: Vec<Vec<String>>,
    told: Vec<String>,
}

impl Sections<'_> {
    /// The next definition: what a section names follows it, before what sections above it name.
    fn next(&mut self) -> Option<String> {
        while let Some(names) = self.waiting.last_mut() {
            if names.is_empty() {
                self.waiting.pop();
                continue;
            }
            let name = names.remove(0);
            if !self.told.contains(&name) {
                self.told.push(name.clone());
                return Some(name);
            }
        }
        None
    }

    /// A table, and below it what the words of choices mean.
    fn keys(&mut self, page: &mut String, target: &Value) {
        self.table.push(page, target, &[]);
        let mut named = Vec::new();
        for (key, wanted) in keys(target) {
            self.name(wanted, &mut named);
            let choices = self.table.schema.choices(wanted).unwrap_or_default();
            if choices.iter().any(|(_, meaning)| meaning.is_some()) {
                let _ = writeln!(page, "Choices of `{key}`:\n");
                for (word, meaning) in choices {
                    let _ = writeln!(page, "- `{word}`: {}", meaning.unwrap_or_default());
                }
                page.push('\n');
            }
        }
        self.waiting.push(named);
    }

    fn definition(&mut self, page: &mut String, name: &str) {
        let schema = self.table.schema;
        let target = &schema.root()["$defs"][name];
        let _ = writeln!(page, "## {}\n\n{}\n", title(name), description(target));
        let Some(alternatives) = schema.alternatives(target) else {
            self.keys(page, target);
            return;
        };
        let mut named = Vec::new();
        for alternative in alternatives {
            self.name(alternative, &mut named);
            let _ = writeln!(page, "- {}: {}", self.table.kind(alternative), description(alternative));
        }
        page.push('\n');
        self.waiting.push(named);
    }

    /// Notes every definition that a value names, so that it gets its section.
    fn name(&self, wanted: &Value, named: &mut Vec<String>) {
        if linked(self.table.schema, wanted).is_some() {
            named.extend(definition_name(wanted).map(str::to_owned));
            return;
        }
        for inner in ["items", "additionalProperties"] {
            if let Some(inner) = wanted.get(inner) {
                self.name(inner, named);
            }
        }
    }
}

/// Maps of known keys, and what may be one of several things, have sections; choices of words stand in the table.
fn linked(schema: &Schema, wanted: &Value) -> Option<String> {
    let name = definition_name(wanted)?;
    let target = schema.resolve(wanted);
    let has_section = target.get("properties").is_some() || target.get("anyOf").is_some();
    has_section.then(|| {
        let title = title(name);
        format!(
            "[{}](#{})",
            title.to_lowercase(),
            title.to_lowercase().replace(' ', "-")
        )
    })
}

/// `OptionalArguments` as `Optional arguments`.
fn title(name: &str) -> String {
    let mut title = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !title.is_empty() {
            title.push(' ');
            title.push(letter.to_ascii_lowercase());
        } else {
            title.push(letter);
        }
    }
    title
}

fn placeholders(page: &mut String) {
    page.push_str(PLACEHOLDERS);
    page.push_str("| placeholder | stands for | in `with` too |\n|---|---|---|\n");
    for (words, everywhere) in [(&RUN_WORDS[..], "yes"), (&MANIFEST_WORDS[..], "")] {
        for word in words {
            let _ = writeln!(page, "| `{{{{{word}}}}}` | {} | {everywhere} |", meaning(word));
        }
    }
    page.push('\n');
}

const PLACEHOLDERS: &str = "\
## Placeholders

Commands, folders, instructions and the values of `environment` and `also` may hold placeholders: the name of an input, or one of \
these. Each is put in once, as text; nothing in it is interpreted, and no shell sees it. A lone placeholder of a list or a command \
becomes as many arguments; a value that would begin an argument with `-` is refused.

";

fn meaning(word: &str) -> &'static str {
    match word {
        "environment" => "the environment, as the configuration spells it",
        "sha" => "the full commit id",
        "ref" => "branch, tag or SHA as it was asked for; for people, never for git",
        "task" => "the task, one of the environment's `tasks`",
        "hosts" => "the hosts that a request narrows to, separated by commas; nothing where it means all",
        "app" => "the app's name",
        "sha8" => "the first eight digits of the commit id; for people",
        "all_hosts" => "as `hosts`, and where it means all, the environment's own `hosts`",
        "noop" => "`1` in a dry run, else nothing",
        "files" => "the folder of the manifest's `files`",
        "results" => "the file that the command writes results to, where `results` asks for them",
        "tmp" => "the run's own folder for temporary files",
        "ssh_config" => "an OpenSSH configuration, where the app sets `ssh`; else nothing",
        "ssh_key" => "the file of the private key, where the app sets `ssh.key`; else nothing",
        "known_hosts" => "the file of known hosts, where the app sets `ssh.known_hosts`; else nothing",
        _ => "",
    }
}

fn patterns(page: &mut String) {
    page.push_str(PATTERNS);
    for kind in [InputKind::String, InputKind::Path, InputKind::Url] {
        let _ = writeln!(page, "- `{}`: `{}`", kind.as_str(), kind.pattern());
    }
}

const PATTERNS: &str = "\
## Patterns

A text of an input must match its `pattern` from the first character to the last. Where the manifest gives none, these hold, \
`string` for the entries of a `list` as well. The words of a command are not matched, and the texts of a map only where a pattern \
is given: the configuration's author wrote them.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_has_a_meaning() {
        for word in RUN_WORDS.iter().chain(&MANIFEST_WORDS) {
            assert_ne!(meaning(word), "", "{word}");
        }
    }
}
