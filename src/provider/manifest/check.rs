//! The rules a manifest keeps beyond its form.

use regex::Regex;

use crate::config::document::{At, Fault};
use crate::config::problem::KeyPath;
use crate::provider::manifest::form::{Argument, CommandLine, Condition, EachEntry, Form};
use crate::provider::manifest::input::{Input, InputKind};
use crate::provider::manifest::support::FileSource;
use crate::provider::manifest::{DryRun, Kind, MANIFEST_WORDS, Manifest, RUN_WORDS};
use crate::provider::template::Template;

mod http;

/// Every part that breaks a rule, with the first rule it breaks.
pub(super) fn check(manifest: &Manifest) -> Vec<Fault> {
    let mut found = Found::default();
    let top = KeyPath::default();
    if !is_name(&manifest.name) {
        let detail = "expected lower-case letters, digits, `_` and `-`".to_owned();
        found.note(top.key("name"), "name", Err(detail));
    }
    for (name, input) in &manifest.inputs {
        let path = KeyPath::of(&["inputs", name]);
        found.note(path, &format!("input `{name}`"), check_input(name, input));
    }
    if manifest.forms.is_empty() {
        let detail = format!("none given; kind `{}` needs at least one", manifest.kind.as_str());
        found.note(top.key("forms"), "forms", Err(detail));
    }
    for (index, form) in manifest.forms.iter().enumerate() {
        let path = top.key("forms").index(index);
        found.note(path, &format!("form {}", index + 1), check_form(manifest, form));
    }
    for (name, value) in &manifest.environment {
        let condition = value.condition();
        let condition = condition.map_or(Ok(()), |condition| check_condition(manifest, condition));
        let judged = check_text(manifest, value.text()).and(condition);
        found.note(
            KeyPath::of(&["environment", name]),
            &format!("environment `{name}`"),
            judged,
        );
    }
    for (name, source) in &manifest.files {
        let path = KeyPath::of(&["files", name]);
        found.note(path, &format!("file `{name}`"), check_file(manifest, name, source));
    }
    for name in manifest.secrets.keys().filter(|name| !is_variable(name)) {
        let detail = "expected a variable's name: letters, digits and `_`".to_owned();
        found.note(
            KeyPath::of(&["secrets", name]),
            &format!("secret `{name}`"),
            Err(detail),
        );
    }
    for (index, program) in manifest.programs.iter().enumerate() {
        let pattern = program.version_pattern.as_deref().map_or(Ok(()), regular);
        let path = top.key("programs").index(index);
        found.note(path, &format!("program `{}`", program.name), pattern);
    }
    for (index, cause) in manifest.causes.iter().enumerate() {
        let path = top.key("causes").index(index);
        found.note(path, &format!("cause {}", index + 1), regular(&cause.pattern));
    }
    let promise = manifest.inputs.get("dry_run").map(|input| input.kind);
    if manifest.dry_run == DryRun::Environment && promise != Some(InputKind::Bool) {
        let detail = "`environment` needs an input `dry_run` of type `bool`, by which the configuration promises it";
        found.note(top.key("dry_run"), "dry_run", Err(detail.to_owned()));
    }
    found.faults
}

#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
}

impl Found {
    /// Notes what is wrong with a part. The first name in the words is looked for within it, because forms are long.
    fn note(&mut self, path: KeyPath, part: &str, judged: Result<(), String>) {
        if let Err(detail) = judged {
            self.faults.push(Fault {
                path,
                at: detail
                    .split('`')
                    .nth(1)
                    .map_or(At::Value, |word| At::Word(word.to_owned())),
                text: format!("{part}: {detail}"),
                hint: None,
            });
        }
    }
}

