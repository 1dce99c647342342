//! Providers for a script: one JSON object a line.

use serde_json::{Value, json};

use crate::cli::providers::{Survey, Surveyed};
use crate::provider::manifest::support::Program;
use crate::provider::probe::Probe;

pub(super) fn lines(survey: &Survey<'_>) -> String {
    let good = survey
        .providers
        .iter()
        .map(|surveyed| provider(surveyed, survey.config.is_ok()));
    let broken = survey
        .broken
        .iter()
        .map(|broken| json!({ "name": broken.name, "usable": false, "problems": broken.lines() }));
    good.chain(broken).map(|line| format!("{line}\n")).collect()
}

/// Without a configuration nobody knows who uses it, which is another thing than that nobody does.
fn provider(surveyed: &Surveyed<'_>, is_configured: bool) -> Value {
    let manifest = &surveyed.entry.manifest;
    let used_by: Vec<String> = surveyed
        .used_by
        .iter()
        .map(|(app, environment)| format!("{}/{}", app.name, environment.name))
        .collect();
    json!({
        "name": manifest.name,
        "description": manifest.description,
        "kind": manifest.kind,
        "origin": surveyed.entry.origin.to_string(),
        "replaces": surveyed.entry.replaces.as_ref().map(ToString::to_string),
        "dry_run": manifest.dry_run,
        "usable": surveyed.lacks().next().is_none(),
        "programs": surveyed.programs.iter().map(|(program, probe)| asked(program, probe)).collect::<Vec<_>>(),
        "inputs": manifest.inputs,
        "secrets": manifest.secrets,
        "used_by": is_configured.then_some(used_by),
    })
}

fn asked(program: &Program, probe: &Probe) -> Value {
    let (path, version) = match probe {
        Probe::Absent => (None, None),
        Probe::Unknown { path, .. } => (Some(path), None),
        Probe::Found { path, version } => (Some(path), Some(version)),
    };
    json!({
        "name": program.name,
        "path": path,
        "version": version,
        "optional": program.optional,
        "install": program.install,
    })
}
