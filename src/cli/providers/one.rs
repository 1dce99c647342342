//! Everything about one provider, for a person.

use std::fmt::Write as _;

use crate::cli::providers::forms::{condition, forms};
use crate::cli::providers::list::{heading, programs};
use crate::cli::providers::text::{indented, labelled, quoted, word};
use crate::cli::providers::{Survey, Surveyed};
use crate::flow::rehearse::Rehearsal;
use crate::provider::manifest::input::{Input, InputKind, pattern_in_words};
use crate::provider::manifest::support::SecretForm;
use crate::provider::manifest::{DryRun, Leftover, Results};
use crate::provider::plan::Cwd;
use crate::provider::plan::inputs::LENGTH_LIMIT;
use crate::provider::spec::Action;

/// Where the texts beside the labels begin.
const COLUMN: usize = 12;

pub(super) fn one(survey: &Survey<'_>, surveyed: &Surveyed<'_>) -> String {
    let manifest = &surveyed.entry.manifest;
    let mut out = format!("{}\n", heading(surveyed.entry));
    indented(&mut out, 2, &manifest.description);
    out.push('\n');
    facts(&mut out, surveyed);
    programs(&mut out, 2, "programs", COLUMN, &surveyed.programs);
    out.push_str("\ninputs, in `with`\n");
    let column = column(manifest.inputs.keys());
    for (name, input) in &manifest.inputs {
        entry(&mut out, column, name, &what(input), &input.description);
    }
    if manifest.inputs.is_empty() {
        out.push_str("  none\n");
    }
    if !manifest.secrets.is_empty() {
        out.push_str("\nsecrets, in `secrets`\n");
        let column = self::column(manifest.secrets.keys());
        for (name, secret) in &manifest.secrets {
            let form = match secret.form {
                SecretForm::Variable => "the variable holds it",
                SecretForm::File => "the variable holds the path of a file with it",
            };
            let required = if secret.required { "; required" } else { "" };
            let what = format!("{form}{required}");
            entry(&mut out, column, name, &what, &secret.description);
        }
    }
    if !manifest.environment.is_empty() {
        out.push_str("\nvariables it sets\n");
        for (name, value) in &manifest.environment {
            let when = value.condition().map(condition).filter(|words| !words.is_empty());
            let when = when.map(|words| format!(" [{words}]")).unwrap_or_default();
            indented(&mut out, 2, &format!("{name}={}{when}", value.text()));
        }
    }
    if !manifest.reserved.is_empty() {
        out.push_str("\nvariables that the configuration must not set\n");
        indented(&mut out, 2, &manifest.reserved.join(", "));
    }
    out.push_str("\nwhat it runs: the first of these that fits\n");
    forms(&mut out, manifest);
    out.push_str("\nused by\n");
    if surveyed.used_by.is_empty() {
        let nobody = if survey.config.is_err() {
            "not known without a configuration"
        } else {
            "nobody"
        };
        let _ = writeln!(out, "  {nobody}");
    }
    for (app, environment) in &surveyed.used_by {
        let _ = writeln!(out, "  {}/{}", app.name, environment.name);
        would_run(
            &mut out,
            &Rehearsal {
                app,
                environment,
                manifest,
            },
        );
    }
    if let Err(why) = survey.config {
        out.push('\n');
        indented(&mut out, 0, why);
    }
    out
}

/// Where what is said of names begins.
fn column<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(|name| name.len() + 2).max().unwrap_or_default()
}

/// A name, what it may be, and below that what it is for.
fn entry(out: &mut String, column: usize, name: &str, what: &str, description: &str) {
    labelled(out, 2, name, column, what);
    indented(out, 2 + column, description);
}

