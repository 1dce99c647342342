//! From a manifest and the values of one run to what will be executed: pure.
//!
//! Values come from three places of different trust: `with:` of the configuration (its author decides what runs), the order
//! (checked forms of `domain`), and a deployment's payload (only inputs that are declared open, taken literally).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::deployment::Order;
use crate::domain::names::HostName;
use crate::provider::environment::Environment;
use crate::provider::manifest::form::{Argument, Form, Need};
use crate::provider::manifest::input::InputKind;
use crate::provider::manifest::support::{Cause, FileSource, SecretForm};
use crate::provider::manifest::{DryRun, Kind, Leftover, Manifest, Results};
use crate::provider::plan::commands::command_lines;
use crate::provider::plan::error::PlanError;
use crate::provider::plan::inputs::{Given, Inputs};
use crate::provider::plan::values::{PlanPlaces, Values};
use crate::provider::spec::{Action, FileSpec, Required, StepSpec};

mod commands;
pub mod error;
pub mod inputs;
mod request;
pub mod values;
mod vars;

/// No file of a manifest can have this name.
const REQUEST_FILE: &str = ".request.json";

/// What one run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order; at least one.
    pub steps: Vec<StepPlan>,
    /// Files to be there before the first.
    pub files: Vec<FileSpec>,
    /// Versions to be asked for before anything runs.
    pub needs: Vec<Need>,
    /// How long all steps together may take; `None` where the manifest does not say.
    pub timeout: Option<Duration>,
    /// How the tool wants its secrets, by variable.
    pub secrets: BTreeMap<String, SecretForm>,
}

/// One step, before it is known where the checkout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// For people: the program's name, numbered where there are several steps.
    pub name: String,
    /// What is done, final.
    pub action: Action,
    /// Where it runs.
    pub cwd: Cwd,
    /// What the manifest adds to the variables.
    pub environment: Environment,
    /// How long it may stay silent.
    pub inactivity: Option<Duration>,
    /// What becomes of processes that outlive it.
    pub leftover: Leftover,
    /// Whether stopping it here may not stop what it does elsewhere.
    pub remote: bool,
    /// Whether it gets a terminal.
    pub pty: bool,
    /// Paths that must be there; relative ones start where it runs.
    pub must_exist: Vec<(String, String)>,
    /// How its end is read, and the file it may write results to.
    pub results: Option<(Results, PathBuf)>,
    /// What its output says about why it failed.
    pub causes: Vec<Cause>,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cwd {
    /// In a fresh checkout of the order's commit.
    Checkout,
    /// In an existing folder.
    Folder(PathBuf),
    /// Nowhere in particular: it starts no program.
    Nowhere,
}

/// What the plan needs beyond the order.
#[derive(Clone, Copy)]
pub struct PlanContext<'a> {
    /// What the deployment's payload wants to fill; refused unless the input is open.
    pub requested: &'a Map<String, Value>,
    /// Where the run's own files will be.
    pub places: &'a PlanPlaces,
    /// Whether a file is in the folder the commands run in.
    pub has_file: &'a dyn Fn(&str) -> bool,
    /// Names of the secrets that the configuration gives.
    pub secrets: &'a [&'a str],
    /// Names of all variables that the configuration sets or lets through, those of secrets among them.
    pub variables: &'a [&'a str],
    /// The hosts that the environment declares.
    pub declared: &'a [HostName],
}

impl std::fmt::Debug for PlanContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanContext")
            .field("requested", self.requested)
            .field("places", self.places)
            .finish_non_exhaustive()
    }
}

/// What one run will do.
///
/// # Errors
/// The first thing that is wrong with the values.
pub fn plan(
    manifest: &Manifest,
    with: &Map<String, Value>,
    order: &Order,
    context: &PlanContext<'_>,
) -> Result<Plan, PlanError> {
    let values = Values {
        inputs: Inputs::gather(manifest, with, order, context.requested)?,
        order,
        declared: context.declared,
        places: context.places,
    };
    if let Some(variable) = manifest
        .reserved
        .iter()
        .find(|name| context.variables.contains(&name.as_str()))
    {
        return Err(PlanError::ReservedVariable {
            provider: manifest.name.clone(),
            variable: variable.clone(),
        });
    }
    let form = choose(manifest, &values)?;
    refuse_unused(manifest, form, &values)?;
    if order.noop {
        refuse_without_dry_run(manifest, &values)?;
    }
    for (name, wanted) in &manifest.secrets {
        if wanted.required && !context.secrets.contains(&name.as_str()) {
            return Err(PlanError::MissingSecret {
                provider: manifest.name.clone(),
                secret: name.clone(),
            });
        }
    }
    let mut files = files(manifest, &values)?;
    let steps = steps(manifest, form, &values, context, &mut files)?;
    Ok(Plan {
        steps,
        files,
        needs: form.needs.clone(),
        timeout: manifest.timeout_seconds.map(Duration::from_secs),
        secrets: manifest
            .secrets
            .iter()
            .map(|(name, wanted)| (name.clone(), wanted.form))
            .collect(),
    })
}

