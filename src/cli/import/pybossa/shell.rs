//! A repository's commands in its folder.

use serde_json::json;

use crate::cli::import::commands::{Command, FOLDER, Word};
use crate::cli::import::draft::{Note, Settings};
use crate::cli::import::pybossa::reader::{Dict, Reader, find};
use crate::cli::import::python::{Literal, Located};

/// Writes provider and inputs; `false` where there are no commands.
pub(super) fn carry_out(reader: &mut Reader, dict: Dict<'_>, at: &str, app: &mut Settings) -> bool {
    let Some(found) = find(dict, "commands") else {
        return false;
    };
    let commands = commands(reader, found, &format!("{at}['commands']"));
    if commands.is_empty() {
        return false;
    }
    let mut notes: Vec<Note> = commands.iter().flat_map(|command| command.notes.clone()).collect();
    let is_pull =
        |command: &Command| matches!(&command.argv[..], [program, verb, ..] if program == "git" && verb == "pull");
    if commands.iter().any(is_pull) {
        notes.push(Note::todo(
            "`git pull` deploys whatever the branch is at. To deploy what was asked for, write `[git, fetch]` and `[git, checkout, \
             --detach, \"{{sha}}^{commit}\"]`.",
        ));
    }
    let folder = match reader.text(dict, "folder", at, app) {
        Some(folder) if folder.starts_with('/') => folder,
        Some(folder) => {
            notes.push(Note::todo(
                "`folder` was relative to where the server was started: write the whole path.",
            ));
            format!("{FOLDER}/{folder}")
        }
        None => {
            notes.push(Note::todo("write the `folder` in which the commands are to run."));
            FOLDER.to_owned()
        }
    };
    let argvs: Vec<&Vec<String>> = commands.iter().map(|command| &command.argv).collect();
    app.set("provider", "shell");
    app.set_with("with", json!({ "folder": folder, "commands": argvs }), notes);
    app.set_with(
        "inherit_env",
        json!(["HOME", "SSH_AUTH_SOCK"]),
        vec![Note::plain(
            "The commands had all variables of the server. These two are what git needs for its keys.",
        )],
    );
    for command in &commands {
        command.ask_for_secrets(app);
    }
    true
}

fn commands(reader: &mut Reader, found: &Located, at: &str) -> Vec<Command> {
    let lines = match &found.value {
        Literal::List(lines) => lines.as_slice(),
        // one command that nobody can read: a script takes its place
        Literal::Other => std::slice::from_ref(found),
        Literal::Text(_) | Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::Dict(_) => {
            reader.unexpected(at, found, "a list of commands, each a list of texts");
            return Vec::new();
        }
    };
    let mut commands = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let place = format!("{at}[{index}]");
        let words = match &line.value {
            Literal::List(words) => words
                .iter()
                .enumerate()
                .map(|word| self::word(reader, &place, word))
                .collect(),
            Literal::Other => vec![Word::Unreadable("would have to be executed")],
            Literal::Text(_) | Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::Dict(_) => {
                reader.unexpected(&place, line, "a list of program and arguments");
                continue;
            }
        };
        let number = index + 1;
        let (what, script) = (format!("command {number}"), format!("./script/step-{number}"));
        commands.push(Command::of(&words, &what, &script));
    }
    commands
}

fn word(reader: &mut Reader, place: &str, (index, word): (usize, &Located)) -> Word {
    match &word.value {
        Literal::Text(text) => Word::literal(text),
        Literal::Other => Word::Unreadable("would have to be executed"),
        Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::List(_) | Literal::Dict(_) => {
            reader.unexpected(&format!("{place}[{index}]"), word, "a text");
            Word::Unreadable("is no text")
        }
    }
}
