//! Commands of foreign files as argument lists: no shell code, no secret, no text that Chima would read as a placeholder.
//!
//! A command that cannot be carried over becomes a script that is not there: the deployment fails until somebody has written
//! it, instead of doing something else than before.

use crate::cli::import::draft::{Note, Settings};
use crate::cli::import::entry::{named, variable};
use crate::cli::import::secrets::{is_secret_name, is_secret_text};

/// Stands where a folder is not known: a command fails there until somebody has written the right one.
pub(super) const FOLDER: &str = "/__FOLDER__";

/// One argument, as far as it can be carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// As it was.
    Literal(String),
    /// A placeholder of Chima, or a text with one.
    Template(String),
    /// Looks like a secret, which an argument shows to everybody on the machine; a variable for it.
    Secret(String),
    /// Something of a request that Chima does not have; what it was.
    Gone(String),
    /// Decides what the command does and cannot be read; what it is.
    Unreadable(&'static str),
}

/// A command, and what is to be written beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    pub(super) notes: Vec<Note>,
    /// Variables of secrets that were arguments. They are asked for, so that nothing runs before somebody has seen to them.
    secrets: Vec<String>,
}

impl Word {
    pub(super) fn literal(text: &str) -> Self {
        if text.contains("{{") {
            Self::Unreadable("holds `{{`, which would be a placeholder here")
        } else if text.contains('\0') {
            Self::Unreadable("holds a NUL character, which no argument can")
        } else if is_secret_text(text) {
            Self::Secret(variable_for(text))
        } else {
            Self::Literal(text.to_owned())
        }
    }
}

impl Command {
    /// `what` names the command to people, `script` is what takes its place where it must be written anew.
    pub(super) fn of(words: &[Word], what: &str, script: &str) -> Self {
        let instead = |why: String| Self {
            argv: vec![script.to_owned()],
            notes: vec![Note::todo(format!("{why} Write it as the script `{script}`."))],
            secrets: Vec::new(),
        };
        let argv: Vec<String> = words.iter().map(Word::text).collect();
        if is_shell_code(&argv) {
            return instead(format!("{what} was code for a shell, which is not carried over."));
        }
        for (number, word) in words.iter().enumerate() {
            if let Word::Unreadable(why) = word {
                return instead(format!("argument {number} of {what} {why}."));
            }
        }
        if !matches!(words.first(), Some(Word::Literal(program)) if !program.is_empty()) {
            return instead(format!("the program of {what} is no plain text."));
        }
        let mut command = Self {
            argv,
            ..Self::default()
        };
        for (number, word) in words.iter().enumerate() {
            match word {
                Word::Literal(_) | Word::Template(_) | Word::Unreadable(_) => {}
                Word::Secret(name) => {
                    command.secrets.push(name.clone());
                    command.notes.push(Note::todo(format!(
                        "argument {number} of {what} looks like a secret and is empty here. Put it into the variable `{name}` of \
                         Chima's process, and let the program read that."
                    )));
                }
                Word::Gone(was) => command.notes.push(Note::lost(format!(
                    "argument {number} of {what}, now empty: it was {was}."
                ))),
            }
        }
        command
    }

    /// Asks for the secrets that were arguments.
    pub(super) fn ask_for_secrets(&self, app: &mut Settings) {
        if !self.secrets.is_empty() {
            let secrets = self.secrets.iter().map(|name| (name.clone(), named(name)));
            app.extend("secrets", secrets, Vec::new());
        }
    }
}

impl Word {
    /// An empty place for what is not there, so that the others keep their numbers.
    fn text(&self) -> String {
        match self {
            Self::Literal(text) | Self::Template(text) => text.clone(),
            Self::Secret(_) | Self::Gone(_) | Self::Unreadable(_) => String::new(),
        }
    }
}