fn steps(
    manifest: &Manifest,
    form: &Form,
    values: &Values<'_>,
    context: &PlanContext<'_>,
    files: &mut Vec<FileSpec>,
) -> Result<Vec<StepPlan>, PlanError> {
    let mut causes = manifest.causes.clone();
    let actions = match manifest.kind {
        Kind::Command => command_lines(form, values, context.has_file)?
            .into_iter()
            .map(|argv| Action::Command { argv })
            .collect(),
        Kind::Manual => vec![Action::Manual {
            instructions: values.expand_text(form.instructions.as_deref().unwrap_or_default())?,
        }],
        Kind::Http => {
            let spec = request::request(manifest, form, values)?;
            let file = values.places.files.join(REQUEST_FILE);
            files.push(FileSpec {
                path: file.clone(),
                content: serde_json::to_string(&spec).unwrap_or_default(),
                executable: false,
            });
            causes.push(request::cause());
            vec![Action::Request {
                shown: format!("{} {}", spec.request.method, spec.request.url.shown(None)),
                file,
            }]
        }
    };
    let cwd = match (manifest.kind, &form.folder) {
        (Kind::Manual | Kind::Http, _) => Cwd::Nowhere,
        (Kind::Command, Some(folder)) => Cwd::Folder(PathBuf::from(values.expand_text(folder)?)),
        (Kind::Command, None) => Cwd::Checkout,
    };
    let mut environment = Environment::default();
    for (name, variable) in &manifest.environment {
        if variable
            .condition()
            .is_some_and(|condition| !values.holds(condition, context.has_file))
        {
            continue;
        }
        let value = values.expand_text(variable.text())?;
        if !value.is_empty() {
            environment.set(name, &value);
        }
    }
    let total = actions.len();
    let step = |(index, action): (usize, Action)| StepPlan {
        name: step_name(&action, index, total),
        action,
        cwd: cwd.clone(),
        environment: environment.clone(),
        inactivity: manifest.inactivity_seconds.map(Duration::from_secs),
        leftover: manifest.leftover,
        remote: form.remote.unwrap_or(manifest.remote),
        pty: manifest.pty,
        must_exist: if index == 0 {
            must_exist(manifest, values)
        } else {
            Vec::new()
        },
        results: (index + 1 == total).then(|| (manifest.results, values.places.results.clone())),
        causes: causes.clone(),
    };
    Ok(actions.into_iter().enumerate().map(step).collect())
}

/// The inputs that name something which must be there, and what they name.
fn must_exist(manifest: &Manifest, values: &Values<'_>) -> Vec<(String, String)> {
    manifest
        .inputs
        .iter()
        .filter(|(_, input)| input.kind == InputKind::Path && input.must_exist)
        .filter_map(|(name, _)| match values.given(name) {
            Some(Given::Text(path)) if !path.is_empty() => Some((name.clone(), path.clone())),
            Some(Given::Text(_) | Given::List(_) | Given::Command(_) | Given::Commands(_) | Given::Map(_)) | None => {
                None
            }
        })
        .collect()
}

fn files(manifest: &Manifest, values: &Values<'_>) -> Result<Vec<FileSpec>, PlanError> {
    let mut files = Vec::new();
    let written = |source: &FileSource| source.when.as_deref().is_none_or(|name| values.is_set(name));
    for (name, source) in manifest.files.iter().filter(|(_, source)| written(source)) {
        let content = match (&source.copy, &source.json) {
            (Some(copy), _) => manifest.attachments.get(copy).cloned().unwrap_or_default(),
            (None, Some(input)) => {
                let entries: Map<String, Value> = entries(Some(input), source, values)?.into_iter().collect();
                format!("{}\n", Value::Object(entries))
            }
            (None, None) => vars::vars_file(&entries(source.vars.as_deref(), source, values)?),
        };
        files.push(FileSpec {
            path: values.places.files.join(name),
            content,
            executable: false,
        });
    }
    Ok(files)
}

/// What goes into a file of values.
fn entries(
    input: Option<&str>,
    source: &FileSource,
    values: &Values<'_>,
) -> Result<BTreeMap<String, Value>, PlanError> {
    let mut entries = match input.and_then(|input| values.given(input)) {
        Some(Given::Map(entries)) => entries.clone(),
        Some(Given::Text(_) | Given::List(_) | Given::Command(_) | Given::Commands(_)) | None => BTreeMap::new(),
    };
    for (name, text) in &source.also {
        let value = values.expand_text(text)?;
        if !value.is_empty() {
            entries.insert(name.clone(), Value::String(value));
        }
    }
    Ok(entries)
}

