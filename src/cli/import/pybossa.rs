//! The `config.py` of PYBOSSA's deployments server: `REPOS`, with a folder and commands or a playbook for each repository.

use serde_json::json;

use crate::cli::import::draft::{App, Draft, Environment, Note, Settings};
use crate::cli::import::entry::named;
use crate::cli::import::executor;
use crate::cli::import::pybossa::reader::{Dict, Reader, find};
use crate::cli::import::python::{Literal, Module};
use crate::cli::import::secrets::told;
use crate::domain::names::{InvalidName, RepositoryName};

mod reader;
mod shell;

/// Settings of the server that mean something here.
const SETTINGS: [&str; 4] = ["SECRET", "TOKEN", "SLACK_WEBHOOK", "REPOS"];

/// Keys of a repository that mean something here. The server's template for Ansible has `repo` where the key should be.
const KEYS: [&str; 6] = [
    "repo",
    "folder",
    "commands",
    "required_contexts",
    "ansible_hosts",
    "ansible_playbook",
];

/// Reads the whole file, or says what is wrong with it.
pub(super) fn draft(module: &Module) -> Result<Draft, Vec<String>> {
    let mut reader = Reader::default();
    let mut draft = Draft::new(skipped(module));
    draft.sections = sections(module);
    let repositories = match module.find("REPOS") {
        Some(found) => reader.repositories(found),
        None => {
            reader.refuse(
                0,
                "the file assigns no `REPOS`; expected a dict of repositories".to_owned(),
            );
            Vec::new()
        }
    };
    for (name, line, dict) in repositories {
        match name.parse::<RepositoryName>() {
            Ok(_) => add(&mut reader, &mut draft, name, dict),
            Err(InvalidName { expected, .. }) => {
                reader.refuse(line, format!("a key of `REPOS` is no repository; expected {expected}"));
            }
        }
    }
    let problems = reader.problems();
    if problems.is_empty() { Ok(draft) } else { Err(problems) }
}

/// What of the file is in no app.
fn skipped(module: &Module) -> Vec<Note> {
    let is_known = |name: &str| SETTINGS.contains(&name);
    let mut lines: Vec<(usize, String)> = module
        .skipped
        .iter()
        .map(|skipped| (skipped.line, skipped.what.clone()))
        .collect();
    let mut others: Vec<String> = Vec::new();
    for (name, value) in module.assignments.iter().filter(|(name, _)| !is_known(name)) {
        let name = format!("`{}`", told(name));
        if value.value == Literal::Other {
            lines.push((value.line, format!("the value of {name}, which is no literal")));
        } else if !others.contains(&name) {
            others.push(name);
        }
    }
    lines.sort();
    let mut notes = Vec::new();
    if !lines.is_empty() {
        let lines: Vec<String> = lines
            .iter()
            .map(|(line, what)| format!("line {line}: {what}"))
            .collect();
        notes.push(Note::lost(format!(
            "{}. Only literals are read; nothing is executed.",
            lines.join("; ")
        )));
    }
    if !others.is_empty() {
        notes.push(Note::lost(format!("{}: no such setting here.", others.join(", "))));
    }
    notes
}

fn sections(module: &Module) -> Vec<(&'static str, Settings)> {
    let is_set = |name: &str| match module.find(name).map(|found| &found.value) {
        Some(Literal::Text(text)) => !text.is_empty(),
        Some(Literal::Other) => true,
        Some(Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::List(_) | Literal::Dict(_)) | None => {
            false
        }
    };
    let moved = |name: &str| {
        if is_set(name) {
            format!("put what `{name}` holds into the variable below of Chima's process")
        } else {
            format!("there was no `{name}`: fill the variable below of Chima's process")
        }
    };
    let mut github = Settings::default();
    github.set_with(
        "token",
        named("GITHUB_TOKEN"),
        vec![Note::todo(format!("{}, or make a GitHub App.", moved("TOKEN")))],
    );
    let strong = "It must have 16 bytes; `openssl rand -hex 32` makes a good one.";
    github.set_with(
        "webhook_secrets",
        vec![named("CHIMA_WEBHOOK_SECRET")],
        vec![Note::todo(format!("{}. {strong}", moved("SECRET")))],
    );
    let mut sections = vec![("github", github)];
    if is_set("SLACK_WEBHOOK") {
        let mut slack = Settings::default();
        slack.set_with(
            "incoming_webhook",
            named("SLACK_INCOMING_WEBHOOK"),
            vec![Note::todo(format!("{}.", moved("SLACK_WEBHOOK")))],
        );
        sections.push(("slack", slack));
    }
    sections
}

