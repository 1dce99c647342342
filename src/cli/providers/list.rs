//! All providers, for a person.

use std::fmt::Write as _;

use crate::cli::providers::text::{indented, labelled};
use crate::cli::providers::{Survey, Surveyed};
use crate::provider::manifest::DryRun;
use crate::provider::manifest::catalogue::{Broken, Entry, Origin};
use crate::provider::manifest::support::Program;
use crate::provider::probe::Probe;

/// Where the texts beside the labels begin.
const COLUMN: usize = 10;

pub(super) fn list(survey: &Survey<'_>) -> String {
    let mut out = String::new();
    for surveyed in &survey.providers {
        let _ = writeln!(out, "{}", heading(surveyed.entry));
        indented(&mut out, 2, &surveyed.entry.manifest.description);
        let dry_run = match surveyed.entry.manifest.dry_run {
            DryRun::None => "no dry run",
            DryRun::Arguments => "has a dry run",
            DryRun::Environment => "has a dry run where `dry_run: true` promises it",
        };
        let kind = format!("{}; {dry_run}", surveyed.entry.manifest.kind.as_str());
        labelled(&mut out, 2, "kind", COLUMN, &kind);
        programs(&mut out, 2, "programs", COLUMN, &surveyed.programs);
        labelled(&mut out, 2, "used by", COLUMN, &used_by(survey, surveyed));
        out.push('\n');
    }
    if !survey.broken.is_empty() {
        out.push_str(&broken(&survey.broken));
        out.push('\n');
    }
    let lacking: Vec<_> = survey.lacking().collect();
    if !lacking.is_empty() {
        out.push_str("missing for what is configured\n");
        for (surveyed, program) in lacking {
            let install = program.install_in_words();
            let install = install
                .map(|words| format!("; install it: {words}"))
                .unwrap_or_default();
            let text = format!("`{}` needs `{}`{install}", surveyed.entry.manifest.name, program.name);
            indented(&mut out, 2, &text);
        }
        out.push('\n');
    }
    if let Err(why) = survey.config {
        indented(&mut out, 0, why);
    }
    out.push_str("`chima providers NAME` shows its inputs, and what it would run\n");
    out
}

/// The name, and where it comes from where that is not the program itself.
pub(super) fn heading(entry: &Entry) -> String {
    let name = &entry.manifest.name;
    match (&entry.origin, &entry.replaces) {
        (Origin::Shipped, _) => name.clone(),
        (origin, None) => format!("{name}  (from {origin})"),
        (origin, Some(Origin::Shipped)) => format!("{name}  (from {origin}, in place of the shipped one)"),
        (origin, Some(other)) => format!("{name}  (from {origin}, in place of the one from {other})"),
    }
}

fn used_by(survey: &Survey<'_>, surveyed: &Surveyed<'_>) -> String {
    let names: Vec<String> = surveyed
        .used_by
        .iter()
        .map(|(app, environment)| format!("{}/{}", app.name, environment.name))
        .collect();
    match (names.is_empty(), survey.config) {
        (true, Err(_)) => "not known without a configuration".to_owned(),
        (true, Ok(_)) => "nobody".to_owned(),
        (false, _) => names.join(", "),
    }
}

/// A line for each program: its version and file, or how to install it.
pub(super) fn programs(out: &mut String, indent: usize, label: &str, column: usize, programs: &[(&Program, Probe)]) {
    if programs.is_empty() {
        labelled(out, indent, label, column, "none of its own");
    }
    let version = |(program, probe): &(&Program, Probe)| match probe {
        Probe::Absent => "missing".to_owned(),
        Probe::Unknown { .. } if program.version_command.is_empty() => "there".to_owned(),
        Probe::Unknown { .. } => "?".to_owned(),
        Probe::Found { version, .. } => version.clone(),
    };
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let names = widest(&mut programs.iter().map(|(program, _)| program.name.len()));
    let versions = widest(&mut programs.iter().map(|asked| version(asked).len()));
    for (index, asked) in programs.iter().enumerate() {
        let (program, probe) = asked;
        let label = if index == 0 { label } else { "" };
        let lead = format!(
            "{label:<column$}{:<names$}  {:<versions$}  ",
            program.name,
            version(asked)
        );
        let text = match probe {
            Probe::Absent => absent(program),
            Probe::Found { path, .. } => path.display().to_string(),
            Probe::Unknown { path, .. } if program.version_command.is_empty() => path.display().to_string(),
            Probe::Unknown { path, detail } => format!("{}; asked for its version, {detail}", path.display()),
        };
        labelled(out, indent, &lead, lead.chars().count(), &text);
    }
}

fn absent(program: &Program) -> String {
    let install = program.install_in_words().map(|words| format!("install it: {words}"));
    match (program.optional, install) {
        (false, install) => install.unwrap_or_default(),
        (true, None) => "for some uses only".to_owned(),
        (true, Some(install)) => format!("for some uses only; {install}"),
    }
}

/// What cannot be used, with every mistake at its line.
pub(super) fn broken(broken: &[&Broken]) -> String {
    let mut out = "cannot be used\n".to_owned();
    for broken in broken {
        let name = broken.name.as_deref().unwrap_or("a folder of manifests");
        let _ = writeln!(out, "  {name}");
        for line in broken.error.to_string().lines() {
            let _ = writeln!(out, "{}", format!("    {line}").trim_end());
        }
    }
    out
}
