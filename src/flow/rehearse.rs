//! What every environment would run, found out without running anything.
//!
//! A made-up order is planned with the real manifest, for every task, so that a mistake in `with:` is told by `chima check` and
//! not by the first deployment. What only a request can bring, such as its ref, is not judged.

use serde_json::{Map, Value};

use crate::config::{App, Config, Environment};
use crate::domain::deployment::Order;
use crate::domain::names::{AppName, EnvironmentName, Sha, TaskName, shown};
use crate::domain::nearest::nearest;
use crate::provider::manifest::catalogue::Catalogue;
use crate::provider::manifest::{DryRun, Manifest};
use crate::provider::plan::error::PlanError;
use crate::provider::plan::inputs;
use crate::provider::plan::values::{PlanPlaces, SshPlaces};
use crate::provider::plan::{Plan, PlanContext, plan};
use crate::provider::template::Template;

/// Why deployments of an environment would end in `error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The app.
    pub app: AppName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The setting, key by key, as in `with` and `playbook`.
    pub setting: Vec<String>,
    /// What was found, and what was expected.
    pub text: String,
    /// What to do, where that is not plain from the text.
    pub hint: Option<String>,
    /// Whether the key itself is wrong, and not its value.
    pub wrong_key: bool,
}

impl SettingFault {
    /// In one line, for a log.
    #[must_use]
    pub fn line(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!(
            "`apps.{}.environments.{}`: {}{hint}",
            self.app, self.environment, self.text
        )
    }
}

/// One rehearsal.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal<'a> {
    /// Whose environment.
    pub app: &'a App,
    /// Which one.
    pub environment: &'a Environment,
    /// What would carry it out.
    pub manifest: &'a Manifest,
}

/// Everything that keeps an environment of the configuration from being deployed, as far as can be told without trying.
#[must_use]
pub fn faults(config: &Config, catalogue: &Catalogue) -> Vec<SettingFault> {
    let mut faults = Vec::new();
    for app in &config.apps {
        for environment in &app.environments {
            match catalogue.find(&environment.provider) {
                Some(manifest) => faults.extend(
                    Rehearsal {
                        app,
                        environment,
                        manifest,
                    }
                    .faults(),
                ),
                None => faults.push(SettingFault {
                    app: app.name.clone(),
                    environment: environment.name.clone(),
                    setting: vec!["provider".to_owned()],
                    text: catalogue.absence(&environment.provider),
                    hint: None,
                    wrong_key: false,
                }),
            }
        }
    }
    faults
}

/// A plan that failed, and of which orders.
struct Failure {
    error: PlanError,
    tasks: Vec<TaskName>,
    only_in_dry_runs: bool,
}