fn add(reader: &mut Reader, draft: &mut Draft, repository: String, dict: Dict<'_>) {
    let at = format!("REPOS['{}']", told(&repository));
    let mut app = Settings::default();
    match reader.texts(dict, "required_contexts", &at) {
        Some(contexts) if contexts.is_empty() => {
            let note = "As before: where none were named, none were asked for.";
            app.set_with("required_contexts", json!([]), vec![Note::plain(note)]);
        }
        Some(contexts) => app.set("required_contexts", contexts),
        None => app.notes.push(Note::todo(
            "`required_contexts` would have to be executed: name them. Without the key all that have reported must be green.",
        )),
    }
    let hosts = reader.text(dict, "ansible_hosts", &at, &mut app);
    let playbook = reader.text(dict, "ansible_playbook", &at, &mut app);
    let is_carried = match (hosts, playbook) {
        (Some(hosts), Some(playbook)) => {
            ansible(&mut app, &hosts, &playbook, find(dict, "commands").is_some());
            true
        }
        (_, _)
            if ["ansible_hosts", "ansible_playbook"]
                .iter()
                .all(|key| find(dict, key).is_some()) =>
        {
            let note = "inventory and playbook cannot be read, and `manual` waits for a person. Write `provider: ansible` and `with: { \
                        inventory: PATH, playbook: PATH }`.";
            executor::by_hand(&mut app, vec![Note::todo(note)]);
            true
        }
        (hosts, playbook) => {
            if hosts.is_some() || playbook.is_some() {
                app.notes.push(Note::lost(
                    "`ansible_hosts` or `ansible_playbook`: the server used them only together.",
                ));
            }
            shell::carry_out(reader, dict, &at, &mut app)
        }
    };
    let others: Vec<String> = dict
        .iter()
        .filter_map(|(key, _)| match &key.value {
            Literal::Text(name) if KEYS.contains(&name.as_str()) => None,
            Literal::Text(name) => Some(format!("`{}`", told(name))),
            Literal::Number(_)
            | Literal::Bool(_)
            | Literal::None
            | Literal::List(_)
            | Literal::Dict(_)
            | Literal::Other => Some(format!("line {}, where the key is no text", key.line)),
        })
        .collect();
    if !others.is_empty() {
        app.notes
            .push(Note::lost(format!("{}: no such key here.", others.join(", "))));
    }
    if !is_carried {
        let name = told(&repository);
        let mut notes = vec![Note::lost(format!(
            "`{name}`: it has neither `commands` nor `ansible_hosts` with `ansible_playbook`."
        ))];
        notes.append(&mut app.notes);
        draft.leave_out(notes);
        return;
    }
    let mut production = Settings::default();
    let mut notes = Vec::new();
    if reader.is_first() {
        notes.push(Note::plain(
            "The server deployed every merged pull request, whatever branch it was for; this is the default branch.",
        ));
    }
    production.set_with("auto_deploy", json!({ "on": "merged_pull_request" }), notes);
    draft.add(App {
        name: repository.rsplit('/').next().unwrap_or_default().to_owned(),
        repository,
        repository_notes: Vec::new(),
        settings: app,
        environments: vec![Environment {
            name: "production".to_owned(),
            settings: production,
        }],
    });
}

fn ansible(app: &mut Settings, hosts: &str, playbook: &str, has_commands: bool) {
    let mut notes = Vec::new();
    if has_commands {
        notes.push(Note::lost("`commands`: the server never ran them beside a playbook."));
    }
    if !hosts.starts_with('/') || !playbook.starts_with('/') {
        notes.push(Note::todo(
            "the server read relative paths from its own folder. Here they are paths of the repository: add the files to it, or \
             write whole paths.",
        ));
    }
    app.set("provider", "ansible");
    app.set_with("with", json!({ "inventory": hosts, "playbook": playbook }), notes);
}