impl StepPlan {
    /// The program and its arguments; empty where it starts none.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        self.action.argv()
    }

    /// The step as the runner gets it: `environment` is the whole composed list, `checkout` the folder of the worktree.
    #[must_use]
    pub fn into_spec(self, environment: Environment, checkout: &Path) -> StepSpec {
        let cwd = match self.cwd {
            Cwd::Folder(folder) => folder,
            Cwd::Checkout => checkout.to_owned(),
            Cwd::Nowhere => PathBuf::from("/"),
        };
        let must_exist = self.must_exist.into_iter().map(|(input, text)| Required {
            path: cwd.join(&text),
            input,
            shown: text,
        });
        StepSpec {
            must_exist: must_exist.collect(),
            name: self.name,
            action: self.action,
            cwd,
            environment,
            inactivity: self.inactivity,
            leftover: self.leftover,
            remote: self.remote,
            pty: self.pty,
            results: self.results,
            causes: self.causes,
        }
    }
}

/// Whether any of these steps runs in a checkout.
#[must_use]
pub fn needs_checkout(steps: &[StepPlan]) -> bool {
    steps.iter().any(|step| step.cwd == Cwd::Checkout)
}

fn choose<'m>(manifest: &'m Manifest, values: &Values<'_>) -> Result<&'m Form, PlanError> {
    let fits = |form: &&Form| form.when.iter().all(|name| values.inputs.is_given(name));
    manifest.forms.iter().find(fits).ok_or_else(|| PlanError::NoForm {
        provider: manifest.name.clone(),
        expected: manifest
            .forms
            .iter()
            .map(|form| quoted(&form.when, " with "))
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// A key that changes nothing is a mistake of the author: better said than ignored.
fn refuse_unused(manifest: &Manifest, form: &Form, values: &Values<'_>) -> Result<(), PlanError> {
    let mut names: Vec<&str> = form.when.iter().map(String::as_str).collect();
    let mut texts: Vec<&str> = form
        .folder
        .iter()
        .chain(&form.instructions)
        .map(String::as_str)
        .collect();
    for (argv, condition) in form.argvs() {
        names.extend(condition.into_iter().flat_map(|condition| condition.names()));
        for argument in argv {
            match argument {
                Argument::Text(text) => texts.push(text),
                Argument::Optional(optional) => {
                    names.extend(optional.condition().names());
                    texts.extend(optional.args.iter().map(String::as_str));
                }
                Argument::Each(each) => names.push(&each.each),
            }
        }
    }
    let exchanges: Vec<String> = form.exchanges().iter().map(serde_json::Value::to_string).collect();
    texts.extend(exchanges.iter().map(String::as_str));
    for variable in manifest.environment.values() {
        texts.push(variable.text());
        names.extend(variable.condition().into_iter().flat_map(|condition| condition.names()));
    }
    for source in manifest.files.values() {
        names.extend(
            [&source.vars, &source.json, &source.when]
                .into_iter()
                .flatten()
                .map(String::as_str),
        );
        texts.extend(source.also.values().map(String::as_str));
    }
    if manifest.dry_run == DryRun::Environment {
        names.push("dry_run");
    }
    for input in values.inputs.given_by_hand() {
        let has_default = (manifest.inputs.get(input)).is_some_and(|input| input.default.is_some());
        if !has_default && !values.inputs.is_given(input) {
            // `false` and empty say what is so without them: an environment takes back what its app asks for.
            continue;
        }
        let placeholder = format!("{{{{{input}}}}}");
        if !names.contains(&input) && !texts.iter().any(|text| text.replace(' ', "").contains(&placeholder)) {
            return Err(PlanError::UnusedInput {
                input: input.to_owned(),
                with: quoted(&form.when, " and "),
            });
        }
    }
    Ok(())
}

fn refuse_without_dry_run(manifest: &Manifest, values: &Values<'_>) -> Result<(), PlanError> {
    match manifest.dry_run {
        DryRun::Arguments => Ok(()),
        DryRun::Environment if values.inputs.is_given("dry_run") => Ok(()),
        DryRun::Environment => Err(PlanError::DryRunNotPromised),
        DryRun::None => Err(PlanError::NoDryRun {
            provider: manifest.name.clone(),
        }),
    }
}

pub(super) fn quoted<T: AsRef<str>>(names: &[T], separator: &str) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(separator)
}

fn step_name(action: &Action, index: usize, total: usize) -> String {
    let program = match action {
        Action::Command { argv } => argv
            .first()
            .map_or("", |program| program.rsplit('/').next().unwrap_or_default()),
        Action::Manual { .. } => "manual",
        Action::Request { .. } => "http",
    };
    if total == 1 {
        program.to_owned()
    } else {
        format!("{}: {program}", index + 1)
    }
}

#[cfg(test)]
mod tests;