fn facts(out: &mut String, surveyed: &Surveyed<'_>) {
    let manifest = &surveyed.entry.manifest;
    labelled(out, 2, "kind", COLUMN, manifest.kind.as_str());
    let dry_run = match manifest.dry_run {
        DryRun::None => "none",
        DryRun::Arguments => "the tool's own",
        DryRun::Environment => "by `DRY_RUN=1`, where `dry_run: true` promises that it is obeyed",
    };
    labelled(out, 2, "dry run", COLUMN, dry_run);
    let limit = manifest.timeout_seconds.unwrap_or(1800);
    let limit = format!("{limit} s, where `timeout_seconds` does not say");
    labelled(out, 2, "time limit", COLUMN, &limit);
    if let Some(seconds) = manifest.inactivity_seconds {
        labelled(
            out,
            2,
            "silence",
            COLUMN,
            &format!("stopped after {seconds} s without output"),
        );
    }
    if manifest.remote {
        let text = "works on other hosts: what is stopped here may go on there";
        labelled(out, 2, "remote", COLUMN, text);
    }
    if manifest.leftover == Leftover::Allow {
        labelled(
            out,
            2,
            "leftover",
            COLUMN,
            "processes that outlive their command live on",
        );
    }
    if manifest.pty {
        labelled(out, 2, "terminal", COLUMN, "its commands get one");
    }
    if manifest.results == Results::Ansible {
        labelled(
            out,
            2,
            "results",
            COLUMN,
            "every host must have gone well, beside exit code 0",
        );
    }
    let readme = match surveyed.entry.readme_file() {
        Some(file) if !file.exists() => "none".to_owned(),
        Some(file) => file.display().to_string(),
        None => format!("`chima providers {} --readme` prints it", manifest.name),
    };
    labelled(out, 2, "README", COLUMN, &readme);
}

/// Type and rules of an input.
fn what(input: &Input) -> String {
    let words = pattern_in_words(input.pattern.as_deref().unwrap_or_else(|| input.kind.pattern()));
    let mut facts = vec![match (input.kind, &input.pattern) {
        (InputKind::String, None) => format!("text of {words}"),
        (InputKind::String, Some(_)) => words,
        (InputKind::Path, None) => words.trim_start_matches("a ").to_owned(),
        (InputKind::Path, Some(_)) => format!("path, as {words}"),
        (InputKind::Url, None) => words.trim_start_matches("an ").to_owned(),
        (InputKind::Url, Some(_)) => format!("address, as {words}"),
        (InputKind::List, None) => format!("list of texts of {words}"),
        (InputKind::List, Some(_)) => format!("list of texts, each {words}"),
        (InputKind::Map, None) => "map".to_owned(),
        (InputKind::Map, Some(_)) => format!("map of {words}"),
        (InputKind::Argv, _) => "one command, as a list of texts".to_owned(),
        (InputKind::ArgvList, _) => "several commands, as a list of lists of texts".to_owned(),
        (InputKind::Bool, _) => "`true` or `false`".to_owned(),
        (InputKind::Integer, _) => "whole number".to_owned(),
    }];
    if input.required {
        facts.push("required".to_owned());
    }
    if let Some(default) = &input.default {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        facts.push(format!("default `{shown}`"));
    }
    if let Some(longest) = input.longest.filter(|longest| *longest != LENGTH_LIMIT) {
        facts.push(format!("at most {longest} bytes"));
    }
    if input.must_exist {
        facts.push("must exist".to_owned());
    }
    if !input.aliases.is_empty() {
        facts.push(format!("also called {}", quoted(&input.aliases, ", ")));
    }
    facts.join("; ")
}

/// The commands of the first task, with a commit of zeros.
fn would_run(out: &mut String, rehearsal: &Rehearsal<'_>) {
    let Some(task) = rehearsal.environment.tasks.first() else {
        return;
    };
    match rehearsal.plan(task, false, false) {
        Err(error) => indented(out, 6, &format!("cannot be planned: {error}")),
        Ok(plan) => {
            for step in &plan.steps {
                let text = match &step.action {
                    Action::Command { argv } => {
                        argv.iter().map(|argument| word(argument)).collect::<Vec<_>>().join(" ")
                    }
                    Action::Manual { instructions } => instructions.clone(),
                    Action::Request { shown, .. } => shown.clone(),
                };
                let text = match &step.cwd {
                    Cwd::Folder(folder) => format!("{text} (in {})", folder.display()),
                    Cwd::Checkout | Cwd::Nowhere => text,
                };
                indented(out, 6, &text);
            }
        }
    }
}
