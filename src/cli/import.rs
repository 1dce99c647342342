//! `chima import`: a configuration made from a file of a system that people come from.
//!
//! A reader for each form turns the file into a `draft`; one `writer` turns that into YAML, with a comment wherever something
//! could not be carried over. Foreign files are data: nothing in them is executed, and no secret in them is copied. What was
//! made is loaded before it is shown, so that `chima check` never refuses it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::import::draft::{Draft, Item, Note};
use crate::cli::import::foreign::Foreign;
use crate::config::problem::ConfigError;
use crate::config::{Config, Known};
use crate::domain::names::shown;

mod apps_json;
mod commands;
mod draft;
mod entry;
mod executor;
mod foreign;
mod heaven;
mod hooks;
mod pybossa;
mod python;
mod secrets;
mod shape;
#[cfg(test)]
mod tests;
mod writer;

/// Larger than any configuration.
const MOST_BYTES: u64 = 4 << 20;

/// The providers that an import may name: manifests of the catalogue, whose inputs `executor` knows.
const PROVIDERS: [&str; 6] = ["ansible", "capistrano", "fabric", "heroku", "manual", "shell"];

/// The forms that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// hubot-deploy's `apps.json`.
    AppsJson,
    /// The `config.py` of PYBOSSA's deployments server.
    Pybossa,
    /// A deployment's payload as Heaven read it.
    Heaven,
    /// The `hooks.json` or `hooks.yaml` of adnanh/webhook.
    Hooks,
}

/// Why nothing was made.
#[derive(Debug)]
pub enum ImportError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It is too large.
    TooLarge,
    /// It is not text.
    NotText,
    /// It has none of the forms.
    Unknown,
    /// It is not even of the language of its form.
    Malformed {
        /// The language.
        language: &'static str,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
        /// What to do.
        hint: Option<&'static str>,
    },
    /// Something in it has another form than it should.
    Unexpected {
        /// What it was read as.
        kind: Kind,
        /// What was found and what was expected, one for each place.
        problems: Vec<String>,
    },
    /// There is nothing in it that could be deployed.
    Nothing {
        /// What it was read as.
        kind: Kind,
        /// Why what is in it could not be.
        reasons: Vec<String>,
    },
    /// What was made of it would not load.
    Refused(ConfigError),
    /// There is a file of that name.
    Exists(PathBuf),
}

/// An error, and the file it is about.
#[derive(Debug)]
pub struct Failure {
    file: PathBuf,
    error: ImportError,
}

/// A configuration that loads.
#[derive(Debug)]
struct Imported {
    yaml: String,
    draft: Draft,
    kind: Kind,
}

/// Imports a file: what to print. With `out` it is written there, if nothing is there yet.
///
/// # Errors
/// A [`Failure`] where nothing could be made, and any other error where it could not be written.
pub fn import(file: &Path, from: Option<Kind>, out: Option<&Path>) -> anyhow::Result<String> {
    let imported = convert(file, from).map_err(|error| Failure {
        file: file.to_owned(),
        error,
    })?;
    let Some(out) = out else {
        return Ok(imported.yaml);
    };
    write_new(out, &imported.yaml)?;
    Ok(summary(&imported, out))
}

fn convert(file: &Path, from: Option<Kind>) -> Result<Imported, ImportError> {
    let text = read(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    convert_text(&text, &name, from)
}

fn convert_text(text: &str, name: &str, from: Option<Kind>) -> Result<Imported, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let foreign = match from {
        Some(kind) => foreign::read(text, kind)?,
        None => foreign::detect(text)?,
    };
    let kind = foreign.kind();
    let draft = match &foreign {
        Foreign::Apps(apps) => apps_json::draft(apps),
        Foreign::Payload(payload) => heaven::draft(payload),
        Foreign::Hooks(hooks) => hooks::draft(hooks),
        Foreign::Pybossa(module) => pybossa::draft(module),
    }
    .map_err(|problems| ImportError::Unexpected { kind, problems })?;
    let secrets = draft.secrets();
    if !secrets.is_empty() {
        return Err(ImportError::Unexpected {
            kind,
            problems: secrets,
        });
    }
    if draft.apps().next().is_none() {
        return Err(ImportError::Nothing {
            kind,
            reasons: reasons(&draft),
        });
    }
    let header = [
        format!("Made by `chima import` from `{}`, {kind}.", shown(name)),
        format!(
            "Comments that begin with \"{}\" or \"{}\" need a person. `chima check` says whether it loads.",
            writer::LOST,
            writer::TO_DO
        ),
    ];
    let yaml = writer::yaml(&draft, &header);
    Config::parse(Path::new("app.yaml"), &yaml, &Known { providers: &PROVIDERS }).map_err(ImportError::Refused)?;
    Ok(Imported { yaml, draft, kind })
}

