//! The rules a manifest keeps beyond its form.

use regex::Regex;

use crate::provider::manifest::{
    Argument, CommandLine, Form, Input, InputKind, Kind, Manifest, ManifestError, RUN_WORDS,
};
use crate::provider::template::Template;

/// Checks every rule; the first that is broken is told.
pub(super) fn check(manifest: &Manifest) -> Result<(), ManifestError> {
    let broken = |place: &str, detail: String| ManifestError::Inconsistent {
        provider: manifest.name.clone(),
        place: place.to_owned(),
        detail,
    };
    if !is_name(&manifest.name) {
        return Err(broken(
            "name",
            "expected lower-case letters, digits, `_` and `-`".to_owned(),
        ));
    }
    if manifest.pty {
        return Err(broken(
            "pty",
            "a terminal is not available yet; expected `false`".to_owned(),
        ));
    }
    for (name, input) in &manifest.inputs {
        check_input(name, input).map_err(|detail| broken(&format!("input `{name}`"), detail))?;
    }
    if manifest.kind == Kind::Command && manifest.forms.is_empty() {
        return Err(broken("forms", "none given; a command needs at least one".to_owned()));
    }
    for (index, form) in manifest.forms.iter().enumerate() {
        check_form(manifest, form).map_err(|detail| broken(&format!("form {}", index + 1), detail))?;
    }
    for (name, value) in &manifest.environment {
        let place = format!("environment `{name}`");
        check_text(manifest, value).map_err(|detail| broken(&place, detail))?;
    }
    for program in &manifest.programs {
        if let Some(pattern) = &program.version_pattern {
            Regex::new(pattern)
                .map_err(|error| broken(&format!("program `{}`", program.name), bad_pattern(pattern, &error)))?;
        }
    }
    Ok(())
}

fn check_input(name: &str, input: &Input) -> Result<(), String> {
    if !is_name(name) {
        return Err("expected lower-case letters, digits, `_` and `-` as its name".to_owned());
    }
    if RUN_WORDS.contains(&name) && input.kind != InputKind::String && input.kind != InputKind::List {
        return Err("has the name of a value of every run but not its form".to_owned());
    }
    if let Some(pattern) = &input.pattern {
        Regex::new(pattern).map_err(|error| bad_pattern(pattern, &error))?;
    }
    if input.open {
        match input.kind {
            InputKind::Argv | InputKind::ArgvList | InputKind::Map => {
                return Err(format!(
                    "`open` is not for `{}`: a payload never brings a command",
                    input.kind.as_str()
                ));
            }
            InputKind::String | InputKind::List | InputKind::Bool | InputKind::Integer => {}
        }
    }
    Ok(())
}

fn check_form(manifest: &Manifest, form: &Form) -> Result<(), String> {
    for name in &form.when {
        if !manifest.inputs.contains_key(name) {
            return Err(unknown(manifest, name));
        }
    }
    match (&form.command, &form.commands) {
        (Some(argv), None) => check_argv(manifest, argv)?,
        (None, Some(lines)) => {
            if lines.is_empty() {
                return Err("`commands` is empty".to_owned());
            }
            for line in lines {
                match line {
                    CommandLine::Argv(argv) => check_argv(manifest, argv)?,
                    CommandLine::List(text) => check_list(manifest, text)?,
                }
            }
        }
        (Some(_), Some(_)) => return Err("has both `command` and `commands`; expected one".to_owned()),
        (None, None) => return Err("has neither `command` nor `commands`".to_owned()),
    }
    match (&form.folder, form.checkout) {
        (Some(_), true) => Err("has both a `folder` and a checkout; set `checkout: false`".to_owned()),
        (None, false) => Err("has neither a `folder` nor a checkout to run in".to_owned()),
        (Some(folder), false) => check_text(manifest, folder),
        (None, true) => Ok(()),
    }
}

fn check_argv(manifest: &Manifest, argv: &[Argument]) -> Result<(), String> {
    if argv.is_empty() {
        return Err("an empty command".to_owned());
    }
    for argument in argv {
        match argument {
            Argument::Text(text) => check_text(manifest, text)?,
            Argument::Optional { when, args } => {
                if !knows(manifest, when) {
                    return Err(unknown(manifest, when));
                }
                args.iter().try_for_each(|text| check_text(manifest, text))?;
            }
        }
    }
    Ok(())
}

fn check_list(manifest: &Manifest, text: &str) -> Result<(), String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let input = template.whole().and_then(|name| manifest.inputs.get(name));
    match input.map(|input| input.kind) {
        Some(InputKind::ArgvList) => Ok(()),
        _ => Err(format!(
            "`{text}` stands for a list of commands; expected the placeholder of an `argv_list` input"
        )),
    }
}

fn check_text(manifest: &Manifest, text: &str) -> Result<(), String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    for name in template.placeholders() {
        if !knows(manifest, name) {
            return Err(unknown(manifest, name));
        }
        let whole = template.whole().is_some();
        match manifest.inputs.get(name).map(|input| input.kind) {
            Some(InputKind::ArgvList | InputKind::Map) => {
                return Err(format!("`{{{{{name}}}}}` cannot stand in an argument"));
            }
            Some(InputKind::Argv | InputKind::List) if !whole => {
                return Err(format!(
                    "`{{{{{name}}}}}` is a list and cannot be a part of one argument"
                ));
            }
            Some(InputKind::Argv | InputKind::List | InputKind::String | InputKind::Bool | InputKind::Integer)
            | None => {}
        }
    }
    Ok(())
}

fn knows(manifest: &Manifest, name: &str) -> bool {
    manifest.inputs.contains_key(name) || RUN_WORDS.contains(&name)
}

fn unknown(manifest: &Manifest, name: &str) -> String {
    let known: Vec<String> = manifest
        .inputs
        .keys()
        .map(String::as_str)
        .chain(RUN_WORDS)
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "`{name}` is neither an input nor a value of the run; known: {}",
        known.join(", ")
    )
}

fn bad_pattern(pattern: &str, error: &regex::Error) -> String {
    let last = error.to_string();
    let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("pattern `{pattern}` is not a regular expression: {last}")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}