impl Rehearsal<'_> {
    /// What would be run for one task. `has_files` says whether the files that forms look for are there.
    ///
    /// # Errors
    /// The first thing that is wrong with the values.
    pub fn plan(&self, task: &TaskName, noop: bool, has_files: bool) -> Result<Plan, PlanError> {
        let environment = self.environment;
        let given = environment.secrets.keys().chain(environment.secret_files.keys());
        let given: Vec<&str> = given.map(String::as_str).collect();
        self.plan_with(task, noop, has_files, &given)
    }

    fn plan_with(&self, task: &TaskName, noop: bool, has_files: bool, secrets: &[&str]) -> Result<Plan, PlanError> {
        let environment = self.environment;
        let secret = environment.secrets.keys().chain(environment.secret_files.keys());
        let variables = environment.env.keys().chain(&environment.inherit_env).chain(secret);
        let variables: Vec<&str> = variables.map(String::as_str).collect();
        let context = PlanContext {
            requested: &Map::new(),
            places: &self.places(),
            has_file: &|_| has_files,
            secrets,
            variables: &variables,
            declared: environment.hosts.as_deref().unwrap_or_default(),
        };
        plan(self.manifest, &environment.with, &self.order(task, noop), &context)
    }

    fn faults(&self) -> Vec<SettingFault> {
        let Some(task) = self.environment.tasks.first() else {
            return Vec::new();
        };
        let single = inputs::faults(self.manifest, &self.environment.with, &self.order(task, false));
        let unknown = single
            .iter()
            .filter(|error| matches!(error, PlanError::UnknownInput { .. }));
        let unknown: Vec<SettingFault> = unknown.map(|error| self.fault(error, "")).collect();
        if !unknown.is_empty() {
            // A misspelt key would make every further message doubtful.
            return unknown;
        }
        let failures = self.failures();
        let mut faults: Vec<SettingFault> = self
            .missing_secrets()
            .iter()
            .map(|error| self.fault(error, ""))
            .collect();
        for failure in &failures {
            let mut when = String::new();
            if failure.tasks.len() < self.environment.tasks.len() {
                let tasks: Vec<String> = failure.tasks.iter().map(|task| format!("`{task}`")).collect();
                when = format!(" (for task {})", tasks.join(", "));
            }
            if failure.only_in_dry_runs {
                when.push_str(" (in a dry run)");
            }
            faults.push(self.fault(&failure.error, &when));
        }
        // A plan stops at the first key that is wrong; here are the others.
        let others = single.iter().filter(|error| !self.depends_on_request(error));
        let others = others.filter(|error| failures.iter().all(|failure| failure.error != **error));
        faults.extend(others.map(|error| self.fault(error, "")));
        faults
    }

    fn failures(&self) -> Vec<Failure> {
        let secrets: Vec<&str> = self.manifest.secrets.keys().map(String::as_str).collect();
        let mut failures: Vec<Failure> = Vec::new();
        let dry_runs: &[bool] = match self.manifest.dry_run {
            DryRun::None => &[false],
            DryRun::Arguments | DryRun::Environment => &[false, true],
        };
        for noop in dry_runs {
            for task in &self.environment.tasks {
                for has_files in [false, true] {
                    let Err(error) = self.plan_with(task, *noop, has_files, &secrets) else {
                        continue;
                    };
                    if error == PlanError::DryRunNotPromised || self.depends_on_request(&error) {
                        continue;
                    }
                    match failures.iter_mut().find(|failure| failure.error == error) {
                        Some(failure) if failure.tasks.contains(task) => {}
                        Some(failure) => failure.tasks.push(task.clone()),
                        None => failures.push(Failure {
                            error,
                            tasks: vec![task.clone()],
                            only_in_dry_runs: *noop,
                        }),
                    }
                }
            }
        }
        failures
    }

    fn missing_secrets(&self) -> Vec<PlanError> {
        let environment = self.environment;
        let is_given =
            |name: &str| environment.secrets.contains_key(name) || environment.secret_files.contains_key(name);
        let required = self.manifest.secrets.iter().filter(|(_, wanted)| wanted.required);
        required
            .filter(|(name, _)| !is_given(name))
            .map(|(name, _)| PlanError::MissingSecret {
                provider: self.manifest.name.clone(),
                secret: name.clone(),
            })
            .collect()
    }

    /// Whether the value is the request's, which is not here to be judged.
    fn depends_on_request(&self, error: &PlanError) -> bool {
        let (PlanError::PatternMismatch { input, .. } | PlanError::TooLong { input, .. }) = error else {
            return false;
        };
        let by_hand = self.key_of(input).and_then(|key| self.environment.with.get(&key));
        let default = || self.manifest.inputs.get(input).and_then(|input| input.default.as_ref());
        by_hand.or_else(default).is_some_and(|value| names(value, "ref"))
    }

    /// The key of `with` that gives an input, which may be an alias.
    fn key_of(&self, input: &str) -> Option<String> {
        let is_meant = |key: &&String| match self.manifest.find_input(key) {
            Some((name, _)) => name == input,
            None => shown(key) == input,
        };
        self.environment.with.keys().find(is_meant).cloned()
    }

    fn fault(&self, error: &PlanError, when: &str) -> SettingFault {
        let mut setting = vec!["with".to_owned()];
        setting.extend(error.input().and_then(|input| self.key_of(input)));
        let mut hint = None;
        if let PlanError::MissingSecret { .. } = error {
            setting = vec!["secrets".to_owned()];
        }
        if let PlanError::ReservedVariable { variable, .. } = error {
            setting = self.variable(variable);
        }
        if let PlanError::UnknownInput { found, .. } = error {
            let known = self.manifest.inputs.iter();
            let known = known.flat_map(|(name, input)| std::iter::once(name).chain(&input.aliases));
            hint = nearest(found, known.map(String::as_str));
        }
        SettingFault {
            app: self.app.name.clone(),
            environment: self.environment.name.clone(),
            setting,
            text: format!("{error}{when}"),
            hint: hint.map(|name| format!("did you mean `{name}`?")),
            wrong_key: matches!(error, PlanError::UnknownInput { .. } | PlanError::UnusedInput { .. }),
        }
    }

    /// The setting that names a variable.
    fn variable(&self, name: &str) -> Vec<String> {
        let environment = self.environment;
        let maps = [
            ("env", environment.env.contains_key(name)),
            ("secrets", environment.secrets.contains_key(name)),
            ("secret_files", environment.secret_files.contains_key(name)),
        ];
        match maps.into_iter().find(|(_, holds)| *holds) {
            Some((map, _)) => vec![map.to_owned(), name.to_owned()],
            None => vec!["inherit_env".to_owned()],
        }
    }

    fn order(&self, task: &TaskName, noop: bool) -> Order {
        Order {
            app: self.app.name.clone(),
            environment: self.environment.name.clone(),
            sha: Sha::null(),
            git_ref: Sha::null().into(),
            task: task.clone(),
            hosts: Vec::new(),
            noop,
        }
    }

    /// Where the run's own files would be, in words: their folders do not exist.
    fn places(&self) -> PlanPlaces {
        let ssh = self.environment.ssh.as_ref().map(|ssh| SshPlaces {
            config: "RUN/home/.ssh/config".into(),
            key: ssh.key.as_ref().map(|_| "RUN/own/ssh/key".into()),
            known_hosts: Some(ssh.known_hosts.clone().unwrap_or_else(|| "~/.ssh/known_hosts".into())),
        });
        PlanPlaces {
            files: "RUN/own/files".into(),
            results: "RUN/own/results.jsonl".into(),
            tmp: "RUN/tmp".into(),
            ssh,
        }
    }
}

/// Whether a text of the value holds this placeholder.
fn names(value: &Value, placeholder: &str) -> bool {
    match value {
        Value::String(text) => {
            Template::parse(text).is_ok_and(|template| template.placeholders().any(|name| name == placeholder))
        }
        Value::Array(items) => items.iter().any(|item| names(item, placeholder)),
        Value::Object(fields) => fields.values().any(|field| names(field, placeholder)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
