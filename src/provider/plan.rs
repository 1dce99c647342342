//! From a manifest and the values of one run to the steps that will be executed: pure.
//!
//! Values come from three places of different trust: `with:` of the configuration (its author decides what runs), the order
//! (checked forms of `domain`), and a deployment's payload (only inputs that are declared open, taken literally).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::deployment::Order;
use crate::provider::environment::{Environment, host_list};
use crate::provider::manifest::{Argument, CommandLine, Form, Kind, Leftover, Manifest, RUN_WORDS};
use crate::provider::spec::StepSpec;
use crate::provider::template::{MalformedTemplate, Template};

pub mod inputs;

use crate::provider::plan::inputs::{Given, Inputs};

/// One step, before it is known where the checkout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// For people: the program's name, numbered where there are several steps.
    pub name: String,
    /// The program and its arguments, final.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: Cwd,
    /// What the manifest adds to the variables.
    pub environment: Environment,
    /// How long it may take.
    pub timeout: Duration,
    /// How long it may stay silent.
    pub inactivity: Option<Duration>,
    /// What becomes of processes that outlive it.
    pub leftover: Leftover,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cwd {
    /// In a fresh checkout of the order's commit.
    Checkout,
    /// In an existing folder.
    Folder(PathBuf),
}

/// What the plan needs beyond the order.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// What the deployment's payload wants to fill; refused unless the input is open.
    pub requested: &'a Map<String, Value>,
    /// `timeout_seconds` of the environment, which wins over the manifest's.
    pub timeout: Option<Duration>,
    /// Used where neither says anything.
    pub default_timeout: Duration,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `with:` holds something the provider does not have.
    #[error("provider `{provider}` has no input `{found}`; inputs: {known}")]
    UnknownInput {
        /// The provider.
        provider: String,
        /// The key as found.
        found: String,
        /// What there is.
        known: String,
    },
    /// A required input is missing.
    #[error("provider `{provider}` needs the input `{input}` in `with`")]
    MissingInput {
        /// The provider.
        provider: String,
        /// The input.
        input: String,
    },
    /// Two spellings of one input.
    #[error("input `{input}` is given twice, by its name and by an alias")]
    GivenTwice {
        /// The input.
        input: String,
    },
    /// Not the input's type.
    #[error("input `{input}` is {found}; expected {expected}")]
    WrongType {
        /// The input.
        input: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Not the input's form.
    #[error("input `{input}` is `{found}`; expected text that matches `{pattern}`")]
    PatternMismatch {
        /// The input.
        input: String,
        /// The text, shortened and with its teeth drawn.
        found: String,
        /// The pattern.
        pattern: String,
    },
    /// Longer than any input may be.
    #[error("input `{input}` has {found} bytes; expected at most {limit}")]
    TooLong {
        /// The input.
        input: String,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A payload wants to fill an input that is not open to it.
    #[error("input `{input}` cannot be filled by a deployment's payload")]
    NotOpen {
        /// The input.
        input: String,
    },
    /// A placeholder that does not exist.
    #[error("`{{{{{placeholder}}}}}` in input `{input}` is unknown; known: {known}")]
    UnknownPlaceholder {
        /// The name between the braces.
        placeholder: String,
        /// Where it stands.
        input: String,
        /// What there is.
        known: String,
    },
    /// Braces that form no placeholder.
    #[error(transparent)]
    Malformed(#[from] MalformedTemplate),
    /// No form of the manifest fits what is given.
    #[error("provider `{provider}` cannot tell what to run; expected one of {expected} in `with`")]
    NoForm {
        /// The provider.
        provider: String,
        /// The combinations there are.
        expected: String,
    },
    /// Something is given that the chosen form does not use.
    #[error("input `{input}` is not used together with {with}; remove one of them")]
    UnusedInput {
        /// The input.
        input: String,
        /// What decided the form.
        with: String,
    },
    /// A value would become an option.
    #[error("argument `{found}` begins with `-` because of a value; put fixed text before the placeholder")]
    LeadingDash {
        /// The argument.
        found: String,
    },
    /// A command without a program.
    #[error("a command of provider `{provider}` is empty; expected a program and its arguments")]
    EmptyCommand {
        /// The provider.
        provider: String,
    },
    /// No argument can hold a NUL byte.
    #[error("argument `{found}` holds a NUL byte")]
    HoldsNul {
        /// The argument.
        found: String,
    },
    /// A kind that is not a process.
    #[error("provider `{provider}` is of kind `{kind:?}`, which runs no command")]
    NotACommand {
        /// The provider.
        provider: String,
        /// Its kind.
        kind: Kind,
    },
}

/// The steps of one run.
///
/// # Errors
/// The first thing that is wrong with the values.
pub fn plan(
    manifest: &Manifest,
    with: &Map<String, Value>,
    order: &Order,
    context: &PlanContext<'_>,
) -> Result<Vec<StepPlan>, PlanError> {
    if manifest.kind != Kind::Command {
        return Err(PlanError::NotACommand {
            provider: manifest.name.clone(),
            kind: manifest.kind,
        });
    }
    let inputs = Inputs::gather(manifest, with, order, context.requested)?;
    let form = choose(manifest, &inputs)?;
    refuse_unused(form, &inputs)?;

    let cwd = match &form.folder {
        Some(folder) => Cwd::Folder(PathBuf::from(expand_text(folder, &inputs, order)?)),
        None => Cwd::Checkout,
    };
    let mut environment = Environment::default();
    for (name, text) in &manifest.environment {
        environment.set(name, &expand_text(text, &inputs, order)?);
    }
    let argvs = command_lines(manifest, form, &inputs, order)?;
    let timeout = context
        .timeout
        .or(manifest.timeout_seconds.map(Duration::from_secs))
        .unwrap_or(context.default_timeout);
    let total = argvs.len();
    Ok(argvs
        .into_iter()
        .enumerate()
        .map(|(index, argv)| StepPlan {
            name: step_name(&argv, index, total),
            argv,
            cwd: cwd.clone(),
            environment: environment.clone(),
            timeout,
            inactivity: manifest.inactivity_seconds.map(Duration::from_secs),
            leftover: manifest.leftover,
        })
        .collect())
}

impl StepPlan {
    /// The step as the runner gets it: `environment` is the whole composed list, `checkout` the folder of the worktree.
    #[must_use]
    pub fn into_spec(self, environment: Environment, checkout: &Path) -> StepSpec {
        let cwd = match self.cwd {
            Cwd::Folder(folder) => folder,
            Cwd::Checkout => checkout.to_owned(),
        };
        StepSpec {
            name: self.name,
            argv: self.argv,
            cwd,
            environment,
            timeout: self.timeout,
            inactivity: self.inactivity,
            leftover: self.leftover,
        }
    }
}

/// Whether any of these steps runs in a checkout.
#[must_use]
pub fn needs_checkout(steps: &[StepPlan]) -> bool {
    steps.iter().any(|step| step.cwd == Cwd::Checkout)
}

fn choose<'m>(manifest: &'m Manifest, inputs: &Inputs<'_>) -> Result<&'m Form, PlanError> {
    let fits = |form: &&Form| form.when.iter().all(|name| inputs.is_given(name));
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
fn refuse_unused(form: &Form, inputs: &Inputs<'_>) -> Result<(), PlanError> {
    let mut texts: Vec<&str> = form.folder.iter().map(String::as_str).collect();
    let mut names: Vec<&str> = form.when.iter().map(String::as_str).collect();
    let lines = form
        .command
        .iter()
        .chain(form.commands.iter().flatten().filter_map(|line| match line {
            CommandLine::Argv(argv) => Some(argv),
            CommandLine::List(_) => None,
        }));
    for argument in lines.flatten() {
        match argument {
            Argument::Text(text) => texts.push(text),
            Argument::Optional { when, args } => {
                names.push(when);
                texts.extend(args.iter().map(String::as_str));
            }
        }
    }
    for input in inputs.given_by_hand() {
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

fn command_lines(
    manifest: &Manifest,
    form: &Form,
    inputs: &Inputs<'_>,
    order: &Order,
) -> Result<Vec<Vec<String>>, PlanError> {
    let mut lines = Vec::new();
    if let Some(argv) = &form.command {
        lines.push(arguments(argv, inputs, order)?);
    }
    for line in form.commands.iter().flatten() {
        match line {
            CommandLine::Argv(argv) => lines.push(arguments(argv, inputs, order)?),
            CommandLine::List(text) => {
                let template = Template::parse(text)?;
                match template.whole().and_then(|name| inputs.find(name)) {
                    Some(Given::Commands(commands)) => lines.extend(commands.iter().cloned()),
                    _ => {
                        return Err(PlanError::EmptyCommand {
                            provider: manifest.name.clone(),
                        });
                    }
                }
            }
        }
    }
    for argv in &lines {
        if argv.first().is_none_or(String::is_empty) {
            return Err(PlanError::EmptyCommand {
                provider: manifest.name.clone(),
            });
        }
        if let Some(found) = argv.iter().find(|argument| argument.contains('\0')) {
            return Err(PlanError::HoldsNul {
                found: crate::domain::names::shown(found),
            });
        }
    }
    if lines.is_empty() {
        return Err(PlanError::EmptyCommand {
            provider: manifest.name.clone(),
        });
    }
    Ok(lines)
}

fn arguments(argv: &[Argument], inputs: &Inputs<'_>, order: &Order) -> Result<Vec<String>, PlanError> {
    let mut out = Vec::new();
    for argument in argv {
        match argument {
            Argument::Text(text) => push_argument(text, inputs, order, &mut out)?,
            Argument::Optional { when, args } => {
                if inputs
                    .find(when)
                    .map_or_else(|| !run_word(when, order).unwrap_or_default().is_empty(), Given::is_set)
                {
                    args.iter()
                        .try_for_each(|text| push_argument(text, inputs, order, &mut out))?;
                }
            }
        }
    }
    Ok(out)
}

fn push_argument(text: &str, inputs: &Inputs<'_>, order: &Order, out: &mut Vec<String>) -> Result<(), PlanError> {
    let template = Template::parse(text)?;
    match template.whole().and_then(|name| inputs.find(name)) {
        // What an argv holds was written by the configuration's author, options included.
        Some(Given::Command(words)) => out.extend(words.iter().cloned()),
        Some(Given::List(items)) => {
            for item in items {
                refuse_dash(item)?;
                out.push(item.clone());
            }
        }
        _ => {
            let expanded = expand(&template, inputs, order)?;
            if template.starts_with_placeholder() {
                refuse_dash(&expanded)?;
            }
            out.push(expanded);
        }
    }
    Ok(())
}

fn refuse_dash(argument: &str) -> Result<(), PlanError> {
    if argument.starts_with('-') {
        return Err(PlanError::LeadingDash {
            found: crate::domain::names::shown(argument),
        });
    }
    Ok(())
}

fn expand_text(text: &str, inputs: &Inputs<'_>, order: &Order) -> Result<String, PlanError> {
    expand(&Template::parse(text)?, inputs, order)
}

fn expand(template: &Template, inputs: &Inputs<'_>, order: &Order) -> Result<String, PlanError> {
    template.expand(|name| match inputs.find(name) {
        Some(given) => Ok(given.as_text()),
        None => run_word(name, order)
            .or_else(|| inputs.declares(name).then(String::new))
            .ok_or_else(|| unknown_placeholder(name, "the manifest")),
    })
}

/// The value of a run, where `name` is one of [`RUN_WORDS`].
fn run_word(name: &str, order: &Order) -> Option<String> {
    match name {
        "environment" => Some(order.environment.to_string()),
        "sha" => Some(order.sha.to_string()),
        "ref" => Some(order.git_ref.to_string()),
        "task" => Some(order.task.to_string()),
        "hosts" => Some(host_list(&order.hosts)),
        "app" => Some(order.app.to_string()),
        _ => None,
    }
}

fn unknown_placeholder(placeholder: &str, input: &str) -> PlanError {
    PlanError::UnknownPlaceholder {
        placeholder: placeholder.to_owned(),
        input: input.to_owned(),
        known: quoted(&RUN_WORDS, ", "),
    }
}

fn quoted<T: AsRef<str>>(names: &[T], separator: &str) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(separator)
}

fn step_name(argv: &[String], index: usize, total: usize) -> String {
    let program = argv
        .first()
        .map_or("", |program| program.rsplit('/').next().unwrap_or_default());
    if total == 1 {
        program.to_owned()
    } else {
        format!("{}: {program}", index + 1)
    }
}

#[cfg(test)]
mod tests;
