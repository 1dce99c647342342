//! The command lines of a manifest, as a person reads them.

use crate::cli::providers::text::{indented, labelled, quoted, word};
use crate::provider::manifest::Manifest;
use crate::provider::manifest::form::{Argument, CommandLine, Condition, Form, Need};
use crate::provider::manifest::request::Request;

pub(super) fn forms(out: &mut String, manifest: &Manifest) {
    for (index, form) in manifest.forms.iter().enumerate() {
        labelled(out, 2, &format!("{}.", index + 1), 4, &choice(form));
        for line in lines(form) {
            indented(out, 8, &line);
        }
        for need in &form.needs {
            indented(out, 8, &needed(need));
        }
    }
}

/// When a form is chosen, and where it runs.
fn choice(form: &Form) -> String {
    let when = match form.when.len() {
        0 => "always".to_owned(),
        1 => format!("where {} is given", quoted(&form.when, "")),
        _ => format!("where {} are given", quoted(&form.when, " and ")),
    };
    match &form.folder {
        Some(folder) => format!("{when}, in the folder {folder}"),
        None if form.checkout => format!("{when}, in a checkout"),
        None => when,
    }
}

fn lines(form: &Form) -> Vec<String> {
    let one = form.command.iter().map(|argv| command(argv));
    let several = form.commands.iter().flatten().map(|line| match line {
        CommandLine::Argv(argv) => command(argv),
        CommandLine::List(placeholder) => placeholder.clone(),
        CommandLine::Optional(optional) => {
            let words = condition(optional.condition());
            let words = if words.is_empty() { words } else { format!(" ({words})") };
            command(&optional.command) + &words
        }
    });
    let asked = form.request.iter().map(request);
    let watched = form
        .poll
        .iter()
        .map(|poll| format!("then asks {} how it stands", poll.url));
    let cancelled = form
        .cancel
        .iter()
        .map(|cancel| format!("stopped by {}", request(cancel)));
    let exchanges = asked.chain(watched).chain(cancelled);
    one.chain(several)
        .chain(form.instructions.clone())
        .chain(exchanges)
        .collect()
}

fn request(request: &Request) -> String {
    format!("{} {}", request.method.as_deref().unwrap_or("POST"), request.url)
}

fn command(argv: &[Argument]) -> String {
    let words: Vec<String> = argv
        .iter()
        .map(|argument| match argument {
            Argument::Text(text) => word(text),
            Argument::Optional(optional) => {
                let words: Vec<String> = optional.args.iter().map(|text| word(text)).collect();
                format!("[{} {}]", words.join(" "), condition(optional.condition()))
            }
            Argument::Each(each) => {
                let onto = each.onto.iter().map(|onto| word(onto)).collect::<String>();
                format!("[{onto}{} for each of {}]", word(&each.arg), each.each)
            }
        })
        .collect();
    words.join(" ")
}

pub(super) fn condition(condition: Condition<'_>) -> String {
    let mut words = Vec::new();
    if let Some(name) = condition.when {
        words.push(match condition.is {
            Some(value) => format!("if {name} is {value}"),
            None => format!("if {name}"),
        });
    }
    words.extend(condition.file.map(|file| format!("if there is a {file}")));
    words.extend(condition.unless.map(|name| format!("unless {name}")));
    words.join(", ")
}

fn needed(need: &Need) -> String {
    let least = need.at_least.iter().map(|version| format!("{version} or later"));
    let below = need.below.iter().map(|version| format!("a version before {version}"));
    let versions: Vec<String> = least.chain(below).collect();
    format!("needs `{}`: {}", need.program, versions.join(", "))
}
