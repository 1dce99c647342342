//! Whether every environment finds on this machine what it needs: git, its provider's programs in the right versions, ssh.
//!
//! What several environments share is told once.

use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream;

use crate::app::doctor::Finding;
use crate::app::doctor::ssh;
use crate::cli::providers::Machine;
use crate::config::{App, Config, Environment};
use crate::domain::names::TaskName;
use crate::flow::rehearse::{self, Rehearsal};
use crate::provider::git_version::{git, replacement};
use crate::provider::manifest::Manifest;
use crate::provider::manifest::catalogue::{Broken, Catalogue};
use crate::provider::manifest::form::Need;
use crate::provider::manifest::support::{Program, VariableValue};
use crate::provider::plan::{Cwd, Plan};
use crate::provider::probe::{self, Probe, probe, unmet};
use crate::queue::findings::Severity;

/// How many programs are asked for their version at once.
const AT_ONCE: usize = 4;

/// Every finding about providers and what they use. `home` is the account's own.
pub(super) async fn examine(config: &Config, catalogue: &Catalogue, machine: &Machine, home: &Path) -> Vec<Finding> {
    let mut findings: Vec<Finding> = catalogue.broken().iter().map(broken).collect();
    let rehearsed: Vec<Rehearsed<'_>> = rehearse_all(config, catalogue, machine);
    if rehearsed.iter().any(|one| one.needs_git) {
        findings.push(examine_git(machine).await);
    }
    findings.extend(lfs(&rehearsed, machine));
    let answers = Answers::ask(&rehearsed, machine).await;
    let mut shared: Vec<(Vec<String>, Finding)> = Vec::new();
    let faults = rehearse::faults(config, catalogue);
    for one in &rehearsed {
        let mut own = one.findings(&answers, home);
        let of_this =
            |fault: &&rehearse::SettingFault| fault.app == one.app.name && fault.environment == one.environment.name;
        own.extend(faults.iter().filter(of_this).map(|fault| {
            let hint = fault.hint.as_deref().map(|hint| format!("{hint} ")).unwrap_or_default();
            Finding::bad(fault.text.clone(), &format!("{hint}`chima check` shows the line"))
        }));
        if own.is_empty() {
            own.push(Finding::well(format!(
                "provider `{}` finds what it needs",
                one.environment.provider
            )));
        }
        for finding in own {
            let name = format!("{}/{}", one.app.name, one.environment.name);
            match shared.iter_mut().find(|(_, known)| *known == finding) {
                Some((names, _)) => names.push(name),
                None => shared.push((vec![name], finding)),
            }
        }
    }
    findings.extend(shared.into_iter().map(|(names, finding)| Finding {
        text: format!("{}: {}", names.join(", "), finding.text),
        ..finding
    }));
    findings
}

fn broken(broken: &Broken) -> Finding {
    Finding::bad(
        format!("manifest {}", broken.lines().join("; manifest ")),
        "correct it; until then nothing is deployed with it",
    )
}

async fn examine_git(machine: &Machine) -> Finding {
    match probe(&git(), &machine.path, &machine.variables()).await {
        Probe::Absent => Finding::bad(
            "git is not in the `PATH`: nothing can be checked out".to_owned(),
            "install it: `apt install git`",
        ),
        Probe::Unknown { detail, .. } => Finding {
            severity: Some(Severity::Warn),
            text: format!("git: asked for its version, {detail}"),
            fix: None,
        },
        Probe::Found { version, .. } => match replacement(&version) {
            None => Finding::well(format!("git {version}")),
            Some(wanted) => Finding {
                severity: Some(Severity::Warn),
                text: format!(
                    "git {version} is older than the fixes for hostile repositories of July 2025 (CVE-2025-48384 and others)"
                ),
                fix: Some(format!(
                    "upgrade to {wanted} or later, or see that your distribution has put the fixes into its {version}"
                )),
            },
        },
    }
}

/// Whether those who ask for files of Git LFS can get them.
fn lfs(rehearsed: &[Rehearsed<'_>], machine: &Machine) -> Option<Finding> {
    let who: Vec<String> = rehearsed
        .iter()
        .filter(|one| one.needs_git && one.environment.checkout.lfs)
        .map(|one| format!("{}/{}", one.app.name, one.environment.name))
        .collect();
    if who.is_empty() {
        return None;
    }
    let who = who.join(", ");
    Some(match probe::find("git-lfs", &machine.path) {
        Some(_) => Finding::well(format!("{who}: `git-lfs` is there for `checkout: {{ lfs: true }}`")),
        None => Finding::bad(
            format!("{who}: `checkout.lfs` is set, but there is no program `git-lfs` in the `PATH`"),
            "install it: `apt install git-lfs`",
        ),
    })
}

/// One environment and what it would run.
struct Rehearsed<'a> {
    app: &'a App,
    environment: &'a Environment,
    manifest: Option<&'a Manifest>,
    /// With the files that its forms look for, and without; only what is in both is certain.
    plans: Vec<Plan>,
    needs_git: bool,
    /// The `PATH` of its commands.
    path: String,
}

