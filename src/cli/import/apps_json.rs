//! hubot-deploy's `apps.json`: app names, each with an entry.

use serde_json::{Map, Value};

use crate::cli::import::draft::{Draft, Note};
use crate::cli::import::entry::{Entries, Source};
use crate::cli::import::shape::unexpected;

/// Reads the whole file, or says what is wrong with it.
pub(super) fn draft(apps: &Map<String, Value>) -> Result<Draft, Vec<String>> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for (name, entry) in apps {
        match entry {
            Value::Object(map) => sources.push(Source {
                name: name.clone(),
                at: name.clone(),
                map,
                repository: None,
                environments: Vec::new(),
                tasks: Vec::new(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                problems.push(unexpected(name, entry, "a map with `repository` and `provider`"));
            }
        }
    }
    let mut draft = Draft::new(vec![
        Note::todo(
            "whoever could speak to the bot could ask for any task `deploy:NAME`. Chima carries out the tasks that an app lists, as \
             in `tasks: [deploy, \"deploy:migrate\"]`.",
        ),
        Note::todo(
            "where Heaven was the executor, it deployed a green default branch to every environment by itself. Here that is \
             `auto_deploy: true`, at each app or environment that should have it.",
        ),
    ]);
    let mut entries = Entries::new(&sources);
    entries.reader.problems = problems;
    for source in &sources {
        entries.add(&mut draft, source);
    }
    draft
        .sections
        .push(("github", entries.github("which was in `HUBOT_GITHUB_TOKEN` of the bot")));
    if entries.reader.problems.is_empty() {
        Ok(draft)
    } else {
        Err(entries.reader.problems)
    }
}
