//! `chima providers`: what can be run on this machine, what is missing for it, and who uses it.
//!
//! Programs are asked for their versions, nothing else is started. Everything is told as text for a terminal without colours, or
//! as JSON.

use std::path::PathBuf;

use futures_util::StreamExt;
use futures_util::stream;

use crate::config::suggest;
use crate::config::{App, Config, Environment};
use crate::provider::manifest::catalogue::{Broken, Catalogue, Entry};
use crate::provider::manifest::support::Program;
use crate::provider::probe::{Probe, probe};

mod forms;
mod json;
mod list;
mod one;
mod text;

/// How many programs are asked for their version at once.
const AT_ONCE: usize = 4;

/// Where programs are looked for.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The `PATH` of this process, which commands get too.
    pub path: String,
    /// An empty folder, so that a program that is asked for its version finds nobody's settings and leaves nothing behind.
    pub home: PathBuf,
}

impl Machine {
    /// What a program that is asked for its version gets beside its `PATH`.
    #[must_use]
    pub fn variables(&self) -> [(String, String); 1] {
        [("HOME".to_owned(), self.home.display().to_string())]
    }
}

/// Providers, held against a machine and a configuration.
#[derive(Debug)]
pub struct Survey<'a> {
    providers: Vec<Surveyed<'a>>,
    broken: Vec<&'a Broken>,
    /// The configuration, or why there is none.
    config: Result<&'a Config, &'a str>,
    /// Whether one was asked for by its name.
    of_one: bool,
}

/// One provider.
#[derive(Debug)]
struct Surveyed<'a> {
    entry: &'a Entry,
    programs: Vec<(&'a Program, Probe)>,
    used_by: Vec<(&'a App, &'a Environment)>,
}

/// A name that no provider has.
#[derive(Debug, thiserror::Error)]
#[error("there is no provider `{name}`; {hint}")]
pub struct NoSuchProvider {
    name: String,
    hint: String,
}

/// Asks the machine about all providers, or about one.
///
/// # Errors
/// When there is none of this name.
pub async fn survey<'a>(
    catalogue: &'a Catalogue,
    only: Option<&str>,
    config: Result<&'a Config, &'a str>,
    machine: &Machine,
) -> Result<Survey<'a>, NoSuchProvider> {
    let is_meant = |name: &str| only.is_none_or(|only| only == name);
    let variables = machine.variables();
    let ask = async |program: &'a Program| (program, probe(program, &machine.path, &variables).await);
    let mut providers = Vec::new();
    for entry in catalogue.entries().filter(|entry| is_meant(&entry.manifest.name)) {
        // in the order of the manifest, which `buffered` keeps
        let programs = stream::iter(&entry.manifest.programs).map(ask).buffered(AT_ONCE);
        providers.push(Surveyed {
            entry,
            programs: programs.collect().await,
            used_by: config.map_or_else(|_| Vec::new(), |config| users(config, &entry.manifest.name)),
        });
    }
    let broken: Vec<&Broken> = catalogue
        .broken()
        .iter()
        .filter(|broken| only.is_none() || broken.name.as_deref() == only)
        .collect();
    match only {
        Some(name) if providers.is_empty() && broken.is_empty() => Err(NoSuchProvider::new(name, catalogue)),
        Some(_) | None => Ok(Survey {
            providers,
            broken,
            config,
            of_one: only.is_some(),
        }),
    }
}

fn users<'a>(config: &'a Config, provider: &str) -> Vec<(&'a App, &'a Environment)> {
    let environments = config
        .apps
        .iter()
        .flat_map(|app| app.environments.iter().map(move |environment| (app, environment)));
    environments
        .filter(|(_, environment)| environment.provider == provider)
        .collect()
}

impl<'a> Survey<'a> {
    /// For a person.
    #[must_use]
    pub fn text(&self) -> String {
        match (self.of_one, self.providers.first()) {
            (true, Some(surveyed)) => one::one(self, surveyed),
            (true, None) => list::broken(&self.broken),
            (false, _) => list::list(self),
        }
    }

    /// For a script.
    #[must_use]
    pub fn json(&self) -> String {
        json::lines(self)
    }

    /// The pages that explain them.
    #[must_use]
    pub fn readme(&self) -> String {
        let page = |surveyed: &Surveyed<'_>| {
            let none = || {
                format!(
                    "`{}` has no README.md beside its manifest\n",
                    surveyed.entry.manifest.name
                )
            };
            surveyed.entry.readme().unwrap_or_else(none)
        };
        self.providers.iter().map(page).collect()
    }

    /// Whether all that the configuration uses can be used.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_used = |name: &str| self.config.is_ok_and(|config| !users(config, name).is_empty());
        let stands_in = |name: &str| self.providers.iter().any(|own| own.entry.manifest.name == name);
        let names = self.broken.iter().filter_map(|broken| broken.name.as_deref());
        let mut used_and_broken = names.filter(|name| is_used(name) && !stands_in(name));
        used_and_broken.next().is_none() && self.lacking().next().is_none()
    }

    /// Providers that the configuration uses, each with a required program that is missing.
    fn lacking(&self) -> impl Iterator<Item = (&Surveyed<'a>, &'a Program)> {
        let used = self.providers.iter().filter(|surveyed| !surveyed.used_by.is_empty());
        used.flat_map(|surveyed| surveyed.lacks().map(move |program| (surveyed, program)))
    }
}

impl NoSuchProvider {
    fn new(name: &str, catalogue: &Catalogue) -> Self {
        let known: Vec<&str> = catalogue.iter().map(|manifest| manifest.name.as_str()).collect();
        let hint = suggest::hint(name, &known).unwrap_or_else(|| "`chima providers` lists them".to_owned());
        Self {
            name: name.to_owned(),
            hint,
        }
    }
}

impl<'a> Surveyed<'a> {
    fn lacks(&self) -> impl Iterator<Item = &'a Program> {
        let absent = self.programs.iter().filter(|(_, probe)| *probe == Probe::Absent);
        absent.map(|(program, _)| *program).filter(|program| !program.optional)
    }
}

#[cfg(test)]
mod tests;