fn rehearse_all<'a>(config: &'a Config, catalogue: &'a Catalogue, machine: &Machine) -> Vec<Rehearsed<'a>> {
    let mut rehearsed = Vec::new();
    for app in &config.apps {
        for environment in &app.environments {
            let manifest = catalogue.find(&environment.provider);
            let plans = manifest
                .zip(environment.tasks.first())
                .map(|(manifest, task): (_, &TaskName)| {
                    let rehearsal = Rehearsal {
                        app,
                        environment,
                        manifest,
                    };
                    let plans = [false, true].map(|has_files| rehearsal.plan(task, false, has_files).ok());
                    plans.into_iter().flatten().collect::<Vec<Plan>>()
                });
            let plans = plans.unwrap_or_default();
            rehearsed.push(Rehearsed {
                app,
                environment,
                manifest,
                needs_git: plans
                    .iter()
                    .flat_map(|plan| &plan.steps)
                    .any(|step| step.cwd == Cwd::Checkout),
                plans,
                path: path_of(environment, manifest, machine),
            });
        }
    }
    rehearsed
}

/// The `PATH` that the runner looks programs up in: what the app says, then the manifest, then what is inherited.
fn path_of(environment: &Environment, manifest: Option<&Manifest>, machine: &Machine) -> String {
    let of_manifest = || manifest?.environment.get("PATH").map(VariableValue::text);
    let said = environment.env.get("PATH").map(String::as_str).or_else(of_manifest);
    said.unwrap_or(&machine.path).to_owned()
}

/// The answers of programs that were asked for their version, each once.
struct Answers(Vec<(Program, String, Probe)>);

impl Answers {
    async fn ask(rehearsed: &[Rehearsed<'_>], machine: &Machine) -> Self {
        let mut questions: Vec<(Program, String)> = Vec::new();
        for one in rehearsed {
            for program in one.manifest.into_iter().flat_map(|manifest| &manifest.programs) {
                let question = (program.clone(), one.path.clone());
                if !questions.contains(&question) {
                    questions.push(question);
                }
            }
        }
        let variables = machine.variables();
        let ask = async |(program, path): (Program, String)| {
            let answer = probe(&program, &path, &variables).await;
            (program, path, answer)
        };
        Self(stream::iter(questions).map(ask).buffered(AT_ONCE).collect().await)
    }

    fn of(&self, program: &Program, path: &str) -> Option<&Probe> {
        let asked = self.0.iter().find(|(own, looked, _)| own == program && looked == path);
        asked.map(|(_, _, answer)| answer)
    }
}

impl Rehearsed<'_> {
    fn findings(&self, answers: &Answers, home: &Path) -> Vec<Finding> {
        let mut findings = Vec::new();
        let programs = self.manifest.map_or(&[][..], |manifest| &manifest.programs);
        let mut missing: Vec<&str> = Vec::new();
        for program in programs.iter().filter(|program| self.is_needed(program)) {
            if answers.of(program, &self.path) == Some(&Probe::Absent) {
                missing.push(&program.name);
                findings.push(self.absent(&program.name, program.install_in_words()));
            }
        }
        for name in self.certain_programs() {
            if !missing.contains(&name) && !name.contains('/') && probe::find(name, &self.path).is_none() {
                missing.push(name);
                findings.push(self.absent(name, None));
            }
        }
        for need in self.needs() {
            let program = programs.iter().find(|program| program.name == need.program);
            let answer = program.and_then(|program| answers.of(program, &self.path));
            if let Some(text) = answer.and_then(|answer| unmet(need, answer)) {
                findings.push(Finding::bad(
                    text,
                    "install that version, or choose the inputs that fit this one",
                ));
            }
        }
        findings.extend(ssh::findings(self.environment, &self.path, home));
        findings
    }

    /// Programs that are marked optional are needed where they are surely run.
    fn is_needed(&self, program: &Program) -> bool {
        !program.optional || self.certain_programs().contains(&program.name.as_str())
    }

    /// What is run whatever files there are.
    fn certain_programs(&self) -> Vec<&str> {
        let of = |plan: &'_ Plan| -> Vec<String> {
            let first = plan.steps.iter().filter_map(|step| step.argv().first());
            first.cloned().collect()
        };
        let Some((first, others)) = self.plans.split_first() else {
            return Vec::new();
        };
        let others: Vec<Vec<String>> = others.iter().map(of).collect();
        let mut certain: Vec<&str> = Vec::new();
        for name in first.steps.iter().filter_map(|step| step.argv().first()) {
            if !certain.contains(&name.as_str()) && others.iter().all(|other| other.contains(name)) {
                certain.push(name);
            }
        }
        certain
    }

    fn needs(&self) -> &[Need] {
        self.plans.first().map_or(&[], |plan| &plan.needs)
    }

    fn absent(&self, program: &str, install: Option<String>) -> Finding {
        let text = format!(
            "provider `{}` needs `{program}`, which is not in the `PATH`",
            self.environment.provider
        );
        let install = install.map(|words| format!("install it: {words}"));
        let elsewhere = "or name its folder in `env: { PATH: … }`";
        match install {
            Some(install) => Finding::bad(text, &format!("{install}, {elsewhere}")),
            None => Finding::bad(text, &format!("install it, {elsewhere}")),
        }
    }
}

#[cfg(test)]
mod tests;
