//! Argument lists: each value becomes whole arguments or a part of one, and never an option by accident.

use serde_json::Value;

use crate::domain::names::shown;
use crate::provider::manifest::form::{Argument, CommandLine, EachEntry, Form};
use crate::provider::plan::error::PlanError;
use crate::provider::plan::inputs::Given;
use crate::provider::plan::values::Values;
use crate::provider::template::Template;

/// The command lines of a form, in order. At least one, none empty.
pub(super) fn command_lines(
    form: &Form,
    values: &Values<'_>,
    has_file: &dyn Fn(&str) -> bool,
) -> Result<Vec<Vec<String>>, PlanError> {
    let empty = || PlanError::EmptyCommand {
        provider: values.inputs.provider().to_owned(),
    };
    let mut lines = Vec::new();
    if let Some(argv) = &form.command {
        lines.push(arguments(argv, values, has_file)?);
    }
    for line in form.commands.iter().flatten() {
        match line {
            CommandLine::Argv(argv) => lines.push(arguments(argv, values, has_file)?),
            CommandLine::Optional(optional) if values.holds(optional.condition(), has_file) => {
                lines.push(arguments(&optional.command, values, has_file)?);
            }
            CommandLine::Optional(_) => {}
            CommandLine::List(text) => {
                let template = Template::parse(text)?;
                match template.whole().and_then(|name| values.given(name)) {
                    Some(Given::Commands(commands)) => lines.extend(commands.iter().cloned()),
                    Some(Given::Text(_) | Given::List(_) | Given::Command(_) | Given::Map(_)) | None => {
                        return Err(empty());
                    }
                }
            }
        }
    }
    for argv in &lines {
        if argv.first().is_none_or(String::is_empty) {
            return Err(empty());
        }
        if let Some(found) = argv.iter().find(|argument| argument.contains('\0')) {
            return Err(PlanError::HoldsNul { found: shown(found) });
        }
    }
    if lines.is_empty() { Err(empty()) } else { Ok(lines) }
}

fn arguments(
    argv: &[Argument],
    values: &Values<'_>,
    has_file: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, PlanError> {
    let mut out = Vec::new();
    for argument in argv {
        match argument {
            Argument::Text(text) => push(text, values, &mut out)?,
            Argument::Optional(optional) if values.holds(optional.condition(), has_file) => {
                optional.args.iter().try_for_each(|text| push(text, values, &mut out))?;
            }
            Argument::Optional(_) => {}
            Argument::Each(each) => push_each(each, values, &mut out)?,
        }
    }
    Ok(out)
}

fn push(text: &str, values: &Values<'_>, out: &mut Vec<String>) -> Result<(), PlanError> {
    let template = Template::parse(text)?;
    match template.whole().and_then(|name| values.given(name)) {
        // What an argv holds was written by the configuration's author, options included.
        Some(Given::Command(words)) => out.extend(words.iter().cloned()),
        Some(Given::List(items)) => {
            for item in items {
                refuse_dash(item)?;
                out.push(item.clone());
            }
        }
        None if template.whole().is_some_and(|name| values.inputs.is_list(name)) => {}
        Some(Given::Text(_) | Given::Commands(_) | Given::Map(_)) | None => {
            let expanded = values.expand(&template)?;
            if template.starts_with_placeholder() {
                refuse_dash(&expanded)?;
            }
            out.push(expanded);
        }
    }
    Ok(())
}

fn push_each(each: &EachEntry, values: &Values<'_>, out: &mut Vec<String>) -> Result<(), PlanError> {
    let mut whole = Vec::new();
    if let Some(onto) = &each.onto {
        push(onto, values, &mut whole)?;
    }
    if let Some(Given::Map(entries)) = values.given(&each.each) {
        let template = Template::parse(&each.arg)?;
        for (key, value) in entries {
            let argument = entry(each, &template, key, value)?;
            match whole.first_mut() {
                Some(whole) => whole.push_str(&argument),
                None => out.push(argument),
            }
        }
    }
    out.append(&mut whole);
    Ok(())
}

fn entry(each: &EachEntry, template: &Template, key: &str, value: &Value) -> Result<String, PlanError> {
    let bad = |expected: String| PlanError::BadEntry {
        input: each.each.clone(),
        key: shown(key),
        expected,
    };
    if !is_plain_key(key) {
        return Err(bad(
            "a name of letters, digits, `_` and `-`, which begins with a letter".to_owned(),
        ));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(bad("one text, number or yes and no".to_owned()));
        }
    };
    if let Some(without) = each
        .without
        .as_deref()
        .filter(|without| text.contains(|c| without.contains(c)))
    {
        return Err(bad(format!("a value without any of `{without}`")));
    }
    template.expand(|name| Ok(if name == "key" { key.to_owned() } else { text.clone() }))
}

fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn refuse_dash(argument: &str) -> Result<(), PlanError> {
    if argument.starts_with('-') {
        return Err(PlanError::LeadingDash { found: shown(argument) });
    }
    Ok(())
}