/// A name for a secret: that of `--NAME=…` or `NAME: …`.
fn variable_for(text: &str) -> String {
    let name = text
        .split(['=', ':'])
        .next()
        .unwrap_or_default()
        .trim_start_matches('-');
    let is_name = name.len() < text.len() && is_secret_name(name) && !is_secret_text(name);
    if is_name {
        variable(name)
    } else {
        "COMMAND_SECRET".to_owned()
    }
}

/// Whether a shell is told to execute an argument.
fn is_shell_code(words: &[String]) -> bool {
    const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "csh", "tcsh"];
    let is_shell = |word: &String| word.rsplit('/').next().is_some_and(|name| SHELLS.contains(&name));
    // also behind `sudo`, `env` or `ssh`
    let Some(at) = words.iter().position(is_shell) else {
        return false;
    };
    let mut options = words
        .iter()
        .skip(at + 1)
        .take_while(|word| word.starts_with(['-', '+']));
    options.any(|word| word.starts_with("--command") || (!word.starts_with("--") && word.contains('c')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(texts: &[&str]) -> Command {
        let words: Vec<Word> = texts.iter().map(|text| Word::literal(text)).collect();
        Command::of(&words, "command 1", "./script/step-1")
    }

    #[test]
    fn shell_code_becomes_a_script_that_is_not_there() {
        for line in [
            &["sh", "-c", "a && b"][..],
            &["/bin/bash", "-lc", "a | b"],
            &["bash", "-e", "-c", "x"],
            &["sudo", "-u", "www", "sh", "-c", "x"],
            &["/usr/bin/env", "bash", "-xc", "x"],
            &["fish", "--command", "x"],
        ] {
            let command = command(line);
            assert_eq!(command.argv, ["./script/step-1"], "{line:?}");
            assert!(matches!(&command.notes[..], [Note::Todo(_)]), "{line:?}");
        }
    }

    #[test]
    fn a_script_run_by_a_shell_is_no_shell_code() {
        for line in [
            &["sh", "deploy.sh", "-c"][..],
            &["bash", "-e", "deploy.sh"],
            &["git", "-c", "a=b", "fetch"],
            &["make"],
        ] {
            let command = command(line);
            assert_eq!(
                (command.argv, command.notes),
                (line.iter().map(ToString::to_string).collect(), Vec::new())
            );
        }
    }

    #[test]
    fn what_a_request_held_leaves_an_empty_place() {
        let words = [
            Word::literal("deploy"),
            Word::Gone("the pusher".to_owned()),
            Word::Template("{{sha}}".to_owned()),
        ];
        let command = Command::of(&words, "the command", "./x");
        assert_eq!(command.argv, ["deploy", "", "{{sha}}"]);
        assert_eq!(
            command.notes,
            [Note::lost("argument 1 of the command, now empty: it was the pusher.")]
        );
    }

    #[test]
    fn a_secret_is_asked_for_under_its_own_name() {
        let command = command(&["deploy", "--api-token=abc", "Authorization: Bearer abc", "ghp_abc"]);
        assert_eq!(command.argv, ["deploy", "", "", ""]);
        assert_eq!(command.secrets, ["API_TOKEN", "AUTHORIZATION", "COMMAND_SECRET"]);
        let mut app = Settings::default();
        command.ask_for_secrets(&mut app);
        assert_eq!(app.entries[0].value["API_TOKEN"], named("API_TOKEN"));
    }

    #[test]
    fn what_decides_and_cannot_be_read_becomes_a_script_to_write() {
        for words in [
            vec![Word::Unreadable("is an expression")],
            vec![Word::literal("make"), Word::literal("{{target}}")],
            vec![Word::literal("make"), Word::literal("a\0b")],
            vec![Word::Gone("x".to_owned())],
            vec![Word::literal("")],
            vec![],
        ] {
            let command = Command::of(&words, "it", "./script/x");
            assert_eq!((command.argv.len(), command.notes.len()), (1, 1), "{words:?}");
            assert_eq!(command.argv, ["./script/x"]);
        }
    }
}