fn check_input(name: &str, input: &Input) -> Result<(), String> {
    if !is_name(name) {
        return Err("expected lower-case letters, digits, `_` and `-` as its name".to_owned());
    }
    if MANIFEST_WORDS.contains(&name) {
        return Err("has the name of a value that every manifest has".to_owned());
    }
    if RUN_WORDS.contains(&name) && input.kind != InputKind::String && input.kind != InputKind::List {
        return Err("has the name of a value of every run but not its form".to_owned());
    }
    if input.must_exist && input.kind != InputKind::Path {
        return Err(format!("`must_exist` is for `path`, not for `{}`", input.kind.as_str()));
    }
    if let Some(pattern) = &input.pattern {
        regular(pattern)?;
    }
    if input.open {
        match input.kind {
            InputKind::Argv | InputKind::ArgvList | InputKind::Map => {
                return Err(format!(
                    "`open` is not for `{}`: a payload never brings a command",
                    input.kind.as_str()
                ));
            }
            InputKind::Url => return Err("`open` is not for `url`: a payload never says where to".to_owned()),
            InputKind::String | InputKind::Path | InputKind::List | InputKind::Bool | InputKind::Integer => {}
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
    for need in &form.needs {
        let program = manifest.programs.iter().find(|program| program.name == need.program);
        if program.is_none_or(|program| program.version_command.is_empty() || program.version_pattern.is_none()) {
            return Err(format!(
                "needs a version of `{}`, which is not among `programs` with a `version_command` and a `version_pattern`",
                need.program
            ));
        }
    }
    if manifest.kind != Kind::Http {
        http::refuse_exchanges(form)?;
    }
    match manifest.kind {
        Kind::Command => check_commands(manifest, form)?,
        Kind::Manual => return check_instructions(manifest, form),
        Kind::Http => return http::check_exchanges(manifest, form),
    }
    match (&form.folder, form.checkout) {
        (Some(_), true) => Err("has both a `folder` and a checkout; set `checkout: false`".to_owned()),
        (None, false) => Err("has neither a `folder` nor a checkout to run in".to_owned()),
        (Some(folder), false) => check_text(manifest, folder),
        (None, true) => Ok(()),
    }
}

fn check_commands(manifest: &Manifest, form: &Form) -> Result<(), String> {
    if form.instructions.is_some() {
        return Err("has `instructions`, which are for kind `manual`".to_owned());
    }
    match (&form.command, &form.commands) {
        (Some(_), None) => {}
        (None, Some(lines)) if lines.is_empty() => return Err("`commands` is empty".to_owned()),
        (None, Some(_)) => {}
        (Some(_), Some(_)) => return Err("has both `command` and `commands`; expected one".to_owned()),
        (None, None) => return Err("has neither `command` nor `commands`".to_owned()),
    }
    for (argv, condition) in form.argvs() {
        check_argv(manifest, argv)?;
        condition.map_or(Ok(()), |condition| check_condition(manifest, condition))?;
    }
    form.commands.iter().flatten().try_for_each(|line| match line {
        CommandLine::List(text) => check_list(manifest, text),
        CommandLine::Argv(_) | CommandLine::Optional(_) => Ok(()),
    })
}

fn check_instructions(manifest: &Manifest, form: &Form) -> Result<(), String> {
    if form.command.is_some() || form.commands.is_some() || form.folder.is_some() {
        return Err("has a command or a folder, but a person carries it out; expected `instructions` alone".to_owned());
    }
    match &form.instructions {
        Some(text) => check_text(manifest, text),
        None => Err("has no `instructions`".to_owned()),
    }
}

fn check_argv(manifest: &Manifest, argv: &[Argument]) -> Result<(), String> {
    if argv.is_empty() {
        return Err("an empty command".to_owned());
    }
    for argument in argv {
        match argument {
            Argument::Text(text) => check_text(manifest, text)?,
            Argument::Optional(optional) => {
                let condition = optional.condition();
                if condition.when.or(condition.unless).or(condition.file).is_none() {
                    return Err("optional arguments depend on nothing; expected `when`, `unless` or `file`".to_owned());
                }
                check_condition(manifest, condition)?;
                optional.args.iter().try_for_each(|text| check_text(manifest, text))?;
            }
            Argument::Each(each) => check_each(manifest, each)?,
        }
    }
    Ok(())
}

fn check_condition(manifest: &Manifest, condition: Condition<'_>) -> Result<(), String> {
    if let Some(name) = condition.names().find(|name| !knows(manifest, name)) {
        return Err(unknown(manifest, name));
    }
    if condition.is.is_some() && condition.when.is_none() {
        return Err("`is` without `when` compares with nothing".to_owned());
    }
    match condition.file {
        Some(file) if file.starts_with('/') || file.split('/').any(|part| part == "..") => {
            Err(format!("`{file}` leaves the folder; expected a relative path"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_each(manifest: &Manifest, each: &EachEntry) -> Result<(), String> {
    let EachEntry {
        each: name, arg, onto, ..
    } = each;
    if manifest.inputs.get(name).map(|input| input.kind) != Some(InputKind::Map) {
        return Err(format!("`each: {name}` is not an input of type `map`"));
    }
    let template = Template::parse(arg).map_err(|error| error.to_string())?;
    // A key is a plain name; a value may be anything.
    let begins_with_value = template.starts_with_placeholder() && template.placeholders().next() != Some("key");
    match onto {
        Some(onto) => check_text(manifest, onto)?,
        None if begins_with_value => {
            return Err(format!(
                "`{arg}` begins with a value, which could make it an option; put fixed text before it"
            ));
        }
        None => {}
    }
    match template.placeholders().find(|name| !matches!(*name, "key" | "value")) {
        Some(other) => Err(format!(
            "`{{{{{other}}}}}` in `{arg}`; expected `{{{{key}}}}` and `{{{{value}}}}`"
        )),
        None => Ok(()),
    }
}

fn check_file(manifest: &Manifest, name: &str, source: &FileSource) -> Result<(), String> {
    let plain = |name: &str| {
        !name.starts_with('.')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    if !plain(name) || source.copy.as_deref().is_some_and(|copy| !plain(copy)) {
        return Err("expected a plain file name".to_owned());
    }
    if let Some(name) = source.when.as_deref().filter(|name| !knows(manifest, name)) {
        return Err(unknown(manifest, name));
    }
    let values = match (&source.vars, &source.json) {
        (Some(_), Some(_)) => return Err("has both `vars` and `json`; expected one".to_owned()),
        (vars, json) => vars.as_ref().or(json.as_ref()),
    };
    match (&source.copy, values) {
        (Some(_), None) if source.also.is_empty() => Ok(()),
        (None, Some(input)) if manifest.inputs.get(input).map(|input| input.kind) != Some(InputKind::Map) => {
            Err(format!("`{input}` is not an input of type `map`"))
        }
        (None, None) if source.also.is_empty() => {
            Err("is empty; expected one of `copy`, `vars`, `json` and `also`".to_owned())
        }
        (None, Some(_) | None) => source.also.values().try_for_each(|text| check_text(manifest, text)),
        (Some(_), _) => Err("has `copy` beside values; a copy is taken as it is".to_owned()),
    }
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
            Some(InputKind::Argv) if !whole => {
                return Err(format!(
                    "`{{{{{name}}}}}` is a command and cannot be a part of one argument"
                ));
            }
            Some(
                InputKind::Argv
                | InputKind::List
                | InputKind::String
                | InputKind::Path
                | InputKind::Url
                | InputKind::Bool
                | InputKind::Integer,
            )
            | None => {}
        }
    }
    Ok(())
}

fn knows(manifest: &Manifest, name: &str) -> bool {
    manifest.inputs.contains_key(name) || RUN_WORDS.contains(&name) || MANIFEST_WORDS.contains(&name)
}

fn unknown(manifest: &Manifest, name: &str) -> String {
    let known: Vec<String> = manifest
        .inputs
        .keys()
        .map(String::as_str)
        .filter(|name| !RUN_WORDS.contains(name))
        .chain(RUN_WORDS)
        .chain(MANIFEST_WORDS)
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "`{name}` is neither an input nor a value of the run; known: {}",
        known.join(", ")
    )
}

fn regular(pattern: &str) -> Result<(), String> {
    Regex::new(pattern).map(drop).map_err(|error| {
        let last = error.to_string();
        let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("pattern `{pattern}` is not a regular expression: {last}")
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