fn reasons(draft: &Draft) -> Vec<String> {
    let left_out = draft.items.iter().flat_map(|item| match item {
        Item::LeftOut(notes) => notes.as_slice(),
        Item::App(_) => &[],
    });
    left_out
        .map(|note| match note {
            Note::Plain(text) | Note::Lost(text) | Note::Todo(text) => text.clone(),
        })
        .collect()
}

fn read(file: &Path) -> Result<String, ImportError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(ImportError::Unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ImportError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| ImportError::NotText)
}

/// Writes a file that is not there yet; what cannot be written whole is not left behind.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Failure {
                file: path.to_owned(),
                error: ImportError::Exists(path.to_owned()),
            }
            .into());
        }
        Err(error) => return Err(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display()))),
    };
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        let _ = fs::remove_file(path);
        return Err(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display())));
    }
    Ok(())
}

fn summary(imported: &Imported, out: &Path) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let comments = |beginning: &str| {
        let beginning = format!("# {beginning}:");
        let lines = imported.yaml.lines();
        lines.filter(|line| line.trim_start().starts_with(&beginning)).count()
    };
    let apps = imported.draft.apps().count();
    let environments = imported.draft.apps().map(|app| app.environments.len()).sum();
    let out = out.display();
    format!(
        "{out} is written from {}: {}, {}\ncomments that begin with \"{}\": {}, with \"{}\": {}\nthen: chima check {out}\n",
        imported.kind,
        count(apps, "app"),
        count(environments, "environment"),
        writer::LOST,
        comments(writer::LOST),
        writer::TO_DO,
        comments(writer::TO_DO),
    )
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppsJson => "hubot-deploy's apps.json",
            Self::Pybossa => "the config.py of PYBOSSA's deployments server",
            Self::Heaven => "a payload for Heaven",
            Self::Hooks => "the hooks of adnanh/webhook",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.error {
            ImportError::Unreadable(_) => write!(f, "cannot read `{file}`"),
            ImportError::TooLarge => write!(
                f,
                "`{file}` is larger than {MOST_BYTES} bytes; expected a configuration"
            ),
            ImportError::NotText => write!(f, "`{file}` is not UTF-8 text; expected a configuration"),
            ImportError::Unknown => write!(
                f,
                "`{file}` is nothing that can be imported; expected hubot-deploy's apps.json, a payload for Heaven, the config.py of \
                 PYBOSSA's deployments server, or the hooks of adnanh/webhook\nhint: `--from` settles what it is, and then says what \
                 is wrong with it"
            ),
            ImportError::Malformed {
                language,
                line,
                what,
                hint,
            } => {
                write!(f, "{file}:{line}: not valid {language}: {what}")?;
                hint.map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
            }
            ImportError::Unexpected { kind, problems } => {
                write!(f, "`{file}`, read as {kind}, cannot be imported")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
            ImportError::Nothing { kind, reasons } => {
                write!(
                    f,
                    "`{file}`, read as {kind}, has nothing that could be deployed; nothing is written"
                )?;
                reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
            }
            ImportError::Refused(error) => write!(
                f,
                "what was made from `{file}` would not load, so that nothing is written:\n{error}"
            ),
            ImportError::Exists(path) => write!(
                f,
                "`{}` is there already; expected a name that is free\nhint: move it away, or name another with `--out`",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.error {
            ImportError::Unreadable(error) => Some(error),
            ImportError::TooLarge
            | ImportError::NotText
            | ImportError::Unknown
            | ImportError::Malformed { .. }
            | ImportError::Unexpected { .. }
            | ImportError::Nothing { .. }
            | ImportError::Refused(_)
            | ImportError::Exists(_) => None,
        }
    }
}
